from dataclasses import replace

import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.character import Character
from kling_ui.puppet.rig.layers import backdrop, known_background
from kling_ui.puppet.skeleton import Joint

KNEES = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE)


def test_the_person_is_gone(character: Character):
    empty = backdrop(character)
    inside = character.alpha[: character.size[1]] > 0.99
    gone = np.abs(empty.astype(int) - character.rgb).sum(axis=2)[inside]
    assert (gone > 40).mean() > 0.8


def around(character: Character, px: int) -> np.ndarray:
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    return cv2.dilate((character.alpha > 0.1).astype(np.uint8), reach) > 0


def before_a_wall(character: Character, *, glow_px: int | None = None) -> Character:
    """The same person before a plain wall, maybe with a thin bright line around it."""
    rgb = np.where((character.alpha > 0.1)[..., None], character.rgb, (120, 160, 190)).astype(np.uint8)
    if glow_px is not None:
        rgb[around(character, glow_px + 1) & ~around(character, glow_px)] += 40
    return replace(character, rgb=rgb, figure=rgb)


def test_a_glow_around_the_person_goes_with_it(character: Character):
    person = before_a_wall(character, glow_px=5)
    empty = backdrop(person).astype(int)
    above = slice(0, round(character.joints[:, 1].max() - 0.2 * character.px_per_m))
    assert (np.abs(empty[above] - (120, 160, 190)).max(axis=2) > 10).mean() < 0.001


def test_far_from_the_person_a_line_stays(character: Character):
    person = before_a_wall(character, glow_px=16)
    line = around(character, 17) & ~around(character, 16)
    line[round(character.joints[list(KNEES), 1].min()) :] = False
    assert known_background(person)[line].all()


def test_a_line_of_the_background_stays_beside_the_person(character: Character):
    rgb = before_a_wall(character).rgb.copy()
    row = round(character.joints[:, 1].mean())
    beyond = ~around(character, 0)[row]
    rgb[row : row + 2, beyond] = 60
    kept = known_background(replace(character, rgb=rgb, figure=rgb))[row]
    assert kept[~around(character, 6)[row]].mean() > 0.95


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_the_unknown_is_hardly_more_than_the_person(character: Character, scale: float):
    height, width = (int(side * scale) for side in character.alpha.shape)
    small = replace(
        character,
        rgb=cv2.resize(character.rgb, (width, height), interpolation=cv2.INTER_AREA),
        alpha=cv2.resize(character.alpha, (width, height), interpolation=cv2.INTER_AREA),
        joints=character.joints * scale,
        px_per_m=character.px_per_m * scale,
    )
    unknown = (known_background(small) == 0).mean()
    assert 1.1 < unknown / (small.alpha > 0.1).mean() < 2.2
