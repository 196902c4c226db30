"""When a clip's pictures are shown, counted from its packets: headers may lie or be silent."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.stream import VideoStream

from kling_ui.errors import MediaError
from kling_ui.media.video import decoded_frames, open_clip, pixel_aspect, quarter_turns

_UNEVEN_SHARE = 0.02  # more uneven steps than this make the rate variable; a few come from cutting without decoding
_UNEVEN_BY = 0.25  # a step this much off the usual one is uneven; clocks of 1 ms (WebM) stay below at 60 fps
_FALLBACK_FPS = 25.0  # libavformat's own default where a file names no rate
_FPS_MIN, _FPS_MAX = 0.01, 1000.0  # outside, the packets' times are nonsense and an even rate is assumed


@dataclass(frozen=True, slots=True)
class ClipTiming:
    """Times of a clip's pictures.

    Attributes:
        duration_s: Time that the pictures fill, in seconds.
        fps: Pictures a second, on average.
        frame_count: Pictures in the clip.
        has_variable_rate: They are not evenly spaced.
        keyframe_times_s: Where decoding can start, in seconds from the first picture.
    """

    duration_s: float
    fps: float
    frame_count: int
    has_variable_rate: bool
    keyframe_times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ClipTracks:
    """What a clip holds, seen by decoding its first picture.

    Attributes:
        width_px: Displayed width (rotation and pixel shape applied).
        height_px: Displayed height.
        codec: libavcodec's name of the picture's codec.
        pixel_format: libavutil's name, such as ``yuv420p``.
        rotation_deg: Clockwise turn that players apply: 0, 90, 180 or 270.
        audio_codec: libavcodec's name; empty without sound.
    """

    width_px: int
    height_px: int
    codec: str
    pixel_format: str
    rotation_deg: int
    audio_codec: str


def read_tracks(path: Path, *, container: str) -> ClipTracks:
    """Decode the first readable picture of a clip.

    Raises:
        MediaError: There is none.
    """
    with open_clip(path, container=container) as (opened, stream):
        _, first = next(decoded_frames(opened, stream), (0.0, None))
        if first is None:
            advice = "Export it again as MP4 (H.264), or choose another clip."
            raise MediaError("its video track holds no picture.", path=path, advice=advice)
        turns = quarter_turns(first)
        size = round(first.width * pixel_aspect(stream)), first.height
        audio = opened.streams.audio
        return ClipTracks(
            *(size if turns % 2 == 0 else size[::-1]),
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            rotation_deg=-90 * turns % 360,
            audio_codec=_codec_name(audio[0]) if audio else "",
        )


def read_timing(path: Path, *, container: str) -> ClipTiming:
    """Read all packets of the picture's track without decoding them.

    Raises:
        MediaError: There are none, or the clip cannot be read.
    """
    times, keys, last_step = [], [], 0
    with open_clip(path, container=container) as (opened, stream):
        unit_s, announced_fps = float(stream.time_base or 0), _announced_fps(stream)
        for packet in opened.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            times.append(packet.dts if packet.pts is None else packet.pts)
            keys.append(packet.is_keyframe)
            last_step = packet.duration or last_step
    if not times:
        raise MediaError("its video track holds no picture.", path=path, advice="Choose another clip.")
    is_key = np.asarray(keys)
    if None not in times and unit_s:
        timing = clip_timing(np.asarray(times, np.float64) * unit_s, is_key, last_step * unit_s)
        if _FPS_MIN <= timing.fps <= _FPS_MAX:
            return timing
    return clip_timing(np.arange(len(times)) / announced_fps, is_key, 1 / announced_fps)


def clip_timing(times_s: np.ndarray, is_key: np.ndarray, last_step_s: float) -> ClipTiming:
    """Work out the timing of pictures.

    Args:
        times_s: ``(pictures,)`` presentation times in any order, in seconds.
        is_key: ``(pictures,)`` bool, in the same order.
        last_step_s: How long the last picture stays, in seconds; 0 when unknown.
    """
    order = np.argsort(times_s, kind="stable")
    times_s, is_key = times_s[order] - times_s.min(), is_key[order]
    steps = np.diff(times_s)
    usual_s = float(np.median(steps)) if len(steps) else 0.0
    duration_s = float(times_s[-1]) + (last_step_s or usual_s or 1 / _FALLBACK_FPS)
    uneven = np.abs(steps - usual_s) > _UNEVEN_BY * usual_s
    return ClipTiming(
        duration_s=round(duration_s, 6),
        fps=round(len(times_s) / duration_s, 4),
        frame_count=len(times_s),
        has_variable_rate=bool(len(steps) and uneven.mean() > _UNEVEN_SHARE),
        keyframe_times_s=tuple(round(float(time_s), 6) for time_s in times_s[is_key]),
    )


def _announced_fps(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and _FPS_MIN <= rate <= _FPS_MAX else _FALLBACK_FPS


def _codec_name(stream: object) -> str:
    context = getattr(stream, "codec_context", None)
    return context.name if context else "unknown"
