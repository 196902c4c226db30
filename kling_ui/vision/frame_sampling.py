"""Sample a clip's frames, scaled down and at a limited rate, and find the bars of a letterbox."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from kling_ui.media.colour import BT709
from kling_ui.media.display import NO_SHAPE, Display, FrameShape, turned
from kling_ui.media.video import decoded_frames, open_clip, seek

_PLAN_PX = 224  # long side of the copy in which bars are searched
_PLAIN_LEVELS = 6  # grey levels within which a row or column counts as one colour
# What is missing where planes of BT.709 were read as BT.601: the one decoding after the inverse of the other.
_BT601_TO_BT709 = np.array(
    [[1.0864, -0.0724, -0.0140], [0.0966, 0.8451, 0.0583], [-0.0141, -0.0277, 1.0418]], np.float32
)
_WHOLE = (0.0, 0.0, 1.0, 1.0)
LONG_SIDE_PX = 512  # of the frames that are kept
# A minute of 16 frames a second takes about 200 MB at this size; no engine takes a longer clip.
SECONDS_MAX = 60.0
FRAMES_PER_S_MAX = 16.0  # a limb that moves from one side of the body to the other in 1/8 s is still followed
_FORWARD_S = 1e-3  # by which the next frame must be later at least, in clips of whatever frame rate
_SKIPPABLE_ABOVE_FPS = 20.0  # half of the frames of a slower clip would be too few
# Up to so many pixels a second (1080p of 30 frames) one thread decodes as quickly as poses are read beside it. Threads
# that share a clip's frames cost a sixth more processor time, which larger clips are worth.
_ALONE_PIXELS_PER_S = 1920 * 1080 * 31


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
        orientation: How it is brought upright, see :func:`kling_ui.media.display.orientation`.
        shape: Of the frame in the clip.
        is_bt709: The planes have the matrix of BT.709; else that of BT.601. Their range is limited.
    """

    time_s: float
    is_intra: bool
    planes: np.ndarray
    orientation: tuple[int, bool] = (0, False)
    shape: FrameShape = NO_SHAPE
    is_bt709: bool = False

    @property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, upright."""
        rgb = cv2.cvtColor(self.planes, cv2.COLOR_YUV2RGB_I420)  # which takes them for BT.601
        return turned(cv2.transform(rgb, _BT601_TO_BT709) if self.is_bt709 else rgb, self.orientation)

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
        return turned(luma, self.orientation)


def size_changes_s(frames: Sequence[SampledFrame]) -> tuple[float, ...]:
    """When the frames of a clip change their size, in seconds."""
    return tuple(round(after.time_s, 3) for before, after in pairwise(frames) if before.shape != after.shape)


def load_sampled_frames(
    path: Path, *, container: str, fps: float, start_s: float = 0.0, seconds_max: float = SECONDS_MAX
) -> Iterator[SampledFrame]:
    """Decode a clip, yielding at most :data:`FRAMES_PER_S_MAX` frames a second, times rising.

    Args:
        path: A local clip.
        container: What :func:`kling_ui.media.probe.sniff_video` found.
        fps: Its frame rate.
        start_s: Where to begin; the times of the frames are counted from there.
        seconds_max: How long to go on.

    Raises:
        MediaError: The clip cannot be decoded at all. What is damaged is left out.
    """
    with open_clip(path, container=container) as (opened, stream):
        _hurry(stream, fps)
        display, next_s = Display(stream, LONG_SIDE_PX, even=True), -1.0
        for time_s, frame in _frames_from(opened, stream, start_s):
            if time_s >= seconds_max:
                return
            if time_s < next_s and frame.pict_type != PictureType.I:
                continue
            # half a source frame's slack: 24 frames a second must not become 12 because 1/16 s is just missed
            next_s = time_s + max(_FORWARD_S, 1 / FRAMES_PER_S_MAX - 0.5 / fps)
            yield _sampled_frame(time_s, frame, display)


def _frames_from(opened: InputContainer, stream: VideoStream, start_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decode from a time on, which becomes the zero of all times; at 0 whatever the file begins with comes first."""
    if start_s <= 0:
        yield from decoded_frames(opened, stream)
        return
    seek(opened, stream, start_s)
    yield from ((at_s - start_s, frame) for at_s, frame in decoded_frames(opened, stream) if at_s >= start_s)


def _hurry(stream: VideoStream, fps: float) -> None:
    codec = stream.codec_context
    if codec.width * codec.height * fps <= _ALONE_PIXELS_PER_S:
        stream.thread_type = "SLICE"  # slices of one frame share nothing that must be waited for
    codec.options = dict(codec.options) | {"skip_loop_filter": "all"}
    if fps > _SKIPPABLE_ABOVE_FPS:
        codec.skip_frame = "NONREF"


def _sampled_frame(time_s: float, frame: av.VideoFrame, display: Display) -> SampledFrame:
    small = display.planes(frame)
    is_intra, is_bt709 = frame.pict_type == PictureType.I, small.colorspace == BT709
    return SampledFrame(time_s, is_intra, small.to_ndarray(), display.orientation, display.shape, is_bt709=is_bt709)
