"""Where people are in any frame of a clip: borrowed from the moments around it, as outlines change little meanwhile."""

from collections.abc import Sequence

import cv2
import numpy as np

_REACH_S = 0.65  # how far an outline is borrowed: moments are at most 1.25 s apart in what any engine takes
_GROWN_PX = 9


class Figures:
    """Outlines by time.

    Args:
        times_s: ``(frames,)`` of all frames of the reel, rising.
        at_s: When frames were looked at, rising.
        outlines: ``(height, width)`` bool at each of these times; ``None`` for nobody.
    """

    def __init__(self, times_s: np.ndarray, at_s: Sequence[float], outlines: Sequence[np.ndarray | None]) -> None:
        self._times_s, self._at_s, self._outlines = times_s, np.asarray(at_s), outlines
        self._joined: dict[tuple[int, ...], np.ndarray] = {}

    def at(self, index: int) -> np.ndarray | None:
        """Give the outline in a frame, by its index in the reel."""
        return self.during(float(self._times_s[index]), float(self._times_s[index]))

    def during(self, start_s: float, end_s: float) -> np.ndarray | None:
        """Give all places where somebody is during a span."""
        first = max(0, int(np.searchsorted(self._at_s, start_s, side="right")) - 1)
        last = min(len(self._at_s) - 1, int(np.searchsorted(self._at_s, end_s)))
        near = tuple(
            place
            for place in range(first, last + 1)
            if self._outlines[place] is not None and start_s - _REACH_S <= self._at_s[place] <= end_s + _REACH_S
        )
        if near and near not in self._joined:
            self._joined[near] = grown(np.logical_or.reduce([self._outlines[place] for place in near]))
        return self._joined.get(near)


def grown(figure: np.ndarray) -> np.ndarray:
    """Widen an outline a little: it is coarse, and what is on its edge moves."""
    return cv2.dilate(figure.astype(np.uint8), np.ones((_GROWN_PX, _GROWN_PX), np.uint8)) > 0
