"""Tell colours apart: count them coarsely, and know a colour again in light and in shade."""

import cv2
import numpy as np

LIGHT_BINS, COLOUR_BINS, BYTE_VALUES, NO_CHROMA = 8, 26, 256, 128  # by which colours are counted; grey's
NEIGHBOURS = (0.25, 0.5, 0.25)  # how far a colour counts for the bins beside its own
CALM_PX = 0.8  # over which noise is averaged
SKIN_HUE, SKIN_LIGHT = 13.0, (0.4, 1.6)  # of 8 bits of colour off the face's, or another region's; of its light


def colour_bins(rgb: np.ndarray) -> np.ndarray:
    """``(height, width)`` int: which of the coarse colours a pixel has."""
    colours = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), CALM_PX), cv2.COLOR_RGB2YCrCb).astype(np.int32)
    bins = colours * (LIGHT_BINS, COLOUR_BINS, COLOUR_BINS) // BYTE_VALUES
    return (bins[..., 0] * COLOUR_BINS + bins[..., 1]) * COLOUR_BINS + bins[..., 2]


def bin_shares(bins: np.ndarray, where: np.ndarray) -> np.ndarray:
    """How common each coarse colour is in a region, its neighbours counted in; ``(colours,)``."""
    counts = np.bincount(bins[where], minlength=LIGHT_BINS * COLOUR_BINS**2).astype(np.float32)
    cube = counts.reshape(LIGHT_BINS, COLOUR_BINS, COLOUR_BINS)
    kernel = np.array(NEIGHBOURS, np.float32)
    for axis in range(3):
        padded = np.moveaxis(np.pad(cube, [(1, 1) if place == axis else (0, 0) for place in range(3)]), axis, 0)
        cube = np.moveaxis(sum(w * padded[n : n + cube.shape[axis]] for n, w in enumerate(kernel)), 0, axis)
    return cube.ravel() / max(float(counts.sum()), 1.0)


def alike(rgb: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Find where colours are those of a region, in light or in shade; ``(height, width)`` bool."""
    if not region.any():
        return region
    luma, *chroma = cv2.split(cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), CALM_PX), cv2.COLOR_RGB2YCrCb))
    light = luma / np.float32(max(float(np.median(luma[region])), 1.0))
    as_lit, in_shade = (light > SKIN_LIGHT[0]) & (light < SKIN_LIGHT[1]), SKIN_HUE * light
    as_shaded = as_lit.copy()
    for values in chroma:
        off, own = values.astype(np.float32) - NO_CHROMA, np.float32(np.median(values[region]) - NO_CHROMA)
        as_lit &= np.abs(off - own) < SKIN_HUE
        as_shaded &= np.abs(off - light * own) < in_shade
    return as_lit | as_shaded


def greatest(values: np.ndarray) -> np.ndarray:
    """The largest of a pixel's three values, ``(..., 3)``; several times as fast as NumPy's own over a last axis."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
