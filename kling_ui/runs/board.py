"""What is known of each open run at this moment, and who waits to hear of it."""

import asyncio
from dataclasses import dataclass, field

from kling_ui.runs.record import RunRecord
from kling_ui.runs.view import Live


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """One run at one moment.

    Attributes:
        record: What is remembered of it.
        live: What only its follower knows.
        replaced: Set when there is a newer notice, or none any more.
    """

    record: RunRecord
    live: Live
    replaced: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


class Board:
    """Notices about the runs that this process follows; one writer a run, any number of readers."""

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}

    def post(self, record: RunRecord, live: Live) -> None:
        """Put up the newest notice of a run and wake everybody who waits for it, if it tells anything new."""
        old = self._notices.get(record.run_id)
        if old is not None and (old.record, old.live) == (record, live):
            return
        self._notices[record.run_id] = Notice(record, live)
        if old is not None:
            old.replaced.set()

    def read(self, run_id: str) -> Notice | None:
        """Return the newest notice of a run, if it is followed here."""
        return self._notices.get(run_id)

    def take_down(self, run_id: str) -> None:
        """Remove a run that is no longer followed here; the ledger knows all that is left to know."""
        if (notice := self._notices.pop(run_id, None)) is not None:
            notice.replaced.set()


async def newer(notice: Notice | None, timeout_s: float) -> None:
    """Wait until a notice has been replaced, at most so long; without a notice just so long."""
    try:
        async with asyncio.timeout(timeout_s):
            await (notice.replaced if notice else asyncio.Event()).wait()
    except TimeoutError:
        return
