"""What was ordered of batches whose folder goes with the process: enough to go on with them after a restart."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from kling_ui.runs.ledger.schema import batch_orders

ORDERS_MAX = 50  # of a visitor; the oldest make room


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
