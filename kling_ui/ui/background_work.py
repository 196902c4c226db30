"""Work that goes on in this process with nobody looking, and is found again by its key while it is known here."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from kling_ui.errors import RunError
from kling_ui.languages import english

KEPT_MAX = 200  # of what has ended; what it made lies with its runs
AT_ONCE_MAX = 50
SHOWN_EVERY_S = 0.5
QUIET_S = 10.0  # a page that has gone is noticed when it is next written to


@dataclass(eq=False, kw_only=True)
class BackgroundWork:
    """One piece of work that is, or was, done here.

    Attributes:
        owner: Whose it is.
        changed: Set at every change, and at the end.
        task: The work.
    """

    owner: str
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """It goes on."""
        return self.task is not None and not self.task.done()

    async def until_end(self, timeout_s: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        if self.task is not None:
            await asyncio.wait([self.task], timeout=timeout_s)

    def wake(self) -> None:
        """Wake whoever waits for news."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def scenes(self) -> AsyncIterator[bool]:
        """Yield whether it goes on: at once, after changes, when nothing was heard for long, and at last its end."""
        while True:
            changed, is_under_way = self.changed, self.is_under_way
            yield is_under_way
            if not is_under_way:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await changed.wait()
            await self.until_end(SHOWN_EVERY_S)

    async def stop(self) -> None:
        """End it where it is; runs are let go of, and whoever asks for the same again goes on."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


W = TypeVar("W", bound=BackgroundWork)


class WorkByKey(Generic[W]):
    """Work of one kind, one at a time for each key.

    Attributes:
        UNDER_WAY: What is said where one of the same key is under way, and what to do.
        TOO_MANY: What is said where too many are.
    """

    UNDER_WAY: ClassVar[tuple[str, str]]
    TOO_MANY: ClassVar[str]

    def __init__(self) -> None:
        self._work: OrderedDict[str, W] = OrderedDict()

    def find(self, key: str) -> W | None:
        """Return the last one of a key, if it is known here."""
        return self._work.get(key)

    def refuse_more(self, key: str) -> None:
        """Refuse to begin another one.

        Raises:
            RunError: One of this key is under way, or too many are.
        """
        known = self._work.get(key)
        if known is not None and known.is_under_way:
            words, advice = self.UNDER_WAY
            raise RunError(words, advice=advice)
        if sum(one.is_under_way for one in self._work.values()) >= AT_ONCE_MAX:
            raise RunError(self.TOO_MANY, advice="Try again later.")

    def begin(self, key: str, work: W, doing: Coroutine[Any, Any, None]) -> W:
        """Do something in the background, and forget what ended longest ago."""
        work.task = asyncio.create_task(doing, context=english())
        self._work[key] = work
        self._work.move_to_end(key)
        ended = [one for one, known in self._work.items() if not known.is_under_way]
        for one in ended[: max(0, len(ended) - KEPT_MAX)]:
            del self._work[one]
        return work

    async def drop(self, owner: str) -> None:
        """Stop what goes on for somebody whose data are deleted, and forget what there was."""
        for key, known in list(self._work.items()):
            if known.owner == owner:
                del self._work[key]
                await known.stop()

    async def aclose(self) -> None:
        """Stop everything."""
        tasks = [one.task for one in self._work.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
