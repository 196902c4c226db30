"""What a person wants of an input: just inside and just outside of each limit."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from kling_ui.checks.adjustments import Adjustment, adjusted_image, adjusted_video, adjustment_of, rect_of
from kling_ui.checks.usability import SpanKind, Timeline, TimelineSpan
from kling_ui.errors import MediaError, SettingsError
from kling_ui.media.image import ImageFacts, probe_image
from kling_ui.media.rectangles import Rect
from kling_ui.media.transform_image import transform_image
from kling_ui.options import TransferOptions
from tests.checks.conftest import FACTS as CLIP

CHOICE = TransferOptions()
PICTURE = ImageFacts(
    path=Path("me.png"),
    format="png",
    size_bytes=1,
    width_px=1000,
    height_px=800,
    exif_orientation=1,
    mode="RGB",
    has_alpha=False,
    frame_count=1,
)


@pytest.mark.parametrize(
    ("span", "kept"),
    [
        ((2.0, 5.0), (2.0, 5.0)),  # just long enough
        ((2.0, 4.997), (2.0, 5.0)),  # rounding of a handle costs no frame
        ((4.99, 8.02), (4.96, 8.0)),  # a handle a frame behind the end
    ],
)
def test_a_part_is_kept_in_whole_frames(span, kept):
    made = adjusted_video(CLIP, Adjustment(span=span), CHOICE)
    assert (made.start_s, made.end_s) == pytest.approx(kept, abs=0.03)
    assert made.frame_count >= 72
    assert made.end_s <= CLIP.duration_s + 1e-6


@pytest.mark.parametrize(
    ("span", "reason"), [((2.0, 4.9), "too short"), ((6.0, 9.5), "not inside"), ((0.0, 8.0), "nothing would change")]
)
def test_a_part_that_cannot_be_is_refused(span, reason):
    with pytest.raises(MediaError, match=reason):
        adjusted_video(CLIP, Adjustment(span=span), CHOICE)


@pytest.mark.parametrize(
    ("adjust", "crop", "reason"),
    [
        (adjusted_image, Rect(0, 0, 299, 600), "at least"),
        (adjusted_image, Rect(0, 0, 1000, 399), "slimmer"),
        (adjusted_image, Rect(600, 0, 1001, 400), "not inside"),
        (adjusted_image, Rect(0, 0, 1000, 800), "nothing would change"),
        (lambda facts, wanted: adjusted_video(facts, wanted, CHOICE), Rect(0, 0, 339, 600), "at least"),
    ],
)
def test_a_crop_that_cannot_be_is_refused(adjust, crop, reason):
    facts = PICTURE if adjust is adjusted_image else CLIP
    with pytest.raises(MediaError, match=reason):
        adjust(facts, Adjustment(crop=crop))


def test_a_crop_of_a_clip_has_even_sides_and_is_not_stretched():
    made = adjusted_video(CLIP, Adjustment(crop=Rect(10, 20, 511, 621)), CHOICE)
    assert made.crop == Rect(10, 20, 510, 620)
    assert made.size == (500, 600)


def test_a_small_but_lawful_crop_of_a_picture_is_enlarged_to_what_other_front_ends_demand():
    made = adjusted_image(PICTURE, Adjustment(crop=Rect(0, 0, 300, 400)))
    assert made.size is not None
    assert min(made.size) >= 340


def test_crop_comes_before_turn(tmp_path):
    path = tmp_path / "me.png"
    picture = Image.new("RGB", (1000, 800), "white")
    picture.paste("red", (0, 0, 400, 800))
    picture.save(path)
    wanted = Adjustment(crop=Rect(0, 0, 600, 500), turns=1)
    made = transform_image(path, adjusted_image(probe_image(path), wanted), tmp_path, stem="turned")
    assert (made.width_px, made.height_px) == (500, 600)
    with Image.open(made.path) as turned:
        shown = turned.convert("RGB")
        assert shown.getpixel((250, 590)) == (255, 0, 0)  # what was at the left is at the bottom
        assert shown.getpixel((250, 10)) == (255, 255, 255)


def test_a_clip_turns_at_the_end():
    made = adjusted_video(CLIP, Adjustment(turns=3), CHOICE)
    assert made.full_size == (1920, 1080)
    assert made.duration_s == pytest.approx(8.0)


def test_words_become_adjustments():
    assert adjustment_of((2.0, 9.5), (1, 2, 30, 40), "left") == Adjustment((2.0, 9.5), Rect(1, 2, 31, 42), 1)
    assert not adjustment_of(None, None, None)
    with pytest.raises(SettingsError, match="no turn"):
        adjustment_of(None, None, "sideways")


def test_a_box_is_held_inside_of_its_picture():
    assert rect_of((-0.1, 0.25, 0.5, 1.2), (400, 800)) == Rect(0, 200, 200, 800)


def test_a_part_of_a_timeline_is_one():
    spans = (TimelineSpan(0, 4, SpanKind.GOOD), TimelineSpan(4, 5, SpanKind.NOBODY), TimelineSpan(5, 8, SpanKind.GOOD))
    part = Timeline(spans, 8.0).part(1.0, 6.0)
    assert (part.duration_s, part.usable_s) == (5.0, 3.0)
    assert [span.kind for span in part.spans] == [SpanKind.GOOD, SpanKind.NOBODY, SpanKind.GOOD]


def test_a_rate_that_varies_still_gives_three_seconds():
    made = adjusted_video(replace(CLIP, has_variable_rate=True, fps=23.2), Adjustment(span=(1.0, 4.0)), CHOICE)
    assert made.duration_s >= 3
