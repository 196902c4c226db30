"""Whose colour a pixel has: what lies in front or what lies behind, and how far colours can tell."""

import cv2
import numpy as np

CLEAR_CONTRAST = 60.0  # of 8 bits a channel: colours this far apart tell two things apart by themselves
HAND_M = 0.11  # how far from its palm a hand reaches
PALM_M = 0.012  # half the width of what is surely skin between wrist and knuckles
SHADE = 0.6  # the light of skin's darker side, of 1


def likeness(pixels: np.ndarray, behind: np.ndarray, colours: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """How far pixels are on the way from the background to one of the person's colours, and how far to trust that.

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
        told = contrast / (contrast + CLEAR_CONTRAST**2)
        along = np.einsum("ij,ij->i", offset, apart) / np.maximum(contrast, 1.0)
        beyond = contrast * np.maximum(along, 1) ** 2
        along = np.clip(along, 0, 1)
        rest = offset - along[:, None] * apart
        apart_from = np.einsum("ij,ij->i", rest, rest)
        better = apart_from < off
        share, clear = np.where(better, along, share), np.where(better, beyond / (beyond + CLEAR_CONTRAST**2), clear)
        least, off = np.fmin(least, told), np.fmin(off, apart_from)
    neither = 1 / (1 + np.einsum("ij,ij->i", offset, offset) / CLEAR_CONTRAST**2)
    return share, share * clear + (1 - share) * least * neither


def nearest_known(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Give every pixel the colour of the nearest known one.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        known: ``(height, width)``: more than 0 where it is known, at one pixel at least.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    _, numbers = cv2.distanceTransformWithLabels(
        (known == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((numbers.max() + 1, 3), np.uint8)
    there = known > 0
    table[numbers[there]] = cv2.GaussianBlur(rgb, (0, 0), 1.0)[there]
    return table[numbers]


def around_palm(shape: tuple[int, ...], palm: np.ndarray) -> np.ndarray:
    """How far each pixel is from a palm.

    Args:
        shape: Height and width.
        palm: ``(2, 2)`` px: wrist and knuckles.

    Returns:
        ``(height, width)`` float32 px from what is seen of the line between them; very far if that is nothing.
    """
    empty = np.ones(shape, np.uint8)
    ends = [tuple(int(v) for v in point.round()) for point in palm]
    cv2.line(empty, ends[0], ends[1], (0,))
    return np.minimum(cv2.distanceTransform(empty, cv2.DIST_L2, 5), np.float32(sum(shape)))


def skin(rgb: np.ndarray, known: np.ndarray, palm: np.ndarray, px_per_m: float) -> list[np.ndarray]:
    """A hand's colours, in light and in shade, read off its palm.

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
