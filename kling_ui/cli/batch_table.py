"""``kling-ui batch``: the plan, a table that lives while the runs are under way, and what came of them."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.order import BatchResult, abatch
from kling_ui.batches.plan import BatchPlan, PlannedCell
from kling_ui.batches.report import cell_values
from kling_ui.cli.output import DONE, FAILED, print_json, say, tell
from kling_ui.interrupts import INTERRUPTED
from kling_ui.presentation.batch_sentences import CELL_STATES, GO_ON, PAUSED_NOW
from kling_ui.presentation.wording import dollars
from kling_ui.results import Progress
from kling_ui.runs.batch_runs import CellState

ROWS_MIN = 5
_AROUND = 6  # lines of the terminal that the table's frame and what stands below it take


def run_batch(manifest: Path | None, *, out: Path, plan_only: bool, as_json: bool, **order: Any) -> int:
    """Plan, carry out and report a batch, print what came of it and return the exit code.

    Args:
        manifest: The rows; ``None`` for a grid.
        out: The batch's folder.
        plan_only: Start nothing.
        as_json: Print JSON.
        order: The other arguments of :func:`kling_ui.abatch`.

    Raises:
        KlingUIError: It cannot be planned, carried out or reported.
    """
    with BatchTable() as table:
        result = asyncio.run(_carried_out(table, manifest, out=out, plan_only=plan_only, **order))
    if as_json:
        print_json(batch_json(result))
    else:
        _tell_result(result)
    if result.is_paused:
        say(GO_ON)
        return INTERRUPTED
    return DONE if result.is_done else FAILED


async def _carried_out(table: "BatchTable", manifest: Path | None, *, out: Path, **order: Any) -> BatchResult:
    pause = asyncio.Event()
    with _pausing(pause, table):
        return await abatch(
            manifest,
            out=out,
            on_progress=table.planning,
            on_plan=table.planned,
            on_cell=table.show,
            pause=pause,
            **order,
        )


@contextmanager
def _pausing(pause: asyncio.Event, table: "BatchTable") -> Generator[None]:
    """Let the first Ctrl+C pause once runs are under way; the next one, or one before that, ends the work."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if table.is_under_way and not pause.is_set():
            pause.set()
            table.say(PAUSED_NOW)
        elif task is not None:
            task.cancel()

    try:
        loop.add_signal_handler(signal.SIGINT, interrupted)
    except (NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread: Ctrl+C ends the work
        yield
        return
    try:
        yield
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)


class BatchTable:
    """Shows where the cells are: a table on a terminal, else a line whenever a cell has got somewhere.

    Args:
        console: Where to; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._outcomes: dict[int, CellOutcome] = {}
        self._said: dict[int, CellState] = {}
        self.is_under_way = False

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def say(self, words: str) -> None:
        """Tell something that stays on the screen."""
        if self._live:
            self._console.print(words, markup=False, highlight=False)
        else:
            say(words)

    def planning(self, news: Progress) -> None:
        """Show what is being looked at."""
        if self._live:
            self._live.update(Text(news.words), refresh=True)

    def planned(self, plan: BatchPlan) -> None:
        """Show the plan, and why cells will not run."""
        self.is_under_way = True
        self.say(plan.sentence)
        for cell in plan.cells:
            if cell.state not in {CellState.READY, CellState.MADE, CellState.LEFT_OUT}:
                self.say(f"  {_plan_line(cell)}")
        self._outcomes = {
            cell.row.number: CellOutcome(cell=cell, state=cell.state, message=cell.message)
            for cell in plan.cells
            if cell.state is not CellState.LEFT_OUT
        }
        self._refresh()

    def show(self, outcome: CellOutcome) -> None:
        """Show where a cell is now."""
        number = outcome.cell.row.number
        self._outcomes[number] = outcome
        self._refresh()
        if self._live is None and self._said.get(number) is not outcome.state:
            self._said[number] = outcome.state
            say(f"{number}: {outcome.cell.row.title}: {CELL_STATES[outcome.state].lower()}")

    def _refresh(self) -> None:
        if self._live:
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table(expand=True)
        table.add_column("Cell", justify="right")
        table.add_column("What", ratio=2, no_wrap=True, overflow="ellipsis")
        table.add_column("Engine")
        table.add_column("State", no_wrap=True)
        table.add_column("Match", justify="right")
        table.add_column("Cost", justify="right")
        table.add_column("Now", ratio=3, no_wrap=True, overflow="ellipsis")
        for outcome in self._in_view():
            table.add_row(*map(Text, _columns(outcome)))
        done = sum(outcome.is_done for outcome in self._outcomes.values())
        table.caption = f"{done} of {len(self._outcomes)} finished"
        return table

    def _in_view(self) -> list[CellOutcome]:
        """Those that fit on the screen: what is under way first in sight, with what comes next and what was before."""
        outcomes = [self._outcomes[number] for number in sorted(self._outcomes)]
        room = max(ROWS_MIN, self._console.height - _AROUND)
        at = next((place for place, outcome in enumerate(outcomes) if outcome.state is CellState.UNDER_WAY), 0)
        first = max(0, min(at - 2, len(outcomes) - room))
        return outcomes[first : first + room]


def _columns(outcome: CellOutcome) -> tuple[str, ...]:
    run, cell = outcome.run, outcome.cell
    match = "" if run is None or run.motion_match is None else f"{run.motion_match:.0f}"
    cost_usd = run.cost_usd if run and run.cost_usd is not None else cell.estimate_usd
    progress = f"{run.progress:.0%} " if run and run.progress is not None else ""
    return (
        str(cell.row.number),
        cell.row.title,
        cell.engine.value,
        CELL_STATES[outcome.state],
        match,
        dollars(cost_usd) if cost_usd else "",
        f"{progress}{outcome.message}",
    )


def _plan_line(cell: PlannedCell) -> str:
    return f"{cell.row.number}: {cell.row.title}: {CELL_STATES[cell.state].lower()}. {cell.message}".rstrip()


def _tell_result(result: BatchResult) -> None:
    if result.report is None:
        for cell in result.plan.cells:
            price = f", about {dollars(cell.estimate_usd)}" if cell.estimate_usd else ""
            length = f", {cell.duration_s:.1f} s" if cell.duration_s is not None else ""
            tell(f"{cell.row.number}: {cell.row.title}: {CELL_STATES[cell.state].lower()}{length}{price}")
        return
    for outcome in result.outcomes:
        if outcome.is_failed:
            words = " ".join(filter(None, (outcome.message, outcome.advice)))
            say(f"{outcome.cell.row.number}: {outcome.cell.row.title}: {words}")
    say(result.sentence)
    tell(str(result.report.page))


def batch_json(result: BatchResult) -> dict[str, Any]:
    """Put a batch into plain JSON types."""
    outcomes = result.outcomes or [
        CellOutcome(cell=cell, state=cell.state, message=cell.message) for cell in result.plan.cells
    ]
    folder = BatchFolder(result.folder, "")
    report = result.report
    rates = {model: quote.rate_usd for model, quote in result.plan.quotes.items()}
    return {
        "sentence": result.sentence,
        "is_done": result.is_done,
        "is_paused": result.is_paused,
        "plan": {
            "sentence": result.plan.sentence,
            "cells": len(result.plan.cells),
            "will_run": len(result.plan.to_start),
            "clips_s": round(result.plan.duration_s, 3),
            "estimate_usd": result.plan.estimate_usd,
            "rate_usd": next(iter(rates.values())) if len(rates) == 1 else None,
            "rates_usd": rates,
        },
        "cells": [_cell_json(outcome, folder) for outcome in outcomes],
        "folder": str(result.folder),
        "report": str(report.page) if report else None,
        "table": str(report.table) if report else None,
        "sheets": [str(sheet) for sheet in report.sheets] if report else [],
    }


def _cell_json(outcome: CellOutcome, folder: BatchFolder) -> dict[str, Any]:
    values = cell_values(outcome, folder)
    del values["chosen"], values["problems"]
    choice, check = outcome.cell.row.choice, outcome.cell.check
    problems = [problem.rule for problem in check.problems] if check else []
    return values | {
        "keep_sound": choice.keep_sound,
        "repairs": list(outcome.cell.repairs),
        "rules": problems,
        "result": str(outcome.video) if outcome.video else None,
    }
