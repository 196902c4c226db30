import numpy as np
import pytest

from kling_ui.puppetry.painting import paste


def test_paste_lays_premultiplied_colours_over():
    target = np.full((4, 6, 3), 100, np.uint8)
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[1, 2] = (200, 0, 0, 255)
    rgba[1, 3] = (100, 0, 0, 128)
    x, y = np.meshgrid(np.arange(6, dtype=np.float32), np.arange(4, dtype=np.float32))
    paste(target, rgba, x, y)
    assert target[1, 2].tolist() == [200, 0, 0]
    assert target[1, 3] == pytest.approx([150, 50, 50], abs=1)
    assert target[0, 0].tolist() == [100, 100, 100]
