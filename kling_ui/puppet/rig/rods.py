"""Find what is slim and begins at a hand: swords, staffs, umbrellas, and straps from a hand to the body."""

import cv2
import numpy as np

from kling_ui.puppet.rig.palette import colour_bins, greatest
from kling_ui.puppet.rig.round_spots import close_round, open_round
from kling_ui.puppet.skeleton import Joint

ROD_WIDE_M, ROD_LONG_M, ROD_SLIM = 0.08, 0.2, 3.5  # width at most; length at least, of one end; long against wide
ROD_STRAIGHT = 0.6  # of the area of the rectangle around it
ROD_GRIP_M = 0.1  # from the line through the hand to where what is seen of it begins
ROD_LEVEL_M = 0.4  # long at least, where it does not lean: backgrounds have many level lines
ROD_LEAN_DEG = 20.0  # what leans by less and goes on to the picture's edge is a skirting, a rail or a post
ROD_SEEN_M, ROD_COLOURS, ROD_ALIKE = 0.16, 4, 40  # around a hand; so many colours there are tried; 8 bits within one
ROD_STANDS_OUT = 28  # of 8 bits, by which it differs from what is on both sides of it
EDGE_PX = 3  # of the picture: what comes so near to the picture's edge goes on to it
ROD_BESIDE = 0.3  # of what is seen of it, that borders on the person
# A strap from a hand to the body: long at least; how far beyond its ends, by how many of 8 bits like it, and in what
# share of the places there its colour goes on if it is a line of the background.
BRIDGE_LONG_M, BRIDGE_BEYOND_M, BRIDGE_ALIKE, BRIDGE_GOES_ON = 0.1, 0.3, 24, 0.3
EDGE_M = 0.1  # of the picture's edge, that it may touch: what touches more is scenery
HANDS = ((Joint.LEFT_WRIST, Joint.LEFT_HAND), (Joint.RIGHT_WRIST, Joint.RIGHT_HAND))
FINGERS = 0.7  # of the way from wrist to knuckles, beyond the knuckles


def rods_beside(
    rgb: np.ndarray, person: np.ndarray, things: np.ndarray, joints: np.ndarray, px_per_m: float
) -> np.ndarray:
    """``(height, width)`` bool: slim straight things that begin at a hand, which holds none of ``things``."""
    to_hands = [to_hand_px(person.shape, joints[list(hand)]) for hand in HANDS]
    grips = [to_hand < ROD_GRIP_M * px_per_m for to_hand in to_hands]
    free = [bool((grip & ~person).any()) and not things[grip].any() for grip in grips]
    found, bridges = np.zeros_like(person), np.zeros_like(person)
    if not any(free):
        return found
    wider = 2 * round(0.6 * ROD_WIDE_M * px_per_m) + 1
    stands_out = cv2.max(cv2.subtract(rgb, open_round(rgb, wider)), cv2.subtract(close_round(rgb, wider), rgb))
    slim = (greatest(stands_out) > ROD_STANDS_OUT) & ~person
    colours, bins = rgb[slim], colour_bins(rgb)
    for hand, to_hand in enumerate(to_hands):
        at_hand = slim & (to_hand < ROD_SEEN_M * px_per_m)
        if not free[hand]:
            continue
        for colour in np.argsort(-np.bincount(bins[at_hand]))[:ROD_COLOURS]:
            here = at_hand & (bins == colour)
            if here.any():
                alike = slim.copy()
                alike[slim] = greatest(np.abs(colours - rgb[here].mean(axis=0))) < ROD_ALIKE
                found |= rods_at_hands(alike, joints, hands=(hand == 0, hand == 1), px_per_m=px_per_m) >= 0
                bridges |= _bridges(rgb, alike, person, to_hand, px_per_m)
    return (found & stands_off(found, person, np.min(to_hands, axis=0), px_per_m)) | bridges


def _bridges(
    rgb: np.ndarray, candidates: np.ndarray, person: np.ndarray, to_hand: np.ndarray, px_per_m: float
) -> np.ndarray:
    """``(height, width)`` bool: straps and the like from a hand to the body."""
    found, grip = np.zeros_like(candidates), to_hand < ROD_GRIP_M * px_per_m
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8))
    long = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= BRIDGE_LONG_M * px_per_m
    around = cv2.dilate(person.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    border = np.ones_like(person)
    border[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX] = False
    for number in np.unique(pieces[grip & candidates]):
        piece = pieces == number
        free = piece & ~grip
        touching = (free & around).sum()
        if (
            long[number]
            and 0 < touching <= ROD_BESIDE * free.sum()
            and _measured(piece, px_per_m)[2]
            and not _goes_on(rgb, piece, person, px_per_m)
            and not (piece & border).any()
        ):
            found |= piece
    return found


def _goes_on(rgb: np.ndarray, piece: np.ndarray, person: np.ndarray, px_per_m: float) -> bool:
    """Whether a line of the background goes on beyond the ends of a piece, behind hand or body, or may do so."""
    ys, xs = np.nonzero(piece)
    across, down, x, y = cv2.fitLine(np.column_stack([xs, ys]).astype(np.float32), cv2.DIST_L2, 0, 0.01, 0.01).ravel()
    along = (xs - x) * across + (ys - y) * down
    more = np.arange(1, round(BRIDGE_BEYOND_M * px_per_m))
    steps = np.concatenate([along.min() - more, along.max() + more])
    line = np.column_stack([y + steps * down, x + steps * across]).round().astype(int)
    line = line[((line >= 0) & (line < person.shape)).all(axis=1)]
    line = line[~person[line[:, 0], line[:, 1]]]
    like = greatest(np.abs(rgb[line[:, 0], line[:, 1]] - rgb[piece].mean(axis=0))) < BRIDGE_ALIKE
    return len(line) < len(more) // 3 or bool(like.sum() > BRIDGE_GOES_ON * len(line))


def stands_off(found: np.ndarray, body: np.ndarray, nearest: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height, width)`` bool: pieces that border on the body at the hand alone; others are rims of sleeves."""
    count, pieces = cv2.connectedComponents(found.astype(np.uint8))
    around = cv2.dilate(body.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    elsewhere, beside, in_all = (
        np.bincount(pieces[where], minlength=count)
        for where in (
            around & (nearest > ROD_SEEN_M * px_per_m),
            around & (nearest > ROD_GRIP_M * px_per_m),
            nearest > ROD_GRIP_M * px_per_m,
        )
    )
    return ((elsewhere == 0) & (beside <= ROD_BESIDE * in_all))[pieces]


def rods_at_hands(
    candidates: np.ndarray, joints: np.ndarray, *, hands: tuple[bool, bool], px_per_m: float
) -> np.ndarray:
    """``(height, width)`` int8: pieces that are slim, straight and begin at a hand, by that hand; -1 elsewhere."""
    found = np.full(candidates.shape, -1, np.int8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8))
    long = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= ROD_LONG_M * px_per_m
    for hand, place in enumerate(HANDS):
        if not hands[hand]:
            continue
        at_hand = to_hand_px(candidates.shape, joints[list(place)]) < ROD_GRIP_M * px_per_m
        held = [pieces == piece for piece in np.unique(pieces[at_hand]) if piece]
        rods = [piece for piece in held if long[pieces[piece][0]] and _is_rod(piece, px_per_m)]
        for piece in held:  # what is short goes on behind the fist
            if any(_in_line(piece, rod) < ROD_WIDE_M / 2 * px_per_m for rod in rods):
                found[piece] = hand
    return found


def _in_line(piece: np.ndarray, rod: np.ndarray) -> float:
    """How far a piece is from the line through a rod on average, px."""
    across, down, x, y = cv2.fitLine(np.argwhere(rod)[:, ::-1].astype(np.float32), cv2.DIST_L2, 0, 0.01, 0.01).ravel()
    ys, xs = np.nonzero(piece)
    return float(np.abs((xs - x) * down - (ys - y) * across).mean())


def _is_rod(piece: np.ndarray, px_per_m: float) -> bool:
    long, lean_deg, is_slim = _measured(piece, px_per_m)
    edge, border = np.ones_like(piece), np.ones_like(piece)
    edge[1:-1, 1:-1] = border[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX] = False
    is_level = min(lean_deg % 90, 90 - lean_deg % 90) < ROD_LEAN_DEG
    return bool(
        is_slim
        and long >= (ROD_LEVEL_M if is_level else ROD_LONG_M) * px_per_m
        and not (is_level and (piece & border).any())
        and (piece & edge).sum() <= EDGE_M * px_per_m
    )


def _measured(piece: np.ndarray, px_per_m: float) -> tuple[float, float, bool]:
    """How long a piece is, px; how it leans, degrees; whether it is as slim and as straight as a rod."""
    outline = max(
        cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea
    )
    _, sides, lean_deg = cv2.minAreaRect(outline)
    wide, long = min(sides) + 1, max(sides) + 1
    is_slim = ROD_SLIM * wide <= long and wide <= ROD_WIDE_M * px_per_m and piece.sum() >= ROD_STRAIGHT * wide * long
    return long, lean_deg, bool(is_slim)


def to_hand_px(shape: tuple[int, ...], hand: np.ndarray) -> np.ndarray:
    """``(height, width)`` px from the line through a hand, from the wrist to where the fingers may end."""
    empty = np.ones(shape, np.uint8)
    ends = hand[0], hand[1] + FINGERS * (hand[1] - hand[0])
    first, last = (tuple(int(value) for value in end.round()) for end in ends)
    cv2.line(empty, first, last, (0,))
    return np.minimum(cv2.distanceTransform(empty, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32(sum(shape)))
