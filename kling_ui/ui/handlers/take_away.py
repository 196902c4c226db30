"""What a person takes away of a run from the page, and the run cards that they bring back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from kling_ui.composition import draw_without_background
from kling_ui.corrections import read_corrections
from kling_ui.errors import RunError
from kling_ui.languages import english, in_english, say
from kling_ui.media.files import OnShare
from kling_ui.options import Layout
from kling_ui.presentation.result_sentences import CARD_NEEDED, NOTHING_ASKED, opened_words
from kling_ui.presentation.runs import entry_words
from kling_ui.quotas import Usage
from kling_ui.runs.export import Entry
from kling_ui.runs.record import EngineName
from kling_ui.runs.run_view import RunView
from kling_ui.takeaway.making import TakeAway, make_picture, picture_name, write_card, write_package
from kling_ui.takeaway.run_card import SUFFIX, RunCard, find_files, missing_names, read_card, view_of_card
from kling_ui.ui.event_payload import error_text, payload, text_of
from kling_ui.ui.handlers.run_display import DisplayUpdate, RunDisplay, refuse_unknown
from kling_ui.ui.services import Services
from kling_ui.ui.views.result import replay_value
from kling_ui.ui.visitors import Visitor, visitor_of

TELL_EVERY_S = 0.5
FILES_MAX = 12  # that are brought with a card

Value = dict[str, Any]
TRANSPARENT = "transparent"  # a preview without its background
_WHAT = {what.value: what for what in TakeAway} | {TRANSPARENT: TRANSPARENT}
_LAYOUTS = {layout.value: layout for layout in Layout}


class TakeOrder(NamedTuple):
    """What somebody wants to take away.

    Attributes:
        what: What it is, a :class:`TakeAway` or ``TRANSPARENT``.
        layout: The shape of a comparison.
        tell: Told how much of it is made, 0-1.
    """

    what: str
    layout: Layout
    tell: Callable[[float], None]


class TakeAwayHandlers:
    """Handlers of the menu below a result.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        display: Where tabs see runs; shared with whoever else shows them there.
    """

    def __init__(self, services: Callable[[], Services], display: RunDisplay) -> None:
        self._services = services
        self._display = display
        self._making: dict[str, asyncio.Task[Path]] = {}  # by tab

    async def on_take(self, visitor: str, event: gr.EventData, request: gr.Request) -> AsyncIterator[Any]:
        """Make what is asked for of a run, tell how far it is, and give its address."""
        given, who, tab = payload(event), visitor_of(visitor, request), request.session_hash or ""
        run_id = text_of(given.get("run_id"))
        what, layout = _WHAT.get(text_of(given.get("what"))), _LAYOUTS.get(text_of(given.get("layout")), Layout.STRIP)
        told: Value = {"run_id": run_id, "number": time.monotonic_ns()}
        share = [0.0]
        try:
            refuse_unknown(who)
            if what is None:
                raise RunError(NOTHING_ASKED)  # noqa: TRY301
            services = self._services().for_request(request)
            run = await services.runner.view(run_id, who.owner)
            order = TakeOrder(what, layout, lambda done: share.__setitem__(0, done))
            making = asyncio.create_task(_made(run, services, who, order), context=english())
        except Exception as error:  # noqa: BLE001  told in words
            yield gr.update(taken=told | {"error": str(error_text(error))})
            return
        self._stop(tab)
        self._making[tab] = making
        try:
            while not (await asyncio.wait({making}, timeout=TELL_EVERY_S))[0]:
                yield gr.update(taken=told | {"share": round(share[0], 2)})
            if making.cancelled():
                yield gr.update(taken=told | {"stopped": True})
                return
            path = making.result()
            url, name = services.signed_files.url(path), _name(run, what, path)
            yield gr.update(taken=told | {"url": url, "name": name})
        except Exception as error:  # noqa: BLE001  told in words
            yield gr.update(taken=told | {"error": str(error_text(error))})
        finally:
            making.cancel()  # whoever asked has left, if it is still going on
            if self._making.get(tab) is making:
                del self._making[tab]

    async def on_stop_take(self, request: gr.Request) -> None:
        """Call off what is being made for a tab; nothing half-written stays."""
        self._stop(request.session_hash or "")

    async def on_open_card(
        self, visitor: str, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[DisplayUpdate]:
        """Open a run card that was brought, with those of its files that were brought with it or are here already."""
        given, who = payload(event), visitor_of(visitor, request)
        refs = given.get("files")
        services, told = self._services().for_request(request), {"number": time.monotonic_ns()}
        uploads = services.signed_files.root / "uploads"
        try:
            refuse_unknown(who)
            opened = [services.signed_files.open(ref) for ref in (refs if isinstance(refs, list) else [])[:FILES_MAX]]
            brought = [path for path in opened if path is not None and path.is_relative_to(uploads)]
            card_file = services.signed_files.open(given.get("card"))
            if card_file is None or not card_file.is_relative_to(uploads):
                raise RunError(CARD_NEEDED)  # noqa: TRY301
            async with services.turn():  # files are read
                await asyncio.to_thread(services.upload_owners.note, [card_file, *brought], who.owner)
                card = await asyncio.to_thread(read_card, card_file)
                here = await _own_files(services, card.run_id, who)
                found = await asyncio.to_thread(find_files, card, [*brought, *here])
            view = view_of_card(card, found)
            words = opened_words(view, missing_names(card, found))
            player = replay_value(services.signed_files, card, view) | {"remark": words}
        except Exception as error:  # noqa: BLE001  told in words
            yield gr.skip(), gr.update(carded=told | {"error": str(error_text(error))}), gr.skip()
            return
        status, shown, history = self._display.show_replay(player, request.session_hash)
        yield status, gr.update(value=shown, carded=told | {"words": words}), history

    def _stop(self, tab: str) -> None:
        if (making := self._making.pop(tab, None)) is not None:
            making.cancel()


async def _made(run: RunView, services: Services, who: Visitor, order: TakeOrder) -> Path:
    if order.what == TRANSPARENT:
        return await without_background_of(run, services)
    if order.what in {TakeAway.CARD, TakeAway.PACKAGE}:
        return await card_of(run, services, who.owner, with_files=order.what == TakeAway.PACKAGE)
    return await picture_of(run, services, TakeAway(order.what), order.layout, order.tell)


async def _own_files(services: Services, run_id: str, who: Visitor) -> list[Path]:
    """The files of a visitor's own run, if it is one."""
    try:
        run = await services.runner.view(run_id, who.owner)
    except RunError:
        return []
    return [path for path in (run.image, run.reference, run.result) if path is not None]


def _name(run: RunView, what: str, path: Path) -> str:
    if what in {TakeAway.CARD, TakeAway.PACKAGE}:
        return path.name
    return f"{path.stem}-{run.engine.value}-{run.run_id[:8]}{path.suffix}"


@in_english
async def picture_of(
    run: RunView,
    services: Services,
    what: TakeAway = TakeAway.COMPARISON,
    layout: Layout = Layout.STRIP,
    on_progress: OnShare | None = None,
) -> Path:
    """Give a comparison, a contact sheet or a loop of a finished run, made the first time.

    Args:
        run: The run.
        services: Of whoever asks.
        what: Which of them.
        layout: The shape of a comparison.
        on_progress: Told how much of it is done, 0-1.

    Raises:
        RunError: It has no result.
        KlingUIError: There is no room for it, a clip cannot be read, or making it took too long.
    """
    path = _result_of(run, say("This run has no result to compare.")).with_name(picture_name(what, layout))
    if not path.is_file():
        services.store.floor.check()
        await make_picture(services.workers, run, what, path, layout=layout, on_progress=on_progress)
    return path


@in_english
async def card_of(run: RunView, services: Services, owner: str, *, with_files: bool) -> Path:
    """Give the card of a run as it is now, alone or with its files as a ZIP.

    Args:
        run: The run.
        services: Of whoever asks.
        owner: Whose it is.
        with_files: Give the ZIP.

    Raises:
        RunError: There is no such run of theirs.
        KlingUIError: There is no room for it, or a file cannot be read.
    """
    services.store.floor.check()
    record = await services.runner.record(run.run_id, owner)
    states = await services.runner.states(run.run_id, owner)
    entry = Entry(record, run, tuple(states), entry_words(run))
    folder = services.signed_files.root / "runs" / run.run_id
    async with services.turn():  # files are read and copied
        if not with_files:
            return await asyncio.to_thread(write_card, entry, folder, with_files=False)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        name = RunCard.of(entry).file_name.removesuffix(SUFFIX)
        return await asyncio.to_thread(write_package, entry, folder / f"{name}.zip")


async def without_background_of(run: RunView, services: Services) -> Path:
    """Give a finished preview without its background, a WebM with transparency, drawn the first time.

    Args:
        run: The run.
        services: Of whoever asks.

    Raises:
        RunError: It is no preview that could be drawn once more.
        KlingUIError: There is no room for it, a file cannot be read, or drawing it took too long.
    """
    path = _result_of(run, say("This run has no result.")).with_name("transparent.webm")
    if run.engine is not EngineName.PREVIEW or run.image is None or run.reference is None:
        raise RunError(say("Only a preview whose picture and clip are kept can be drawn without its background."))
    if not path.is_file():
        services.store.floor.check()
        await services.runner.admission.take(services.quota_keys, Usage(previews=1))  # it is drawn once more
        corrections = read_corrections(run.corrections) if run.corrections else None
        await draw_without_background(services.workers, (run.image, run.reference), path, run.choice, corrections)
    return path


def _result_of(run: RunView, otherwise: str) -> Path:
    if run.result is None:
        raise RunError(say("The files of this run are no longer kept here.") if run.files_gone else otherwise)
    return run.result
