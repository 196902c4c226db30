"""Matting: sharpen a coarse mask of the person by the picture's edges and by colour."""

import cv2
import numpy as np

from kling_ui.puppet.rig.inpainting import deep_inside, distance_to, push_pull

CLEAR_CONTRAST = 60.0  # of 8 bits a channel: colours this far apart tell two things apart by themselves
HAND_M, HELD_M = 0.11, 0.2  # how far from its palm a hand reaches; how far what it holds is looked at
PALM_M = 0.012  # half the width of what is surely skin between wrist and knuckles
SHADE = 0.6  # the light of skin's darker side, of 1
DOUBT_M = 0.03  # how far the mask's border may be off: it is found on 256 x 256 cells
BORDER_M = 0.013  # how far it is usually off
STEEP = 3.0  # where colours do not tell, the border is a line and not a haze
AHEAD = 0.7  # of the way from wrist to knuckles: fingers are there, and cuffs are not
HESITANT = 6.0  # a mask of 0.2-0.8 does not know
NOBODY = 0.02  # a mask of less than this
AROUND_M = 0.15  # around the mask, of the background that is taken into account
LEAST_DOUBT = 0.03  # below which a mask is taken as it is
SURE, SURE_NOT = 0.9, 0.1  # a mask of more is surely the person, of less surely not
NEARBY = 0.6  # of DOUBT_M: so deep in the mask the nearest colour is taken for the person's
FINE_M, FINE_EPS = 0.006, 40.0  # radius over which the border follows edges; of 8-bit squared: weaker ones are texture
CLEARED, STRETCH = 0.2, 0.6  # alpha up to which the filter leaves haze, and the range that becomes 0-1
HAND_DOUBT = 3  # of a hand's reach, the doubt falls to nothing in the last of so many parts
CALM_PX = 1.0  # sigma over which a known colour is averaged
PIECE_SHARE = 0.02  # of the largest piece: smaller ones are specks of background


def colour_share(pixels: np.ndarray, behind: np.ndarray, colours: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Estimate pixels' alpha between the background's and the person's colours, and how far to trust it.

    A pixel like one of them is the person's if that is unlike the background. A pixel like the background is it only
    if all of them are unlike it. About a pixel that is like neither, colours say nothing.

    Args:
        pixels: ``(n, 3)`` uint8.
        behind: ``(n, 3)`` uint8: the background's colour there.
        colours: Each ``(n, 3)``: a colour that the person may have there.

    Returns:
        ``(n,)`` 0-1, and ``(n,)`` 0-1.
    """
    base = behind.astype(np.float32)
    offset = pixels - base
    share, clear, least, off = (np.full(len(pixels), value, np.float32) for value in (0, 0, 1, np.inf))
    for colour in colours:
        apart = colour.astype(np.float32) - base
        contrast = np.einsum("ij,ij->i", apart, apart)
        certainty = contrast / (contrast + CLEAR_CONTRAST**2)
        along = np.einsum("ij,ij->i", offset, apart) / np.maximum(contrast, 1.0)
        beyond = contrast * np.maximum(along, 1) ** 2
        along = np.clip(along, 0, 1)
        rest = offset - along[:, None] * apart
        apart_from = np.einsum("ij,ij->i", rest, rest)
        better = apart_from < off
        share, clear = np.where(better, along, share), np.where(better, beyond / (beyond + CLEAR_CONTRAST**2), clear)
        least, off = np.fmin(least, certainty), np.fmin(off, apart_from)
    neither = 1 / (1 + np.einsum("ij,ij->i", offset, offset) / CLEAR_CONTRAST**2)
    return share, share * clear + (1 - share) * least * neither


def nearest_known(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill every pixel with the colour of the nearest known one.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)``: more than 0 where it is known, at one pixel at least.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    _, numbers = cv2.distanceTransformWithLabels(
        (known == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((numbers.max() + 1, 3), np.uint8)
    there = known > 0
    table[numbers[there]] = cv2.GaussianBlur(rgb, (0, 0), CALM_PX)[there]
    return table[numbers]


def around_palm(shape: tuple[int, ...], palm: np.ndarray) -> np.ndarray:
    """Measure how far each pixel is from a palm.

    Args:
        shape: Height and width.
        palm: ``(2, 2)`` px: wrist and knuckles.

    Returns:
        ``(height, width)`` float32 px from what is seen of the line between them; very far if that is nothing.
    """
    empty = np.ones(shape, np.uint8)
    ends = [tuple(int(v) for v in point.round()) for point in palm]
    cv2.line(empty, ends[0], ends[1], (0,))
    return np.minimum(cv2.distanceTransform(empty, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32(sum(shape)))


def skin(rgb: np.ndarray, known: np.ndarray, palm: np.ndarray, px_per_m: float) -> list[np.ndarray]:
    """Read a hand's skin colours, in light and in shade, off its palm.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)`` bool: where the person is.
        palm: ``(2, 2)`` px: wrist and knuckles.
        px_per_m: The person's scale.

    Returns:
        Some ``(3,)`` colours; none where the palm is not seen.
    """
    drawn = np.zeros(known.shape, np.uint8)
    ends = [tuple(int(v) for v in point.round()) for point in palm]
    cv2.line(drawn, ends[0], ends[1], (1,), max(1, round(2 * PALM_M * px_per_m)))
    mean = cv2.mean(rgb, drawn * known)[:3]
    return (
        [np.float32(shade) * np.array(mean, np.float32) for shade in (1.0, SHADE)] if (drawn[known] > 0).any() else []
    )


def matte(
    rgb: np.ndarray,
    mask: np.ndarray,
    px_per_m: float,
    palms: tuple[np.ndarray, ...] = (),
    *,
    things: np.ndarray | None = None,
) -> np.ndarray:
    """Turn a coarse mask into a matte that follows the picture's own edges.

    A pixel is background where its colour is the background's and no colour that the person has near there.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        mask: ``(height, width)`` float32 0-1 of the same size.
        px_per_m: The person's scale, which says how far the mask may be wrong.
        palms: For each hand that is seen ``(2, 2)`` px: wrist and knuckles.
        things: ``(height, width)`` bool: what the person holds, where it is sure; its colours are also in the hands.

    Returns:
        ``(height, width)`` float32 0-1.
    """
    x, y, width, height = cv2.boundingRect((mask > NOBODY).astype(np.uint8))
    around = round(AROUND_M * px_per_m)
    x0, y0 = max(0, x - around), max(0, y - around)
    box = slice(y0, y + height + around), slice(x0, x + width + around)
    alpha = np.zeros(mask.shape, np.float32)
    if width:
        near = np.ascontiguousarray(rgb[box]), np.ascontiguousarray(mask[box])
        held = np.zeros(near[1].shape, bool) if things is None else things[box]
        alpha[box] = _sharpen(*near, held, px_per_m, [palm - (x0, y0) for palm in palms])
    return alpha


def _sharpen(
    rgb: np.ndarray, mask: np.ndarray, things: np.ndarray, px_per_m: float, palms: list[np.ndarray]
) -> np.ndarray:
    reach = max(2, round(DOUBT_M * px_per_m))
    depth = distance_to(mask <= SURE)
    inner, outer = (depth > reach).astype(np.float32), deep_inside(mask < SURE_NOT, reach)
    if not (inner.any() and outer.any()):
        return np.clip(mask, 0, 1)
    hands = [around_palm(mask.shape, palm + AHEAD * (palm[1] - palm[0])) for palm in palms]
    doubt = _doubt(mask, hands, px_per_m)
    band = doubt > LEAST_DOUBT
    behind, own = _continued(rgb, outer)[band], _continued(rgb, inner)[band]
    nearest = nearest_known(rgb, depth > NEARBY * reach)[band]
    by_colour, trust = colour_share(rgb[band], behind, [own, nearest])
    for palm, away in zip(palms, hands, strict=True):  # what is nearest between fingers is the background
        near = away[band] < HAND_M * px_per_m
        held = things & (away < HELD_M * px_per_m)
        known = skin(rgb, mask > 0.5, palm, px_per_m) + ([np.float32(rgb[held].mean(axis=0))] if held.any() else [])
        colours = [own[near], *(np.broadcast_to(colour, own[near].shape) for colour in known)]
        by_colour[near], trust[near] = colour_share(rgb[band][near], behind[near], colours)
    mixed = np.clip((mask - 0.5) * STEEP + 0.5, 0, 1).astype(np.float32)
    mixed[band] += trust * doubt[band] * (by_colour - mixed[band])
    fine = cv2.ximgproc.guidedFilter(rgb, mixed, max(2, round(FINE_M * px_per_m)), FINE_EPS)
    return np.clip((fine - CLEARED) / STRETCH, 0, 1) * _main_piece(fine)


def _continued(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Known colours continued, half as fine: between them there is nothing fine to be known."""
    half = [cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for values in (rgb, known)]
    return cv2.resize(push_pull(half[0], half[1]), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _doubt(mask: np.ndarray, hands: list[np.ndarray], px_per_m: float) -> np.ndarray:
    """How little the mask itself knows, 0-1: near its border, where it hesitates, and of fingers."""
    inside = mask > 0.5
    deep = distance_to(~inside) + distance_to(inside)
    near = np.exp(-((deep / (BORDER_M * px_per_m)) ** 2))
    doubt = np.maximum(near, np.minimum(HESITANT * mask * (1 - mask), 1))
    for away in hands:
        doubt = np.maximum(doubt, np.clip(HAND_DOUBT - HAND_DOUBT * away / (HAND_M * px_per_m), 0, 1))
    return doubt


def _main_piece(alpha: np.ndarray) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((alpha > CLEARED).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    return ((areas >= PIECE_SHARE * areas.max()) & (areas > 0))[pieces]
