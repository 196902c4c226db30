import math
from dataclasses import replace
from pathlib import Path

import pytest

from kling_ui.checks.cropping import (
    COVERAGE_SAFE_SHARE,
    around_person,
    crop_to_aspect,
    keep_person,
    legal_scale,
    margins_to_aspect,
    people_of,
    person_rect,
    scaled,
    seen_at,
)
from kling_ui.checks.repair_plan import compose, people_repairs
from kling_ui.checks.usability import most_people
from kling_ui.media.image import ImageFacts
from kling_ui.media.rectangles import Rect
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import repair_label
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts
from kling_ui.vision.clip_measurements import follow_people
from kling_ui.vision.frame_analysis import FrameAnalysis

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


def image_of(size: tuple[int, int], *boxes: tuple[float, float, float, float]) -> ImageAnalysis:
    """A picture of several people, the main one first."""
    facts = ImageFacts(Path("us.png"), "png", 1_000_000, *size, 1, "RGB", has_alpha=False, frame_count=1)
    return ImageAnalysis("0" * 64, facts, person(*boxes[0]), 0.0, None, boxes[1:])


LEFT, MIDDLE, RIGHT = (0.05, 0.2, 0.25, 0.9), (0.4, 0.1, 0.6, 0.95), (0.75, 0.3, 0.95, 0.9)


def test_people_are_counted_from_the_left_whoever_is_the_main_one():
    for boxes in ((LEFT, MIDDLE, RIGHT), (RIGHT, LEFT, MIDDLE), (MIDDLE, RIGHT, LEFT)):
        found = people_of(image_of((1600, 900), *boxes))
        assert [rects[0].left_px for rects in found] == [80, 640, 1200]
    assert people_of(image_of((1600, 900), MIDDLE)) == ()


@pytest.mark.parametrize("size", [(1600, 900), (900, 1600), (4000, 3000), (1000, 1000)])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_who_is_kept_is_alone_and_whole_in_a_lawful_crop(size, number):
    image = image_of(size, MIDDLE, LEFT, RIGHT)
    people = people_of(image)
    kept = keep_person(image, number)
    if size == (900, 1600):
        assert kept is None or max(kept.size) <= 2.5 * min(kept.size)  # so slim a person hardly has a lawful crop
        return
    assert kept is not None
    assert Rect.whole(size).holds(kept)
    assert kept.holds(people[number - 1][0])
    assert max(kept.size) <= 2.5 * min(kept.size)
    for place, (other,) in enumerate(people):
        assert place == number - 1 or not kept.holds(other)


@pytest.mark.parametrize("number", [0, 3, 4])
def test_nobody_is_kept_under_a_number_that_nobody_has(number):
    assert keep_person(image_of((1600, 900), LEFT, RIGHT), number) is None


def test_people_who_stand_behind_each_other_cannot_be_kept_alone():
    image = image_of((1600, 900), (0.4, 0.1, 0.6, 0.95), (0.45, 0.2, 0.62, 0.9))
    assert [keep_person(image, number) for number in (1, 2)] == [None, None]


def test_a_crop_that_would_have_to_be_enlarged_much_is_not_offered():
    assert keep_person(image_of((360, 270), MIDDLE, LEFT), 1) is None


def clip_of(watch, *ways: tuple[float, float]):
    """Somebody who stands in the middle of a clip and others who go from one place across to another."""
    moments = [
        FrameAnalysis(
            0.4 * n,
            confidence=0.9,
            box=(0.4, 0.1, 0.6, 0.9),
            others=tuple((x - 0.06, 0.3, x + 0.06, 0.9) for way in ways for x in [way[0] + (way[1] - way[0]) * n / 19]),
        )
        for n in range(20)
    ]
    analysis = watch("F" * 20, moments=tuple(moments), people=follow_people(moments, 16 / 9, 8.0))
    facts = replace(analysis.facts, width_px=1920, height_px=1080)
    return replace(analysis, facts=facts)


def test_somebody_who_stands_beside_all_the_time_is_cropped_out_of_a_clip(watch):
    clip = clip_of(watch, (0.1, 0.15))
    kept = keep_person(clip, 2)
    assert kept is not None
    assert kept.holds(people_of(clip)[1][0])
    assert kept.left_px >= 0.15 * 1920
    assert keep_person(clip, 1) is not None


def test_everybody_can_be_pressed_where_the_evidence_shows_them(watch):
    image = image_of((1600, 900), MIDDLE, LEFT, RIGHT)
    assert [seen_at(image, number) for number in (1, 2, 3)] == [
        pytest.approx(box, abs=0.001) for box in (LEFT, MIDDLE, RIGHT)
    ]
    clip = clip_of(watch, (0.1, 0.15))
    shown_s, (other,) = most_people(clip)
    assert shown_s in clip.notes.people[0].times_s
    assert seen_at(clip, 1) == pytest.approx(other, abs=0.001)
    assert seen_at(clip, 2) == pytest.approx((0.4, 0.1, 0.6, 0.9), abs=0.001)


def test_somebody_who_crosses_cannot_be_cropped_out_of_a_clip(watch):
    assert keep_person(clip_of(watch, (0.1, 0.9)), 1) is None


def test_each_person_is_offered_and_the_one_that_is_chosen_is_cropped_to():
    image = image_of((1600, 900), MIDDLE, LEFT, RIGHT)
    repairs = list(people_repairs(image, ["image.people"]))
    assert [repair_label(repair) for repair in repairs] == [
        "Keep the person on the left",
        "Keep the person in the middle",
        "Keep the person on the right",
    ]
    assert not any(repair.in_all for repair in repairs)
    plan = compose([repairs[2].kind], image, None, TransferOptions())
    assert plan.image is not None
    assert plan.image.crop == keep_person(image, 3)
    assert list(people_repairs(image, ["image.coverage"])) == []
    assert list(people_repairs(image.facts, ["image.people"])) == []
