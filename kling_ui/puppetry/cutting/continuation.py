"""A picture continued into its hole by what stands beside it.

Walls, floors, horizons and foliage go on much as they are beside the hole. So the picture is laid over itself at a few
shifts; each pixel of the hole takes the shift that agrees best with what is known around it there, and a smooth
correction, zero at no point but the rim, makes the piece meet the rim. All is decided on a small copy; only the chosen
pixels and the correction are brought to full size. Where the surroundings are smooth, or no shift has anything to give,
colours are continued smoothly.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppetry.cutting.fill import mix, push_pull, spread

SMALL_PX = 200  # longer side at most of the copy on which shifts are compared
SIDEWAYS = (0.06, 0.1, 0.15, 0.21, 0.28, 0.36, 0.46, 0.6)  # of the width
UPWARDS = (0.12, 0.22)  # of the height
FAR_COST = 12.0  # of 8 bits for a shift by the whole width: near things are more alike
STEADY_SHARE = 0.4  # of what a piece is off everywhere: that can be corrected
UPWARD_COST = 10.0  # things repeat sideways more than upwards
SMOOTH_COST, MOST_SMOOTH_COST = 1.0, 45.0  # of continuing colours smoothly
ROUGH_COST = 3.0  # more for each of 8 bits of texture around there
STEEP_COST = 0.3  # more for each of 8 bits a px by which colours change towards the picture's edge, each px on
NOTHING_COST = 255.0  # where a shift has nothing to give
MOST_COST = 60.0
CALM_PX = 3.0  # of the small copy, over which costs are averaged
SEAM_PX = 3.0  # of the small copy, over which two shifts change into each other
LEAST = 0.004  # of a pixel: less is not seen
EDGE_SHARE = 0.005  # of the long side


@dataclass(frozen=True, slots=True)
class Offer:
    """What one shift would put into the hole, on the small copy.

    Attributes:
        shift: ``(x, y)`` px of the small copy.
        cost: ``(height, width)`` float32: how badly it agrees around there.
        correction: ``(height, width, 3)`` float32: what is to be added to meet the rim.
    """

    shift: tuple[int, int]
    cost: np.ndarray
    correction: np.ndarray


def fill_in(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continue a picture into its hole.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)`` float32: 1 where it is to stay, 0 in the hole.

    Returns:
        ``(height, width, 3)`` uint8; equal to ``rgb`` where ``known`` is 1.
    """
    hole = known < 1
    if not hole.any():
        return rgb
    times = -(-max(known.shape) // SMALL_PX)
    small, sure = _small(_padded(rgb, times), _padded(known, times), times)
    usable, close = _deep(sure, 2 * SEAM_PX), _deep(sure, 1.0)
    offers = [_offer(small, sure, usable, shift) for shift in _shifts(sure.shape)]
    smooth_cost = _smooth_cost(small, sure)
    best = np.min([smooth_cost, *(offer.cost for offer in offers)], axis=0)
    total = LEAST + _softly((smooth_cost <= best) & (sure < 1))
    filled = cv2.resize(small, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    source, correction = _padded(_without_edges(rgb), times), np.zeros(small.shape, np.float32)
    for offer in offers:
        weight = _softly((offer.cost <= best) & (sure < 1)) * _moved(close, offer.shift)
        total += weight
        share = weight / total
        correction += share[..., None] * (offer.correction - correction)
        _lay(filled, source, offer.shift, share, times)
    correction = cv2.resize(correction, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    height, width = known.shape
    corrected = cv2.add(filled[:height, :width], correction[:height, :width], dtype=cv2.CV_8U)
    return np.where(hole[..., None], corrected, rgb)


def _padded(values: np.ndarray, times: int) -> np.ndarray:
    """The same with sides that are multiples of ``times``."""
    height, width = values.shape[:2]
    return cv2.copyMakeBorder(values, 0, -height % times, 0, -width % times, cv2.BORDER_REPLICATE)


def _small(rgb: np.ndarray, known: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray]:
    """A copy ``times`` smaller with its hole filled smoothly, uint8, and 1 where it is surely known, float32."""
    size = known.shape[1] // times, known.shape[0] // times
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    held = cv2.resize(cv2.bitwise_and(rgb, rgb, mask=(known > 0).astype(np.uint8)), size, interpolation=cv2.INTER_AREA)
    mean = np.clip(held / np.maximum(share, 1e-3)[..., None], 0, 255).round().astype(np.uint8)
    return push_pull(mean, (share > 0.5).astype(np.float32)), (share > 0.99).astype(np.float32)


def _softly(chosen: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(chosen.astype(np.float32), (0, 0), SEAM_PX)


def _lay(filled: np.ndarray, source: np.ndarray, shift: tuple[int, int], share: np.ndarray, times: int) -> None:
    """Mix a shifted picture into what is ``filled``, which is so many ``times`` larger than its ``share``."""
    x, y, width, height = cv2.boundingRect((share > LEAST).astype(np.uint8))
    x0, x1 = max(x, shift[0], 0), min(x + width, share.shape[1] + min(0, shift[0]))
    y0, y1 = max(y, shift[1], 0), min(y + height, share.shape[0] + min(0, shift[1]))
    if x0 >= x1 or y0 >= y1:
        return
    here = slice(y0 * times, y1 * times), slice(x0 * times, x1 * times)
    there = tuple(slice(s.start - way * times, s.stop - way * times) for s, way in zip(here, shift[::-1], strict=True))
    around = cv2.copyMakeBorder(share, 1, 1, 1, 1, cv2.BORDER_REPLICATE)[y0 : y1 + 2, x0 : x1 + 2]
    large = cv2.resize(around, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)[times:-times, times:-times]
    filled[here] = mix(filled[here], source[there], large)


def _shifts(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    sideways = [(sign * round(x * shape[1]), 0) for x in SIDEWAYS for sign in (-1, 1)]
    return sideways + [(0, sign * round(y * shape[0])) for y in UPWARDS for sign in (-1, 1)]


def _offer(small: np.ndarray, sure: np.ndarray, usable: np.ndarray, shift: tuple[int, int]) -> Offer:
    moved, there = _moved(small, shift).astype(np.float32), _moved(_away_from_ends(usable, shift), shift)
    both = sure * there
    apart = (small - moved) * both[..., None]
    steady = _softly(apart) / np.maximum(_softly(both), 0.1)[..., None]
    uneven = _most(np.abs(apart - steady * both[..., None]))
    off = np.minimum(uneven + STEADY_SHARE * _most(np.abs(steady)), MOST_COST) * both
    found = spread(np.dstack([apart, off]), both)
    far = abs(shift[0]) / sure.shape[1] + abs(shift[1]) / sure.shape[0]
    cost = cv2.GaussianBlur(found[..., 3], (0, 0), CALM_PX) + FAR_COST * far + (UPWARD_COST if shift[1] else 0.0)
    return Offer(shift, np.where(there > 0, cost, NOTHING_COST).astype(np.float32), found[..., :3])


def _away_from_ends(usable: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """Without where a shifted picture ends: two pieces could not change into each other softly there."""
    x, y = (round(2 * SEAM_PX) if way else 0 for way in shift)
    inner = np.zeros_like(usable)
    box = slice(y, usable.shape[0] - y), slice(x, usable.shape[1] - x)
    inner[box] = usable[box]
    return inner


def _smooth_cost(small: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """``(height, width)`` float32: what it costs to have no texture, and to guess colours from far away."""
    calm = cv2.GaussianBlur(small, (0, 0), CALM_PX)
    rough = _most(cv2.absdiff(small, calm)).astype(np.float32)
    light = calm.mean(axis=2, dtype=np.float32)
    steps = [np.abs(cv2.Sobel(light, -1, *way, scale=1 / 8)) for way in ((1, 0), (0, 1))]
    around = spread(np.dstack([rough, *steps]), _deep(sure, 2.0))
    around = cv2.GaussianBlur(around, (0, 0), CALM_PX)
    away = cv2.distanceTransform((sure < 1).astype(np.uint8), cv2.DIST_L2, 5)
    steep = around[..., 1] * _open(sure, 1) + around[..., 2] * _open(sure, 0)
    cost = SMOOTH_COST + ROUGH_COST * around[..., 0] + STEEP_COST * steep * away
    return np.minimum(cost, MOST_SMOOTH_COST)


def _open(sure: np.ndarray, axis: int) -> np.ndarray:
    """``(height, width)`` bool: where nothing is known towards one end of the row (axis 1) or column (axis 0)."""
    before = np.maximum.accumulate(sure, axis=axis)
    after = np.flip(np.maximum.accumulate(np.flip(sure, axis), axis=axis), axis)
    return (before < 1) | (after < 1)


def _moved(values: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """The same picture shifted; 0 where it has nothing."""
    height, width = values.shape[:2]
    x, y = shift
    out = np.zeros_like(values)
    to = slice(max(0, y), height + min(0, y)), slice(max(0, x), width + min(0, x))
    out[to] = values[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    return out


def _most(values: np.ndarray) -> np.ndarray:
    """The largest of three channels."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def _without_edges(rgb: np.ndarray) -> np.ndarray:
    """The rows and columns at a picture's edges are often spoilt, and would stand in its middle."""
    margin = max(1, round(EDGE_SHARE * max(rgb.shape[:2])))
    inner = rgb[margin:-margin, margin:-margin]
    return cv2.copyMakeBorder(inner, margin, margin, margin, margin, cv2.BORDER_REPLICATE) if inner.size else rgb


def _deep(sure: np.ndarray, reach: float) -> np.ndarray:
    """``(height, width)`` float32: 1 where what is sure is farther than ``reach`` px from what is not."""
    return (cv2.distanceTransform((sure > 0).astype(np.uint8), cv2.DIST_L2, 5) > reach).astype(np.float32)
