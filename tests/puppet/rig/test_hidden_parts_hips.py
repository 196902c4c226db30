import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.character import Window
from kling_ui.puppet.rig.hidden_parts import LOWEST_M, thigh_top
from kling_ui.puppet.skeleton import Joint, Part

PX_PER_M = 500.0
HIPS_Y, MIDDLE = 80, 150


def legs(gap_y: int) -> Window:
    """Two legs that touch down to a row; below it there is a gap between them."""
    labels = np.full((320, 300), -1, np.int8)
    labels[20:HIPS_Y, 70:230] = Part.TORSO
    labels[HIPS_Y:, 70:MIDDLE], labels[HIPS_Y:, MIDDLE:230] = Part.RIGHT_THIGH, Part.LEFT_THIGH
    gap = np.array([(MIDDLE, gap_y), (MIDDLE - 30, 320), (MIDDLE + 30, 320)])
    if gap_y < 320:
        labels[cv2.fillPoly(np.zeros(labels.shape, np.uint8), [gap], (1,)) > 0] = -1
    joints = np.zeros((len(Joint), 2))
    joints[[Joint.LEFT_HIP, Joint.RIGHT_HIP]] = (195, HIPS_Y), (105, HIPS_Y)
    joints[[Joint.LEFT_KNEE, Joint.RIGHT_KNEE]] = (195, 300), (105, 300)
    rgb = np.zeros((*labels.shape, 3), np.uint8)
    return Window((0, 0), labels, (labels >= 0).astype(np.float32), rgb, joints, PX_PER_M, 320)


@pytest.mark.parametrize("gap_y", [110, 130, 150])
@pytest.mark.parametrize("part", [Part.LEFT_THIGH, Part.RIGHT_THIGH])
def test_a_thigh_goes_on_to_the_crotch_and_no_further(gap_y: int, part: Part):
    window = legs(gap_y)
    top = thigh_top(window, part)
    other = Part.RIGHT_THIGH if part is Part.LEFT_THIGH else Part.LEFT_THIGH
    assert top[gap_y - 8, MIDDLE] == 1
    assert top[window.labels == other].any()
    assert not top[gap_y + 3 :][window.labels[gap_y + 3 :] == other].any()
    assert not top[window.labels < 0].any()


def test_legs_that_touch_further_down_have_a_crotch_all_the_same():
    top = thigh_top(legs(320), Part.LEFT_THIGH)
    assert top[HIPS_Y + 20, MIDDLE] == 1
    assert not top[round(HIPS_Y + LOWEST_M * PX_PER_M) :, :MIDDLE].any()


def test_outwards_it_stays_within_the_body():
    window = legs(130)
    window.labels[20:HIPS_Y, 215:] = -1  # a narrow waist
    top = thigh_top(window, Part.LEFT_THIGH)
    ys, xs = np.nonzero(top)
    outside = xs > 195
    assert np.hypot(xs - 195, ys - HIPS_Y)[outside & (ys < HIPS_Y)].max() <= 75
    assert not top[:, 230:].any()
