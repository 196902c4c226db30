import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.matting import matte

PX_PER_M = 400.0
WALL, CLOTH, SKIN = (205, 205, 210), (180, 30, 35), (215, 160, 130)


def scene(person: np.ndarray, colour: tuple[int, int, int], wall: tuple[int, int, int] = WALL) -> np.ndarray:
    return np.where(person[..., None], np.array(colour, np.uint8), np.array(wall, np.uint8))


def coarse(person: np.ndarray, blur_px: float = 5.0) -> np.ndarray:
    """What a detector with large cells makes of it."""
    return cv2.GaussianBlur(person.astype(np.float32), (0, 0), blur_px)


def block(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """``(200, 300)`` bool: rectangles given by left, top, right, bottom."""
    person = np.zeros((200, 300), bool)
    for left, top, right, bottom in boxes:
        person[top:bottom, left:right] = True
    return person


def test_a_stripe_of_the_walls_colour_stays_with_the_sleeve():
    person = block((100, 20, 200, 180))
    picture = scene(person, CLOTH)
    picture[94:100, 100:200] = (225, 225, 230)
    alpha = matte(picture, coarse(person), PX_PER_M)
    assert alpha[97, 102:192].min() > 0.8
    assert alpha[60, 108:192].min() > 0.8
    assert alpha[97, :92].max() < 0.2


def test_the_wall_between_fingers_is_no_hand():
    fingers = [(150, 60 + 14 * place, 195, 67 + 14 * place) for place in range(3)]
    picture = scene(block((100, 60, 150, 95), *fingers), SKIN)
    mask = coarse(block((100, 60, 195, 95)), 2.0)
    palm = np.array([[105.0, 78.0], [140.0, 78.0]])
    alpha = matte(picture, mask, PX_PER_M, (palm,))
    assert alpha[[70, 84], 160:180].max() < 0.3
    assert alpha[[63, 77, 91], 160:180].min() > 0.7
    assert matte(picture, mask, PX_PER_M)[[70, 84], 160:180].min() > 0.6, "without a palm the mask is believed"


def test_a_blade_that_is_held_is_as_solid_in_the_fist_as_beyond_it():
    person, blade = block((60, 60, 150, 95)), block((128, 10, 142, 190))
    picture = scene(person, SKIN)
    picture[blade] = (90, 100, 130)
    mask = np.maximum(coarse(person, 2.0), (blade & ~block((110, 50, 160, 105))).astype(np.float32))
    palm = np.array([[105.0, 78.0], [130.0, 78.0]])
    things = blade & ~block((110, 45, 160, 110))
    alpha = matte(picture, mask, PX_PER_M, (palm,), things=things)
    assert alpha[20:180, 132:138].min() > 0.95
    assert alpha[40:116, 160:175].max() < 0.1
    assert matte(picture, mask, PX_PER_M, (palm,))[20:180, 132:138].min() < 0.85, "its colour is what tells"


@pytest.mark.parametrize(("mask", "expected"), [(0.3, 0.0), (0.7, 1.0)])
def test_where_colours_do_not_tell_the_border_is_a_line_and_not_a_haze(mask: float, expected: float):
    person = block((100, 20, 200, 180))
    soft = coarse(person, 2.0)
    soft[60:140, 200:240] = mask
    alpha = matte(scene(person, (30, 30, 34), (28, 30, 33)), soft, PX_PER_M)
    assert alpha[100, 220] == pytest.approx(expected, abs=0.05)


def test_a_bright_ear_before_a_dark_wall_is_seen_though_the_hair_beside_it_is_dark():
    person = block((100, 20, 200, 180), (200, 90, 222, 104))
    picture = scene(person, (30, 30, 34), (20, 24, 26))
    picture[30:170, 115:185] = (190, 170, 165)
    picture[90:104, 200:222] = (150, 130, 130)
    mask = coarse(block((100, 20, 200, 180)))
    mask[90:104, 200:222] = np.maximum(mask[90:104, 200:222], 0.2)
    assert matte(picture, mask, PX_PER_M)[97, 206:217].min() > 0.5


def test_without_any_border_the_mask_is_all():
    everywhere = np.full((40, 40), 0.95, np.float32)
    assert (matte(np.full((40, 40, 3), 90, np.uint8), everywhere, PX_PER_M) == everywhere).all()
