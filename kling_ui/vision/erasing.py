"""Painting something out of a picture, roughly: good enough to look again at what is left."""

import cv2
import numpy as np

_MARGIN_SHARE = 0.02  # of the long side: the soft edge and the shadow go, too
_SHRINK = 8


def erase(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill a part of a picture with the smoothed colours around it.

    Args:
        rgb: ``(height, width, 3)`` uint8; left as it is.
        mask: ``(height, width)`` bool, what to paint out.
    """
    height, width = mask.shape
    margin = 2 * max(1, round(_MARGIN_SHARE * max(height, width))) + 1
    gone = cv2.dilate(mask.astype(np.uint8), np.ones((margin, margin), np.uint8))
    size = max(1, width // _SHRINK), max(1, height // _SHRINK)
    weight = cv2.resize(1 - gone.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(rgb * (1 - gone[:, :, None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    filled = colour / np.maximum(weight, 1e-6)[:, :, None]
    for reach in (2.0, 6.0, 20.0):  # the nearest colours first, farther ones where nothing is near
        near = cv2.GaussianBlur(weight, (0, 0), reach)
        smooth = cv2.GaussianBlur(colour, (0, 0), reach) / np.maximum(near, 1e-6)[:, :, None]
        unset = weight < 0.5
        filled = np.where(unset[:, :, None] & (near > 1e-3)[:, :, None], smooth, filled)
        colour, weight = np.where(unset[:, :, None], filled * 0.5, colour), np.where(unset & (near > 1e-3), 0.5, weight)
    back = cv2.resize(filled.clip(0, 255), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(gone[:, :, None] > 0, back, rgb).astype(np.uint8)
