"""Looking at runs: what is remembered of them, and what is known only while somebody follows them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import contextmanager
from dataclasses import replace
from hmac import compare_digest

from kling_ui.errors import LedgerError
from kling_ui.runs.publishing.protocol import FETCHING
from kling_ui.runs.record import EngineName, RunRecord, RunState
from kling_ui.runs.recorder import RunContext, wait_for_update
from kling_ui.runs.run_view import LiveFacts, RunView, unknown_run, view_of
from kling_ui.runs.supervisor import RunSupervisor

ASK_EVERY_S = 2.0  # at a run that another process carries: only the ledger tells of it
QUIET_S = 10.0  # a page that has gone is noticed when it is next written to
HISTORY_LIMIT = 50


class RunQueries:
    """Shows runs to those whose they are; looking costs an engine nothing, however many look.

    Args:
        context: What all runs share.
        supervisor: Who carries them.
    """

    def __init__(self, context: RunContext, supervisor: RunSupervisor) -> None:
        self._context = context
        self._supervisor = supervisor
        self._watched: Counter[str] = Counter()

    async def watch(self, run_id: str, visitor: str | None) -> AsyncGenerator[RunView]:
        """Yield a run's view at once, whenever it changes, and at the latest every :data:`QUIET_S` seconds.

        Args:
            run_id: The run.
            visitor: Whose run it must be; ``None``, for whoever owns the ledger, takes anybody's. An empty one, which
                is nobody, owns nothing.

        It ends with a final view, or with one that says that the run needs its visitor's token.

        Raises:
            RunError: There is no such run of this visitor.
        """
        record = await self._opened(run_id, visitor)
        with self._watching(run_id):
            while True:
                update = self._context.live_status.read(run_id)
                view = self.show(update.record if update else record)
                yield view
                if view.is_final or view.needs_token:
                    return
                await wait_for_update(update, QUIET_S if update else ASK_EVERY_S)
                if self._context.live_status.read(run_id) is None:
                    record = await self.record(run_id, visitor)

    @property
    def watched(self) -> Collection[str]:
        """The runs that somebody watches at the moment."""
        return tuple(self._watched)

    async def view(self, run_id: str, visitor: str | None) -> RunView:
        """Return a run as it is now; arguments and errors as for :meth:`watch`."""
        return self.show(await self._opened(run_id, visitor))

    async def may_be_fetched(self, run_id: str) -> bool:
        """Tell whether a run's engine may need its two files at the moment, or this app tries whether it could."""
        record = await self._context.ledger.ask(lambda store: store.get(run_id))
        return record is not None and record.state in {*FETCHING, RunState.PREPARING}

    async def history(self, visitor: str, limit: int = HISTORY_LIMIT) -> list[RunView]:
        """Return a visitor's newest runs, newest first; nobody's are nobody's to see."""
        if not visitor:
            return []
        records = await self._context.ledger.ask(lambda store: store.of_visitor(visitor, limit))
        return [self.show(record) for record in records]

    async def states(self, run_id: str, visitor: str) -> list[tuple[RunState, float]]:
        """Return the states of a run with their times (seconds since 1970), oldest first.

        Raises:
            RunError: There is no such run of this visitor.
        """
        await self.record(run_id, visitor)
        return await self._context.ledger.ask(lambda store: store.history(run_id))

    async def record(self, run_id: str, visitor: str | None) -> RunRecord:
        """Return what is remembered of a run; arguments as for :meth:`watch`.

        The ledger says whose it is: that changes with a login, of which whoever carries the run does not hear.

        Raises:
            RunError: There is no such run of this visitor.
        """
        record = await self._remembered(run_id)
        if record is None or record.deleted_at is not None:
            raise unknown_run()
        if visitor is not None and not (visitor and compare_digest(record.visitor.encode(), visitor.encode())):
            raise unknown_run()
        return record

    @contextmanager
    def _watching(self, run_id: str) -> Generator[None]:
        self._watched[run_id] += 1
        try:
            yield
        finally:
            self._watched -= Counter([run_id])  # forgets those that nobody watches

    async def _opened(self, run_id: str, visitor: str | None) -> RunRecord:
        record = await self.record(run_id, visitor)
        await asyncio.to_thread(self._context.folders.note_use, run_id)
        return record

    async def _remembered(self, run_id: str) -> RunRecord | None:
        try:
            return await self._context.ledger.ask(lambda store: store.get(run_id))
        except LedgerError:
            if (update := self._context.live_status.read(run_id)) is None:
                raise
            return update.record

    def show(self, record: RunRecord) -> RunView:
        """Return a run as it is at this moment."""
        context = self._context
        update = context.live_status.read(record.run_id)
        live = update.live if update else LiveFacts(needs_token=self._waits_for_token(record))
        record = replace(update.record, name=record.name) if update else record  # a name is written past its follower
        return view_of(record, live, folder=context.folders.of(record.run_id), now=context.clock())

    def _waits_for_token(self, record: RunRecord) -> bool:
        if record.engine is EngineName.PREVIEW or record.request_id is None or record.state.is_final:
            return False
        return not record.is_held(self._context.clock()) and (record.own_token or self._supervisor.app_token is None)
