"""Showing one run to one tab: its state, its player and the visitor's history, for as long as the tab looks at it."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import gradio as gr

from kling_ui.runs.record import EngineName
from kling_ui.runs.view import RunView
from kling_ui.ui.attention import Attention
from kling_ui.ui.services import Services
from kling_ui.ui.trouble import in_words
from kling_ui.ui.views.history import history_value
from kling_ui.ui.views.player import player_value
from kling_ui.ui.views.run import refusal, status_value

Scene = tuple[Any, Any, Any]  # status, player, history
LOOK = {"look": True}
UNCHANGED: Scene = gr.skip(), gr.skip(), gr.skip()


class Stage:
    """Where a tab sees a run; the newest wish of a tab wins.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._attention = Attention()

    async def show(
        self, run_id: str, owner: str, tab: str | None, *, words: str = "", look: bool = False
    ) -> AsyncIterator[Scene]:
        """Show a run until it ends or the tab looks at another one.

        Args:
            run_id: The run.
            owner: Whose it must be.
            tab: The tab.
            words: Why this run is shown in place of a new one.
            look: The person has just asked for it: bring it into view.
        """
        shown: dict[str, Any] = {}
        with self._attention.claim(tab) as is_ours:
            try:
                async with aclosing(self._services().runner.watch(run_id, owner)) as views:
                    async for run in views:
                        if not is_ours():
                            yield UNCHANGED  # Gradio sends the last scene of an ended event once more
                            return
                        status, player, history = await self._scene(run, owner, shown, words)
                        yield status | LOOK if look else status, player, history
            except Exception as error:  # noqa: BLE001  told in words
                if is_ours():
                    yield refusal(in_words(error)), gr.skip(), gr.skip()

    def refuse(self, error: Exception, tab: str | None, *, engine: EngineName | None = None) -> Scene:
        """Show why something could not be done; whatever the tab looked at goes on without it.

        Args:
            error: What happened.
            tab: The tab.
            engine: Where a run should have gone.
        """
        with self._attention.claim(tab):
            return refusal(in_words(error), engine) | LOOK, gr.skip(), gr.skip()

    async def _scene(self, run: RunView, owner: str, shown: dict[str, Any], words: str) -> Scene:
        """Give what is new since the last time; unchanged players keep playing."""
        services = self._services()
        player, history = player_value(services.locker, run), gr.skip()
        if run.state is not shown.get("state"):
            history = await self._history(run, owner)
        if run.is_final and shown:
            words = ""  # it has gone on since
        fresh = gr.skip() if player == shown.get("player") else player
        shown.update(state=run.state, player=player)
        return status_value(run, words=words), fresh, history

    async def _history(self, run: RunView, owner: str) -> dict[str, Any]:
        services = self._services()
        runs = await services.runner.history(owner)
        steps = await services.runner.states(run.run_id, owner)
        return history_value(services.locker, runs, current=run.run_id, now=time.time(), steps=steps)
