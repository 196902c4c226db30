"""Making a changed copy of a clip: trim, crop, scale, rate and codec in one decoding and one encoding."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.video.stream import VideoStream

from kling_ui.errors import MediaError
from kling_ui.media.colour import filter_graph, frame_kind, is_standard, matrix_option
from kling_ui.media.display import Display, FrameShape, fitted, frame_shape, orientation
from kling_ui.media.encode import TICKS_PER_FRAME, ClipWriter
from kling_ui.media.files import ProgressFile
from kling_ui.media.levels import brightening_filter, deepening_filter
from kling_ui.media.probe import TIE_TICKS, VideoFacts, probe_video
from kling_ui.media.rectangles import NO_MARGINS, Margins, Rect, Size
from kling_ui.media.signatures import VIDEO_MAX_BYTES, sniff_video
from kling_ui.media.video import decoded_frames, open_clip

_X264 = {"preset": "veryfast", "crf": "18", "profile": "high", "threads": "0"}
_SOUND_BITS = 320_000  # a second; the most that a copied AAC track usually has
_SIZE_SHARE = 0.95  # of the size allowed: the rest is for the container
_BURST_S = 1.0  # seconds' worth of bits that the encoder may spend ahead
_BITS_MIN, _BITS_MAX = 200_000, 400_000_000
# Of copies to be played: frames are stored in the order in which they are shown, so that times need no edit list.
_PLAYED_X264 = {"preset": "ultrafast", "crf": "19", "profile": "high", "bf": "0", "threads": "2"}
_PLAYED_BITS = 8_000_000  # a second, at most
PLAYED_SHORT_SIDE_PX = 720
_TURNS = {1: ("transpose=cclock",), 2: ("hflip", "vflip"), 3: ("transpose=clock",)}


@dataclass(frozen=True, slots=True)
class VideoTransform:
    """What to make of a clip; the result is an upright H.264 MP4 (yuv420p, faststart) of constant rate.

    Attributes:
        size: Width and height of the kept part in the result, in px.
        fps: Frames a second of the result.
        start_s: Time of the first frame to keep.
        end_s: Where the result ends, in seconds of the original.
        crop: What to keep of each frame, in px as displayed; ``None`` keeps all.
        margins: Black added around it, in px of the result; with them each side is even.
        turns: Counter-clockwise quarter turns, 0-3, of all this at the end.
        gain: How much brighter it becomes, see :func:`kling_ui.media.levels.brightened`.
        veil: The level, 0-1, that becomes black, see :func:`kling_ui.media.levels.deepen`.
        keep_sound: Keep the sound track, cut like the picture.
        max_bytes: Size that the file must not exceed.
    """

    size: Size
    fps: Fraction
    start_s: float
    end_s: float
    crop: Rect | None = None
    margins: Margins = NO_MARGINS
    turns: int = 0
    gain: float = 1.0
    veil: float = 0.0
    keep_sound: bool = True
    max_bytes: int = VIDEO_MAX_BYTES

    @property
    def full_size(self) -> Size:
        """Width and height of the result, in px."""
        size = self.margins.around(self.size)
        return size if self.turns % 2 == 0 else size[::-1]

    @property
    def frame_count(self) -> int:
        """Frames of the result, at least 1."""
        return max(1, round((self.end_s - self.start_s) * self.fps))

    @property
    def duration_s(self) -> float:
        """How long the result lasts."""
        return float(self.frame_count / self.fps)


def transform_video(
    path: Path,
    transform: VideoTransform,
    folder: Path,
    *,
    stem: str = "mended",
    comment: str = "",
    progress: Path | None = None,
) -> VideoFacts:
    """Write a mended copy of a clip; the original is only read.

    Args:
        path: The original, of any supported format.
        transform: What to change.
        folder: Where the copy goes, which exists.
        stem: Its name without suffix.
        comment: What the copy says of itself.
        progress: A file that tells how far it is, see :mod:`kling_ui.media.files`.

    Returns:
        The facts of the copy, its path among them.

    Raises:
        MediaError: The original cannot be decoded or the copy cannot be written.
    """
    container, out, progress_file = sniff_video(path), folder / f"{stem}.mp4", ProgressFile(progress)
    with (
        open_clip(path, container=container) as (opened, stream),
        ClipWriter(
            out,
            fps=transform.fps,
            size=transform.full_size,
            sound_from=path if transform.keep_sound else None,
            sound_container=container,
            sound_start_s=transform.start_s,
            sound_end_s=transform.duration_s,
            x264_options=_X264 | _rate_options(transform),
            comment=comment,
        ) as writer,
    ):
        painter = _Painter(transform, stream)
        frames = constant_rate_frames(
            opened, stream, start_s=transform.start_s, fps=transform.fps, count=transform.frame_count
        )
        for decoded, ticks in frames:
            painted = painter.paint(decoded)
            for _ in range(ticks):
                writer.write_frame(painted)
            progress_file.tell(writer.frames / transform.frame_count)
        if not writer.frames:
            raise MediaError("nothing in this span can be decoded.", path=path, advice="Choose another span or clip.")
    return probe_video(out)


def write_played_copy(facts: VideoFacts, out: Path) -> Path:
    """Write a small H.264 copy of a clip with the same pictures at the same times, for players that know little else.

    Its shorter side has at most :data:`PLAYED_SHORT_SIDE_PX`, its colours are those of SDR BT.709.

    Args:
        facts: What the clip's file says.
        out: The MP4 to write; it appears whole or not at all.

    Raises:
        MediaError: The clip cannot be decoded or the copy cannot be written.
    """
    fps = Fraction(facts.fps).limit_denominator(1001)
    shown = VideoTransform(_played_size(facts.width_px, facts.height_px), fps, 0.0, facts.duration_s)
    rate = {"maxrate": str(_PLAYED_BITS), "bufsize": str(_PLAYED_BITS)}
    with (
        open_clip(facts.path, container=facts.format) as (opened, stream),
        ClipWriter(
            out,
            fps=fps,
            size=shown.size,
            sound_from=facts.path if facts.has_audio else None,
            sound_container=facts.format,
            x264_options=_PLAYED_X264 | rate,
        ) as writer,
    ):
        painter = _Painter(shown, stream, is_quick=True)
        least_s, last_s = float(1 / fps) / TICKS_PER_FRAME, 0.0
        for time_s, decoded in decoded_frames(opened, stream):
            last_s = max(time_s, last_s + 2 * least_s) if writer.frames else max(0.0, time_s)
            writer.write_frame(painter.paint(decoded), time_s=last_s)
        if not writer.frames:
            raise MediaError("none of its pictures can be decoded.", path=facts.path)
        writer.last_shown_s = facts.duration_s - last_s
    return out


def _played_size(width_px: int, height_px: int) -> Size:
    scale = min(1.0, PLAYED_SHORT_SIDE_PX / min(width_px, height_px))
    return max(2, 2 * round(width_px * scale / 2)), max(2, 2 * round(height_px * scale / 2))


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
        tick = min(count, max(shown_from, math.ceil((time_s - start_s) * fps - 0.5 + TIE_TICKS)))
        if shown is not None and tick > shown_from:
            yield shown, tick - shown_from
        shown, shown_from = frame, tick if shown is not None else 0  # the first frame stands for what came before it
        if tick >= count:
            return
    if shown is not None and shown_from < count:
        yield shown, count - shown_from


def pictures_at_rate(path: Path, *, fps: Fraction, count: int, start_s: float = 0.0) -> Iterator[np.ndarray]:
    """Yield what a clip shows at so many ticks of a constant rate; behind its end, its last picture.

    Args:
        path: A local clip.
        fps: Ticks a second.
        count: Ticks in all.
        start_s: Time of the first tick; frame-exact.

    Yields:
        ``(height, width, 3)`` uint8, upright, in the size of the first; the same array for as long as nothing changes.

    Raises:
        MediaError: It cannot be decoded.
    """
    with open_clip(path, container=sniff_video(path)) as (opened, stream):
        display = Display(stream)
        for decoded, ticks in constant_rate_frames(opened, stream, start_s=start_s, fps=fps, count=count):
            yield from repeat(display.rgb(decoded), ticks)


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


class _Painter:
    """Turns frames as coded into frames of the result, through one filter graph for each kind of frame met.

    Args:
        transform: What to change.
        stream: The clip's picture.
        is_quick: Scale more coarsely, and before colours are converted, for what is only looked at.
    """

    def __init__(self, transform: VideoTransform, stream: VideoStream, *, is_quick: bool = False) -> None:
        self._apply = transform
        self._stream = stream
        self._is_quick = is_quick
        self._first: Size | None = None
        self._orientation = 0, False
        self._graphs: dict[tuple[object, ...], Graph] = {}

    def paint(self, decoded: av.VideoFrame) -> av.VideoFrame:
        shape = frame_shape(decoded, self._stream)
        kind = (*frame_kind(decoded), shape.aspect)
        graph = self._graphs.get(kind)
        if graph is None:
            before = self._before(decoded, shape)
            graph = self._graphs[kind] = filter_graph(decoded, before, self._after(decoded))
        graph.vpush(decoded)
        return graph.vpull()

    def _before(self, decoded: av.VideoFrame, shape: FrameShape) -> list[str]:
        """Geometry up to the scaling, in the frame's own colours."""
        transform, shown = self._apply, (round(shape.shown[0]), round(shape.shown[1]))
        if self._first is None:
            self._orientation = orientation(decoded)
        turns, mirrored = self._orientation
        filters = [*_TURNS.get(turns, ()), *(["hflip"] if mirrored else [])]
        shown = shown if turns % 2 == 0 else shown[::-1]
        self._first = self._first or shown
        if shown != self._first:  # a recording that was turned in the middle: all of it in the shape it began with
            width, height = fitted(shown, self._first)
            place = "(ow-iw)/4*2:(oh-ih)/4*2"
            filters += [f"scale={width}:{height}:flags=lanczos", "pad={}:{}:{}".format(*self._first, place)]
        elif transform.crop and shape.aspect != 1:
            filters.append("scale={}:{}:flags=lanczos".format(*shown))
        if transform.crop:
            width, height = transform.crop.size
            filters.append(f"crop={width}:{height}:{transform.crop.left_px}:{transform.crop.top_px}")
        if self._is_quick and not is_standard(decoded):
            filters.append("scale={}:{}:flags=bicubic".format(*transform.size))
        return filters

    def _after(self, decoded: av.VideoFrame) -> list[str]:
        transform = self._apply
        matrix = matrix_option(decoded) if is_standard(decoded) else ""
        scaler = "bicubic" if self._is_quick else "lanczos"
        flags = f"flags={scaler}+accurate_rnd:out_color_matrix=bt709:out_range=tv{matrix}"
        filters = [f"scale={transform.size[0]}:{transform.size[1]}:{flags}"]
        levels = [deepening_filter(transform.veil)] if transform.veil > 0 else []
        levels += [brightening_filter(transform.gain)] if transform.gain > 1 else []
        if levels:
            filters += ["format=gbrp", *levels]
            filters += ["scale=out_color_matrix=bt709:out_range=tv", "format=yuv420p"]
        if any(transform.margins):
            width, height = transform.margins.around(transform.size)
            filters.append(f"pad={width}:{height}:{transform.margins.left_px}:{transform.margins.top_px}")
        filters += _TURNS.get(transform.turns, ())
        return [*filters, "setsar=1", "format=yuv420p"]


def _rate_options(transform: VideoTransform) -> dict[str, str]:
    sound = _SOUND_BITS if transform.keep_sound else 0
    bits = int(_SIZE_SHARE * transform.max_bytes * 8 / (transform.duration_s + _BURST_S)) - sound
    bits = max(_BITS_MIN, min(_BITS_MAX, bits))
    return {"maxrate": str(bits), "bufsize": str(int(bits * _BURST_S))}
