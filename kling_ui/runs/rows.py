"""Rows of the ledger and what they mean: to and from records, and the questions that need several of them."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Update, insert, select, update

from kling_ui.choice import Choice
from kling_ui.runs.money import DAY_S, Spending, spending_of
from kling_ui.runs.record import CLAIM_MAX_S, EngineName, ResultFacts, RunRecord, RunState
from kling_ui.runs.schema import runs, states
from kling_ui.runs.wish import fingerprint_for

_FIELDS = frozenset(field.name for field in fields(RunRecord))
_FINAL = tuple(state.value for state in RunState if state.is_final)


def standing_run(connection: Connection, fingerprint: str, gone: Collection[str], *, again: bool) -> RunRecord | None:
    """Return the run that stands in the way of the same one: the open one, else the newest that was completed."""
    query = select(runs).where(runs.c.open_key == fingerprint)
    if again:
        query = query.where(runs.c.state != RunState.UNKNOWN.value)
    if (row := connection.execute(query).mappings().first()) is not None:
        return to_record(row)
    if again:
        return None
    done = select(runs).where(runs.c.fingerprint == fingerprint, runs.c.state == RunState.COMPLETED.value)
    done = done.where(runs.c.run_id.not_in(gone)).order_by(runs.c.created_at.desc()).limit(1)
    row = connection.execute(done).mappings().first()
    return None if row is None else to_record(row)


def spending_by(connection: Connection, visitor: str, now: float, *, own_token: bool, payer: str = "") -> Spending:
    """Add up what a visitor's paid runs cost, see :func:`kling_ui.runs.money.spending_of`."""
    theirs, today = runs.c.visitor == visitor, runs.c.created_at >= now - now % DAY_S
    if payer:
        theirs |= runs.c.payer == payer
    query = select(runs).where(runs.c.engine == EngineName.KLING.value, theirs | today)
    rows = connection.execute(query.order_by(runs.c.created_at.desc())).mappings()
    return spending_of(map(to_record, rows), visitor=visitor, own_token=own_token, now=now, payer=payer)


def released(fingerprint: str) -> Update:
    """Make the statement after which runs of unknown outcome no longer stand in the way of the same one."""
    same = runs.c.open_key == fingerprint, runs.c.state == RunState.UNKNOWN.value
    return update(runs).where(*same).values(open_key=None)


def free_key(connection: Connection, run_id: str) -> str | None:
    """Return what makes a run stand for its wish, unless another one does by now."""
    wish = select(runs.c.fingerprint).where(runs.c.run_id == run_id).scalar_subquery()
    other = connection.scalar(select(runs.c.run_id).where(runs.c.open_key == wish, runs.c.run_id != run_id))
    return connection.scalar(select(wish)) if other is None else None


def hand_over(connection: Connection, visitor: str, to: str) -> int:
    """Make one visitor's runs another's, so that the same wish of theirs is known again; return how many."""
    query = select(runs).where(runs.c.visitor == visitor).order_by(runs.c.created_at)
    rows = connection.execute(query).mappings().all()
    for row in rows:
        wish = fingerprint_for(to, to_record(row))
        other = connection.scalar(select(runs.c.run_id).where(runs.c.open_key == wish))
        key = wish if row["open_key"] is not None and other is None else None
        theirs = update(runs).where(runs.c.run_id == row["run_id"])
        connection.execute(theirs.values(visitor=to, fingerprint=wish, open_key=key))
    return len(rows)


def is_unheld(now: float) -> ColumnElement[bool]:
    """Say that nobody looks after an open run, see :meth:`RunRecord.is_held`."""
    lapsed = (runs.c.held_until < now) | (runs.c.held_until > now + CLAIM_MAX_S)
    return runs.c.state.not_in(_FINAL) & lapsed


def note_state(connection: Connection, run_id: str, state: RunState, at: float) -> None:
    """Enter a state into a run's history."""
    connection.execute(insert(states).values(run_id=run_id, state=state.value, at=at))


def to_row(values: Mapping[str, object]) -> dict[str, object]:
    """Put values into the plain types of columns."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, Choice | ResultFacts):
        return asdict(value)
    return value.value if isinstance(value, StrEnum) else value


def to_record(row: RowMapping) -> RunRecord:
    """Read a row."""
    values: dict[str, Any] = {name: value for name, value in row.items() if name in _FIELDS}
    choice, facts = values["choice"], values["result_facts"]
    values["engine"] = EngineName(values["engine"])
    values["state"] = RunState(values["state"])
    values["choice"] = Choice.of(choice)
    values["result_facts"] = None if facts is None else ResultFacts(**facts)
    return RunRecord(**values)
