"""Triangles to pixels with numpy: an exact depth buffer by sorting, textures and light by table look-up.

A picture of a figure is two look-ups a pixel: its colour in the figure's texture and its light in a picture of a lit
ball (a "matcap"), both at coordinates that the triangles interpolate.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

BALL_PX = 128
LIGHT_ONE = 128.0  # this byte in a lit ball leaves a colour as it is
ROW_PX = 1024  # pixels are looked up in rows of this length
BLOCK = 1500  # triangles at a time, so that the arrays stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface takes the light.

    Attributes:
        wrap: How far light reaches round the edge of the shadow, 0-1 (skin more than cloth).
        gloss: Strength of the highlight.
        sharpness: Exponent of the highlight.
        rim: Strength of the bright edge.
        shade: Colour of the shadow side against the lit side.
    """

    wrap: float
    gloss: float
    sharpness: float
    rim: float
    shade: tuple[float, float, float] = (0.66, 0.66, 0.76)


MATERIALS = (
    Material(0.55, 0.10, 14, 0.16, (0.86, 0.71, 0.68)),  # skin
    Material(0.40, 0.05, 8, 0.14),  # cloth
    Material(0.35, 0.55, 26, 0.22),  # hair
    Material(0.40, 0.35, 30, 0.16),  # leather, rubber
    Material(0.45, 0.16, 12, 0.24),  # silky cloth
)
SKIN, CLOTH, HAIR, LEATHER, SILK = range(len(MATERIALS))


@cache
def lit_balls() -> np.ndarray:
    """One lit ball a material, side by side: ``(BALL_PX, BALL_PX * materials, 4)`` uint8, RGB and one."""
    axis = (np.arange(BALL_PX) + 0.5) / BALL_PX * 2 - 1
    x, y = np.meshgrid(axis, axis)
    radius = np.maximum(np.hypot(x, y), 1e-6)
    inside = np.minimum(1, 0.999 / radius)
    x, y = x * inside, y * inside
    normals = np.stack([x, y, -np.sqrt(np.maximum(0, 1 - x**2 - y**2))], -1)
    balls = np.hstack([_lit(normals, material) for material in MATERIALS])
    return np.dstack([balls, np.full(balls.shape[:2], LIGHT_ONE, np.uint8)])


def _lit(normals: np.ndarray, material: Material) -> np.ndarray:
    sun = np.array([-0.50, -0.62, -0.60])
    sun /= np.linalg.norm(sun)
    half = np.add(sun, [0, 0, -1])
    half /= np.linalg.norm(half)
    diffuse = np.clip((normals @ sun + material.wrap) / (1 + material.wrap), 0, 1)[..., None] ** 1.15
    above = (0.5 - 0.5 * normals[..., 1:2]) ** 1.2
    edge = np.clip(1 + normals[..., 2:], 0, 1) ** 3
    ahead = np.clip(-normals[..., 2:], 0, 1)
    light = np.array(material.shade) * (0.76 + 0.18 * above + 0.10 * ahead) * (1 - diffuse)
    light += np.array([1.10, 1.07, 1.01]) * diffuse
    light += material.rim * edge * (0.35 + above) * np.array([0.95, 1.0, 1.1])
    light += material.gloss * np.clip(normals @ half, 0, 1)[..., None] ** material.sharpness
    return np.clip(light * LIGHT_ONE, 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Surface:
    """What is seen of a mesh.

    Attributes:
        depth: ``(height, width)`` float32 of the nearest surface, infinite where there is none.
        pixel: ``(pixels,)`` where there is one: indices into the canvas, row by row.
        values: ``(attributes, pixels)`` interpolated there.
    """

    depth: np.ndarray
    pixel: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class Spans:
    """Runs of pixels, one for each row of each triangle; all arrays ``(spans,)``."""

    face: np.ndarray
    row: np.ndarray
    first: np.ndarray
    count: np.ndarray


def rasterise(
    points: np.ndarray, values: np.ndarray, triangles: np.ndarray, *, width_px: int, height_px: int
) -> Surface:
    """Find what is seen where.

    Args:
        points: ``(n, 3)`` float32: x and y in pixels, and depth (smaller is nearer).
        values: ``(n, attributes)`` float32 to interpolate.
        triangles: ``(m, 3)`` indices, clockwise as seen from the front; the others are dropped.
        width_px: Width of the canvas.
        height_px: Height of the canvas.
    """
    depth = np.full(height_px * width_px, np.inf, np.float32)
    mixed = np.empty((height_px * width_px, values.shape[1]), np.float32)
    all_values = np.concatenate([points[:, 2:], values], 1)
    facing = triangles[_area(points, triangles) > 1e-3]
    for first in range(0, len(facing), BLOCK):
        block = facing[first : first + BLOCK]
        spans = _spans(points[block], width_px, height_px)
        start, slope = _along_spans(_planes(points[block], all_values[block]), spans)
        line = np.repeat(np.arange(len(spans.count), dtype=np.int32), spans.count)
        begins = np.cumsum(spans.count, dtype=np.int32) - spans.count
        step = np.arange(len(line), dtype=np.int32) - begins[line]
        pixel = (spans.row * np.int32(width_px) + spans.first)[line] + step
        step = step.astype(np.float32)
        won = _settle(depth, pixel, start[:, 0][line] + slope[:, 0][line] * step)
        line = line[won]
        mixed[pixel[won]] = start[line, 1:] + slope[line, 1:] * step[won, None]
    seen = np.flatnonzero(depth < np.inf)
    return Surface(depth.reshape(height_px, width_px), seen, mixed[seen].T)


def _area(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Twice the area in the picture; negative when seen from behind."""
    x, y = points[:, 0], points[:, 1]
    a, b, c = triangles.T
    return (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])


def _settle(depth: np.ndarray, pixel: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Bring candidates into the depth buffer; the indices of those that are the nearest so far on their pixel."""
    rivals = np.flatnonzero(near < depth[pixel])
    candidates = rivals
    while len(rivals):
        depth[pixel[rivals]] = near[rivals]  # of repeated indices the last stays, not the nearest: look again
        rivals = rivals[near[rivals] < depth[pixel[rivals]]]
    return candidates[near[candidates] == depth[pixel[candidates]]]


def _spans(corners: np.ndarray, width_px: int, height_px: int) -> Spans:
    y = corners[..., 1]
    lowest = np.clip(np.ceil(y.min(1) - 0.5), 0, height_px).astype(np.int32)
    highest = np.clip(np.floor(y.max(1) - 0.5) + 1, 0, height_px).astype(np.int32)
    rows = np.maximum(highest - lowest, 0)
    face = np.repeat(np.arange(len(corners), dtype=np.int32), rows)
    row = np.arange(len(face), dtype=np.int32) - np.repeat((np.cumsum(rows) - rows - lowest).astype(np.int32), rows)
    left = np.full(len(face), -1e6, np.float32)
    right = np.full(len(face), 1e6, np.float32)
    height = row.astype(np.float32)
    for begin in range(3):
        a, b = corners[:, begin], corners[:, (begin + 1) % 3]
        fall = b[:, 1] - a[:, 1]
        slant = (b[:, 0] - a[:, 0]) / np.where(fall == 0, 1, fall)
        offset = a[:, 0] - slant * (a[:, 1] - 0.5) - 0.5  # pixel centres lie half a pixel in
        for sign, bound, keep in ((-1, left, np.maximum), (1, right, np.minimum)):
            mine = fall * sign > 0
            cut = np.repeat(np.where(mine, offset, np.float32(sign * 1e6)), rows)
            cut += np.repeat(np.where(mine, slant, 0), rows) * height
            keep(bound, cut, out=bound)
    first = np.ceil(np.clip(left, 0, width_px)).astype(np.int32)
    count = np.floor(np.clip(right, -1, width_px - 1)).astype(np.int32) + 1 - first
    some = count > 0
    return Spans(face[some], row[some], first[some], count[some])


def _planes(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at the corners ``(m, 3, attributes)`` as planes over the picture.

    Returns:
        ``(3, m, attributes)``: factors of x and y, and the value at 0, 0.
    """
    origin = corners[:, 0, :2]
    ahead, aside = corners[:, 1, :2] - origin, corners[:, 2, :2] - origin
    area = (ahead[:, 0] * aside[:, 1] - ahead[:, 1] * aside[:, 0])[:, None]
    base = values[:, 0]
    first, second = values[:, 1] - base, values[:, 2] - base
    along_x = (first * aside[:, 1:] - second * ahead[:, 1:]) / area
    along_y = (second * ahead[:, :1] - first * aside[:, :1]) / area
    return np.stack([along_x, along_y, base - along_x * origin[:, :1] - along_y * origin[:, 1:]])


def _along_spans(planes: np.ndarray, spans: Spans) -> tuple[np.ndarray, np.ndarray]:
    """The values at the first pixel of each span, and their growth from pixel to pixel, ``(spans, attributes)``."""
    along_x = planes[0][spans.face]
    x, y = (values.astype(np.float32)[:, None] + np.float32(0.5) for values in (spans.first, spans.row))
    return planes[2][spans.face] + along_x * x + planes[1][spans.face] * y, along_x


def look_up(table: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a picture ``(height, width, 4)`` at many places: ``(pixels, 4)`` uint8."""
    missing = -len(x) % ROW_PX
    across, down = (np.append(values, np.zeros(missing, np.float32)).reshape(-1, ROW_PX) for values in (x, y))
    found = [
        cv2.remap(table, across[at : at + 30000], down[at : at + 30000], cv2.INTER_LINEAR)
        for at in range(0, len(across), 30000)
    ]
    return np.concatenate(found).reshape(-1, 4)[: len(x)] if found else np.zeros((0, 4), np.uint8)
