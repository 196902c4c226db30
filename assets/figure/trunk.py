"""Trunk and neck of a figure with what they wear, as sheets; lengths are in statures."""

import numpy as np

from figure.cloth import paint_top, plain
from figure.look import Look, Top, mix
from figure.mesh import Sheet, plain_places, ramp, rings, smooth_rows
from figure.raster import CLOTH, SILK, SKIN
from figure.skeleton import ARMS, SIDES, THIGHS, Bone

X, Y, Z = np.eye(3)
NECKLINE = 0.850


def trunk_sheets(look: Look) -> list[Sheet]:
    """From the crotch to the neck."""
    return [_seat(look), _top(look), _neck(look), _collar(look)]


def _trunk_hooks(points: np.ndarray, stature_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Bones and shares of trunk points: the waist bends, shoulders follow the arms and the hem the thighs a little."""
    x, height = points[..., 0] / stature_m, -points[..., 1] / stature_m
    aside = np.abs(x)
    lifted = 0.15 * ramp(aside, 0.04, 0.10) * ramp(height, 0.72, 0.80)
    swung = 0.40 * ramp(aside, 0.0, 0.06) * ramp(-height, -0.565, -0.48)
    bone = np.full(x.shape, int(Bone.CHEST))
    bone = np.where(lifted > 0, np.where(x > 0, ARMS[0], ARMS[1]), bone)
    bone = np.where(swung > 0, np.where(x > 0, THIGHS[0], THIGHS[1]), bone)
    return bone, np.where(lifted > 0, lifted, np.where(swung > 0, swung, ramp(height, 0.57, 0.70)))


def _seat(look: Look) -> Sheet:
    build = look.build
    y = np.linspace(0.462, 0.60, 18)
    rows = smooth_rows(
        [
            (0.462, 0.004, 0.004, 0.008),
            (0.466, 0.020, 0.030, 0.008),
            (0.480, 0.060, 0.046, 0.010),
            (0.500, 0.095, 0.058, 0.010),
            (0.53, 0.097, 0.064, 0.008),
            (0.57, 0.088, 0.058, 0.004),
            (0.60, 0.080, 0.052, 0.0),
        ],
        y,
    )
    centres = np.stack([0 * y, -y, rows[:, 2]], -1) * build.stature_m
    radii = rows[:, 1::-1] * build.stature_m * build.bulk * [1, build.hips]
    points = rings(centres, Z, X, radii, columns=31, square=2.3)
    bone, share = _trunk_hooks(points, build.stature_m)
    return Sheet(points, bone, share, plain(look.trousers), plain_places(18, 31), CLOTH)


def _top(look: Look) -> Sheet:
    """Shirt, hoodie or jacket from the neck down to the hem, which closes inward."""
    build = look.build
    ease = {Top.TEE: 0.005, Top.JACKET: 0.004, Top.HOODIE: 0.007}[look.top_style]
    hem = 0.500 if look.top_style is Top.TEE else 0.482
    y = np.concatenate([[hem + 0.004, hem], np.linspace(hem + 0.004, NECKLINE, 42)])
    hips, waist, chest = build.hips, build.waist, build.chest
    rows = smooth_rows(
        [
            (0.475, 0.109 * hips, 0.072 * hips, 0.006),
            (0.53, 0.107 * hips, 0.071 * hips, 0.005),
            (0.60, 0.091 * waist, 0.061 * waist, 0.000),
            (0.68, 0.095 * chest, 0.065 * chest, -0.002),
            (0.74, 0.101 * chest, 0.068 * chest, 0.000),
            (0.775, 0.105 * chest, 0.061, 0.003),
            (0.802, 0.107 * chest, 0.051, 0.006),
            (0.820, 0.103 * chest, 0.042, 0.009),
            (0.830, 0.091, 0.038, 0.011),
            (0.838, 0.069, 0.036, 0.012),
            (0.844, 0.050, 0.036, 0.013),
            (0.850, 0.041, 0.036, 0.013),
        ],
        y,
    )
    thick = rows[:, 1::-1] * build.bulk + ease * ramp(-y, -0.84, -0.76)[:, None]
    thick += 0.006 * np.exp(-(((y - hem) / 0.014) ** 2))[:, None] * (look.top_style is not Top.TEE)
    thick[0] -= 0.03
    centres = np.stack([0 * y, -y, rows[:, 2]], -1) * build.stature_m
    points = rings(centres, Z, X, thick * build.stature_m, columns=41, square=2.35)
    for side in SIDES:
        bust = np.hypot(points[..., 0] / build.stature_m - side * 0.043, y[:, None] - 0.742)
        points[..., 2] -= build.bust * build.stature_m * np.exp(-((bust / 0.036) ** 2)) * (points[..., 2] < 0)
    points[..., 1] -= 0.45 * ramp(y, 0.80, 0.845)[:, None] * (points[..., 2] - 0.012 * build.stature_m)  # neckline
    bone, share = _trunk_hooks(points, build.stature_m)
    places = plain_places(len(y), 41)
    places[..., 1] = ((NECKLINE - y) / (NECKLINE - hem))[:, None]
    material = SILK if look.top_style is Top.JACKET else CLOTH
    return Sheet(points, bone, share, paint_top(look), places, material)


def _neck(look: Look) -> Sheet:
    build = look.build
    y = np.linspace(0.828, 0.905, 12)
    rows = smooth_rows([(0.828, 0.046, 0.026), (0.842, 0.040, 0.031), (0.86, 0.033, 0.032), (0.905, 0.030, 0.034)], y)
    centres = np.stack([0 * y, -y, 0.012 - 0.10 * (y - 0.85)], -1) * build.stature_m
    points = rings(centres, Z, X, rows[:, ::-1] * build.stature_m * build.neck, columns=25)
    share = ramp(y, 0.835, 0.885)[:, None]
    return Sheet(points, Bone.HEAD, share, plain(look.skin), plain_places(12, 25), SKIN)


def _collar(look: Look) -> Sheet:
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
        [(0.038 + out) * np.sin(angle), -0.844 - rise - 0.014 * np.cos(angle), 0.013 + (0.034 + out) * np.cos(angle)],
        -1,
    )
    outward = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    radii = np.stack([thick * closing, tall * closing], -1)
    points = rings(line * height, outward, np.array([0, -1.0, 0]), radii * height, columns=17)
    colour = mix(look.top, (0, 0, 0), 0.07)
    material = SILK if look.top_style is Top.JACKET else CLOTH
    return Sheet(points, Bone.HEAD, 0.12, plain(colour), plain_places(*points.shape[:2]), material)
