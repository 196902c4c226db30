"""Making a picture larger than it is: its surroundings go on from its edges and fade into its own colours."""

import cv2
import numpy as np

from kling_ui.media.rectangles import Margins

_COARSE_PX = 64  # long side of the small copy whose colours fill what is far away
_FADE_SHARE = 0.35  # within this share of the widest margin the edge's own pixels fade out


def add_margins(rgb: np.ndarray, margins: Margins) -> np.ndarray:
    """Add a plausible background around a picture; a plain one just goes on, without a seam.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        margins: How much to add at each edge.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = margins
    near = cv2.copyMakeBorder(rgb, top, bottom, left, right, cv2.BORDER_REPLICATE)
    far = _far(rgb, margins)
    weight = _nearness((near.shape[0], near.shape[1]), margins)[:, :, None]
    filled = (near * weight + far * (1 - weight) + 0.5).astype(np.uint8)
    filled[top : top + height, left : left + width] = rgb
    return filled


def _far(rgb: np.ndarray, margins: Margins) -> np.ndarray:
    """Smooth colours for the whole canvas, from a small blurred copy."""
    height, width = rgb.shape[:2]
    full = margins.around((width, height))
    scale = _COARSE_PX / max(full)
    small = cv2.resize(rgb, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    around = [round(margin * scale) for margin in margins]
    left, top, right, bottom = around
    padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(padded.astype(np.float32), (0, 0), 3.0)
    return cv2.resize(blurred, full, interpolation=cv2.INTER_CUBIC).clip(0, 255)


def _nearness(shape: tuple[int, int], margins: Margins) -> np.ndarray:
    """1 at the picture's edge, falling to 0 far away: ``(height, width)`` float32."""
    left, top, right, bottom = margins
    rows, columns = np.arange(shape[0], dtype=np.float32), np.arange(shape[1], dtype=np.float32)
    down = np.maximum(top - rows, rows - (shape[0] - bottom - 1)).clip(0)
    across = np.maximum(left - columns, columns - (shape[1] - right - 1)).clip(0)
    fade = max(1.0, _FADE_SHARE * max(margins))
    return np.exp(-np.hypot(down[:, None], across[None, :]) / fade)
