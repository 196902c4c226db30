"""Hair of a figure as sheets; lengths are in head heights, as in :mod:`figure.head`."""

from dataclasses import dataclass

import numpy as np

from figure.cloth import lit, noise
from figure.head import SKULL, Profile, hull, to_rest
from figure.look import Hair, Look, mix
from figure.mesh import Sheet, plain_places, ramp, smooth_rows
from figure.raster import HAIR
from figure.skeleton import Bone

ROWS, COLUMNS = 34, 81
BOB = (
    (-0.5, 0.0, 0.0, 0.0),
    (-0.49, 0.10, 0.10, 0.11),
    (-0.45, 0.19, 0.19, 0.24),
    (-0.35, 0.285, 0.30, 0.395),
    (-0.2, 0.345, 0.360, 0.475),
    (-0.06, 0.372, 0.366, 0.500),
    (0.1, 0.386, 0.345, 0.500),
    (0.3, 0.390, 0.315, 0.460),
    (0.44, 0.385, 0.300, 0.420),
    (0.54, 0.355, 0.280, 0.385),
    (0.58, 0.315, 0.250, 0.345),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A haircut: the surface that it follows, its edge and its thickness.

    Attributes:
        hull: The profile under the hair.
        edge: Where it ends, as angles from the front and heights.
        thick: Beyond the hull.
        lift: Height of the forelock.
    """

    hull: Profile
    edge: Profile
    thick: float
    lift: float = 0.0


ABOVE_FACE = ((0.0, -0.315), (0.5, -0.300), (0.85, -0.225))
SHORT_EDGE = (*ABOVE_FACE, (1.08, -0.08), (1.26, 0.02), (1.60, -0.01), (1.95, 0.16), (2.5, 0.30), (3.2, 0.30))
PINNED_EDGE = (*ABOVE_FACE, (1.08, -0.08), (1.26, 0.0), (1.60, -0.03), (1.95, 0.14), (2.5, 0.27), (3.2, 0.27))
LONG_EDGE = (*ABOVE_FACE, (1.0, -0.12), (1.10, 0.25), (1.18, 0.53), (1.30, 0.57), (3.2, 0.58))
CUTS = {
    Hair.SHORT: Cut(SKULL, SHORT_EDGE, thick=0.055, lift=0.075),
    Hair.KNOT: Cut(SKULL, PINNED_EDGE, thick=0.036, lift=0.01),
    Hair.BOB: Cut(BOB, LONG_EDGE, thick=0.026, lift=0.03),
}


def hair_sheets(look: Look) -> list[Sheet]:
    """All hair of a figure."""
    sheets = [_cap(look, CUTS[look.hair_style])]
    if look.hair_style is Hair.KNOT:
        sheets.append(_knot(look))
    if look.hair_style is Hair.BOB:
        sheets.append(_lining(look))
    return sheets


def _cap(look: Look, cut: Cut) -> Sheet:
    """Hair from the crown to its edge, where the last rows tuck under the skin."""
    angle = np.linspace(0, 2 * np.pi, COLUMNS)
    line = smooth_rows(cut.edge, np.abs(angle - np.pi))[:, 0]
    if look.hair_style is Hair.BOB:  # parted on one side and swept over the forehead
        line += 0.10 * np.exp(-(((angle - np.pi - 0.50) / 0.42) ** 2)) * (line < -0.1)
    down = np.linspace(0, 1, ROWS)[:, None]
    y = -0.5 + (line[None] + 0.5) * (1 - np.cos(down * np.pi / 2))
    points = hull(cut.hull, y, np.broadcast_to(angle, y.shape))
    thick = cut.thick * (1 - 0.25 * ramp(down, 0.6, 0.95)) - 0.085 * ramp(down, 0.93, 1.0) ** 2
    if look.hair_style is Hair.SHORT:  # shorter at the sides
        thick = thick - 0.5 * cut.thick * ramp(y, -0.28, 0.0) * (1 - ramp(down, 0.9, 0.95))
    outward = points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-6)
    grown = points + outward * (thick + 0.008 * _strands() * ramp(down, 0.05, 0.4))[..., None]
    forelock = ramp(-points[..., 2], -0.15, 0.30) * ramp(-y, 0.12, 0.40) * ramp(1 - down, 0.03, 0.25)
    grown[..., 1:] -= cut.lift * forelock[..., None] * [1.0, 0.4]
    share = 1 - 0.35 * ramp(y, 0.3, 0.6)  # long hair lags behind the head
    return Sheet(to_rest(look, grown), Bone.HEAD, share, _paint_hair(look), plain_places(ROWS, COLUMNS), HAIR)


def _strands() -> np.ndarray:
    waves = (noise(ROWS, COLUMNS - 1, across=across, down=down, seed=down) for across, down in ((26, 4), (12, 3)))
    return np.pad(sum(waves), ((0, 0), (0, 1)), mode="wrap")  # the last column repeats the first


def _lining(look: Look) -> Sheet:
    """The inside of long hair, seen beside the neck: a wall that is open in front."""
    t = np.linspace(-1, 1, 25)
    y, angle = np.meshgrid(np.linspace(-0.1, 0.56, 16), (np.pi - 1.16) * t, indexing="ij")
    outside = hull(BOB, y, angle)
    rows = [outside * [scale, 1, scale] for scale in (0.97, 0.80)]
    points = np.concatenate([rows[0], rows[1][:, ::-1], rows[0][:, :1]], 1)
    share = 1 - 0.35 * ramp(points[..., 1], 0.3, 0.6)
    dark = np.full((8, 8, 3), mix(look.hair, (0, 0, 0), 0.35), np.uint8)
    return Sheet(to_rest(look, points), Bone.HEAD, share, dark, plain_places(*points.shape[:2]), HAIR)


def _knot(look: Look) -> Sheet:
    across = np.linspace(0.02, np.pi - 0.02, 16)
    around = np.linspace(0, 2 * np.pi, 25)
    radius = 0.165 * np.sin(across)[:, None]
    up = np.broadcast_to(-0.40 - 0.15 * np.cos(across)[:, None], (16, 25))
    points = np.stack([radius * np.sin(around), up, 0.30 + radius * np.cos(around)], -1)
    return Sheet(to_rest(look, points), Bone.HEAD, 1.0, _paint_hair(look), plain_places(16, 25), HAIR)


def _paint_hair(look: Look) -> np.ndarray:
    """Strands from the crown down, darker towards the roots and lighter in places."""
    height, width = 256, 512
    picture = np.full((height, width, 3), look.hair, np.uint8)
    strands = sum(noise(height, width, across=n, down=2, seed=n) * w for n, w in ((180, 0.10), (70, 0.10), (26, 0.08)))
    down = np.linspace(0, 1, height)[:, None]
    return lit(picture, 1 + np.asarray(strands) - 0.08 * np.cos(down * 6.0))
