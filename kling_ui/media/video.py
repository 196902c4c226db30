"""Decoding clips in-process with PyAV: upright and scaled, ahead of their use, at a constant frame rate if wanted."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Generic, Self, TypeVar

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.filter import Graph
from av.stream import Disposition
from av.video.stream import VideoStream

from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.colour import filter_graph, frame_kind, settle_colours
from kling_ui.media.display import Display, plausible_aspect
from kling_ui.media.fields import field_aspect, is_field
from kling_ui.media.image_structure import refuse_gif_bomb
from kling_ui.media.odd_matrices import in_known_matrix
from kling_ui.media.timestamps import MediaClock, without_wild_stamps

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
Track = TypeVar("Track", AudioStream, VideoStream)
SANE_FPS_MIN, SANE_FPS_MAX = 0.01, 1000.0  # outside, times are nonsense and an even rate is assumed
FALLBACK_FPS = 25.0  # libavformat's own default where a file names no rate
_WANTED_CHECK_S = 0.1  # how often a thread that cannot go on looks whether it is still wanted


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
        reason = Told("{format} is not a video format that can be read here.", format=container or "this")
        raise MediaError(reason, path=path)
    if container == "gif":  # one of a few kilobytes may hold a thousand large pictures
        refuse_gif_bomb(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            opened = stack.enter_context(open_container(file, demuxer))
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
            seek(opened, stream, start_s)
        index, display = 0, Display(stream, long_side_px)
        for time_s, decoded in decoded_frames(opened, stream):
            if time_s < start_s - _TIME_SLACK_S:
                continue
            if end_s is not None and time_s >= end_s - _TIME_SLACK_S:
                return
            if index % every == 0:
                yield Frame(index, time_s, display.rgb(decoded))
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
        frames, display = decoded_frames(opened, stream), Display(stream, long_side_px)
        position_s, keyframes = -1.0, np.asarray(keyframe_times_s, np.float64)
        for index, wanted_s in enumerate(times_s):
            start_s = _last_at_or_before(keyframes, wanted_s)
            if start_s > max(0.0, position_s) + _TIME_SLACK_S:
                seek(opened, stream, start_s)
                frames = decoded_frames(opened, stream)
            found = _first_at_or_after(frames, wanted_s)
            if found is None or found[0] <= position_s:
                return
            position_s = found[0]
            yield Frame(index, position_s, display.rgb(found[1]))


def decoded_frames(opened: InputContainer, stream: VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decode from where the container stands, leaving out what is damaged.

    Yields:
        Time in seconds from the start of the clip, and the frame as coded: not scaled, not turned; but deinterlaced,
        and with its matrix and range settled. Fields that were coded as pictures stay what they are, half as high.

    Raises:
        FFmpegError: Not a single picture could be decoded; :func:`open_clip` puts that into words.
    """
    frames, whole = coded_frames(opened, stream), None
    for time_s, decoded in frames:
        if decoded.interlaced_frame and whole is None and not is_field(decoded, stream):
            whole = _Deinterlacer()
        if whole is None:
            yield time_s, decoded
        else:
            yield from whole.put(time_s, decoded)
    if whole is not None:
        yield from whole.end()


def coded_frames(opened: InputContainer, stream: VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decode as :func:`decoded_frames` does, leaving interlaced frames as they are."""
    clock = MediaClock(1 / usual_fps(stream))
    for stamp_s, decoded in without_wild_stamps(_stamped_frames(opened, stream)):
        if is_field(decoded, stream):  # a value of its own, as below
            decoded.opaque = field_aspect(decoded, plausible_aspect(stream.sample_aspect_ratio)) * 1.0
        yield clock.time_s(stamp_s), decoded


def _stamped_frames(opened: InputContainer, stream: VideoStream) -> Iterator[tuple[float | None, av.VideoFrame]]:
    """Decode frames with the stamps of the file, in seconds from its start."""
    zero, count, damage = stream.start_time or 0, 0, None
    first_aspect = aspect = 0.0
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
        for picture in pictures:
            decoded = in_known_matrix(picture, is_first=not count)
            settle_colours(decoded)
            if picture.key_frame or not first_aspect:  # what a decoder says of pixels is early, but changes there only
                aspect = plausible_aspect(stream.codec_context.sample_aspect_ratio)
                first_aspect = first_aspect or aspect
            if aspect != first_aspect:  # where it changes in the middle; else the container knows best
                decoded.opaque = aspect * 1.0  # a value of its own: PyAV forgets it with the first frame that has it
            yield _stamp_s(decoded, zero), decoded
            count += 1
    if count == 0 and damage is not None:
        raise damage


class _Deinterlacer:
    """Makes whole pictures out of those that hold two fields of different moments; as many come out as went in."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()
        self._waiting: list[tuple[float, av.VideoFrame]] = []

    def put(self, time_s: float, decoded: av.VideoFrame) -> Iterator[tuple[float, av.VideoFrame]]:
        if self._graph is None or self._kind != frame_kind(decoded):
            yield from self.end()
            self._kind = frame_kind(decoded)
            self._graph = filter_graph(decoded, ["bwdif=mode=send_frame:deint=interlaced"])
        self._waiting.append((time_s, decoded))
        self._graph.vpush(decoded)
        yield from self._ready(self._graph)

    def end(self) -> Iterator[tuple[float, av.VideoFrame]]:
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready(self._graph)
        self._graph = None
        yield from self._waiting  # a lone picture has no neighbours to be made whole with
        self._waiting = []

    def _ready(self, graph: Graph) -> Iterator[tuple[float, av.VideoFrame]]:
        while self._waiting:
            try:
                whole = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield self._waiting.pop(0)[0], whole


def sound_track(opened: InputContainer) -> AudioStream | None:
    """Choose the sound that players play, among those tracks that can be read."""
    return _played(opened.streams.audio)


def picture_track(opened: InputContainer) -> VideoStream | None:
    """Choose the pictures that players show, among those tracks that can be read; a cover is none."""
    return _played([track for track in opened.streams.video if not track.disposition & Disposition.attached_pic])


def _played(tracks: Sequence[Track]) -> Track | None:
    """The track that is marked as default, which in MP4 and MOV means that it is not switched off; else the first."""
    known = [track for track in tracks if track.codec_context is not None] or list(tracks)
    return next((track for track in known if track.disposition & Disposition.default), known[0] if known else None)


def open_container(file: BinaryIO, demuxer: str) -> InputContainer:
    """Open a file and nothing but it, by one demuxer: whatever its content names, libavformat opens no more."""
    options = {"protocol_whitelist": "", "max_pixels": str(FRAME_PIXELS_MAX)}
    return av.open(file, "r", format=demuxer, options=options)


def _picture_stream(path: Path, opened: InputContainer) -> VideoStream:
    stream = picture_track(opened)
    if stream is None:
        raise MediaError("it holds no video track.", path=path, advice="Choose a clip with a picture.")
    codec = stream.codec_context
    if codec is None:
        raise MediaError("its video codec is not known here.", path=path, advice=_ADVICE)
    # libavformat looked already, under the same limit: frames above it have no size there
    if not 0 < codec.width * codec.height <= FRAME_PIXELS_MAX:
        why = "its frames have no readable size, or more than {most:.0f} million pixels, too many to be decoded safely."
        reason = Told(why, most=FRAME_PIXELS_MAX / 1e6)
        raise MediaError(reason, path=path, advice="Scale it down to at most 3850 px on the longer side.")
    codec.options = {"max_pixels": str(FRAME_PIXELS_MAX)}
    stream.thread_type = "AUTO"
    return stream


def seek(opened: InputContainer, stream: VideoStream, time_s: float) -> None:
    """Go to the last keyframe before a time, in seconds from the first picture."""
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


def _stamp_s(decoded: av.VideoFrame, zero: int) -> float | None:
    if decoded.pts is None or decoded.time_base is None:
        return None
    return (decoded.pts - zero) * decoded.time_base.numerator / decoded.time_base.denominator


def usual_fps(stream: VideoStream) -> float:
    """The rate that a file announces; libavformat's own default where it announces none, or nonsense."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and SANE_FPS_MIN <= rate <= SANE_FPS_MAX else FALLBACK_FPS


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
                return self._waiting.put(item, timeout=_WANTED_CHECK_S)
            except queue.Full:
                continue
        return None
