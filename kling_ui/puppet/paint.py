"""Paint warped layers over a frame, in Y'CbCr and only where a layer shows anything."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from kling_ui.media.colour import to_ycbcr
from kling_ui.puppet.rig.layers import Layer
from kling_ui.puppet.warp import Box

CELL_PX = 8  # maps are computed on a grid this coarse and interpolated
BAND_CELLS = 12  # rows of cells that are painted in one go, from the first to the last that shows anything
AROUND_PX = 40  # around a layer in which its distance is known; half a cell, even where it is squeezed to a fifth
FARTHEST_PX = 255  # that a distance of 8 bits can hold
BLUR_PX = 2.0  # that rounding and interpolation may add
MARGIN_PX = 7  # around the outline's points, which leave out as much as is next
OUTLINE_PX = 3.0  # by which the simplified outline may miss the layer's
OUTLINE_STEP = 0.25  # of an edge of a layer's outline


class Warp(Protocol):
    """What a backward map from the frame to the picture can do; see :mod:`kling_ui.puppet.warp`."""

    def source(self, points: np.ndarray) -> np.ndarray:
        """Map points of the frame to points of the picture, both as complex numbers."""
        ...

    def reach(self, outline: np.ndarray) -> Box:
        """Bound in the frame all that an outline in the picture may cover."""
        ...


BLACK_LUMA, WHITE_LUMA, NO_CHROMA = 16, 235, 128  # of BT.709 in limited range, as previews are drawn
LEAST_SHOWN = 0.02  # of alpha: less is rounding
RIM_PX = 9  # over which colours go on beyond the outline


@dataclass(frozen=True, slots=True)
class Sprite:
    """A layer prepared for painting: its colours in Y'CbCr, and the distance to it around it.

    Attributes:
        pixels: ``(height, width, 4)`` uint8, Y'CbCr premultiplied by alpha, and alpha.
        corner: ``(x, y)`` px of its upper left corner in the picture.
        away: ``(height + 2 * AROUND_PX, width + 2 * AROUND_PX)`` uint8: how far away it is, px.
        hull: ``(n,)`` complex64 points around it in the picture.
    """

    pixels: np.ndarray
    corner: tuple[int, int]
    away: np.ndarray
    hull: np.ndarray

    @classmethod
    def of(cls, layer: Layer) -> "Sprite":
        """Prepare a layer for painting: convert its colours, measure distances around it."""
        solid = (layer.rgba[..., 3] > 0).astype(np.uint8)
        outside = np.pad(1 - solid, AROUND_PX, constant_values=1)
        away = np.minimum(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_3), FARTHEST_PX).astype(np.uint8)
        return cls(to_ycbcr(layer.rgba), layer.corner, away, _hull(solid) + np.complex64(complex(*layer.corner)))

    def paint(
        self,
        frame: np.ndarray,
        warp: Warp,
        slide: Callable[[np.ndarray], np.ndarray] | None = None,
        *,
        opacity: float = 1.0,
    ) -> None:
        """Paint the layer over a ``(height, width, 3)`` uint8 frame, in place.

        Args:
            frame: In Y'CbCr.
            warp: Where the layer's points come to lie.
            slide: What moves within the layer besides.
            opacity: How much of it is seen, 0-1.
        """
        height, width = frame.shape[:2]
        left, top, right, bottom = warp.reach(self.hull)
        columns, rows = _cells(left, right, width), _cells(top, bottom, height)
        if not (columns and rows):
            return
        points = warp.source(_middles(columns)[None, :] + 1j * _middles(rows)[:, None])
        if slide is not None:
            points = slide(points)
        points = points - complex(*self.corner)
        x, y = np.ascontiguousarray(points.real), np.ascontiguousarray(points.imag)
        pixels = self.pixels if opacity >= 1 else cv2.convertScaleAbs(self.pixels, alpha=opacity)
        part = frame[rows.start * CELL_PX :, columns.start * CELL_PX :]
        for down, across in _bands(self._shown(points, x, y)):
            target = part[_pixels(down), _pixels(across)]
            paste(target, pixels, _refine(x, down, across, target.shape), _refine(y, down, across, target.shape))

    def _shown(self, points: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 for the cells of a grid that may show something of the layer, without the grid's own border; uint8."""
        half = (abs(points[1:-1, 2:] - points[1:-1, :-2]) + abs(points[2:, 1:-1] - points[:-2, 1:-1])) / 4
        columns, rows = x[1:-1, 1:-1] + AROUND_PX, y[1:-1, 1:-1] + AROUND_PX
        away = cv2.remap(
            self.away, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=[FARTHEST_PX]
        )
        return (away <= half + BLUR_PX).astype(np.uint8)


def paste(target: np.ndarray, pixels: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Sample a layer at given places and lay it over ``target``.

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


def _cells(low: float, high: float, size: int) -> range:
    """The cells, counted from the frame's edge (``size`` px long), between two places and a little around."""
    first, last = math.floor((low - MARGIN_PX) / CELL_PX), math.ceil((high + MARGIN_PX) / CELL_PX)
    return range(max(0, first), min(last, -(-size // CELL_PX)))


def _middles(cells: range) -> np.ndarray:
    """Middles of cells, and of one before and one after them, px."""
    return (np.arange(cells.start - 1, cells.stop + 1, dtype=np.float32) + 0.5) * CELL_PX - 0.5


def _bands(shown: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of cells that hold all the shown ones."""
    for top in range(0, len(shown), BAND_CELLS):
        column, row, width, height = cv2.boundingRect(shown[top : top + BAND_CELLS])
        if width:
            yield slice(top + row, top + row + height), slice(column, column + width)


def _pixels(cells: slice) -> slice:
    return slice(cells.start * CELL_PX, cells.stop * CELL_PX)


def _refine(coarse: np.ndarray, rows: slice, columns: slice, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate a map given at :func:`_middles` to the pixels, at most ``shape``, of some cells."""
    around = coarse[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
    size = around.shape[1] * CELL_PX, around.shape[0] * CELL_PX
    fine = cv2.resize(around, size, interpolation=cv2.INTER_LINEAR)
    return fine[CELL_PX : CELL_PX + shape[0], CELL_PX : CELL_PX + shape[1]]


def _hull(solid: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros(1, np.complex64)
    outline = cv2.approxPolyDP(cv2.convexHull(np.concatenate(contours)), OUTLINE_PX, closed=True)
    hull = (outline[:, 0, 0] + 1j * outline[:, 0, 1]).astype(np.complex64)
    steps = np.arange(0, 1, OUTLINE_STEP, np.float32)[:, None]
    return (hull * (1 - steps) + np.roll(hull, -1) * steps).ravel()


def apart_from_grounds(on_black: np.ndarray, on_white: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell what was drawn from what lies behind it, by two drawings of the same on black and on white.

    Args:
        on_black: ``(height, width, 3)`` uint8 in Y'CbCr.
        on_white: The same on white.

    Returns:
        ``(height, width, 3)`` uint8 in Y'CbCr, which goes on a little beyond the outline, so that no player's own
        scaling shows a rim, and alpha, ``(height, width)`` uint8.
    """
    span = float(WHITE_LUMA - BLACK_LUMA)
    shown = 1 - (on_white[..., 0].astype(np.float32) - on_black[..., 0]) / span
    shown = np.where(shown < LEAST_SHOWN, 0, np.clip(shown, 0, 1)).astype(np.float32)
    clear = (1 - shown)[..., None] * np.array([BLACK_LUMA, NO_CHROMA, NO_CHROMA], np.float32)
    drawn = on_black.astype(np.float32) - clear  # premultiplied
    around, near = cv2.blur(drawn, (RIM_PX, RIM_PX)), cv2.blur(shown, (RIM_PX, RIM_PX))
    beyond = np.where(near[..., None] > 0, around / np.maximum(near, LEAST_SHOWN)[..., None], NO_CHROMA)
    colour = np.where(shown[..., None] > 0, drawn / np.maximum(shown, LEAST_SHOWN)[..., None], beyond)
    return np.rint(colour).clip(0, 255).astype(np.uint8), np.rint(shown * 255).astype(np.uint8)


def plain_ground(shape: tuple[int, ...], luma: int) -> np.ndarray:
    """Make a grey picture in Y'CbCr, ``(height, width, 3)`` uint8."""
    ground = np.full((*shape[:2], 3), NO_CHROMA, np.uint8)
    ground[..., 0] = luma
    return ground
