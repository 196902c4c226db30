"""Painting bent layers over a frame, in the clip's own colours and only where a layer has anything to show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from kling_ui.media.ycbcr import to_ycbcr
from kling_ui.puppetry.layers import Layer
from kling_ui.puppetry.warp import Arrays

CELL_PX = 8  # maps are computed on a grid this coarse and interpolated
BAND_CELLS = 8  # rows of cells that are painted in one go, from the first to the last that shows anything
NEAR_PX = 20  # from the middle of a cell to its corner, where a layer is squeezed to less than a third
MARGIN_PX = 7  # around the outline's points, which leave out as much as is next
OUTLINE_PX = 3.0
OUTLINE_STEP = 0.25  # of an edge of a layer's outline


class Warp(Protocol):
    """A backward map, see :mod:`kling_ui.puppetry.warp`."""

    def source(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Which points of the picture are seen at points of the frame; x and y may be a row and a column of a grid."""
        ...

    def reach(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """``(n, 2)`` points of the frame around all that is drawn within an outline in the picture."""
        ...


@dataclass(frozen=True, slots=True)
class Sprite:
    """A layer ready to be painted.

    Attributes:
        pixels: ``(height, width, 4)`` uint8, Y'CbCr premultiplied by alpha, and alpha.
        corner: ``(x, y)`` px of its upper left corner in the picture.
        near: ``(height + 2 * NEAR_PX, width + 2 * NEAR_PX)`` uint8: 1 where something of it is at most that far away.
        hull: ``(2, n)`` float points around it in the picture.
    """

    pixels: np.ndarray
    corner: tuple[int, int]
    near: np.ndarray
    hull: np.ndarray

    @classmethod
    def of(cls, layer: Layer) -> "Sprite":
        """Prepare a layer."""
        solid = (layer.rgba[..., 3] > 0).astype(np.uint8)
        around = np.pad(solid, NEAR_PX)
        near = cv2.dilate(around, np.ones((2 * NEAR_PX - 1, 2 * NEAR_PX - 1), np.uint8))
        return cls(to_ycbcr(layer.rgba), layer.corner, near, _hull(solid) + np.array(layer.corner)[:, None])

    def paint(
        self, frame: np.ndarray, warp: Warp, slide: Callable[..., Arrays] | None = None, *, opacity: float = 1.0
    ) -> None:
        """Paint it over ``(height, width, 3)`` uint8, in place.

        Args:
            frame: In Y'CbCr.
            warp: Where the layer's points come to lie.
            slide: What moves within the layer besides.
            opacity: How much of it is seen, 0-1.
        """
        spots = warp.reach(*self.hull)
        height, width = frame.shape[:2]
        x0, y0 = np.maximum(np.floor(spots.min(axis=0)).astype(int) - MARGIN_PX, 0)
        x1, y1 = np.minimum(np.ceil(spots.max(axis=0)).astype(int) + MARGIN_PX, (width, height))
        if x1 <= x0 or y1 <= y0:
            return
        x, y = warp.source(_cells(x0, x1)[None, :], _cells(y0, y1)[:, None])
        if slide is not None:
            x, y = slide(x, y)
        x, y = np.broadcast_arrays(x, y)
        x, y = x - self.corner[0], y - self.corner[1]
        pixels = self.pixels if opacity >= 1 else cv2.convertScaleAbs(self.pixels, alpha=opacity)
        part, across, down = frame[y0:y1, x0:x1], _refine(x), _refine(y)
        for box in _bands(self._shown(x, y), part.shape):
            paste(part[box], pixels, across[box], down[box])

    def _shown(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 for the cells of a grid that may show something of the layer, without the grid's own border; uint8."""
        height, width = self.near.shape
        columns = np.clip(np.rint(x[1:-1, 1:-1]).astype(int) + NEAR_PX, 0, width - 1)
        rows = np.clip(np.rint(y[1:-1, 1:-1]).astype(int) + NEAR_PX, 0, height - 1)
        return self.near[rows, columns]


def paste(target: np.ndarray, pixels: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Draw over ``target`` what is seen there of a layer.

    Args:
        target: ``(height, width, 3)`` uint8, changed in place.
        pixels: ``(h, w, 4)`` uint8, premultiplied.
        x: ``(height, width)`` float32: for each pixel of ``target`` the column in ``pixels``.
        y: Likewise the row.
    """
    bent = cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    clear = cv2.bitwise_not(cv2.extractChannel(bent, 3))
    behind = cv2.multiply(target, cv2.cvtColor(clear, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    cv2.add(behind, cv2.cvtColor(bent, cv2.COLOR_RGBA2RGB), dst=target)


def _bands(shown: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of pixels that hold all the shown cells."""
    for top in range(0, len(shown), BAND_CELLS):
        column, row, width, height = cv2.boundingRect(shown[top : top + BAND_CELLS])
        if width:
            low, left = (top + row) * CELL_PX, column * CELL_PX
            yield slice(low, min(low + height * CELL_PX, shape[0])), slice(left, min(left + width * CELL_PX, shape[1]))


def _cells(start: int, end: int) -> np.ndarray:
    """Middles of the cells from one before ``start`` to one after ``end``, px."""
    count = -(-(end - start) // CELL_PX) + 2
    return (np.arange(count) - 1) * float(CELL_PX) + (start + (CELL_PX - 1) / 2)


def _refine(coarse: np.ndarray) -> np.ndarray:
    """Interpolate a map given at :func:`_cells` to every pixel of the cells within."""
    rows, columns = coarse.shape
    fine = cv2.resize(coarse.astype(np.float32), (columns * CELL_PX, rows * CELL_PX), interpolation=cv2.INTER_LINEAR)
    return fine[CELL_PX:-CELL_PX, CELL_PX:-CELL_PX]


def _hull(solid: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((2, 1))
    outline = cv2.approxPolyDP(cv2.convexHull(np.concatenate(contours)), OUTLINE_PX, closed=True)
    hull = outline[:, 0].astype(float)
    ends = np.roll(hull, -1, axis=0)
    steps = np.arange(0, 1, OUTLINE_STEP)[:, None, None]
    return (hull * (1 - steps) + ends * steps).reshape(-1, 2).T
