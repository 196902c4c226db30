import numpy as np
import pytest

from kling_ui.puppet.rig.distances import distances, march
from kling_ui.puppet.skeleton import Joint, Part

PARTS = [Part.TORSO, Part.HEAD]


def trunk(x: float, y: float) -> np.ndarray:
    """Joints of a trunk 40 px wide and 60 px high whose left shoulder is at a point."""
    joints = np.full((18, 2), (x, y), float)
    joints[[Joint.RIGHT_SHOULDER, Joint.RIGHT_HIP], 0] -= 40
    joints[[Joint.LEFT_HIP, Joint.RIGHT_HIP], 1] += 60
    joints[Joint.NECK] += (-20, 0)
    joints[Joint.HEAD] += (-20, -25)
    return joints


def test_a_torso_is_an_area_and_a_head_a_line():
    away = distances(np.ones((120, 100), bool), trunk(70, 40), PARTS, 100.0)
    assert away[Part.TORSO][60, 50] == 0
    assert away[Part.TORSO][60, 90] == pytest.approx(13 / 7, abs=0.7)
    assert away[Part.HEAD][20, 50] < 0.5 < away[Part.HEAD][20, 90]


def test_what_is_out_of_sight_is_far_but_not_beyond_numbers():
    away = distances(np.ones((120, 100), bool), trunk(-500, 40), PARTS, 100.0)
    assert away[Part.TORSO].min() > 5
    assert np.isfinite(away[Part.TORSO] ** 4).all()


@pytest.mark.parametrize(("step", "way"), [((1, 0), 10), ((-1, 0), 5), ((0, 1), 25)])
def test_a_march_ends_with_the_mask_or_the_picture_or_the_limit(step: tuple[int, int], way: float):
    mask = np.zeros((60, 30), bool)
    mask[:, 6:20] = True
    assert march(mask, np.array([10, 20]), np.array(step), 25.0) == way
