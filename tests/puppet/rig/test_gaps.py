import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.gaps import without_gaps
from kling_ui.puppet.skeleton import Joint

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
    found = without_gaps(rgb, mask, joints, arms=(True, True), px_per_m=200.0)
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
    assert without_gaps(rgb, mask, joints, arms=arms, px_per_m=200.0) is mask


def test_a_person_in_the_walls_colour_is_left_alone():
    rgb, true, joints = person(WALL, WALL)
    mask = swallowed(true)
    assert without_gaps(rgb, mask, joints, arms=(True, True), px_per_m=200.0) is mask
