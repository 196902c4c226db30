"""Which run stands for which cell of a batch: the questions and the one statement about that table."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select

from kling_ui.runs.ledger.schema import batch_cells, runs
from kling_ui.runs.record import BatchCell, RunState


def run_of_cell(cell: BatchCell, gone: Collection[str]) -> Select[Any]:
    """Ask for the newest run that stands for a cell.

    Args:
        cell: The cell; whether failed runs stand for it, it says itself.
        gone: Completed runs whose results are no longer there.
    """
    query = select(runs).join(batch_cells, batch_cells.c.run_id == runs.c.run_id)
    query = query.where(batch_cells.c.batch == cell.batch, batch_cells.c.cell == cell.key)
    query = query.where(batch_cells.c.engine == cell.engine.value)
    if cell.retries:
        over = runs.c.state.in_([RunState.FAILED.value, RunState.CANCELLED.value]) | runs.c.run_id.in_(gone)
        query = query.where(~or_(over, runs.c.deleted_at.is_not(None)))
    return query.order_by(batch_cells.c.id.desc()).limit(1)


def runs_of_batch(batch: str) -> Select[Any]:
    """Ask for all runs of a batch with their cells, oldest first."""
    query = select(runs, batch_cells.c.cell).join(batch_cells, batch_cells.c.run_id == runs.c.run_id)
    return query.where(batch_cells.c.batch == batch).order_by(batch_cells.c.id)


def runs_for_batch(batch: str) -> Select[Any]:
    """Ask for the runs that were made for a batch, each once: not for those that it found."""
    own = select(batch_cells.c.run_id).where(batch_cells.c.batch == batch, batch_cells.c.is_own)
    return select(runs).where(runs.c.run_id.in_(own))


def note_cell(connection: Connection, cell: BatchCell, run_id: str, *, is_own: bool) -> None:
    """Enter that a run stands for a cell from now on."""
    place = {"batch": cell.batch, "cell": cell.key, "engine": cell.engine.value}
    connection.execute(insert(batch_cells).values(**place, run_id=run_id, is_own=is_own))
