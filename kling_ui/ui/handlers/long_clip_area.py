"""A clip beyond the limit on the page: offered in pieces, its cuts chosen, all run, and followed to one video."""

import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from kling_ui.checks.limits import DURATION_MAX_S
from kling_ui.checks.pieces import OVERLAP_S
from kling_ui.checks.report import Severity
from kling_ui.composition import Parts
from kling_ui.errors import KlingUIError, RunError
from kling_ui.languages import say, told
from kling_ui.long_clips.clip_plan import PlanResult, plan_clip, plan_result
from kling_ui.long_clips.piece_runs import NextFrom
from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.presentation.long_clip_sentences import offer_words
from kling_ui.presentation.price_sentences import NO_PRICE_YET
from kling_ui.quotas import Usage
from kling_ui.results import Progress
from kling_ui.run_orders import RunOrder
from kling_ui.runs.pricing import Quote
from kling_ui.runs.record import EngineName, RunInputs
from kling_ui.ui.browser_values import RunRequest, SavedInputs, model_of
from kling_ui.ui.event_payload import LatestWins, choice_of, entries_of, error_text, payload
from kling_ui.ui.handlers.price import budget_value, lacks_token, refuse_bad_token, stop_value
from kling_ui.ui.handlers.run_display import refuse_unknown
from kling_ui.ui.open_long_runs import LongRunOrder, OpenLongRun
from kling_ui.ui.services import Services
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.ui.views.long_clip import plan_value, work_value
from kling_ui.ui.visitors import Visitor, visitor_of

CUTS_MAX = 400  # more than ten minutes have room for
LOOKING = told("Looking at the whole clip.")

Value = dict[str, Any]


class LongClipHandlers:
    """Handlers of the area for a clip beyond the limit.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._latest_wins = LatestWins()

    async def on_clip(self, video: SlotValue | None, orientation: str, shown: Value | None, request: gr.Request) -> Any:
        """Offer to run the clip in pieces, if one run cannot take it whole."""
        services, facing = self._services(), choice_of(orientation, Orientation.VIDEO)
        path = services.signed_files.open(entries_of(video).get("ref"))
        with self._latest_wins.claim(request.session_hash, "clip") as is_ours:
            try:
                length_s = 0.0
                if path is not None:
                    length_s = (await services.for_request(request).preflight.video_facts(path)).duration_s
            except KlingUIError:  # the clip's own place tells it
                length_s = 0.0
            if not is_ours():
                return gr.skip()
        limit_s = DURATION_MAX_S[facing].value
        if length_s <= limit_s:
            return {}
        least = max(2, math.ceil((length_s - OVERLAP_S) / (limit_s - OVERLAP_S)))
        words, label = offer_words(length_s, limit_s, least)
        of = f"{facing.value} {entries_of(video).get('ref')}"
        if entries_of(shown).get("of") == of:  # what is known of a clip comes in several steps
            return gr.skip()
        return {"offer": words, "label": label, "of": of}

    async def on_plan(  # noqa: PLR0917  Gradio passes values by position
        self,
        video: SlotValue | None,
        orientation: str,
        engine: str,
        shown: Value | None,
        visitor: str,
        model: object,
        event: gr.EventData,
        request: gr.Request,
    ) -> AsyncIterator[Any]:
        """Look at the whole clip, show where it is cut and what that costs; with cuts of a person, judge those."""
        who = visitor_of(visitor, request)
        async for value in self._shown(payload(event), video, orientation, engine, shown, who, model, request):
            yield value

    async def on_engine(  # noqa: PLR0917  Gradio passes values by position
        self,
        video: SlotValue | None,
        orientation: str,
        engine: str,
        shown: Value | None,
        visitor: str,
        model: object,
        request: gr.Request,
    ) -> AsyncIterator[Any]:
        """Price the pieces that are shown for the engine and the model that are chosen now."""
        plan = entries_of(entries_of(shown).get("plan"))
        if not plan:
            yield gr.skip()
            return
        cuts = plan.get("cuts")
        given = [entries_of(cut).get("at_s") for cut in cuts] if isinstance(cuts, list) else []
        asked = {"cuts": given} if plan.get("is_by_hand") is True else {}
        who = visitor_of(visitor, request)
        async for value in self._shown(asked, video, orientation, engine, shown, who, model, request):
            yield value

    async def _shown(  # noqa: PLR0917
        self,
        asked: Value,
        video: SlotValue | None,
        orientation: str,
        engine: str,
        shown: Value | None,
        who: Visitor,
        model: object,
        request: gr.Request,
    ) -> AsyncIterator[Any]:
        offer = {name: entries_of(shown).get(name) for name in ("offer", "label", "of")}
        with self._latest_wins.claim(request.session_hash, "plan") as is_ours:
            if not entries_of(shown).get("plan"):
                yield gr.update(told={"words": LOOKING, "is_busy": True})
            try:
                for_engine = choice_of(engine, EngineName.PREVIEW)
                cuts = _cuts_in(asked)
                planned, stop = await self._planned(video, orientation, for_engine, cuts, who, model, request)
            except Exception as error:  # noqa: BLE001  told in words
                if is_ours():
                    yield gr.update(told={"words": str(error_text(error)), "is_fault": True})
                return
            if is_ours():
                is_free = for_engine is EngineName.PREVIEW
                plan = plan_value(planned, is_free=is_free, is_by_hand=cuts is not None) | {"stop": stop}
                plan["number"] = time.monotonic_ns()  # the same plan again is an answer, too
                yield gr.update(value=offer | {"plan": plan}, told={})

    async def on_start(  # noqa: PLR0917  Gradio passes values by position
        self,
        kept: object,
        accepted: bool,
        engine: str,
        token_line: Value | None,
        resolution: str,
        visitor: str,
        model: object,
        event: gr.EventData,
        request: gr.Request,
    ) -> AsyncIterator[Any]:
        """Run all pieces of the clip as it is shown to be cut, and show them until they are joined."""
        asked, who, services = payload(event), visitor_of(visitor, request), self._services()
        try:
            refuse_unknown(who)
            for_engine = choice_of(engine, EngineName.PREVIEW)
            refuse_bad_token(for_engine, token_line)
            services.store.floor.check()
            size = choice_of(resolution, Resolution.P720) if for_engine is EngineName.PREVIEW else Resolution.P720
            inputs = _inputs(services, kept, size)
            if for_engine is EngineName.KLING:
                inputs = replace(inputs, choice=replace(inputs.choice, model=model_of(model)))
            order = await self._order(inputs, for_engine, who, asked, accepted is True, request)
            opened = services.long_runs.start(services.runner, _parts(services, request), order)
        except Exception as error:  # noqa: BLE001  told in words
            yield gr.update(told={"words": str(error_text(error)), "is_fault": True})
            return
        yield gr.update(told={})
        async for value in _followed(opened):
            yield value

    async def on_return(self, visitor: str, request: gr.Request) -> AsyncIterator[Any]:
        """Show a visitor's long clip again that goes on, or ended, since the page was closed."""
        who = visitor_of(visitor, request)
        opened = self._services().long_runs.find(who.owner) if who.is_known else None
        if opened is None:
            yield gr.skip()
            return
        async for value in _followed(opened):
            yield value

    async def on_cancel(self, visitor: str, request: gr.Request) -> None:
        """Begin no further piece, and ask those under way to stop."""
        who = visitor_of(visitor, request)
        opened = self._services().long_runs.find(who.owner) if who.is_known else None
        if opened is not None and opened.is_under_way:
            await opened.cancel()

    async def _planned(  # noqa: PLR0917
        self,
        video: SlotValue | None,
        orientation: str,
        engine: EngineName,
        cuts: tuple[float, ...] | None,
        who: Visitor,
        model: object,
        request: gr.Request,
    ) -> tuple[PlanResult, str]:
        """Plan and price, and tell what stands in the way of all pieces together."""
        services = self._services()
        path = services.signed_files.open(entries_of(video).get("ref"))
        if path is None:
            raise RunError(say("Add a reference video."))
        facing = choice_of(orientation, Orientation.VIDEO)
        _, plan = await plan_clip(_parts(services, request), path, facing, OVERLAP_S, cuts)
        terms, sent = services.terms(who), len(plan.sent)
        quote = Quote(duration_s=plan.sent_s, needs_token=True)
        if engine is EngineName.PREVIEW:
            closed = await services.runner.admission.refusal(terms.quota_keys, Usage(previews=sent))
            return plan_result(path, plan, quote), _stop_words(stop_value(closed))
        token = services.tokens.use(who.token_key)
        choice = services.runner.usual(TransferOptions(model=model_of(model)))
        if lacks_token(services, token, terms, choice):
            return plan_result(path, plan, quote), NO_PRICE_YET
        quote = await services.runner.quote(plan.sent_s, token=token, terms=terms, choice=choice)
        stop = await budget_value(services, who, token, quote)
        return plan_result(path, plan, quote), _stop_words(stop)

    async def _order(  # noqa: PLR0917
        self,
        inputs: RunInputs,
        engine: EngineName,
        who: Visitor,
        asked: Value,
        accepted: bool,
        request: gr.Request,
    ) -> LongRunOrder:
        services = self._services()
        is_paid, token, max_usd = engine is EngineName.KLING, None, None
        if is_paid:
            kept = services.tokens.use(who.token_key)
            token = None if kept is None else kept.get_secret_value()
            max_usd = _shown_usd(asked.get("estimate_usd"))
        run = RunOrder(
            inputs=inputs,
            engine=engine,
            max_price_usd=max_usd,
            token=token,
            again=False,
            tell=_nobody,
        )
        accept: frozenset[str] = frozenset()
        if accepted:
            preflight = services.for_request(request).preflight
            report = await preflight.report(inputs.image, inputs.video, inputs.choice, inputs.corrections)
            accept = frozenset(one.rule for one in report.findings if one.override and one.severity is Severity.BLOCK)
        return LongRunOrder(
            run=run,
            owner=who.owner,
            terms=services.terms(who),
            overlap_s=OVERLAP_S,
            cuts=_cuts_in(asked),
            next_from=choice_of(asked.get("next_from"), NextFrom.PICTURE),
            accept=accept,
            skip_blocked=asked.get("skip_blocked") is True,
        )


def _nobody(_news: Progress) -> None:
    pass


def _parts(services: Services, request: gr.Request) -> Parts:
    return services.parts_in_line(None if request.request is None else request.request.scope)


def _inputs(services: Services, kept: object, size: Resolution) -> RunInputs:
    """Read both inputs and the choice as they stand on the left.

    Raises:
        RunError: One of them is missing.
    """
    saved = SavedInputs.from_value(kept, services.signed_files)
    if saved is None or saved.image is None or saved.video is None:
        raise RunError(
            say("A run takes both a character image and a reference video."), advice=say("Add what is missing.")
        )
    version = saved.image.current
    request = RunRequest(
        version.path,
        saved.video.current.path,
        replace(saved.choice, resolution=size),
        image_url=version.origin,
        corrections=version.corrections,
        image_repairs=version.repairs,
    )
    return request.inputs(findings=None)


def _cuts_in(asked: Value) -> tuple[float, ...] | None:
    """Read where a person cuts; ``None`` leaves it to the plan.

    Raises:
        RunError: These are no times.
    """
    given = asked.get("cuts")
    if not isinstance(given, list):
        return None
    if len(given) > CUTS_MAX or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in given
    ):
        raise RunError(say("Cuts are times in seconds."))
    return tuple(float(one) for one in given)


def _shown_usd(value: object) -> float:
    """Read the price of all pieces that stood on the button.

    Raises:
        RunError: None did.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise RunError(
            say("What all pieces cost is not known, so nothing was sent."),
            advice=say("Show the pieces again, or use the preview, which is free."),
        )
    return float(value)


def _stop_words(stop: Value) -> str:
    return " ".join(filter(None, (stop.get("stop", ""), stop.get("way_out", ""))))


async def _followed(opened: OpenLongRun) -> AsyncIterator[Any]:
    async for _ in opened.scenes():
        yield gr.update(work=work_value(opened))
