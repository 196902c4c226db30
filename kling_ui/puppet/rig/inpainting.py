"""Inpainting: fill holes by a push-pull pyramid, by mirrored cloth, or by shifted copies of the picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.vision.camera import SOBEL_SUM
from kling_ui.vision.pose import EPSILON

MARK_M = 0.045  # twice the width of a mark on the cloth
CLEAR_MARK = 20  # of 8 bits by which it differs from around it
PATTERN = 4  # times so wide are the surroundings in which marks are counted
SELDOM = 0.25  # of the surroundings: what differs more often is a pattern
BORDER_CALM_PX = 4.0  # over which the border's direction is averaged, so that no fringes grow from its teeth
CLEAR = 0.75  # of a distance's slope: less is halfway between two borders, where the average means nothing
STEPS = (1.0, 0.6, 0.3, 0.1, 0.0)  # tried one after the other until the mirror image is known
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
MOST_COST = 60.0  # of a pixel of a shift: one that is very unlike must not outweigh many that fit
COST_CALM_PX = 3.0  # of the small copy, over which costs are averaged
SEAM_PX = 3.0  # of the small copy, over which two shifts change into each other
LEAST = 0.004  # of a pixel: less is not seen
LEAST_SHARE = 1e-3  # instead of a share of 0, where something is divided by it
LEAST_COMMON = 0.1  # likewise of the surroundings that two pictures both show: less says little about their offset
SURELY = 0.99  # of a pixel of a smaller copy that is known: it shows nothing of what is not
PYRAMID_PX, PYRAMID_SIGMA_PX = (5, 5), 1.0  # the blur before a step down, against aliasing
GAIN = 4  # of a pixel's weight from step to step down: one known pixel of the four below it is enough
MARK_RIM_PX = 5  # by which marks are widened (half of it to each side), for their soft borders
BEYOND = 1.2  # of the way to the border: a little farther in, colours must be known
EDGE_SHARE = 0.005  # of the long side


def distance_to(region: np.ndarray) -> np.ndarray:
    """Measure how far each pixel is from a ``(height, width)`` bool region; px, float32, very far if that is empty."""
    return cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)


def deep_inside(region: np.ndarray, reach: float) -> np.ndarray:
    """Erode a ``(height, width)`` bool region by ``reach`` px; float32, 1 in what is left."""
    return (distance_to(~region) > reach).astype(np.float32)


def push_pull(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continue the known pixels' colours smoothly over the unknown ones (push-pull pyramid).

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)`` weights 0-1: how far a pixel's colour can be trusted.

    Returns:
        ``(height, width, 3)`` uint8; equal to ``rgb`` where ``known`` is 1.
    """
    return np.clip(spread(rgb, known), 0, 255).round().astype(np.uint8)


def spread(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continue known numbers smoothly, as :func:`push_pull`: float32 ``(height, width, n)``, n at most 4."""
    weight = np.ascontiguousarray(known, np.float32)
    return _pull(values.astype(np.float32) * weight[..., None], weight)


def surround(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continue known colours smoothly as :func:`push_pull` does, for bool ``known`` and at half the size."""
    size = tuple(max(1, side // 2) for side in known.shape[1::-1])
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    held = cv2.resize(cv2.bitwise_and(rgb, rgb, mask=known.astype(np.uint8)), size, interpolation=cv2.INTER_AREA)
    mean = cv2.divide(held, cv2.merge([np.maximum(share, LEAST_SHARE)] * 3), dtype=cv2.CV_8U)
    out = cv2.resize(push_pull(mean, share), known.shape[::-1], interpolation=cv2.INTER_LINEAR)
    cv2.copyTo(rgb, known.astype(np.uint8), out)
    return out


def mix(rgb: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Blend two pictures: ``other`` where ``share`` (``(height, width)`` 0-1) is 1, ``rgb`` where it is 0; uint8."""
    share = np.ascontiguousarray(share, np.float32)
    return cv2.blendLinear(other, rgb, share, 1 - share)


def _pull(colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Colours (premultiplied by weight) with every hole filled from the next coarser level."""
    height, width = weight.shape
    if max(height, width) <= 2 or weight.min() >= 1:
        total = max(float(weight.sum()), EPSILON)
        mean = colour.sum(axis=(0, 1)) / total
        return colour + (1 - np.minimum(weight, 1))[..., None] * mean
    small = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    soft = (cv2.GaussianBlur(values, PYRAMID_PX, PYRAMID_SIGMA_PX) for values in (colour, weight))
    down_colour, down_weight = (cv2.resize(values, small, interpolation=cv2.INTER_AREA) for values in soft)
    strength = np.minimum(1, down_weight * GAIN) / np.maximum(down_weight, EPSILON)
    coarse = _pull(down_colour * strength[..., None], down_weight * strength)
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return colour + (1 - weight)[..., None] * up


def mirrored(rgb: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Mirror known colours at the border of the known region into the pixels that are wanted.

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
    """Remove buttons, cords and the like from cloth, as they would show twice; patterns stay.

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
    often = cv2.boxFilter(apart.astype(np.float32), -1, (PATTERN * size, PATTERN * size))
    marks = cv2.dilate((apart & (often < SELDOM)).astype(np.uint8), np.ones((MARK_RIM_PX, MARK_RIM_PX), np.uint8))
    share = cv2.resize(cv2.blur(marks.astype(np.float32), (3, 3)), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return mix(rgb, cv2.resize(plain, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), share)


def _border(known: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each hidden pixel meets the known region, ``(n, 2)`` px, and the way there, which leads on into it."""
    away, numbers = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ys, xs = np.nonzero(known)
    points = np.zeros((numbers.max() + 1, 2), np.float32)
    points[numbers[ys, xs]] = np.stack([xs, ys], axis=-1)
    nearest = points[numbers[hidden]]
    place = np.stack(np.nonzero(hidden)[::-1], axis=-1).astype(np.float32)
    calm = cv2.GaussianBlur(away, (0, 0), BORDER_CALM_PX)
    slope = np.stack(
        [cv2.Sobel(calm, cv2.CV_32F, *way, scale=1 / SOBEL_SUM)[hidden] for way in ((1, 0), (0, 1))], axis=-1
    )
    steep = np.hypot(*slope.T)[:, None]
    smooth = -slope / np.maximum(steep, EPSILON) * away[hidden][:, None]
    trusted = (steep > CLEAR) & _holds(known, np.rint(place + BEYOND * smooth).astype(np.intp))[:, None]
    return np.where(trusted, place + smooth, nearest), np.where(trusted, smooth, nearest - place)


def _holds(known: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``(n,)`` bool: whether points lie in the picture and are known."""
    inside = ((target >= 0) & (target < known.shape[::-1])).all(axis=1)
    inside[inside] = known[target[inside, 1], target[inside, 0]]
    return inside


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate for filling the hole: the picture shifted by so much, with its cost, on the small copy.

    Attributes:
        shift: ``(x, y)`` px of the small copy.
        cost: ``(height, width)`` float32: how badly it agrees around there.
        correction: ``(height, width, 3)`` float32: what is to be added to meet the rim.
    """

    shift: tuple[int, int]
    cost: np.ndarray
    correction: np.ndarray


def fill_in(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Inpaint a picture's hole with shifted copies of the picture, blended where they fit best.

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
    usable, close = deep_inside(sure > 0, 2 * SEAM_PX), deep_inside(sure > 0, 1.0)
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
    mean = np.clip(held / np.maximum(share, LEAST_SHARE)[..., None], 0, 255).round().astype(np.uint8)
    return push_pull(mean, (share > 0.5).astype(np.float32)), (share > SURELY).astype(np.float32)


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
    steady = _softly(apart) / np.maximum(_softly(both), LEAST_COMMON)[..., None]
    uneven = _most(np.abs(apart - steady * both[..., None]))
    off = np.minimum(uneven + STEADY_SHARE * _most(np.abs(steady)), MOST_COST) * both
    found = spread(np.dstack([apart, off]), both)
    far = abs(shift[0]) / sure.shape[1] + abs(shift[1]) / sure.shape[0]
    cost = cv2.GaussianBlur(found[..., 3], (0, 0), COST_CALM_PX) + FAR_COST * far + (UPWARD_COST if shift[1] else 0.0)
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
    calm = cv2.GaussianBlur(small, (0, 0), COST_CALM_PX)
    rough = _most(cv2.absdiff(small, calm)).astype(np.float32)
    light = calm.mean(axis=2, dtype=np.float32)
    steps = [np.abs(cv2.Sobel(light, -1, *way, scale=1 / SOBEL_SUM)) for way in ((1, 0), (0, 1))]
    around = spread(np.dstack([rough, *steps]), deep_inside(sure > 0, 2.0))
    around = cv2.GaussianBlur(around, (0, 0), COST_CALM_PX)
    away = distance_to(sure >= 1)
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
