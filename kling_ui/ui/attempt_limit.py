"""How often somebody may try something that costs the app little and a guesser nothing."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from kling_ui.errors import RunError

SPAN_S = 3600.0
KEYS_MAX = (
    20_000  # each with at most as many times as it has attempts; the one that has been quiet for longest goes first
)


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
