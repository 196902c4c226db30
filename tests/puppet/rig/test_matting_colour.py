import numpy as np
import pytest

from kling_ui.puppet.rig.matting import around_palm, colour_share, nearest_known, skin

RED, SKIN, WALL = (200, 40, 40), (220, 160, 130), (60, 70, 80)


@pytest.mark.parametrize(
    ("pixel", "colours", "share", "trusted"),
    [
        (RED, [RED], 1.0, True),
        (WALL, [RED], 0.0, True),
        ((130, 55, 60), [RED], 0.5, True),  # a mixed pixel at a border
        (WALL, [RED, WALL], None, False),  # the person has the background's colour there, too
        (SKIN, [RED, SKIN], 1.0, True),
        ((60, 250, 250), [RED], None, False),  # like neither
    ],
)
def test_colours_tell_what_they_can(pixel, colours, share, trusted):
    found, trust = colour_share(
        np.array([pixel], np.uint8), np.array([WALL], np.uint8), [np.array([c]) for c in colours]
    )
    assert (trust[0] > 0.5) == trusted
    if share is not None:
        assert found[0] == pytest.approx(share, abs=0.1)


def test_the_nearest_known_colour_is_taken():
    rgb = np.zeros((20, 60, 3), np.uint8)
    rgb[:, :20], rgb[:, 40:] = RED, SKIN
    known = np.zeros((20, 60), bool)
    known[:, :15], known[:, 45:] = True, True
    filled = nearest_known(rgb, known)
    assert (filled[10, 25] == RED).all()
    assert (filled[10, 35] == SKIN).all()


def test_a_palm_is_a_line_from_wrist_to_knuckles():
    away = around_palm((60, 60), np.array([[15.0, 30.0], [45.0, 30.0]]))
    assert away[30, 30] == 0
    assert away[40, 30] == pytest.approx(10, abs=0.5)


def test_a_palm_beside_the_picture_is_far_but_not_beyond_numbers():
    away = around_palm((60, 40), np.array([[-90.0, 30.0], [-70.0, 30.0]]))
    assert away.min() >= 60
    assert np.isfinite(away * 1e6).all()


def test_skin_is_read_off_the_palm_in_light_and_shade():
    rgb = np.full((60, 60, 3), 30, np.uint8)
    rgb[20:40, 10:50] = SKIN
    palm = np.array([[15.0, 30.0], [45.0, 30.0]])
    light, shade = skin(rgb, np.ones((60, 60), bool), palm, 400.0)
    assert light == pytest.approx(SKIN, rel=0.01)
    assert (shade < light).all()
    assert skin(rgb, np.zeros((60, 60), bool), palm, 400.0) == []
