"""The dark spots under the shoes: they belong to the feet, not to the floor, and go where the feet go."""

import cv2
import numpy as np

from kling_ui.puppetry.character import VISIBLE, Character
from kling_ui.puppetry.fill import push_pull
from kling_ui.puppetry.layers import Layer
from kling_ui.puppetry.skeleton import BONES, SHINS, Joint, Part

REACH_M = 0.1  # how far around ankle and toes
RIM_M = 0.04  # over which it fades there
GONE_M = 0.12  # how high a shoe is lifted until it has no shadow


def under_shoes(character: Character) -> np.ndarray:
    """``(height, width)`` int8: the shin whose shoe stands there, -1 elsewhere; only shoes that are seen."""
    width, height = character.size
    feet = np.full((height, width), -1, np.int8)
    nearest = np.full((height, width), REACH_M * character.px_per_m, np.float32)
    for part in SHINS:
        for joint in _foot(part):
            if character.visibility[joint] >= VISIBLE:
                away = _away(character.joints[joint], (height, width))
                feet[away < nearest] = part
                nearest = np.minimum(nearest, away)
    return feet


def shoe_shadows(character: Character, empty: np.ndarray) -> dict[Part, Layer]:
    """What darkens the floor around each shoe.

    Args:
        character: The person.
        empty: ``(height, width, 3)`` uint8: the picture without the person and these shadows.
    """
    feet = under_shoes(character)
    person = character.alpha[: character.size[1]]
    light, shown = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (empty, character.rgb))
    dark = np.clip(255 - 255 * shown / np.maximum(light, 1), 0, 255).astype(np.uint8)
    around = (person <= 0.02).astype(np.float32)  # under the shoe it goes on as it is beside it
    dark = push_pull(np.repeat(dark[..., None], 3, axis=2), around)[..., 0]
    inside = cv2.distanceTransform((feet >= 0).astype(np.uint8), cv2.DIST_L2, 5)
    soft = np.clip(inside / (RIM_M * character.px_per_m), 0, 1)
    return {part: _layer((dark * soft * (feet == part)).astype(np.uint8)) for part in SHINS if (feet == part).any()}


def shadow_strength(lift_m: float) -> float:
    """How much of its shadow a shoe keeps, 0-1, that is lifted so far above the other one."""
    return min(max(1 - lift_m / GONE_M, 0.0), 1.0)


def _foot(part: Part) -> tuple[Joint, ...]:
    bone = BONES[part]
    return tuple(joint for joint in (bone.end, bone.tip) if joint is not None)


def _away(point: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    ys, xs = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(xs - point[0], ys - point[1]).astype(np.float32)


def _layer(dark: np.ndarray) -> Layer:
    x, y, width, height = cv2.boundingRect((dark > 0).astype(np.uint8))
    if not width:
        return Layer(np.zeros((1, 1, 4), np.uint8), (0, 0))
    box = dark[y : y + height, x : x + width]
    return Layer(np.dstack([np.zeros((*box.shape, 3), np.uint8), box]), (x, y))
