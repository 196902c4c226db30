"""Reading and writing the ledger, one short transaction a call: the only module that talks to the database.

SQLAlchemy takes a moment to load, so this module is imported only by the ledger's own thread.
"""

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Update, create_engine, event, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from kling_ui.choice import Choice, Orientation
from kling_ui.errors import LedgerError, SettingsError
from kling_ui.runs.record import EngineName, ResultFacts, RunRecord, RunState
from kling_ui.runs.schema import migrate, runs, states

BUSY_TIMEOUT_MS = 10_000  # other processes may be writing; their transactions take milliseconds
_FIELDS = frozenset(field.name for field in fields(RunRecord))
_FINAL = tuple(state.value for state in RunState if state.is_final)


class Store:
    """The ledger's rows.

    Args:
        url: An SQLAlchemy address of a database.

    Raises:
        SettingsError: It is not such an address.
        LedgerError: The database cannot be opened, or is newer than this program.
    """

    def __init__(self, url: str) -> None:
        try:
            self._database = _connect(url)
        except (ArgumentError, ImportError) as error:
            raise SettingsError(
                "KLING_UI_LEDGER_URL takes an address such as sqlite:////data/ledger.sqlite."
            ) from error
        with self._transaction() as connection:
            migrate(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    def add(self, record: RunRecord, *, again: bool = False) -> RunRecord:
        """Enter a new run, unless its visitor already has the same one open.

        Args:
            record: The new run.
            again: The visitor knows that the outcome of the same run before is unknown, and wants another one.

        Returns:
            The record that stands in the ledger: the new one, or the one that was open already.
        """
        values = {**_to_row(asdict(record)), "open_key": record.fingerprint}
        for _ in range(3):  # the open one may end between the two looks
            try:
                with self._transaction() as connection:
                    if again:
                        connection.execute(_release(record.fingerprint))
                    connection.execute(insert(runs).values(values))
                    _note(connection, record.run_id, record.state, record.created_at)
            except IntegrityError:
                with self._transaction() as connection:
                    query = select(runs).where(runs.c.open_key == record.fingerprint)
                    if (row := connection.execute(query).mappings().first()) is not None:
                        return _to_record(row)
            else:
                return record
        raise LedgerError("The run could not be entered in the ledger.", advice="Try again.")

    def change(
        self, run_id: str, *, holder: str | None, now: float, state: RunState | None = None, **values: object
    ) -> bool:
        """Change what is known of a run, provided that ``holder`` still looks after it.

        Returns:
            Whether it was changed; ``False`` means that another process has taken the run over.
        """
        changes = _to_row(values)
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
                _note(connection, run_id, state, now)
        return True

    def recover(self, run_id: str, request_id: str, *, now: float) -> bool:
        """Open a run again whose request id has come to light after all; whoever adopts open runs follows it on.

        Returns:
            Whether there was such a run without a request id.
        """
        changes: dict[str, object] = {"request_id": request_id, "state": RunState.IN_QUEUE.value, "changed_at": now}
        changes |= {"holder": None, "held_until": 0.0, "error": None, "advice": None, "raw_error": None}
        query = update(runs).where(runs.c.run_id == run_id, runs.c.request_id.is_(None)).values(changes)
        with self._transaction() as connection:
            if connection.execute(query).rowcount != 1:
                return False
            _note(connection, run_id, RunState.IN_QUEUE, now)
        return True

    def get(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        with self._transaction() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().first()
        return None if row is None else _to_record(row)

    def of_visitor(self, visitor: str, limit: int) -> list[RunRecord]:
        """Return a visitor's newest runs, newest first."""
        query = select(runs).where(runs.c.visitor == visitor).order_by(runs.c.created_at.desc()).limit(limit)
        return self._records(query)

    def like(self, fingerprint: str) -> list[RunRecord]:
        """Return all runs of the same wish, newest first."""
        return self._records(select(runs).where(runs.c.fingerprint == fingerprint).order_by(runs.c.created_at.desc()))

    def history(self, run_id: str) -> list[tuple[RunState, float]]:
        """Return the states of a run with their times, oldest first."""
        query = select(states.c.state, states.c.at).where(states.c.run_id == run_id).order_by(states.c.id)
        with self._transaction() as connection:
            return [(RunState(state), at) for state, at in connection.execute(query)]

    def unheld(self, now: float) -> list[RunRecord]:
        """Return the open runs that nobody looks after, oldest first."""
        query = select(runs).where(runs.c.state.not_in(_FINAL), runs.c.held_until < now).order_by(runs.c.created_at)
        return self._records(query)

    def claim(self, run_id: str, *, holder: str, now: float, until: float) -> bool:
        """Take over a run that nobody looks after; only one of several processes succeeds."""
        query = (
            update(runs)
            .where(runs.c.run_id == run_id, runs.c.state.not_in(_FINAL), runs.c.held_until < now)
            .values(holder=holder, held_until=until)
        )
        with self._transaction() as connection:
            return connection.execute(query).rowcount == 1

    def renew(self, run_ids: Collection[str], *, holder: str, until: float) -> None:
        """Say that ``holder`` still looks after these runs; with ``until`` 0 it lets go of them."""
        query = update(runs).where(runs.c.run_id.in_(run_ids), runs.c.holder == holder).values(held_until=until)
        with self._transaction() as connection:
            connection.execute(query)

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        try:
            with self._database.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise LedgerError(
                "The ledger of runs cannot be read or written.",
                advice="See that KLING_UI_DATA_DIR has room and can be written to.",
            ) from error

    def _records(self, query: Any) -> list[RunRecord]:
        with self._transaction() as connection:
            return [_to_record(row) for row in connection.execute(query).mappings()]


def _connect(url: str) -> Engine:
    address = make_url(url)
    database = create_engine(address)
    if address.get_backend_name() == "sqlite":
        if address.database:
            with suppress(OSError):  # opening the database tells
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(database, "connect", _set_up_sqlite)
        event.listen(database, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return database


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _release(fingerprint: str) -> Update:
    same = runs.c.open_key == fingerprint, runs.c.state == RunState.UNKNOWN.value
    return update(runs).where(*same).values(open_key=None)


def _note(connection: Connection, run_id: str, state: RunState, at: float) -> None:
    connection.execute(insert(states).values(run_id=run_id, state=state.value, at=at))


def _to_row(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, Choice | ResultFacts):
        return asdict(value)
    return value.value if isinstance(value, StrEnum) else value


def _to_record(row: RowMapping) -> RunRecord:
    values: dict[str, Any] = {name: value for name, value in row.items() if name in _FIELDS}
    choice, facts = values["choice"], values["result_facts"]
    values["engine"] = EngineName(values["engine"])
    values["state"] = RunState(values["state"])
    values["choice"] = Choice(**choice | {"orientation": Orientation(choice["orientation"])})
    values["result_facts"] = None if facts is None else ResultFacts(**facts)
    return RunRecord(**values)
