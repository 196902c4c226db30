import numpy as np

from kling_ui.media.rectangles import Margins
from kling_ui.media.transform_image import add_margins


def test_the_picture_itself_is_untouched():
    rgb = np.random.default_rng(5).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    grown = add_margins(rgb, Margins(10, 0, 20, 30))
    assert grown.shape == (90, 120, 3)
    assert np.array_equal(grown[:60, 10:100], rgb)


def test_a_plain_background_goes_on_without_a_seam():
    grown = add_margins(np.full((40, 100, 3), (200, 210, 190), np.uint8), Margins(0, 30, 0, 30))
    assert np.abs(grown.astype(int) - (200, 210, 190)).max() <= 1


def test_there_is_no_jump_at_the_edge():
    ramp = np.linspace(0, 255, 200).astype(np.uint8)
    grown = add_margins(np.repeat(ramp[None, :, None], 50, axis=0).repeat(3, axis=2), Margins(0, 80, 0, 80))
    assert np.abs(grown[79].astype(int) - grown[80]).max() <= 12
    assert grown[0].std() < grown[80].std()  # far away only the tone is left
