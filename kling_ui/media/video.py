"""Decoding and encoding clips in-process with PyAV: the only module that imports ``av``."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from kling_ui.errors import MediaError

# Demuxers that only read the one file they are given: no playlists, no concatenation, no network.
# The names are libavformat's; the keys are what the content sniffing in `probe.py` reports.
DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
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


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed frame.

    Attributes:
        index: Position among the frames that were decoded, from 0.
        time_s: Presentation time from the start of the clip, in seconds.
        rgb: ``(height, width, 3)`` uint8, upright (rotation metadata applied).
    """

    index: int
    time_s: float
    rgb: np.ndarray


@contextmanager
def open_clip(path: Path, *, container: str) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open a local clip with the demuxer that fits its sniffed ``container`` and nothing else.

    Raises:
        MediaError: It is not such a file, or it holds no picture.
    """
    demuxer = DEMUXERS.get(container)
    if demuxer is None:
        raise MediaError(f"{container or 'this'} is not a video format that can be read here.", path=path)
    try:
        with path.open("rb") as file, av.open(file, "r", format=demuxer) as opened:
            if not opened.streams.video:
                raise MediaError("it holds no video track.", path=path, advice="Choose a clip with a picture.")
            stream = opened.streams.video[0]
            stream.thread_type = "AUTO"
            yield opened, stream
    except OSError as error:  # PyAV's errors derive from OSError or ValueError
        raise MediaError(_reason(error), path=path, advice="Export it again as MP4 (H.264).") from error
    except (ValueError, av.FFmpegError) as error:
        raise MediaError(_reason(error), path=path, advice="Export it again as MP4 (H.264).") from error


def read_frames(
    path: Path,
    *,
    container: str,
    long_side_px: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Iterator[Frame]:
    """Yield every frame whose time lies in ``[start_s, end_s)``, upright.

    Args:
        path: A local clip.
        container: What :func:`kling_ui.media.probe.sniff_video` found.
        long_side_px: Scale down so that the longer displayed side is at most this; never up.
        start_s: First time wanted, in seconds.
        end_s: First time no longer wanted; ``None`` reads to the end.

    Raises:
        MediaError: The clip cannot be decoded at all. A clip that breaks off later just ends there.
    """
    with open_clip(path, container=container) as (opened, stream):
        zero = stream.start_time or 0
        if start_s > 0 and stream.time_base:
            opened.seek(int(start_s / stream.time_base) + zero, stream=stream)
        index = 0
        try:
            for decoded in opened.decode(stream):
                time_s = _time_s(decoded, zero, index, stream)
                if time_s < start_s - 1e-6:
                    continue
                if end_s is not None and time_s >= end_s - 1e-6:
                    return
                yield Frame(index, time_s, _upright(decoded, long_side_px))
                index += 1
        except av.FFmpegError:
            if index == 0:
                raise


def _time_s(decoded: av.VideoFrame, zero: int, index: int, stream: VideoStream) -> float:
    if decoded.pts is not None and decoded.time_base is not None:
        return float((decoded.pts - zero) * decoded.time_base)
    rate = stream.average_rate or stream.guessed_rate
    return index / float(rate) if rate else 0.0


def _upright(decoded: av.VideoFrame, long_side_px: int | None) -> np.ndarray:
    scale = min(1.0, long_side_px / max(decoded.width, decoded.height)) if long_side_px else 1.0
    width, height = max(2, round(decoded.width * scale)), max(2, round(decoded.height * scale))
    fast = Interpolation.FAST_BILINEAR
    rgb = decoded.reformat(width, height, format="rgb24", interpolation=fast).to_ndarray()
    turns = round(decoded.rotation / 90) % 4  # counter-clockwise, as numpy counts
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb


def _reason(error: Exception) -> str:
    text = (getattr(error, "strerror", None) or str(error)).strip().rstrip(".")
    return f"it cannot be decoded ({text})."
