"""Deleting all that is kept of a visitor, when they ask for it and have said so twice."""

import time
from collections.abc import Callable
from typing import Any

import gradio as gr

from kling_ui.errors import RunError
from kling_ui.presentation.erasure import erased_words
from kling_ui.ui.erasure import erase_visitor
from kling_ui.ui.event_payload import error_text
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import Visitor, known_visitor, new_visitor, visitor_of


class ErasureHandlers:
    """Handlers of "Delete my data".

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def on_erase(self, visitor: str, request: gr.Request) -> tuple[Any, Any, Any]:
        """Delete a visitor's data: the browser gets a new id and forgets its inputs, and the history says what went."""
        who, browser = visitor_of(visitor, request), known_visitor(visitor) or ""
        try:
            _refuse_unknown(who)
            data = await erase_visitor(self._services().for_request(request), who, browser)
        except Exception as error:  # noqa: BLE001  told in words
            return gr.skip(), gr.skip(), _told([str(error_text(error))], is_done=False)
        return new_visitor(), None, _told(erased_words(data), is_done=True)


def _refuse_unknown(who: Visitor) -> None:
    if not who.is_known:
        raise RunError("The page was not ready yet.", advice="Load it again.")


def _told(words: list[str], *, is_done: bool) -> Any:
    """Answer a person where they asked; the number lets the same answer be given twice."""
    return gr.update(told_erased={"words": " ".join(words), "done": is_done, "number": time.monotonic_ns()})
