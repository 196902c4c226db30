"""What a run costs, before it is started: the price as it is now, what was spent, and what the budget allows."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from pydantic import SecretStr

from kling_ui.errors import AuthenticationError, KlingUIError, RunError
from kling_ui.languages import say, say_all
from kling_ui.options import Provider, Resolution, TransferOptions
from kling_ui.pauses import PausedError, PauseScope
from kling_ui.presentation.model_sentences import engine_label, offer_price, schema_stop_words, schema_words
from kling_ui.presentation.price_sentences import (
    ALREADY_ON_KLING,
    FREE,
    NO_PRICE_YET,
    RUN,
    RUN_ON_KLING,
    SHOW_IT,
    leaving_words,
    price_words,
    refusal_words,
    run_label,
    spending_sentence,
)
from kling_ui.presentation.request_code import WITHOUT_CORRECTIONS, CodeRequest, snippets
from kling_ui.presentation.runs import in_words
from kling_ui.quotas import Usage
from kling_ui.runs.pricing import Quote, foreseen_usage
from kling_ui.runs.record import EngineName, RunInputs, Terms
from kling_ui.runs.submission import NoTokenError
from kling_ui.ui.browser_values import RunRequest, model_of, read_request_json, read_shown_rate, shown_rate_value
from kling_ui.ui.event_payload import choice_of, entries_of, error_text, payload, text_of
from kling_ui.ui.handlers.account import refused_line
from kling_ui.ui.services import Services
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.ui.visitors import Visitor, visitor_of
from kling_ui.ui.web.client_address import app_url_of

MAX_USD = 1.0  # what code allows a run to cost while no price is known


class PriceHandlers:
    """Handlers of what the chosen engine costs.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def cost(
        self, engine: str, video: SlotValue | None, visitor: str, model: object, request: gr.Request
    ) -> tuple[dict[str, Any], Any, dict[str, Any], Any, Any]:
        """Say what a run of this clip costs, beside the button and on it, and let the page carry the rate.

        A visitor's token that RunComfy does not accept makes room for another one: its field comes back with the
        reason.

        Returns:
            The price, the button, the rate, and the token's two parts.
        """
        as_it_is = gr.skip(), gr.skip()
        services, who = self._services(), visitor_of(visitor, request)
        terms = services.terms(who)
        if engine != EngineName.KLING:
            stop = stop_value(await services.runner.admission.refusal(terms.quota_keys, Usage(previews=1)))
            return {"words": FREE} | stop, gr.update(value=RUN), {}, *as_it_is
        token = services.tokens.use(who.token_key)
        choice = TransferOptions(model=model_of(model))
        if lacks_token(services, token, terms, choice):
            stop = stop_value(await services.runner.admission.refusal(terms.quota_keys, Usage(runs=1), is_paid=True))
            return {"engine": engine, "words": NO_PRICE_YET} | stop, gr.update(value=RUN_ON_KLING), {}, *as_it_is
        try:
            duration_s = await self._duration_s(video, request)
            quote = await services.runner.quote(duration_s, token=token, terms=terms, choice=choice)
            value = {"engine": engine} | await budget_value(services, who, token, quote) | price_value(quote)
        except Exception as error:  # noqa: BLE001  told in words
            tone = "block" if isinstance(error, AuthenticationError) else "warn"
            said, field = str(error_text(error)), as_it_is
            if isinstance(error, AuthenticationError) and token is not None:
                services.tokens.wipe(who.token_key)
                field = gr.update(visible=True), refused_line(services, said, who)
            return {"engine": engine, "words": said, "tone": tone}, gr.update(value=RUN_ON_KLING), {}, *field
        return value, gr.update(value=run_label(quote)), shown_rate_value(quote.rate_usd), *as_it_is

    async def offered(self, engine: str, visitor: str, model: object, request: gr.Request) -> Any:
        """Offer the models that Kling's providers list at this moment, each with its price; nothing for a preview."""
        services, who = self._services(), visitor_of(visitor, request)
        terms, token = services.terms(who), services.tokens.use(who.token_key)
        if engine != EngineName.KLING:
            return gr.update(visible=False)
        try:
            offers = await services.runner.models(token=token, terms=terms)
        except KlingUIError:  # the price says why
            offers = ()
        if len(offers) < 2:
            return gr.update(choices=[], value=None, visible=False)
        ids = [offer.model_id for offer in offers]
        chosen = model if model in ids else next((one.model_id for one in offers if one.is_usual), ids[0])
        choices = [(f"{offer.name}\n{offer_price(offer)}", offer.model_id) for offer in offers]
        return gr.update(choices=choices, value=chosen, visible=True)

    async def leaving(self, engine: str, carried: dict[str, Any] | None, model: object = None) -> Any:
        """Say before a run on Kling what it sends to RunComfy, and how; nothing while there is nothing to run."""
        services = self._services()
        asked = RunRequest.from_value(carried, services.signed_files) if engine == EngineName.KLING else None
        if asked is None:
            return gr.update(leaves={})
        try:
            choice = replace(asked.choice, model=model_of(model))
            planned = await services.runner.foresee_deliveries(replace(asked, choice=choice).inputs(findings=None))
        except Exception as error:  # noqa: BLE001  told in words
            return gr.update(leaves={"words": str(error_text(error)), "stops": True})
        return gr.update(leaves={"words": leaving_words(planned, choice), "prompt": asked.choice.prompt})

    async def as_code(  # noqa: PLR0917  Gradio passes values by position
        self,
        engine: str,
        carried: dict[str, Any] | None,
        shown_rate: dict[str, Any] | None,
        resolution: str,
        model: object,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Give the request that the button would send as JSON and as code; nothing while there is nothing to run."""
        services = self._services()
        asked = RunRequest.from_value(carried, services.signed_files)
        if asked is None:
            return {}
        settings, rate_usd = services.settings, read_shown_rate(shown_rate)
        duration_s = (await services.preflight.video_facts(asked.video)).duration_s
        code = snippets(
            CodeRequest(
                engine=choice_of(engine, EngineName.PREVIEW),
                image=asked.image.name,
                video=asked.video.name,
                image_url=asked.image_url,
                video_url=asked.video_url,
                choice=replace(asked.choice, resolution=choice_of(resolution, Resolution.P720), model=model_of(model)),
                max_usd=math.ceil(round(100 * rate_usd * duration_s, 6)) / 100 if rate_usd else MAX_USD,
                api_base=settings.api_base,
                model_id=model_of(model) or settings.model_id,
                app_url=app_url_of(settings, None if request.request is None else request.request.scope),
            )
        )
        note = WITHOUT_CORRECTIONS if asked.corrections else ""
        return {"snippets": [snippet._asdict() for snippet in code], "note": note}

    async def on_json(self, event: gr.EventData) -> tuple[Any, Any, Any, Any, Any]:
        """Choose what a person wrote of a request as JSON; what they left out stays."""
        told: dict[str, Any] = {"number": time.monotonic_ns()}
        try:
            wanted = read_request_json(text_of(payload(event).get("text")))
        except KlingUIError as error:
            kept = gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return *kept, gr.update(filled=told | {"words": str(error_text(error)), "is_fault": True})
        chosen = [wanted.get(name, gr.skip()) for name in ("orientation", "keep_sound", "prompt", "resolution")]
        return *chosen, gr.update(filled=told | {"words": say("Taken over."), "is_fault": False})

    async def _duration_s(self, video: SlotValue | None, request: gr.Request) -> float | None:
        """Measure the clip that is really sent: trimmed or mended, where it was."""
        services = self._services().for_request(request)
        path = services.signed_files.open(entries_of(video).get("ref"))
        try:
            return (await services.preflight.video_facts(path)).duration_s if path else None
        except KlingUIError:
            return None


async def budget_value(services: Services, who: Visitor, token: SecretStr | None, quote: Quote) -> dict[str, Any]:
    """Say what was spent, where there is anything to say, and what stands in the way."""
    runner, terms = services.runner, services.terms(who)
    budget = runner.budget.sharing(terms.share_usd if token is None else None)
    spending = await runner.spending(who.owner, own_token=token is not None, terms=terms)
    spent = spending_sentence(budget, spending) if budget.is_set or spending.session_usd or spending.day_usd else ""
    if (refusal := budget.refusal(spending, quote.estimate_usd)) is not None:
        stop, way_out = refusal_words(refusal)
        return {"spent": spent, "stop": stop, "way_out": way_out}
    closed = await runner.admission.refusal(terms.quota_keys, foreseen_usage(quote, token), is_paid=True)
    return {"spent": spent} | stop_value(closed)


async def offer_value(services: Services, inputs: RunInputs, who: Visitor) -> dict[str, Any]:
    """Offer a run on Kling: what it may cost, what it sends, what stands in the way, and what the button says.

    Raises:
        KlingUIError: The price cannot be read with this token, or there is no way for a file.
    """
    runner = services.runner
    if await runner.already(inputs, engine=EngineName.KLING, visitor=who.owner) is not None:
        return {"words": ALREADY_ON_KLING, "label": SHOW_IT}
    token, terms = services.tokens.use(who.token_key), services.terms(who)
    if lacks_token(services, token, terms, inputs.choice):
        return {"stop": NO_PRICE_YET, "wants_token": True}
    quote = await runner.quote(inputs.known_duration_s, token=token, terms=terms, choice=inputs.choice)
    leaves = leaving_words(await runner.foresee_deliveries(inputs), inputs.choice)
    value = await budget_value(services, who, token, quote) | price_value(quote) | shown_rate_value(quote.rate_usd)
    if inputs.choice.model:
        value["more"] = f"{value.get('more', '')} {engine_label(EngineName.KLING, inputs.choice)}.".strip()
    return value | {
        "model": inputs.choice.model,
        "leaves": f"{leaves} “{inputs.choice.prompt}”",
        "label": run_label(quote),
    }


def is_token_wanted(error: Exception) -> bool:
    """Tell whether another token would help."""
    return isinstance(error, AuthenticationError | NoTokenError)


def lacks_token(services: Services, token: SecretStr | None, terms: Terms, choice: TransferOptions) -> bool:
    """Tell whether nobody's token or key opens a model for this visitor."""
    settings = services.settings
    if choice.provider is Provider.FAL:
        return settings.fal_key is None or not terms.app_token
    return token is None and (settings.token is None or not terms.app_token)


def stop_value(closed: KlingUIError | None) -> dict[str, Any]:
    """Show beforehand why a run would not be let in; nothing where it would."""
    if closed is None:
        return {}
    said = in_words(closed)
    stops_all = isinstance(closed, PausedError) and closed.pause.scope is PauseScope.ALL
    return {"stop": said.message, "way_out": said.advice, "stops_all": stops_all}


def price_value(quote: Quote) -> dict[str, Any]:
    """Show a price: what it may come to, how that is reckoned, and that it is no quote."""
    words, changed = price_words(quote), schema_words(quote.changes)
    if quote.rate_usd is None:
        return {"words": say_all(*words, changed), "tone": "warn"}
    tone = {} if quote.estimate_usd is None or changed else {"tone": "price"}  # a phone leaves out mere prices
    if any(change.stops for change in quote.changes):
        stop, way_out = schema_stop_words(quote.changes)
        return {"words": words.figure, "more": words.more, "stop": stop, "way_out": way_out} | tone
    return {"words": words.figure, "more": say_all(words.more, changed)} | tone


def refuse_bad_token(engine: EngineName, token_line: dict[str, Any] | None) -> None:
    """Never let the app's own token stand in for one that was typed wrongly.

    Raises:
        RunError: It was not accepted.
    """
    refused = text_of(entries_of(token_line).get("error"))
    if engine is EngineName.KLING and refused:
        raise RunError(refused)
