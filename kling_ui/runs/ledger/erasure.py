"""Erasing a visitor from the ledger; what the app's own token paid stays as a date and an amount, without a name."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from kling_ui.runs.ledger.schema import batch_cells, handles, lock_ledger, runs
from kling_ui.runs.pricing import DAY_S
from kling_ui.runs.record import EngineName, RunRecord, RunState, recovered_fingerprint

ERASED = "erased:"  # what the owner of such a row begins with: nobody's id does
_FINAL = tuple(state.value for state in RunState if state.is_final)
# What is left of a run that the app's token paid: when and where it ran, how it ended, what it cost.
_KEPT = {"engine", "state", "created_at", "changed_at", "attempts", "own_token", "visitor_pays", "payer"} | {
    "held_until",
    "price",
    "estimate_usd",
    "cost_usd",
    "run_id",
    "deleted_at",
}
_BLANK: dict[str, Any] = {"image_name": "", "image_sha256": "", "reference_name": "", "reference_sha256": ""}
_BLANK |= {"choice": {"prompt": ""}, "starred": False, "score": None}


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """What became of a visitor's rows.

    Attributes:
        run_ids: The runs that are gone, or of which only the money is left.
        under_way: The paid runs that were kept, because they have not ended.
        with_money: How many are left as a date and an amount.
        at_vendor: How many the vendor may have a copy of.
        contents: SHA-256 of their inputs and results.
    """

    run_ids: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()
    with_money: int = 0
    at_vendor: int = 0
    contents: frozenset[str] = frozenset()


def erase(connection: Connection, owned: ColumnElement[bool], now: float) -> ErasedRows:
    """Erase runs, their states, their handles and their places in batches; call it inside a transaction.

    Args:
        connection: To the ledger.
        owned: Chooses the rows.
        now: Seconds since 1970.
    """
    lock_ledger(connection)
    is_open_and_paid = runs.c.state.not_in(_FINAL) & (runs.c.engine == EngineName.KLING.value)
    under_way = tuple(connection.scalars(select(runs.c.run_id).where(owned, is_open_and_paid)))
    columns = (runs.c.run_id, runs.c.request_id, runs.c.engine, runs.c.own_purse, runs.c.state, runs.c.created_at)
    hashes = (runs.c.image_sha256, runs.c.reference_sha256, runs.c.result_sha256)
    rows = connection.execute(select(*columns, *hashes).where(owned, ~is_open_and_paid)).all()
    contents = {sha256 for row in rows for sha256 in row[len(columns) :] if sha256}
    of_app = [row for row in rows if row.engine == EngineName.KLING.value and not row.own_purse]
    erased = select(runs.c.run_id).where(owned, ~is_open_and_paid)
    for table in (handles, batch_cells):
        connection.execute(delete(table).where(table.c.run_id.in_(erased)))
    for row in of_app:
        _leave_the_money(connection, row.run_id, now, is_of_today=row.created_at >= now - now % DAY_S)
    connection.execute(delete(runs).where(owned, ~is_open_and_paid, ~runs.c.visitor.startswith(ERASED)))
    return ErasedRows(
        tuple(row.run_id for row in rows),
        under_way,
        len(of_app),
        sum(row.engine == EngineName.KLING.value and _may_be_there(row) for row in rows),
        frozenset(contents),
    )


def forget_payers(connection: Connection, now: float) -> int:
    """Take the payer out of erased rows of days that have ended (UTC): no budget counts them by payer any more."""
    is_old = runs.c.visitor.startswith(ERASED, autoescape=True) & (runs.c.created_at < now - now % DAY_S)
    query = update(runs).where(is_old, runs.c.payer.is_not(None)).values(payer=None)
    return connection.execute(query).rowcount


def used_contents(connection: Connection, contents: Collection[str]) -> set[str]:
    """Return those of some contents (SHA-256) that belong to a run which nobody has deleted."""
    found: set[str] = set()
    for column in (runs.c.image_sha256, runs.c.reference_sha256, runs.c.result_sha256):
        query = select(column).where(column.in_(contents), runs.c.deleted_at.is_(None)).distinct()
        found |= set(connection.scalars(query))
    return found


def _may_be_there(row: Any) -> bool:
    return row.request_id is not None or row.state == RunState.UNKNOWN.value


def _leave_the_money(connection: Connection, run_id: str, now: float, *, is_of_today: bool) -> None:
    nobody = f"{ERASED}{secrets.token_hex(16)}"
    gone = {name.name: None for name in fields(RunRecord) if name.name not in _KEPT}
    values = gone | _BLANK | {"visitor": nobody, "open_key": None, "deleted_at": now}
    values |= {"fingerprint": recovered_fingerprint(nobody, run_id)}
    if not is_of_today:
        values["payer"] = None
    connection.execute(update(runs).where(runs.c.run_id == run_id).values(values))
