"""Times of pictures and sounds where a file's own time stamps are broken: begin anew, stand still or are missing."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_BEGINS_ANEW_S = 0.5  # stamps that go back further are those of another recording that was put behind the first
_FORWARD_S = 1e-4  # by which a time is later than the one before at least


def without_wild_stamps(items: Iterable[tuple[float | None, T]]) -> Iterator[tuple[float | None, T]]:
    """Take away each single stamp that lies far beyond both of its neighbours: it would shift all that follows.

    Args:
        items: Stamps in seconds, in the order in which they should rise, each with what it belongs to; one item is
            read ahead.
    """
    before_s, waiting = None, None
    for item in items:
        if waiting is not None:
            yield _tamed(waiting, before_s, item[0])
            if waiting[0] is not None and not _is_wild(waiting[0], before_s, item[0]):
                before_s = waiting[0]
        waiting = item
    if waiting is not None:
        yield waiting


def _tamed(item: tuple[float | None, T], before_s: float | None, next_s: float | None) -> tuple[float | None, T]:
    return (None, item[1]) if item[0] is not None and _is_wild(item[0], before_s, next_s) else item


def _is_wild(stamp_s: float, before_s: float | None, next_s: float | None) -> bool:
    if before_s is None or next_s is None or not before_s < next_s:
        return False
    return stamp_s > next_s + _BEGINS_ANEW_S or stamp_s < before_s - _BEGINS_ANEW_S


class MediaClock:
    """Tells times that rise, whatever the stamps do; stamps that rise are told as they are.

    Recordings that were put behind each other byte by byte begin anew, writers that know no time stamp everything 0,
    and cuts without decoding leave the first pictures of some Matroska files without a stamp.

    Args:
        step_s: How long one item usually lasts, in seconds.

    Attributes:
        shift_s: What is added to stamps since they last began anew.
    """

    def __init__(self, step_s: float) -> None:
        self.shift_s = 0.0
        self._step_s = step_s
        self._last_s: float | None = None
        self._stamp_s = 0.0
        self._standing = 0

    def time_s(self, stamp_s: float | None) -> float:
        """Tell the time of the next item, in seconds.

        Args:
            stamp_s: What the file says; ``None`` where it says nothing.
        """
        time_s = self._after(stamp_s, self._last_s) if self._last_s is not None else stamp_s or 0.0
        self._stamp_s = time_s - self.shift_s if stamp_s is None else stamp_s
        self._last_s = time_s
        return time_s

    def _after(self, stamp_s: float | None, last_s: float) -> float:
        if stamp_s is None:
            return last_s + self._step_s
        if stamp_s == self._stamp_s:
            self._standing += 1  # half a step at first: in a pair of equal stamps the second stood between two ticks
            return last_s + self._step_s / (2 if self._standing == 1 else 1)
        self._standing = 0
        if stamp_s < self._stamp_s - _BEGINS_ANEW_S:
            self.shift_s = last_s + self._step_s - stamp_s
        return max(stamp_s + self.shift_s, last_s + _FORWARD_S)
