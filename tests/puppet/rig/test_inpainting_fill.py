import numpy as np

from kling_ui.puppet.rig.inpainting import mix, push_pull, surround


def test_known_pixels_stay_and_holes_take_their_colour():
    rgb = np.full((40, 60, 3), (200, 30, 90), np.uint8)
    rgb[10:30, 20:40] = 0
    known = np.ones((40, 60), np.float32)
    known[10:30, 20:40] = 0
    filled = push_pull(rgb, known)
    assert (filled[known > 0] == rgb[known > 0]).all()
    assert np.abs(filled.astype(int) - (200, 30, 90)).max() <= 2


def test_a_hole_between_two_colours_takes_the_nearer_one():
    rgb = np.zeros((30, 90, 3), np.uint8)
    rgb[:, 60:] = 240
    known = np.zeros((30, 90), np.float32)
    known[:, :30] = known[:, 60:] = 1
    filled = push_pull(rgb, known)[15, :, 0].astype(int)
    assert filled[33] < 60
    assert filled[57] > 180


def test_nothing_known_gives_black_and_no_error():
    assert push_pull(np.full((8, 8, 3), 9, np.uint8), np.zeros((8, 8))).max() == 0


def test_known_pixels_keep_their_texture_and_their_surroundings_take_the_colour():
    rgb = np.random.default_rng(1).integers(90, 110, (41, 60, 3)).astype(np.uint8)
    rgb[:, 30:] = 255
    known = np.zeros((41, 60), bool)
    known[:, :30] = True
    filled = surround(rgb, known)
    assert (filled[known] == rgb[known]).all()
    assert np.abs(filled[:, 30:40].astype(int) - 100).max() <= 10


def test_mix_goes_from_one_to_the_other():
    black, white = np.zeros((1, 3, 3), np.uint8), np.full((1, 3, 3), 255, np.uint8)
    assert mix(black, white, np.array([[0.0, 0.5, 1.0]]))[0, :, 0].tolist() in ([0, 127, 255], [0, 128, 255])
