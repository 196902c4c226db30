"""Writing down what happens to one run: in the ledger for good, on the live status for whoever watches."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from kling_ui.errors import LedgerError
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.outcomes import Trouble, TroubleCode
from kling_ui.runs.record import RunRecord, RunState
from kling_ui.runs.run_files import Measurer, RunFolders
from kling_ui.runs.run_view import LiveFacts

LAST_WRITE_S = 15.0  # another process may be writing
WRITE_AGAIN_S = 30.0  # while the ledger cannot be written: the disk is full, a database is away

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class StatusUpdate:
    """One run at one moment.

    Attributes:
        record: What is remembered of it.
        live: What only its follower knows.
        replaced: Set when there is a newer update, or none any more.
    """

    record: RunRecord
    live: LiveFacts
    replaced: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


class LiveStatus:
    """The newest updates of the runs that this process follows; one writer a run, any number of readers."""

    def __init__(self) -> None:
        self._updates: dict[str, StatusUpdate] = {}

    def post(self, record: RunRecord, live: LiveFacts) -> None:
        """Keep the newest update of a run and wake everybody who waits for it, if it tells anything new."""
        old = self._updates.get(record.run_id)
        if old is not None and (old.record, old.live) == (record, live):
            return
        self._updates[record.run_id] = StatusUpdate(record, live)
        if old is not None:
            old.replaced.set()

    def read(self, run_id: str) -> StatusUpdate | None:
        """Return the newest update of a run, if it is followed here."""
        return self._updates.get(run_id)

    def take_down(self, run_id: str) -> None:
        """Remove a run that is no longer followed here; the ledger knows all that is left to know."""
        if (update := self._updates.pop(run_id, None)) is not None:
            update.replaced.set()


async def wait_for_update(update: StatusUpdate | None, timeout_s: float) -> None:
    """Wait until an update has been replaced, at most so long; without one just so long."""
    try:
        async with asyncio.timeout(timeout_s):
            await (update.replaced if update else asyncio.Event()).wait()
    except TimeoutError:
        return


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What all runs of one process share.

    Attributes:
        ledger: Remembers.
        folders: Keeps the files of runs.
        measurer: Looks at what came back.
        live_status: Tells whoever watches.
        holder: This process, as the ledger knows it.
        lease_s: For how long a claim on a run holds unless it is renewed, in seconds.
        clock: Seconds since 1970.
        sleep: Waits so many seconds.
    """

    ledger: Ledger
    folders: RunFolders
    measurer: Measurer
    live_status: LiveStatus = field(default_factory=LiveStatus)
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    lease_s: float = 20.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


class TakenOverError(Exception):
    """Another process looks after the run now."""


class RunRecorder:
    """The one writer of one run.

    Args:
        context: What all runs share.
        record: What is remembered of the run; held by this process.
    """

    def __init__(self, context: RunContext, record: RunRecord) -> None:
        self.record = record
        self._context = context
        self._live = LiveFacts()
        self._unsaved: Mapping[str, Any] = {}
        self._unsaved_state: RunState | None = None
        self.show()

    @property
    def is_written(self) -> bool:
        """Whether the ledger knows all that was noted."""
        return not self._unsaved and self._unsaved_state is None

    async def note(self, state: RunState | None = None, **values: object) -> None:
        """Write a change down.

        Args:
            state: The new state, if it changes.
            values: Other fields of the record.

        Raises:
            TakenOverError: Another process looks after the run now; it finds a new request id in the ledger.
            LedgerError: The ledger cannot be written, and nothing has been sent yet. Once a run has been sent it
                goes on without the ledger, and an end is told without it; what could not be written is written with
                the next change, or by :meth:`flush`.
        """
        now = self._context.clock()
        changes, news = {**self._unsaved, **values}, state or self._unsaved_state
        if state is not None:
            self._live = replace(self._live, trouble=None)  # whatever it was, the run has got past it
        holder, run_id = self._context.holder, self.record.run_id
        try:
            kept = await self._context.ledger.ask(
                lambda store: store.change(run_id, holder=holder, now=now, state=news, **changes)
            )
            self._unsaved, self._unsaved_state = {}, None
        except LedgerError as error:
            if not self._goes_on(state, values):
                raise
            kept, self._unsaved, self._unsaved_state = True, changes, news
            self._live = replace(self._live, trouble=Trouble(TroubleCode.NOT_WRITTEN, error.message))
        if not kept:
            if (request_id := changes.get("request_id")) is not None:
                await self._hand_over(str(request_id))
            raise TakenOverError(run_id)
        if state is not None:
            log.info("Run %s on %s: %s.", run_id, self.record.engine.value, state.value)
            values |= {"state": state, "changed_at": now}
        self.record = replace(self.record, **values)
        self.show()

    async def flush(self) -> None:
        """Write down what could not be written, as soon as that is possible.

        Raises:
            TakenOverError: Another process looks after the run now.
        """
        while not self.is_written:
            await self._context.sleep(WRITE_AGAIN_S)
            await self.note()

    def show(self, **live: object) -> None:
        """Put up what is known at the moment, changed by ``live``."""
        self._live = replace(self._live, **live)
        self._context.live_status.post(self.record, self._live)

    async def confirm(self) -> None:
        """Make sure that nobody else looks after the run, and that nobody else will for a while.

        Raises:
            TakenOverError: Another process does.
        """
        await self.note(held_until=self._context.clock() + self._context.lease_s)

    async def let_go(self) -> None:
        """Leave the run to whoever looks for open runs."""
        holder, run_ids = self._context.holder, [self.record.run_id]
        with suppress(LedgerError, TakenOverError, TimeoutError):  # the claim lapses by itself
            async with asyncio.timeout(LAST_WRITE_S):
                if not self.is_written:
                    await self.note()
                await self._context.ledger.ask(lambda store: store.renew(run_ids, holder=holder, until=0.0))
        if not self.is_written and self.record.request_id is not None:
            log.error("The ledger could not be told that run %s is request %s.", run_ids[0], self.record.request_id)

    async def _hand_over(self, request_id: str) -> None:
        """Leave the request id to whoever looks after the run now; it is known nowhere else."""
        run_id, now = self.record.run_id, self._context.clock()
        while True:
            try:
                await self._context.ledger.ask(lambda store: store.recover(run_id, request_id, now=now))
            except LedgerError:
                await self._context.sleep(WRITE_AGAIN_S)
            else:
                return

    def _goes_on(self, state: RunState | None, values: Mapping[str, object]) -> bool:
        """Tell whether the run goes on although the ledger cannot be written."""
        is_sent = self.record.request_id is not None or "request_id" in values
        return is_sent or not self.is_written or (state is not None and state.is_final)
