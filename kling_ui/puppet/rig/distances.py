"""Measure how far each pixel is from each body part, in radii of the part, and which piece of its bone is nearest."""

from itertools import pairwise

import cv2
import numpy as np

from kling_ui.puppet.skeleton import BONES, LEFT_LEG, LEGS, RIGHT_LEG, Joint, Part
from kling_ui.vision.pose import EPSILON

TIP_M = 0.045  # half the width of a hand or a foot
TRUNK_M = 0.07  # the unit for the torso, which has no bone
SURE = 0.45  # of a limb's radius: surely the limb
HANDS = (Joint.LEFT_HAND, Joint.RIGHT_HAND)
BELOW_NECK, HAIR = 1, 2  # values of head_zone()
THIRDS = 3  # pieces of a bone, for colours change along it: sleeve and hand
NECK_BASE, CHIN = 0.3, 0.7  # of the way from between the shoulders to between the ears
TRAPEZIUS_M, NECK_M = 0.03, 0.05  # how far the body surely goes on above shoulders and between them, half a neck
FINGERS = 0.6  # of the way from wrist to knuckles: how much farther the fingers reach
BELOW_HIPS_M, SKIRT_M = 0.02, 0.5  # how far the torso goes on below the hips: above legs that are shown; else
AXIS_FROM, AXIS_TO, AXIS_POINTS = 0.2, 0.9, 8  # of a bone's length: where its limb's width is measured, how often
# Of the usual radius: how far a limb's edge is searched, and from where on what is seen is not the limb's own edge.
MOST_SEARCHED, NO_EDGE = 2.5, 2.2
HEAD_FROM, HEAD_TO = 0.5, 1.5  # of the way from between the shoulders to between the ears: the head's middle line
CREST_OUT, HIP_OUT = 0.5, 0.1  # of the way from hip joint to hip joint, outwards, above them; of that, beside them
CREST_UP = 0.12  # of the way from hips to shoulders: above its hip joints the body is wider than they are apart
LEAST_WIDE, MOST_WIDE, MOST_ASIDE = 0.6, 1.8, 0.7  # of the usual radius


def distances(mask: np.ndarray, joints: np.ndarray, parts: list[Part], px_per_m: float) -> dict[Part, np.ndarray]:
    """Measure how far every pixel is from the middle line of each body part, in radii of the part.

    Args:
        mask: ``(height, width)`` bool, the person.
        joints: ``(18, 2)`` px.
        parts: Which ones are shown.
        px_per_m: The person's scale.

    Returns:
        For each part ``(height, width)`` float32.
    """
    grid = pixel_grid(mask.shape)
    limbs = [part for part in parts if part not in (Part.TORSO, Part.HEAD)]
    lefts = _left_legs(grid, joints) if set(LEGS) & set(limbs) else mask
    own = {part: mask & (lefts if part in LEGS[0::2] else ~lefts) if part in LEGS else mask for part in limbs}
    away = {part: _from_limb(grid, own[part], joints, part, px_per_m) for part in limbs}
    away[Part.HEAD] = _from_head(grid, joints, px_per_m)
    below_m = BELOW_HIPS_M if Part.LEFT_THIGH in parts else SKIRT_M
    away[Part.TORSO] = _from_torso(grid, joints, px_per_m, below_m=below_m)
    return away


def pixel_grid(shape: tuple[int, ...]) -> np.ndarray:
    """Give x and y of every pixel; ``(height, width, 2)`` float32."""
    return np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), axis=-1).astype(np.float32)


def quarter(grid: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Find the third of the segment ``a``-``b`` beside each pixel: ``(height, width)`` int8 0-2, 3 beyond ``b``."""
    along = b - a
    share = ((grid - a) @ along) / max(float(along @ along), EPSILON)
    return np.clip(share * THIRDS, 0, THIRDS).astype(np.int8)


def head_zone(grid: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Divide the picture by height at the head: :data:`BELOW_NECK`, from the chin up :data:`HAIR`, 0 between; int8."""
    neck, up = joints[Joint.NECK], joints[Joint.HEAD] - joints[Joint.NECK]
    share = ((grid - neck) @ up) / max(float(up @ up), EPSILON)
    return np.where(share < NECK_BASE, BELOW_NECK, np.where(share > CHIN, HAIR, 0)).astype(np.int8)


def beyond_joint(grid: np.ndarray, joints: np.ndarray, lower: Part) -> np.ndarray:
    """Tell on which side of an elbow or knee ``(..., 2)`` points lie: int8, 1 beyond the line that halves its angle."""
    bone = BONES[lower]
    upper = BONES[bone.parent]
    ways = [joints[b.end] - joints[b.start] for b in (upper, bone)]
    normal = np.sum([way / max(float(np.hypot(*way)), EPSILON) for way in ways], axis=0)
    return ((grid - joints[bone.start]) @ normal > 0).astype(np.int8)


def split(own: list[Part], joints: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Tell to which of one limb's parts points ``(n,)`` belong; ``(n,)`` int8, -1 if there is none."""
    if len(own) < 2:
        return np.full(len(xs), own[0] if own else -1, np.int8)
    points = np.stack([xs, ys], axis=-1).astype(np.float32)
    return np.asarray(own, np.int8)[beyond_joint(points, joints, own[-1])]


def march(mask: np.ndarray, start: np.ndarray, step: np.ndarray, limit: float) -> float:
    """Measure the way inside the mask from ``start`` in the direction of ``step``, px, at most ``limit``."""
    away = np.arange(0, limit, 1.0)
    x, y = (start[:, None] + step[:, None] * away).round().astype(int)
    height, width = mask.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    inside[inside] = mask[y[inside], x[inside]]
    outside = np.flatnonzero(~inside)
    return float(away[outside[0]]) if len(outside) else limit


def _axis(mask: np.ndarray, joints: np.ndarray, part: Part, px_per_m: float) -> tuple[np.ndarray, np.ndarray, float]:
    """A limb's middle line and half width in px, as its outline shows them.

    The landmarks lie on the joints, which under clothes are seldom in the middle of what is seen. Where both sides of
    the limb are free, its outline gives both; where one lies on the body, it is taken to be as wide as an adult's.
    """
    bone, usual = BONES[part], BONES[part].radius_m * px_per_m
    start, end = joints[bone.start], joints[bone.end]
    along = end - start
    side = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), EPSILON)
    steps = np.linspace(AXIS_FROM, AXIS_TO, AXIS_POINTS)
    spine = start + steps[:, None] * along
    seen = np.array([[march(mask, point, way * side, MOST_SEARCHED * usual) for way in (1, -1)] for point in spine])
    seen[seen >= NO_EDGE * usual] = np.nan
    free = ~np.isnan(seen).any(axis=1)
    radius = float(np.clip(np.mean(seen[free]), LEAST_WIDE * usual, MOST_WIDE * usual)) if free.any() else usual
    lone = np.where(np.isnan(seen), 2 * radius - seen[:, ::-1], seen)
    offset = np.clip((lone[:, 0] - lone[:, 1]) / 2, -MOST_ASIDE * usual, MOST_ASIDE * usual)
    known = ~np.isnan(offset)
    if known.sum() < 2:
        return start, end, radius
    slope, base = np.polyfit(steps[known], offset[known], 1)
    return start + base * side, end + (base + slope) * side, radius


def _from_head(grid: np.ndarray, joints: np.ndarray, px_per_m: float) -> np.ndarray:
    """Distance from the middle of the head, in head radii; the neck is shared with the torso."""
    neck, up = joints[Joint.NECK], joints[Joint.HEAD] - joints[Joint.NECK]
    return _to_segment(grid, neck + HEAD_FROM * up, neck + HEAD_TO * up) / (BONES[Part.HEAD].radius_m * px_per_m)


def _left_legs(grid: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: nearer to the left leg than to the right one; legs that touch end where they meet."""
    ways = [
        np.min([_to_segment(grid, joints[start], joints[end]) for start, end in pairwise(leg)], axis=0)
        for leg in (LEFT_LEG, RIGHT_LEG)
    ]
    return ways[0] < ways[1]


def _from_limb(grid: np.ndarray, mask: np.ndarray, joints: np.ndarray, part: Part, px_per_m: float) -> np.ndarray:
    """Distance of every pixel from a limb's middle line, in limb radii."""
    bone = BONES[part]
    start, end, radius = _axis(mask, joints, part, px_per_m)
    away = _to_segment(grid, start, end) / radius
    if bone.tip is not None:
        tip, onward = joints[bone.tip], FINGERS * (joints[bone.tip] - joints[bone.end])
        away = np.minimum(away, _to_segment(grid, joints[bone.end], tip) / (TIP_M * px_per_m))
        if bone.tip in HANDS:  # fingers reach beyond the knuckles, nobody knows where exactly
            away = np.minimum(away, SURE + _to_segment(grid, tip, tip + onward) / (TIP_M * px_per_m))
    return away


def _from_torso(grid: np.ndarray, joints: np.ndarray, px_per_m: float, *, below_m: float) -> np.ndarray:
    """Distance from the outline of shoulders, hips and what is ``below_m`` them, in limb widths; 0 inside."""
    ls, rs, rh, lh = joints[[Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.RIGHT_HIP, Joint.LEFT_HIP]]
    down = (lh + rh - ls - rs) / 2
    low = (lh + rh) / 2 + below_m * px_per_m * down / max(float(np.hypot(*down)), EPSILON)
    wide = (lh - rh) * min(1.0, below_m)
    crest, up = CREST_OUT * (lh - rh), CREST_UP * down
    hip = HIP_OUT * crest
    above = -down / max(float(np.hypot(*down)), EPSILON) * px_per_m
    aside = (ls - rs) / max(float(np.hypot(*(ls - rs))), EPSILON) * px_per_m
    neck = joints[Joint.NECK] + 2 * TRAPEZIUS_M * above
    top = [ls, ls + TRAPEZIUS_M * above, neck + NECK_M * aside, neck - NECK_M * aside, rs + TRAPEZIUS_M * above, rs]
    outline = np.array([*top, rh - crest - up, rh - hip, low - wide, low + wide, lh + hip, lh + crest - up])
    outside = np.full(grid.shape[:2], 255, np.uint8)
    cv2.fillPoly(outside, [outline.round().astype(np.int32)], (0,))
    away = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5)
    # Where the outline is out of sight, that is beyond all numbers.
    return np.minimum(away, np.float32(sum(outside.shape))) / (TRUNK_M * px_per_m)


def _to_segment(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances of ``(..., 2)`` points from the segment ``a``-``b``."""
    along = b - a
    x, y = points[..., 0] - a[0], points[..., 1] - a[1]
    t = np.clip((x * along[0] + y * along[1]) / max(float(along @ along), EPSILON), 0, 1)
    x, y = x - t * along[0], y - t * along[1]
    return np.sqrt(x * x + y * y)
