import numpy as np
import pytest

from kling_ui.puppet.watermark import Watermark


@pytest.mark.parametrize("size", [(720, 1280), (1280, 720), (202, 360)])
def test_the_mark_is_small_in_the_lower_right_corner_and_legible(size: tuple[int, int]):
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    Watermark(size).stamp(frame)
    rows, columns = np.nonzero((frame != 90).any(axis=2))
    assert 0 < len(rows) < 0.05 * size[0] * size[1]
    assert rows.min() > 0.9 * size[1]
    assert columns.max() >= size[0] - 12 - size[0] * 0.03
    assert frame.max() > 180
    assert frame.min() < 70


def test_a_tiny_frame_is_no_error():
    frame = np.zeros((16, 20, 3), np.uint8)
    Watermark((20, 16)).stamp(frame)
    assert frame.max() > 0
