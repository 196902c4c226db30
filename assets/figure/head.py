"""Skull with face and ears as sheets; lengths are in head heights, y from -0.5 (crown) to 0.5 (chin)."""

import numpy as np

from figure.face import TILE_HEIGHT, TILE_WIDTH, paint_face
from figure.look import Look, mix
from figure.mesh import Sheet, plain_places, ramp, smooth_rows
from figure.raster import SKIN
from figure.skeleton import Bone, Frames

HEAD_SHARE = 0.144  # height of the head in statures
CENTRE_SHARE = 0.932  # height of the eyes in statures
ROWS, COLUMNS = 52, 61
Profile = tuple[tuple[float, ...], ...]
FACE_POINTS = (  # landmarks 0 to 10: nose; left eye from inner to outer; right eye; ears; mouth
    (0.0, 0.165, -0.455),
    *((side * x, 0.0, z) for side in (1, -1) for x, z in ((0.085, -0.33), (0.138, -0.33), (0.19, -0.29))),
    *((side * 0.335, 0.06, 0.06) for side in (1, -1)),
    *((side * 0.085, 0.285, -0.33) for side in (1, -1)),
)

SKULL = (  # height, half width, reach to the front and to the back
    (-0.5, 0.0, 0.0, 0.0),
    (-0.49, 0.09, 0.09, 0.10),
    (-0.45, 0.18, 0.18, 0.22),
    (-0.35, 0.268, 0.285, 0.37),
    (-0.2, 0.318, 0.350, 0.45),
    (-0.06, 0.325, 0.366, 0.46),
    (0.1, 0.312, 0.358, 0.42),
    (0.22, 0.284, 0.352, 0.28),
    (0.32, 0.240, 0.345, 0.15),
    (0.4, 0.184, 0.335, 0.07),
    (0.46, 0.122, 0.29, 0.03),
    (0.49, 0.06, 0.2, 0.01),
    (0.5, 0.0, 0.1, 0.0),
)


def head_sheets(look: Look) -> list[Sheet]:
    """Head with face and ears."""
    return [_skull(look), *(_ear(look, side) for side in (1, -1))]


def to_rest(look: Look, points: np.ndarray) -> np.ndarray:
    """Head units to metres at rest."""
    height = look.build.stature_m
    return points * (HEAD_SHARE * height) + np.array([0, -CENTRE_SHARE * height, 0.004 * height])


def head_landmarks(look: Look, frames: Frames) -> np.ndarray:
    """True places of the landmarks 0 to 10 in the figure's frame, ``(11, 3)``."""
    return frames.carry(Bone.HEAD, to_rest(look, np.array(FACE_POINTS)), look.build.joints())


def hull(table: Profile, y: np.ndarray, angle: np.ndarray, *, jaw: float = 1.0) -> np.ndarray:
    """A surface by its profile at places ``y`` and ``angle`` (0 behind, pi in front) of one shape, ``(..., 3)``."""
    rows = smooth_rows(table, y.ravel()).reshape(*y.shape, 3)
    wide, front, back = np.moveaxis(np.maximum(rows, 0.002), -1, 0)
    cosine, sine = np.cos(angle), np.sin(angle)
    square = 2 / 2.25
    x = wide * (1 + (jaw - 1) * ramp(y, 0.1, 0.25)) * np.sign(sine) * np.abs(sine) ** square
    return np.stack([x, y, np.where(cosine < 0, -front, back) * np.abs(cosine) ** square], -1)


def _bump(points: np.ndarray, x: float, y: float, wide: float, high: float) -> np.ndarray:
    return np.exp(-(((np.abs(points[..., 0]) - x) / wide) ** 2) - ((points[..., 1] - y) / high) ** 2)


def _skull(look: Look) -> Sheet:
    y = -0.5 * np.cos(np.linspace(0, np.pi, ROWS))
    across, down = np.meshgrid(np.linspace(0, 2 * np.pi, COLUMNS), y)
    points = hull(SKULL, down, across, jaw=1.04 - 0.11 * look.soft)
    ahead = (
        0.062 * _bump(points, 0, 0.165, 0.042, 0.040)  # tip of the nose
        + 0.046 * _bump(points, 0, 0.08, 0.040, 0.085)  # its ridge
        + 0.026 * _bump(points, 0.042, 0.178, 0.026, 0.026)  # its wings
        - 0.030 * _bump(points, 0.14, 0.0, 0.075, 0.055)  # eye sockets
        + 0.014 * _bump(points, 0.13, 0.004, 0.045, 0.030)  # eyeballs
        + (0.016 - 0.010 * look.soft) * _bump(points, 0.12, -0.095, 0.10, 0.030)  # brow ridge
        + 0.020 * _bump(points, 0.18, 0.13, 0.09, 0.08)  # cheeks
        + 0.020 * _bump(points, 0, 0.285, 0.075, 0.034)  # lips
        - 0.010 * _bump(points, 0, 0.345, 0.08, 0.025)
        + 0.022 * _bump(points, 0, 0.425, 0.085, 0.055)  # chin
    )
    points[..., 2] -= ahead * (points[..., 2] < 0)
    places = np.stack([points[..., 0] / TILE_WIDTH + 0.5, points[..., 1] / TILE_HEIGHT + 0.5], -1)
    return Sheet(to_rest(look, points), Bone.HEAD, 1.0, paint_face(look), places, SKIN)


def _ear(look: Look, side: float) -> Sheet:
    around = np.linspace(0, 2 * np.pi, 19)
    across = np.linspace(0.01, np.pi - 0.01, 12)[:, None]
    width = np.sin(across)
    height = width * np.sin(around) * (0.100 - 0.018 * np.sin(around))
    behind = width * np.cos(around)
    out = side * (0.322 - 0.026 * np.cos(across) + 0.030 * behind)
    points = np.stack([out, 0.070 + height, 0.075 + 0.060 * behind - 0.02 * np.sin(around) * width], -1)
    inner = np.clip(1.6 - np.abs(np.linspace(0, 1, 24) - 0.85) * 8, 0, 1)[:, None, None]
    texture = np.array(look.skin) * (1 - inner) + np.array(mix(look.skin, (150, 60, 44), 0.35)) * inner
    texture = texture.astype(np.uint8).repeat(8, 1)
    return Sheet(to_rest(look, points), Bone.HEAD, 1.0, texture, plain_places(12, 19), SKIN)
