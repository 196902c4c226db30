"""Arms, legs and shoes of a figure with what they wear, as sheets; lengths are in statures."""

import numpy as np

from figure.cloth import paint_shoe, paint_sleeve, paint_trousers, plain
from figure.look import Look, Top
from figure.mesh import Sheet, plain_places, ramp, rings, smooth_rows
from figure.raster import CLOTH, LEATHER, SILK, SKIN
from figure.skeleton import ARMS, SIDES, THIGHS

X, Y, Z = np.eye(3)
ARM, LEG = 0.313, 0.470  # from shoulder to wrist, from hip to ankle
ELBOW, KNEE = 0.167, 0.238


def limb_sheets(look: Look) -> list[Sheet]:
    """Both arms to the wrists, both legs to the shoes."""
    sheets = []
    for index, side in enumerate(SIDES):
        sheets += [_sleeve(look, index, side), _forearm(look, index, side)]
        sheets += [_trouser_leg(look, index, side), _ankle(look, index, side), _shoe(look, index, side)]
    return sheets


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
        radius += 0.0035 * np.exp(-(((along - end + 0.032) / 0.016) ** 2)) - 0.001 * ramp(
            along, end - 0.02, end - 0.014
        )
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
            (-0.02, 0.046, 0.048),
            (0.03, 0.0525, 0.053),
            (0.055, 0.0525, 0.052),
            (0.09, 0.0470, 0.049),
            (0.13, 0.0420, 0.045),
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
