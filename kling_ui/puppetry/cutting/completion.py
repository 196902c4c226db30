"""Which colours a part has where others lie over it: its own, continued from beside them."""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.fill import mix
from kling_ui.puppetry.cutting.mirror import mirrored, without_marks
from kling_ui.puppetry.cutting.window import Window, among, box_around, without_spurs
from kling_ui.puppetry.skeleton import ARMS, BONES, DRAWING_ORDER, THIGHS, Part

# How far beside what lies over a part its colours are not its own: shadows, contours, borders not quite met.
ARM_RIM_M, RIM_M = 0.011, 0.004
HAND_RIM_M = 0.02  # hands on the legs cast shadows, and skin is unlike cloth
TRACE = 1.4  # of such a rim: what is seen of a part farther than this from what is known of it may be all there is
LEAST_RIM_PX = 2.0
MIRROR_M = 0.15  # around what is replaced, where its colours are taken from
SLIVER_M = 0.013  # half the width of what is too thin to be continued


def complete(window: Window, part: Part, wanted: np.ndarray, *, kept: np.ndarray | None) -> np.ndarray:
    """Replace what other parts lend a part, near its borders and under them, by its own colours continued.

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
        away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
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
    away = cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, 5)
    return away / max(LEAST_RIM_PX, rim_m * window.px_per_m)


def _same_limb(part: Part) -> list[Part]:
    if part is Part.TORSO:
        return []
    return [p for p, bone in BONES.items() if bone.parent is part or BONES[part].parent is p]
