"""Who has logged in, whose the runs of this browser are from then on, and deleting all that is kept of a visitor."""

import time
from collections.abc import Callable
from typing import Any

import gradio as gr
from pydantic import SecretStr

from kling_ui.errors import KlingUIError
from kling_ui.languages import say, told
from kling_ui.presentation.erasure import erased_words
from kling_ui.presentation.price_sentences import TOKEN_HINTS
from kling_ui.runs.record import EngineName
from kling_ui.ui.erasure import erase_visitor
from kling_ui.ui.event_payload import entries_of, error_text, text_of
from kling_ui.ui.handlers.run_display import refuse_unknown
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import (
    Visitor,
    account_of,
    known_visitor,
    may_use_app_token,
    new_visitor,
    token_hint,
    token_of,
    visitor_of,
)

# The field is emptied in the answer to the very event that reads it, because Gradio remembers a session's last values.
# It gets a bare value, never an update of properties: with such an update Gradio makes a new field and goes on
# remembering what was in the old one. So it is its place that is shown and hidden.
EMPTY = ""
FORGOTTEN = told("Forgotten. A run that is under way keeps it until it ends.")

Shown = tuple[Any, dict[str, Any]]  # the place of the field, and the line that stands for it


class AccountHandlers:
    """Handlers of a visitor's arrival.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def on_arrival(self, visitor: str, request: gr.Request) -> str:
        """Give a new visitor an id, which the browser keeps; what it stood for becomes the account's after a login.

        Whoever has the browser's id has made these runs. A token that was typed before the login is not taken over.
        """
        browser, who = known_visitor(visitor), visitor_of(visitor, request)
        if browser is not None and who.account is not None:
            services = self._services()
            services.tokens.wipe(browser)
            try:
                await services.runner.hand_over(browser, who.owner)
            except Exception as error:  # noqa: BLE001  told to the log; it is tried again at the next arrival
                error_text(error)
        return browser or new_visitor()

    @staticmethod
    async def on_account(request: gr.Request) -> dict[str, Any]:
        """Say who has logged in, or that nobody has."""
        account = account_of(request)
        return {} if account is None else {"name": account.name or say("your account")}


class TokenHandlers:
    """Handlers of the token's field, the only ones that read it.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def on_token(
        self, token: str, line: dict[str, Any] | None, engine: str, visitor: str, request: gr.Request
    ) -> tuple[str, Any, dict[str, Any]]:
        """Keep what was typed, and empty the field; a refused one stays refused until there is a better one."""
        who = visitor_of(visitor, request)
        try:
            secret = token_of(text_of(token))
            if secret is not None:
                self._keep(who, secret)
        except KlingUIError as error:
            return EMPTY, self._place(engine, who), refused_line(self._services(), str(error), who)
        refused = text_of(entries_of(line).get("error")) if secret is None else ""
        line = refused_line(self._services(), refused, who) if refused else self._line(engine, who)
        return EMPTY, self._place(engine, who), line

    def on_stale_token(self, engine: str, visitor: str, request: gr.Request) -> Shown:
        """Show the field, or that a token is kept: the kept one may be gone by now."""
        who = visitor_of(visitor, request)
        return self._place(engine, who), self._line(engine, who)

    def on_engine(self, engine: str, visitor: str, request: gr.Request) -> tuple[Any, dict[str, Any], Any]:
        """Show what the chosen engine needs: the token's two parts, and the history, which offers to recover runs."""
        return *self.on_stale_token(engine, visitor, request), gr.update(engine=engine)

    def on_forget(self, engine: str, visitor: str, request: gr.Request) -> Shown:
        """Forget the token."""
        who = visitor_of(visitor, request)
        was_kept = self._is_kept(who)
        self._services().tokens.wipe(who.token_key)
        return self._place(engine, who), {"words": FORGOTTEN} if was_kept else self._line(engine, who)

    def _keep(self, who: Visitor, token: SecretStr) -> None:
        if not who.is_known:
            raise _not_ready()
        self._services().tokens.keep(who.token_key, token)

    def _is_kept(self, who: Visitor) -> bool:
        return self._services().tokens.holds(who.token_key)

    def _place(self, engine: str, who: Visitor) -> Any:
        return gr.update(visible=engine == EngineName.KLING and not self._is_kept(who))

    def _line(self, engine: str, who: Visitor) -> dict[str, Any]:
        services = self._services()
        if engine != EngineName.KLING:
            return {}
        if self._is_kept(who):
            return {"kept_s": services.tokens.left_s(who.token_key)}
        code = token_hint(services.settings, who)
        hint = TOKEN_HINTS[code] if code else ""
        return {"words": hint} if hint else {}


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
            refuse_unknown(who)
            data = await erase_visitor(self._services().for_request(request), who, browser)
        except Exception as error:  # noqa: BLE001  told in words
            return gr.skip(), gr.skip(), _told([str(error_text(error))], is_done=False)
        return new_visitor(), None, _told(erased_words(data), is_done=True)


def refused_line(services: Services, why: str, who: Visitor) -> dict[str, Any]:
    """Say below the field why a token was refused, and whether the app's own may be used in its place."""
    settings = services.settings
    return {"error": why, "app_token": settings.token is not None and may_use_app_token(settings, who)}


def _not_ready() -> KlingUIError:
    return KlingUIError(say("The page was not ready yet."), advice=say("Enter the token again."))


def _told(words: list[str], *, is_done: bool) -> Any:
    """Answer a person where they asked; the number lets the same answer be given twice."""
    return gr.update(told_erased={"words": " ".join(words), "done": is_done, "number": time.monotonic_ns()})
