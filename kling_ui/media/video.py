"""Decoding clips in-process with PyAV: each with the one demuxer that fits it, upright and scaled."""

import contextlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from kling_ui.errors import MediaError
from kling_ui.media.picture_structure import refuse_gif_bomb

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
