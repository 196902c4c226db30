"""The newest wish wins: an older handler of the same tab notices that it is no longer the one that may answer."""

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager


class Attention:
    """Who answers last for a place of a page, such as one tab's picture."""

    def __init__(self) -> None:
        self._newest: dict[Hashable, object] = {}

    @contextmanager
    def claim(self, *place: Hashable) -> Generator[Callable[[], bool]]:
        """Take over a place; the given function tells whether nobody has taken it over since."""
        mark = object()
        self._newest[place] = mark
        try:
            yield lambda: self._newest.get(place) is mark
        finally:
            if self._newest.get(place) is mark:
                del self._newest[place]
