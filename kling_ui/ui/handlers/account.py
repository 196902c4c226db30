"""Who has logged in: what the page says of it, and whose the runs of this browser are from then on."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from kling_ui.ui.services import Services
from kling_ui.ui.trouble import in_words
from kling_ui.ui.visitors import account_of, known_visitor, new_visitor, visitor_of


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
                in_words(error)
        return browser or new_visitor()

    @staticmethod
    async def on_account(request: gr.Request) -> dict[str, Any]:
        """Say who has logged in, or that nobody has."""
        account = account_of(request)
        return {} if account is None else {"name": account.name or "your account"}
