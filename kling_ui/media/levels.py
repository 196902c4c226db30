"""Making pictures and clips brighter or deeper, the one by the same curve as the other."""

import math

import cv2
import numpy as np

_BRIGHT_KEPT = 0.85  # of white: up to here a brightened picture is just brighter


def brightened(level: float, gain: float) -> float:
    """Brighten a level, 0-1, as a longer exposure would; what comes near white is rolled off, so nothing is cut."""
    bright = level * gain
    over = max(0.0, bright - _BRIGHT_KEPT) / (1 - _BRIGHT_KEPT)
    return min(bright, _BRIGHT_KEPT) + (1 - _BRIGHT_KEPT) * (1 - math.exp(-over))


def brighten(rgb: np.ndarray, gain: float) -> np.ndarray:
    """Brighten ``(height, width, 3)`` uint8 by :func:`brightened`."""
    table = np.array([round(255 * brightened(level / 255, gain)) for level in range(256)], np.uint8)
    return cv2.LUT(rgb, table)


def brightening_filter(gain: float) -> str:
    """:func:`brightened` as a filter of libavfilter for frames in RGB."""
    bright, kept = f"val/maxval*{gain:.5f}", f"{_BRIGHT_KEPT}"
    over = f"(max(0,{bright}-{kept})/(1-{kept}))"
    level = f"maxval*(min({bright},{kept})+(1-{kept})*(1-exp(-{over})))"
    return f"lutrgb=r='{level}':g='{level}':b='{level}'"


def deepen(rgb: np.ndarray, veil: float) -> np.ndarray:
    """Take a veil of light off ``(height, width, 3)`` uint8: this level, 0-1, becomes black, and white stays white."""
    levels = (np.arange(256) / 255 - veil) / (1 - veil)
    return cv2.LUT(rgb, np.rint(255 * levels.clip(0, 1)).astype(np.uint8))


def deepening_filter(veil: float) -> str:
    """:func:`deepen` as a filter of libavfilter for frames in RGB."""
    level = f"clip((val-maxval*{veil:.5f})/(1-{veil:.5f}),0,maxval)"
    return f"lutrgb=r='{level}':g='{level}':b='{level}'"
