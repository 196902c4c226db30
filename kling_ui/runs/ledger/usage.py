"""What was taken on which day, and the pause: rows of the ledger, inside a transaction of the store."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, true, update

from kling_ui.pauses import Pause, PauseScope
from kling_ui.quotas import QuotaKeys, QuotaScope, Usage, UsageClaim, day_of
from kling_ui.runs.ledger.schema import pauses, runs, usage

KEPT_DAYS = 1  # besides today: clocks of two processes differ around midnight
_COUNTS = ("runs", "previews", "uploads", "size_bytes")


class UsageRows:
    """The day's usage and the pause, as one transaction sees them.

    A paid run has a row of its own, by which its cost is found; all else of one day, visitor and address shares one.

    Args:
        connection: To the ledger; others who ask for something wait until its transaction ends.
        at_stake: Says of a row of ``runs`` what that run has cost or may still cost, in US dollars.
    """

    def __init__(self, connection: Connection, at_stake: Callable[[Mapping[Any, Any]], float]) -> None:
        self._connection = connection
        self._at_stake = at_stake

    def check(self, claim: UsageClaim, now: float) -> None:
        """Refuse what a pause or a quota does not allow; times are seconds since 1970.

        Raises:
            PausedError: A pause does not.
            DailyQuotaError: A quota does not.
        """
        for pause in (claim.pause, self.pause()):
            if pause is not None:
                pause.check(is_paid=claim.is_paid, now=now)
        if claim.quotas.is_set:
            claim.quotas.check(claim.asked, self._of_day(claim, day_of(now)), now)

    def take(self, claim: UsageClaim, now: float, *, run_id: str = "") -> None:
        """Count what is asked for, where anything is limited; ``run_id`` is that of a paid run.

        Raises:
            RunError: As for :meth:`check`; nothing is counted.
        """
        self.check(claim, now)
        if not claim.quotas.is_set:
            return
        self.forget(now)
        if not run_id and self._add(claim.keys, day_of(now), claim.asked):
            return
        asked = claim.asked
        row = {"day": day_of(now), "visitor": claim.keys.visitor, "address": claim.keys.address, "run_id": run_id}
        amounts = {name: getattr(asked, name) for name in _COUNTS}
        amounts |= {"seconds": asked.seconds or 0.0, "usd": asked.usd or 0.0}
        self._connection.execute(insert(usage).values(row | amounts))

    def give_back(self, keys: QuotaKeys, day: int, unused: Usage) -> None:
        """Take back from a day what was counted and not needed: previews, uploads and their bytes."""
        less = Usage(previews=-unused.previews, uploads=-unused.uploads, size_bytes=-unused.size_bytes)
        self._add(keys, day, less)

    def forget(self, now: float) -> None:
        """Forget what was taken before yesterday."""
        self._connection.execute(delete(usage).where(usage.c.day < day_of(now) - KEPT_DAYS))

    def pause(self) -> Pause | None:
        """Read the pause that was set here."""
        row = self._connection.execute(select(pauses)).first()
        return None if row is None else Pause(PauseScope(row.scope), row.message, row.until)

    def set_pause(self, pause: Pause | None) -> None:
        """Set the pause for every process that uses the ledger, in place of the one before; ``None`` ends it."""
        self._connection.execute(delete(pauses))
        if pause is not None:
            row = {"scope": pause.scope.value, "message": pause.message, "until": pause.until}
            self._connection.execute(insert(pauses).values(row))

    def _of_day(self, claim: UsageClaim, day: int) -> dict[QuotaScope, Usage]:
        """Add up what was taken in a day, for each scope that is limited."""
        whose: dict[QuotaScope, ColumnElement[bool]] = {
            QuotaScope.VISITOR: usage.c.visitor == claim.keys.visitor,
            QuotaScope.ADDRESS: usage.c.address == claim.keys.address,
            QuotaScope.TOTAL: true(),
        }
        limited = [scope for scope in QuotaScope if any(claim.quotas.of(scope).limits())]
        return {scope: self._sum((usage.c.day == day) & whose[scope]) for scope in limited}

    def _sum(self, where: ColumnElement[bool]) -> Usage:
        sums = [func.sum(usage.c[name]).label(name) for name in (*_COUNTS, "seconds")]
        found = self._connection.execute(select(*sums).where(where)).mappings().one()
        counts = {name: int(found[name] or 0) for name in _COUNTS}
        # What a run costs is known better later on; one that is no longer in the ledger counts as it was expected.
        joined = usage.join(runs, usage.c.run_id == runs.c.run_id, isouter=True)
        paid = select(usage.c.usd.label("expected_usd"), runs).select_from(joined).where(where, usage.c.usd > 0)
        rows = self._connection.execute(paid).mappings().all()
        usd = sum(row["expected_usd"] if row["run_id"] is None else self._at_stake(row) for row in rows)
        return Usage(seconds=float(found["seconds"] or 0.0), usd=usd, **counts)

    def _add(self, keys: QuotaKeys, day: int, more: Usage) -> bool:
        """Add to the row that a day, visitor and address share; return whether there is one."""
        shared = usage.c.day == day, usage.c.visitor == keys.visitor, usage.c.address == keys.address
        changes = {name: usage.c[name] + getattr(more, name) for name in ("previews", "uploads", "size_bytes")}
        query = update(usage).where(*shared, usage.c.run_id == "").values(changes)
        return self._connection.execute(query).rowcount > 0
