"""Turns for work that many visitors cause, and how often somebody may try something."""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kling_ui.errors import KlingUIError, RunError
from kling_ui.languages import Told, told

SPAN_S = 3600.0
KEYS_MAX = (
    20_000  # each with at most as many times as it has attempts; the one that has been quiet for longest goes first
)
WAITING_EACH_MAX = 64  # a few tabs of one visitor, or of several behind one address, at their busiest moment
WAITING_MAX = 1024
PLACE_EVERY_S = 0.5  # how often it is looked at how long a line is

Release = Callable[[], None]


class AttemptLimit:
    """Counts attempts for each of the keys that tell who tries, in memory and for as long as they count.

    Args:
        attempts_max: Attempts of one key within the span.
        span_s: Seconds for which an attempt counts.
        keys_max: Keys that are remembered.
        clock: Seconds since any moment.
    """

    def __init__(
        self,
        attempts_max: int = 10,
        *,
        span_s: float = SPAN_S,
        keys_max: int = KEYS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._attempts_max = attempts_max
        self._span_s = span_s
        self._keys_max = keys_max
        self._clock = clock
        self._tried: OrderedDict[str, tuple[float, ...]] = OrderedDict()  # the longest quiet first

    def take(self, *keys: str) -> None:
        """Count an attempt of somebody who goes by several keys; a refused one does not count.

        Raises:
            RunError: One of the keys has had all its attempts; it says when there is another one.
        """
        now = self._clock()
        self._forget(now)
        wait_s = max((self._wait_s(key, now) for key in keys), default=0.0)
        if wait_s > 0:
            minutes = math.ceil(wait_s / 60)
            raise RunError(
                Told(
                    "This was tried {most} times within {span_min:.0f} minutes.",
                    most=self._attempts_max,
                    span_min=self._span_s / 60,
                ),
                advice=Told(
                    "Try again in {minutes} minute." if minutes == 1 else "Try again in {minutes} minutes.",
                    minutes=minutes,
                ),
            )
        for key in keys:
            self._tried[key] = (*self._tried.pop(key, ()), now)[-self._attempts_max :]
        while len(self._tried) > self._keys_max:
            self._tried.popitem(last=False)

    def _wait_s(self, key: str, now: float) -> float:
        """Return the seconds until a key has an attempt left."""
        times = self._tried.get(key, ())
        return 0.0 if len(times) < self._attempts_max else times[0] + self._span_s - now

    def _forget(self, now: float) -> None:
        while self._tried and next(iter(self._tried.values()))[-1] + self._span_s <= now:
            self._tried.popitem(last=False)


class BusyError(KlingUIError):
    """Too many wait already."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    keys: tuple[str, ...]
    granted: asyncio.Future[None]
    takes_slot: bool


class FairShare:
    """Lets everybody have so many turns at once; used on one event loop.

    Whoever asks is named by keys, such as an account and an address; a turn counts for each of them. Where all together
    may have only so many slots, whoever has the fewest turns is served next, so that everybody's first one comes before
    anybody's second.

    Args:
        each: Turns that one key may have at once.
        slots: Turns of those that take a slot that all together may have at once; ``None`` sets no limit.
        waiting_each_max: Turns of one key that may be waited for; more are refused.
        waiting_max: Turns that may be waited for by all together.
        what: What is done in a turn, in the plural, for the refusal.
    """

    def __init__(
        self,
        each: int,
        *,
        slots: int | None = None,
        waiting_each_max: int = WAITING_EACH_MAX,
        waiting_max: int = WAITING_MAX,
        what: str = "checks and repairs",
    ) -> None:
        self._each = each
        self._slots = slots
        self._waiting_each_max = waiting_each_max
        self._waiting_max = waiting_max
        self._what = what
        self._taken: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()  # how many wait
        self._waiting: list[_Waiter] = []
        self._slots_taken = 0
        self._served: dict[str, int] = {}  # the number of their newest turn
        self.granted = 0
        self.refused = 0

    def __len__(self) -> int:
        """Count those who wait."""
        return len(self._waiting)

    async def take(self, *keys: str, takes_slot: bool = False) -> Release:
        """Wait for a turn.

        Args:
            keys: Who asks; without any nothing is waited for but a slot.
            takes_slot: It is of a kind of which all together may have only so many.

        Returns:
            Ends the turn; may be called more than once.

        Raises:
            BusyError: Too many wait already.
        """
        waiter = _Waiter(keys, asyncio.get_running_loop().create_future(), takes_slot)
        if self._has_room(waiter):  # those who wait for the same would have been served, had there been room
            return self._grant(waiter)
        self._refuse_more(keys)
        self._waiting.append(waiter)
        self._asked.update(keys)
        try:
            await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled():
                self._release(waiter)  # it came at the same moment
            else:
                self._leave(waiter)
            raise
        return self._releasing(waiter)

    @asynccontextmanager
    async def turn(self, *keys: str) -> AsyncGenerator[None]:
        """Do something in a turn; see :meth:`take`."""
        release = await self.take(*keys)
        try:
            yield
        finally:
            release()

    def place(self, *keys: str) -> int | None:
        """Count the turns of all that come before the next one of somebody's; ``None`` when none of theirs waits."""
        line = self._line()
        return next((place for place, waiter in enumerate(line) if set(keys) & set(waiter.keys)), None)

    def _refuse_more(self, keys: tuple[str, ...]) -> None:
        if len(self._waiting) >= self._waiting_max:
            self.refused += 1
            raise BusyError(
                Told("The app is busy: this would be place {place} in the line.", place=len(self._waiting) + 1),
                advice="Try again in a minute.",
            )
        if any(self._asked[key] >= self._waiting_each_max for key in keys):
            self.refused += 1
            raise BusyError(
                Told(
                    "Busy: {most} {what} of yours are waiting already, and this would be place {place}.",
                    most=self._waiting_each_max,
                    what=told(self._what),
                    place=self._waiting_each_max + 1,
                )
                if self._waiting_each_max
                else Told("Too many {what} of yours are under way.", what=told(self._what)),
                advice="Wait until some are done.",
            )

    def _has_room(self, waiter: _Waiter) -> bool:
        if waiter.takes_slot and self._slots is not None and self._slots_taken >= self._slots:
            return False
        return all(self._taken[key] < self._each for key in waiter.keys)

    def _grant(self, waiter: _Waiter) -> Release:
        self._take(waiter)
        return self._releasing(waiter)

    def _take(self, waiter: _Waiter) -> None:
        self.granted += 1
        self._taken.update(waiter.keys)
        self._slots_taken += waiter.takes_slot
        self._served.update(dict.fromkeys(waiter.keys, self.granted))

    def _releasing(self, waiter: _Waiter) -> Release:
        left = [waiter]  # emptied by the first call
        return lambda: self._release(left.pop()) if left else None

    def _release(self, done: _Waiter) -> None:
        _subtract(self._taken, done.keys)
        self._forget(done.keys)
        self._slots_taken -= done.takes_slot
        for waiter in self._line():
            if not waiter.granted.done() and self._has_room(waiter):
                self._leave(waiter)
                self._take(waiter)
                waiter.granted.set_result(None)

    def _line(self) -> list[_Waiter]:
        """Return who waits in the order of their turns: by how many they have or wait for before, then round robin."""
        before = Counter(self._taken)
        ranks: dict[_Waiter, tuple[int, int]] = {}
        for waiter in self._waiting:
            served = max((self._served.get(key, 0) for key in waiter.keys), default=0)
            ranks[waiter] = max((before[key] for key in waiter.keys), default=0), served
            before.update(waiter.keys)
        return sorted(self._waiting, key=lambda waiter: ranks[waiter])

    def _leave(self, waiter: _Waiter) -> None:
        self._waiting.remove(waiter)
        _subtract(self._asked, waiter.keys)
        self._forget(waiter.keys)

    def _forget(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            if not (self._taken[key] or self._asked[key]):
                self._served.pop(key, None)


async def place_updates(place: Callable[[], int | None], work: asyncio.Future[Any]) -> AsyncGenerator[int | None]:
    """Give somebody's place in a line whenever it is another one, until their work is done, which ends with this.

    Args:
        place: Tells the place; ``None`` as soon as the turn has come.
        work: What is waited for.
    """
    told: int | None = None
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=PLACE_EVERY_S)
            now = place()
            if now != told and not work.done():
                told = now
                yield now
    finally:
        if not work.done():
            work.cancel()


def _subtract(counter: Counter[str], keys: tuple[str, ...]) -> None:
    counter.subtract(keys)
    for key in keys:
        if counter[key] <= 0:
            del counter[key]  # whoever has gone is forgotten
