"""Facts of pictures and clips, told by their content; no verdicts."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.colour import hdr_name
from kling_ui.media.damage import is_whole, length_bytes
from kling_ui.media.display import frame_shape, orientation
from kling_ui.media.fields import packets_are_fields
from kling_ui.media.image import ImageFacts, probe_image
from kling_ui.media.movie_boxes import (
    DOLBY_VISION,
    broken_off,
    has_own_colours,
    is_encrypted,
    read_boxes,
    read_index,
    sample_count,
)
from kling_ui.media.signatures import sniff, sniff_image, sniff_video
from kling_ui.media.timestamps import MediaClock, without_wild_stamps
from kling_ui.media.video import (
    FALLBACK_FPS,
    SANE_FPS_MAX,
    SANE_FPS_MIN,
    coded_frames,
    open_clip,
    sound_track,
    usual_fps,
)

# How many samples a track announces, which libavformat makes an index of, 24 bytes each, before anything is read. Plain
# sound has one for each of its 48,000 a second: this is half an hour of it.
_SAMPLES_MAX = 100_000_000
PICTURES_MAX = 1_000_000  # nine hours at 30 a second
_UNEVEN_SHARE = 0.02  # more uneven steps than this make the rate variable; a few come from cutting without decoding
_UNEVEN_BY = 0.25  # a step this much off the usual one is uneven; clocks of 1 ms (WebM) stay below at 60 fps
_PICTURES_SEEN = 2  # by which interlaced clips are recognised; decoders hand out as many at once
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
_JITTER_SHARE = 0.03  # of its pictures that a clip may lose at its own rate
_STRAY_SHARE = 0.1  # by which the usual step may differ from the mean one in a clip that has a rate of its own
_QUICK_SHARE = 0.02  # of the steps; still quicker ones are mistakes of clocks
_SAME_PACE = 0.002  # 24 and 23.976 differ only after many seconds
TIE_TICKS = 1e-3  # a frame half way between two ticks belongs to the later one
_NEAR_RATE = 0.02  # likewise for an uneven clip, which has no rate of its own
__all__ = ["ImageFacts", "VideoFacts", "probe_image", "probe_video", "sniff", "sniff_image", "sniff_video"]

_ALPHA_FORMATS = ("yuva", "gbrap", "rgba", "argb", "bgra", "abgr", "ya")  # as libavutil's names begin
_ISO_MEDIA = frozenset({"mp4", "mov", "3gp"})


@dataclass(frozen=True, slots=True)
class ClipTiming:
    """Times of a clip's pictures.

    Attributes:
        duration_s: Time that the pictures fill, in seconds.
        fps: Pictures a second, on average.
        frame_count: Pictures in the clip.
        has_variable_rate: They are not evenly spaced.
        keyframe_times_s: Where decoding can start, in seconds from the first picture.
        every_picture_fps: The slowest standard rate at which each picture has a tick of its own.
        damaged_s: Times of pictures that no decoder can read, rising, in seconds.
    """

    duration_s: float
    fps: float
    frame_count: int
    has_variable_rate: bool
    keyframe_times_s: tuple[float, ...]
    every_picture_fps: float
    damaged_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ClipTracks:
    """What a clip holds, seen by decoding its first picture.

    Attributes:
        width_px: Displayed width (rotation and pixel shape applied).
        height_px: Displayed height.
        codec: The picture's codec, as libavcodec names it, not the decoder.
        pixel_format: libavutil's name, such as ``yuv420p``.
        rotation_deg: Clockwise turn that players apply: 0, 90, 180 or 270.
        audio_codec: The codec's name of the sound that players play; empty without sound.
        hdr: ``HLG`` or ``PQ``; empty for a clip that is not HDR.
        is_interlaced: Its pictures hold two fields of different moments.
        is_mirrored: Players mirror it, as clips of front cameras ask them to.
        is_transparent: Its pictures are so in part, to players that know of it; here the stored colours are shown, as
            FFmpeg does.
    """

    width_px: int
    height_px: int
    codec: str
    pixel_format: str
    rotation_deg: int
    audio_codec: str
    hdr: str
    is_interlaced: bool
    is_mirrored: bool
    is_transparent: bool


def read_tracks(path: Path, *, container: str) -> ClipTracks:
    """Decode the first readable picture of a clip.

    Raises:
        MediaError: There is none.
    """
    with open_clip(path, container=container) as (opened, stream):
        stream.thread_type = "SLICE"  # threads that share frames would decode some that nobody looks at
        pictures = [picture for _, picture in islice(coded_frames(opened, stream), _PICTURES_SEEN)]
        if not pictures:
            advice = "Export it again as MP4 (H.264), or choose another clip."
            raise MediaError("its video track holds no picture.", path=path, advice=advice)
        first = pictures[0]
        turns, mirrored = orientation(first)
        width, height = frame_shape(first, stream).shown
        size = round(width), round(height)
        sound = sound_track(opened)
        return ClipTracks(
            *(size if turns % 2 == 0 else size[::-1]),
            codec=_codec_name(stream),
            pixel_format=first.format.name,
            rotation_deg=-90 * turns % 360,
            audio_codec=_codec_name(sound) if sound else "",
            hdr=hdr_name(first),
            is_interlaced=any(picture.interlaced_frame for picture in pictures),
            is_mirrored=mirrored,
            is_transparent=stream.metadata.get("alpha_mode") == "1" or first.format.name.startswith(_ALPHA_FORMATS),
        )


def read_timing(path: Path, *, container: str, is_interlaced: bool = False) -> ClipTiming:
    """Read all packets of the picture's track without decoding them.

    Args:
        path: A local clip.
        container: What :func:`sniff_video` found.
        is_interlaced: Packets may hold single fields, see :mod:`kling_ui.media.fields`.

    Raises:
        MediaError: There are none, or the clip cannot be read.
    """
    times, keys, damaged, last_step = [], [], [], 0
    with open_clip(path, container=container) as (opened, stream):
        unit_s, announced_fps = float(stream.time_base or 0), usual_fps(stream)
        clock, has_wild = MediaClock(1 / announced_fps), False
        codec, length_size = _codec_name(stream), length_bytes(stream)
        packets = (packet for packet in opened.demux(stream) if packet.size and not packet.is_discard)
        stamped = ((None if packet.dts is None else packet.dts * unit_s, packet) for packet in packets)
        for decoded_s, packet in without_wild_stamps(stamped):  # in the order of decoding they rise
            if len(times) == PICTURES_MAX:
                reason = Told("it holds more than {most:,} pictures, too many to be checked.", most=PICTURES_MAX)
                raise MediaError(reason, path=path, advice="Cut it to the part that matters; 30 seconds are enough.")
            time_s = clock.time_s(decoded_s)
            stamp = packet.dts if packet.pts is None else packet.pts
            is_wild = decoded_s is None and packet.dts is not None
            has_wild |= is_wild
            times.append(time_s if is_wild else None if stamp is None else stamp * unit_s + clock.shift_s)
            keys.append(packet.is_keyframe)
            damaged.append(bool(length_size) and not is_whole(memoryview(packet), codec, length_size))
            last_step = packet.duration or last_step
    if not times:
        raise MediaError("its video track holds no picture.", path=path, advice="Choose another clip.")
    if is_interlaced:
        kept = _of_pictures(path, container, times)
        times, keys, damaged = ([each[place] for place in kept] for each in (times, keys, damaged))
        last_step = 0
    is_key, is_damaged = np.asarray(keys), np.asarray(damaged)
    if None not in times and unit_s and (len(times) == 1 or len(set(times)) > 1):
        timing = clip_timing(np.asarray(times, np.float64), is_key, last_step * unit_s, is_damaged)
        if SANE_FPS_MIN <= timing.fps <= SANE_FPS_MAX:  # by stamps that begin anew no place can be found again
            return replace(timing, keyframe_times_s=()) if clock.shift_s or has_wild else timing
    timing = clip_timing(np.arange(len(times)) / announced_fps, is_key, 1 / announced_fps, is_damaged)
    return replace(timing, keyframe_times_s=())


def _of_pictures(path: Path, container: str, times: list[float | None]) -> list[int]:
    """Say which packets begin a picture; second fields do not, and have no stamps where both kinds alternate."""
    with open_clip(path, container=container) as (opened, stream):
        step = 2 if packets_are_fields(opened, stream) else 1
    return [place for place in range(0, len(times), step) if times[place] is not None] or list(range(len(times)))


def clip_timing(
    times_s: np.ndarray, is_key: np.ndarray, last_step_s: float, is_damaged: np.ndarray | None = None
) -> ClipTiming:
    """Work out the timing of pictures.

    Args:
        times_s: ``(pictures,)`` presentation times in any order, in seconds.
        is_key: ``(pictures,)`` bool, in the same order.
        last_step_s: How long the last picture stays, in seconds; 0 when unknown.
        is_damaged: ``(pictures,)`` bool, in the same order; ``None`` when all can be read.
    """
    order = np.argsort(times_s, kind="stable")
    is_damaged = np.zeros(len(order), bool) if is_damaged is None else is_damaged[order]
    times_s, is_key = _told_apart(times_s[order] - times_s.min()), is_key[order]
    steps = np.diff(times_s)
    usual_s = float(np.median(steps)) if len(steps) else 0.0
    duration_s = float(times_s[-1]) + (last_step_s or usual_s or 1 / FALLBACK_FPS)
    uneven = np.abs(steps - usual_s) > _UNEVEN_BY * usual_s
    return ClipTiming(
        duration_s=round(duration_s, 6),
        fps=round(len(times_s) / duration_s, 4),
        frame_count=len(times_s),
        has_variable_rate=bool(len(steps) and uneven.mean() > _UNEVEN_SHARE),
        keyframe_times_s=tuple(round(float(time_s), 6) for time_s in times_s[is_key]),
        every_picture_fps=round(_every_picture_fps(times_s), 4) if steps.any() else 0.0,
        damaged_s=tuple(round(float(time_s), 6) for time_s in times_s[is_damaged]),
    )


def _told_apart(times_s: np.ndarray) -> np.ndarray:
    """Give each of several pictures with one stamp a time of its own, as they get it when they are decoded."""
    steps = np.diff(times_s)
    if steps.all() or not steps.any():
        return times_s
    if not (steps[1:] + steps[:-1]).all():  # three and more alike: stamps that are coarser than the pictures' steps
        stamps, firsts, counts = np.unique(times_s, return_index=True, return_counts=True)
        end_s = stamps[-1] + counts[-1] * (stamps[-1] - stamps[0]) / firsts[-1]
        return np.interp(np.arange(len(times_s)), [*firsts, len(times_s)], [*stamps, end_s])
    clock = MediaClock(float(np.median(steps[steps > 0])))
    return np.array([clock.time_s(time_s) for time_s in times_s.tolist()])


def _every_picture_fps(times_s: np.ndarray) -> float:
    """The slowest standard rate that shows every picture when it was shown.

    That is no slower than the clip's quickest steps; except that a clip with a rate of its own, from which its steps
    only stray, keeps it and may lose a few pictures: a quicker rate would make all of it stutter.
    """
    steps = np.diff(times_s)
    mean_fps, peak_fps = 1 / steps.mean(), 1 / max(1e-6, float(np.quantile(steps, _QUICK_SHARE)))
    has_rate = abs(float(np.median(steps)) * mean_fps - 1) <= _STRAY_SHARE
    lost = {rate: float((np.diff(_ticks(times_s, rate)) < 1).mean()) for rate in map(float, STANDARD_FPS)}
    own = [rate for rate in lost if has_rate and abs(rate / mean_fps - 1) <= _NEAR_RATE and lost[rate] <= _JITTER_SHARE]
    quick = [rate for rate in lost if rate >= peak_fps * (1 - _NEAR_RATE) and not lost[rate]]
    rates = own or quick or [float(FPS_MAX)]
    twins = [rate for rate in rates if rate <= rates[0] * (1 + _SAME_PACE)]
    return min(twins, key=lambda rate: (lost[rate], float(np.abs(_ticks(times_s, rate) - times_s * rate).sum())))


def _ticks(times_s: np.ndarray, fps: float) -> np.ndarray:
    return np.ceil(times_s * fps - 0.5 + TIE_TICKS)


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


def _codec_name(stream: object) -> str:
    context = getattr(stream, "codec_context", None)
    return context.codec.canonical_name if context else "unknown"


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a clip's file says; times are counted from its packets, not believed from its header.

    Attributes:
        path: The file.
        format: By content, lower case: a name from :data:`kling_ui.media.signatures.VIDEO_FORMATS`.
        size_bytes: Size of the file.
        width_px: Displayed width.
        height_px: Displayed height.
        duration_s: Time that the pictures fill, in seconds.
        fps: Pictures a second, on average.
        frame_count: Pictures in the clip.
        codec: libavcodec's name of the codec, such as ``h264`` or ``av1``.
        pixel_format: libavutil's name, such as ``yuv420p``.
        rotation_deg: Clockwise turn that players apply: 0, 90, 180 or 270.
        has_audio: There is a sound track.
        audio_codec: libavcodec's name, such as ``aac``; empty without sound.
        has_variable_rate: The pictures are not evenly spaced.
        keyframe_times_s: Where decoding can start, in seconds from the first picture.
        every_picture_fps: The slowest standard rate that shows every picture; 0 where it was not measured.
        hdr: ``HLG`` or ``PQ``, or ``Dolby Vision`` where its colours are Dolby's own; empty for a clip that is not HDR.
        is_interlaced: Its pictures hold two fields of different moments.
        size_changes_s: When its pictures change their size, in seconds; known once all of them were decoded.
        is_mirrored: Players mirror it, as clips of front cameras ask them to.
        is_transparent: Its pictures are so in part, to players that know of it; here the stored colours are shown, as
            FFmpeg does.
        damaged_s: Times of pictures that no decoder can read, rising, in seconds.
    """

    path: Path
    format: str
    size_bytes: int
    width_px: int
    height_px: int
    duration_s: float
    fps: float
    frame_count: int
    codec: str
    pixel_format: str
    rotation_deg: int
    has_audio: bool
    audio_codec: str
    has_variable_rate: bool = False
    keyframe_times_s: tuple[float, ...] = (0.0,)
    every_picture_fps: float = 0.0
    hdr: str = ""
    is_interlaced: bool = False
    size_changes_s: tuple[float, ...] = ()
    is_mirrored: bool = False
    is_transparent: bool = False
    damaged_s: tuple[float, ...] = ()


def probe_video(path: Path) -> VideoFacts:
    """Read a clip's headers, the times of all its packets and its first picture.

    Raises:
        MediaError: It is no clip, it breaks off, it is protected, it holds no picture, or it cannot be decoded.
    """
    name = sniff_video(path)
    index = _readable_index(path) if name in _ISO_MEDIA else b""
    tracks = read_tracks(path, container=name)
    timing = read_timing(path, container=name, is_interlaced=tracks.is_interlaced)
    return VideoFacts(
        path=path,
        format=name,
        size_bytes=path.stat().st_size,
        width_px=tracks.width_px,
        height_px=tracks.height_px,
        duration_s=timing.duration_s,
        fps=timing.fps,
        frame_count=timing.frame_count,
        codec=tracks.codec,
        pixel_format=tracks.pixel_format,
        rotation_deg=tracks.rotation_deg,
        has_audio=bool(tracks.audio_codec),
        audio_codec=tracks.audio_codec,
        has_variable_rate=timing.has_variable_rate,
        keyframe_times_s=timing.keyframe_times_s,
        every_picture_fps=timing.every_picture_fps,
        hdr=DOLBY_VISION if has_own_colours(index) else tracks.hdr,
        is_interlaced=tracks.is_interlaced,
        is_mirrored=tracks.is_mirrored,
        is_transparent=tracks.is_transparent,
        damaged_s=timing.damaged_s,
    )


def _readable_index(path: Path) -> bytes:
    with path.open("rb") as file:
        boxes = read_boxes(file)
        if reason := broken_off(boxes):
            raise MediaError(f"{reason}.", path=path, advice="Upload it once more, or export it again.")
        index = read_index(file, boxes)
        if (count := sample_count(index)) > _SAMPLES_MAX:
            reason = Told("it says that it holds {count:,} pictures or sounds, more than any clip does.", count=count)
            raise MediaError(reason, path=path, advice="Export it again as MP4 (H.264), or choose another clip.")
        if is_encrypted(index):
            reason = "it is encrypted (copy protected), so its pictures cannot be read."
            raise MediaError(reason, path=path, advice="Choose a clip without copy protection.")
    return index
