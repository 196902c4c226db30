"""What happens to a visitor's own token: read once out of its field, kept in memory, forgotten on request."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from pydantic import SecretStr

from kling_ui.errors import KlingUIError
from kling_ui.runs.record import EngineName
from kling_ui.ui.services import Services
from kling_ui.ui.tokens import token_of
from kling_ui.ui.visitors import known_visitor

# The field is emptied in the answer to the very event that reads it, because Gradio remembers a session's last values.
# It gets a bare value, never an update of properties: with such an update Gradio makes a new field and goes on
# remembering what was in the old one. So it is its place that is shown and hidden.
EMPTY = ""
FORGOTTEN = "Forgotten. A run that is under way keeps it until it ends."
NOT_READY = KlingUIError("The page was not ready yet.", advice="Enter the token again.")

Shown = tuple[Any, dict[str, Any]]  # the place of the field, and the line that stands for it


class TokenHandlers:
    """Handlers of the token's field, the only ones that read it.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def on_token(
        self, token: str, line: dict[str, Any] | None, engine: str, visitor: str
    ) -> tuple[str, Any, dict[str, Any]]:
        """Keep what was typed, and empty the field; a refused one stays refused until there is a better one."""
        owner = known_visitor(visitor)
        try:
            secret = token_of(token)
            if secret is not None:
                self._keep(owner, secret)
        except KlingUIError as error:
            return EMPTY, self._place(engine, owner), {"error": str(error)}
        refused = (line or {}).get("error") if secret is None else None
        return EMPTY, self._place(engine, owner), {"error": refused} if refused else self._line(engine, owner)

    def on_look(self, engine: str, visitor: str) -> Shown:
        """Show the field, or that a token is kept: the kept one may be gone by now."""
        owner = known_visitor(visitor)
        return self._place(engine, owner), self._line(engine, owner)

    def on_engine(self, engine: str, visitor: str) -> tuple[Any, dict[str, Any], Any, Any]:
        """Show what the chosen engine needs and takes.

        Returns:
            The token's two parts, the history, which offers to recover paid runs, and the size of a preview.
        """
        is_free = engine == EngineName.PREVIEW
        return *self.on_look(engine, visitor), gr.update(engine=engine), gr.update(visible=is_free)

    def on_forget(self, engine: str, visitor: str) -> Shown:
        """Forget the token."""
        owner = known_visitor(visitor)
        was_kept = self._is_kept(owner)
        self._services().tokens.wipe(owner or "")
        return self._place(engine, owner), {"words": FORGOTTEN} if was_kept else {}

    def _keep(self, visitor: str | None, token: SecretStr) -> None:
        if visitor is None:
            raise NOT_READY
        self._services().tokens.keep(visitor, token)

    def _is_kept(self, visitor: str | None) -> bool:
        return visitor is not None and self._services().tokens.holds(visitor)

    def _place(self, engine: str, visitor: str | None) -> Any:
        return gr.update(visible=engine == EngineName.KLING and not self._is_kept(visitor))

    def _line(self, engine: str, visitor: str | None) -> dict[str, Any]:
        if engine != EngineName.KLING or visitor is None or not self._is_kept(visitor):
            return {}
        return {"kept_s": self._services().tokens.left_s(visitor)}
