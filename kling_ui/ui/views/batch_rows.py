"""A batch as the page shows it: one plain value with a row for each cell."""

from collections.abc import Iterable
from typing import Any

from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.plan import CARRIED
from kling_ui.languages import retell, retell_stored, say_all
from kling_ui.presentation.batch_sentences import CELL_STATES
from kling_ui.presentation.wording import dollars
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.record import EngineName

_STARTABLE = frozenset({*CARRIED, CellState.LEFT_OUT, CellState.TOO_DEAR, CellState.NOT_STARTED, CellState.REFUSED})


def batch_value(batch: str, outcomes: Iterable[CellOutcome], said: str, *, is_under_way: bool) -> dict[str, Any]:
    """Give what the page shows of a batch.

    Args:
        batch: By which the page asks after it.
        outcomes: Where its cells are.
        said: The whole of it in one sentence.
        is_under_way: It is being carried out.
    """
    cells = [_row(outcome) for outcome in outcomes]
    return {"id": batch, "said": said, "is_under_way": is_under_way, "cells": cells}


def _row(outcome: CellOutcome) -> dict[str, Any]:
    cell, run = outcome.cell, outcome.run
    cost_usd = run.cost_usd if run and run.cost_usd is not None else cell.estimate_usd
    progress = f"{run.progress:.0%} " if run and run.progress is not None else ""
    return {
        "cell": cell.row.number,
        "title": ", ".join(
            filter(
                None,
                (
                    f"{cell.row.title}: {retell(cell.row.choice.orientation.value)}",
                    f"“{cell.row.choice.prompt}”",
                    cell.row.choice.model if cell.engine is EngineName.KLING else "",
                ),
            )
        ),
        "state": CELL_STATES[outcome.state],
        "match": "" if run is None or run.motion_match is None else f"{run.motion_match:.0f}",
        "price": dollars(cost_usd) if cost_usd else "",
        "now": f"{progress}{say_all(*map(retell_stored, (outcome.message, outcome.advice)))}",
        "run_id": run.run_id if run else "",
        "is_done": outcome.is_done,
        "is_failed": outcome.is_failed,
        "can_start": outcome.state in _STARTABLE,
        "is_ticked": outcome.state is not CellState.LEFT_OUT,
    }
