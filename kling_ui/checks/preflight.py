"""Looking at inputs without blocking: the facade over the workers that page and command line share."""

import asyncio
import copy
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from kling_ui.checks.report import Report
from kling_ui.checks.rules import judge
from kling_ui.choice import Choice
from kling_ui.media.picture import ImageFacts, probe_image
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.vision.look import ImageLook, VideoLook, load_all_models, look_at_image, look_at_video
from kling_ui.workers import TakeTurn, Workers

FACTS_TIMEOUT_S = 30.0
LOOK_TIMEOUT_S = 120.0
_REMEMBERED_MAX = 64

T = TypeVar("T")
_Key = tuple[Callable[..., Any], Path, int, int]


@dataclass(slots=True)
class _Shared:
    """Work under way and how many wait for it."""

    task: asyncio.Task[Any]
    waiting: int = 0


class Preflight:
    """Looks at files in worker processes, each file once however many ask.

    Args:
        workers: The pool that does the work.
        folder: Where looks are kept.
    """

    def __init__(self, workers: Workers, folder: Path) -> None:
        self.workers = workers
        self.folder = folder
        self._take_turn: TakeTurn = _at_once
        self._under_way: dict[_Key, _Shared] = {}
        self._remembered: OrderedDict[_Key, Any] = OrderedDict()

    def taking_turns(self, take_turn: TakeTurn) -> Self:
        """Give a preflight for somebody who may not have everything looked at at once; what is known is shared.

        Args:
            take_turn: Waits until a worker may be asked for them, and gives what is to be called when it is done; what
                is remembered or under way already is not waited for.
        """
        theirs = copy.copy(self)
        theirs._take_turn = take_turn
        return theirs

    @property
    def remembered_contents(self) -> Collection[str]:
        """SHA-256 of the files whose looks are remembered here: what was drawn of them may be shown again."""
        looks = (found for found in self._remembered.values() if isinstance(found, ImageLook | VideoLook))
        return {look.sha256 for look in looks}

    async def warm_up(self) -> None:
        """Load the models in every worker, so that the first look need not wait; call it in the background."""
        loads = [self.workers.run(load_all_models, timeout_s=LOOK_TIMEOUT_S) for _ in range(self.workers.count)]
        await asyncio.gather(*loads)

    async def image_facts(self, path: Path) -> ImageFacts:
        """Read a picture's header.

        Raises:
            MediaError: It is no readable picture.
            WorkError: The worker died or took too long.
        """
        return await self._once(probe_image, path, timeout_s=FACTS_TIMEOUT_S)

    async def video_facts(self, path: Path) -> VideoFacts:
        """Read a clip's headers and packets.

        Raises:
            MediaError: It is no readable clip.
            WorkError: The worker died or took too long.
        """
        return await self._once(probe_video, path, timeout_s=FACTS_TIMEOUT_S)

    async def image(self, path: Path) -> ImageLook:
        """Find the character of a picture; the second look at the same content is quick.

        Raises:
            MediaError: It is no readable picture.
            WorkError: The worker died or took too long.
        """
        return await self._once(look_at_image, path, self.folder, timeout_s=LOOK_TIMEOUT_S)

    async def video(self, path: Path) -> VideoLook:
        """Follow the person of a clip; the second look at the same content is quick.

        Raises:
            MediaError: It is no readable clip.
            WorkError: The worker died or took too long.
        """
        return await self._once(look_at_video, path, self.folder, timeout_s=LOOK_TIMEOUT_S)

    @staticmethod
    def judge(
        image: ImageFacts | ImageLook | None, video: VideoFacts | VideoLook | None, choice: Choice | None = None
    ) -> Report:
        """Judge what is known so far; see :func:`kling_ui.checks.rules.judge`."""
        return judge(image, video, choice)

    async def report(self, image: Path | None, video: Path | None, choice: Choice) -> Report:
        """Look at both files at once and judge them.

        Raises:
            MediaError: One of them cannot be read.
            WorkError: A worker died or took too long.
        """
        looks = await asyncio.gather(
            self.image(image) if image else _nothing(),
            self.video(video) if video else _nothing(),
        )
        return judge(*looks, choice)

    async def _once(self, work: Callable[..., T], path: Path, *more: object, timeout_s: float) -> T:
        key = _key(work, path)
        if not self._is_known(key):
            end_turn = await self._take_turn()
            if self._is_known(key):  # somebody was quicker
                end_turn()
            else:
                self._begin(key, partial(self.workers.run, work, path, *more, timeout_s=timeout_s), end_turn)
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        shared = self._under_way[key]
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():  # nobody wants it any more
                self._under_way.pop(key, None)
                shared.task.cancel()

    def _begin(self, key: _Key, work: Callable[[], Awaitable[Any]], end_turn: Callable[[], None]) -> None:
        task = asyncio.ensure_future(work())
        self._under_way[key] = _Shared(task)
        task.add_done_callback(lambda done: self._settle(key, done))
        task.add_done_callback(lambda _: end_turn())  # not sooner: whoever began may go, and others still wait for it

    def _is_known(self, key: _Key) -> bool:
        return key in self._remembered or key in self._under_way

    def _settle(self, key: _Key, done: asyncio.Task[Any]) -> None:
        shared = self._under_way.get(key)
        if shared is not None and shared.task is done:
            del self._under_way[key]
        if not done.cancelled() and done.exception() is None:
            self._remembered[key] = done.result()
            while len(self._remembered) > _REMEMBERED_MAX:
                self._remembered.popitem(last=False)


def _key(work: Callable[..., object], path: Path) -> _Key:
    try:
        status = path.stat()
    except OSError:
        return (work, path, -1, -1)  # the work itself says what is wrong
    return (work, path, status.st_size, status.st_mtime_ns)


async def _at_once() -> Callable[[], None]:
    return lambda: None


async def _nothing() -> None:
    return None
