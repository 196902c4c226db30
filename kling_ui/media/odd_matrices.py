"""Frames whose matrix libswscale does not know: they are brought to R'G'B' here, before anything else sees them.

These are YCgCo (ITU-T H.273, 8.3, MatrixCoefficients 8), which screen recorders use, and the constant luminance of
ITU-R BT.2020 (10). Primaries and transfer stay as they are.
"""

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from kling_ui.media.display import orientation

_YCGCO, _CONSTANT_LUMINANCE = 8, 10  # libavutil's numbers of matrices
_LUMA_2020 = (0.2627, 0.6780, 0.0593)  # ITU-R BT.2020-2, table 4, with what follows of it
_BLUE, _RED = (1.9404, 1.5816), (1.7184, 0.9936)  # of a difference below 0, and above
_ALPHA, _BETA = 1.0993, 0.0181


def in_known_matrix(frame: av.VideoFrame, *, is_first: bool) -> av.VideoFrame:
    """Give a decoded frame back, or the same picture as 16-bit R'G'B' where its matrix is an odd one.

    The first one of a clip, which is asked for it, keeps its orientation.
    """
    if frame.format.is_rgb or frame.colorspace not in {_YCGCO, _CONSTANT_LUMINANCE}:
        return frame
    matrix, frame.colorspace = frame.colorspace, Colorspace.ITU709  # only a name: libswscale refuses the others
    luma, blue, red = _signals(frame)
    if matrix == _YCGCO:  # blue is the difference of green, red that of orange
        rgb = np.stack([luma - blue + red, luma + blue, luma - blue - red], axis=-1)
    else:
        rgb = _of_constant_luminance(luma, blue, red)
    made = av.VideoFrame.from_ndarray(np.rint(rgb.clip(0, 1) * 65535).astype(np.uint16), format="rgb48le")
    made.pts, made.time_base = frame.pts, frame.time_base
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    made.color_range = ColorRange.JPEG
    if is_first:
        made.opaque = orientation(frame)
    return made


def _signals(frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three times ``(height, width)`` float32: luma 0-1, and both differences, -0.5 to 0.5."""
    is_full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    planes = frame.reformat(format="yuv444p16le")
    values = [_plane(plane) / 256.0 for plane in planes.planes]  # as of 8 bits, with fractions
    low, span, wide = (0.0, 255.0, 255.0) if is_full else (16.0, 219.0, 224.0)
    return (values[0] - low) / span, (values[1] - 128.0) / wide, (values[2] - 128.0) / wide


def _plane(plane: VideoPlane) -> np.ndarray:
    rows = np.frombuffer(plane, np.uint16).reshape(plane.height, plane.line_size // 2)
    return rows[:, : plane.width].astype(np.float32)


def _of_constant_luminance(luma: np.ndarray, blue: np.ndarray, red: np.ndarray) -> np.ndarray:
    b = luma + blue * np.where(blue <= 0, *_BLUE)
    r = luma + red * np.where(red <= 0, *_RED)
    light, light_r, light_b = (_linear(signal.clip(0, 1)) for signal in (luma, r, b))
    of_red, of_green, of_blue = _LUMA_2020
    light_g = ((light - of_red * light_r - of_blue * light_b) / of_green).clip(0, 1)
    g = np.where(light_g < _BETA, 4.5 * light_g, _ALPHA * light_g**0.45 - (_ALPHA - 1))
    return np.stack([r, g, b], axis=-1)


def _linear(signal: np.ndarray) -> np.ndarray:
    return np.where(signal < 4.5 * _BETA, signal / 4.5, ((signal + _ALPHA - 1) / _ALPHA) ** (1 / 0.45))
