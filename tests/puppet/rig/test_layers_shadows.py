from dataclasses import replace

import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.character import Character
from kling_ui.puppet.rig.layers import backdrop, shadow_strength, shoe_shadows, under_shoes
from kling_ui.puppet.skeleton import ANKLES, SHINS, Joint

FEET = (*ANKLES, Joint.LEFT_TOE, Joint.RIGHT_TOE)
FLOOR = 200


def on_floor(character: Character, *, light: np.ndarray | None = None) -> Character:
    """The same person on a plain floor, with a shadow that reaches 0.28 m to the right of the left foot."""
    height, width = character.alpha.shape
    picture = np.full((height, width), float(FLOOR)) if light is None else light.copy()
    x, y = character.joints[Joint.LEFT_ANKLE]
    ys, xs = np.mgrid[:height, :width]
    reach = 0.14 * character.px_per_m
    away = np.hypot((xs - x - reach) / reach, (ys - y) / (0.3 * reach))
    picture *= 1 - 0.5 * np.clip(2 - 2 * away, 0, 1)
    person = character.alpha > 0.02
    rgb = np.where(person[..., None], character.rgb, picture[..., None]).astype(np.uint8)
    return replace(character, rgb=rgb, figure=rgb)


def test_the_whole_shadow_belongs_to_the_shoe(character: Character):
    person = on_floor(character)
    feet = under_shoes(person)
    darker = (person.rgb[..., 0] < 0.9 * FLOOR) & (person.alpha <= 0.02)
    low = character.joints[list(ANKLES), 1].min() - 0.1 * character.px_per_m
    darker[: round(low)] = False
    assert (feet[darker] >= 0).mean() > 0.97
    empty = backdrop(person)[darker]
    assert np.abs(empty.astype(int) - FLOOR).max() <= 12


def test_a_wall_that_is_dark_on_one_side_is_no_shadow(character: Character):
    height, width = character.alpha.shape
    x = character.joints[list(ANKLES), 0].mean()
    side = np.where(np.arange(width) < x, 120.0, 200.0) * np.ones((height, 1))
    dark, plain = (on_floor(character, light=light) for light in (side, None))
    assert (under_shoes(dark) >= 0).sum() < 1.25 * (under_shoes(plain) >= 0).sum()


def test_floor_and_shadow_together_are_the_picture(character: Character):
    person = on_floor(character)
    empty = backdrop(person)
    drawn = empty.astype(float)
    for layer in shoe_shadows(person, empty).values():
        x, y = layer.corner
        box = drawn[y : y + layer.rgba.shape[0], x : x + layer.rgba.shape[1]]
        box *= 1 - layer.rgba[: box.shape[0], : box.shape[1], 3:] / 255
    beside = cv2.erode((person.alpha <= 0.02).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    floor = beside & (under_shoes(person) >= 0)
    assert np.abs(drawn - person.rgb)[floor].mean() < 6


@pytest.mark.parametrize("part", SHINS)
def test_a_foot_that_is_not_seen_has_none(character: Character, part):
    visibility = character.visibility.copy()
    visibility[list(FEET)] = 0.2
    unseen = replace(character, visibility=visibility)
    assert (under_shoes(unseen) == -1).all()
    assert part not in shoe_shadows(unseen, character.rgb)


def test_a_shadow_that_the_picture_cuts_off_goes_on_below_it(character: Character):
    bottom = round(character.joints[list(FEET), 1].max() + 0.02 * character.px_per_m)
    cut = replace(
        character, rgb=character.rgb[:bottom], figure=character.figure[:bottom], alpha=character.alpha[:bottom]
    )
    layers = shoe_shadows(cut, np.full_like(cut.rgb, 255))
    assert max(layer.corner[1] + layer.rgba.shape[0] for layer in layers.values()) > bottom
    assert all(layer.rgba[-1, :, 3].max() < 60 for layer in layers.values())  # and fades there


@pytest.mark.parametrize(("lift_m", "strength"), [(-0.1, 1.0), (0.0, 1.0), (0.06, 0.5), (0.12, 0.0), (1.0, 0.0)])
def test_a_lifted_shoe_has_less_of_it(lift_m: float, strength: float):
    assert shadow_strength(lift_m) == pytest.approx(strength)
