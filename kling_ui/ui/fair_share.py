"""Turns for work that many visitors cause, and how often somebody may try something."""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kling_ui.errors import KlingUIError, RunError

SPAN_S = 3600.0
KEYS_MAX = (
    20_000  # each with at most as many times as it has attempts; the one that has been quiet for longest goes first
)
WAITING_EACH_MAX = 64  # a few tabs of one visitor, or of several behind one address, at their busiest moment
WAITING_MAX = 1024

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
                f"This was tried {self._attempts_max} times within {self._span_s / 60:.0f} minutes.",
                advice=f"Try again in {minutes} {'minute' if minutes == 1 else 'minutes'}.",
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


class FairShare:
    """Lets everybody have so many turns at once; used on one event loop.

    Whoever asks is named by keys, such as an account and an address; a turn counts for each of them.

    Args:
        each: Turns that one key may have at once.
        waiting_each_max: Turns of one key that may be waited for; more are refused.
        waiting_max: Turns that may be waited for by all together.
        what: What is done in a turn, in the plural, for the refusal.
    """

    def __init__(
        self,
        each: int,
        *,
        waiting_each_max: int = WAITING_EACH_MAX,
        waiting_max: int = WAITING_MAX,
        what: str = "checks and repairs",
    ) -> None:
        self._each = each
        self._waiting_each_max = waiting_each_max
        self._waiting_max = waiting_max
        self._what = what
        self._taken: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()  # how many wait
        self._waiting: list[_Waiter] = []

    async def take(self, *keys: str) -> Release:
        """Wait for a turn.

        Args:
            keys: Who asks; without any there is nothing to wait for.

        Returns:
            Ends the turn; may be called more than once.

        Raises:
            BusyError: Too many wait already.
        """
        if self._has_room(keys):  # those who wait for the same keys would have been served, had there been room
            return self._grant(keys)
        self._refuse_more(keys)
        waiter = _Waiter(keys, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._asked.update(keys)
        try:
            await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled():
                self._release(keys)  # it came at the same moment
            else:
                self._leave(waiter)
            raise
        return self._releasing(keys)

    @asynccontextmanager
    async def turn(self, *keys: str) -> AsyncGenerator[None]:
        """Do something in a turn; see :meth:`take`."""
        release = await self.take(*keys)
        try:
            yield
        finally:
            release()

    def _refuse_more(self, keys: tuple[str, ...]) -> None:
        if len(self._waiting) >= self._waiting_max:
            raise BusyError("The app is busy with others.", advice="Try again in a minute.")
        if any(self._asked[key] >= self._waiting_each_max for key in keys):
            raise BusyError(f"Too many {self._what} of yours are under way.", advice="Wait until some are done.")

    def _has_room(self, keys: tuple[str, ...]) -> bool:
        return all(self._taken[key] < self._each for key in keys)

    def _grant(self, keys: tuple[str, ...]) -> Release:
        self._taken.update(keys)
        return self._releasing(keys)

    def _releasing(self, keys: tuple[str, ...]) -> Release:
        left = [keys]  # emptied by the first call
        return lambda: self._release(left.pop()) if left else None

    def _release(self, keys: tuple[str, ...]) -> None:
        _subtract(self._taken, keys)
        for waiter in [waiter for waiter in self._waiting if not set(waiter.keys).isdisjoint(keys)]:
            if not waiter.granted.done() and self._has_room(waiter.keys):
                self._leave(waiter)
                self._taken.update(waiter.keys)
                waiter.granted.set_result(None)

    def _leave(self, waiter: _Waiter) -> None:
        self._waiting.remove(waiter)
        _subtract(self._asked, waiter.keys)


def _subtract(counter: Counter[str], keys: tuple[str, ...]) -> None:
    counter.subtract(keys)
    for key in keys:
        if counter[key] <= 0:
            del counter[key]  # whoever has gone is forgotten
