import numpy as np
import pytest

from kling_ui.puppet.rig.inpainting import fill_in

SIZE = 120


def holed(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The picture with black in its middle, where that is not, and where it is."""
    known = np.ones((SIZE, SIZE), np.float32)
    known[30:100, 50:72] = 0
    return np.where(known[..., None] > 0, picture, 0).astype(np.uint8), known, known == 0


def stripes(across: bool) -> np.ndarray:
    wave = (np.arange(SIZE) // 6 % 2 * 160 + 40).astype(np.uint8)
    lines = wave[:, None] if across else wave[None]
    return np.repeat(np.broadcast_to(lines, (SIZE, SIZE))[..., None], 3, axis=2)


@pytest.mark.parametrize("across", [True, False])
def test_a_pattern_goes_on_behind_the_figure(across: bool):
    picture = stripes(across)
    spoilt, known, hole = holed(picture)
    apart = np.abs(fill_in(spoilt, known).astype(int) - picture)[hole].mean()
    assert apart < (20 if across else 75)  # a smooth continuation is off by 80 everywhere


def test_a_plain_wall_stays_plain():
    picture = np.full((SIZE, SIZE, 3), 180, np.uint8)
    spoilt, known, _ = holed(picture)
    assert np.abs(fill_in(spoilt, known).astype(int) - picture).max() <= 1


def test_what_is_known_stays_as_it_is_and_the_rest_is_repeatable():
    rng = np.random.default_rng(1)
    spoilt, known, hole = holed(rng.integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8))
    filled = fill_in(spoilt, known)
    assert (filled[~hole] == spoilt[~hole]).all()
    assert (filled == fill_in(spoilt, known)).all()


def test_a_picture_that_is_all_person_is_no_error():
    rgb = np.full((60, 40, 3), 90, np.uint8)
    assert fill_in(rgb, np.zeros((60, 40), np.float32)).shape == rgb.shape


def test_a_hole_at_the_picture_s_edge_goes_on_as_the_edge_does_beside_it():
    rows = np.clip((np.arange(SIZE) - 80) * 5, 0, 190)  # a floor that darkens towards the lower edge
    picture = np.repeat(np.repeat((220 - rows)[:, None], SIZE, axis=1)[..., None], 3, axis=2).astype(np.uint8)
    known = np.ones((SIZE, SIZE), np.float32)
    known[40:, 35:85] = 0
    spoilt = np.where(known[..., None] > 0, picture, 0).astype(np.uint8)
    apart = np.abs(fill_in(spoilt, known).astype(int) - picture)[100:, 35:85]
    assert apart.mean() < 12


def test_between_smooth_surroundings_nothing_is_pieced_together():
    slope = np.linspace(90, 230, SIZE)  # a wall in the shade on one side
    picture = np.repeat(np.repeat(slope[None], SIZE, axis=0)[..., None], 3, axis=2).round().astype(np.uint8)
    spoilt, known, hole = holed(picture)
    filled = fill_in(spoilt, known).astype(int)
    assert np.abs(filled - picture)[hole].max() <= 12
    assert np.abs(np.diff(filled[..., 0], axis=1))[30:100, 45:78].max() <= 6  # no seam


def test_every_size_has_a_filling():
    rgb = np.random.default_rng(2).integers(0, 255, (413, 251, 3)).astype(np.uint8)
    known = np.ones((413, 251), np.float32)
    known[100:, 90:140] = 0
    filled = fill_in(rgb, known)
    assert filled.shape == rgb.shape
    assert (filled[known > 0] == rgb[known > 0]).all()


def test_without_a_hole_it_is_the_picture():
    rgb = np.random.default_rng(3).integers(0, 255, (40, 30, 3)).astype(np.uint8)
    assert (fill_in(rgb, np.ones((40, 30), np.float32)) == rgb).all()
