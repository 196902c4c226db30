"""Working ahead: an iterator that runs in a thread of its own, a few items before they are needed."""

import queue
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
_LOOK_S = 0.1  # how often a thread that cannot go on looks whether it is still wanted


class Ahead(Generic[T]):
    """Gives the same items, made by another thread while the caller works on earlier ones.

    Use it as a context manager and iterate over it once; the thread ends with the block. What is raised while the items
    are made is raised where they are taken.

    Args:
        items: Made in the other thread only.
        most: How many may wait; bounds the memory.
    """

    def __init__(self, items: Iterable[T], most: int) -> None:
        self._items = items
        self._waiting: queue.Queue[T | None] = queue.Queue(most)  # None ends
        self._unwanted = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._make, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unwanted.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while (item := self._waiting.get()) is not None:
            yield item
        if self._failure is not None:
            raise self._failure

    def _make(self) -> None:
        try:
            for item in self._items:
                self._put(item)
                if self._unwanted.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  raised again where the items are taken
            self._failure = error
        self._put(None)

    def _put(self, item: T | None) -> None:
        while not self._unwanted.is_set():
            try:
                return self._waiting.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
        return None
