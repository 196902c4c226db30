"""Find the borders of an arm that lies on the body: a cheapest path on either side, fingers by skin colour."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppet.rig.inpainting import distance_to
from kling_ui.puppet.rig.matting import HAND_M, around_palm, colour_share, nearest_known, skin
from kling_ui.puppet.skeleton import BONES, Part
from kling_ui.vision.pose import EPSILON

OWN, BODY = 1, 2  # what territory() draws: the arm, and the body beside it
STEP_PX = 2.0  # along the arm
BEFORE = 0.9  # of a limb's radius before the shoulder, where an arm's way begins
INSIDE, OUTSIDE = 0.6, 2.6  # limb radii on this side of the bone, and beyond, where a line may run
STEEPEST = 1.5  # px across a px along
NARROW, WIDE = 0.2, 1.4  # limb radii that a line is expected at, at least and at most, where one side alone is seen
SHOULDER, TOO_FAR = 0.9, 50.0  # limb radii that the shoulder itself has; the cost of going beyond
USUAL = 1.6  # limb radii that an arm is wide: the radii are those of wide sleeves
NOTHING = 1.5  # what is said where the person is not
EDGE, STRAIGHT, EVEN = 0.8, 0.15, 0.05  # an edge's worth; costs of a slope
KNOWN_WIDTH, ANY_WIDTH = 0.7, 0.4  # costs of a limb radius aside where the arm's other side is seen, and where not
ALONG_M, ACROSS_M = 0.008, 0.003  # over which edges are averaged
HAND_SURE_M = 0.025  # how far from a hand, as far as it is known, the body surely shows its own colour
ON_BODY_M = 0.06  # how far from the body's edge it may still go on under a hand
SETTLED = 0.5  # how far colours must tell for a pixel to change
FROM_WRIST, CUFF_M = 0.3, 0.03  # of the way from wrist to knuckles, and beside it: sleeves may be of the body's colour
ABOVE_WRIST, BARE = 0.5, 40.0  # of that way, above the wrist: bare if its colour is nearer to the palm's, of 8 bits
SPECK_M = 0.015  # what shows of the body between interlaced fingers would be left as specks
SMOOTH_PX, SPUR_PX = 1.0, 5  # over which the hand's border is smoothed; what is thinner goes
ELBOW = 3  # radii of the upper arm over which the direction turns from one bone's to the other's
CHEST = (0.5, 3.0)  # limb radii from the shoulder, between which a line may run farther and farther out
OFF = 0.75  # of NOTHING: evidence so high, averaged between pixels, is off the person
WITHIN_PX = 3  # before that end, where the evidence must speak for the arm
LEAST_SIGMA_PX = 0.8  # over which edges are averaged at least
# A slope between these two pixels (of 8 bits) and that percentile of all slopes around counts as half an edge.
FAINT, USUAL_PERCENT = 2.0, 80
PALM_POINTS = 9  # between wrist and knuckles, one of which a piece of the hand must hold
SPUR_M = 0.03  # half the width of what hangs from the torso under an arm but belongs to the arm


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm's middle line through the picture, sampled in steps of :data:`STEP_PX`.

    Attributes:
        points: ``(n, 2)`` px on its bones.
        sides: ``(n, 2)`` unit vectors across it, towards its left seen from the shoulder.
        radii: ``(n,)`` px.
        along_px: ``(n,)``: how far from the shoulder, negative before it.
    """

    points: np.ndarray
    sides: np.ndarray
    radii: np.ndarray
    along_px: np.ndarray


@dataclass(frozen=True, slots=True)
class ArmBoundary:
    """The border of an arm on one side, step by step.

    Attributes:
        away_px: ``(n,)``: how far from the bone it runs at each step; negative on the other side of the bone.
        free: ``(n,)`` bool: where the arm ends because the person does.
    """

    away_px: np.ndarray
    free: np.ndarray


def arm_axis(joints: np.ndarray, parts: list[Part], px_per_m: float) -> Arm:
    """Sample an arm's middle line from before the shoulder to its end.

    Args:
        joints: ``(18, 2)`` px.
        parts: The upper arm, and the forearm where it is shown.
        px_per_m: The person's scale.
    """
    first = BONES[parts[0]]
    corners = np.array([joints[first.start], *(joints[BONES[part].end] for part in parts)])
    ways = np.diff(corners, axis=0)
    lengths = np.hypot(*ways.T)
    radii = np.array([BONES[part].radius_m * px_per_m for part in parts])
    before = BEFORE * radii[0]
    at = np.arange(-before, lengths.sum(), STEP_PX)
    forward = ways / np.maximum(lengths, EPSILON)[:, None]
    bend = np.clip((at - lengths[0]) / (ELBOW * radii[0]) + 0.5, 0, 1)[:, None]
    heading = (1 - bend) * forward[0] + bend * forward[-1]
    heading /= np.maximum(np.hypot(*heading.T), EPSILON)[:, None]
    knots = np.array([-before, *np.cumsum([0.0, *lengths])])
    stops = np.vstack([corners[0] - before * forward[0], corners])
    points = np.stack([np.interp(at, knots, stops[:, axis]) for axis in (0, 1)], axis=-1)
    wide = np.interp(at, [lengths[0] - radii[0], lengths[0] + radii[0]], radii[[0, -1]])
    return Arm(points, np.stack([heading[:, 1], -heading[:, 0]], axis=-1), wide, at)


def arm_boundaries(
    arm: Arm, picture: np.ndarray, evidence: np.ndarray, scale: float, px_per_m: float
) -> list[ArmBoundary]:
    """Find an arm's borders on its left and its right side, as cheapest paths along edges.

    Args:
        arm: From :func:`arm_axis`.
        picture: ``(height, width, 3)`` uint8.
        evidence: ``(h, w)`` float32 of a smaller copy: negative what speaks for the arm;
            :data:`NOTHING` off the person.
        scale: Of the smaller copy against the picture.
        px_per_m: The person's scale.
    """
    most = float(arm.radii.max())
    away = np.arange(-INSIDE * most, OUTSIDE * most, 1.0).astype(np.float32)
    said, seen = [], []
    for side in (1, -1):
        x, y = ((arm.points[:, [axis]] + side * arm.sides[:, [axis]] * away).astype(np.float32) for axis in (0, 1))
        smaller = (np.float32(scale) * (x + 0.5) - 0.5, np.float32(scale) * (y + 0.5) - 0.5)
        said.append(cv2.remap(evidence, *smaller, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        seen.append(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    ends = [_free_width(away, strip) for strip in said]
    lines, along = [], arm.along_px
    room = np.sqrt(np.maximum((SHOULDER * arm.radii[0]) ** 2 - np.minimum(along, 0) ** 2, 0))
    for side in (0, 1):
        usual = _usual(arm, ends[side], ends[1 - side])
        cost = np.cumsum(said[side], axis=1) / arm.radii[:, None] - EDGE * _edges(seen[side], px_per_m)
        aside = np.abs(away - usual[:, None]) / arm.radii[:, None]
        known = ~(np.isnan(ends[0]) & np.isnan(ends[1]))[:, None]
        cost += np.where(known, KNOWN_WIDTH, ANY_WIDTH) * np.where(aside < 1, aside**2, 2 * aside - 1)
        cost[away > _most(arm)[:, None]] += TOO_FAR
        free = ~np.isnan(ends[side])
        line = np.where(free, ends[side], away[_best_line(cost)])
        lines.append(ArmBoundary(np.where(along < 0, np.minimum(line, room), line), free))
    return lines


def _most(arm: Arm) -> np.ndarray:
    """``(steps,)`` px: how far from the bone a line may run; little on the chest, where the shoulder turns."""
    return arm.radii * np.interp(arm.along_px / arm.radii, CHEST, [SHOULDER, OUTSIDE])


def _free_width(away: np.ndarray, said: np.ndarray) -> np.ndarray:
    """``(steps,)``: where the person ends beside the bone, ``nan`` where the body begins before."""
    ends = said >= OFF * NOTHING
    ends[:, away < 0] = False
    first = ends.argmax(axis=1)
    rows = np.arange(len(said))
    free = ends.any(axis=1) & (said[rows, np.maximum(first - WITHIN_PX, 0)] < 0)
    return np.where(free, away[first], np.nan)


def _usual(arm: Arm, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``(steps,)`` px: where a line is to be expected: at a free side's end, else as far as the other one leaves."""
    rest = np.clip(USUAL * arm.radii - other, NARROW * arm.radii, WIDE * arm.radii)
    usual = np.where(np.isnan(own), np.where(np.isnan(rest), USUAL / 2 * arm.radii, rest), own)
    rim = max(1, round(float(arm.radii.max()) / STEP_PX))
    return cv2.blur(usual[:, None].astype(np.float32), (1, 2 * rim + 1))[:, 0]


def territory(arm: Arm, sides: list[ArmBoundary], shape: tuple[int, ...]) -> np.ndarray:
    """Draw the area between an arm's borders and the areas beside them.

    Returns:
        ``(height, width)`` uint8: :data:`OWN` between them, :data:`BODY` beside, 0 where nothing is said.
    """
    drawn = np.zeros(shape, np.uint8)
    far = OUTSIDE * arm.radii
    back = 2 * arm.radii[0] * np.array([arm.sides[0, 1], -arm.sides[0, 0]])
    ends = [point + way * far[0] * arm.sides[0] for point in (arm.points[0], arm.points[0] + back) for way in (1, -1)]
    cv2.fillConvexPoly(drawn, np.array([ends[0], ends[1], ends[3], ends[2]]).round().astype(np.int32), (BODY,))
    for value, free in ((BODY, False), (0, True)):
        for way, side in zip((1, -1), sides, strict=True):
            _fill(drawn, arm, (way * side.away_px, way * far), side.free == free, value)
    left, right = sides
    _fill(drawn, arm, (-right.away_px, left.away_px), np.ones(len(far), bool), OWN)
    return drawn


def _fill(drawn: np.ndarray, arm: Arm, lines: tuple[np.ndarray, np.ndarray], where: np.ndarray, value: int) -> None:
    """Draw the strips between two lines at some steps."""
    steps = np.flatnonzero(where[:-1])
    ends = [(arm.points + line[:, None] * arm.sides).round().astype(np.int32) for line in lines]
    quads = np.stack([ends[0][steps], ends[1][steps], ends[1][steps + 1], ends[0][steps + 1]], axis=1)
    for quad in quads:
        cv2.fillConvexPoly(drawn, quad, (value,))


def _edges(strip: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(steps, places)`` 0-1: how strong an edge along the arm is there, for this picture."""
    soft = cv2.GaussianBlur(
        strip.astype(np.float32),
        (0, 0),
        sigmaX=max(LEAST_SIGMA_PX, ACROSS_M * px_per_m),
        sigmaY=max(LEAST_SIGMA_PX, ALONG_M * px_per_m / STEP_PX),
    )
    slope = np.zeros(strip.shape[:2], np.float32)
    slope[:, 1:-1] = np.sqrt(((soft[:, 2:] - soft[:, :-2]) ** 2).sum(axis=-1))
    usual = FAINT + np.percentile(slope, USUAL_PERCENT)
    return slope / (slope + usual)


def _best_line(cost: np.ndarray) -> np.ndarray:
    """``(steps,)`` int: the places of the cheapest line through ``(steps, places)``."""
    most = max(1, round(STEEPEST * STEP_PX))
    moves = np.arange(-most, most + 1)
    price = STRAIGHT * np.abs(moves) + EVEN * moves**2
    places = np.arange(cost.shape[1])
    came = np.zeros(cost.shape, np.int16)
    total = np.full(cost.shape[1] + 2 * most, np.inf)
    total[most:-most] = cost[0]
    reachable = np.lib.stride_tricks.sliding_window_view(total, len(moves))
    for step in range(1, len(cost)):
        options = reachable + price
        choice = options.argmin(axis=1)
        came[step] = places + moves[choice]
        total[most:-most] = cost[step] + options[places, choice]
    line = np.empty(len(cost), int)
    line[-1] = total[most:-most].argmin()
    for step in range(len(cost) - 1, 0, -1):
        line[step - 1] = came[step][line[step]]
    return line


def tell_fingers(arm: np.ndarray, body: np.ndarray, rgb: np.ndarray, palm: np.ndarray, px_per_m: float) -> np.ndarray:
    """Separate a hand from the body behind it by skin colour, down to the gaps between fingers.

    Args:
        arm: ``(height, width)`` bool: what is taken to be the arm.
        body: Likewise where the body surely shows its own colour, or lies beside the arm.
        rgb: ``(height, width, 3)`` uint8.
        palm: ``(2, 2)`` px: wrist and knuckles.
        px_per_m: The person's scale.

    Returns:
        ``(height, width)`` bool: the arm.
    """
    reach = (HAND_M + ON_BODY_M) * px_per_m
    x0, y0 = np.maximum(palm.min(axis=0) - reach, 0).astype(int)
    x1, y1 = np.maximum(palm.max(axis=0) + reach, 0).astype(int)
    box = slice(y0, y1), slice(x0, x1)
    labelled = arm.copy()
    if arm[box].any():
        labelled[box] = _tell(arm[box], body[box], np.ascontiguousarray(rgb[box]), palm - (x0, y0), px_per_m)
    return labelled


def _tell(arm: np.ndarray, body: np.ndarray, rgb: np.ndarray, palm: np.ndarray, px_per_m: float) -> np.ndarray:
    away = around_palm(arm.shape, palm)
    from_arm, from_body = distance_to(arm), distance_to(body)
    known = body & (from_arm > HAND_SURE_M * px_per_m)
    near = (away < HAND_M * px_per_m) & (from_body < ON_BODY_M * px_per_m)
    asked = (arm | body) & near & ~_cuff(arm, rgb, palm, away, px_per_m)
    colours = skin(rgb, arm, palm, px_per_m)
    if not (known.any() and colours and asked.any()):
        return arm
    behind = nearest_known(rgb, known)[asked]
    share, trust = colour_share(rgb[asked], behind, [np.broadcast_to(colour, behind.shape) for colour in colours])
    soft = arm.astype(np.float32)
    soft[asked] = np.where(trust > SETTLED, share, soft[asked])
    labelled = cv2.GaussianBlur(soft, (0, 0), SMOOTH_PX) > 0.5
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SPUR_PX, SPUR_PX))
    plump = cv2.morphologyEx(labelled.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    gained = _with_palm(np.where(asked, plump, arm), palm, arm)
    lost = asked & arm & ~gained & ~labelled
    return (np.where(asked, gained, arm) | arm) & ~_large(lost, (SPECK_M * px_per_m) ** 2)


def _large(region: np.ndarray, least_area: float) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    wanted = stats[:, cv2.CC_STAT_AREA] >= least_area
    wanted[0] = False
    return wanted[pieces]


def _cuff(arm: np.ndarray, rgb: np.ndarray, palm: np.ndarray, away: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height, width)`` bool: where a sleeve may be, which can have the body's colour; a bare wrist has none."""
    way = palm[1] - palm[0]
    ys, xs = np.ogrid[: arm.shape[0], : arm.shape[1]]
    share = ((xs - palm[0, 0]) * way[0] + (ys - palm[0, 1]) * way[1]) / max(float(way @ way), EPSILON)
    above = skin(rgb, arm, np.array([palm[0] - ABOVE_WRIST * way] * 2), px_per_m)
    hand = skin(rgb, arm, palm, px_per_m)
    if above and hand and float(np.abs(above[0] - hand[0]).max()) < BARE:
        return share < 0
    return (share < FROM_WRIST) & ((share < 0) | (away < CUFF_M * px_per_m))


def _with_palm(hand: np.ndarray, palm: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Only what is of one piece with the palm."""
    _, pieces = cv2.connectedComponents(hand.astype(np.uint8), connectivity=4)
    steps = np.linspace(0, 1, PALM_POINTS)[:, None]
    x, y = (palm[0] * (1 - steps) + palm[1] * steps).round().astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < hand.shape[1]) & (y < hand.shape[0])
    wanted = np.unique(pieces[y[inside], x[inside]])
    wanted = wanted[wanted > 0]
    return np.isin(pieces, wanted) if len(wanted) else arm


def spurs(body: np.ndarray, start: np.ndarray, end: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height, width)`` bool: thin pieces of the body beside an upper arm; when it is lifted they hang loose."""
    ys, xs = np.ogrid[: body.shape[0], : body.shape[1]]
    (x, y), reach = (start + end) / 2, float(np.hypot(*(end - start))) / 2
    beside = body & ((xs - x) ** 2 + (ys - y) ** 2 < reach**2)
    core = distance_to(~body) > SPUR_M * px_per_m
    return beside & (distance_to(core) > SPUR_M * px_per_m)
