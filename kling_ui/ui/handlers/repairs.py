"""What happens when a person presses a repair, stops it, or goes back: nothing changes until a repair is complete."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import ExitStack
from typing import Any

import gradio as gr

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.usability import forecast
from kling_ui.errors import KlingUIError
from kling_ui.languages import say
from kling_ui.options import InputKind, Orientation, TransferOptions
from kling_ui.presentation.price_sentences import part_words
from kling_ui.runs.pricing import Quote
from kling_ui.ui.browser_values import InputVersions, read_box, read_shown_rate, read_span
from kling_ui.ui.event_payload import LatestWins, choice_of, entries_of, error_text, payload, text_of
from kling_ui.ui.input_session import (
    AdjustmentOrder,
    InputAnalysis,
    InputRepairs,
    RepairOrder,
    RepairOutcome,
    RepairProgress,
)
from kling_ui.ui.services import Services
from kling_ui.ui.views import findings as repair_view
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.vision.analysis import VideoAnalysis

_Work = Callable[[InputRepairs, RepairProgress], Awaitable[RepairOutcome]]
RepairUpdate = tuple[Any, Any, Any]  # picture, clip, list of findings
CHECK_EVERY_S = 0.25
MAX_EARLY_STOPS = 256  # a stop overtakes its repair by seconds at most; the oldest are forgotten
MAX_PRESS_LETTERS = 64  # the page sends a UUID
SPEAK_EVERY_S = 2.0  # a page that has gone is noticed when it is next written to


class RepairHandlers:
    """Handlers of repairs.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        latest_wins: Shared with those who hand inputs in: what is new is never overwritten with what is repaired.
    """

    def __init__(self, services: Callable[[], Services], latest_wins: LatestWins | None = None) -> None:
        self._services = services
        self._latest_wins = latest_wins or LatestWins()
        self._under_way: dict[str | None, asyncio.Task[RepairOutcome]] = {}
        self._stopped_early: OrderedDict[tuple[str | None, str], None] = OrderedDict()  # overtook their repair

    async def on_repair(  # noqa: PLR0917  Gradio passes values by position
        self,
        event: gr.EventData,
        image: SlotValue | None,
        video: SlotValue | None,
        orientation: str,
        keep_sound: bool,
        request: gr.Request,
    ) -> AsyncIterator[RepairUpdate]:
        """Mend what was asked for, saying how far it is, and show the result in place of what was mended."""
        given, session = payload(event), request.session_hash
        if (session, _press_of(given)) in self._stopped_early:
            yield gr.skip(), gr.skip(), gr.update(repairing=repair_view.STOPPED)
            return
        order = self._order(given, entries_of(image), entries_of(video), _choice(orientation, keep_sound))
        async for value, task, ours in self._followed(lambda work, told: work.carry_out(order, told), request):
            if task is None:
                yield gr.skip(), gr.skip(), gr.update(repairing=value)
            else:
                yield _display(order, task, ours)

    async def on_adjust(  # noqa: PLR0917  Gradio passes values by position
        self,
        event: gr.EventData,
        image: SlotValue | None,
        video: SlotValue | None,
        orientation: str,
        keep_sound: bool,
        request: gr.Request,
    ) -> AsyncIterator[tuple[Any, Any]]:
        """Keep a part of one input's time or picture, or turn it, saying in its place how far that is.

        The event says which ``input``, and what of it: ``span`` (seconds), ``box`` (fractions), ``turns``.
        """
        given, session = payload(event), request.session_hash
        kind = choice_of(given.get("input"), InputKind.IMAGE)

        def shown(update: Any) -> tuple[Any, Any]:
            return (update, gr.skip()) if kind is InputKind.IMAGE else (gr.skip(), update)

        if (session, _press_of(given)) in self._stopped_early:
            yield shown(gr.update(adjusting=repair_view.STOPPED))
            return
        try:
            order = self._adjustment(
                kind, given, entries_of(image if kind is InputKind.IMAGE else video), _choice(orientation, keep_sound)
            )
        except KlingUIError as error:
            yield shown(gr.update(adjusting=repair_view.failed(error)))
            return
        async for value, task, ours in self._followed(lambda work, told: work.adjust(order, told), request):
            if task is None:
                yield shown(gr.update(adjusting=value))
            else:
                yield shown(_adjusted(order, task, is_ours=kind in ours))

    async def on_part(
        self, event: gr.EventData, video: SlotValue | None, shown_rate: dict[str, Any] | None, request: gr.Request
    ) -> Any:
        """Say what a part of the clip would cost and bring, while a person chooses it."""
        span, rate_usd = read_span(payload(event).get("span")), read_shown_rate(shown_rate)
        services = self._services().for_request(request)
        try:
            known = await InputAnalysis(lambda: services).known(InputKind.VIDEO, entries_of(video))
        except KlingUIError:
            known = None
        if span is None or not isinstance(known, VideoAnalysis):
            return gr.skip()
        part = forecast(known).part(*span)
        quote = Quote(rate_usd=rate_usd, unit="second", duration_s=part.duration_s) if rate_usd else None
        return gr.update(part={"span": list(span), "words": part_words(part, quote)})

    async def _followed(
        self, begin: _Work, request: gr.Request
    ) -> AsyncIterator[tuple[dict[str, Any], asyncio.Task[RepairOutcome] | None, Collection[InputKind]]]:
        """Do one piece of work on the inputs of a tab, in place of an older one.

        Yields:
            How far it is; at the end the task that is done, and the inputs that are still the same.
        """
        session, progress = request.session_hash, RepairProgress()
        services = self._services().for_request(request)
        if (older := self._under_way.get(session)) is not None:
            older.cancel()
        with ExitStack() as stack:
            ours = {kind: stack.enter_context(self._latest_wins.watch(session, kind)) for kind in InputKind}
            task = self._under_way[session] = asyncio.ensure_future(begin(InputRepairs(lambda: services), progress))
            try:
                async for value in _watched(task, progress):
                    yield value, None, ()
                if self._under_way.get(session) is task:  # else there is a newer one, which speaks for itself
                    yield {}, task, {kind for kind in InputKind if ours[kind]()}
            finally:
                task.cancel()
                if self._under_way.get(session) is task:
                    del self._under_way[session]

    async def on_stop(self, event: gr.EventData, request: gr.Request) -> None:
        """Stop what is being repaired, or is about to be; the inputs stay as they are."""
        session, press = request.session_hash, _press_of(payload(event))
        if (task := self._under_way.get(session)) is not None:
            task.cancel()
        elif press:
            self._stopped_early[session, press] = None
            while len(self._stopped_early) > MAX_EARLY_STOPS:
                self._stopped_early.popitem(last=False)

    async def on_undo_image(self, image: SlotValue | None, request: gr.Request) -> Any:
        """Go back to the picture before the newest repair."""
        return await self._undo(InputKind.IMAGE, entries_of(image), request)

    async def on_undo_video(self, video: SlotValue | None, request: gr.Request) -> Any:
        """Go back to the clip before the newest repair."""
        return await self._undo(InputKind.VIDEO, entries_of(video), request)

    async def on_undo_all(
        self, event: gr.EventData, image: SlotValue | None, video: SlotValue | None, request: gr.Request
    ) -> RepairUpdate:
        """Undo what the newest press of a repair did, as far as it still stands."""
        made, shown = (
            entries_of(payload(event).get("after")),
            {InputKind.IMAGE: entries_of(image), InputKind.VIDEO: entries_of(video)},
        )
        stands = [kind for kind in InputKind if kind in made and made[kind] == shown[kind].get("ref")]
        back = {kind: await self._undo(kind, shown[kind], request) for kind in stands}
        picture, clip = (back.get(kind, gr.skip()) for kind in InputKind)
        return picture, clip, gr.update(repairing={})

    @staticmethod
    async def on_choose(event: gr.EventData) -> tuple[Any, Any]:
        """Take over a choice that was advised, repaired or undone."""
        given = payload(event)
        orientation, keep_sound = given.get("orientation"), given.get("keep_sound")
        return (
            orientation if orientation in list(Orientation) else gr.skip(),
            keep_sound if isinstance(keep_sound, bool) else gr.skip(),
        )

    async def _undo(self, kind: InputKind, value: SlotValue, request: gr.Request) -> Any:
        with self._latest_wins.claim(request.session_hash, kind) as is_ours:
            try:
                services = self._services().for_request(request)
                back = await InputAnalysis(lambda: services).whole(kind, self._repaired(value).undone())
            except Exception as error:  # noqa: BLE001  told in words
                failure = error_text(error)
                return value | {"error": failure.message, "advice": failure.advice}
            return back | {"instead_of": value.get("ref")} if is_ours() else gr.skip()

    def _repaired(self, value: SlotValue) -> InputVersions:
        versions = InputVersions.from_value(value, self._services().signed_files)
        if versions is None or not versions.is_repaired:
            raise _gone()
        return versions

    def _adjustment(
        self, kind: InputKind, given: dict[str, Any], value: SlotValue, choice: TransferOptions
    ) -> AdjustmentOrder:
        versions = InputVersions.from_value(value, self._services().signed_files)
        if versions is None:
            raise _gone()
        turns = given.get("turns")
        span, box = read_span(given.get("span")), read_box(given.get("box"))
        return AdjustmentOrder(kind, versions, span, box, turns if turns in {1, 2, 3} else 0, choice)

    def _order(self, given: dict[str, Any], image: SlotValue, video: SlotValue, choice: TransferOptions) -> RepairOrder:
        asked = given.get("kinds")
        names = {name for name in asked if isinstance(name, str)} if isinstance(asked, list) else set()
        signed_files = self._services().signed_files
        return RepairOrder(
            kinds=frozenset(kind for kind in RepairKind if kind.value in names),
            span=read_span(given.get("span")),
            image=InputVersions.from_value(image, signed_files),
            video=InputVersions.from_value(video, signed_files),
            choice=choice,
        )


async def _watched(task: asyncio.Task[RepairOutcome], progress: RepairProgress) -> AsyncIterator[dict[str, Any]]:
    """Say how far a repair is whenever there is news, and now and then anyway, until it ends."""
    said: dict[str, Any] = {}
    said_at = asyncio.get_running_loop().time()
    while not task.done():
        now, value = asyncio.get_running_loop().time(), repair_view.running(progress)
        if value != said or now - said_at >= SPEAK_EVERY_S:
            said, said_at = value, now
            yield value
        await asyncio.wait({task}, timeout=CHECK_EVERY_S)


def _display(order: RepairOrder, task: asyncio.Task[RepairOutcome], ours: Collection[InputKind]) -> RepairUpdate:
    """Show what came of a repair; inputs that the person changed meanwhile stay as they are."""
    if task.cancelled():
        return gr.skip(), gr.skip(), gr.update(repairing=repair_view.STOPPED)
    if (error := task.exception()) is not None:
        failure = error_text(error) if isinstance(error, Exception) else KlingUIError(str(error))
        return gr.skip(), gr.skip(), gr.update(repairing=repair_view.failed(failure))
    values = {kind: value for kind, value in task.result().values.items() if kind in ours}
    picture, clip = (
        values[kind] | {"instead_of": values[kind]["past"][-1]["ref"]} if kind in values else gr.skip()
        for kind in InputKind
    )
    return picture, clip, gr.update(repairing=repair_view.done(order, task.result(), values))


def _adjusted(order: AdjustmentOrder, task: asyncio.Task[RepairOutcome], *, is_ours: bool) -> Any:
    """Show what came of an adjustment in the place of its input."""
    if task.cancelled():
        return gr.update(adjusting=repair_view.STOPPED)
    if (error := task.exception()) is not None:
        failure = error_text(error) if isinstance(error, Exception) else KlingUIError(str(error))
        return gr.update(adjusting=repair_view.failed(failure))
    if not is_ours:  # another file stands here by now
        return gr.update(adjusting={})
    value = task.result().values[order.kind]
    return gr.update(value=value | {"instead_of": value["past"][-1]["ref"]}, adjusting={"state": "done", "words": ""})


def _choice(orientation: str, keep_sound: object) -> TransferOptions:
    return TransferOptions("", choice_of(orientation, Orientation.VIDEO), bool(keep_sound))


def _press_of(given: dict[str, Any]) -> str:
    """Give the name that the browser gave to a press of a repair; an empty text where it has none."""
    return text_of(given.get("press"))[:MAX_PRESS_LETTERS]


def _gone() -> KlingUIError:
    return KlingUIError(say("The file from before is no longer kept here."), advice=say("Choose it again."))
