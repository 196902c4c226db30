"""Statements of the ledger that its calls are made of; each is used inside a transaction."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Select, Update, delete, func, insert, or_, select, update

from kling_ui.options import TransferOptions
from kling_ui.quotas import DAY_S
from kling_ui.runs.ledger.schema import batch_cells, batch_orders, model_schemas, runs, states
from kling_ui.runs.pricing import Spending, at_stake_usd, spending_of
from kling_ui.runs.record import (
    CLAIM_MAX_S,
    BatchCell,
    EngineName,
    ModelSchema,
    ResultFacts,
    RunRecord,
    RunState,
    fingerprint_for,
    recovered_fingerprint,
)

_RECORD = TypeAdapter(RunRecord)
_FIELDS = frozenset(field.name for field in fields(RunRecord))
_COLUMNS = {"visitor_pays": "own_purse"}  # the column's name is older than the field's
ORDERS_MAX = 50  # planned batches of a visitor; the oldest make room
FINAL_STATES = tuple(state.value for state in RunState if state.is_final)


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
    done = (
        done.where(runs.c.run_id.not_in(gone), runs.c.deleted_at.is_(None)).order_by(runs.c.created_at.desc()).limit(1)
    )
    row = connection.execute(done).mappings().first()
    return None if row is None else to_record(row)


def standing_for(
    connection: Connection, fingerprint: str, gone: Collection[str], *, again: bool, cell: BatchCell | None
) -> RunRecord | None:
    """Return the run that stands for a cell of a batch, else the one of the same request, which then stands for it."""
    if cell is None:
        return standing_run(connection, fingerprint, gone, again=again)
    row = connection.execute(run_of_cell(cell, gone)).mappings().first()
    if row is not None:
        return to_record(row)
    if (standing := standing_run(connection, fingerprint, gone, again=again)) is not None:
        note_cell(connection, cell, standing.run_id, is_own=False)
    return standing


def spending_by(connection: Connection, visitor: str, now: float, *, own_token: bool, payer: str = "") -> Spending:
    """Add up what a visitor's paid runs cost, see :func:`kling_ui.runs.pricing.spending_of`."""
    theirs, today = runs.c.visitor == visitor, runs.c.created_at >= now - now % DAY_S
    if payer:
        theirs |= runs.c.payer == payer
    query = select(runs).where(runs.c.engine == EngineName.KLING.value, theirs | today)
    rows = connection.execute(query.order_by(runs.c.created_at.desc())).mappings()
    return spending_of(map(to_record, rows), visitor=visitor, own_token=own_token, now=now, payer=payer)


def spending_before(connection: Connection, record: RunRecord, cell: BatchCell | None) -> Spending:
    """Add up what budgets count against a new run, its batch's too."""
    whose = {"own_token": record.visitor_pays, "payer": record.payer or ""}
    spending = spending_by(connection, record.visitor, record.created_at, **whose)
    return spending if cell is None else replace(spending, batch_usd=spent_by_batch(connection, cell.batch))


def spent_by_batch(connection: Connection, batch: str) -> float:
    """Add up what the runs that were made for a batch have cost or may still cost, in US dollars."""
    rows = connection.execute(runs_for_batch(batch)).mappings()
    return sum(at_stake_usd(to_record(row)) for row in rows)


def released(fingerprint: str) -> Update:
    """Make the statement after which runs of unknown outcome no longer stand in the way of the same one."""
    same = runs.c.open_key == fingerprint, runs.c.state == RunState.UNKNOWN.value
    return update(runs).where(*same).values(open_key=None)


def free_key(connection: Connection, run_id: str) -> str | None:
    """Return the key under which a run is the open one of its request; ``None`` when another run is by now."""
    request = select(runs.c.fingerprint).where(runs.c.run_id == run_id).scalar_subquery()
    other = connection.scalar(select(runs.c.run_id).where(runs.c.open_key == request, runs.c.run_id != run_id))
    return connection.scalar(select(request)) if other is None else None


def hand_over(connection: Connection, visitor: str, to: str) -> int:
    """Make one visitor's runs and orders another's, so that the same request is found again; return how many."""
    query = select(runs).where(runs.c.visitor == visitor).order_by(runs.c.created_at)
    rows = connection.execute(query).mappings().all()
    for row in rows:
        request = fingerprint_for(to, to_record(row))
        other = connection.scalar(select(runs.c.run_id).where(runs.c.open_key == request))
        key = request if row["open_key"] is not None and other is None else None
        theirs = update(runs).where(runs.c.run_id == row["run_id"])
        connection.execute(theirs.values(visitor=to, fingerprint=request, open_key=key))
    hand_orders_over(connection, visitor, to)
    return len(rows)


def theirs_of(run_id: str, visitor: str) -> tuple[ColumnElement[bool], ...]:
    """Say which run, whose, and that it is not deleted."""
    return runs.c.run_id == run_id, runs.c.visitor == visitor, runs.c.deleted_at.is_(None)


def is_unheld(now: float) -> ColumnElement[bool]:
    """Say that nobody looks after an open run, see :meth:`RunRecord.is_held`."""
    lapsed = (runs.c.held_until < now) | (runs.c.held_until > now + CLAIM_MAX_S)
    return runs.c.state.not_in(FINAL_STATES) & lapsed


def forget(connection: Connection, run_id: str) -> None:
    """Forget what was asked for in a deleted run; what it cost, and that it was, stays."""
    row = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().one()
    names = "findings", "motion", "score", "raw_error", "name", "repaired", "corrected", "open_key", "undo_until"
    blank = dict.fromkeys(("image_name", "image_sha256", "reference_name", "reference_sha256"), "")
    choice = to_row({"choice": replace(to_record(row).choice, prompt="")})
    request = recovered_fingerprint(row["visitor"], row["request_id"] or run_id)
    changes = dict.fromkeys(names) | blank | choice | {"fingerprint": request}
    connection.execute(update(runs).where(runs.c.run_id == run_id).values(changes))


def note_state(connection: Connection, run_id: str, state: RunState, at: float) -> None:
    """Enter a state into a run's history."""
    connection.execute(insert(states).values(run_id=run_id, state=state.value, at=at))


def at_stake(row: Mapping[Any, Any]) -> float:
    """Give what a run has cost or may still cost, in US dollars."""
    return at_stake_usd(to_record(row))


def to_row(values: Mapping[str, object]) -> dict[str, object]:
    """Put values under the names, and into the plain types, of columns."""
    return {_COLUMNS.get(name, name): _plain(value) for name, value in values.items()}


def score_of(motion: object) -> object:
    """Give the motion match of what was measured, by which runs are sorted; ``None`` where there is none."""
    return motion.get("score") if isinstance(motion, Mapping) else None


def _plain(value: object) -> object:
    if isinstance(value, TransferOptions | ResultFacts):
        return asdict(value)
    if isinstance(value, str):
        return str(value).replace("\0", "")  # PostgreSQL takes every character but this one
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def to_record(row: Mapping[Any, Any]) -> RunRecord:
    """Read a row; fields that a choice did not have when it was written take their defaults.

    Raises:
        ValueError: A column holds another word or type than today's.
    """
    return _RECORD.validate_python({name: row[_COLUMNS.get(name, name)] for name in _FIELDS})


def note_schema(connection: Connection, schema: ModelSchema | None, now: float) -> None:
    """Enter that a run was made under a schema; nothing where none is known."""
    if schema is None:
        return
    it = (model_schemas.c.schema_sha256 == schema.sha256) & (model_schemas.c.model_id == schema.model_id)
    if connection.execute(update(model_schemas).where(it).values(used_at=now)).rowcount:
        return
    row = {"schema_sha256": schema.sha256, "model_id": schema.model_id, "input_schema": dict(schema.fields)}
    connection.execute(insert(model_schemas).values(**row, used_at=now))


def last_schema(connection: Connection, model_id: str) -> dict[str, Any] | None:
    """Return the schema under which the newest run of a model was made; ``None`` where none is known."""
    query = select(model_schemas.c.input_schema).where(model_schemas.c.model_id == model_id)
    return connection.scalar(query.order_by(model_schemas.c.used_at.desc()).limit(1))


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


@dataclass(frozen=True, slots=True)
class LedgerTally:
    """What the ledger counts.

    Attributes:
        runs: Runs by engine and state.
        app_usd: US dollars that the app's token paid.
        visitors_usd: US dollars that visitors' tokens paid.
    """

    runs: Mapping[tuple[str, str], int]
    app_usd: float
    visitors_usd: float


def tally(connection: Connection) -> LedgerTally:
    """Count all runs; call it inside a transaction."""
    grouped = select(runs.c.engine, runs.c.state, func.count()).group_by(runs.c.engine, runs.c.state)
    counts = {(engine, state): count for engine, state, count in connection.execute(grouped)}
    paid = select(func.sum(runs.c.cost_usd)).where(runs.c.engine == EngineName.KLING.value)
    visitors_usd = connection.scalar(paid.where(runs.c.own_purse.is_(True))) or 0.0
    return LedgerTally(counts, (connection.scalar(paid) or 0.0) - visitors_usd, visitors_usd)


def keep_order(connection: Connection, batch: str, visitor: str, order: dict[str, Any], now: float) -> None:
    """Keep what was ordered, in place of what was before under the same id; call it inside a transaction."""
    connection.execute(delete(batch_orders).where(batch_orders.c.batch == batch, batch_orders.c.visitor == visitor))
    connection.execute(insert(batch_orders).values(batch=batch, visitor=visitor, kept_at=now, content=order))
    newest = select(batch_orders.c.batch).where(batch_orders.c.visitor == visitor)
    too_old = list(connection.scalars(newest.order_by(batch_orders.c.kept_at.desc()).offset(ORDERS_MAX)))
    connection.execute(delete(batch_orders).where(batch_orders.c.visitor == visitor, batch_orders.c.batch.in_(too_old)))


def order_of(connection: Connection, batch: str, visitor: str) -> dict[str, Any] | None:
    """Return what a visitor ordered of a batch, if that is kept."""
    theirs = batch_orders.c.batch == batch, batch_orders.c.visitor == visitor
    return connection.scalar(select(batch_orders.c.content).where(*theirs))


def erase_orders(connection: Connection, visitors: Collection[str]) -> None:
    """Erase what some visitors ordered; call it inside a transaction."""
    connection.execute(delete(batch_orders).where(batch_orders.c.visitor.in_(list(visitors))))


def hand_orders_over(connection: Connection, visitor: str, to: str) -> None:
    """Make one visitor's orders another's; call it inside a transaction."""
    connection.execute(update(batch_orders).where(batch_orders.c.visitor == visitor).values(visitor=to))
