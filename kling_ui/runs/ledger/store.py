"""Reading and writing the ledger, one short transaction a call."""

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from kling_ui.errors import LedgerError
from kling_ui.quotas import UsageClaim
from kling_ui.runs.ledger import erasure
from kling_ui.runs.ledger.gallery import erase_votes, hand_votes_over
from kling_ui.runs.ledger.schema import connect, handles, lock_ledger, migrate, runs, states
from kling_ui.runs.ledger.statements import (
    FINAL_STATES,
    LedgerTally,
    at_stake,
    erase_orders,
    forget,
    free_key,
    hand_over,
    is_unheld,
    last_schema,
    note_cell,
    note_schema,
    note_state,
    released,
    runs_of_batch,
    score_of,
    spending_before,
    spending_by,
    spent_by_batch,
    standing_for,
    tally,
    theirs_of,
    to_record,
    to_row,
)
from kling_ui.runs.ledger.usage import UsageRows
from kling_ui.runs.pricing import Budget, Spending
from kling_ui.runs.record import (
    BatchCell,
    EngineName,
    KeptRun,
    ModelSchema,
    RunRecord,
    RunState,
)

T = TypeVar("T")


class Store:
    """The ledger's rows.

    Args:
        url: An SQLAlchemy address of a database.

    Raises:
        SettingsError: It is not such an address, or the database's driver is not installed.
        LedgerError: The database cannot be opened, or is newer than this program.
    """

    def __init__(self, url: str) -> None:
        self._database = connect(url)
        with self._transaction() as connection:
            migrate(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    def add(
        self,
        record: RunRecord,
        *,
        again: bool = False,
        gone: Collection[str] = (),
        budget: Budget | None = None,
        claim: UsageClaim | None = None,
        cell: BatchCell | None = None,
        schema: ModelSchema | None = None,
    ) -> RunRecord:
        """Enter a new run, unless its visitor has the same one already: open, of unknown outcome, or completed.

        Args:
            record: The new run.
            again: Enter it even though the same run has been completed, or its outcome is unknown; an open one stands.
            gone: Completed runs that do not count, because their results are no longer there.
            budget: Refuses a run that goes beyond it.
            claim: What of the day's quotas it takes; refuses it, too.
            cell: For which place of a batch it is; a run that stands for that already is in the way, too.
            schema: What its model takes, if that is known.

        Returns:
            The record that stands in the ledger: the new one, or the one that was there already.

        Raises:
            RunError: It goes beyond the budget or a quota, or nothing new is begun at the moment.
            LedgerError: It cannot be entered.
        """
        values = {**to_row(asdict(record)), "open_key": record.fingerprint, "score": score_of(record.motion)}
        for _ in range(3):  # the open one may end between the two queries
            try:
                with self._transaction() as connection:
                    lock_ledger(connection)  # two runs at once must not both take the last of a budget
                    if again:
                        connection.execute(released(record.fingerprint))
                    standing = standing_for(connection, record.fingerprint, gone, again=again, cell=cell)
                    if standing is not None:
                        return standing
                    if budget is not None and budget.is_set:
                        spending = spending_before(connection, record, cell)
                        budget.check(spending, record.estimate_usd)
                    if claim is not None:
                        usage = UsageRows(connection, at_stake)
                        usage.take(claim, record.created_at, run_id=record.run_id if claim.is_paid else "")
                    connection.execute(insert(runs).values(values))
                    note_state(connection, record.run_id, record.state, record.created_at)
                    if cell is not None:
                        note_cell(connection, cell, record.run_id, is_own=True)
                    note_schema(connection, schema, record.created_at)
                    return record
            except IntegrityError:
                continue
        raise LedgerError("The run could not be entered in the ledger.", advice="Try again.")

    def last_schema(self, model_id: str) -> dict[str, Any] | None:
        """Return what a model took when its newest run was sent; ``None`` where that is not known."""
        with self._transaction() as connection:
            return last_schema(connection, model_id)

    def change(
        self, run_id: str, *, holder: str | None, now: float, state: RunState | None = None, **values: object
    ) -> bool:
        """Change what is known of a run, provided that ``holder`` still looks after it.

        Returns:
            Whether it was changed; ``False`` means that another process has taken the run over.
        """
        changes = to_row(values)
        if "motion" in values:
            changes["score"] = score_of(values["motion"])
        if state is not None:
            changes |= {"state": state.value, "changed_at": now}
            if state.is_final:
                changes |= {"held_until": 0.0, "holder": None}
            if state.is_final and state is not RunState.UNKNOWN:  # a repeat could be paid twice: only on request
                changes["open_key"] = None
        with self._transaction() as connection:
            query = update(runs).where(runs.c.run_id == run_id, runs.c.holder == holder).values(changes)
            if connection.execute(query).rowcount != 1:
                return False
            if state is not None:
                note_state(connection, run_id, state, now)
        return True

    def recover(
        self, run_id: str, request_id: str, *, now: float, own_token: bool | None = None, is_gone: bool = False
    ) -> bool:
        """Open a run again whose request id has come to light after all, or whose request is to be looked at again.

        Whoever takes over open runs follows it on.

        Args:
            run_id: The run; it is open or ended, but has no result.
            request_id: Its request: a new one, or the one that it has.
            now: Seconds since 1970.
            own_token: Whether it goes on with a token that its visitor gave; ``None`` leaves that as it is.
            is_gone: It may have a result, whose file is no longer there.

        Returns:
            Whether there was such a run.
        """
        changes: dict[str, object] = {"request_id": request_id, "state": RunState.IN_QUEUE.value, "changed_at": now}
        changes |= {"holder": None, "held_until": 0.0}
        changes |= {"outcome": None, "error": None, "advice": None, "raw_error": None}
        changes |= {"deleted_at": None, "undo_until": None, "score": None}
        if own_token is not None:
            changes["own_token"] = own_token
        changes |= {"result_name": None, "result_sha256": None, "result_facts": None, "motion": None, "notes": None}
        fits = runs.c.request_id.is_(None) | (runs.c.request_id == request_id)
        query = update(runs).where(runs.c.run_id == run_id, runs.c.result_name.is_(None) | is_gone, fits)
        with self._transaction() as connection:
            lock_ledger(connection)
            changes["open_key"] = free_key(connection, run_id)
            if connection.execute(query.values(changes)).rowcount != 1:
                return False
            note_state(connection, run_id, RunState.IN_QUEUE, now)
        return True

    def rename(self, run_id: str, visitor: str, name: str | None) -> bool:
        """Let a visitor's run be called ``name``; return whether there is such a run."""
        query = update(runs).where(*theirs_of(run_id, visitor)).values(name=name)
        with self._transaction() as connection:
            return connection.execute(query).rowcount == 1

    def star(self, run_id: str, visitor: str, *, is_starred: bool) -> bool:
        """Mark a visitor's run, or take the mark away; return whether there is such a run."""
        query = update(runs).where(*theirs_of(run_id, visitor)).values(starred=is_starred)
        with self._transaction() as connection:
            return connection.execute(query).rowcount == 1

    def delete(self, run_id: str, visitor: str, *, now: float, undo_until: float | None = None) -> bool:
        """Take a run that has ended from its visitor's sight; the same request may be run anew.

        Args:
            run_id: The run.
            visitor: Whose it must be.
            now: Seconds since 1970.
            undo_until: Until when it can be put back; whoever calls :meth:`forget_due` ends that. ``None`` forgets
                at once what was asked for in it; what it cost, and that it was, stays.

        Returns:
            Whether there was such a run.
        """
        changes = {"deleted_at": now, "undo_until": undo_until, "open_key": None}
        query = update(runs).where(*theirs_of(run_id, visitor), runs.c.state.in_(FINAL_STATES)).values(changes)
        with self._transaction() as connection:
            lock_ledger(connection)
            if connection.execute(query).rowcount != 1:
                return False
            if undo_until is None:
                forget(connection, run_id)
            return True

    def restore(self, run_id: str, visitor: str) -> bool:
        """Put a deleted run back, unless it was forgotten; return whether that was possible."""
        mine = runs.c.run_id == run_id, runs.c.visitor == visitor, runs.c.undo_until.is_not(None)
        with self._transaction() as connection:
            lock_ledger(connection)
            state = connection.scalar(select(runs.c.state).where(*mine))
            key = free_key(connection, run_id) if state == RunState.UNKNOWN else None
            back = {"deleted_at": None, "undo_until": None, "open_key": key}
            return connection.execute(update(runs).where(*mine).values(back)).rowcount == 1

    def forget_due(self, now: float) -> list[str]:
        """Forget the deleted runs that can no longer be put back; return their ids: their files may go."""
        with self._transaction() as connection:
            lock_ledger(connection)
            due = list(connection.scalars(select(runs.c.run_id).where(runs.c.undo_until < now)))
            for run_id in due:
                forget(connection, run_id)
        return due

    def read(self, question: Callable[[Connection], T]) -> T:
        """Answer a question that another module puts to the tables, such as :mod:`kling_ui.runs.ledger.gallery`."""
        with self._transaction() as connection:
            return question(connection)

    def erase(self, visitors: Collection[str], *, now: float, run_id: str | None = None) -> erasure.ErasedRows:
        """Erase all that is kept of some visitors, or one run of theirs; see :mod:`kling_ui.runs.ledger.erasure`."""
        owned = runs.c.visitor.in_(list(visitors))
        with self._transaction() as connection:
            if run_id is None:
                erase_votes(connection, visitors)
                erase_orders(connection, visitors)
            return erasure.erase(connection, owned if run_id is None else owned & (runs.c.run_id == run_id), now)

    def forget_payers(self, now: float) -> int:
        """Forget who caused what was erased on earlier days; return how many rows that were."""
        with self._transaction() as connection:
            return erasure.forget_payers(connection, now)

    def used_contents(self, contents: Collection[str]) -> set[str]:
        """Return those of some contents (SHA-256) that belong to a run which nobody has deleted."""
        with self._transaction() as connection:
            return erasure.used_contents(connection, contents)

    def free_runs_of(self, visitors: Collection[str], run_id: str | None = None) -> list[tuple[str, str | None]]:
        """Return the ids of some visitors' previews, or of that one of theirs, with those of their requests."""
        query = select(runs.c.run_id, runs.c.request_id).where(runs.c.visitor.in_(list(visitors)))
        query = query.where(runs.c.engine == EngineName.PREVIEW.value)
        with self._transaction() as connection:
            rows = connection.execute(query if run_id is None else query.where(runs.c.run_id == run_id))
            return [(row.run_id, row.request_id) for row in rows]

    def hand_over(self, visitor: str, to: str) -> int:
        """Make one visitor's runs another's; whoever carries them goes on. Return how many they were."""
        with self._transaction() as connection:
            lock_ledger(connection)
            hand_votes_over(connection, visitor, to)
            return hand_over(connection, visitor, to)

    def get(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        with self._transaction() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().first()
        return None if row is None else to_record(row)

    def of_visitor(self, visitor: str | None, limit: int) -> list[RunRecord]:
        """Return a visitor's newest runs that are not deleted, or everybody's, deleted ones too, newest first."""
        query = select(runs).order_by(runs.c.created_at.desc()).limit(limit)
        theirs = runs.c.visitor == visitor, runs.c.deleted_at.is_(None)
        return self._records(query if visitor is None else query.where(*theirs))

    def standing(
        self, fingerprint: str, *, gone: Collection[str] = (), again: bool = False, cell: BatchCell | None = None
    ) -> RunRecord | None:
        """Return the run that stands in the way of the same one; arguments as for :meth:`add`."""
        with self._transaction() as connection:
            if cell is not None:
                lock_ledger(connection)  # what stands may be noted
            return standing_for(connection, fingerprint, gone, again=again, cell=cell)

    def of_batch(self, batch: str) -> dict[tuple[str, EngineName], RunRecord]:
        """Return the newest run of each cell of a batch, by the cell's key and the engine."""
        with self._transaction() as connection:
            rows = connection.execute(runs_of_batch(batch)).mappings()
            return {(row["cell"], EngineName(row["engine"])): to_record(row) for row in rows}

    def batch_spent_usd(self, batch: str) -> float:
        """Add up what the runs that were made for a batch have cost or may still cost, in US dollars."""
        with self._transaction() as connection:
            return spent_by_batch(connection, batch)

    def like(self, fingerprint: str) -> list[RunRecord]:
        """Return all runs of the same request, newest first."""
        return self._records(select(runs).where(runs.c.fingerprint == fingerprint).order_by(runs.c.created_at.desc()))

    def of_request(self, request_id: str) -> list[RunRecord]:
        """Return the runs of a request, newest first."""
        return self._records(select(runs).where(runs.c.request_id == request_id).order_by(runs.c.created_at.desc()))

    def unanswered(self, visitor: str | None) -> list[RunRecord]:
        """Return the runs that may have been accepted under an unknown request id, newest first."""
        query = select(runs).where(runs.c.state == RunState.UNKNOWN.value, runs.c.request_id.is_(None))
        query = query.order_by(runs.c.created_at.desc())
        return self._records(query if visitor is None else query.where(runs.c.visitor == visitor))

    def beginning_with(self, prefix: str, limit: int = 2) -> list[RunRecord]:
        """Return runs whose id begins so, newest first."""
        query = select(runs).where(runs.c.run_id.startswith(prefix, autoescape=True))
        return self._records(query.order_by(runs.c.created_at.desc()).limit(limit))

    def kept_runs(self) -> dict[str, KeptRun]:
        """Return of all runs what decides whether their files are kept, by run id."""
        is_gone = runs.c.deleted_at.is_not(None) & runs.c.undo_until.is_(None)
        query = select(runs.c.run_id, runs.c.engine, runs.c.state, runs.c.changed_at, is_gone)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return {
            run_id: KeptRun(EngineName(engine), RunState(state), at, bool(is_gone))
            for run_id, engine, state, at, is_gone in rows
        }

    def spending(self, visitor: str, now: float, *, own_token: bool, payer: str = "") -> Spending:
        """Add up what a visitor's paid runs cost, see :func:`kling_ui.runs.pricing.spending_of`."""
        with self._transaction() as connection:
            return spending_by(connection, visitor, now, own_token=own_token, payer=payer)

    @contextmanager
    def usage(self, *, writes: bool = True) -> Generator[UsageRows]:
        """Give the day's usage and the pause, in one transaction; of those that write, one comes after the other."""
        with self._transaction() as connection:
            if writes:
                lock_ledger(connection)  # two at once must not both take the last of a quota
            yield UsageRows(connection, at_stake)

    def tally(self) -> LedgerTally:
        """Count all runs and what they cost."""
        with self._transaction() as connection:
            return tally(connection)

    def keep_handle(self, handle_sha256: str, run_id: str) -> bool:
        """Note under which hash of a handle a run is found; tell whether it is, or another run has that handle."""
        with suppress(IntegrityError), self._transaction() as connection:
            connection.execute(insert(handles).values(handle_sha256=handle_sha256, run_id=run_id))
            return True
        with self._transaction() as connection:
            query = select(handles.c.run_id).where(handles.c.handle_sha256 == handle_sha256)
            return connection.scalar(query) == run_id

    def behind_handle(self, handle_sha256: str) -> RunRecord | None:
        """Return the run that is found under a hash of a handle, if there is one."""
        chosen = select(handles.c.run_id).where(handles.c.handle_sha256 == handle_sha256).scalar_subquery()
        return next(iter(self._records(select(runs).where(runs.c.run_id == chosen))), None)

    def history(self, run_id: str) -> list[tuple[RunState, float]]:
        """Return the states of a run with their times, oldest first."""
        query = select(states.c.state, states.c.at).where(states.c.run_id == run_id).order_by(states.c.id)
        with self._transaction() as connection:
            return [(RunState(state), at) for state, at in connection.execute(query)]

    def unheld(self, now: float) -> list[RunRecord]:
        """Return the open runs that nobody looks after, oldest first."""
        return self._records(select(runs).where(is_unheld(now)).order_by(runs.c.created_at))

    def claim(self, run_id: str, *, holder: str, now: float, until: float) -> bool:
        """Take over a run that nobody looks after; only one of several processes succeeds."""
        query = update(runs).where(runs.c.run_id == run_id, is_unheld(now)).values(holder=holder, held_until=until)
        with self._transaction() as connection:
            return connection.execute(query).rowcount == 1

    def renew(self, run_ids: Collection[str], *, holder: str, until: float) -> set[str]:
        """Say that ``holder`` still looks after these runs; with ``until`` 0 it lets go of them.

        Returns:
            Those that it does not look after any more.
        """
        theirs = runs.c.run_id.in_(run_ids), runs.c.holder == holder
        with self._transaction() as connection:
            connection.execute(update(runs).where(*theirs).values(held_until=until))
            return set(run_ids) - set(connection.scalars(select(runs.c.run_id).where(*theirs)))

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        try:
            with self._database.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            is_file = self._database.dialect.name == "sqlite"
            raise LedgerError(
                "The ledger of runs cannot be read or written.",
                advice="See that KLING_UI_DATA_DIR has room and can be written to."
                if is_file
                else "See that the database that KLING_UI_LEDGER_URL names can be reached and takes this user.",
            ) from error

    def _records(self, query: Any) -> list[RunRecord]:
        with self._transaction() as connection:
            return [to_record(row) for row in connection.execute(query).mappings()]
