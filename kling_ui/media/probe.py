"""Facts of pictures and clips, told by their content; no verdicts.

Every size is *as displayed*: EXIF orientation, rotation metadata and non-square pixels are applied.
"""

from dataclasses import dataclass
from pathlib import Path

from kling_ui.errors import MediaError
from kling_ui.media.boxes import broken_off, is_encrypted, read_boxes
from kling_ui.media.picture import ImageFacts, probe_image
from kling_ui.media.signatures import sniff, sniff_image, sniff_video
from kling_ui.media.timing import read_timing, read_tracks

__all__ = ["ImageFacts", "VideoFacts", "probe_image", "probe_video", "sniff", "sniff_image", "sniff_video"]

_ISO_MEDIA = frozenset({"mp4", "mov", "3gp"})


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
        codec: libavcodec's name, such as ``h264``.
        pixel_format: libavutil's name, such as ``yuv420p``.
        rotation_deg: Clockwise turn that players apply: 0, 90, 180 or 270.
        has_audio: There is a sound track.
        audio_codec: libavcodec's name, such as ``aac``; empty without sound.
        has_variable_rate: The pictures are not evenly spaced.
        keyframe_times_s: Where decoding can start, in seconds from the first picture.
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


def probe_video(path: Path) -> VideoFacts:
    """Read a clip's headers, the times of all its packets and its first picture.

    Raises:
        MediaError: It is no clip, it breaks off, it is protected, it holds no picture, or it cannot be decoded.
    """
    name = sniff_video(path)
    if name in _ISO_MEDIA:
        _refuse_unreadable(path)
    tracks, timing = read_tracks(path, container=name), read_timing(path, container=name)
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
    )


def _refuse_unreadable(path: Path) -> None:
    with path.open("rb") as file:
        boxes = read_boxes(file)
        if reason := broken_off(boxes):
            raise MediaError(f"{reason}.", path=path, advice="Upload it once more, or export it again.")
        if is_encrypted(file, boxes):
            reason = "it is encrypted (copy protected), so its pictures cannot be read."
            raise MediaError(reason, path=path, advice="Choose a clip without copy protection.")
