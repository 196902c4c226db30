"""Complete body parts where others lie over them: outline, colours, and the top of the thigh."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from kling_ui.puppet.rig.belongings import CLOTH_SHARE
from kling_ui.puppet.rig.character import Window, among, box_around, without_spurs
from kling_ui.puppet.rig.distances import march
from kling_ui.puppet.rig.inpainting import distance_to, mirrored, mix, without_marks
from kling_ui.puppet.rig.palette import bin_shares, colour_bins
from kling_ui.puppet.skeleton import ARMS, BONES, DRAWING_ORDER, FOREARMS, HIPS, SHOULDERS, THIGHS, Joint, Part
from kling_ui.vision.pose import EPSILON

# How far beside what lies over a part its colours are not its own: shadows, contours, borders not quite met.
ARM_RIM_M, RIM_M = 0.011, 0.004
HAND_RIM_M = 0.02  # hands on the legs cast shadows, and skin is unlike cloth
TRACE = 1.4  # of such a rim: what is seen of a part farther than this from what is known of it may be all there is
LEAST_RIM_PX = 2.0  # where that is less, in small pictures
MIRROR_M = 0.15  # around what is replaced, where its colours are taken from
SLIVER_M = 0.013  # half the width of what is too thin to be continued
STRIP_M = 0.02  # how far the body surely goes on behind a limb that runs alongside it
TAPER_M = 0.06  # from where it is seen, over which that begins: an armpit has no wing
MOST_ALIKE_M = 0.12  # how much farther it may go on there, as far as the other side does
WING_M = 0.026  # half the width of what is guessed beside the trunk and would hang there like a wing
BRIDGE_M = 0.6  # how much of an outline a limb may hide for it still to be guessed
NECK_M, NECK_WIDE_M = 0.05, 0.08  # how far the collar goes on under the head, and how far aside of the neck
DENT_M, DENT_LONG_M = 0.04, 0.25  # deeper and shorter than that no body is, but what hands leave of it in a row
SCRAP_M = 0.012  # half the width of what is too thin to tell an outline
CALM_M = 0.02  # of the outline, over which it is smoothed
FLANK_CALM = 0.7  # of that, over which it is smoothed once more where it was guessed
WIDENS = (
    0.45  # px a row at most, by which a trunk widens upwards behind an arm from where it is seen: no shelf hangs out
)
ARMPIT_M, SHOULDER_M = 0.07, 0.28  # over which a shoulder's round end runs out into the flank; how far below the joint
STEEP = 0.4  # px aside a row by which a limb crosses the body instead of running alongside it
BESIDE_PX = 3  # behind a border, to see what is there
IN_FRONT: dict[Part, tuple[Part, ...]] = {
    Part.TORSO: ARMS,
    Part.HEAD: ARMS,
    Part.LEFT_THIGH: FOREARMS,
    Part.RIGHT_THIGH: FOREARMS,
}
KNEES = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE)
CROTCH_M = 0.12  # below the hips, where no gap between the legs shows it
LOWEST_M = 0.17  # a gap that begins further down is one between legs that touch
MIDDLE = 0.4  # of the way from between the hips to either one, where it may begin
LEAST_M, MOST_M = 0.06, 0.18  # how far a thigh goes on outwards
STARTS = 15  # places between the hips from which the gap is searched
RIM_PX = 2.0  # over which the spot around a hip fades
SOLID = 0.6  # alpha from which on cloth fills that spot
HANGS_M = 0.07  # from the middle of a forearm: what is farther is no arm but a sleeve
FAR_PX = 1e6  # beyond all pictures
NO_SIGMA = 1e-3  # px, for OpenCV, which takes 0 for a sigma like the other one: no averaging along this axis


def complete(window: Window, part: Part, wanted: np.ndarray, *, kept: np.ndarray | None) -> np.ndarray:
    """Continue a part's own colours under the parts that lie over it, and near its borders with them.

    Args:
        window: Around the part.
        part: Which one.
        wanted: ``(height, width)`` bool: where the part has any colour.
        kept: ``(height, width)`` 0-1: where the picture's own colours are right all the same.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    over = set(DRAWING_ORDER[DRAWING_ORDER.index(part) + 1 :]) - set(_same_limb(part))
    arms_rim = HAND_RIM_M if part in THIGHS else ARM_RIM_M
    near = np.fmin(
        _nearness(window, over & set(ARMS), arms_rim),
        _nearness(window, over - set(ARMS), RIM_M),
    )
    share = np.clip(2 - 2 * near, 0, 1) * wanted
    if kept is not None:
        share = share * (1 - kept)
    if not share.any():
        return window.colours
    box = box_around(share > 0, round(MIRROR_M * window.px_per_m))
    own, share = window.labels[box] == part, share[box]
    known = without_spurs(own & (near[box] > 1), SLIVER_M * window.px_per_m)
    if known.any() and part not in THIGHS:
        away = distance_to(known)
        share *= ~own | (away < TRACE * ARM_RIM_M * window.px_per_m)
    out = window.colours.copy()
    cloth = without_marks(out[box], window.px_per_m)
    out[box] = mix(out[box], mirrored(cloth, known, share > 0), share)
    return out


def _nearness(window: Window, parts: set[Part], rim_m: float) -> np.ndarray:
    """``(height, width)`` float32: the distance from some parts, in widths of their rim; infinite without them."""
    there = among(window.labels, parts)
    if not there.any():
        return np.full(there.shape, np.inf, np.float32)
    away = distance_to(there)
    return away / max(LEAST_RIM_PX, rim_m * window.px_per_m)


def _same_limb(part: Part) -> list[Part]:
    if part is Part.TORSO:
        return []
    return [p for p, bone in BONES.items() if bone.parent is part or BONES[part].parent is p]


@dataclass(frozen=True, slots=True)
class Side:
    """The left or right half of a part's outline, row by row.

    Attributes:
        reach: ``(height,)`` px from the axis outwards, in each row; NaN beyond the first and last known one.
        known: ``(height,)`` bool: read off the picture, not guessed.
        free: ``(height,)`` bool: it ends there and does not go on behind anything.
    """

    reach: np.ndarray
    known: np.ndarray
    free: np.ndarray


def hidden_behind(window: Window, part: Part) -> np.ndarray:
    """Guess where a part goes on behind the limbs in front of it; ``(height, width)`` bool."""
    covers = among(window.labels, IN_FRONT.get(part, ()))
    own = window.labels == part
    if not own.any():
        return own
    neck = _neck(window, own) if part is Part.TORSO else np.zeros(own.shape, bool)
    if not covers.any():
        return neck
    body = without_spurs(own, max(1.0, SCRAP_M * window.px_per_m))
    if part in THIGHS:
        return covers & _hull(body)
    region = covers & (_within_outline(body, covers | own & ~body, _axis(window), window.px_per_m) | _trunk(window))
    flank = without_spurs(region | own, max(1.0, WING_M * window.px_per_m))
    smooth = cv2.GaussianBlur(flank.astype(np.float32), (0, 0), max(1.0, FLANK_CALM * CALM_M * window.px_per_m))
    return neck | covers & (smooth > 0.5)


def hanging_cloth(window: Window, part: Part) -> np.ndarray:
    """Find the parts of sleeves that hang far below a forearm and are of a part's own cloth; ``(height, width)`` bool.

    What is hidden behind them looks like them.
    """
    forearms, own = among(window.labels, FOREARMS), window.labels == part
    bones = np.ones(own.shape, np.uint8)
    for forearm in FOREARMS:
        bone = BONES[forearm]
        line = window.joints[[joint for joint in (bone.start, bone.end, bone.tip) if joint is not None]]
        cv2.polylines(bones, [line.round().astype(np.int32)], False, (0,))
    far = forearms & (cv2.distanceTransform(bones, cv2.DIST_L2, cv2.DIST_MASK_5) > HANGS_M * window.px_per_m)
    if far.sum() < (HANGS_M * window.px_per_m) ** 2 or not own.any():
        return np.zeros_like(far)
    bins = colour_bins(window.colours)
    return far & (bin_shares(bins, own)[bins] > CLOTH_SHARE)


def _trunk(window: Window) -> np.ndarray:
    """``(height, width)`` bool: between shoulders and hips, where trunks are whatever hides them."""
    drawn = np.zeros(window.labels.shape, np.uint8)
    cv2.fillConvexPoly(drawn, cv2.convexHull(window.joints[[*SHOULDERS, *HIPS]].round().astype(np.int32)), (1,))
    return drawn > 0


def _neck(window: Window, own: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: where the collar goes on behind neck and chin."""
    head = window.labels == Part.HEAD
    if not head.any():
        return head
    near = distance_to(own) <= NECK_M * window.px_per_m
    aside = np.abs(np.arange(own.shape[1]) - window.joints[Joint.NECK][0]) <= NECK_WIDE_M * window.px_per_m
    return head & near & aside & _hull(own)


def _hull(own: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(own.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = np.zeros(own.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(contours)), (1,))
    return hull > 0


def _axis(window: Window) -> np.ndarray:
    """``(height,)`` float64: the column of the trunk's middle in each row."""
    neck, hips = window.joints[Joint.NECK], window.joints[list(HIPS)].mean(axis=0)
    share = (np.arange(window.labels.shape[0]) - neck[1]) / max(float(hips[1] - neck[1]), 1.0)
    return neck[0] + np.clip(share, 0, 1) * (hips[0] - neck[0])


def _within_outline(own: np.ndarray, covers: np.ndarray, axis: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height, width)`` bool: inside the outline that a part would have without what lies over it."""
    width = own.shape[1]
    left = _side(own, covers, axis, px_per_m)
    right = _side(own[:, ::-1], covers[:, ::-1], width - 1 - axis, px_per_m)
    from_left = axis - _guessed(left, right, px_per_m)
    to_right = axis + _guessed(right, left, px_per_m)
    columns = np.arange(width)
    return (columns >= from_left[:, None]) & (columns <= to_right[:, None])


def _side(own: np.ndarray, covers: np.ndarray, axis: np.ndarray, px_per_m: float) -> Side:
    """The outline as it is seen from the left."""
    height, width = own.shape
    rows, seen = np.arange(height), own.any(axis=1)
    first = own.argmax(axis=1)
    beside = covers[rows, np.clip(first - BESIDE_PX, 0, width - 1)]
    reach = np.where(seen, axis - first, np.nan)
    calm = max(1, round(CALM_M * px_per_m))
    moved = np.abs(reach[np.clip(rows + calm, 0, height - 1)] - reach[np.clip(rows - calm, 0, height - 1)])
    crossed = ~(moved <= STEEP * 2 * calm)  # also where one of both is not seen
    free = seen & ~beside
    more = STRIP_M * px_per_m * np.clip(_to_nearest(free) / max(TAPER_M * px_per_m, 1.0), 0, 1)
    known = seen & ~(beside & crossed) & ~_dents(reach, px_per_m)
    return Side(np.where(beside, reach + more, reach), known, free)


def _dents(reach: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height,)`` bool: far inside what is seen just above and below; a waist is not that short."""
    seen = np.nan_to_num(reach, nan=-FAR_PX).astype(np.float32)[:, None]
    around = np.ones((2 * max(1, round(DENT_LONG_M * px_per_m / 2)) + 1, 1), np.uint8)
    return (cv2.morphologyEx(seen, cv2.MORPH_CLOSE, around) - seen)[:, 0] > DENT_M * px_per_m


def _to_nearest(free: np.ndarray) -> np.ndarray:
    """``(height,)`` float32: how many rows away the nearest free one is; very far without any."""
    busy = np.repeat((~free).astype(np.uint8)[:, None], 3, axis=1)
    return (
        cv2.distanceTransform(busy, cv2.DIST_L2, cv2.DIST_MASK_3)[:, 1]
        if free.any()
        else np.full(len(free), FAR_PX, np.float32)
    )


def _guessed(side: Side, other: Side, px_per_m: float) -> np.ndarray:
    """``(height,)`` px: how far the part reaches, -inf where that is unknown."""
    alike = np.clip(other.reach, side.reach, side.reach + MOST_ALIKE_M * px_per_m)
    side = replace(side, reach=np.where(side.known & ~side.free & other.free, alike, side.reach))
    known, rows = np.flatnonzero(side.known), np.arange(len(side.reach))
    if len(known) < 2:
        return np.nan_to_num(side.reach, nan=-np.inf)
    after = np.searchsorted(known, rows).clip(1, len(known) - 1)
    before, after = known[after - 1], known[after]
    between = (rows > known[0]) & (rows < known[-1]) & (after - before <= BRIDGE_M * px_per_m)
    guess = _chord(side.reach, before, after, rows)
    bulge = other.reach - _chord(other.reach, before, after, rows)
    shaped = other.known & other.known[before] & other.known[after]
    guess = guess + np.where(shaped, bulge, 0.0)
    guess = np.where(side.known, side.reach, np.where(between, guess, -np.inf))
    filled = _without_shelves(np.where(np.isfinite(guess), guess, side.reach), side.free)
    return np.fmax(_smoothed(filled, CALM_M * px_per_m), -np.inf)


def _without_shelves(reach: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Let what is guessed above a row that is seen widen no faster than trunks do; ``(height,)`` px."""
    if not free.any():
        return reach
    rows = np.arange(len(reach))
    seen = np.where(free, reach, np.inf)[::-1] - WIDENS * rows  # rows are counted from below
    last = np.maximum.accumulate(np.where(free[::-1], rows, -1))
    most = np.where(last >= 0, seen[np.maximum(last, 0)] + WIDENS * rows, np.inf)[::-1]
    return np.fmin(reach, np.where(free, np.inf, most))


def armpits(window: Window, shown: np.ndarray) -> np.ndarray:
    """Find the round ends of the shoulders and what is between them and the flanks, so that all is one outline.

    Args:
        window: Around the trunk.
        shown: ``(height, width)`` bool: the trunk as it is shown without that.

    Returns:
        ``(height, width)`` bool: behind arms only.
    """
    arms = among(window.labels, ARMS)
    if not arms.any():
        return arms
    radius = ARMPIT_M * window.px_per_m
    pad = round(radius) + 1
    wide = distance_to(np.pad(shown, pad)) <= radius
    closed = distance_to(~wide)[pad:-pad, pad:-pad] > radius
    ys, xs = np.ogrid[: arms.shape[0], : arms.shape[1]]
    near = [np.hypot(xs - x, ys - y) < SHOULDER_M * window.px_per_m for x, y in window.joints[list(SHOULDERS)]]
    return closed & arms & (near[0] | near[1])


def _chord(reach: np.ndarray, before: np.ndarray, after: np.ndarray, rows: np.ndarray) -> np.ndarray:
    share = np.clip((rows - before) / np.maximum(after - before, 1), 0, 1)
    return (1 - share) * reach[before] + share * reach[after]


def _smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    """Averaged over neighbours; what is not finite stays out of it."""
    there = np.isfinite(values)
    column = np.where(there, values, 0.0)[:, None]
    weight = cv2.GaussianBlur(there.astype(np.float64)[:, None], (1, 0), sigmaX=NO_SIGMA, sigmaY=sigma)
    total = cv2.GaussianBlur(column, (1, 0), sigmaX=NO_SIGMA, sigmaY=sigma)
    return np.where(there, total[:, 0] / np.maximum(weight[:, 0], EPSILON), -np.inf)


def thigh_top(window: Window, part: Part) -> np.ndarray:
    """Draw the soft round spot around a hip that the thigh fills; ``(height, width)`` float32 0-1."""
    height, width = window.labels.shape
    hip = window.joints[BONES[part].start]
    other = window.joints[next(joint for joint in HIPS if joint is not BONES[part].start)]
    wide = float(np.hypot(*(other - hip)))
    is_one = wide < 1  # both legs as one piece, which turns around the middle of the hips
    inwards = np.array([1.0, 0.0]) if is_one else (other - hip) / wide
    cloth = among(window.labels, (Part.TORSO, *THIGHS)) & (window.alpha > SOLID)
    outer = max(LEAST_M * window.px_per_m, march(cloth, hip, -inwards, MOST_M * window.px_per_m))
    most = MOST_M * window.px_per_m
    inner = (
        max(LEAST_M * window.px_per_m, march(cloth, hip, inwards, most)) if is_one else _to_crotch(window, cloth, hip)
    )
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    x, y = xs - np.float32(hip[0]), ys - np.float32(hip[1])
    away = cv2.magnitude(x, y)
    towards = (x * inwards[0] + y * inwards[1]) / np.maximum(away, EPSILON)
    reach = outer + (inner - outer) * np.clip(0.5 + towards, 0, 1)
    return (np.clip((reach - away) / RIM_PX, 0, 1) * cloth).astype(np.float32)


def _to_crotch(window: Window, cloth: np.ndarray, hip: np.ndarray) -> float:
    """How many px it is from a hip to where the gap between the legs begins."""
    left, right = window.joints[list(HIPS)]
    middle, knees = (left + right) / 2, window.joints[list(KNEES)].mean(axis=0)
    down = (knees - middle) / max(float(np.hypot(*(knees - middle))), EPSILON)
    most = LOWEST_M * window.px_per_m
    starts = [middle + share * (left - middle) for share in np.linspace(-MIDDLE, MIDDLE, STARTS)]
    ways = [(start, march(cloth, start, down, most)) for start in starts]
    ends = [start + way * down for start, way in ways if way < most - 2]
    ends = ends or [middle + down * CROTCH_M * window.px_per_m]
    return min(float(np.hypot(*(end - hip))) for end in ends)
