"""The runs of a batch, as the ledger knows them: which cell was started, and what they cost together."""

import time
from enum import StrEnum
from typing import Any

from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import EngineName, RunRecord


class CellState(StrEnum):
    """Where a cell of a batch is: before it is started, while its run is under way, and at its end."""

    READY = "ready"
    MADE = "made"  # the same run was completed before, and its result is here: it costs nothing
    UNDER_WAY = "under way"
    BLOCKED = "blocked"
    UNREADABLE = "unreadable"
    SAME = "same"  # as another cell, by content
    TOO_DEAR = "too dear"
    LEFT_OUT = "left out"
    NOT_STARTED = "not started"
    REFUSED = "refused"  # it could not be started; nothing was sent
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class BatchRuns:
    """Asks the ledger about batches.

    Args:
        ledger: Knows which run stands for which cell.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def of(self, batch: str) -> dict[tuple[str, EngineName], RunRecord]:
        """Return the newest run of each cell of a batch, by the cell's key and the engine."""
        return await self._ledger.ask(lambda store: store.of_batch(batch))

    async def keep_order(self, batch: str, visitor: str, order: dict[str, Any]) -> None:
        """Keep what a visitor ordered of a batch, so that it can go on after a restart."""
        from kling_ui.runs.ledger.statements import keep_order  # noqa: PLC0415  whoever only checks needs no database

        now = time.time()
        await self._ledger.ask(
            lambda store: store.read(lambda connection: keep_order(connection, batch, visitor, order, now))
        )

    async def order(self, batch: str, visitor: str) -> dict[str, Any] | None:
        """Return what a visitor ordered of a batch, if that is kept."""
        from kling_ui.runs.ledger.statements import order_of  # noqa: PLC0415  as above

        return await self._ledger.ask(lambda store: store.read(lambda connection: order_of(connection, batch, visitor)))

    async def spent_usd(self, batch: str) -> float:
        """Add up what the runs that were made for a batch have cost or may still cost, in US dollars."""
        return await self._ledger.ask(lambda store: store.batch_spent_usd(batch))
