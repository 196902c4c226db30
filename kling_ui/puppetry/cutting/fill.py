"""Filling in what cannot be seen: smooth continuation of colours from known pixels into unknown ones."""

import cv2
import numpy as np


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
    """As :func:`push_pull` for ``(height, width, n)`` numbers of any size, at most 4 of them; float32."""
    weight = np.ascontiguousarray(known, np.float32)
    return _pull(values.astype(np.float32) * weight[..., None], weight)


def surround(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """As :func:`push_pull` for bool ``known``, but found at half the size: enough beyond soft borders."""
    size = tuple(max(1, side // 2) for side in known.shape[1::-1])
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    held = cv2.resize(cv2.bitwise_and(rgb, rgb, mask=known.astype(np.uint8)), size, interpolation=cv2.INTER_AREA)
    mean = cv2.divide(held, cv2.merge([np.maximum(share, 1e-3)] * 3), dtype=cv2.CV_8U)
    out = cv2.resize(push_pull(mean, share), known.shape[::-1], interpolation=cv2.INTER_LINEAR)
    cv2.copyTo(rgb, known.astype(np.uint8), out)
    return out


def mix(rgb: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """``other`` where ``share`` (``(height, width)`` 0-1) is 1, ``rgb`` where it is 0; all uint8."""
    share = np.ascontiguousarray(share, np.float32)
    return cv2.blendLinear(other, rgb, share, 1 - share)


def _pull(colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Colours (premultiplied by weight) with every hole filled from the next coarser level."""
    height, width = weight.shape
    if max(height, width) <= 2 or weight.min() >= 1:
        total = max(float(weight.sum()), 1e-6)
        mean = colour.sum(axis=(0, 1)) / total
        return colour + (1 - np.minimum(weight, 1))[..., None] * mean
    small = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    down_colour = cv2.resize(cv2.GaussianBlur(colour, (5, 5), 1.0), small, interpolation=cv2.INTER_AREA)
    down_weight = cv2.resize(cv2.GaussianBlur(weight, (5, 5), 1.0), small, interpolation=cv2.INTER_AREA)
    strength = np.minimum(1, down_weight * 4) / np.maximum(down_weight, 1e-6)
    coarse = _pull(down_colour * strength[..., None], down_weight * strength)
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return colour + (1 - weight)[..., None] * up
