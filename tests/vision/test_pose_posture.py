import numpy as np
import pytest
from figure import Actor, Scene, true_joints
from figure.cast import MAYA

from kling_ui.vision.pose import tilt_deg, trunk_length, turn_deg

WIDTH, HEIGHT = 600, 800


def joints(**placed: float) -> np.ndarray:
    return true_joints(Scene((Actor(MAYA, **placed),)), width_px=WIDTH, height_px=HEIGHT)[0]


def landmarks(**placed: float) -> np.ndarray:
    x, y, z = joints(**placed).T
    return np.stack([x / WIDTH, y / HEIGHT, z / WIDTH, np.ones(33)], axis=1)


@pytest.mark.parametrize("turned_deg", [0, 20, 45, 90, 135, 180])
def test_tilt_in_the_picture(turned_deg):
    assert tilt_deg(landmarks(tilt_deg=turned_deg), WIDTH / HEIGHT) == pytest.approx(turned_deg, abs=6)
    assert tilt_deg(landmarks(tilt_deg=-turned_deg), WIDTH / HEIGHT) == pytest.approx(turned_deg, abs=6)


def test_a_portrait_without_hips_is_judged_by_its_head():
    close = landmarks()
    close[:, 1] = (close[:, 1] - 0.1) * 2.6  # the hips are below the picture now
    assert close[23, 1] > 1
    assert tilt_deg(close, WIDTH / HEIGHT) < 15
    close[:, 1] = 1 - close[:, 1]
    assert tilt_deg(close, WIDTH / HEIGHT) > 165


@pytest.mark.parametrize("turned_deg", [0, 30, 60, 90, 120, 180])
def test_turn_away_from_the_camera(turned_deg):
    for sign in (1, -1):
        assert abs(turn_deg(joints(turn_deg=sign * turned_deg))) == pytest.approx(turned_deg, abs=12)


def test_left_and_right_turns_differ():
    assert turn_deg(joints(turn_deg=60)) * turn_deg(joints(turn_deg=-60)) < 0


@pytest.mark.parametrize("turned_deg", [0, 45, 90])
def test_the_ruler_stays_the_same_when_a_body_turns(turned_deg):
    ruler = trunk_length(landmarks(turn_deg=turned_deg), WIDTH / HEIGHT)
    assert ruler == pytest.approx(trunk_length(landmarks(), WIDTH / HEIGHT), rel=0.12)


def test_nobody_gives_nothing():
    nobody = np.full((2, 33, 4), np.nan)
    assert np.isnan(tilt_deg(nobody, 1.0)).all()
    assert np.isnan(turn_deg(nobody[..., :3])).all()
