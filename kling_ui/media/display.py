"""How decoded frames are shown: upright, in square pixels and in one size, whatever the clip's file asks for."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.stream import VideoStream

from kling_ui.media.colour import Converter


class Display:
    """Shows the decoded frames of one clip: upright, in square pixels, in SDR and in the size of its first frame.

    A frame of another size, as recordings have that were turned in the middle, is fitted in between black bars.

    Args:
        stream: The clip's picture.
        long_side_px: Scale down so that the longer side is at most this; never up.
        even: Give sides that are even, as yuv420p needs them.
    """

    def __init__(self, stream: VideoStream, long_side_px: int | None = None, *, even: bool = False) -> None:
        self._stream = stream
        self._long_side_px = long_side_px
        self._even = even
        self._first: FrameShape | None = None
        self._converter = Converter()
        self.orientation = 0, False  # of the first frame, see orientation()
        self.shape = NO_SHAPE  # of the last frame

    def rgb(self, decoded: av.VideoFrame) -> np.ndarray:
        """``(height, width, 3)`` uint8, as displayed."""
        return turned(self._shown(decoded, "rgb24").to_ndarray(), self.orientation)

    def planes(self, decoded: av.VideoFrame) -> av.VideoFrame:
        """A frame of yuv420p in limited range, with the matrix that it names, BT.601 or BT.709; not turned."""
        return self._shown(decoded, "yuv420p")

    def _shown(self, decoded: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
        self.shape = frame_shape(decoded, self._stream)
        if self._first is None:
            self._first, self.orientation = self.shape, orientation(decoded)
        size = self._size(self._first.shown)
        if self.shape == self._first:
            return self._converter.convert(decoded, size, pixel_format)
        return self._converter.convert(decoded, fitted(self.shape.shown, size), pixel_format, size)

    def _size(self, shown: tuple[float, float]) -> tuple[int, int]:
        scale = min(1.0, self._long_side_px / max(shown)) if self._long_side_px else 1.0
        step = 2 if self._even else 1
        return max(2, step * round(shown[0] * scale / step)), max(2, step * round(shown[1] * scale / step))


def fitted(shown: tuple[float, float], size: tuple[int, int]) -> tuple[int, int]:
    """Scale a shape so that it just fits into a size; the sides are even where the size allows it."""
    scale = min(size[0] / shown[0], size[1] / shown[1])
    width, height = (min(most, max(2, 2 * round(side * scale / 2))) for side, most in zip(shown, size, strict=True))
    return width, height


def orientation(decoded: av.VideoFrame) -> tuple[int, bool]:
    """Tell how a decoded frame is to be shown.

    Ask it of one frame of a clip: PyAV frees a frame that was asked for its side data late.

    Returns:
        Counter-clockwise quarter turns, 0-3, odd angles going to the nearest; and whether it is mirrored left to right
        after them. Together these are the eight orientations that a display matrix (ISO/IEC 14496-12, 8.3.2) may ask
        for.
    """
    if isinstance(decoded.opaque, tuple):  # kept from the frame that it was made of
        return decoded.opaque
    side_data: Any = decoded.side_data  # PyAV's annotations know of one kind only
    try:
        matrix = side_data[SideDataType.DISPLAYMATRIX]
    except KeyError:
        return 0, False
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5) / 65536
    mirrored = bool(a * d - b * c < 0)
    return round(-math.degrees(math.atan2(b, -a if mirrored else a)) / 90) % 4, mirrored


def turned(pixels: np.ndarray, orientation: tuple[int, bool]) -> np.ndarray:
    """Bring pixels as coded, ``(height, width, ...)``, into the orientation that they are shown in."""
    turns, mirrored = orientation
    if not turns and not mirrored:
        return pixels
    pixels = np.rot90(pixels, turns)
    return np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)


class FrameShape(NamedTuple):
    """Width and height of a frame as coded, in px, and the width of its pixels divided by their height."""

    width_px: int
    height_px: int
    aspect: float

    @property
    def shown(self) -> tuple[float, float]:
        """Width and height in square pixels: one side grows, none shrinks, as HTML has it for ``video``."""
        return self.width_px * max(1.0, self.aspect), self.height_px / min(1.0, self.aspect)


NO_SHAPE = FrameShape(0, 0, 1.0)


def frame_shape(decoded: av.VideoFrame, stream: VideoStream) -> FrameShape:
    """Tell the shape of a frame that :func:`kling_ui.media.video.coded_frames` yielded from this track."""
    changed = decoded.opaque
    aspect = changed if isinstance(changed, float) else plausible_aspect(stream.sample_aspect_ratio)
    return FrameShape(decoded.width, decoded.height, aspect)


def plausible_aspect(aspect: Fraction | None) -> float:
    """Width of a pixel divided by its height; 1 where a file says nothing of it, or nonsense."""
    return float(aspect) if aspect and 0.25 <= aspect <= 4 else 1.0
