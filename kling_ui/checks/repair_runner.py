"""Writes repaired copies in workers, with progress; a worker that is stopped leaves nothing half-written."""

import asyncio
import re
import shutil
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.checks.repair_plan import Plan
from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.files import OnShare, harmless_stem, watched_progress
from kling_ui.media.transform_image import ImageTransform, transform_image
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.vision.evidence import image_before_after, video_before_after
from kling_ui.workers import Workers

IMAGE_TIMEOUT_S = 120.0
VIDEO_TIMEOUT_S = 1200.0
_ASK_EVERY_S = 0.2
_SCRATCH = ".repairing-"
_STALE_AFTER_S = 2 * VIDEO_TIMEOUT_S
_ENDING = re.compile(r"-repaired(-\d+)?$")

_Work = Coroutine[Any, Any, Path | None]
_Results = tuple[Path | None, Path | None]


@dataclass(frozen=True, slots=True)
class RepairedCopy:
    """The files to go on with.

    Attributes:
        image: The repaired copy of the image, or the original where nothing was to be done.
        video: The clip, likewise.
    """

    image: Path | None
    video: Path | None


class RepairRunner:
    """Applies plans in worker processes.

    Args:
        workers: The pool that does the work.
    """

    def __init__(self, workers: Workers) -> None:
        self.workers = workers

    async def apply(
        self,
        plan: Plan,
        image: Path | None,
        video: Path | None,
        folder: Path,
        *,
        on_progress: OnShare | None = None,
    ) -> RepairedCopy:
        """Write the repaired copies, both files at once; cancelling ends the work and leaves nothing behind.

        Args:
            plan: What to do.
            image: The original image; only read.
            video: The original clip; only read.
            folder: Where the copies go, as ``<name>-repaired.<suffix>``; nothing there is overwritten.
            on_progress: Called with 0-1 whenever the larger part of the work is further.

        Raises:
            MediaError: A file cannot be read, or a copy cannot be written.
            WorkError: A worker died or took too long.
        """
        async with _scratch(folder) as scratch:
            repaired = await _both(
                self._image(plan.image, image, scratch), self._video(plan.video, video, scratch, on_progress)
            )
            return await asyncio.to_thread(_place_both, repaired, (image, video), folder)

    async def before_after(
        self, plan: Plan, originals: RepairedCopy, repaired: RepairedCopy, folder: Path
    ) -> RepairedCopy:
        """Draw what :meth:`apply` did: a JPEG for each file that was repaired, ``None`` for the others.

        Args:
            plan: What was done.
            originals: What it was done to.
            repaired: What came of it.
            folder: Where the pictures go, which exists.

        Raises:
            MediaError: A file cannot be read or written.
            WorkError: A worker died or took too long.
        """
        jobs = (
            (image_before_after, plan.image, originals.image, repaired.image),
            (video_before_after, plan.video, originals.video, repaired.video),
        )
        drawn = [self._draw(work, before, after, transform, folder) for work, transform, before, after in jobs]
        return RepairedCopy(*await _both(drawn[0], drawn[1]))

    async def _draw(
        self,
        work: Callable[..., Path],
        before: Path | None,
        after: Path | None,
        transform: ImageTransform | VideoTransform | None,
        folder: Path,
    ) -> Path | None:
        if transform is None or before is None or after is None:
            return None
        out = folder / f"{after.stem}-before-after.jpg"
        return await self.workers.run(work, before, after, transform, out, timeout_s=IMAGE_TIMEOUT_S)

    async def _image(self, transform: ImageTransform | None, path: Path | None, scratch: Path) -> Path | None:
        if transform is None or path is None:
            return None
        return (
            await self.workers.run(transform_image, path, transform, scratch, stem="image", timeout_s=IMAGE_TIMEOUT_S)
        ).path

    async def _video(
        self, transform: VideoTransform | None, path: Path | None, scratch: Path, on_progress: OnShare | None
    ) -> Path | None:
        if transform is None or path is None:
            return None
        progress_file = scratch / "progress.json"
        async with watched_progress(progress_file, on_progress):
            facts = await self.workers.run(
                transform_video,
                path,
                transform,
                scratch,
                stem="video",
                progress=progress_file,
                timeout_s=VIDEO_TIMEOUT_S,
            )
        return facts.path


async def _both(image: _Work, video: _Work) -> _Results:
    tasks = asyncio.ensure_future(image), asyncio.ensure_future(video)
    try:
        first, second = await asyncio.gather(*tasks)
        return first, second
    finally:
        for task in tasks:  # when one fails, the other is of no use
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _scratch(folder: Path) -> AsyncGenerator[Path]:
    """A hidden folder for work under way; a worker that is killed while it writes leaves its part in here."""
    scratch = folder / f"{_SCRATCH}{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(_prepare, scratch)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # few files; also when the task is being cancelled


def _prepare(scratch: Path) -> None:
    try:
        scratch.mkdir(parents=True)
        for old in scratch.parent.glob(f"{_SCRATCH}*"):
            if old.stat().st_mtime < time.time() - _STALE_AFTER_S:  # of a process that was killed
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        advice = "Choose a folder that can be written to."
        raise MediaError(
            Told("this folder cannot be written to ({reason}).", reason=reason), path=scratch.parent, advice=advice
        ) from error


def _place_both(repaired: _Results, originals: _Results, folder: Path) -> RepairedCopy:
    places = [
        original if result is None or original is None else place(result, folder, original.stem)
        for result, original in zip(repaired, originals, strict=True)
    ]
    return RepairedCopy(*places)


def place(result: Path, folder: Path, stem: str) -> Path:
    """Move a finished file to where it belongs, under a name that is free there.

    Args:
        result: The file.
        folder: Where to, on the same file system.
        stem: Name of the original without suffix; ``-repaired`` and, if need be, a number are added.

    Raises:
        MediaError: It cannot be written there.
    """
    stem, number = f"{harmless_stem(_ENDING.sub('', stem), 'input')}-repaired", 1
    while True:
        target = folder / f"{stem}{f'-{number}' if number > 1 else ''}{result.suffix}"
        try:
            target.touch(exist_ok=False)  # claims the name
            return result.replace(target)
        except FileExistsError:
            number += 1
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise MediaError(
                Told("it cannot be written ({reason}).", reason=reason), path=target, advice="Choose another folder."
            ) from error
