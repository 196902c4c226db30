"""Continuing cloth over its border: what is hidden shows what lies as far inside the border, as in a mirror.

Unlike a smooth continuation it keeps texture and mixes nothing: each hidden pixel takes one known pixel's colour.
"""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.fill import mix

MARK_M = 0.045  # twice the width of a mark on the cloth
CLEAR_MARK = 20  # of 8 bits by which it differs from around it
SELDOM = 0.25  # of the surroundings: what differs more often is a pattern
CALM_PX = 4.0  # over which the border's direction is averaged, so that no fringes grow from its teeth
CLEAR = 0.75  # of a distance's slope: less is halfway between two borders, where the average means nothing
STEPS = (1.0, 0.6, 0.3, 0.1, 0.0)  # tried one after the other until the mirror image is known


def mirrored(rgb: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Continue known colours over wanted pixels.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)`` bool: what may be shown.
        wanted: ``(height, width)`` bool: where the result matters.

    Returns:
        ``(height, width, 3)`` uint8; ``rgb`` itself elsewhere, and everywhere if nothing is known.
    """
    hidden = wanted & ~known
    if not (hidden.any() and known.any()):
        return rgb
    ys, xs = np.nonzero(hidden)
    place = np.stack([xs, ys], axis=-1).astype(np.float32)
    nearest, inward = _border(known, hidden)
    source = nearest.astype(np.intp)
    todo = np.ones(len(place), bool)
    for step in STEPS:
        target = np.rint(nearest + step * inward).astype(np.intp)
        fits = todo & _holds(known, target)
        source[fits] = target[fits]
        todo &= ~fits
    out = rgb.copy()
    out[ys, xs] = rgb[source[:, 1], source[:, 0]]
    return out


def without_marks(rgb: np.ndarray, px_per_m: float) -> np.ndarray:
    """The cloth without buttons, cords and the like, which would show twice; patterns stay, for they are everywhere.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        px_per_m: The person's scale.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    half = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    size = max(3, round(MARK_M * px_per_m / 2) | 1)
    plain = cv2.medianBlur(half, size)
    apart = cv2.transform(cv2.absdiff(half, plain), np.full((1, 3), 1 / 3)) > CLEAR_MARK
    often = cv2.boxFilter(apart.astype(np.float32), -1, (4 * size, 4 * size))
    marks = cv2.dilate((apart & (often < SELDOM)).astype(np.uint8), np.ones((5, 5), np.uint8))
    share = cv2.resize(cv2.blur(marks.astype(np.float32), (3, 3)), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return mix(rgb, cv2.resize(plain, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), share)


def _border(known: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each hidden pixel meets the known region, ``(n, 2)`` px, and the way there, which leads on into it."""
    away, numbers = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ys, xs = np.nonzero(known)
    points = np.zeros((numbers.max() + 1, 2), np.float32)
    points[numbers[ys, xs]] = np.stack([xs, ys], axis=-1)
    nearest = points[numbers[hidden]]
    place = np.stack(np.nonzero(hidden)[::-1], axis=-1).astype(np.float32)
    calm = cv2.GaussianBlur(away, (0, 0), CALM_PX)
    slope = np.stack([cv2.Sobel(calm, cv2.CV_32F, *way, scale=1 / 8)[hidden] for way in ((1, 0), (0, 1))], axis=-1)
    steep = np.hypot(*slope.T)[:, None]
    smooth = -slope / np.maximum(steep, 1e-6) * away[hidden][:, None]
    trusted = (steep > CLEAR) & _holds(known, np.rint(place + 1.2 * smooth).astype(np.intp))[:, None]
    return np.where(trusted, place + smooth, nearest), np.where(trusted, smooth, nearest - place)


def _holds(known: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``(n,)`` bool: whether points lie in the picture and are known."""
    inside = ((target >= 0) & (target < known.shape[::-1])).all(axis=1)
    inside[inside] = known[target[inside, 1], target[inside, 0]]
    return inside
