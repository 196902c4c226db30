"""What the gallery measures without eyes, on figures of which the truth is plain."""

import numpy as np

from benchmarks.gallery import _holes, _pieces


def figure() -> np.ndarray:
    drawn = np.zeros((400, 200), bool)
    drawn[40:360, 60:140] = True
    return drawn


def test_a_torn_off_piece_counts_and_a_speck_does_not():
    drawn = figure()
    drawn[100:110, 160:170] = True
    drawn[200, 160] = True
    assert _pieces(drawn, 16) == 2


def test_a_tear_is_a_hole_and_the_space_between_two_limbs_is_none():
    drawn = figure()
    assert _holes(drawn, 200.0) == 0
    drawn[100:106, 90:96] = False
    drawn[200:300, 80:120] = False
    assert _holes(drawn, 200.0) == 36
