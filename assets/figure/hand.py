"""Hands as sheets: a palm, four fingers and a thumb; lengths are in hand lengths."""

import numpy as np

from figure.cloth import plain
from figure.look import Look, mix
from figure.mesh import Sheet, plain_places, ramp, rings, smooth_rows
from figure.raster import SKIN
from figure.skeleton import ARMS, SIDES

HAND_SHARE = 0.108  # length of the hand in statures
X, Y, Z = np.eye(3)
COLUMNS = 11
Tube = tuple[np.ndarray, np.ndarray, np.ndarray]  # centres, direction of the first radius, radii
# across the palm towards the thumb, first knuckle, length, how far it spreads, how far it curls
FINGERS = (
    (0.150, 0.45, 0.42, 0.16, 0.10),
    (0.050, 0.48, 0.47, 0.03, 0.12),
    (-0.050, 0.46, 0.43, -0.09, 0.15),
    (-0.140, 0.41, 0.34, -0.22, 0.19),
)


def hand_sheets(look: Look) -> list[Sheet]:
    """Both hands."""
    fingers = [*(_finger(*finger) for finger in FINGERS), _thumb()]
    parts = [(_palm(), plain(look.skin)), *((finger, _paint_finger(look)) for finger in fingers)]
    sheets = []
    for index, arm in enumerate(ARMS):
        hand, wrist = arm + 2, look.build.joints()[arm + 2]
        for (line, across, radii), texture in parts:
            own = rings(line, across, Z, radii, columns=COLUMNS, square=2.2)
            points = to_rest(own, index=index, stature_m=look.build.stature_m, wrist=wrist)
            share = ramp(line[:, :1], -0.25, 0.0)  # the palm's first rows still belong to the wrist
            sheets.append(Sheet(points, hand, share, texture, plain_places(len(line), COLUMNS), SKIN))
    return sheets


def to_rest(points: np.ndarray, *, index: int, stature_m: float, wrist: np.ndarray) -> np.ndarray:
    """(along, towards the thumb, towards the palm) in hand lengths to metres at rest."""
    return wrist + (points * HAND_SHARE * stature_m) @ np.array([SIDES[index] * X, -Z, Y])


def _palm() -> Tube:
    along = np.linspace(-0.16, 0.52, 13)
    radii = smooth_rows(
        [
            (-0.16, 0.105, 0.075),
            (0.0, 0.138, 0.098),
            (0.14, 0.185, 0.110),
            (0.40, 0.205, 0.085),
            (0.48, 0.19, 0.06),
            (0.52, 0.14, 0.02),
        ],
        along,
    )
    return np.stack([along, 0.01 * along, 0.05 * ramp(along, 0.1, 0.5)], -1), Y, radii


def _finger(offset: float, start: float, length: float, spread: float, curl: float) -> Tube:
    t = np.linspace(-0.12, 1, 12)
    bent = 0.035 + length * curl * np.clip(t, 0, 1) ** 1.6
    line = np.stack([start + length * (t - 0.25 * curl * t**2), offset + spread * length * t, bent], -1)
    joints = [(0.08, 0.054), (0.25, 0.048), (0.36, 0.050), (0.52, 0.044), (0.64, 0.045)]
    width = smooth_rows([(-0.12, 0.048), *joints, (0.88, 0.040), (0.98, 0.024), (1, 0.002)], t)
    return line, Y, np.repeat(width, 2, 1) * (1 if length > 0.4 else 0.9)


def _thumb() -> Tube:
    t = np.linspace(-0.12, 1, 12)
    line = np.stack([0.10 + 0.33 * t, 0.11 + 0.31 * t - 0.05 * t**2, 0.05 + 0.04 * t], -1)
    joints = [(0.1, 0.082), (0.4, 0.066), (0.6, 0.056)]
    width = smooth_rows([(-0.12, 0.06), *joints, (0.88, 0.051), (0.98, 0.030), (1, 0.002)], t)
    return line, np.array([-0.55, 0.83, 0.0]), np.repeat(width, 2, 1)


def _paint_finger(look: Look) -> np.ndarray:
    """Warmer tips and knuckles, and a nail on the back of the finger."""
    down = np.linspace(-0.12, 1, 64)[:, None, None]
    warm = 0.25 * ramp(down, 0.55, 1.0) + 0.12 * np.exp(-(((down - 0.45) / 0.05) ** 2))
    picture = np.array(look.skin) * (1 - warm) + np.array(mix(look.skin, (214, 110, 96), 0.5)) * warm
    picture = np.repeat(picture, 48, 1)
    rows, columns = np.mgrid[0:64, 0:48]
    nail = ((rows - 57) / 6.0) ** 2 + ((columns - 36) / 5.0) ** 2 < 1
    picture[nail] = mix(look.skin, (255, 224, 220), 0.55)
    return picture.astype(np.uint8)
