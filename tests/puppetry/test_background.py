import numpy as np
import pytest

from kling_ui.puppetry.background import backdrop, fill_in
from kling_ui.puppetry.character import Character

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


def test_what_is_known_stays_as_it_is_and_the_rest_is_repeatable(character: Character):
    rng = np.random.default_rng(1)
    spoilt, known, hole = holed(rng.integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8))
    filled = fill_in(spoilt, known)
    assert (filled[~hole] == spoilt[~hole]).all()
    assert (filled == fill_in(spoilt, known)).all()


def test_the_person_is_gone(character: Character):
    empty = backdrop(character)
    inside = character.alpha[: character.size[1]] > 0.99
    gone = np.abs(empty.astype(int) - character.rgb).sum(axis=2)[inside]
    assert (gone > 40).mean() > 0.8


def test_a_picture_that_is_all_person_is_no_error():
    rgb = np.full((60, 40, 3), 90, np.uint8)
    assert fill_in(rgb, np.zeros((60, 40), np.float32)).shape == rgb.shape
