"""Where the person ends: a coarse mask made sharp along the picture's own edges."""

import cv2
import numpy as np

from kling_ui.puppetry.fill import push_pull

CLEAR_CONTRAST = 60.0  # of 8 bits a channel: colours this far apart tell person and background apart by themselves
DOUBT_M = 0.03  # how far the mask's border may be off: it is found on 256 x 256 cells
BORDER_M = 0.013  # how far it is usually off
PIECE_SHARE = 0.02  # of the largest piece: smaller ones are specks of background


def matte(rgb: np.ndarray, mask: np.ndarray, px_per_m: float) -> np.ndarray:
    """Sharpen a coarse mask along the picture's own edges.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        mask: ``(height, width)`` float32 0-1 of the same size.
        px_per_m: The person's scale, which says how far the mask may be wrong.

    Returns:
        ``(height, width)`` float32 0-1.
    """
    reach = max(2, round(DOUBT_M * px_per_m))
    inner, outer = deep_inside(mask > 0.9, reach), deep_inside(mask < 0.1, reach)
    if not (inner.any() and outer.any()):
        return np.clip(mask, 0, 1)
    person, behind = push_pull(rgb, inner).astype(np.float32), push_pull(rgb, outer).astype(np.float32)
    apart = person - behind
    contrast = (apart * apart).sum(axis=-1)
    by_colour = np.clip(((rgb - behind) * apart).sum(axis=-1) / np.maximum(contrast, 1.0), 0, 1)
    trust = contrast / (contrast + CLEAR_CONTRAST**2) * (1 - inner) * (1 - outer) * _doubt(mask, px_per_m)
    mixed = trust * by_colour + (1 - trust) * mask
    fine = cv2.ximgproc.guidedFilter(rgb, mixed, max(2, round(0.006 * px_per_m)), 40.0)
    return np.clip((fine - 0.2) / 0.6, 0, 1) * _main_piece(fine)


def deep_inside(region: np.ndarray, reach: float) -> np.ndarray:
    """``(height, width)`` float32: 1 where a bool region goes on for more than ``reach`` px in every direction."""
    return (cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5) > reach).astype(np.float32)


def _doubt(mask: np.ndarray, px_per_m: float) -> np.ndarray:
    """How little the mask itself knows, 0-1: near its border and where it hesitates."""
    inside = (mask > 0.5).astype(np.uint8)
    deep = cv2.distanceTransform(inside, cv2.DIST_L2, 5) + cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    near = np.exp(-((deep / (BORDER_M * px_per_m)) ** 2))
    return np.maximum(near, 4 * mask * (1 - mask))


def _main_piece(alpha: np.ndarray) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.2).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    return ((areas >= PIECE_SHARE * areas.max()) & (areas > 0))[pieces]
