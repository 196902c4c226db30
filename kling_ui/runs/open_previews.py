"""How many previews of a visitor, and of their network address, are open in this process: waiting or being drawn."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kling_ui.errors import RunError
from kling_ui.runs.record import EngineName, RunRecord, RunState
from kling_ui.runs.terms import Terms

OPEN = frozenset({RunState.PREPARING, RunState.SUBMITTING, RunState.IN_QUEUE, RunState.IN_PROGRESS})
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(slots=True, eq=False)
class Place:
    """One preview's place among those that are open.

    Attributes:
        visitor: Whose it is.
        address: The key of the address from which it was asked for; may be empty.
        record: Gives the run once there is one; until then the place is held for it.
        settled: Set as soon as it has a run, or is given back.
    """

    visitor: str
    address: str = ""
    record: Callable[[], RunRecord] | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_open(self) -> bool:
        """It waits or is drawn: what is only being fetched or measured takes no turn from anybody."""
        return self.record is None or self.record().state in OPEN


class OpenPreviews:
    """The places of this process's open previews; everything happens on one event loop, without a pause between."""

    def __init__(self) -> None:
        self._places: set[Place] = set()

    def take(self, visitor: str, terms: Terms) -> Place:
        """Hold a place before anything is done for a preview.

        Raises:
            RunError: The visitor, or their address, has as many as the terms allow.
        """
        if (refusal := self._refusal(visitor, terms)) is not None:
            raise refusal
        place = Place(visitor, terms.address)
        self._places.add(place)
        return place

    def fill(self, place: Place | None, record: Callable[[], RunRecord]) -> None:
        """Note which run a place is for; one that nobody held a place for, such as an adopted one, gets one."""
        if record().engine is not EngineName.PREVIEW:
            return
        if place is None:
            place = Place(record().visitor)
            self._places.add(place)
        place.record = record
        place.settled.set()

    async def settle(self, visitor: str) -> None:
        """Wait until the ledger knows of everything that this visitor is starting at the moment."""
        for place in [place for place in self._places if place.visitor == visitor]:
            await place.settled.wait()

    def give_up(self, place: Place | None) -> None:
        """Give a place back that was held for nothing; one that a run has stays that run's."""
        if place is not None and place.record is None:
            self._places.discard(place)
            place.settled.set()

    def leave(self, run_id: str) -> None:
        """Free the place of a run that is no longer carried here."""
        self._places -= {place for place in self._places if place.record and place.record().run_id == run_id}

    def _refusal(self, visitor: str, terms: Terms) -> RunError | None:
        if terms.previews_max is None:
            return None
        if sum(place.visitor == visitor for place in self._open()) >= terms.previews_max:
            return _refused(terms.previews_max, "of your previews", "or cancel one")
        if terms.address and sum(place.address == terms.address for place in self._open()) >= terms.previews_max:
            return _refused(terms.previews_max, "previews from your network address", "which may be somebody else's")
        return None

    def _open(self) -> Iterator[Place]:
        return (place for place in self._places if place.is_open)


def _refused(count: int, whose: str, way_out: str) -> RunError:
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    words = f"{number} {whose} {'is' if count == 1 else 'are'} waiting or being drawn."
    return RunError(words, advice=f"Wait until one is done, {way_out}.")
