"""Where a tab sees runs: one with its state, its player and the visitor's history, or several beside each other."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import gradio as gr

from kling_ui.errors import RunError
from kling_ui.languages import say
from kling_ui.long_clips.long_result import JoinedFolder
from kling_ui.runs.record import EngineName
from kling_ui.runs.run_view import RunView
from kling_ui.ui.event_payload import LatestWins, error_text
from kling_ui.ui.services import Services
from kling_ui.ui.views.gallery import beside_value, compared_value, differences_value, history_value, results_beside
from kling_ui.ui.views.long_clip import joined_value
from kling_ui.ui.views.result import player_value
from kling_ui.ui.views.run_status import deleted as deleted_value
from kling_ui.ui.views.run_status import refusal, status_value
from kling_ui.ui.visitors import Visitor

DisplayUpdate = tuple[Any, Any, Any]  # status, player, history
INTO_VIEW = {"into_view": True}
UNCHANGED: DisplayUpdate = gr.skip(), gr.skip(), gr.skip()
# A scene that takes longer than this from here to its tab waits for a busy server; then the next one comes so many
# times later, so that a crowd of watchers leaves the server to others.
SCENE_QUICK_S, SCENE_REST_TIMES, SCENE_REST_MAX_S = 0.02, 20.0, 5.0


def rest_after(taken_s: float) -> float:
    """Tell for how many seconds a tab waits for its next scene when the last one took so many to leave."""
    return 0.0 if taken_s <= SCENE_QUICK_S else min(SCENE_REST_MAX_S, SCENE_REST_TIMES * taken_s)


class RunDisplay:
    """Where a tab sees a run; the newest request of a tab wins.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        sleep: Waits for so many seconds.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        services: Callable[[], Services],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._sleep, self._clock = sleep, clock
        self._latest_wins = LatestWins()

    async def show(
        self,
        run_id: str,
        owner: str,
        tab: str | None,
        *,
        words: str = "",
        into_view: bool = False,
        arrived: bool = False,
        beside: str = "",
    ) -> AsyncIterator[DisplayUpdate]:
        """Show a run until it ends or the tab looks at another one; of one that is not known here, that alone.

        Args:
            run_id: The run.
            owner: Whose it must be.
            tab: The tab.
            words: Why this run is shown in place of a new one.
            into_view: The person has just asked for it: bring it into view.
            arrived: It is shown because the page was opened.
            beside: Another run of theirs, whose result stands beside this one's once that is there.
        """
        shown: dict[str, Any] = {"arrived": arrived, "beside": beside}
        with self._latest_wins.claim(tab) as is_ours:
            try:
                async with aclosing(self._services().runner.watch(run_id, owner)) as views:
                    async for run in views:
                        if not is_ours():
                            yield UNCHANGED  # Gradio sends the last scene of an ended event once more
                            return
                        status, player, history = await self._scene(run, owner, shown, words)
                        began_s = self._clock()
                        yield status | INTO_VIEW if into_view else status, player, history
                        if not run.is_final and (rest_s := rest_after(self._clock() - began_s)):
                            await self._sleep(rest_s)
            except RunError as error:
                if is_ours():
                    yield refusal(error), {}, await self.history("", owner)
            except Exception as error:  # noqa: BLE001  told in words
                if is_ours():
                    yield refusal(error_text(error)), gr.skip(), gr.skip()

    async def leave(self, owner: str, tab: str | None, *, deleted: str = "") -> DisplayUpdate:
        """Show no run: the inputs stand in its place.

        Args:
            owner: Whose earlier runs are listed.
            tab: The tab.
            deleted: The run that was deleted, if that is why.
        """
        with self._latest_wins.claim(tab):
            listed = await self.history("", owner) | {"deleted": deleted}
            return deleted_value() if deleted else {}, {}, listed

    def refuse(self, error: Exception, tab: str | None, *, engine: EngineName | None = None) -> DisplayUpdate:
        """Show why something could not be done; whatever the tab looked at goes on without it.

        Args:
            error: What happened.
            tab: The tab.
            engine: Where a run should have gone.
        """
        with self._latest_wins.claim(tab):
            return refusal(error_text(error), engine) | INTO_VIEW, gr.skip(), gr.skip()

    async def _scene(self, run: RunView, owner: str, shown: dict[str, Any], words: str) -> DisplayUpdate:
        """Give what is new since the last time; unchanged players keep playing."""
        services = self._services()
        player, history = player_value(services.signed_files, run), gr.skip()
        joined = JoinedFolder.of(run) if run.is_final else None
        if joined is not None and (record := await asyncio.to_thread(joined.read)) is not None:
            player |= joined_value(services.signed_files, record)
        if shown["beside"] and run.is_final and run.result is not None:
            other = await services.runner.view(shown["beside"], owner)
            player |= {"results": results_beside(services.signed_files, (other, run))}
        if run.state is not shown.get("state"):
            history = await self.history(run.run_id, owner, run) | {"arrived": shown["arrived"]}
        if run.is_final and "state" in shown:
            words = ""  # it has gone on since
        fresh = gr.skip() if player == shown.get("player") else player
        shown.update(state=run.state, player=player)
        return status_value(run, words=words), fresh, history

    async def compare(self, runs: Sequence[RunView], tab: str | None) -> DisplayUpdate:
        """Show the results of several runs beside each other, in place of any single one."""
        signed_files = self._services().signed_files
        with self._latest_wins.claim(tab):
            told = differences_value(runs) | {"number": time.monotonic_ns()}
            return {}, compared_value(signed_files, runs), gr.update(compared=told)

    def show_replay(self, player: dict[str, Any], tab: str | None) -> DisplayUpdate:
        """Show the run of a card, in place of any run that is known here."""
        with self._latest_wins.claim(tab):
            return {}, player, gr.skip()

    async def history(self, current: str, owner: str, run: RunView | None = None) -> dict[str, Any]:
        """List a visitor's runs.

        Args:
            current: The one that is shown; empty when none is.
            owner: The visitor.
            run: That one, as far as it is known already.
        """
        services = self._services()
        overview = await services.runner.gallery.overview(owner)
        if current and run is None:
            run = next((one for one in overview.page.runs if one.run_id == current), None)
            run = run or await services.runner.view(current, owner)
        steps = await services.runner.states(current, owner) if current else ()
        other = None
        if run is not None and run.is_final and run.result is not None:
            other = await services.runner.gallery.other_engine(current, owner)
        now = time.time()
        value = history_value(services.signed_files, overview, current=current, now=now, steps=steps, shown=run)
        if run is not None and other is not None:
            value["about"] |= {"beside": beside_value(run, other)}
        return value


def not_ready() -> RunError:
    """Say that nothing is done for a page that does not know yet whose it is."""
    return RunError(say("The page was not ready yet."), advice=say("Load it again."))


def refuse_unknown(who: Visitor) -> None:
    """Do nothing for somebody to whom nothing can belong.

    Raises:
        RunError: They are unknown.
    """
    if not who.is_known:
        raise not_ready()
