"""The part of a picture around one part of the body, so that cutting it costs no more than it must."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppetry.character import Character
from kling_ui.puppetry.skeleton import Part

AROUND_M = 0.18  # what a part may take of its surroundings at most
FEATHER_PX = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture.

    Attributes:
        corner: ``(x, y)`` px of its upper left corner in the picture.
        labels: ``(height, width)`` int8, as :func:`kling_ui.puppetry.labels.label_parts` gives them.
        alpha: ``(height, width)`` float32 0-1.
        colours: ``(height, width, 3)`` uint8, free of background.
        calm: ``(height, width, 3)`` uint8: the same without thin lines.
        joints: ``(18, 2)`` px in the window.
        px_per_m: Scale of the person.
        bottom: Row at which the picture ends; below it the figure is only continued.
    """

    corner: tuple[int, int]
    labels: np.ndarray
    alpha: np.ndarray
    colours: np.ndarray
    calm: np.ndarray
    joints: np.ndarray
    px_per_m: float
    bottom: int


def window_of(
    character: Character, labels: np.ndarray, colours: np.ndarray, calm: np.ndarray, part: Part
) -> Window | None:
    """The window around a part, or ``None`` when it has no pixel."""
    x, y, width, height = cv2.boundingRect((labels == part).astype(np.uint8))
    if not width:
        return None
    around = round(AROUND_M * character.px_per_m)
    x0, y0 = max(0, x - around), max(0, y - around)
    box = slice(y0, y + height + around), slice(x0, x + width + around)
    return Window(
        (x0, y0),
        labels[box],
        character.alpha[box],
        colours[box],
        calm[box],
        character.joints - (x0, y0),
        character.px_per_m,
        character.size[1] - y0,
    )


def soften(region: np.ndarray) -> np.ndarray:
    """A bool region with a soft border, float32 0-1."""
    return cv2.GaussianBlur(region.astype(np.float32), (0, 0), FEATHER_PX)
