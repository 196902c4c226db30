"""Sample a clip's frames, scaled down and at a limited rate, and find the bars of a letterbox."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from kling_ui.media.video import (
    decoded_frames,
    open_clip,
    pixel_aspect,
    quarter_turns,
)

_PLAN_PX = 224  # long side of the copy in which bars are searched
_PLAIN_LEVELS = 6  # grey levels within which a row or column counts as one colour
_WHOLE = (0.0, 0.0, 1.0, 1.0)
LONG_SIDE_PX = 512  # of the frames that are kept
# A minute of 16 frames a second takes about 200 MB at this size; no engine takes a longer clip.
SECONDS_MAX = 60.0
FRAMES_PER_S_MAX = 16.0  # a limb that moves from one side of the body to the other in 1/8 s is still followed
_FORWARD_S = 1e-3  # by which the next frame must be later at least, in clips of whatever frame rate
_SKIPPABLE_ABOVE_FPS = 20.0  # half of the frames of a slower clip would be too few


def content_box(rgb: np.ndarray) -> tuple[float, float, float, float]:
    """Find the box between the bars of a letterbox.

    Args:
        rgb: ``(height, width, 3)`` uint8.

    Returns:
        ``(left, top, right, bottom)`` as fractions of width and height; all of it when there are no bars.
    """
    scale = min(1.0, _PLAN_PX / max(rgb.shape[:2]))
    size = max(2, round(rgb.shape[1] * scale)), max(2, round(rgb.shape[0] * scale))
    grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.int16)
    top, bottom = _bar(grey), len(grey) - _bar(grey[::-1])
    left, right = _bar(grey.T), len(grey.T) - _bar(grey.T[::-1])
    if top >= bottom or left >= right:
        return _WHOLE
    return left / size[0], top / size[1], right / size[0], bottom / size[1]


def _bar(grey: np.ndarray) -> int:
    """Count the rows at the top that are all of one colour."""
    corner = grey[0, 0]
    plain = (np.ptp(grey, axis=1) <= _PLAIN_LEVELS) & (np.abs(grey[:, 0] - corner) <= _PLAIN_LEVELS)
    return len(plain) if plain.all() else int(plain.argmin())


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """One sampled frame of a clip, kept as small planes of Y'CbCr.

    Attributes:
        time_s: Presentation time from the start of the clip.
        is_intra: It was coded without other frames: encoders choose that for a new shot, too.
        planes: ``(height * 3 / 2, width)`` uint8, the planes Y, U and V at half size below each other.
        turns: Counter-clockwise quarter turns that bring it upright.
    """

    time_s: float
    is_intra: bool
    planes: np.ndarray
    turns: int

    @property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, upright."""
        return self._upright(cv2.cvtColor(self.planes, cv2.COLOR_YUV2RGB_I420))

    def grey(self, long_side_px: int) -> np.ndarray:
        """Brightness, ``(height, width)`` uint8, upright, scaled down."""
        luma = self.planes[: self.planes.shape[0] * 2 // 3]
        scale = min(1.0, long_side_px / max(luma.shape))
        size = max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale))
        if scale <= 0.5:  # halves are averaged many times quicker than other shares; the rest is hardly a step
            luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
        if luma.shape[::-1] != size:
            luma = cv2.resize(
                luma, size, interpolation=cv2.INTER_AREA if 2 * size[0] < luma.shape[1] else cv2.INTER_LINEAR
            )
        return self._upright(luma)

    def _upright(self, pixels: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(pixels, self.turns)) if self.turns else pixels


def load_sampled_frames(
    path: Path, *, container: str, fps: float, seconds_max: float = SECONDS_MAX
) -> Iterator[SampledFrame]:
    """Decode a clip from its start, yielding at most :data:`FRAMES_PER_S_MAX` frames a second, times rising.

    Args:
        path: A local clip.
        container: What :func:`kling_ui.media.probe.sniff_video` found.
        fps: Its frame rate.
        seconds_max: Where to stop.

    Raises:
        MediaError: The clip cannot be decoded at all. What is damaged is left out.
    """
    with open_clip(path, container=container) as (opened, stream):
        _hurry(stream.codec_context, fps)
        scaler, next_s = VideoReformatter(), -1.0
        for time_s, frame in decoded_frames(opened, stream):
            if time_s >= seconds_max:
                return
            if time_s < next_s and frame.pict_type != PictureType.I:
                continue
            # half a source frame's slack: 24 frames a second must not become 12 because 1/16 s is just missed
            next_s = time_s + max(_FORWARD_S, 1 / FRAMES_PER_S_MAX - 0.5 / fps)
            yield _sampled_frame(time_s, frame, stream, scaler)


def _hurry(codec: VideoCodecContext, fps: float) -> None:
    codec.options = dict(codec.options) | {"skip_loop_filter": "all"}
    if fps > _SKIPPABLE_ABOVE_FPS:
        codec.skip_frame = "NONREF"


def _sampled_frame(time_s: float, frame: av.VideoFrame, stream: VideoStream, scaler: VideoReformatter) -> SampledFrame:
    width, height = frame.width * pixel_aspect(stream), frame.height
    scale = min(1.0, LONG_SIDE_PX / max(width, height))
    size = (max(2, 2 * round(side * scale / 2)) for side in (width, height))
    small = scaler.reformat(frame, *size, format="yuv420p", interpolation=Interpolation.FAST_BILINEAR)
    return SampledFrame(time_s, frame.pict_type == PictureType.I, small.to_ndarray(), quarter_turns(frame))
