import numpy as np

from kling_ui.vision.people import mask_out


def test_what_is_erased_takes_the_colours_around_it():
    rgb = np.zeros((120, 160, 3), np.uint8)
    rgb[:, :80], rgb[:, 80:] = (200, 60, 60), (60, 60, 200)
    mask = np.zeros((120, 160), bool)
    mask[40:80, 20:50] = mask[40:80, 110:140] = True
    rgb[mask] = (0, 255, 0)
    before, filled = rgb.copy(), mask_out(rgb, mask)
    assert (rgb == before).all()
    assert np.abs(filled[mask][:, 1].astype(int) - 60).max() < 20  # no green is left
    assert filled[60, 35, 0] > 150
    assert filled[60, 125, 2] > 150
    assert (filled[:20] == rgb[:20]).all()


def test_all_of_a_picture_can_be_erased():
    assert mask_out(np.full((40, 40, 3), 90, np.uint8), np.ones((40, 40), bool)).shape == (40, 40, 3)
