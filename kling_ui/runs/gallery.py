"""A visitor's runs as a collection: paged, marked, named, deleted and put back, compared, added up."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial

from sqlalchemy import Connection

from kling_ui.errors import LedgerError, RunError
from kling_ui.languages import Told
from kling_ui.options import Resolution, without_odd
from kling_ui.runs.ledger.gallery import (
    BlindVote,
    GalleryPage,
    GalleryQuery,
    VoteTally,
    deleted_runs,
    gallery_page,
    note_vote,
    paid_runs,
    same_inputs,
    tally_of,
    votes_of,
)
from kling_ui.runs.pricing import at_stake_usd
from kling_ui.runs.queries import RunQueries
from kling_ui.runs.record import RunRecord
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_view import UNDO_PAID_S, UNDO_S, DeletionLoss, LossError, RunView, unknown_run

NAME_MAX_CHARS = 80
COMPARED_MIN, COMPARED_MAX = 2, 4
EMPTY_EVERY_S = 60.0
FORECAST_SLACK_S = 0.2  # a forecast that was off by no more was right: five frames of 24 a second

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpentDay:
    """What one day's runs cost.

    Attributes:
        day: The day, UTC.
        usd: US dollars that were charged or may still be.
        runs: How many runs on Kling there were.
    """

    day: date
    usd: float
    runs: int


@dataclass(frozen=True, slots=True)
class ForecastRecord:
    """How often the checks were right about how many seconds would come back from Kling.

    Attributes:
        right: Of how many runs the forecast was off by :data:`FORECAST_SLACK_S` at most.
        told: How many runs had a forecast and came back.
    """

    right: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryOverview:
    """What is told of all of a visitor's runs, beside a page of them.

    Attributes:
        page: Some of the runs.
        deleted: Those that can still be put back.
        days: What was spent, newest day first; days without a run on Kling are left out.
        forecasts: How often forecasts were right.
        has_paid: There was a run on Kling, perhaps one that is deleted by now.
    """

    page: GalleryPage[RunView]
    deleted: list[RunView]
    days: list[SpentDay]
    forecasts: ForecastRecord
    has_paid: bool


class RunGallery:
    """What a visitor sees of their runs together; every call names the visitor whose they must be.

    Args:
        context: Ledger, folders and clock.
        queries: Shows single runs.
    """

    def __init__(self, context: RunContext, queries: RunQueries) -> None:
        self._context = context
        self._queries = queries

    async def overview(self, visitor: str, query: GalleryQuery | None = None) -> GalleryOverview:
        """Return a page of runs, the newest unless something else is asked for, and what is told beside it."""
        if not visitor:  # nobody's runs are nobody's to see
            page = GalleryPage[RunView](runs=[], total=0, after=None)
            return GalleryOverview(page=page, deleted=[], days=[], forecasts=ForecastRecord(), has_paid=False)
        now = self._context.clock()
        page = await self.page(visitor, query or GalleryQuery())
        deleted, paid = await self._context.ledger.ask(
            lambda store: store.read(lambda it: (deleted_runs(it, visitor, now), paid_runs(it, visitor)))
        )
        views = [self._queries.show(record) for record in deleted]
        days, forecasts = spent_by_day(paid), forecast_record(paid)
        return GalleryOverview(page=page, deleted=views, days=days, forecasts=forecasts, has_paid=bool(paid))

    async def page(self, visitor: str, query: GalleryQuery) -> GalleryPage[RunView]:
        """Return some of a visitor's runs."""
        found = await self._context.ledger.ask(
            lambda store: store.read(lambda connection: gallery_page(connection, visitor, query))
        )
        shown = await asyncio.to_thread(
            lambda: [self._queries.show(record) for record in found.runs]
        )  # looks for files
        return GalleryPage(runs=shown, total=found.total, after=found.after)

    async def compared(self, visitor: str, run_ids: Sequence[str]) -> list[RunView]:
        """Return runs with a result, to be shown beside each other, in the order in which they were named.

        Raises:
            RunError: They are too few or too many, one of them is not this visitor's, or has no result.
        """
        chosen = list(dict.fromkeys(run_ids))
        if not COMPARED_MIN <= len(chosen) <= COMPARED_MAX:
            raise RunError(Told("Choose {least} to {most} runs to compare.", least=COMPARED_MIN, most=COMPARED_MAX))
        views = [await self._queries.view(run_id, visitor) for run_id in chosen]
        if any(view.result is None for view in views):
            raise RunError("One of these runs has no result to compare.", advice="Choose finished runs.")
        return views

    async def vote(self, visitor: str, run_ids: Sequence[str], preferred: str) -> tuple[list[RunView], VoteTally]:
        """Keep which of some results a visitor liked best before they knew which was whose.

        Args:
            visitor: Whose runs they must be, and whose vote it is.
            run_ids: The runs, in the order in which they were shown.
            preferred: The best of them; empty for no difference.

        Returns:
            The runs in that order, and what came of all votes of this visitor.

        Raises:
            RunError: These runs cannot be compared, or the best one is none of them.
        """
        views = await self.compared(visitor, run_ids)
        shown = tuple(view.run_id for view in views)
        if preferred and preferred not in shown:
            raise RunError("This run is none of those that are compared.")
        place = shown.index(preferred) if preferred else None
        cast, now = BlindVote(shown, tuple(view.engine.value for view in views), place), self._context.clock()

        def keep(connection: Connection) -> VoteTally:
            note_vote(connection, visitor, cast, now)
            return tally_of(votes_of(connection, visitor))

        return views, await self._context.ledger.ask(lambda store: store.read(keep))

    async def other_engine(self, run_id: str, visitor: str) -> RunView | None:
        """Return the newest finished run of the same request on the other engine, if there is one."""
        record = await self._queries.record(run_id, visitor)
        if not record.has_inputs:
            return None
        like = await self._context.ledger.ask(lambda store: store.read(partial(same_inputs, record=record)))
        others = (
            one for one in like if one.engine is not record.engine and _what_was_asked(one) == _what_was_asked(record)
        )
        views = (self._queries.show(one) for one in others)
        return next((view for view in views if view.result is not None), None)

    async def star(self, run_id: str, visitor: str, *, is_starred: bool) -> None:
        """Mark a run, or take the mark away.

        Raises:
            RunError: There is no such run of this visitor.
        """
        if not visitor or not await self._context.ledger.ask(
            lambda store: store.star(run_id, visitor, is_starred=is_starred)
        ):
            raise unknown_run()

    async def rename(self, run_id: str, visitor: str, name: str) -> None:
        """Call a run by another name, of at most :data:`NAME_MAX_CHARS` characters; an empty one takes it away.

        Raises:
            RunError: There is no such run of this visitor.
        """
        kept = " ".join(without_odd(name).split())[:NAME_MAX_CHARS] or None
        if not visitor or not await self._context.ledger.ask(lambda store: store.rename(run_id, visitor, kept)):
            raise unknown_run()

    async def delete(self, run_id: str, visitor: str, *, losing: DeletionLoss) -> None:
        """Take a run out of sight; after a while its files, and all that says what was asked for, are removed.

        Until then :meth:`restore` puts it back; what it cost stays in the ledger for good.

        Args:
            run_id: The run.
            visitor: Whose it must be.
            losing: What the visitor was told is lost.

        Raises:
            LossError: Something else would be lost, or the run is under way; nothing was deleted.
            RunError: There is no such run of this visitor.
        """
        run = self._queries.show(await self._queries.record(run_id, visitor))
        if run.loss is DeletionLoss.UNDER_WAY or run.loss is not losing:
            raise LossError(run)
        now = self._context.clock()
        until = now + undo_s(run)
        if not await self._context.ledger.ask(lambda store: store.delete(run_id, visitor, now=now, undo_until=until)):
            raise unknown_run()

    async def restore(self, run_id: str, visitor: str) -> None:
        """Put a deleted run back.

        Raises:
            RunError: It is gone for good, or was never this visitor's.
        """
        if not visitor or not await self._context.ledger.ask(lambda store: store.restore(run_id, visitor)):
            raise RunError("This run can no longer be put back.")

    async def empty(self) -> int:
        """Remove for good what can no longer be put back; return how many runs that were."""
        now = self._context.clock()
        due = await self._context.ledger.ask(lambda store: store.forget_due(now))
        for run_id in due:
            await asyncio.to_thread(self._context.folders.remove, run_id)
        return len(due)

    async def keep_emptying(self) -> None:
        """Do so again and again, until cancelled; what fails is tried the next time."""
        while True:
            await asyncio.sleep(EMPTY_EVERY_S)
            try:
                await self.empty()
            except LedgerError as error:
                log.warning("Deleted runs could not be removed: %s", error)


def undo_s(run: RunView) -> float:
    """Return for how many seconds a run can be put back after its visitor deleted it."""
    return UNDO_S if run.loss is DeletionLoss.FILES else UNDO_PAID_S


def spent_by_day(paid: Sequence[RunRecord]) -> list[SpentDay]:
    """Add up what runs on Kling cost, day by day (UTC), in the order of the runs; days without one are left out."""
    days: dict[date, SpentDay] = {}
    for record in paid:
        day = datetime.fromtimestamp(record.created_at, UTC).date()
        so_far = days.get(day, SpentDay(day, 0.0, 0))
        days[day] = replace(so_far, usd=so_far.usd + at_stake_usd(record), runs=so_far.runs + 1)
    return list(days.values())


def forecast_record(paid: Sequence[RunRecord]) -> ForecastRecord:
    """Count how often the forecast of the seconds that come back from Kling was right."""
    errors_s = [
        round(abs(record.result_facts.duration_s - record.forecast_s), 3)
        for record in paid
        if record.result_facts is not None and record.forecast_s is not None
    ]
    return ForecastRecord(sum(error_s <= FORECAST_SLACK_S for error_s in errors_s), len(errors_s))


def _what_was_asked(record: RunRecord) -> object:
    """Give what both engines are asked for alike: Kling is asked for no size."""
    return replace(record.choice, resolution=Resolution.P720)
