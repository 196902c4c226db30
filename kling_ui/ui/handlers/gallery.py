"""What a person does among their runs: look through them, mark, name, delete, put back and compare them."""

import time
from collections.abc import Callable
from typing import Any

import gradio as gr

from kling_ui.presentation.gallery import vote_words
from kling_ui.runs.run_view import DeletionLoss
from kling_ui.ui.event_payload import choice_of, error_text, payload, text_of
from kling_ui.ui.handlers.run_display import DisplayUpdate, RunDisplay, refuse_unknown
from kling_ui.ui.services import Services
from kling_ui.ui.views.gallery import page_value, read_query
from kling_ui.ui.visitors import visitor_of

COMPARED_ASKED_MAX = 8  # ids that are looked at; how many may be compared is said by the gallery itself


class GalleryHandlers:
    """Handlers of the history.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        display: Where tabs see runs.
    """

    def __init__(self, services: Callable[[], Services], display: RunDisplay) -> None:
        self._services = services
        self._display = display

    async def on_browse(self, event: gr.EventData, visitor: str, request: gr.Request) -> Any:
        """Give the runs that a person looks for, or the next of them."""
        given, who = payload(event), visitor_of(visitor, request)
        told: dict[str, Any] = {"asked": given.get("asked"), "number": time.monotonic_ns()}
        try:
            refuse_unknown(who)
            services = self._services()
            page = await services.runner.gallery.page(who.owner, read_query(given))
            return gr.update(listed=told | page_value(services.signed_files, page, time.time()))
        except Exception as error:  # noqa: BLE001  told in words
            return gr.update(listed=told | {"words": str(error_text(error))})

    async def on_star(self, event: gr.EventData, visitor: str, request: gr.Request) -> Any:
        """Mark a run, or take the mark away."""
        given, who = payload(event), visitor_of(visitor, request)
        run_id = text_of(given.get("run_id"))
        try:
            refuse_unknown(who)
            await self._services().runner.gallery.star(run_id, who.owner, is_starred=given.get("starred") is True)
        except Exception as error:  # noqa: BLE001  told in words
            return _said(run_id, error)
        return gr.skip()

    async def on_rename(self, event: gr.EventData, visitor: str, request: gr.Request) -> Any:
        """Call a run by a name of its visitor's."""
        given, who = payload(event), visitor_of(visitor, request)
        run_id = text_of(given.get("run_id"))
        try:
            refuse_unknown(who)
            await self._services().runner.gallery.rename(run_id, who.owner, text_of(given.get("name")))
            return await self._display.history(run_id, who.owner)
        except Exception as error:  # noqa: BLE001  told in words
            return _said(run_id, error)

    async def on_delete(self, event: gr.EventData, visitor: str, request: gr.Request) -> DisplayUpdate:
        """Delete a run whose visitor was told what is lost with it; another one that is shown stays."""
        given, who = payload(event), visitor_of(visitor, request)
        run_id, current = text_of(given.get("run_id")), text_of(given.get("current"))
        try:
            refuse_unknown(who)
            losing = choice_of(given.get("loss"), DeletionLoss.UNDER_WAY)
            await self._services().runner.gallery.delete(run_id, who.owner, losing=losing)
            if current in {"", run_id}:
                return await self._display.leave(who.owner, request.session_hash, deleted=run_id)
            return gr.skip(), gr.skip(), await self._display.history(current, who.owner) | {"deleted": run_id}
        except Exception as error:  # noqa: BLE001  told in words
            return gr.skip(), gr.skip(), _said(run_id, error)

    async def on_restore(self, event: gr.EventData, visitor: str, request: gr.Request) -> Any:
        """Put a deleted run back among the others."""
        given, who = payload(event), visitor_of(visitor, request)
        run_id, current = text_of(given.get("run_id")), text_of(given.get("current"))
        try:
            refuse_unknown(who)
            await self._services().runner.gallery.restore(run_id, who.owner)
            return await self._display.history(current, who.owner) | {"restored": run_id}
        except Exception as error:  # noqa: BLE001  told in words
            return _said(run_id, error)

    async def on_compare_runs(self, event: gr.EventData, visitor: str, request: gr.Request) -> DisplayUpdate:
        """Show the results of some runs beside each other, and list in what they differ."""
        given, who = payload(event).get("run_ids"), visitor_of(visitor, request)
        run_ids = [text_of(run_id) for run_id in given[:COMPARED_ASKED_MAX]] if isinstance(given, list) else []
        try:
            refuse_unknown(who)
            runs = await self._services().runner.gallery.compared(who.owner, run_ids)
        except Exception as error:  # noqa: BLE001  told in words
            return gr.skip(), gr.skip(), _said("", error)
        return await self._display.compare(runs, request.session_hash)

    async def on_vote(self, event: gr.EventData, visitor: str, request: gr.Request) -> Any:
        """Keep a blind vote between results that are shown, and name them."""
        given, who = payload(event), visitor_of(visitor, request)
        asked = given.get("run_ids")
        run_ids = [text_of(run_id) for run_id in asked[:COMPARED_ASKED_MAX]] if isinstance(asked, list) else []
        told: dict[str, Any] = {"number": time.monotonic_ns()}
        try:
            refuse_unknown(who)
            best = text_of(given.get("preferred"))
            views, tally = await self._services().runner.gallery.vote(who.owner, run_ids, best)
        except Exception as error:  # noqa: BLE001  told in words
            return gr.update(voted=told | {"error": str(error_text(error))})
        return gr.update(voted=told | {"words": vote_words(views, best, tally)})


def _said(run_id: str, error: Exception) -> Any:
    """Answer a person where they did something to a run; the number lets the same answer be given twice."""
    return gr.update(said={"run_id": run_id, "words": str(error_text(error)), "number": time.monotonic_ns()})
