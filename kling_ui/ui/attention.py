"""The newest wish wins: an older handler of the same tab notices that it is no longer the one that may answer."""

from collections import defaultdict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager


class Attention:
    """Who answers last for a place of a page, such as one tab's picture."""

    def __init__(self) -> None:
        self._newest: dict[Hashable, object] = {}
        self._quiet: defaultdict[Hashable, set[object]] = defaultdict(set)  # who watches and has seen no claim yet

    @contextmanager
    def claim(self, *place: Hashable) -> Generator[Callable[[], bool]]:
        """Take over a place; the given function tells whether nobody has taken it over since."""
        mark = object()
        self._newest[place] = mark
        self._quiet.pop(place, None)
        try:
            yield lambda: self._newest.get(place) is mark
        finally:
            if self._newest.get(place) is mark:
                del self._newest[place]

    @contextmanager
    def watch(self, *place: Hashable) -> Generator[Callable[[], bool]]:
        """Watch a place without taking it over; the given function tells whether nobody has taken it over since."""
        mark = object()
        self._quiet[place].add(mark)
        try:
            yield lambda: mark in self._quiet.get(place, ())
        finally:
            if mark in self._quiet.get(place, ()):
                self._quiet[place].discard(mark)
                if not self._quiet[place]:
                    del self._quiet[place]
