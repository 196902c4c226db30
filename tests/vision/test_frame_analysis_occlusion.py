"""Bars painted over a drawn person, whose joints are known."""

from dataclasses import replace

import numpy as np
import pytest
from figure import Actor, Look, Scene, draw, gesture, true_joints
from figure.cast import MAYA

from benchmarks.labelled.stills import in_white, lit
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


WHITE = in_white(MAYA)
PALE_LOOKS = {
    "white": WHITE,
    "cream": replace(MAYA, top=(240, 232, 214), accent=(236, 228, 212), trousers=(232, 224, 208)),
}


def clothed(look: Look, backdrop: str, light: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a figure in these clothes, and its landmarks."""
    scene, size = Scene((Actor(look, gesture(0.3)),), backdrop=backdrop), {"width_px": 288, "height_px": 512}
    x, y, z = true_joints(scene, **size)[0].T
    places = np.stack([x / size["width_px"], y / size["height_px"], z, np.ones(33)], axis=1)
    return lit(light)(draw(scene, **size, supersample=1).rgb), places


@pytest.mark.parametrize("light", [1.0, 1.08, 1.15, 1.25])
@pytest.mark.parametrize("backdrop", ["hall", "plain", "room"])
@pytest.mark.parametrize("clothes", PALE_LOOKS)
def test_pale_clothes_before_a_pale_wall_hide_nothing(clothes, backdrop, light):
    rgb, places = clothed(PALE_LOOKS[clothes], backdrop, light)
    assert covered_parts(rgb, places) == ()


def test_a_body_of_whom_the_detector_is_not_sure_gets_no_benefit_of_its_clothes():
    rgb, places = clothed(WHITE, "hall", 1.15)
    assert covered_parts(rgb, places, confidence=0.85) == ()
    assert covered_parts(rgb, places, confidence=0.5) != ()


@pytest.mark.parametrize("box", [(0.0, 0.62, 1.0, 0.74), (0.44, 0.0, 0.56, 1.0)], ids=["a beam", "a post"])
@pytest.mark.parametrize(
    ("look", "colour"),
    [(MAYA, BROWN), (MAYA, (230, 225, 90)), (MAYA, (250, 250, 250)), (WHITE, BROWN), (WHITE, (230, 225, 90))],
    ids=["brown", "yellow", "white", "brown over white clothes", "yellow over white clothes"],
)
def test_what_stands_before_somebody_before_a_pale_wall_is_found(look, colour, box):
    rgb, places = clothed(look, "plain", 1.0)
    assert covered_parts(barred(rgb, box, colour), places) != ()


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
