import numpy as np
import pytest

from kling_ui.vision.frame_sampling import content_box


def picture(top: int = 0, bottom: int = 0, left: int = 0, right: int = 0, colour: int = 0) -> np.ndarray:
    """200 x 200 px of noise between plain bars."""
    rgb = np.random.default_rng(1).integers(40, 220, (200, 200, 3), np.uint8)
    rgb[:top], rgb[200 - bottom :], rgb[:, :left], rgb[:, 200 - right :] = colour, colour, colour, colour
    return rgb


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ({}, (0, 0, 1, 1)),
        ({"top": 20, "bottom": 30}, (0, 0.1, 1, 0.85)),
        ({"left": 50, "right": 50}, (0.25, 0, 0.75, 1)),
        ({"top": 20, "bottom": 20, "left": 20, "right": 20, "colour": 255}, (0.1, 0.1, 0.9, 0.9)),
        ({"top": 200}, (0, 0, 1, 1)),
    ],
    ids=["none", "above and below", "beside", "a white frame", "one colour all over"],
)
def test_what_lies_between_bars(bars, expected):
    assert content_box(picture(**bars)) == pytest.approx(expected, abs=0.01)


def test_large_pictures_are_measured_in_small():
    assert content_box(np.kron(picture(top=20), np.ones((5, 5, 1), np.uint8))) == pytest.approx(
        (0, 0.1, 1, 1), abs=0.02
    )
