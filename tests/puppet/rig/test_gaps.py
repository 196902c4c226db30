import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.gaps import without_gaps
from kling_ui.puppet.skeleton import ANKLES, HIPS, KNEES, SHOULDERS, TOES, Joint

GREEN, WALL = (58, 140, 84), (150, 190, 200)
PLACES = {
    Joint.NECK: (200, 100),
    Joint.HEAD: (200, 66),
    Joint.LEFT_SHOULDER: (236, 104),
    Joint.RIGHT_SHOULDER: (164, 104),
    Joint.LEFT_ELBOW: (276, 160),
    Joint.LEFT_WRIST: (306, 206),
    Joint.LEFT_HAND: (314, 222),
    Joint.RIGHT_ELBOW: (124, 160),
    Joint.RIGHT_WRIST: (94, 206),
    Joint.RIGHT_HAND: (86, 222),
    Joint.LEFT_HIP: (224, 210),
    Joint.RIGHT_HIP: (176, 210),
    Joint.LEFT_KNEE: (224, 300),
    Joint.RIGHT_KNEE: (176, 300),
}
SLEEVE = np.array([(236, 104), (306, 200), (300, 250), (270, 200)])
GAP = np.array([(244, 132), (268, 206), (282, 226), (244, 216)])


def person(sleeve: tuple[int, int, int], between: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """A trunk and a wide sleeve before a wall at 200 px a metre, and what is seen between both; the true outline."""
    rng = np.random.default_rng(8)
    rgb, true = np.full((480, 400, 3), WALL, np.uint8), np.zeros((480, 400), np.uint8)
    cv2.fillConvexPoly(rgb, GAP, between)
    for canvas, colour in ((rgb, sleeve), (true, (1,))):
        cv2.rectangle(canvas, (158, 50), (242, 460), colour, -1)
        cv2.line(canvas, PLACES[Joint.RIGHT_SHOULDER], PLACES[Joint.RIGHT_HAND], colour, 14)
        cv2.fillPoly(canvas, [SLEEVE], colour)
    joints = np.full((18, 2), 450.0)
    joints[list(PLACES)] = list(PLACES.values())
    return (rgb + rng.integers(-3, 4, rgb.shape)).clip(0, 255).astype(np.uint8), true > 0, joints


def swallowed(true: np.ndarray) -> np.ndarray:
    filled = true.astype(np.uint8)
    cv2.fillConvexPoly(filled, GAP, (1,))
    return cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1.0)


def test_the_wall_between_a_wide_sleeve_and_the_trunk_is_no_person():
    rgb, true, joints = person(GREEN, WALL)
    mask = swallowed(true)
    found = without_gaps(rgb, mask, joints, arms=(True, True), legs=False, px_per_m=200.0)
    wrong = (mask > 0.9) & ~true
    assert wrong.sum() > 1000
    assert (found[wrong] < 0.1).mean() > 0.9
    assert (np.abs(found - mask)[cv2.erode(true.astype(np.uint8), np.ones((5, 5))) > 0] < 0.01).all()


@pytest.mark.parametrize(
    ("sleeve", "between", "arms"),
    [(GREEN, GREEN, (True, True)), (GREEN, (200, 40, 50), (True, True)), (GREEN, WALL, (False, False))],
    ids=["the sleeve's own cloth", "a lining that the wall does not show", "arms that are not seen"],
)
def test_what_may_be_cloth_stays(sleeve, between, arms):
    rgb, true, joints = person(sleeve, between)
    mask = swallowed(true)
    assert without_gaps(rgb, mask, joints, arms=arms, legs=False, px_per_m=200.0) is mask


def test_a_person_in_the_walls_colour_is_left_alone():
    rgb, true, joints = person(WALL, WALL)
    mask = swallowed(true)
    assert without_gaps(rgb, mask, joints, arms=(True, True), legs=False, px_per_m=200.0) is mask


def between_legs(lining: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """A coat that is open between two legs, at 200 px a metre; where it is open; joints."""
    rgb = np.full((480, 400, 3), (150, 190, 200), np.uint8)
    rgb[50:400, 150:250] = (92, 80, 66)
    rgb[260:400, 182:218] = lining
    for x in (161, 225):
        rgb[240:450, x : x + 14] = (40, 44, 70)
    mask = np.zeros((480, 400), np.float32)
    mask[50:400, 150:250] = mask[240:450, 161:175] = mask[240:450, 225:239] = 1
    joints = np.full((18, 2), 200.0)
    for row, pair in (
        (70, (Joint.NECK, Joint.HEAD)),
        (100, SHOULDERS),
        (220, HIPS),
        (320, KNEES),
        (430, ANKLES),
        (440, TOES),
    ):
        joints[list(pair)] = (232, row), (168, row)
    rng = np.random.default_rng(8)
    return (rgb + rng.integers(-3, 4, rgb.shape)).clip(0, 255).astype(np.uint8), mask, joints


@pytest.mark.parametrize(("lining", "is_open"), [((150, 190, 200), True), ((180, 40, 60), False)])
def test_the_wall_in_an_open_coat_is_no_person_and_its_lining_is(lining, is_open):
    rgb, mask, joints = between_legs(lining)
    found = without_gaps(rgb, mask, joints, arms=(False, False), legs=True, px_per_m=200.0)
    assert (found[270:390, 188:212].max() < 0.1) == is_open
    found[250:410, 180:220] = mask[250:410, 180:220]
    assert np.abs(found - mask).max() < 0.01
    assert without_gaps(rgb, mask, joints, arms=(False, False), legs=False, px_per_m=200.0) is mask
