"""Find what passes behind arms, such as a cape or a tail: what of it is taken for the arm, and where it goes on."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppet.rig.belongings import face_of
from kling_ui.puppet.rig.character import among, box_around, enlarged
from kling_ui.puppet.rig.inpainting import distance_to, spread
from kling_ui.puppet.rig.palette import alike, bin_shares, colour_bins, greatest
from kling_ui.puppet.skeleton import ARMS, BONES, FOREARMS, Part

CORE_M = 0.02  # how wide the middle of an arm is taken to be
FOREIGN_SHARE = 1.5e-3  # of an arm's own colours: rarer ones may be another's
LEAST_SIDE_M = 0.012  # of the smallest piece that is searched for its owner
TOUCHING_PX, LEAST_TOUCHING = 2, 3  # how near the owner is to it, along so many px
# What is slim may also go on on the other side of the arm: how far away; its smallest piece; its width at most.
BEHIND_M, LEAST_STRAND_M, STRAND_WIDE_M = 0.14, 0.05, 0.1
OFF_LIMBS, LONG_STRAND_M = 1.4, 0.15  # radii off all limbs, from where on a tail is seen alone; so long at least there
RIM_PX, RIM_ALIKE = 5, 40  # the side of the square by which a piece is widened to its soft rim; 8 bits within that
REST_PX, THIN_PX = 9, 5  # likewise to what is left of it beside the arm if it is so thin
KEPT_PX = 13  # likewise a thing in a hand, for its rim and its shadow
ALIKE = 36  # of 8 bits, by which it differs from its owner at most
# --- what goes on from one side of an arm to the other
CROSSED_PX_PER_M = 100.0  # of the copy on which that is searched
CROSSED_M, CROSSED_RAYS = 0.2, 8  # from side to side at most; in so many directions
LIMB_M = 0.2  # how wide a forearm and its hand are at most
PLAIN = 12  # of 8 bits, by which colours vary over the directions
INWARDS_PX = 2  # of that copy, behind a border, to see the colours there


@dataclass(frozen=True, slots=True)
class Crossings:
    """What goes on behind arms.

    Attributes:
        parts: For each part that does ``(height, width)`` bool, within forearms; where two do, both.
        colours: ``(height, width, 3)`` uint8: what is to be seen there.
        plain: ``(height, width)`` bool: where that is the same in all directions, and so sure.
    """

    parts: dict[Part, np.ndarray]
    colours: np.ndarray
    plain: np.ndarray


def give_back(
    labels: np.ndarray,
    rgb: np.ndarray,
    joints: np.ndarray,
    parts: list[Part],
    *,
    beyond: np.ndarray,
    kept: np.ndarray,
    px_per_m: float,
) -> np.ndarray:
    """Give what is taken for a forearm, but has only the colours of what lies beside it, to that part, in place.

    Args:
        labels: ``(taller, wider)`` int8, as :func:`kling_ui.puppet.rig.segmentation.label_parts` gives them.
        rgb: ``(height, width, 3)`` uint8, of a smaller copy; what follows is of that copy, too.
        joints: ``(18, 2)`` px.
        parts: Which ones are shown.
        beyond: ``(height, width)``: how far it is to the nearest limb, in that limb's radii.
        kept: ``(height, width)`` bool: things that hands hold.
        px_per_m: The person's scale.

    Returns:
        ``(taller, wider)`` bool: what was given.
    """
    before = labels.copy()
    small = cv2.resize(labels, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    _join_strands(labels, small, beyond, kept, px_per_m)
    skin = alike(rgb, face_of(small >= 0, joints))
    kept = cv2.dilate(kept.astype(np.uint8), np.ones((KEPT_PX, KEPT_PX), np.uint8)) > 0
    for part in (part for part in FOREARMS if part in parts):
        bone, arm = BONES[part], (small == part) & ~kept
        box = box_around(arm, round(BEHIND_M * px_per_m) + 1)
        way = joints[[joint for joint in (bone.start, bone.end, bone.tip) if joint is not None]]
        way -= (box[1].start, box[0].start)
        shown, owned = np.ascontiguousarray(rgb[box]), np.full(arm.shape, -1, np.int8)
        owned[box] = _owners(
            shown, small[box], arm[box], way, free=~skin[box], off=beyond[box] > OFF_LIMBS, px_per_m=px_per_m
        )
        for owner in np.unique(owned[owned >= 0]):
            given = enlarged(owned == owner, labels.shape) & (labels == part)
            labels[given] = owner
            rest = cv2.dilate(given.astype(np.uint8), np.ones((REST_PX, REST_PX), np.uint8)) > 0
            limb = (labels == part).astype(np.uint8)
            rest &= (limb > 0) & ~enlarged(skin, labels.shape)
            rest &= cv2.morphologyEx(limb, cv2.MORPH_OPEN, np.ones((THIN_PX, THIN_PX), np.uint8)) == 0
            labels[rest] = owner
    return labels != before


def _join_strands(labels: np.ndarray, small: np.ndarray, beyond: np.ndarray, kept: np.ndarray, px_per_m: float) -> None:
    """Give slim things off the body that are taken for several parts to the one they grow from, no arm, in place."""
    off = (small >= 0) & (beyond > OFF_LIMBS) & ~kept
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(off.astype(np.uint8))
    long = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= LONG_STRAND_M * px_per_m
    for number in np.flatnonzero(long[1:]) + 1:
        box = box_around(pieces == number, TOUCHING_PX)
        piece, here = pieces[box] == number, small[box]
        root = (distance_to(piece) <= TOUCHING_PX) & ~off[box] & (here >= 0) & ~among(here, ARMS)
        if not (among(here[piece], ARMS).any() and root.any() and _is_slim(piece, px_per_m)):
            continue
        part = np.bincount(here[root]).argmax()
        here[piece] = part
        labels[enlarged(small == part, labels.shape) & enlarged(pieces == number, labels.shape) & (labels >= 0)] = part


def _owners(
    rgb: np.ndarray,
    labels: np.ndarray,
    arm: np.ndarray,
    way: np.ndarray,
    *,
    free: np.ndarray,
    off: np.ndarray,
    px_per_m: float,
) -> np.ndarray:
    """``(height, width)`` int8: the part that what is taken for an arm belongs to, where ``free``; -1 elsewhere.

    Behind the arm it goes on where it is ``off`` all limbs.
    """
    found, core = np.full(labels.shape, -1, np.int8), np.zeros(labels.shape, np.uint8)
    cv2.polylines(core, [way.round().astype(np.int32)], False, (1,), max(1, round(CORE_M * px_per_m)))
    bins, core = colour_bins(rgb), (core > 0) & arm
    own = alike(rgb, core) | (bin_shares(bins, core)[bins] >= FOREIGN_SHARE)
    foreign = arm & ~core & ~own & free
    solid = cv2.morphologyEx(foreign.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    others = (labels >= 0) & ~among(labels, ARMS)
    for is_behind, least_m in ((False, LEAST_SIDE_M), (True, LEAST_STRAND_M)):
        reach = round(BEHIND_M * px_per_m) if is_behind else TOUCHING_PX
        for number in range(1, count):
            box = box_around(pieces == number, reach + 1)
            piece = pieces[box] == number
            if stats[number, cv2.CC_STAT_AREA] < (least_m * px_per_m) ** 2 or found[box][piece].max() >= 0:
                continue
            beside = np.where(found[box] >= 0, found[box], np.where(others[box], labels[box], np.int8(-1)))
            apart = greatest(np.abs(rgb[box] - np.median(rgb[box][piece], axis=0)))
            same = (apart < ALIKE) & (beside >= 0) & (distance_to(piece) <= reach)
            if is_behind:
                same &= off[box] | (found[box] >= 0)
            if same.sum() >= LEAST_TOUCHING and (not is_behind or _is_slim(piece, px_per_m)):
                rim = cv2.dilate(piece.astype(np.uint8), np.ones((RIM_PX, RIM_PX), np.uint8)) > 0
                rim &= foreign[box] & (apart < RIM_ALIKE)
                found[box][rim] = np.bincount(beside[same]).argmax()
    return found


def _is_slim(piece: np.ndarray, px_per_m: float) -> bool:
    inside = cv2.distanceTransform(np.pad(piece, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return float(inside.max()) <= STRAND_WIDE_M / 2 * px_per_m


def behind_arms(rgb: np.ndarray, labels: np.ndarray, joints: np.ndarray, px_per_m: float) -> Crossings:
    """Find what goes on behind an arm because it is seen on both sides of it in the same colour: a cape, a tail.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        labels: ``(height, width)`` int8, as :func:`kling_ui.puppet.rig.segmentation.label_parts` gives them.
        joints: ``(18, 2)`` px.
        px_per_m: The person's scale.
    """
    scale = min(1.0, CROSSED_PX_PER_M / px_per_m)
    size = max(1, round(labels.shape[1] * scale)), max(1, round(labels.shape[0] * scale))
    small = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    colours = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    limbs = np.zeros(small.shape, np.uint8)  # without what hangs from them, and what hands hold
    for part in FOREARMS:
        bone = BONES[part]
        way = joints[[joint for joint in (bone.start, bone.end, bone.tip) if joint is not None]] * scale
        cv2.polylines(limbs, [way.round().astype(np.int32)], False, (1,), max(1, round(LIMB_M * px_per_m * scale)))
    places = np.stack(np.nonzero(among(small, FOREARMS) & (limbs > 0)))
    if not places.size:
        return Crossings({}, rgb, np.zeros(labels.shape, bool))
    most = max(2, round(CROSSED_M * px_per_m * scale))
    drawn: dict[Part, np.ndarray] = {}
    total, squares, weight = np.zeros_like(colours), np.zeros_like(colours), np.zeros((*small.shape, 1), np.float32)
    for angle in np.arange(CROSSED_RAYS) * np.pi / CROSSED_RAYS:
        way = np.array([np.sin(angle), np.cos(angle)])
        (long, first, shown), (other_long, last, other_shown) = (
            _beyond(small, colours, places, sign * way, most) for sign in (1, -1)
        )
        same = greatest(np.abs(shown - other_shown)) < ALIKE
        crossed = same & (first >= 0) & (last >= 0) & (long + other_long <= most)
        ys, xs = places[:, crossed]
        share = (other_long / (long + other_long))[crossed, None]
        seen = share * shown[crossed] + (1 - share) * other_shown[crossed]
        total[ys, xs] += seen
        squares[ys, xs] += seen**2
        weight[ys, xs] += 1
        for part in np.unique([first[crossed], last[crossed]]):
            here = (first[crossed] == part) | (last[crossed] == part)
            drawn.setdefault(Part(part), np.zeros(small.shape, np.uint8))[ys[here], xs[here]] = 1
    if not drawn:
        return Crossings({}, rgb, np.zeros(labels.shape, bool))
    # By a pixel wider, so that it meets what it goes on from.
    over, kernel = among(labels, FOREARMS), np.ones((3, 3), np.uint8)
    mean = total / np.maximum(weight, 1)
    varies = greatest(squares / np.maximum(weight, 1) - mean**2)
    plain = (weight[..., 0] > 1) & (varies < PLAIN**2)
    filled = spread(mean, weight[..., 0] > 0).clip(0, 255).astype(np.uint8)
    return Crossings(
        {part: over & enlarged(cv2.dilate(region, kernel), labels.shape) for part, region in drawn.items()},
        cv2.resize(filled, labels.shape[::-1], interpolation=cv2.INTER_LINEAR),
        enlarged(cv2.dilate(plain.astype(np.uint8), kernel), labels.shape),
    )


def _beyond(
    labels: np.ndarray, colours: np.ndarray, places: np.ndarray, way: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go from places on arms to where these end: how many px, ``(n,)``, and what label and what colour are there."""
    steps = np.arange(1, most + 1 + INWARDS_PX)
    limits = np.array(labels.shape)[:, None, None] - 1
    ys, xs = np.clip((places[..., None] + way[:, None, None] * steps).round().astype(np.intp), 0, limits)
    ends = ~among(labels, ARMS)[ys[:, :most], xs[:, :most]]
    first, there = ends.argmax(axis=1), np.arange(len(ends))
    beyond = np.where(ends.any(axis=1), labels[ys[there, first], xs[there, first]], np.int8(-1))
    return first + 1, beyond, colours[ys[there, first + INWARDS_PX], xs[there, first + INWARDS_PX]]
