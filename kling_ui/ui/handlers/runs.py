"""Starting, cancelling, repeating and opening a run from the page; ``run_display`` shows it to the tab."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from kling_ui.corrections import read_corrections
from kling_ui.errors import RunError
from kling_ui.languages import say
from kling_ui.options import Resolution
from kling_ui.presentation.findings import report_json
from kling_ui.presentation.runs import cancel_words, start_words
from kling_ui.runs.record import EngineName
from kling_ui.runs.run_view import RunView
from kling_ui.runs.runner import RunInputs, Start
from kling_ui.ui.browser_values import RunRequest, files_of, model_of, read_shown_rate
from kling_ui.ui.event_payload import choice_of, entries_of, error_text, payload, run_in_address, text_of
from kling_ui.ui.fair_share import AttemptLimit
from kling_ui.ui.handlers.price import is_token_wanted, offer_value, refuse_bad_token
from kling_ui.ui.handlers.run_display import UNCHANGED, DisplayUpdate, RunDisplay, not_ready, refuse_unknown
from kling_ui.ui.services import Services
from kling_ui.ui.views.findings import verdict_view
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.ui.views.result import inputs_value
from kling_ui.ui.visitors import Visitor, visitor_of

Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PageRunOrder:
    """Who asks for a run, and what they were told before.

    Attributes:
        engine: Where it goes.
        who: Whose it is.
        shown_rate_usd: The rate that they were shown, if any.
    """

    engine: EngineName
    who: Visitor
    shown_rate_usd: float | None


class RunHandlers:
    """Handlers of the right column.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        recoveries: Counts how often somebody asks for a request by its id.
        display: Where tabs see runs; shared with whoever else shows them there.
    """

    def __init__(
        self,
        services: Callable[[], Services],
        recoveries: AttemptLimit | None = None,
        display: RunDisplay | None = None,
    ) -> None:
        self._services = services
        self._recoveries = AttemptLimit() if recoveries is None else recoveries
        self._display = display or RunDisplay(services)

    async def on_run(  # noqa: PLR0917  Gradio passes values by position
        self,
        run_request: Value | None,
        shown_rate: Value | None,
        engine: str,
        token_line: Value | None,
        resolution: str,
        visitor: str,
        model: object,
        request: gr.Request,
    ) -> AsyncIterator[DisplayUpdate]:
        """Start what the page carries as the person's request, and show it until it ends."""
        order = PageRunOrder(
            choice_of(engine, EngineName.PREVIEW), visitor_of(visitor, request), read_shown_rate(shown_rate)
        )
        try:
            refuse_unknown(order.who)
            refuse_bad_token(order.engine, token_line)
            is_preview = order.engine is EngineName.PREVIEW
            size = choice_of(resolution, Resolution.P720) if is_preview else Resolution.P720
            theirs = self._services().for_request(request)
            inputs = await _wanted(theirs, run_request, size, order.engine)
            if not is_preview:
                inputs = replace(inputs, choice=replace(inputs.choice, model=model_of(model)))
            start = await self._begin(inputs, order, theirs)
        except Exception as error:  # noqa: BLE001  told in words
            yield self._display.refuse(error, request.session_hash, engine=order.engine)
            return
        async for scene in self._show(start, order.who, request):
            yield scene

    async def on_again(
        self,
        run_request: Value | None,
        shown_rate: Value | None,
        visitor: str,
        event: gr.EventData,
        request: gr.Request,
    ) -> AsyncIterator[DisplayUpdate]:
        """Run once more what was run before, although there is a result, or nobody knows whether there is one."""
        who, run_id = visitor_of(visitor, request), text_of(payload(event).get("run_id"))
        engine = None
        try:
            refuse_unknown(who)
            theirs = self._services().for_request(request)
            run = await theirs.runner.view(run_id, who.owner)
            engine = run.engine
            order = PageRunOrder(engine, who, read_shown_rate(shown_rate))
            start = await self._begin(await _same(theirs, run, run_request, who.owner), order, theirs, again=True)
        except Exception as error:  # noqa: BLE001  told in words
            yield self._display.refuse(error, request.session_hash, engine=engine)
            return
        async for scene in self._show(start, who, request):
            yield scene

    async def on_kling_offer(
        self, token_line: Value | None, visitor: str, model: object, event: gr.EventData, request: gr.Request
    ) -> Any:
        """Say of a finished preview what its request costs on Kling, what would be sent, and what stands in the way."""
        who, run_id = visitor_of(visitor, request), text_of(payload(event).get("run_id"))
        told: Value = {"run_id": run_id, "number": time.monotonic_ns()}
        try:
            refuse_unknown(who)
            refuse_bad_token(EngineName.KLING, token_line)
            theirs = self._services().for_request(request)
            inputs = await _on_kling(theirs, await theirs.runner.view(run_id, who.owner), model_of(model))
            return gr.update(offer=told | await offer_value(theirs, inputs, who))
        except Exception as error:  # noqa: BLE001  told in words
            return gr.update(offer=told | {"stop": str(error_text(error)), "wants_token": is_token_wanted(error)})

    async def on_run_on_kling(
        self, token_line: Value | None, visitor: str, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[DisplayUpdate]:
        """Run the request of a finished preview on Kling at the price that was shown; both results stand together."""
        given, who = payload(event), visitor_of(visitor, request)
        run_id = text_of(given.get("run_id"))
        try:
            refuse_unknown(who)
            refuse_bad_token(EngineName.KLING, token_line)
            theirs = self._services().for_request(request)
            model = model_of(given.get("model"))
            inputs = await _on_kling(theirs, await theirs.runner.view(run_id, who.owner), model)
            start = await self._begin(inputs, PageRunOrder(EngineName.KLING, who, read_shown_rate(given)), theirs)
        except Exception as error:  # noqa: BLE001  told in words
            yield self._display.refuse(error, request.session_hash, engine=EngineName.KLING)
            return
        async for scene in self._show(start, who, request, beside=run_id):
            yield scene

    async def on_recover(self, visitor: str, event: gr.EventData, request: gr.Request) -> AsyncIterator[DisplayUpdate]:
        """Follow a request on by the id that a person found at the vendor; what fails is said where they asked.

        The app's own token asks for none that it did not make for this visitor: ids can be guessed.
        """
        asked, who, services = payload(event), visitor_of(visitor, request), self._services()
        run_id = text_of(asked.get("run_id")) or None
        try:
            refuse_unknown(who)
            self._recoveries.take(f"visitor {who.owner}", f"address {who.address}")
            start = await services.runner.recover(
                text_of(asked.get("request_id")),
                visitor=who.owner,
                token=services.tokens.use(who.token_key),
                run_id=run_id,
                terms=services.terms(who),
            )
        except Exception as error:  # noqa: BLE001  told in words
            note = _note(run_id or "", str(error_text(error)), passing=True)
            yield (note, gr.skip(), gr.skip()) if run_id else (gr.skip(), gr.skip(), note)
            return
        async for scene in self._show(start, who, request):
            yield scene

    async def on_inputs(
        self, image: SlotValue | None, video: SlotValue | None, visitor: str, request: gr.Request
    ) -> Any:
        """Let the inputs stand beside each other while there is no run to show, and note whose they are."""
        services, signed_files = self._services(), self._services().signed_files
        files = [path for value in (image, video) for path in files_of(value, signed_files)]
        await asyncio.to_thread(services.upload_owners.note, files, visitor_of(visitor, request).owner)
        shown = (signed_files.url(signed_files.open(entries_of(value).get("ref"))) for value in (image, video))
        return gr.update(pair=inputs_value(*shown))

    async def on_open(self, event: gr.EventData, visitor: str, request: gr.Request) -> AsyncIterator[DisplayUpdate]:
        """Show an earlier run, and follow it if it goes on."""
        run_id, who = text_of(payload(event).get("run_id")), visitor_of(visitor, request)
        if not who.is_known:
            yield self._display.refuse(not_ready(), request.session_hash)
            return
        if not run_id:  # the page's address names none any more
            yield await self._display.leave(who.owner, request.session_hash)
            return
        async for scene in self._display.show(run_id, who.owner, request.session_hash):
            yield scene

    async def on_return(self, visitor: str, request: gr.Request) -> AsyncIterator[DisplayUpdate]:
        """Show the run that the page's address names, else a visitor's newest one, and follow it if it goes on."""
        who = visitor_of(visitor, request)
        runs = await self._services().runner.history(who.owner) if who.is_known else []
        run_id = (run_in_address(request) if who.is_known else "") or (runs[0].run_id if runs else "")
        if not run_id:
            yield UNCHANGED
            return
        if any(run.needs_token for run in runs if run.run_id == run_id):
            await self._resume(who)
        async for scene in self._display.show(run_id, who.owner, request.session_hash, arrived=True):
            yield scene

    async def on_kept_token(self, visitor: str, request: gr.Request) -> AsyncIterator[DisplayUpdate]:
        """Follow a visitor's paid runs on that waited for the token, and show the first of them.

        What was refused for want of a token is no longer worth saying.
        """
        who = visitor_of(visitor, request)
        if not who.is_known:
            yield UNCHANGED
            return
        try:
            resumed = await self._resume(who)
        except Exception as error:  # noqa: BLE001  told in words
            yield self._display.refuse(error, request.session_hash)
            return
        if not resumed:
            is_settled = self._services().tokens.holds(who.token_key)
            yield (
                (gr.update(note={"settled": True, "number": time.monotonic_ns()}) if is_settled else gr.skip()),
                gr.skip(),
                gr.skip(),
            )
            return
        async for scene in self._display.show(resumed[0], who.owner, request.session_hash):
            yield scene

    async def on_cancel(self, event: gr.EventData, visitor: str, request: gr.Request) -> Any:
        """Ask a run to stop and say what that achieved."""
        run_id, who = text_of(payload(event).get("run_id")), visitor_of(visitor, request)
        try:
            refuse_unknown(who)
            words = cancel_words(await self._services().runner.cancel(run_id, who.owner))
        except Exception as error:  # noqa: BLE001  told in words
            words = str(error_text(error))
        return _note(run_id, words)

    async def _show(
        self, start: Start, who: Visitor, request: gr.Request, *, beside: str = ""
    ) -> AsyncIterator[DisplayUpdate]:
        words, tab = start_words(start.code), request.session_hash
        scenes = self._display.show(start.run_id, who.owner, tab, words=words, into_view=True, beside=beside)
        async for scene in scenes:
            yield scene

    @staticmethod
    async def _begin(inputs: RunInputs, order: PageRunOrder, services: Services, *, again: bool = False) -> Start:
        services.store.floor.check()
        token = services.tokens.use(order.who.token_key) if order.engine is EngineName.KLING else None
        async with services.turn():  # both files are read and copied
            return await services.runner.begin(
                inputs,
                engine=order.engine,
                visitor=order.who.owner,
                token=token,
                again=again,
                shown_rate_usd=order.shown_rate_usd,
                terms=services.terms(order.who),
            )

    async def _resume(self, who: Visitor) -> list[str]:
        token = self._services().tokens.use(who.token_key)
        return [] if token is None else await self._services().runner.resume(who.owner, token)


async def _wanted(services: Services, carried: Value | None, size: Resolution, engine: EngineName) -> RunInputs:
    """Give what the page carries, checked once more for where it goes."""
    run_request = RunRequest.from_value(carried, services.signed_files)
    if run_request is None:
        raise RunError(
            say("The inputs are not ready to run."), advice=say("See what the checks say beside the button.")
        )
    given = run_request.inputs(findings=None)
    report = await services.preflight.report(given.image, given.video, given.choice, given.corrections)
    report = report if engine is EngineName.KLING else report.for_preview()
    verdict = verdict_view(report, accepted=run_request.accepted, engine=engine)
    if verdict.tone == "block":
        raise RunError(verdict.text, advice=say("See what the checks say beside the button."))
    facts = await services.preflight.image_facts(run_request.image)
    picture = facts.width_px, facts.height_px
    is_more = size.frame_px(*picture) != Resolution.P720.frame_px(*picture)
    choice = replace(run_request.choice, resolution=size if is_more else Resolution.P720)
    return replace(run_request, choice=choice).inputs(findings=report_json(report))


async def _on_kling(services: Services, run: RunView, model: str) -> RunInputs:
    """Give the inputs of a preview as a model of Kling is asked for them, checked for it as those on the left are.

    Raises:
        RunError: They are not kept here, or the checks say that the run would fail.
    """
    if run.image is None or run.reference is None:
        raise RunError(say("The inputs of this run are not kept here."), advice=say("Choose both again."))
    choice = replace(run.choice, resolution=Resolution.P720, model=model)
    corrections = read_corrections(run.corrections) if run.corrections else None
    report = await services.preflight.report(run.image, run.reference, choice, corrections)
    verdict = verdict_view(report, accepted=False, engine=EngineName.KLING)
    if verdict.tone == "block":
        raise RunError(verdict.text, advice=say("Use its inputs on the left, where the checks say more."))
    findings = report_json(report)
    return RunInputs(image=run.image, video=run.reference, choice=choice, findings=findings, repaired=run.repaired)


async def _same(services: Services, run: RunView, carried: Value | None, owner: str) -> RunInputs:
    """Give a run's inputs: as they stand on the left, if they are the same, so that their addresses are used."""
    run_request = RunRequest.from_value(carried, services.signed_files)
    if run_request is not None:
        inputs = run_request.inputs(findings=run.findings)
        async with services.turn():  # both files are read
            standing = await services.runner.already(inputs, engine=run.engine, visitor=owner)
        if standing is not None and standing.run_id == run.run_id:
            return inputs
    if run.image is None or run.reference is None:
        raise RunError(say("The inputs of this run are not kept here."), advice=say("Choose both again."))
    corrections = read_corrections(run.corrections) if run.corrections else None
    return RunInputs(
        image=run.image, video=run.reference, choice=run.choice, findings=run.findings, corrections=corrections
    )


def _note(run_id: str, words: str, *, passing: bool = False) -> Any:
    """Answer a person in place; a passing answer goes with the run's next state.

    The number lets the same answer be given twice.
    """
    return gr.update(note={"run_id": run_id, "words": words, "passing": passing, "number": time.monotonic_ns()})
