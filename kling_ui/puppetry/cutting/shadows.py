"""The dark spots under the shoes: they belong to the feet, not to the floor, and go where the feet go."""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.character import VISIBLE, Character
from kling_ui.puppetry.cutting.fill import push_pull
from kling_ui.puppetry.cutting.layers import Layer
from kling_ui.puppetry.skeleton import BONES, SHINS, Joint, Part

REACH_M = 0.1  # how far around ankle and toes the floor is theirs at any rate
WIDE_M, HIGH_M = 0.32, 0.13  # how far it may be if it is dark there: shadows on a floor are seen from the side
RIM_SHARE, RIM_TOUCHED = 0.9, 0.1  # of that reach: its rim; of a shadow that reaches it without going on there
DARK = 0.08  # of the light that the same row has beside it
COARSE, CALM_CELLS = 4, 1.5  # px a cell in which that is decided, and over how many it is averaged
RIM_M = 0.04  # over which it fades there
GONE_M = 0.12  # how high a shoe is lifted until it has no shadow


def under_shoes(character: Character) -> np.ndarray:
    """``(height, width)`` int8: the shin whose shoe stands there, -1 elsewhere; only shoes that are seen."""
    width, height = character.size
    feet = np.full((height, width), -1, np.int8)
    points = [(part, character.joints[joint]) for part in SHINS for joint in _foot(character, part)]
    if not points:
        return feet
    box = _box(np.array([point for _, point in points]), WIDE_M * character.px_per_m, (height, width))
    size = box[1].stop - box[1].start, box[0].stop - box[0].start
    if min(size) < 1:
        return feet
    small = max(1, size[0] // COARSE), max(1, size[1] // COARSE)
    ys, xs = np.mgrid[: small[1], : small[0]].astype(np.float32)
    ys, xs = (ys + 0.5) * size[1] / small[1] + box[0].start, (xs + 0.5) * size[0] / small[0] + box[1].start
    away = np.stack([np.hypot(xs - x, ys - y) for _, (x, y) in points])
    flat = np.min([np.hypot((xs - x) / WIDE_M, (ys - y) / HIGH_M) for _, (x, y) in points], axis=0)
    close, maybe = away.min(axis=0) < REACH_M * character.px_per_m, flat < character.px_per_m
    grey = cv2.resize(cv2.cvtColor(character.rgb[box], cv2.COLOR_RGB2GRAY), small, interpolation=cv2.INTER_AREA)
    person = cv2.resize(character.alpha[:height][box], small, interpolation=cv2.INTER_AREA)
    beyond = maybe & ~close & (person <= 0.1) & _darker(grey, ~maybe & (person <= 0.02))
    beyond = _without(beyond, flat > RIM_SHARE * character.px_per_m)
    parts = np.array([part for part, _ in points], np.int8)[away.argmin(axis=0)]
    seen = cv2.resize(_touching(close | beyond, close).astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    feet[box] = np.where(seen, cv2.resize(parts, size, interpolation=cv2.INTER_NEAREST), -1)
    return feet


def shoe_shadows(character: Character, empty: np.ndarray) -> dict[Part, Layer]:
    """What darkens the floor around each shoe.

    Args:
        character: The person.
        empty: ``(height, width, 3)`` uint8: the picture without the person and these shadows.
    """
    feet = under_shoes(character)
    x, y, width, height = cv2.boundingRect((feet >= 0).astype(np.uint8))
    if not width:
        return {}
    box, below = (slice(y, y + height), slice(x, x + width)), round(2 * RIM_M * character.px_per_m)
    feet, person = feet[box], character.alpha[: character.size[1]][box]
    light, shown = (cv2.cvtColor(rgb[box], cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (empty, character.rgb))
    dark = np.clip(255 - 255 * shown / np.maximum(light, 1), 0, 255).astype(np.uint8)
    around = (person <= 0.02).astype(np.float32)  # under the shoe it goes on as it is beside it
    dark = push_pull(np.repeat(dark[..., None], 3, axis=2), around)[..., 0]
    if y + height == character.size[1]:  # what the picture cuts off goes on a little, for feet are lifted
        dark, feet = (cv2.copyMakeBorder(a, 0, below, 0, 0, cv2.BORDER_REPLICATE) for a in (dark, feet))
    rim = RIM_M * character.px_per_m
    inside = cv2.distanceTransform(np.pad(feet >= 0, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    soft = dark * np.clip(inside / rim, 0, 1)
    owned = {part: cv2.GaussianBlur((feet == part).astype(np.float32), (0, 0), rim / 2) for part in SHINS}
    total = np.maximum(sum(owned.values()), 1e-3)
    spots = {part: (soft * own / total).astype(np.uint8) for part, own in owned.items() if (feet == part).any()}
    return {part: _layer(spot, (x, y)) for part, spot in spots.items() if spot.any()}


def shadow_strength(lift_m: float) -> float:
    """How much of its shadow a shoe keeps, 0-1, that is lifted so far above the other one."""
    return min(max(1 - lift_m / GONE_M, 0.0), 1.0)


def _foot(character: Character, part: Part) -> list[Joint]:
    bone = BONES[part]
    return [joint for joint in (bone.end, bone.tip) if joint is not None and character.visibility[joint] >= VISIBLE]


def _box(points: np.ndarray, around: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    first, last = points.min(axis=0) - around, points.max(axis=0) + around
    (x0, y0), (x1, y1) = (np.clip(corner.round().astype(int), 0, shape[::-1]) for corner in (first, last))
    return slice(y0, y1), slice(x0, x1)


def _darker(grey: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: where the floor is darker than in the same row on either side of the feet."""
    shown = cv2.GaussianBlur(grey, (0, 0), CALM_CELLS).astype(np.float32)
    columns, light = np.arange(grey.shape[1]), np.zeros(grey.shape, np.float32)
    for row, (colours, known) in enumerate(zip(shown, beside, strict=True)):
        if known.any():
            after = np.searchsorted(columns[known], columns)
            first, last = (np.clip(place, 0, known.sum() - 1) for place in (after - 1, after))
            light[row] = np.minimum(colours[known][first], colours[known][last])
    return shown < (1 - DARK) * light


def _without(region: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: the pieces that end before the rim; others are shadows of something else."""
    count, pieces = cv2.connectedComponents(region.astype(np.uint8))
    sizes = np.bincount(pieces.ravel(), minlength=count)
    kept = np.bincount(pieces[rim], minlength=count) <= RIM_TOUCHED * sizes
    return kept[pieces] & region


def _touching(region: np.ndarray, core: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: what of a region is connected with its core."""
    count, pieces = cv2.connectedComponents(region.astype(np.uint8))
    wanted = np.zeros(count, bool)
    wanted[np.unique(pieces[core])] = True
    return wanted[pieces] & region


def _layer(dark: np.ndarray, corner: tuple[int, int]) -> Layer:
    x, y, width, height = cv2.boundingRect((dark > 0).astype(np.uint8))
    box = dark[y : y + height, x : x + width]
    return Layer(np.dstack([np.zeros((*box.shape, 3), np.uint8), box]), (corner[0] + x, corner[1] + y))
