"""Runs of one visitor: searched, filtered, sorted and given page by page; and which of them they preferred blindly.

A page begins behind the last run of the one before it (keyset paging), so that it costs the same wherever it lies, and
runs that were added meanwhile shift nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, tuple_, update

from kling_ui.runs.ledger.schema import runs, votes
from kling_ui.runs.ledger.statements import to_record
from kling_ui.runs.record import EngineName, RunRecord, RunState

VOTES_MAX = 1000  # of a visitor; the oldest make room
PAGE_RUNS = 24
PAGE_RUNS_MAX = 96
WORDS_MAX = 8  # of a search; further ones are not looked for
DELETED_MAX = 20
SAME_MAX = 20
_BULKY = dict.fromkeys(("findings", "motion", "repaired", "corrected", "notes"))  # read where it is shown
_NOTHING = -1.0  # what was not measured, or cost nothing that is known, comes last

T = TypeVar("T")


class GallerySort(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    SCORE = "score"
    COST = "cost"


class GalleryState(StrEnum):
    """Which runs, by how far they are."""

    ANY = ""
    OPEN = "open"
    COMPLETED = "completed"
    ENDED = "ended"  # without a video: failed, cancelled, of unknown outcome


class PageCursor(NamedTuple):
    """The last run of a page, behind which the next one begins.

    Attributes:
        key: What it was sorted by.
        created_at: When it was asked for, seconds since 1970.
        run_id: Which it is.
    """

    key: float
    created_at: float
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryQuery:
    """Which runs are wanted.

    Attributes:
        text: Words that must all stand in its name or its prompt, in any letter case.
        engine: Who rendered it; ``None`` for any.
        state: How far it is.
        starred: Only those that were marked.
        sort: What comes first; among equals the newest.
        after: The last run that is known already.
        limit: How many at most, 1 to :data:`PAGE_RUNS_MAX`.
    """

    text: str = ""
    engine: EngineName | None = None
    state: GalleryState = GalleryState.ANY
    starred: bool = False
    sort: GallerySort = GallerySort.NEWEST
    after: PageCursor | None = None
    limit: int = PAGE_RUNS


@dataclass(frozen=True, kw_only=True)  # no slots: a generic class that is frozen cannot have them
class GalleryPage(Generic[T]):
    """Some runs.

    Attributes:
        runs: The runs, in order.
        total: How many there are on all pages.
        after: Where the next page begins; ``None`` on the last.
    """

    runs: list[T]
    total: int
    after: PageCursor | None


def gallery_page(connection: Connection, visitor: str, query: GalleryQuery) -> GalleryPage[RunRecord]:
    """Return a page of a visitor's runs that are not deleted."""
    chosen = _chosen(visitor, query)
    key = _KEYS[query.sort]
    place = key, runs.c.created_at, runs.c.run_id
    total = connection.scalar(select(func.count()).select_from(runs).where(*chosen)) or 0
    page = select(runs, key.label("sort_key")).where(*chosen).order_by(*(part.desc() for part in place))
    if query.after is not None:
        page = page.where(tuple_(*place) < tuple_(*query.after))
    limit = min(max(1, query.limit), PAGE_RUNS_MAX)
    rows = connection.execute(page.limit(limit + 1)).mappings().all()
    shown, last = rows[:limit], rows[limit - 1] if len(rows) > limit else None
    after = None if last is None else PageCursor(last["sort_key"], last["created_at"], last["run_id"])
    return GalleryPage(runs=[to_record(row) for row in shown], total=total, after=after)


def deleted_runs(connection: Connection, visitor: str, now: float) -> list[RunRecord]:
    """Return a visitor's deleted runs that can still be put back, the last deleted first."""
    theirs = runs.c.visitor == visitor, runs.c.undo_until >= now
    query = select(runs).where(*theirs).order_by(runs.c.deleted_at.desc()).limit(DELETED_MAX)
    return [to_record(row) for row in connection.execute(query).mappings()]


def paid_runs(connection: Connection, visitor: str) -> list[RunRecord]:
    """Return a visitor's runs on Kling, deleted ones too, newest first, without what takes much room."""
    columns = [column for column in runs.c if column.name not in _BULKY]
    theirs = runs.c.visitor == visitor, runs.c.engine == EngineName.KLING.value
    rows = connection.execute(select(*columns).where(*theirs).order_by(runs.c.created_at.desc())).mappings()
    return [to_record({**_BULKY, **row}) for row in rows]


def same_inputs(connection: Connection, record: RunRecord) -> list[RunRecord]:
    """Return the completed runs of the same visitor with the same picture and clip, newest first."""
    files = runs.c.image_sha256 == record.image_sha256, runs.c.reference_sha256 == record.reference_sha256
    theirs = runs.c.visitor == record.visitor, runs.c.deleted_at.is_(None)
    done = runs.c.state == RunState.COMPLETED.value
    query = select(runs).where(*theirs, *files, done).order_by(runs.c.created_at.desc()).limit(SAME_MAX)
    return [to_record(row) for row in connection.execute(query).mappings()]


def _chosen(visitor: str, query: GalleryQuery) -> list[ColumnElement[bool]]:
    chosen = [runs.c.visitor == visitor, runs.c.deleted_at.is_(None)]
    if query.engine is not None:
        chosen.append(runs.c.engine == query.engine.value)
    if query.state is not GalleryState.ANY:
        chosen.append(runs.c.state.in_([state.value for state in RunState if _group(state) is query.state]))
    if query.starred:
        chosen.append(runs.c.starred.is_(True))
    prompt = runs.c.choice["prompt"].as_string()
    for word in query.text.replace("\0", " ").split()[:WORDS_MAX]:
        found = (text.icontains(word, autoescape=True) for text in (runs.c.name, prompt))
        chosen.append(or_(*found))
    return chosen


def _group(state: RunState) -> GalleryState:
    if state is RunState.COMPLETED:
        return GalleryState.COMPLETED
    return GalleryState.ENDED if state.is_final else GalleryState.OPEN


_KEYS: dict[GallerySort, ColumnElement[float]] = {
    GallerySort.NEWEST: runs.c.created_at,
    GallerySort.SCORE: func.coalesce(runs.c.score, _NOTHING),
    GallerySort.COST: func.coalesce(runs.c.cost_usd, _NOTHING),
}


@dataclass(frozen=True, slots=True)
class BlindVote:
    """One vote.

    Attributes:
        run_ids: The runs, in the order in which they were shown.
        engines: Where each was made.
        preferred: Place of the best one in that order; ``None`` for no difference.
    """

    run_ids: tuple[str, ...]
    engines: tuple[str, ...]
    preferred: int | None


@dataclass(frozen=True, slots=True)
class VoteTally:
    """What came of a visitor's votes between the two engines.

    Attributes:
        votes: How many votes had results of both.
        kling: In how many one of Kling's was preferred.
        preview: In how many one of the preview's was.
    """

    votes: int = 0
    kling: int = 0
    preview: int = 0


def note_vote(connection: Connection, visitor: str, vote: BlindVote, now: float) -> None:
    """Keep a vote; call it inside a transaction."""
    named = {"run_ids": list(vote.run_ids), "engines": list(vote.engines), "preferred": vote.preferred}
    connection.execute(insert(votes).values(visitor=visitor, voted_at=now, **named))
    newest = select(votes.c.id).where(votes.c.visitor == visitor).order_by(votes.c.id.desc()).offset(VOTES_MAX)
    too_old = list(connection.scalars(newest))
    connection.execute(delete(votes).where(votes.c.id.in_(too_old)))


def votes_of(connection: Connection, visitor: str) -> list[BlindVote]:
    """Return a visitor's votes, oldest first."""
    columns = votes.c.run_ids, votes.c.engines, votes.c.preferred
    rows = connection.execute(select(*columns).where(votes.c.visitor == visitor).order_by(votes.c.id)).all()
    return [BlindVote(tuple(run_ids), tuple(engines), preferred) for run_ids, engines, preferred in rows]


def erase_votes(connection: Connection, visitors: Collection[str]) -> None:
    """Erase all votes of some visitors; call it inside a transaction."""
    connection.execute(delete(votes).where(votes.c.visitor.in_(list(visitors))))


def hand_votes_over(connection: Connection, visitor: str, to: str) -> None:
    """Make one visitor's votes another's; call it inside a transaction."""
    connection.execute(update(votes).where(votes.c.visitor == visitor).values(visitor=to))


def tally_of(cast: Iterable[BlindVote]) -> VoteTally:
    """Count the votes between the engines."""
    between = [vote for vote in cast if len(set(vote.engines)) > 1]
    return VoteTally(len(between), _won(between, EngineName.KLING), _won(between, EngineName.PREVIEW))


def _won(cast: Sequence[BlindVote], engine: EngineName) -> int:
    return sum(vote.preferred is not None and vote.engines[vote.preferred] == engine.value for vote in cast)
