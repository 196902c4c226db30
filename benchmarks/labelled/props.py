"""Things that come between the camera and the figure, painted over a finished picture."""

from collections.abc import Callable

import cv2
import numpy as np

Change = Callable[[np.ndarray], np.ndarray]


def post(
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    colour: tuple[int, int, int] = (96, 84, 78),
    grain: float = 0.0,
) -> Change:
    """A post, a beam, a table or a caption's bar: a rectangle, its sides in shares of the picture.

    Args:
        left: Left side.
        top: Top.
        right: Right side.
        bottom: Bottom.
        colour: RGB.
        grain: How strong a wooden grain runs along its longer side; 0 is one plain colour, 0.25 rough wood.
    """

    def paint(rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        rows = slice(round(top * height), round(bottom * height))
        columns = slice(round(left * width), round(right * width))
        size = rows.stop - rows.start, columns.stop - columns.start
        painted = rgb.copy()
        painted[rows, columns] = _wood(size, colour, grain)
        return painted

    return paint


def logo(rgb: np.ndarray) -> np.ndarray:
    """A small half-transparent mark in a corner."""
    painted, size = rgb.copy(), max(0.5, rgb.shape[0] / 720)
    place = round(0.03 * rgb.shape[1]), round(0.06 * rgb.shape[0])
    cv2.putText(painted, "studio", place, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 2, cv2.LINE_AA)
    return cv2.addWeighted(painted, 0.7, rgb, 0.3, 0)


def _wood(shape: tuple[int, int], colour: tuple[int, int, int], grain: float) -> np.ndarray:
    height, width = shape
    across, along = (width, height) if height >= width else (height, width)
    rough = np.random.default_rng(11).normal(size=(max(2, along // 24), across)).astype(np.float32)
    rough = cv2.resize(rough, (across, along), interpolation=cv2.INTER_LINEAR)
    rough = rough if height >= width else rough.T
    return (np.array(colour) * (1 + grain * rough[..., None])).clip(0, 255).astype(np.uint8)
