import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.round_spots import close_round, open_round


@pytest.mark.parametrize("side", [1, 3, 5, 9, 14 + 1, 41, 63])
@pytest.mark.parametrize("shape", [(40, 57), (40, 57, 3), (1, 9), (70, 2)])
def test_openings_and_closings_are_those_of_opencv(side: int, shape: tuple[int, ...]):
    rng = np.random.default_rng(side)
    values = cv2.GaussianBlur(rng.integers(0, 256, shape, dtype=np.uint8), (0, 0), 1.5)
    spot = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    assert np.array_equal(open_round(values, side), cv2.morphologyEx(values, cv2.MORPH_OPEN, spot))
    assert np.array_equal(close_round(values, side), cv2.morphologyEx(values, cv2.MORPH_CLOSE, spot))
