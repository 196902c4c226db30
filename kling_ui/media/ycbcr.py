"""BT.709 Y'CbCr of 8 bits, limited range: the colours that clips are encoded in.

What is drawn in them needs no conversion frame by frame, and blends exactly as in RGB because the change is linear.
"""

from collections.abc import Sequence

import cv2
import numpy as np

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709-6, 3.2
_SPANS = np.array([219.0, 224.0, 224.0]) / 255  # 8-bit ranges of ITU-R BT.709-6, 4.6
_ZEROS = np.array([16.0, 128.0, 128.0])


def to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Convert pictures.

    Args:
        rgb: ``(height, width, 3)`` uint8, or ``(height, width, 4)`` with the colours premultiplied by alpha.

    Returns:
        The same shape and dtype; alpha is kept, and the colours stay premultiplied by it.
    """
    matrix = _matrix()
    if rgb.shape[2] == 3:
        return cv2.transform(rgb, np.column_stack([matrix, _ZEROS]))
    with_alpha = np.zeros((4, 4))
    with_alpha[:3, :3], with_alpha[:3, 3], with_alpha[3, 3] = matrix, _ZEROS / 255, 1
    return cv2.transform(rgb, with_alpha)


def to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Convert ``(height, width, 3)`` uint8 back; equal to within 2 of 255."""
    back = np.linalg.inv(_matrix())
    return cv2.transform(ycbcr, np.column_stack([back, -back @ _ZEROS]))


def subsample(ycbcr: np.ndarray, planes: Sequence[np.ndarray]) -> None:
    """Take a picture apart into the three planes of yuv420p, with half the chroma.

    Args:
        ycbcr: ``(height, width, 3)`` uint8 with even sides.
        planes: Written over: ``(height, width)`` uint8 and two of half the size; rows may lie apart.
    """
    height, width = ycbcr.shape[:2]
    small = cv2.resize(ycbcr, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    for place, (source, plane) in enumerate(zip((ycbcr, small, small), planes, strict=True)):
        cv2.extractChannel(source, place, dst=plane)


def _matrix() -> np.ndarray:
    """``(3, 3)``: from RGB of 0-255 to Y'CbCr without the zeros' offsets."""
    red, _, blue = _LUMA
    cb = (np.array([0, 0, 1]) - _LUMA) / (2 * (1 - blue))
    cr = (np.array([1, 0, 0]) - _LUMA) / (2 * (1 - red))
    return np.stack([_LUMA, cb, cr]) * _SPANS[:, None]
