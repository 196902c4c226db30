"""Colours of one video are brought to those of another: mean and spread in Lab, within limits."""

import numpy as np
import pytest

from kling_ui.media.colour_match import GAIN_MAX, PLAIN, from_lab, lab_colours, match_colours, to_lab


@pytest.fixture
def picture() -> np.ndarray:
    rows, columns = np.mgrid[0:120, 0:160]
    return np.stack([60 + rows, 80 + columns // 2, 90 + (rows + columns) // 4], axis=-1).astype(np.uint8)


def test_lab_and_back_is_the_same(picture):
    assert np.abs(from_lab(to_lab(picture)).astype(int) - picture).max() <= 1
    assert to_lab(np.full((1, 1, 3), 255, np.uint8))[0, 0] == pytest.approx([100, 0, 0], abs=0.1)


def test_a_tint_is_taken_back(picture):
    lab = to_lab(picture) * (0.9, 1.1, 1.0) + (4.0, -3.0, 5.0)
    tinted = from_lab(lab.astype(np.float32))
    match = match_colours(lab_colours([tinted]), lab_colours([picture]))
    back = match.applied_to(tinted)
    assert lab_colours([tinted]).mean != pytest.approx(lab_colours([picture]).mean, abs=2)
    assert lab_colours([back]).mean == pytest.approx(lab_colours([picture]).mean, abs=0.3)
    assert np.abs(back.astype(int) - picture).mean() < 1.5


def test_what_nobody_sees_is_left_alone(picture):
    assert match_colours(lab_colours([picture]), lab_colours([picture])) is PLAIN
    assert PLAIN.applied_to(picture) is picture


def test_another_scene_is_not_matched(picture):
    dark = (picture // 4).astype(np.uint8)
    assert match_colours(lab_colours([dark]), lab_colours([picture])) is PLAIN


def test_contrast_is_stretched_within_limits(picture):
    flat = from_lab(((to_lab(picture) - to_lab(picture).mean((0, 1))) / 3 + to_lab(picture).mean((0, 1))).astype("f4"))
    assert max(match_colours(lab_colours([flat]), lab_colours([picture])).gain) == pytest.approx(GAIN_MAX)
