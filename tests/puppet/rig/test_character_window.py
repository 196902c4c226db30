import numpy as np
import pytest

from kling_ui.puppet.rig.character import among, soften, without_spurs
from kling_ui.puppet.skeleton import Part


@pytest.mark.parametrize("parts", [(), (Part.TORSO,), (Part.HEAD, Part.RIGHT_SHIN), tuple(Part)])
def test_among_finds_the_parts_and_never_what_is_no_part(parts):
    labels = np.array([[-1, *Part]], np.int8)
    assert (among(labels, parts) == np.isin(labels, parts)).all()


def test_spurs_go_and_what_they_hang_on_stays():
    region = np.zeros((60, 80), bool)
    region[20:50, 10:50] = True
    region[30:34, 50:75] = True
    kept = without_spurs(region, 5)
    assert kept[24:46, 14:46].all()
    assert not kept[:, 55:].any()


def test_what_is_thin_everywhere_stays():
    region = np.zeros((20, 40), bool)
    region[9:11] = True
    assert (without_spurs(region, 5) == region).all()


def test_soft_borders_go_from_none_to_all():
    soft = soften(np.arange(20)[None] * np.ones((20, 1)) >= 10)
    assert soft[10, 0] == pytest.approx(0, abs=1e-3)
    assert soft[10, -1] == pytest.approx(1, abs=1e-3)
    assert 0.2 < soft[10, 9] < 0.5 < soft[10, 10] < 0.8
