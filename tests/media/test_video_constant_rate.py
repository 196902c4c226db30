from fractions import Fraction

import pytest

from kling_ui.media.probe import constant_fps

NTSC = Fraction(30_000, 1001)


@pytest.mark.parametrize(
    ("fps", "is_even", "rate"),
    [
        (24.0, True, 24),
        (29.97, True, NTSC),
        (23.976, True, Fraction(24_000, 1001)),
        (18.0, True, 18),
        (12.5, True, Fraction(25, 2)),
        (5.0, True, 12),
        (120.0, True, 60),
        (29.6, False, NTSC),
        (26.1, False, NTSC),
        (24.3, False, 24),
        (4.2, False, 12),
        (240.0, False, 60),
    ],
)
def test_the_rate_of_the_result(fps, is_even, rate):
    assert constant_fps(fps, is_even=is_even) == rate
