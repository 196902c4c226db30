"""The picture without the person: what of it is background, and what stands behind the figure."""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.character import Character
from kling_ui.puppetry.cutting.continuation import fill_in
from kling_ui.puppetry.cutting.fill import push_pull
from kling_ui.puppetry.cutting.shadows import under_shoes

REACH_SHARE = 1 / 140  # of the long side: how far around the person the background is not trusted
TRACE_SHARE = 1 / 45  # likewise where it is searched for traces: stray hair, glow, a contour
TRACE_PX = 9.0  # at most the width of a trace
CLEAR_TRACE, MOST_ROUGH = 5.0, 1.0  # of 8 bits by which it differs; by which the background itself differs at most
MOSTLY = 0.6  # of a trace lies beside the person
BETWEEN_SHOES_M = 0.05  # half the width of a gap between two shoes' shadows that is not the floor itself


def backdrop(character: Character) -> np.ndarray:
    """The picture without the person, ``(height, width, 3)`` uint8; unchanged away from the person."""
    return fill_in(character.rgb, known_background(character))


def known_background(character: Character) -> np.ndarray:
    """``(height, width)`` float32: 1 where the picture shows nothing of the person, nor of its traces, else 0."""
    free = _background(character)
    away = cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, 5)
    long_side = max(character.size)
    known = away > max(2, round(long_side * REACH_SHARE))
    band = known & (away < long_side * TRACE_SHARE)
    if band.any() and not known.all():
        known &= ~(_traces(character.rgb, known, band) & band)
    return known.astype(np.float32)


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


def _traces(rgb: np.ndarray, known: np.ndarray, band: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: thin lines beside the person that are unlike the background around them."""
    left, top, width, height = cv2.boundingRect(band.astype(np.uint8))
    box = slice(top, top + height), slice(left, left + width)
    half = (max(1, width // 2), max(1, height // 2))
    grey = cv2.cvtColor(cv2.resize(rgb[box], half, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    beyond = cv2.resize((known & ~band)[box].astype(np.float32), half, interpolation=cv2.INTER_AREA)
    searched = cv2.resize(band[box].astype(np.uint8), half, interpolation=cv2.INTER_NEAREST) > 0
    seen = np.where(searched | (beyond > 0.5), grey, _rest(grey, beyond))
    apart = cv2.absdiff(seen, cv2.medianBlur(seen, 2 * round(TRACE_PX / 2) + 1))
    rough = cv2.blur(apart * beyond, (61, 61)) / np.maximum(cv2.blur(beyond, (61, 61)), 0.02)
    lines = (searched | (beyond > 0.5)) & (apart > CLEAR_TRACE) & (rough < MOST_ROUGH)
    grown = cv2.dilate((searched & _ending(lines, searched)).astype(np.uint8), np.ones((3, 3), np.uint8))
    out = np.zeros(known.shape, bool)
    out[box] = cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return out


def _rest(grey: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What is known, continued roughly."""
    size = max(1, grey.shape[1] // 4), max(1, grey.shape[0] // 4)
    small = cv2.resize(cv2.merge([grey] * 3), size, interpolation=cv2.INTER_AREA)
    sure = (cv2.resize(known, size, interpolation=cv2.INTER_AREA) > 0.99).astype(np.float32)
    return cv2.resize(push_pull(small, sure)[..., 0], grey.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _ending(lines: np.ndarray, searched: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: the lines that lie where they are searched for; the background's own go on beyond."""
    count, pieces = cv2.connectedComponents(lines.astype(np.uint8))
    sizes = np.bincount(pieces.ravel(), minlength=count)
    inside = np.bincount(pieces[searched], minlength=count)
    kept = inside >= MOSTLY * sizes
    kept[0] = False
    return kept[pieces]
