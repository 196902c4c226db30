"""The picture without the person: what stands beside the figure is continued behind it.

Walls, floors, horizons and foliage go on much as they are beside the hole. So the picture is laid over itself at a few
shifts; each pixel of the hole takes the shift that agrees best with what is known around it there, and a smooth
correction, zero at no point but the rim, makes the piece meet the rim. All is decided on a small copy; only the chosen
pixels and the correction are brought to full size. Where no shift has anything to give, colours are continued smoothly.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppetry.character import Character
from kling_ui.puppetry.fill import mix, push_pull, spread
from kling_ui.puppetry.matte import deep_inside
from kling_ui.puppetry.shadows import under_shoes

SMALL_PX = 200  # longer side of the copy on which shifts are compared
REACH_SHARE = 1 / 140  # of the long side: how far around the person the background is not trusted
SIDEWAYS = (0.06, 0.1, 0.15, 0.21, 0.28, 0.36, 0.46, 0.6)  # of the width
UPWARDS = (0.12, 0.22)  # of the height
FAR_COST = 12.0  # of 8 bits for a shift by the whole width: near things are more alike
UPWARD_COST = 10.0  # things repeat sideways more than upwards
SMOOTH_COST = 20.0  # of continuing colours smoothly
NOTHING_COST = 255.0  # where a shift has nothing to give
MOST_COST = 60.0
CALM_PX = 3.0  # of the small copy, over which costs are averaged
SEAM_PX = 3.0  # of the small copy, over which two shifts change into each other
BETWEEN_SHOES_M = 0.05  # half the width of a gap between two shoes' shadows that is not the floor itself
EDGE_SHARE = 0.01  # of the long side


@dataclass(frozen=True, slots=True)
class Offer:
    """What one shift would put into the hole, on the small copy.

    Attributes:
        shift: ``(x, y)`` as fractions of width and height.
        cost: ``(height, width)`` float32: how badly it agrees around there.
        correction: ``(height, width, 3)`` float32: what is to be added to meet the rim.
    """

    shift: tuple[float, float]
    cost: np.ndarray
    correction: np.ndarray


def backdrop(character: Character) -> np.ndarray:
    """The picture without the person, ``(height, width, 3)`` uint8; unchanged away from the person."""
    known = deep_inside(_background(character), max(2, round(max(character.size) * REACH_SHARE)))
    return fill_in(character.rgb, known)


def fill_in(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continue a picture into its hole.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)`` float32: 1 where it is to stay, 0 in the hole.

    Returns:
        ``(height, width, 3)`` uint8; equal to ``rgb`` where ``known`` is 1.
    """
    smooth = push_pull(rgb, known)
    scale = min(1.0, SMALL_PX / max(known.shape))
    small = cv2.resize(smooth, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    sure = (cv2.resize(known, small.shape[1::-1], interpolation=cv2.INTER_AREA) > 0.99).astype(np.float32)
    usable = deep_inside(_without_edges(sure) > 0, 2 * SEAM_PX)
    offers = [_offer(small, sure, usable, shift) for shift in _shifts()]
    best = np.min([offer.cost for offer in offers], axis=0)
    filled, given = np.zeros(rgb.shape, np.float32), np.zeros(known.shape, np.float32)
    inner = _without_edges(known)
    for offer in offers:
        chosen = ((offer.cost <= best) & (offer.cost < SMOOTH_COST) & (sure < 1)).astype(np.float32)
        share = _enlarged(cv2.GaussianBlur(chosen, (0, 0), SEAM_PX), known.shape)
        left, top, width, height = cv2.boundingRect((share > 0).astype(np.uint8))
        if width:
            box = slice(top, top + height), slice(left, left + width)
            weight = share[box] * _moved(inner, offer.shift)[box]
            piece = _moved(rgb, offer.shift)[box] + _enlarged(offer.correction, known.shape)[box]
            filled[box] += weight[..., None] * piece
            given[box] += weight
    pieces = np.clip(filled / np.maximum(given, 1e-3)[..., None], 0, 255).round().astype(np.uint8)
    out = mix(smooth, pieces, np.clip(2 * given, 0, 1))
    out[known >= 1] = rgb[known >= 1]
    return out


def _background(character: Character) -> np.ndarray:
    """``(height, width)`` bool: neither the person nor the ground under the shoes."""
    between = round(BETWEEN_SHOES_M * character.px_per_m)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * between + 1, 2 * between + 1))
    shoes = (under_shoes(character) >= 0).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(shoes)
    around = 2 * between + 1
    box = slice(max(0, y - around), y + height + around), slice(max(0, x - around), x + width + around)
    if width:
        shoes[box] = cv2.morphologyEx(shoes[box], cv2.MORPH_CLOSE, kernel)
    return (character.alpha[: character.size[1]] <= 0.1) & (shoes == 0)


def _shifts() -> list[tuple[float, float]]:
    sideways = [(sign * x, 0.0) for x in SIDEWAYS for sign in (-1, 1)]
    return sideways + [(0.0, sign * y) for y in UPWARDS for sign in (-1, 1)]


def _offer(small: np.ndarray, sure: np.ndarray, usable: np.ndarray, shift: tuple[float, float]) -> Offer:
    moved, there = _moved(small, shift).astype(np.float32), _moved(usable, shift)
    both = sure * (there >= 1)
    apart = (small - moved) * both[..., None]
    off = np.minimum(np.abs(apart).max(axis=2), MOST_COST)
    found = spread(np.dstack([apart, off]), both)
    cost = (
        cv2.GaussianBlur(found[..., 3], (0, 0), CALM_PX)
        + FAR_COST * (abs(shift[0]) + abs(shift[1]))
        + (UPWARD_COST if shift[1] else 0.0)
    )
    return Offer(shift, np.where(there >= 1, cost, NOTHING_COST).astype(np.float32), found[..., :3])


def _moved(values: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """The same picture shifted by fractions of its sides; 0 where it has nothing."""
    height, width = values.shape[:2]
    x, y = round(shift[0] * width), round(shift[1] * height)
    out = np.zeros_like(values)
    to_x, to_y = slice(max(0, x), width + min(0, x)), slice(max(0, y), height + min(0, y))
    from_x, from_y = slice(max(0, -x), width - max(0, x)), slice(max(0, -y), height - max(0, y))
    out[to_y, to_x] = values[from_y, from_x]
    return out


def _without_edges(known: np.ndarray) -> np.ndarray:
    """The rows and columns at a picture's edges are often spoilt, and would stand in its middle."""
    margin = max(1, round(EDGE_SHARE * max(known.shape)))
    inner = np.zeros_like(known)
    box = slice(margin, -margin), slice(margin, -margin)
    inner[box] = known[box]
    return inner


def _enlarged(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
