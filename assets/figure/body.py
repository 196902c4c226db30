"""Trunk, limbs and shoes of a figure, with its clothes, as sheets; lengths are in statures."""

import numpy as np

from figure.cloth import paint_shoe, paint_sleeve, paint_top, paint_trousers, plain
from figure.look import Look, Top
from figure.mesh import Sheet, plain_places, ramp, rings, smooth_rows
from figure.raster import CLOTH, LEATHER, SILK, SKIN
from figure.skeleton import ARMS, SIDES, THIGHS, Bone

X, Y, Z = np.eye(3)
NECKLINE = 0.850
ARM, LEG = 0.313, 0.470  # from shoulder to wrist, from hip to ankle
ELBOW, KNEE = 0.167, 0.238


def body_sheets(look: Look) -> list[Sheet]:
    """Everything below the head but the hands."""
    sheets = [_seat(look), _top(look), _neck(look)]
    for index, side in enumerate(SIDES):
        sheets += [_sleeve(look, index, side), _forearm(look, index, side)]
        sheets += [_trouser_leg(look, index, side), _ankle(look, index, side), _shoe(look, index, side)]
    return sheets


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
    y = np.linspace(0.448, 0.60, 18)
    rows = smooth_rows(
        [
            (0.448, 0.004, 0.004, 0.008),
            (0.454, 0.016, 0.030, 0.008),
            (0.472, 0.052, 0.046, 0.010),
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


def _arm_radius(along: np.ndarray) -> np.ndarray:
    return smooth_rows(
        [
            (-0.055, 0.017),
            (-0.02, 0.0245),
            (0.025, 0.0262),
            (0.09, 0.0235),
            (0.155, 0.0198),
            (0.175, 0.0198),
            (0.205, 0.0205),
            (0.26, 0.0170),
            (0.295, 0.0140),
            (0.320, 0.0130),
        ],
        along,
    )[:, 0]


def _arm_hooks(index: int, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    arm = ARMS[index]
    bone = np.select([along > 0.27, along > 0.09], [arm + 2, arm + 1], arm)
    share = np.select(
        [along > 0.27, along > 0.09],
        [ramp(along, 0.285, ARM + 0.004), ramp(along, ELBOW - 0.030, ELBOW + 0.030)],
        ramp(along, -0.065, 0.05),
    )
    return bone[:, None], share[:, None]


def _sleeve(look: Look, index: int, side: float) -> Sheet:
    build = look.build
    end = look.sleeve_share * ARM
    long = look.sleeve_share > 0.8
    along = np.concatenate([np.linspace(-0.055, end, 34), [end + 0.001, end - 0.004]])
    radius = _arm_radius(along) * build.bulk + (0.0045 if long else 0.006)
    if long:  # cloth gathers above the cuff, the cuff is narrow
        radius += 0.0035 * np.exp(-(((along - end + 0.032) / 0.016) ** 2)) - 0.001 * ramp(along, end - 0.02, end - 0.014)
        radius += 0.0025 * np.exp(-(((along - 0.20) / 0.05) ** 2))
    radius[-2:] -= [0.002, 0.008]
    centres = build.joints()[ARMS[index]] + np.outer(along * side, X) * build.stature_m
    points = rings(centres, -Z, Y, np.outer(radius, [1, 1]) * build.stature_m, columns=19)
    bone, share = _arm_hooks(index, along)
    material = SILK if look.top_style is Top.JACKET else CLOTH
    return Sheet(points, bone, share, paint_sleeve(look), plain_places(len(along), 19), material)


def _forearm(look: Look, index: int, side: float) -> Sheet:
    build = look.build
    along = np.linspace(look.sleeve_share * ARM - 0.02, ARM + 0.004, 8 if look.sleeve_share > 0.8 else 26)
    flat = ramp(along, 0.24, ARM)[:, None] * [0.0025, -0.0015]
    radii = (_arm_radius(along)[:, None] * build.bulk + flat) * build.stature_m
    centres = build.joints()[ARMS[index]] + np.outer(along * side, X) * build.stature_m
    bone, share = _arm_hooks(index, along)
    points = rings(centres, -Z, Y, radii, columns=19)
    return Sheet(points, bone, share, plain(look.skin), plain_places(len(along), 19), SKIN)


def _leg_radii(down: np.ndarray) -> np.ndarray:
    return smooth_rows(
        [
            (-0.05, 0.020, 0.026),
            (-0.02, 0.044, 0.048),
            (0.03, 0.0505, 0.053),
            (0.07, 0.0485, 0.051),
            (0.12, 0.0425, 0.046),
            (0.22, 0.0325, 0.035),
            (0.25, 0.0310, 0.034),
            (0.31, 0.0300, 0.034),
            (0.40, 0.0215, 0.024),
            (0.45, 0.0190, 0.022),
            (0.475, 0.0190, 0.023),
        ],
        down,
    )


def _leg_hooks(index: int, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    thigh = THIGHS[index]
    bone = np.select([down > 0.42, down > 0.13], [thigh + 2, thigh + 1], thigh)
    share = np.select(
        [down > 0.42, down > 0.13],
        [ramp(down, 0.45, 0.485), ramp(down, KNEE - 0.048, KNEE + 0.048)],
        ramp(down, -0.08, 0.05),
    )
    return bone[:, None], share[:, None]


def _leg_line(look: Look, index: int, down: np.ndarray) -> np.ndarray:
    calf = 0.008 * np.exp(-(((down - 0.32) / 0.07) ** 2))
    height = look.build.stature_m
    return look.build.joints()[THIGHS[index]] + (np.outer(down, Y) + np.outer(calf, Z)) * height


def _trouser_leg(look: Look, index: int, side: float) -> Sheet:
    build = look.build
    end = look.trouser_share * LEG
    down = np.concatenate([np.linspace(-0.05, end, 38), [end + 0.001, end - 0.004]])
    radii = _leg_radii(down) * build.bulk + 0.003 + look.loose * ramp(down, 0.05, 0.40)[:, None]
    radii += look.loose * 0.4 * np.exp(-(((down - end + 0.012) / 0.012) ** 2))[:, None]
    radii[-2:] -= [[0.002], [0.008]]
    points = rings(_leg_line(look, index, down), -side * X, -Z, radii * build.stature_m, columns=23)
    bone, share = _leg_hooks(index, down)
    return Sheet(points, bone, share, paint_trousers(look), plain_places(len(down), 23), CLOTH)


def _ankle(look: Look, index: int, side: float) -> Sheet:
    down = np.linspace(look.trouser_share * LEG - 0.02, 0.48, 10 if look.trouser_share > 0.8 else 28)
    points = rings(_leg_line(look, index, down), -side * X, -Z, _leg_radii(down) * look.build.stature_m, columns=19)
    bone, share = _leg_hooks(index, down)
    return Sheet(points, bone, share, plain(look.skin), plain_places(len(down), 19), SKIN)


def _shoe(look: Look, index: int, side: float) -> Sheet:
    """A trainer: rings from heel to toe, flat below."""
    height = look.build.stature_m
    foot = THIGHS[index] + 2
    ahead = -0.040 + 0.152 * (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 24)))
    rows = smooth_rows(
        [  # ahead, half width, sole and ridge above the floor
            (-0.040, 0.001, 0.018, 0.020),
            (-0.037, 0.012, 0.004, 0.036),
            (-0.026, 0.0205, 0.0, 0.056),
            (0.0, 0.0230, 0.0, 0.060),
            (0.022, 0.0225, 0.0, 0.054),
            (0.050, 0.0245, 0.0, 0.039),
            (0.080, 0.0265, 0.0, 0.030),
            (0.098, 0.0230, 0.001, 0.026),
            (0.107, 0.0155, 0.004, 0.021),
            (0.111, 0.0070, 0.008, 0.016),
            (0.112, 0.0001, 0.0117, 0.0119),
        ],
        ahead,
    )
    wide, sole, ridge = rows.T
    inward = -side * 0.004 * ramp(ahead, 0.03, 0.09)
    centres = np.stack([inward, 0.045 - (sole + ridge) / 2, -ahead], -1) * height + look.build.joints()[foot]
    points = rings(centres, -Y, X, np.stack([(ridge - sole) / 2, wide], -1) * height, columns=23, square=2.6)
    return Sheet(points, foot, 1.0, paint_shoe(look), plain_places(24, 23), LEATHER)
