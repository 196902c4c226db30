"""The part of a picture around one part of the body, so that cutting it costs no more than it must."""

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppetry.cutting.character import Character
from kling_ui.puppetry.skeleton import Part

AROUND_M = 0.18  # what a part may take of its surroundings at most
FEATHER_PX = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture.

    Attributes:
        corner: ``(x, y)`` px of its upper left corner in the picture.
        labels: ``(height, width)`` int8, as :func:`kling_ui.puppetry.cutting.labels.label_parts` gives them.
        alpha: ``(height, width)`` float32 0-1.
        colours: ``(height, width, 3)`` uint8, free of background.
        joints: ``(18, 2)`` px in the window.
        px_per_m: Scale of the person.
        bottom: Row at which the picture ends; below it the figure is only continued.
    """

    corner: tuple[int, int]
    labels: np.ndarray
    alpha: np.ndarray
    colours: np.ndarray
    joints: np.ndarray
    px_per_m: float
    bottom: int


def window_of(character: Character, labels: np.ndarray, colours: np.ndarray, part: Part) -> Window | None:
    """The window around a part, or ``None`` when it has no pixel."""
    own = labels == part
    if not own.any():
        return None
    box = box_around(own, round(AROUND_M * character.px_per_m))
    x0, y0 = box[1].start, box[0].start
    return Window(
        (x0, y0),
        labels[box],
        character.alpha[box],
        colours[box],
        character.joints - (x0, y0),
        character.px_per_m,
        character.size[1] - y0,
    )


def among(labels: np.ndarray, parts: Collection[Part]) -> np.ndarray:
    """``(height, width)`` bool: where the label is one of some parts."""
    table = np.zeros(256, np.uint8)
    table[list(parts)] = 1
    return cv2.LUT(np.ascontiguousarray(labels).view(np.uint8), table).view(bool)


def box_around(region: np.ndarray, more: int) -> tuple[slice, slice]:
    """Rows and columns that hold a bool region and so many px around it."""
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    return slice(max(0, y - more), y + height + more), slice(max(0, x - more), x + width + more)


def soften(region: np.ndarray) -> np.ndarray:
    """A bool region with a soft border, float32 0-1."""
    return cv2.GaussianBlur(region.astype(np.float32), (0, 0), FEATHER_PX)


def without_spurs(region: np.ndarray, half_px: float) -> np.ndarray:
    """What is left of a bool region without what is thinner than twice ``half_px``; all of it if it all is."""
    deep = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1] > half_px
    if not deep.any():
        return region
    return region & (cv2.distanceTransform((~deep).astype(np.uint8), cv2.DIST_L2, 3) <= half_px + 1)
