"""How many runs there are, and what they cost: all together, of nobody in particular."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from kling_ui.runs.ledger.schema import runs
from kling_ui.runs.record import EngineName


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
