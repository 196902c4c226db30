"""The part of a picture that shows something: without plain bars along its edges."""

import cv2
import numpy as np

_PLAN_PX = 224
_PLAIN_LEVELS = 6  # grey levels within which a row or column counts as one colour
_WHOLE = (0.0, 0.0, 1.0, 1.0)


def content_box(rgb: np.ndarray) -> tuple[float, float, float, float]:
    """Measure what lies between the bars of a letterbox.

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
