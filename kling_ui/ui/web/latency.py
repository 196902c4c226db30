"""How long events of the page wait for their first answer, counted by classes as Prometheus wants it."""

from bisect import bisect_left
from itertools import accumulate

BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Latency:
    """Counts durations.

    Attributes:
        sum_s: All of them together, in seconds.
    """

    def __init__(self) -> None:
        self.sum_s = 0.0
        self._counts = [0] * (len(BOUNDS_S) + 1)

    def note(self, elapsed_s: float) -> None:
        """Count one."""
        self.sum_s += elapsed_s
        self._counts[bisect_left(BOUNDS_S, elapsed_s)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many took at most so long, by the bound as text."""
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
