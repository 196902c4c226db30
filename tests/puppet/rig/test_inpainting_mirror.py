import numpy as np

from kling_ui.puppet.rig.inpainting import mirrored, without_marks

SIZE = 80
DARK, PALE = (30, 30, 40), (230, 220, 210)


def cloth() -> np.ndarray:
    rgb = np.full((SIZE, SIZE, 3), PALE, np.uint8)
    rgb[40:] = DARK
    return rgb


def test_colours_are_continued_and_never_mixed():
    rgb = cloth()
    known = np.ones((SIZE, SIZE), bool)
    known[28:52] = False  # where both meet
    filled = mirrored(np.where(known[..., None], rgb, 128).astype(np.uint8), known, ~known)
    assert {tuple(colour) for colour in filled.reshape(-1, 3).tolist()} == {DARK, PALE}
    assert (filled[30] == PALE).all()
    assert (filled[50] == DARK).all()


def test_a_pattern_goes_on_across_the_border():
    rgb = np.zeros((SIZE, SIZE, 3), np.uint8)
    rgb[np.arange(SIZE) // 4 % 2 == 0] = 255
    known = np.zeros((SIZE, SIZE), bool)
    known[:, :40] = True
    wanted = np.zeros_like(known)
    wanted[:, 40:64] = True
    filled = mirrored(rgb * known[..., None].astype(np.uint8), known, wanted)
    assert (filled[6:-6, :64] == rgb[6:-6, :64]).mean() > 0.99


def test_what_is_known_stays_and_what_is_not_wanted_too():
    rgb = np.random.default_rng(1).integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8)
    known = np.zeros((SIZE, SIZE), bool)
    known[20:60, 20:60] = True
    wanted = np.zeros_like(known)
    wanted[20:60, 50:70] = True
    filled = mirrored(rgb, known, wanted)
    assert (filled[known | ~wanted] == rgb[known | ~wanted]).all()
    assert (filled[20:60, 60:70] != rgb[20:60, 60:70]).any()
    assert (filled == mirrored(rgb, known, wanted)).all()


def test_where_nothing_is_known_nothing_changes():
    rgb = cloth()
    assert (mirrored(rgb, np.zeros((SIZE, SIZE), bool), np.ones((SIZE, SIZE), bool)) == rgb).all()


def test_buttons_vanish_and_stripes_stay():
    buttons = np.full((SIZE, SIZE, 3), 60, np.uint8)
    buttons[38:42, 38:42] = 240
    assert without_marks(buttons, 400.0).max() < 80
    stripes = np.full((SIZE, SIZE, 3), 60, np.uint8)
    stripes[np.arange(SIZE) // 4 % 2 == 0] = 240
    assert (without_marks(stripes, 400.0)[20:-20] == stripes[20:-20]).all()
