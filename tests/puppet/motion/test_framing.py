from dataclasses import replace

import numpy as np
import pytest

from kling_ui.puppet.motion.framing import FramingLimits, crown_y, head_half_px
from kling_ui.puppet.rig.character import Character, FaceMarks
from kling_ui.puppet.skeleton import ANKLES, HIPS, Joint

CROWN, HALF = 60, 26


@pytest.fixture
def figure() -> Character:
    """A head of 2 x 26 px from row 60 on, hips at row 260, feet at row 440 of 480."""
    alpha = np.zeros((480, 400), np.float32)
    alpha[CROWN:140, 200 - HALF : 200 + HALF] = 1
    joints = np.full((18, 2), 200.0)
    joints[Joint.HEAD], joints[list(HIPS), 1], joints[list(ANKLES), 1] = (200, 100), 260, 440
    blank = np.zeros((480, 400, 3), np.uint8)
    face = FaceMarks((200.0, 110.0), 30.0, np.zeros(3))
    return Character(blank, blank, alpha, joints, np.zeros((18, 3)), np.ones(18), 200.0, face)


def test_the_head_is_measured_by_its_outline(figure: Character):
    assert crown_y(figure) == CROWN
    assert head_half_px(figure) == pytest.approx(HALF, abs=1)


def test_without_an_outline_a_head_is_as_high_as_an_adult_s(figure: Character):
    assert crown_y(replace(figure, alpha=np.zeros_like(figure.alpha))) == pytest.approx(100 - 0.13 * 200)


def test_a_head_at_the_very_edge_is_no_error(figure: Character):
    joints = figure.joints.copy()
    joints[Joint.HEAD] = (399.6, -3.0)
    assert crown_y(replace(figure, joints=joints)) == 0
    assert FramingLimits.of(replace(figure, joints=joints), whole=False).right >= 1


@pytest.mark.parametrize("whole", [True, False])
def test_neither_rise_nor_lean_nor_growth_cuts_the_head_off(figure: Character, *, whole: bool):
    staging = FramingLimits.of(figure, whole=whole)
    far = np.array([[-900.0, -900.0], [900.0, -900.0], [0.0, -900.0]])
    lean = np.array([[-60.0, -10.0], [60.0, 0.0], [0.0, -5.0]])
    head = figure.joints[Joint.HEAD] + staging.place(far, lean) + lean
    assert (head[:, 0] >= HALF).all()
    assert (head[:, 0] <= 400 - HALF).all()
    assert (head[:, 1] - 100 + CROWN >= 0).all()
    floor = 440 if whole else 260
    largest = staging.size(np.array([3.0]))[0]
    assert 1 < largest <= floor / (floor - CROWN)


def test_small_ways_and_sizes_are_left_as_they_are(figure: Character):
    staging = FramingLimits.of(figure, whole=True)
    way, still = np.array([[8.0, -3.0], [-20.0, 12.0]]), np.zeros((2, 2))
    assert staging.place(way, still) == pytest.approx(way)
    assert staging.size(np.array([0.95, 1.02])) == pytest.approx([0.95, 1.02])
