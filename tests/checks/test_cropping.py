import math

import pytest

from kling_ui.checks.cropping import (
    COVERAGE_SAFE_SHARE,
    around_person,
    crop_to_aspect,
    legal_scale,
    margins_to_aspect,
    person_rect,
    scaled,
)
from kling_ui.media.rectangles import Rect
from kling_ui.vision.analysis import PersonFacts

SIZES = [(1600, 900), (900, 1600), (4000, 3000), (640, 480), (3000, 1250), (1000, 1000)]


def person(left: float, top: float, right: float, bottom: float, *, fill: float = 0.4) -> PersonFacts:
    """Somebody whose mask fills this share of its box, given in fractions of the picture."""
    joints = ((left, top, 0.0, 1.0), (right, bottom, 0.0, 1.0), (2.0, 2.0, 0.0, 0.1))
    share = fill * (right - left) * (bottom - top)
    return PersonFacts(joints, share, (left, top, right, bottom), 0.5, 1.0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "who",
    [
        person(0.48, 0.4, 0.52, 0.6),
        person(0.0, 0.0, 0.03, 0.2),
        person(0.95, 0.7, 1.0, 1.0),
        person(0.4, 0.5, 0.6, 0.56),
    ],
    ids=["in the middle", "top left corner", "bottom right corner", "lying"],
)
def test_a_crop_around_a_small_character(size, who):
    kept = around_person(size, who, aspect_max=2.5, side_min_px=340)
    assert kept is not None
    assert Rect.whole(size).holds(kept)
    assert kept.holds(person_rect(size, who))
    assert max(kept.size) <= 2.5 * min(kept.size)
    assert who.subject_share * math.prod(size) / math.prod(kept.size) > COVERAGE_SAFE_SHARE


def test_a_crop_leaves_as_much_room_as_the_coverage_allows():
    kept = around_person((4000, 3000), person(0.45, 0.4, 0.55, 0.6), aspect_max=2.5, side_min_px=340)
    assert kept is not None
    assert 0.14 < 0.008 * 4000 * 3000 / math.prod(kept.size) <= 0.151
    assert kept.size[0] / kept.size[1] == pytest.approx(4 / 3, abs=0.02)  # the picture's own shape


def test_no_crop_helps_a_character_that_fills_its_picture_thinly():
    assert around_person((1000, 1000), person(0.0, 0.0, 1.0, 1.0, fill=0.04), aspect_max=2.5, side_min_px=340) is None


@pytest.mark.parametrize(
    ("within", "keep", "kept"),
    [
        (Rect(0, 0, 3000, 600), None, Rect(750, 0, 2250, 600)),
        (Rect(0, 0, 3000, 600), Rect(0, 0, 200, 600), Rect(0, 0, 1500, 600)),
        (Rect(0, 0, 400, 2400), Rect(0, 2200, 400, 2400), Rect(0, 1400, 400, 2400)),
        (Rect(0, 0, 1000, 400), None, Rect(0, 0, 1000, 400)),
    ],
    ids=["the middle", "left", "bottom", "legal already"],
)
def test_cropping_to_a_legal_shape(within, keep, kept):
    assert crop_to_aspect(within, keep, 2.5) == kept


@pytest.mark.parametrize("size", [(3000, 600), (1001, 400), (300, 751), (1000, 400), (7, 65536)])
def test_margins_make_a_legal_shape_and_no_more(size):
    width, height = margins_to_aspect(size, 2.5).around(size)
    assert max(width, height) <= 2.5 * min(width, height)
    assert (width - size[0]) * (height - size[1]) == 0
    slimmer = (width - (width > size[0]), height - (height > size[1]))
    assert slimmer == size or max(slimmer) > 2.5 * min(slimmer)


@pytest.mark.parametrize(
    "size", [(1000, 400), (999, 400), (5000, 2000), (123, 300), (4097, 1639), (8192, 8191), (3, 7)]
)
@pytest.mark.parametrize("step_px", [1, 2])
def test_scaling_meets_the_limits_exactly_and_keeps_a_legal_shape(size, step_px):
    factor = legal_scale(size, side_min_px=340, side_max_px=4096)
    short, long = sorted(scaled(size, factor, step_px=step_px))
    assert short >= 340
    assert long <= 4096
    assert long <= 2.5 * short
    assert short % step_px == long % step_px == 0


def test_what_is_legal_keeps_its_size():
    assert legal_scale((1000, 400), side_min_px=340, side_max_px=4096) == 1
    assert scaled((1001, 400), 1.0) == (1001, 400)


def test_a_strip_that_cannot_be_both_keeps_its_shorter_side_legal():
    factor = legal_scale((8000, 100), side_min_px=340, side_max_px=4096)
    assert scaled((8000, 100), factor) == (27200, 340)
