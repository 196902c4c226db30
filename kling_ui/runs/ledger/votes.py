"""Blind votes: which of some results a visitor liked best before they knew which was whose."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from kling_ui.runs.ledger.schema import votes
from kling_ui.runs.record import EngineName

VOTES_MAX = 1000  # of a visitor; the oldest make room


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
