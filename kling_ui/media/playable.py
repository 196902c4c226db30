"""Copies of clips and pictures that every browser shows, made by content in the background where it is needed.

Only what is looked at changes: checks, previews and the model API are given the original.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import sys
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kling_ui.errors import KlingUIError, MediaError, WorkCancelledError
from kling_ui.languages import Told
from kling_ui.media.files import atomic_file, content_sha256
from kling_ui.media.image import ImageFacts, read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.transform_video import write_played_copy
from kling_ui.media.video import read_frames
from kling_ui.options import InputKind
from kling_ui.workers import TakeTurn, Workers

CLIP_MAX_S = 180.0  # longer clips are not copied; what is handed to an engine is at most 30 s long
COPY_TIMEOUT_S = 240.0  # 3 min of 4K HEVC on two slow cores
POSTER_TIMEOUT_S = 30.0
CACHE_MAX_BYTES = 2 * 10**9
PICTURE_LONG_SIDE_PX, POSTER_LONG_SIDE_PX = 2048, 1280
THUMBNAIL_LONG_SIDE_PX = 360
THUMBNAIL_AT_SHARE = 1 / 3  # of a clip: people often stand still at its beginning
_JPEG_QUALITY = 90
_NICE = 5  # about a third of what an analysis gets that wants the same processor
FAILED_S = 600.0  # for so long a copy that failed is not tried again
_REMEMBERED_MAX = 512  # hashes of files, and copies that failed
# What Chromium, Firefox and Safari play, each with the sound that they play with it. AV1 is not among them: Safari
# plays it only where the machine has a decoder for it; nor is VP9 outside of WebM.
_PLAYED = {
    **dict.fromkeys([("mp4", "h264"), ("mov", "h264")], frozenset({"", "aac", "mp3"})),
    **dict.fromkeys([("webm", "vp8"), ("webm", "vp9")], frozenset({"", "opus", "vorbis"})),
}
_PLAYED_PIXELS = frozenset({"yuv420p", "yuvj420p"})
_SHOWN_FORMATS = frozenset({"jpeg", "png", "webp", "gif", "bmp", "avif"})
_SHOWN_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"})  # neither 16 bit nor CMYK

log = logging.getLogger(__name__)


def is_shown_everywhere(facts: ImageFacts | VideoFacts) -> bool:
    """Tell whether every browser surely shows a file, in the right colours and orientation."""
    if isinstance(facts, ImageFacts):
        return facts.format in _SHOWN_FORMATS and facts.mode in _SHOWN_MODES
    is_plain = not (facts.hdr or facts.is_interlaced or facts.is_mirrored)
    sounds = _PLAYED.get((facts.format, facts.codec), frozenset())
    return (
        is_plain and not facts.is_transparent and facts.pixel_format in _PLAYED_PIXELS and facts.audio_codec in sounds
    )


class CopyState(StrEnum):
    """How far a copy is."""

    NOT_NEEDED = "not needed"
    READY = "ready"
    UNDER_WAY = "under way"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ShownCopy:
    """What there is to be shown of a file.

    Attributes:
        state: How far its copy is.
        path: What to show: the original, or the copy once it is ready.
        fps: Frames a second of a clip, by which it is stepped through; 0 where it is not known.
        poster: A JPEG of a clip's first picture, as soon as there is one.
        error: Why there is no copy.
    """

    state: CopyState
    path: Path | None = None
    fps: float = 0.0
    poster: Path | None = None
    error: KlingUIError | None = None


class PlayableCopies:
    """Makes copies that every browser shows, each once however many ask; used on one event loop.

    Files are named by the SHA-256 of the original. A copy appears whole or not at all: workers write into a folder of
    their own, which goes whatever happens to them.

    Args:
        folder: Where copies are kept; it is made when needed.
        workers: The pool that makes them.
        at_once_max: How many clips may be copied at once.
        check_room: Refuses copies while the disk is nearly full.
        max_bytes: What all of them may take; those that were shown longest ago go first.
    """

    def __init__(
        self,
        folder: Path,
        workers: Workers,
        *,
        at_once_max: int = 1,
        check_room: Callable[[], None] = lambda: None,
        max_bytes: int = CACHE_MAX_BYTES,
    ) -> None:
        self.folder = folder
        self._workers = workers
        self._check_room = check_room
        self._max_bytes = max_bytes
        self._at_once = asyncio.Semaphore(at_once_max)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._failed: OrderedDict[str, tuple[KlingUIError, float]] = OrderedDict()
        self._hashes: OrderedDict[tuple[Path, int, int], str] = OrderedDict()

    async def of(
        self,
        path: Path,
        kind: InputKind,
        *,
        facts: Callable[[Path], Awaitable[ImageFacts | VideoFacts]],
        take_turn: TakeTurn,
        is_wanted: bool = False,
    ) -> ShownCopy:
        """Tell what to show of a file, and begin to make it if need be; this does not wait for it.

        Args:
            path: The original.
            kind: What it is shown as: a GIF may be either.
            facts: Reads what the file says of itself.
            take_turn: Waits until a copy may be made for whoever asks, and gives what is to be called at its end.
            is_wanted: A browser could not show the original, whatever its facts say.
        """
        try:
            found = await facts(path)
            fps = found.fps if isinstance(found, VideoFacts) else 0.0
            if not is_wanted and is_shown_everywhere(found):
                return ShownCopy(CopyState.NOT_NEEDED, path, fps)
            name = f"{await self._hash(path)}-{kind}"
        except KlingUIError as error:
            return ShownCopy(CopyState.FAILED, error=error)
        except OSError:
            return ShownCopy(CopyState.FAILED, error=KlingUIError("The file is no longer kept here."))
        place, poster = self._places(name, kind)
        shown = poster if poster.is_file() else None
        if place.is_file():
            _touch(place, poster)
            return ShownCopy(CopyState.READY, place, fps, shown)
        error, until_s = self._failed.get(name, (None, 0.0))
        if error is not None and time.monotonic() < until_s:
            return ShownCopy(CopyState.FAILED, None, fps, shown, error)
        if name not in self._under_way:
            self._begin(name, self._make(found, kind, name, take_turn))
        return ShownCopy(CopyState.UNDER_WAY, None, fps, shown)

    async def close(self) -> None:
        """Stop what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _places(self, name: str, kind: InputKind) -> tuple[Path, Path]:
        suffix = ".jpg" if kind is InputKind.IMAGE else ".mp4"
        return self.folder / f"{name}{suffix}", self.folder / f"{name}-poster.jpg"

    def _begin(self, name: str, making: Coroutine[Any, Any, None]) -> None:
        task = self._under_way[name] = asyncio.create_task(making)
        task.add_done_callback(lambda done: self._settle(name, done))

    def _settle(self, name: str, done: asyncio.Task[None]) -> None:
        self._under_way.pop(name, None)
        error = None if done.cancelled() else done.exception()
        if error is None or isinstance(error, WorkCancelledError):
            return
        if not isinstance(error, KlingUIError):
            log.error("A copy to be shown could not be made.", exc_info=error)
            error = KlingUIError("The copy could not be made.")
        _remember(self._failed, name, (error, time.monotonic() + FAILED_S))

    async def _make(self, facts: ImageFacts | VideoFacts, kind: InputKind, name: str, take_turn: TakeTurn) -> None:
        try:
            end_turn = await take_turn()
        except KlingUIError:
            return  # whoever asks next may be luckier
        work = self.folder / f".work-{uuid.uuid4().hex}"
        place, poster = self._places(name, kind)
        try:
            self._check_room()
            await asyncio.to_thread(work.mkdir, parents=True)
            if isinstance(facts, ImageFacts):
                await self._write(write_shown_picture, facts, work / place.name, place, POSTER_TIMEOUT_S)
            else:
                if not poster.is_file():
                    await self._write(write_poster, facts, work / poster.name, poster, POSTER_TIMEOUT_S)
                _refuse_long(facts)
                async with self._at_once:
                    await self._write(write_shown_clip, facts, work / place.name, place, COPY_TIMEOUT_S)
            await asyncio.to_thread(_make_room, self.folder, self._max_bytes)
        finally:
            end_turn()
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, work, ignore_errors=True))

    async def _write(
        self, work: Callable[..., Path], facts: ImageFacts | VideoFacts, part: Path, place: Path, timeout_s: float
    ) -> None:
        """Have a worker write a file, then put it in its place."""
        made = await self._workers.run(work, facts, part, timeout_s=timeout_s)
        await asyncio.to_thread(made.replace, place)

    async def _hash(self, path: Path) -> str:
        status = await asyncio.to_thread(path.stat)
        key = path, status.st_size, status.st_mtime_ns
        if key not in self._hashes:
            _remember(self._hashes, key, await asyncio.to_thread(content_sha256, path))
        return self._hashes[key]


def write_shown_clip(facts: VideoFacts, out: Path) -> Path:
    """Write a copy of a clip, giving way to what else the machine does; runs in a worker.

    Raises:
        MediaError: It cannot be read, or the copy cannot be written.
    """
    with ThreadPoolExecutor(1, initializer=_give_way) as own:  # it ends with its thread, unlike the worker
        return own.submit(write_played_copy, facts, out).result()


def _give_way() -> None:
    """Lower the priority of this thread and of those that it starts; elsewhere than on Linux it is the process's."""
    if sys.platform == "linux":
        os.nice(_NICE)


def write_poster(facts: VideoFacts, out: Path) -> Path:
    """Write a clip's first picture as a JPEG; runs in a worker.

    Raises:
        MediaError: It has none, or it cannot be written.
    """
    first = next(read_frames(facts.path, container=facts.format, long_side_px=POSTER_LONG_SIDE_PX), None)
    if first is None:
        raise MediaError("none of its pictures can be decoded.", path=facts.path, advice="Choose another clip.")
    return _write_jpeg(first.rgb, out)


def write_shown_picture(facts: ImageFacts, out: Path) -> Path:
    """Write a copy of a picture as a JPEG, upright and in sRGB; runs in a worker.

    Raises:
        MediaError: It cannot be read, or the copy cannot be written.
    """
    return _write_jpeg(read_picture(facts.path, long_side_px=PICTURE_LONG_SIDE_PX).rgb, out)


def write_thumbnail(path: Path, kind: InputKind, out: Path) -> Path:
    """Write a small JPEG of a picture, or of a moment of a clip; runs in a worker.

    Raises:
        MediaError: It cannot be read, or the JPEG cannot be written.
    """
    if kind is InputKind.IMAGE:
        return _write_jpeg(read_picture(path, long_side_px=THUMBNAIL_LONG_SIDE_PX).rgb, out)
    facts = probe_video(path)
    for start_s in (facts.duration_s * THUMBNAIL_AT_SHARE, 0.0):
        frames = read_frames(path, container=facts.format, long_side_px=THUMBNAIL_LONG_SIDE_PX, start_s=start_s)
        if (frame := next(frames, None)) is not None:
            return _write_jpeg(frame.rgb, out)
    raise MediaError("none of its pictures can be decoded.", path=path, advice="Choose another clip.")


def _refuse_long(facts: VideoFacts) -> None:
    if facts.duration_s > CLIP_MAX_S:
        reason = Told("it is longer than {most_min:.0f} minutes.", most_min=CLIP_MAX_S / 60)
        raise MediaError(reason, path=facts.path, advice="Choose a shorter clip.")


def _write_jpeg(rgb: np.ndarray, out: Path) -> Path:
    content = BytesIO()
    Image.fromarray(rgb).save(content, "JPEG", quality=_JPEG_QUALITY)
    with atomic_file(out) as part:
        part.write_bytes(content.getvalue())
    return out


def _make_room(folder: Path, max_bytes: int) -> None:
    """Remove the copies that were shown longest ago until the rest takes no more than ``max_bytes``; blocking."""
    found = []
    for path in folder.glob("[!.]*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    surplus_bytes = sum(size_bytes for _, size_bytes, _ in found) - max_bytes
    for _, size_bytes, path in sorted(found):
        if surplus_bytes <= 0:
            return
        path.unlink(missing_ok=True)
        surplus_bytes -= size_bytes


def _touch(*paths: Path) -> None:
    now = time.time()
    for path in paths:
        with contextlib.suppress(OSError):
            os.utime(path, (now, now))


def _remember(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    known[key] = value
    while len(known) > _REMEMBERED_MAX:
        known.popitem(last=False)
