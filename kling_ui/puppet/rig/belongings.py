"""Find what a person wears that the mask misses, such as a cape, and holds though no limb accounts for it: a ball."""

import cv2
import numpy as np

from kling_ui.puppet.rig.inpainting import distance_to
from kling_ui.puppet.rig.palette import CALM_PX, alike, bin_shares, colour_bins, greatest
from kling_ui.puppet.rig.rods import HANDS, ROD_WIDE_M, rods_at_hands, rods_beside, stands_off, to_hand_px
from kling_ui.puppet.rig.round_spots import open_round
from kling_ui.puppet.skeleton import ANKLES, HIPS, KNEES, SHOULDERS, Joint

HELD_M = 0.34  # how far a held thing reaches from the hand
GRIP_M = 0.045  # how far from the line through the hand it begins
OTHERS_M = 0.22  # from the hands: what is farther shows the person's own colours
LEAST_OWN_SHARE = 0.1  # of the person, that must be so far away
OWN_SHARE = 2.5e-3  # of a person's own colours: rarer ones may be a thing's
GAP_M = 0.022  # lines on a thing, a ball's seams, are half as wide at most
LEAST_HELD_M, MOST_HELD_M = 0.05, 0.36  # sides of a held thing
COMPACT, SLIM = 0.72, 2.6  # of its hull's area; long against wide: before the body others are belts and borders
RIM_PX = 7  # the side of the square by which a piece is widened to see what is around it
STANDS_OUT = 36  # of 8 bits, by which a thing's colour differs at least from that
OUTSIDE_SHARE = 0.2  # of a thing's rim, that borders on the background, for it not to need that
# --- beside the mask
WORK_LONG_SIDE_PX = 480  # of the copy on which that is searched
PERSON = 0.5  # from what on the mask says so
FAR_M, REACH_M = 0.42, 0.8  # from the person: there the background shows its own colours; how far things are searched
SIDE_SHARE, BESIDE_M = 0.04, 0.1  # of the width: there it does nearer to the person, too
AROUND_M = 0.3  # of a thing: what of it was not found yet
LEAST_FAR_SHARE = 0.06  # of the picture, that must be so far away
RARE_SHARE = 4e-4  # of that background: rarer colours are not its own
UNLIKE = 64.0  # of 8 bits by which a thing is beyond what the same row shows on either side
ROUGH, ROUGHEST = 1.5, 30.0  # times what rows themselves vary by; where they vary by more nothing is told
ROUGH_PERCENT = 75  # of the background, that varies by less
SHADE, SHADE_HUE = 0.45, 14.0  # of its light that a shadow leaves at least, and by which it changes the colour at most
LEAST_SIDE_M, MOST_SHARE = 0.05, 1.2  # of the smallest thing; of the person's area, that the largest one takes
TOUCHES_M, TOUCHING_PX = 0.02, 3  # how near to the person a thing begins, along so many px
EDGE_M = 0.1  # of the picture's edge, that a thing may touch: a longer one is scenery
FLOOR_M = 0.05  # above the ankles: what stands on the floor is furniture, or a shadow
ROD_BEYOND = 1.6  # radii from every limb, for a rod: nearer are fingers
# --- hidden, or on the body
FROM_WRIST = 0.1  # of the way from wrist to knuckles, from where on a hand is to be seen
ON_BODY_SHARE = 0.45  # of its rim, that the body is around a hand that lies on it, or is hidden there
BESIDE_HAND_M = 0.10  # from a hand: what is farther shows the cloth's own colours
CLOTH_SHARE = 2e-3  # of a person's own colours: more common ones are cloth
LEAST_SKIN_SHARE, MOSTLY = 0.2, 0.5  # of what is taken for a hand: less skin, and more cloth, is none
LEAST_CLOTH_SHARE = 0.05  # of that: less is the soft rim of the fingers


def with_belongings(rgb: np.ndarray, mask: np.ndarray, joints: np.ndarray, px_per_m: float) -> np.ndarray:
    """Add to a mask of a person what belongs to the person and is missing there: capes, tails, hats, large things.

    Such a thing touches the person, ends within the picture and above the floor, has colours that the background does
    not show elsewhere, and is clearly unlike the background on either side of it. Shadows are none.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        mask: ``(height, width)`` float32 0-1.
        joints: ``(18, 2)`` px.
        px_per_m: The person's scale.

    Returns:
        ``(height, width)`` float32 0-1; ``mask`` itself where nothing is missing, or nothing can be told.
    """
    scale = min(1.0, WORK_LONG_SIDE_PX / max(mask.shape))
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    person = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > PERSON
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    things = _beside(small, person, joints * scale, px_per_m * scale)
    things |= rods_beside(small, person, things, joints * scale, px_per_m * scale)
    if not things.any():
        return mask
    return np.maximum(mask, cv2.resize(things.astype(np.float32), mask.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _beside(rgb: np.ndarray, person: np.ndarray, joints: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height, width)`` bool: things beside the person."""
    away = distance_to(person)
    side = max(1, round(SIDE_SHARE * person.shape[1]))
    far = away > FAR_M * px_per_m
    far[:, :side] |= away[:, :side] > BESIDE_M * px_per_m
    far[:, -side:] |= away[:, -side:] > BESIDE_M * px_per_m
    if not person.any() or far.mean() < LEAST_FAR_SHARE:
        return np.zeros_like(person)
    shown = cv2.GaussianBlur(rgb, (0, 0), CALM_PX).astype(np.float32)
    sides, varies = _rows(shown, far)
    rough = float(np.percentile(varies, ROUGH_PERCENT))
    if rough > ROUGHEST:
        return np.zeros_like(person)
    things = _unlike_rows(rgb, shown, person, far, sides, rough=rough, joints=joints, px_per_m=px_per_m)
    if not things.any():
        return things
    far &= distance_to(things) > AROUND_M * px_per_m  # the rest of a thing that reaches far out is no background
    sides, _ = _rows(shown, far)
    return things | _unlike_rows(rgb, shown, person, far, sides, rough=rough, joints=joints, px_per_m=px_per_m)


def _unlike_rows(
    rgb: np.ndarray,
    shown: np.ndarray,
    person: np.ndarray,
    far: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    *,
    rough: float,
    joints: np.ndarray,
    px_per_m: float,
) -> np.ndarray:
    """``(height, width)`` bool: things unlike the background, seen ``far`` from the person; ``sides`` as of `_rows`."""
    away, (left, right) = distance_to(person), sides
    beyond = greatest(np.maximum(np.minimum(left, right) - shown, shown - np.maximum(left, right)))
    bins = colour_bins(rgb)
    rare = bin_shares(bins, far)[bins] < RARE_SHARE
    wanted = rare & (beyond > max(UNLIKE, ROUGH * rough)) & (away < REACH_M * px_per_m) & ~_shaded(shown, left, right)
    around = np.ones((3, 3), np.uint8)
    closed = cv2.morphologyEx((wanted | person).astype(np.uint8), cv2.MORPH_CLOSE, around) > 0
    opened = cv2.morphologyEx((closed & ~person).astype(np.uint8), cv2.MORPH_OPEN, around[:2, :2])
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    edge, low = np.ones_like(person), np.zeros_like(person)
    edge[1:-1, 1:-1] = False
    low[max(0, round(float(joints[list(ANKLES), 1].max() - FLOOR_M * px_per_m))) :] = True
    near = away <= max(2.0, TOUCHES_M * px_per_m)
    touching, cut, standing = (np.bincount(pieces[where], minlength=count) for where in (near, edge, low))
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = (touching >= TOUCHING_PX) & (cut <= EDGE_M * px_per_m) & (standing == 0)
    kept &= (areas >= (LEAST_SIDE_M * px_per_m) ** 2) & (areas <= MOST_SHARE * person.sum())
    kept[0] = False
    return kept[pieces]


def _rows(shown: np.ndarray, far: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """The background's colour to the left and to the right in the same row, and how much rows vary, ``(n,)``."""
    left, right, varies = shown.copy(), shown.copy(), []
    columns = np.arange(far.shape[1])
    for row, known in enumerate(far):
        places = np.flatnonzero(known)
        if len(places):
            after = np.searchsorted(places, columns)
            left[row] = shown[row, places[np.maximum(after - 1, 0)]]
            right[row] = shown[row, places[np.minimum(after, len(places) - 1)]]
            colours = shown[row, places]
            varies.append(greatest(np.abs(colours - np.median(colours, axis=0))))
    return (left, right), np.concatenate(varies)


def _shaded(shown: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: the background's own colour with less light."""
    ground = (left + right) / 2
    light = shown.mean(axis=-1, keepdims=True) / np.maximum(ground.mean(axis=-1, keepdims=True), 1.0)
    hue = greatest(np.abs(shown - ground * light))
    return (light[..., 0] > SHADE) & (light[..., 0] < 1) & (hue < SHADE_HUE)


def held_things(
    rgb: np.ndarray,
    person: np.ndarray,
    sure: np.ndarray,
    joints: np.ndarray,
    *,
    beyond: np.ndarray,
    hands: tuple[bool, bool],
    px_per_m: float,
) -> np.ndarray:
    """Find what is in a person's hands.

    A held thing touches a hand, has colours that neither the rest of the person nor its skin has, and either reaches
    beyond the body's outline or is as compact as things are. What is slim and straight and goes on from a hand to where
    no limb is is held, too, whatever its colours and its length.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        person: ``(height, width)`` bool, with what it holds.
        sure: ``(height, width)`` bool: where trunk, head or limbs surely are, were there no thing before them.
        joints: ``(18, 2)`` px.
        beyond: ``(height, width)``: how far it is to the nearest limb, in that limb's radii.
        hands: Whether the left and the right hand are shown.
        px_per_m: The person's scale.

    Returns:
        ``(height, width)`` int8: 0 for a thing in the left hand, 1 for one in the right hand, -1 elsewhere.
    """
    body = open_round(person.astype(np.uint8), 2 * round(ROD_WIDE_M / 2 * px_per_m) + 1) > 0
    found = rods_at_hands(person & ~body & (beyond > ROD_BEYOND), joints, hands=hands, px_per_m=px_per_m)
    grips = [
        to_hand_px(person.shape, joints[list(hand)]) if shown else None
        for hand, shown in zip(HANDS, hands, strict=True)
    ]
    known = [grip for grip in grips if grip is not None]
    if not known:
        return found
    nearest = np.min(known, axis=0)
    found[~stands_off(found >= 0, body, nearest, px_per_m)] = -1
    own = person & sure & (nearest > OTHERS_M * px_per_m)
    if own.sum() < LEAST_OWN_SHARE * person.sum():
        return found
    bins, skin = colour_bins(rgb), face_of(person, joints)
    common = np.maximum(bin_shares(bins, own), bin_shares(bins, skin) if skin.any() else 0.0)[bins]
    wanted = person & (common < OWN_SHARE)
    for hand, grip in enumerate(grips):
        if grip is None:
            continue
        for piece in _pieces(wanted & (grip < HELD_M * px_per_m), px_per_m):
            if (
                (grip[piece] < GRIP_M * px_per_m).any()
                and _is_thing(piece, person, rgb)
                and not _is_worn(piece, joints)
            ):
                other = grips[1 - hand]
                if other is None or grip[piece].mean() <= other[piece].mean():
                    found[piece] = hand
    return found


def cloth_at_hand(
    rgb: np.ndarray,
    arm: np.ndarray,
    body: np.ndarray,
    sure: np.ndarray,
    joints: np.ndarray,
    *,
    hand: int,
    px_per_m: float,
) -> np.ndarray:
    """Find what is taken for a hand but is the cloth that the hand lies on, or is hidden in or behind.

    A hand that is free in the air is left alone, whatever its colour, and so is one that cannot be told from the cloth.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        arm: ``(height, width)`` bool: what is taken for the forearm with its hand.
        body: ``(height, width)`` bool: the rest of the person.
        sure: ``(height, width)`` bool: where trunk, head or limbs surely are.
        joints: ``(18, 2)`` px.
        hand: 0 for the left one, 1 for the right one.
        px_per_m: The person's scale.

    Returns:
        ``(height, width)`` bool: of ``arm``, and a pixel around it.
    """
    wrist, knuckles = joints[list(HANDS[hand])]
    way = knuckles - wrist
    ys, xs = np.mgrid[: arm.shape[0], : arm.shape[1]]
    share = ((xs - wrist[0]) * way[0] + (ys - wrist[1]) * way[1]) / max(float(way @ way), 1.0)
    zone = arm & (share > FROM_WRIST)
    nothing = np.zeros_like(arm)
    if zone.sum() < 4:
        return nothing
    rim = (cv2.dilate(zone.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~arm
    if (rim & body).sum() < ON_BODY_SHARE * max(rim.sum(), 1):
        return nothing
    nearest = to_hand_px(arm.shape, joints[list(HANDS[hand])])
    own = sure & body & (nearest > BESIDE_HAND_M * px_per_m)
    if not own.any():
        return nothing
    bins = colour_bins(rgb)
    is_skin = alike(rgb, face_of(arm | body, joints))
    is_cloth = (bin_shares(bins, own)[bins] > CLOTH_SHARE) & ~is_skin
    seen = float((zone & is_skin).sum()) / zone.sum()
    around = np.ones((3, 3), np.uint8)
    cloth = zone & is_cloth
    if seen < LEAST_SKIN_SHARE:
        return cv2.dilate(zone.astype(np.uint8), around) > 0 if cloth.sum() > MOSTLY * zone.sum() else nothing
    skin = cv2.morphologyEx((zone & is_skin).astype(np.uint8), cv2.MORPH_CLOSE, around)
    beside = cv2.dilate(skin, around, iterations=2) > 0
    if (cloth & ~beside).sum() < LEAST_CLOTH_SHARE * zone.sum():
        return nothing
    return (cv2.dilate((zone & ~beside).astype(np.uint8), around) > 0) & ~beside


def face_of(person: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Find what is around the middle of the face, and so its skin; ``(height, width)`` bool."""
    drawn = np.zeros(person.shape, np.uint8)
    radius = max(2, round(0.35 * float(np.hypot(*(joints[Joint.HEAD] - joints[Joint.NECK])))))
    cv2.circle(drawn, tuple(int(value) for value in joints[Joint.HEAD].round()), radius, (1,), -1)
    return (drawn > 0) & person


def _pieces(wanted: np.ndarray, px_per_m: float) -> list[np.ndarray]:
    """Pieces of a held thing's size, without holes."""
    side = max(3, 2 * round(GAP_M * px_per_m) + 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(wanted.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = []
    for contour in contours:
        if not (LEAST_HELD_M * px_per_m) ** 2 <= cv2.contourArea(contour) <= (MOST_HELD_M * px_per_m) ** 2:
            continue
        piece = np.zeros(wanted.shape, np.uint8)
        cv2.drawContours(piece, [contour], -1, (1,), -1)
        pieces.append(piece > 0)
    return pieces


def _is_thing(piece: np.ndarray, person: np.ndarray, rgb: np.ndarray) -> bool:
    """Whether it is compact and stands out from the person around it; before the body it may not be slim either."""
    rim = (cv2.dilate(piece.astype(np.uint8), np.ones((RIM_PX, RIM_PX), np.uint8)) > 0) & ~piece
    contours, _ = cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)
    if cv2.contourArea(outline) < COMPACT * max(cv2.contourArea(cv2.convexHull(outline)), 1.0):
        return False
    beside = rim & person
    if (
        beside.sum() > OUTSIDE_SHARE * rim.sum()
        and np.abs(np.median(rgb[piece], axis=0) - np.median(rgb[beside], axis=0)).max() < STANDS_OUT
    ):
        return False
    _, sides, _ = cv2.minAreaRect(outline)
    return bool((rim & ~person).sum() >= OUTSIDE_SHARE * rim.sum()) or max(sides) <= SLIM * max(min(sides), 1.0)


def _is_worn(piece: np.ndarray, joints: np.ndarray) -> bool:
    """Whether it covers what clothes cover: both hips, a knee, an elbow or a shoulder."""
    height, width = piece.shape
    x, y = joints.round().astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    covered = np.zeros(len(joints), bool)
    covered[inside] = piece[y[inside], x[inside]]
    return bool(covered[list(HIPS)].all() or covered[[*KNEES, *SHOULDERS, Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW]].any())
