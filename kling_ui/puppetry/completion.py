"""What lay behind: where a part goes on under the limbs in front of it, and which colours it has there."""

import cv2
import numpy as np

from kling_ui.puppetry.fill import carry_on, mix
from kling_ui.puppetry.skeleton import ARMS, BONES, DRAWING_ORDER, FOREARMS, THIGHS, Part
from kling_ui.puppetry.window import Window

STRIP_M = 0.015  # how far the body surely goes on under a limb that lies on it
BRIDGE_M = 0.6  # how much of an outline a limb may hide for it still to be guessed
# How far beside a part that lies over it a part's colours are not its own (px) and not fit for completing (metres).
RIM_PX, RIM_M = 1.0, 0.006
HAND_RIM_PX, HAND_RIM_M = 2.0, 0.02  # hands on the legs cast shadows, and skin is unlike cloth
IN_FRONT: dict[Part, tuple[Part, ...]] = {
    Part.TORSO: ARMS,
    Part.HEAD: ARMS,
    Part.LEFT_THIGH: FOREARMS,
    Part.RIGHT_THIGH: FOREARMS,
}


def hidden_behind(window: Window, part: Part) -> np.ndarray:
    """``(height, width)`` bool: where the part goes on behind the limbs in front of it."""
    covers = np.isin(window.labels, IN_FRONT.get(part, ()))
    own = window.labels == part
    if not covers.any() or not own.any():
        return np.zeros(own.shape, bool)
    if part in THIGHS:
        return covers & _hull(own)
    reach = max(1.0, STRIP_M * window.px_per_m)
    strip = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 5) <= reach
    region = covers & (strip | _within_outline(own, covers, round(BRIDGE_M * window.px_per_m)))
    smooth = cv2.GaussianBlur((region | own).astype(np.float32), (0, 0), max(1.0, reach / 2))
    return covers & (smooth > 0.5)


def complete(window: Window, part: Part, hidden: np.ndarray, *, kept: np.ndarray | None) -> np.ndarray:
    """Replace what other parts lend a part, near its borders and under them, by its own colours continued.

    Args:
        window: Around the part.
        part: Which one.
        hidden: What :func:`hidden_behind` found.
        kept: ``(height, width)`` 0-1: where the picture's own colours are right all the same.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    above = np.isin(window.labels, DRAWING_ORDER[DRAWING_ORDER.index(part) + 1 :]) & ~_same_limb(window.labels, part)
    if not above.any():
        return window.colours
    away = cv2.distanceTransform((~above).astype(np.uint8), cv2.DIST_L2, 5)
    rim_px, rim_m = (HAND_RIM_PX, HAND_RIM_M) if part in THIGHS else (RIM_PX, RIM_M)
    known = (window.labels == part) & (away > max(rim_px, rim_m * window.px_per_m))
    if not known.any():
        return window.colours
    filled = carry_on(window.calm, known, hidden)
    share = np.clip((rim_px - away) / 2 + 0.75, 0, 1) * (window.labels >= 0)
    if kept is not None:
        share = share * (1 - kept)
    return mix(window.colours, filled, share)


def _same_limb(labels: np.ndarray, part: Part) -> np.ndarray:
    if part is Part.TORSO:
        return np.zeros(labels.shape, bool)
    kin = [p for p, bone in BONES.items() if bone.parent is part or BONES[part].parent is p]
    return np.isin(labels, kin)


def _hull(own: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(own.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = np.zeros(own.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(contours)), (1,))
    return hull > 0


def _within_outline(own: np.ndarray, covers: np.ndarray, most_px: int) -> np.ndarray:
    """``(height, width)`` bool: inside the outline that a part would have without what lies over it.

    Row by row: where its side is hidden by a limb, it is taken to run straight from the last visible place above to the
    next one below, if they are not more than ``most_px`` apart.
    """
    columns = np.arange(own.shape[1])
    left = _side(own, covers, most_px)
    right = own.shape[1] - 1 - _side(own[:, ::-1], covers[:, ::-1], most_px)
    return (columns >= left[:, None]) & (columns <= right[:, None])


def _side(own: np.ndarray, covers: np.ndarray, most_px: int) -> np.ndarray:
    """``(height,)`` float: where the part begins in each row, seen from the left; beyond the window where it is not."""
    height, width = own.shape
    rows = np.arange(height)
    first = np.where(own.any(axis=1), own.argmax(axis=1), width).astype(float)
    beside = covers[rows, np.clip(first.astype(int) - 3, 0, width - 1)]
    known = np.flatnonzero((first < width) & ~beside)
    if len(known) < 2:
        return first
    after = np.searchsorted(known, rows).clip(1, len(known) - 1)
    near = (known[after] - known[after - 1] <= most_px) & (rows >= known[0]) & (rows <= known[-1])
    return np.where(near, np.minimum(first, np.interp(rows, known, first[known])), first)
