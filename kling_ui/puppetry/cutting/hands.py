"""Hands that lie on the body: finger by finger they are told from it by the colour of the palm."""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.likeness import HAND_M, around_palm, likeness, nearest_known, skin

HAND_SURE_M = 0.025  # how far from a hand, as far as it is known, the body surely shows its own colour
ON_BODY_M = 0.06  # how far from the body's edge it may still go on under a hand
SETTLED = 0.5  # how far colours must tell for a pixel to change
FROM_WRIST, CUFF_M = 0.3, 0.03  # of the way from wrist to knuckles, and beside it: sleeves may be of the body's colour
ABOVE_WRIST, BARE = 0.5, 40.0  # of that way where wrists are bare if they look like the palm, of 8 bits
SPECK_M = 0.015  # what shows of the body between interlaced fingers would be left as specks
SMOOTH_PX, SPUR_PX = 1.0, 5


def tell_fingers(arm: np.ndarray, body: np.ndarray, rgb: np.ndarray, palm: np.ndarray, px_per_m: float) -> np.ndarray:
    """Give a hand what has the palm's colour, and the body what shows between its fingers.

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
    told = arm.copy()
    if arm[box].any():
        told[box] = _tell(arm[box], body[box], np.ascontiguousarray(rgb[box]), palm - (x0, y0), px_per_m)
    return told


def _tell(arm: np.ndarray, body: np.ndarray, rgb: np.ndarray, palm: np.ndarray, px_per_m: float) -> np.ndarray:
    away = around_palm(arm.shape, palm)
    from_arm, from_body = (cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, 5) for part in (arm, body))
    known = body & (from_arm > HAND_SURE_M * px_per_m)
    near = (away < HAND_M * px_per_m) & (from_body < ON_BODY_M * px_per_m)
    asked = (arm | body) & near & ~_cuff(arm, rgb, palm, away, px_per_m)
    colours = skin(rgb, arm, palm, px_per_m)
    if not (known.any() and colours and asked.any()):
        return arm
    behind = nearest_known(rgb, known)[asked]
    share, trust = likeness(rgb[asked], behind, [np.broadcast_to(colour, behind.shape) for colour in colours])
    soft = arm.astype(np.float32)
    soft[asked] = np.where(trust > SETTLED, share, soft[asked])
    told = cv2.GaussianBlur(soft, (0, 0), SMOOTH_PX) > 0.5
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SPUR_PX, SPUR_PX))
    plump = cv2.morphologyEx(told.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    gained = _with_palm(np.where(asked, plump, arm), palm, arm)
    lost = asked & arm & ~gained & ~told
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
    share = ((xs - palm[0, 0]) * way[0] + (ys - palm[0, 1]) * way[1]) / max(float(way @ way), 1e-6)
    above = skin(rgb, arm, np.array([palm[0] - ABOVE_WRIST * way] * 2), px_per_m)
    hand = skin(rgb, arm, palm, px_per_m)
    if above and hand and float(np.abs(above[0] - hand[0]).max()) < BARE:
        return share < 0
    return (share < FROM_WRIST) & ((share < 0) | (away < CUFF_M * px_per_m))


def _with_palm(hand: np.ndarray, palm: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Only what is of one piece with the palm."""
    _, pieces = cv2.connectedComponents(hand.astype(np.uint8), connectivity=4)
    steps = np.linspace(0, 1, 9)[:, None]
    x, y = (palm[0] * (1 - steps) + palm[1] * steps).round().astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < hand.shape[1]) & (y < hand.shape[0])
    wanted = np.unique(pieces[y[inside], x[inside]])
    wanted = wanted[wanted > 0]
    return np.isin(pieces, wanted) if len(wanted) else arm
