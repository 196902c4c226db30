"""Skinned surfaces: sheets of points that hang on bones, joined into one mesh that a posed skeleton bends.

Each point belongs to one bone and takes a share of that bone's turn about its joint (0 stays with the parent, 1 goes
all the way). A knee or waist bends smoothly, and keeps its volume, when the shares grow from ring to ring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from figure.raster import BALL_PX
from figure.skeleton import PARENTS, Frames

SLIP_SHARE = 0.15
TILE_GAP_PX = 4  # repeated edge round each texture, so that filtering never meets a neighbour


@dataclass(frozen=True, slots=True)
class Sheet:
    """A grid of points, closed around its columns.

    Attributes:
        points: ``(rows, columns, 3)`` metres at rest; the last column repeats the first.
        bone: The bone of every point, ``(rows, columns)`` or less.
        share: Share of the bone's own turn that a point takes, 0-1, likewise.
        texture: ``(height, width, 3)`` uint8 RGB.
        places: ``(rows, columns, 2)`` where in the texture, 0-1 across and down.
        material: Index into :data:`figure.raster.MATERIALS`.
    """

    points: np.ndarray
    bone: np.ndarray | int
    share: np.ndarray | float
    texture: np.ndarray
    places: np.ndarray
    material: int

    def normals(self) -> np.ndarray:
        """Unit normals that point outward, ``(rows, columns, 3)``."""
        closed = np.concatenate([self.points[:, -2:-1], self.points, self.points[:, 1:2]], 1)
        around = closed[:, 2:] - closed[:, :-2]
        along = np.gradient(self.points, axis=0)
        normal = np.cross(along, around)
        outward = self.points - self.points.mean((1), keepdims=True)
        if (normal * outward).sum() < 0:
            normal = -normal
        return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)


def plain_places(rows: int, columns: int) -> np.ndarray:
    """Texture places that unroll a sheet: once around across, from first to last row down."""
    across, down = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return np.stack([across, down], -1)


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high`` and a smooth step between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def smooth_rows(rows: Sequence[Sequence[float]], at: np.ndarray) -> np.ndarray:
    """A smooth curve through rows whose first value is the position: ``(len(at), values)`` without overshoot."""
    table = np.array(rows, np.float64)
    place, values = table[:, 0], table[:, 1:]
    steps = np.diff(place)[:, None]
    slopes = np.diff(values, axis=0) / steps
    inner = np.where(slopes[1:] * slopes[:-1] > 0, 2 * slopes[1:] * slopes[:-1] / (slopes[1:] + slopes[:-1] + 1e-12), 0)
    tangents = np.concatenate([slopes[:1], inner, slopes[-1:]])
    index = np.clip(np.searchsorted(place, at) - 1, 0, len(place) - 2)
    step = steps[index]
    t = ((at - place[index]) / step[:, 0])[:, None]
    return (
        (2 * t**3 - 3 * t**2 + 1) * values[index]
        + (t**3 - 2 * t**2 + t) * step * tangents[index]
        + (3 * t**2 - 2 * t**3) * values[index + 1]
        + (t**3 - t**2) * step * tangents[index + 1]
    )


def rings(
    centres: np.ndarray, across: np.ndarray, deep: np.ndarray, radii: np.ndarray, *, columns: int, square: float = 2.0
) -> np.ndarray:
    """Rings of points round a line of centres.

    Args:
        centres: ``(rows, 3)``.
        across: Unit vector ``(3,)`` or ``(rows, 3)`` of the first radius.
        deep: Likewise of the second radius.
        radii: ``(rows, 2)``.
        columns: Points a ring, the repeated last one included.
        square: 2 for ellipses, more for rounder corners.

    Returns:
        ``(rows, columns, 3)``.
    """
    angle = np.linspace(0, 2 * np.pi, columns)
    wave = [np.sign(part) * np.abs(part) ** (2 / square) for part in (np.cos(angle), np.sin(angle))]
    across, deep = (np.broadcast_to(axis, centres.shape)[:, None] for axis in (across, deep))
    first, second = (radii[:, None, which, None] * wave[which][None, :, None] for which in (0, 1))
    return centres[:, None] + first * across + second * deep


@dataclass(frozen=True, slots=True)
class Mesh:
    """All sheets of a figure as one.

    Attributes:
        points: ``(n, 3)`` at rest.
        normals: ``(n, 3)`` at rest.
        places: ``(n, 2)`` in pixels of the atlas.
        ball: ``(n,)`` first column of the point's material among the lit balls.
        hook: ``(n,)`` index of the point's row in ``hooks``.
        hooks: ``(k, 2)`` bone and share.
        triangles: ``(m, 3)``.
        atlas: All textures, RGBA, one below the other, and halved again and again.
    """

    points: np.ndarray
    normals: np.ndarray
    places: np.ndarray
    ball: np.ndarray
    hook: np.ndarray
    hooks: np.ndarray
    triangles: np.ndarray
    atlas: tuple[np.ndarray, ...]

    def bend(self, frames: Frames, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points and normals of a posed figure, each ``(n, 3)``."""
        bones, shares = self.hooks[:, 0].astype(int), self.hooks[:, 1]
        turns = np.zeros((len(PARENTS), 3))
        for bone, parent in enumerate(PARENTS):
            turns[bone] = cv2.Rodrigues(frames.rotations[parent].T @ frames.rotations[bone])[0][:, 0]
        parents = frames.rotations[np.array(PARENTS)]
        parents[0] = frames.rotations[0]
        # A joint may slip from where its parent carries it (shoulders rise): points that hardly follow slip less.
        held = frames.joints[list(PARENTS)] + np.einsum("bij,bj->bi", parents, rest - rest[list(PARENTS)])
        slip = (frames.joints - held)[bones] * np.minimum(1, shares / SLIP_SHARE)[:, None]
        carried = (parents[bones] @ _rotations(turns[bones] * shares[:, None])).astype(np.float32)
        shift = (held[bones] + slip - np.einsum("kij,kj->ki", carried, rest[bones])).astype(np.float32)
        matrix = carried[self.hook]
        points = np.einsum("nij,nj->ni", matrix, self.points) + shift[self.hook]
        return points, np.einsum("nij,nj->ni", matrix, self.normals)


def _rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices ``(n, 3, 3)`` of rotation vectors ``(n, 3)``."""
    angle = np.linalg.norm(vectors, axis=1)
    x, y, z = (vectors / np.maximum(angle, 1e-12)[:, None]).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)


def join(sheets: list[Sheet]) -> Mesh:
    """Put all sheets of a figure together."""
    atlas, tops = _stack([sheet.texture for sheet in sheets])
    points, normals, places, ball, hooks, triangles = [], [], [], [], [], []
    count = 0
    for sheet, top in zip(sheets, tops, strict=True):
        rows, columns = sheet.points.shape[:2]
        height, width = sheet.texture.shape[:2]
        normal = sheet.normals()
        points.append(sheet.points.reshape(-1, 3))
        normals.append(normal.reshape(-1, 3))
        places.append((sheet.places * [width, height] + [TILE_GAP_PX, top]).reshape(-1, 2))
        ball.append(np.full(rows * columns, sheet.material * BALL_PX))
        bone, share = (np.broadcast_to(values, (rows, columns)) for values in (sheet.bone, sheet.share))
        hooks.append(np.stack([bone, share], -1).reshape(-1, 2))
        triangles.append(_triangles(sheet.points, normal) + count)
        count += rows * columns
    table, hook = np.unique(np.concatenate(hooks).round(4), axis=0, return_inverse=True)
    return Mesh(
        np.concatenate(points).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(places).astype(np.float32),
        np.concatenate(ball).astype(np.float32),
        hook.reshape(-1),
        table,
        np.concatenate(triangles),
        atlas,
    )


def _triangles(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    flat, flat_normals = points.reshape(-1, 3), normals.reshape(-1, 3)
    corners = flat[faces]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if (facing * flat_normals[faces[:, 0]]).sum() > 0:  # clockwise from the front, with y down
        faces = faces[:, ::-1]
    return faces


def _stack(textures: list[np.ndarray]) -> tuple[tuple[np.ndarray, ...], list[int]]:
    """The atlas at falling sizes, and the first row of each texture in it."""
    gap = TILE_GAP_PX
    width = max(texture.shape[1] for texture in textures) + 2 * gap
    width += -width % 16
    tiles, tops, top = [], [], 0
    for texture in textures:
        height = texture.shape[0]
        below = gap + -(height + 2 * gap) % 16
        tiles.append(cv2.copyMakeBorder(texture, gap, below, gap, width - texture.shape[1] - gap, cv2.BORDER_REPLICATE))
        tops.append(top + gap)
        top += len(tiles[-1])
    levels = [cv2.cvtColor(np.vstack(tiles), cv2.COLOR_RGB2RGBA)]
    for _ in range(3):
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return tuple(levels), tops
