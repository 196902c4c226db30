"""Bars painted over a drawn person, whose joints are known."""

import numpy as np
import pytest

from kling_ui.media.image import read_picture
from kling_ui.vision.frame_analysis import covered_parts, hidden_joints
from kling_ui.vision.pose import Landmark

BROWN, GREY = (96, 84, 78), (120, 120, 124)
LEFT_ARM = [Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST]
FEET = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]


@pytest.fixture(scope="module")
def rgb(drawn_person) -> np.ndarray:
    return read_picture(drawn_person.path).rgb


@pytest.fixture(scope="module")
def landmarks(drawn_person) -> np.ndarray:
    x, y, z = drawn_person.joints_px[0].T
    return np.stack([x / drawn_person.width_px, y / drawn_person.height_px, z, np.ones(33)], axis=1)


def barred(rgb: np.ndarray, box: tuple[float, float, float, float], colour: tuple[int, ...] = BROWN) -> np.ndarray:
    height, width = rgb.shape[:2]
    left, top, right, bottom = box
    painted = rgb.copy()
    painted[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = colour
    return painted


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ((0.0, 0.45, 1.0, 0.55), "trunk"),
        ((0.3, 0.4, 0.7, 0.55), "trunk"),
        ((0.46, 0.0, 0.54, 1.0), "head"),
        ((0.0, 0.62, 1.0, 1.0), "left thigh"),
        ((0.0, 0.7, 1.0, 0.8), "left lower leg"),
    ],
    ids=["a beam", "a box little wider than the body", "a post", "a table", "a caption's bar"],
)
def test_what_stands_before_a_body(rgb, landmarks, box, part):
    assert part in covered_parts(barred(rgb, box), landmarks)


@pytest.mark.parametrize(
    ("box", "colour"),
    [
        ((0.0, 0.0, 0.0, 0.0), BROWN),
        ((0.0, 0.0, 0.12, 1.0), BROWN),
        ((0.45, 0.45, 0.55, 0.5), GREY),
        ((0.0, 0.0, 1.0, 0.1), BROWN),
    ],
    ids=["nothing", "a post beside it", "a patch on its clothes", "a bar above it"],
)
def test_what_hides_nothing(rgb, landmarks, box, colour):
    assert covered_parts(barred(rgb, box, colour), landmarks) == ()


def test_dark_clothes_before_the_bars_of_a_letterbox(rgb, landmarks):
    low = barred(barred(rgb, (0, 0, 1, 0.12), (12, 12, 14)), (0.3, 0.55, 0.7, 1.0), (12, 12, 14))
    boxed = barred(low, (0, 0.86, 1, 1), (12, 12, 14))
    assert covered_parts(boxed, landmarks) != ()
    assert covered_parts(boxed, landmarks, within=(0, 0.12, 1, 0.86)) == ()


def test_nobody_there_hides_nothing(rgb):
    assert covered_parts(rgb, np.zeros((33, 4))) == ()


def pose(*, hidden: list[int], turn_deg: float = 0.0, cut: bool = False) -> tuple[np.ndarray, np.ndarray]:
    places = np.tile(np.array([0.5, 0.5, 0, 1.0]), (33, 1))
    places[hidden, 3] = 0.1
    if cut:
        places[hidden, 0] = 0.99
    world, turn = np.zeros((33, 3)), np.radians(turn_deg)
    world[Landmark.LEFT_SHOULDER] = (np.cos(turn), 0, np.sin(turn))
    return places, world


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"hidden": []}, ()),
        ({"hidden": [Landmark.LEFT_WRIST]}, ()),
        ({"hidden": LEFT_ARM}, ("left elbow", "left wrist")),
        ({"hidden": LEFT_ARM, "cut": True}, ()),
        ({"hidden": LEFT_ARM, "turn_deg": 90}, ()),
        ({"hidden": LEFT_ARM, "turn_deg": -90}, ("left elbow", "left wrist")),
        ({"hidden": LEFT_ARM, "turn_deg": 180}, ()),
        ({"hidden": [*FEET, Landmark.LEFT_KNEE]}, ()),
        ({"hidden": [Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE]}, ("left knee", "left ankle")),
    ],
    ids=[
        "none",
        "one alone",
        "an arm",
        "an arm at the picture's edge",
        "the arm behind the body",
        "the arm before the body",
        "seen from behind",
        "behind a desk",
        "a leg beside one in view",
    ],
)
def test_joints_that_are_hidden(given, named):
    assert hidden_joints(*pose(**given)) == named
