"""Skull, ears, collar and hair of a figure as sheets; lengths are in head heights, y from -0.5 (crown) to 0.5 (chin)."""

from dataclasses import dataclass

import numpy as np

from figure.cloth import lit, noise, plain
from figure.face import TILE_HEIGHT, TILE_WIDTH, paint_face
from figure.look import Hair, Look, Top, mix
from figure.mesh import Sheet, plain_places, ramp, rings, smooth_rows
from figure.raster import CLOTH, HAIR, SILK, SKIN
from figure.skeleton import Bone, Frames

HEAD_SHARE = 0.144  # height of the head in statures
CENTRE_SHARE = 0.932  # height of the eyes in statures
ROWS, COLUMNS, CAP_ROWS = 52, 61, 34
Profile = tuple[tuple[float, ...], ...]
FACE_POINTS = (  # landmarks 0 to 10: nose; left eye from inner to outer; right eye; ears; mouth
    (0.0, 0.165, -0.455),
    *((side * x, 0.0, z) for side in (1, -1) for x, z in ((0.085, -0.33), (0.138, -0.33), (0.19, -0.29))),
    *((side * 0.335, 0.06, 0.06) for side in (1, -1)),
    *((side * 0.085, 0.285, -0.33) for side in (1, -1)),
)


def head_sheets(look: Look) -> list[Sheet]:
    """Head with face, ears and hair, and what stands up round the neck."""
    return [_skull(look), *(_ear(look, side) for side in (1, -1)), *_hair(look), *_collar(look)]


def to_rest(look: Look, points: np.ndarray) -> np.ndarray:
    """Head units to metres at rest."""
    height = look.build.stature_m
    return points * (HEAD_SHARE * height) + np.array([0, -CENTRE_SHARE * height, 0.004 * height])


def head_landmarks(look: Look, frames: Frames) -> np.ndarray:
    """True places of the landmarks 0 to 10 in the figure's frame, ``(11, 3)``."""
    return frames.carry(Bone.HEAD, to_rest(look, np.array(FACE_POINTS)), look.build.joints())


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


def _hull(table: Profile, y: np.ndarray, angle: np.ndarray, *, jaw: float = 1.0) -> np.ndarray:
    """A surface by its profile at places ``y`` and ``angle`` (0 behind, pi in front) of one shape, ``(..., 3)``."""
    rows = smooth_rows([*table], y.ravel()).reshape(*y.shape, 3)
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
    points = _hull(SKULL, down, across, jaw=1.04 - 0.11 * look.soft)
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
    texture = (np.array(look.skin) * (1 - inner) + np.array(mix(look.skin, (150, 60, 44), 0.35)) * inner).astype(np.uint8)
    texture = texture.repeat(8, 1)
    return Sheet(to_rest(look, points), Bone.HEAD, 1.0, texture, plain_places(12, 19), SKIN)


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


FACE_EDGE = ((0.0, -0.315), (0.5, -0.300), (0.85, -0.225), (1.08, -0.08))
CUTS = {
    Hair.SHORT: Cut(SKULL, (*FACE_EDGE, (1.26, 0.02), (1.60, -0.01), (1.95, 0.16), (2.5, 0.30), (3.2, 0.30)), 0.055, 0.075),
    Hair.KNOT: Cut(SKULL, (*FACE_EDGE, (1.26, 0.0), (1.60, -0.03), (1.95, 0.14), (2.5, 0.27), (3.2, 0.27)), 0.036, 0.01),
    Hair.BOB: Cut(BOB, (*FACE_EDGE[:3], (1.0, -0.12), (1.10, 0.25), (1.18, 0.53), (1.30, 0.57), (3.2, 0.58)), 0.026, 0.03),
}


def _hair(look: Look) -> list[Sheet]:
    cut = CUTS[look.hair_style]
    extra = {Hair.SHORT: [], Hair.KNOT: [_knot(look)], Hair.BOB: [_lining(look)]}[look.hair_style]
    return [_cap(look, cut), *extra]


def _cap(look: Look, cut: Cut) -> Sheet:
    """Hair from the crown to its edge, where the last rows tuck under the skin."""
    columns = COLUMNS + 20
    angle = np.linspace(0, 2 * np.pi, columns)
    line = smooth_rows([*cut.edge], np.abs(angle - np.pi))[:, 0]
    if look.hair_style is Hair.BOB:  # parted on one side and swept over the forehead
        line += 0.10 * np.exp(-(((angle - np.pi - 0.50) / 0.42) ** 2)) * (line < -0.1)
    down = np.linspace(0, 1, CAP_ROWS)[:, None]
    y = -0.5 + (line[None] + 0.5) * (1 - np.cos(down * np.pi / 2))
    points = _hull(cut.hull, y, np.broadcast_to(angle, y.shape))
    strands = noise(CAP_ROWS, columns - 1, across=26, down=4, seed=5) + noise(CAP_ROWS, columns - 1, across=12, down=3, seed=6)
    strands = np.concatenate([strands, strands[:, :1]], 1) * ramp(down, 0.05, 0.4)
    thick = cut.thick * (1 - 0.25 * ramp(down, 0.6, 0.95)) - 0.085 * ramp(down, 0.93, 1.0) ** 2
    if look.hair_style is Hair.SHORT:
        thick = thick - 0.5 * cut.thick * ramp(points[..., 1], -0.28, 0.0) * (1 - ramp(down, 0.9, 0.95))
    outward = points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-6)
    grown = points + outward * (thick + 0.008 * strands)[..., None]
    front = cut.lift * ramp(-points[..., 2], -0.15, 0.30) * ramp(-points[..., 1], 0.12, 0.40) * ramp(1 - down, 0.03, 0.25)
    grown[..., 1] -= front
    grown[..., 2] -= 0.4 * front
    share = 1 - 0.35 * ramp(y, 0.3, 0.6)
    return Sheet(to_rest(look, grown), Bone.HEAD, share, _paint_hair(look), plain_places(CAP_ROWS, columns), HAIR)


def _lining(look: Look) -> Sheet:
    """The inside of long hair, seen beside the neck: a wall that is open in front."""
    t = np.linspace(-1, 1, 25)
    y, angle = np.meshgrid(np.linspace(-0.1, 0.56, 16), (np.pi - 1.16) * t, indexing="ij")
    outside = _hull(BOB, y, angle)
    rows = [outside * [scale, 1, scale] for scale in (0.97, 0.80)]
    points = np.concatenate([rows[0], rows[1][:, ::-1], rows[0][:, :1]], 1)
    share = 1 - 0.35 * ramp(points[..., 1], 0.3, 0.6)
    dark = np.full((8, 8, 3), mix(look.hair, (0, 0, 0), 0.35), np.uint8)
    return Sheet(to_rest(look, points), Bone.HEAD, share, dark, plain_places(*points.shape[:2]), HAIR)


def _knot(look: Look) -> Sheet:
    across = np.linspace(0.02, np.pi - 0.02, 16)
    around = np.linspace(0, 2 * np.pi, 25)
    radius = 0.165 * np.sin(across)[:, None]
    points = np.stack([radius * np.sin(around), -0.40 - 0.15 * np.cos(across)[:, None] + 0 * radius * around, 0.30 + radius * np.cos(around)], -1)
    return Sheet(to_rest(look, points), Bone.HEAD, 1.0, _paint_hair(look), plain_places(16, 25), HAIR)


def _paint_hair(look: Look) -> np.ndarray:
    """Strands from the crown down, darker towards the roots and lighter in places."""
    height, width = 256, 512
    picture = np.full((height, width, 3), look.hair, np.uint8)
    strands = sum(noise(height, width, across=n, down=2, seed=n) * w for n, w in ((180, 0.10), (70, 0.10), (26, 0.08)))
    down = np.linspace(0, 1, height)[:, None]
    return lit(picture, 1 + np.asarray(strands) - 0.08 * np.cos(down * 6.0))


def _collar(look: Look) -> list[Sheet]:
    """What lies round the neck, as a tube that is low in front: a rib, an open collar or a hood on the back."""
    height = look.build.stature_m
    gap, thick, tall, rise = {
        Top.TEE: (0.0, 0.0045, 0.0070, 0.0),
        Top.JACKET: (0.48, 0.0042, 0.0165, 0.012),
        Top.HOODIE: (0.0, 0.0075, 0.0105, 0.004),
    }[look.top_style]
    angle = np.linspace(-np.pi + gap, np.pi - gap, 49)
    behind = 0.5 + 0.5 * np.cos(angle)
    closing = np.sqrt(np.clip(1 - np.abs(angle / (np.pi - gap)) ** 24, 0.0004, 1)) if gap else 1 + 0 * angle
    if look.top_style is Top.HOODIE:
        thick, tall = thick + 0.020 * behind**1.5, tall + 0.016 * behind
    out = 0.002 + thick * 0.7
    line = np.stack(
        [(0.038 + out) * np.sin(angle), -0.844 - rise - 0.014 * np.cos(angle), 0.013 + (0.034 + out) * np.cos(angle)], -1
    )
    outward = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    radii = np.stack([thick * closing, tall * closing], -1)
    points = rings(line * height, outward, np.array([0, -1.0, 0]), radii * height, columns=17)
    colour = mix(look.top, (0, 0, 0), 0.07)
    material = SILK if look.top_style is Top.JACKET else CLOTH
    return [Sheet(points, Bone.HEAD, 0.12, plain(colour), plain_places(*points.shape[:2]), material)]
