"""Decoding clips in-process with PyAV: upright and scaled, ahead of their use, at a constant frame rate if wanted."""

import contextlib
import math
import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Generic, Self, TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from kling_ui.errors import MediaError
from kling_ui.media.image_structure import refuse_gif_bomb

# Demuxers that only read the one file they are given: no playlists, no concatenation, no network.
# The names are libavformat's; the keys are what the content sniffing in `signatures.py` reports.
DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "3gp": "mov",
    "webm": "matroska",
    "matroska": "matroska",
    "avi": "avi",
    "gif": "gif",
    "mpegts": "mpegts",
    "flv": "flv",
    "mpeg": "mpeg",
    "ogg": "ogg",
    "asf": "asf",
}
# The largest frame that is decoded, a little above 8K (7680 x 4320): four times what any engine takes.
FRAME_PIXELS_MAX = 36_000_000
_TIME_SLACK_S = 1e-6
_ADVICE = "Export it again as MP4 (H.264), or choose another clip."
T = TypeVar("T")
_LOOK_S = 0.1  # how often a thread that cannot go on looks whether it is still wanted
STANDARD_FPS = (
    Fraction(12),
    Fraction(15),
    Fraction(24_000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30_000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60_000, 1001),
    Fraction(60),
)
FPS_MIN, FPS_MAX = STANDARD_FPS[0], STANDARD_FPS[-1]
_SAME_RATE = 0.0004  # how far off a standard rate, as a share, still means that rate
_NEAR_RATE = 0.02  # likewise for an uneven clip, which has no rate of its own
_TIE_TICKS = 1e-3  # a frame half way between two ticks belongs to the later one


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed frame.

    Attributes:
        index: Position among the frames that were decoded, from 0.
        time_s: Presentation time from the start of the clip, in seconds.
        rgb: ``(height, width, 3)`` uint8, upright (rotation metadata and pixel shape applied).
    """

    index: int
    time_s: float
    rgb: np.ndarray


@contextmanager
def open_clip(path: Path, *, container: str) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open a local clip with the demuxer that fits its sniffed ``container`` and nothing else.

    Errors of PyAV inside the ``with`` become a :class:`MediaError` about this clip; everything else passes as it is.

    Raises:
        MediaError: It is not such a file, it holds no picture, or its frames are too large.
    """
    demuxer = DEMUXERS.get(container)
    if demuxer is None:
        raise MediaError(f"{container or 'this'} is not a video format that can be read here.", path=path)
    if container == "gif":  # one of a few kilobytes may hold a thousand large pictures
        refuse_gif_bomb(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            opened = stack.enter_context(_open(file, demuxer))
        except (OSError, ValueError, av.FFmpegError) as error:
            raise MediaError(_reason(error), path=path, advice=_ADVICE) from error
        stream = _picture_stream(path, opened)
        try:
            yield opened, stream
        except av.FFmpegError as error:
            raise MediaError(_reason(error), path=path, advice=_ADVICE) from error


def read_frames(
    path: Path,
    *,
    container: str,
    long_side_px: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    every: int = 1,
) -> Iterator[Frame]:
    """Yield every frame whose time lies in ``[start_s, end_s)``, upright.

    Args:
        path: A local clip.
        container: What :func:`kling_ui.media.probe.sniff_video` found.
        long_side_px: Scale down so that the longer displayed side is at most this; never up.
        start_s: First time wanted, in seconds.
        end_s: First time no longer wanted; ``None`` reads to the end.
        every: Leave out all but the first of so many frames; the indexes of the others are skipped.

    Raises:
        MediaError: The clip cannot be decoded at all. Damaged pictures in it are left out; a clip that breaks off
            later just ends there.
    """
    with open_clip(path, container=container) as (opened, stream):
        if start_s > 0:
            _seek(opened, stream, start_s)
        index = 0
        for time_s, decoded in decoded_frames(opened, stream):
            if time_s < start_s - _TIME_SLACK_S:
                continue
            if end_s is not None and time_s >= end_s - _TIME_SLACK_S:
                return
            if index % every == 0:
                yield Frame(index, time_s, upright(decoded, stream, long_side_px))
            index += 1


def sample_frames(
    path: Path,
    *,
    container: str,
    times_s: Sequence[float],
    keyframe_times_s: Sequence[float] = (0.0,),
    long_side_px: int | None = None,
    exact: bool = True,
) -> Iterator[Frame]:
    """Yield the frames at some times, jumping ahead whenever a keyframe shortens the way.

    Args:
        path: A local clip.
        container: What :func:`kling_ui.media.probe.sniff_video` found.
        times_s: Times wanted, rising, in seconds; each gives the first frame at or after it, no frame twice.
        keyframe_times_s: Where decoding can start, rising, in seconds.
        long_side_px: Scale down so that the longer displayed side is at most this; never up.
        exact: ``False`` passes over frames that no other frame builds on, a few frames' error for half the work.

    Raises:
        MediaError: The clip cannot be decoded at all. Times behind its last picture give that one.
    """
    with open_clip(path, container=container) as (opened, stream):
        if not exact:
            stream.codec_context.skip_frame = "NONREF"
        frames = decoded_frames(opened, stream)
        position_s, keyframes = -1.0, np.asarray(keyframe_times_s, np.float64)
        for index, wanted_s in enumerate(times_s):
            start_s = _last_at_or_before(keyframes, wanted_s)
            if start_s > max(0.0, position_s) + _TIME_SLACK_S:
                _seek(opened, stream, start_s)
                frames = decoded_frames(opened, stream)
            found = _first_at_or_after(frames, wanted_s)
            if found is None or found[0] <= position_s:
                return
            position_s = found[0]
            yield Frame(index, position_s, upright(found[1], stream, long_side_px))


def decoded_frames(opened: InputContainer, stream: VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decode from where the container stands, leaving out what is damaged.

    Yields:
        Time in seconds from the start of the clip, and the frame as coded: not scaled, not turned.

    Raises:
        FFmpegError: Not a single picture could be decoded; :func:`open_clip` puts that into words.
    """
    zero, count, damage = stream.start_time or 0, 0, None
    packets = opened.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            pictures = packet.decode()
        except av.FFmpegError as error:
            damage = error
            continue  # after an error in reading, the demuxer's iterator is at its end
        for decoded in pictures:
            yield _time_s(decoded, zero, count, stream), decoded
            count += 1
    if count == 0 and damage is not None:
        raise damage


def upright(decoded: av.VideoFrame, stream: VideoStream, long_side_px: int | None = None) -> np.ndarray:
    """Turn a decoded frame into ``(height, width, 3)`` uint8 as it is displayed, scaled down if asked."""
    width, height = decoded.width * pixel_aspect(stream), decoded.height
    scale = min(1.0, long_side_px / max(width, height)) if long_side_px else 1.0
    size = max(2, round(width * scale)), max(2, round(height * scale))
    rgb = decoded.reformat(*size, format="rgb24", interpolation=Interpolation.FAST_BILINEAR).to_ndarray()
    turns = quarter_turns(decoded)
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb


def quarter_turns(decoded: av.VideoFrame) -> int:
    """Counter-clockwise quarter turns, 0-3, that bring a decoded frame upright; odd angles go to the nearest."""
    return round(decoded.rotation / 90) % 4


def pixel_aspect(stream: VideoStream) -> float:
    """Width of a pixel divided by its height; 1 where the file says nothing or nonsense."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect and 0.25 <= aspect <= 4 else 1.0


def _open(file: BinaryIO, demuxer: str) -> InputContainer:
    # An open file and no protocol but it: nothing that the content names can make libavformat open more.
    options = {"protocol_whitelist": "", "max_pixels": str(FRAME_PIXELS_MAX)}
    return av.open(file, "r", format=demuxer, options=options)


def _picture_stream(path: Path, opened: InputContainer) -> VideoStream:
    streams = [stream for stream in opened.streams.video if not _is_cover(stream)]
    if not streams:
        raise MediaError("it holds no video track.", path=path, advice="Choose a clip with a picture.")
    stream = streams[0]
    codec = stream.codec_context
    if codec is None:
        raise MediaError("its video codec is not known here.", path=path, advice=_ADVICE)
    # libavformat looked already, under the same limit: frames above it have no size there
    if not 0 < codec.width * codec.height <= FRAME_PIXELS_MAX:
        limit = f"{FRAME_PIXELS_MAX / 1e6:.0f} million pixels"
        reason = f"its frames have no readable size, or more than {limit}, too many to be decoded safely."
        raise MediaError(reason, path=path, advice="Scale it down to at most 3850 px on the longer side.")
    codec.options = {"max_pixels": str(FRAME_PIXELS_MAX)}
    stream.thread_type = "AUTO"
    return stream


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _seek(opened: InputContainer, stream: VideoStream, time_s: float) -> None:
    if stream.time_base:
        opened.seek(round(time_s / stream.time_base) + (stream.start_time or 0), stream=stream)


def _last_at_or_before(times_s: np.ndarray, time_s: float) -> float:
    place = int(np.searchsorted(times_s, time_s + _TIME_SLACK_S, side="right"))
    return float(times_s[place - 1]) if place else 0.0


def _first_at_or_after(
    frames: Iterator[tuple[float, av.VideoFrame]], time_s: float
) -> tuple[float, av.VideoFrame] | None:
    last = None
    for last in frames:
        if last[0] >= time_s - _TIME_SLACK_S:
            break
    return last


def _time_s(decoded: av.VideoFrame, zero: int, index: int, stream: VideoStream) -> float:
    if decoded.pts is not None and decoded.time_base is not None:
        return float((decoded.pts - zero) * decoded.time_base)
    rate = stream.average_rate or stream.guessed_rate
    return index / float(rate) if rate else 0.0


def _reason(error: Exception) -> str:
    text = (getattr(error, "strerror", None) or str(error)).strip().rstrip(".")
    return f"it cannot be decoded ({text})."


class Prefetch(Generic[T]):
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


def constant_fps(fps: float, *, is_even: bool) -> Fraction:
    """Choose the constant rate for a clip.

    Args:
        fps: Its measured rate, frames a second.
        is_even: Its frames are evenly spaced already: then its own rate stays, else the next standard one is taken.

    Returns:
        12-60 frames a second.
    """
    nearest = min(STANDARD_FPS, key=lambda rate: abs(float(rate) - fps))
    if abs(float(nearest) - fps) <= (_SAME_RATE if is_even else _NEAR_RATE) * fps:
        return nearest
    if is_even:
        return max(FPS_MIN, min(FPS_MAX, Fraction(fps).limit_denominator(1001)))
    return next((rate for rate in STANDARD_FPS if rate > fps), FPS_MAX)


def constant_rate_frames(
    opened: InputContainer, stream: VideoStream, *, start_s: float, fps: Fraction, count: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Yield frames as coded, each with the number of ticks, at least 1, for which it is shown.

    Args:
        opened: The clip, as :func:`kling_ui.media.video.open_clip` gives it.
        stream: Its picture.
        start_s: Time of the first tick; frame-exact.
        fps: Ticks a second.
        count: Ticks in all.

    Raises:
        FFmpegError: Nothing can be decoded.
    """
    shown, shown_from = None, 0
    for time_s, frame in _frames_from(opened, stream, start_s):
        tick = min(count, max(shown_from, math.ceil((time_s - start_s) * fps - 0.5 + _TIE_TICKS)))
        if shown is not None and tick > shown_from:
            yield shown, tick - shown_from
        shown, shown_from = frame, tick if shown is not None else 0  # the first frame stands for what came before it
        if tick >= count:
            return
    if shown is not None and shown_from < count:
        yield shown, count - shown_from


def _frames_from(opened: InputContainer, stream: VideoStream, start_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decode from the last keyframe before ``start_s``, or from the beginning where the file cannot jump there."""
    zero = stream.start_time or 0
    if start_s <= 0 or not stream.time_base:
        return decoded_frames(opened, stream)
    opened.seek(round(start_s / stream.time_base) + zero, stream=stream)
    frames = decoded_frames(opened, stream)
    first = next(frames, None)
    if first is not None and first[0] <= start_s and first[1].pts is not None:
        return chain([first], frames)
    opened.seek(zero, stream=stream)
    return decoded_frames(opened, stream)
