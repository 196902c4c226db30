from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.video_repairs import compose_video, trim_span, video_repairs
from kling_ui.media.probe import VideoFacts
from kling_ui.media.rectangles import Rect
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.findings import repair_effect, repair_label

FACTS = VideoFacts(Path("a.mp4"), "mp4", 5_000_000, 720, 1280, 12.0, 24.0, 288, "h264", "yuv420p", 0, True, "aac")
VIDEO, IMAGE = TransferOptions(), TransferOptions(orientation=Orientation.IMAGE)


def lasting(duration_s: float, fps: float = 24.0, **more: object) -> VideoFacts:
    return replace(FACTS, duration_s=duration_s, fps=fps, frame_count=round(duration_s * fps), **more)


@pytest.mark.parametrize(
    ("facts", "choice", "usable", "span"),
    [
        (lasting(40), VIDEO, None, (0, 30)),
        (lasting(12), IMAGE, None, (0, 10)),
        (lasting(12), VIDEO, None, None),
        (lasting(12), VIDEO, (2.0, 9.5), (2, 9.5)),
        (lasting(12), IMAGE, (1.0, 12.0), (1, 11)),
        (lasting(12), VIDEO, (2.0, 4.0), None),
        (lasting(40), VIDEO, (2.0, 4.0), (0, 30)),
        (lasting(12), VIDEO, (0.0, 12.0), None),
        (lasting(31, 29.97), VIDEO, None, (0, 899 / (30_000 / 1001))),
        (lasting(9, 29.97), VIDEO, (1.0, 4.0), (1, 1 + 90 / (30_000 / 1001))),
    ],
    ids=[
        "above 30 s",
        "above 10 s with orientation image",
        "nothing to trim",
        "to the usable span",
        "to what the orientation takes of the usable span",
        "a usable span below 3 s is none",
        "too long, with no usable span",
        "all of it is usable",
        "whole frames, not above the limit",
        "whole frames, not below 3 s",
    ],
)
def test_what_trimming_keeps(facts, choice, usable, span):
    assert trim_span(facts, choice, usable) == (None if span is None else pytest.approx(span, abs=1e-6))


def offered(
    facts: VideoFacts, *rules: str, choice: TransferOptions = VIDEO, usable: tuple[float, float] | None = None
) -> list[tuple[str, tuple[str, ...], bool]]:
    return [
        (repair_label(repair), repair.rules, repair.in_all) for repair in video_repairs(facts, rules, choice, usable)
    ]


def test_a_clip_too_long_for_the_orientation_can_be_trimmed_or_turned():
    assert offered(lasting(12), "video.duration", choice=IMAGE) == [
        ("Trim to 10.0 s", ("video.duration",), True),
        ("Switch to orientation “video”", ("video.duration",), False),
    ]


def test_a_clip_too_long_for_any_orientation_can_only_be_trimmed():
    found = offered(lasting(40, size_bytes=120_000_000), "video.duration", "video.size", choice=IMAGE)
    assert found == [("Trim to 10.0 s", ("video.duration", "video.size"), True)]


def test_a_clip_too_short_cannot_be_helped():
    assert offered(lasting(2), "video.duration", "video.usable", usable=(0.0, 2.0)) == []


def test_trimming_to_the_usable_span_settles_what_lies_outside_of_it():
    rules = ("video.usable", "video.cuts", "video.person", "video.first_frame")
    assert offered(lasting(12), *rules, usable=(2.0, 10.4)) == [("Trim to 8.4 s", rules, True)]
    assert offered(lasting(12), *rules) == []


@pytest.mark.parametrize(
    ("facts", "rules", "label"),
    [
        (replace(FACTS, format="webm"), ("video.format", "video.codec"), "Convert to MP4 (H.264)"),
        (replace(FACTS, has_variable_rate=True), ("video.codec",), "Convert to MP4 (H.264)"),
        (replace(FACTS, size_bytes=120_000_000), ("video.size",), "Compress to less than 100 MB"),
        (replace(FACTS, width_px=4000, height_px=2250), ("video.side",), "Scale down to 3840 x 2160 px"),
        (replace(FACTS, width_px=320, height_px=240), ("video.side",), "Enlarge to 452 x 340 px"),
        (replace(FACTS, width_px=3900, height_px=200), ("video.side",), "Fit into 3840 x 340 px"),
        (replace(FACTS, has_audio=False), ("video.sound",), "Go on without sound"),
    ],
)
def test_what_else_is_offered(facts, rules, label):
    assert offered(facts, *rules) == [(label, rules, True)]


def test_repairs_of_one_clip_become_one_pass():
    facts = lasting(40, 29.0, format="webm", width_px=4001, height_px=2250, has_variable_rate=True)
    kinds = [RepairKind.VIDEO_CONVERT, RepairKind.VIDEO_TRIM, RepairKind.VIDEO_RESIZE]
    transform = compose_video(kinds, facts, VIDEO, usable=(5.0, 20.0))
    assert (transform.start_s, transform.end_s) == (5, pytest.approx(20, abs=0.04))
    assert transform.size == (3840, 2160)
    assert transform.fps == Fraction(30_000, 1001)
    assert transform.keep_sound


def test_an_endless_clip_is_trimmed_whatever_is_repaired():
    assert compose_video([RepairKind.VIDEO_CONVERT], lasting(600), VIDEO).duration_s == 30
    assert compose_video([RepairKind.VIDEO_CONVERT], lasting(25), IMAGE).duration_s == 25


def test_a_strip_gets_bars_and_a_hair_is_stretched():
    strip = compose_video([RepairKind.VIDEO_RESIZE], replace(FACTS, width_px=3900, height_px=200), VIDEO)
    assert strip.size == (3840, 198)
    assert strip.margins.around(strip.size) == (3840, 340)
    hair = compose_video([RepairKind.VIDEO_RESIZE], replace(FACTS, width_px=352, height_px=4000), VIDEO)
    assert (hair.size, any(hair.margins)) == ((340, 3840), False)


def test_sound_of_an_unknown_codec_is_left_out():
    assert not compose_video([RepairKind.VIDEO_CONVERT], replace(FACTS, audio_codec="unknown"), VIDEO).keep_sound


@pytest.mark.parametrize("rule", ["video.damaged", "video.hdr", "video.interlaced", "video.size-changes"])
def test_pictures_that_are_not_plain_are_converted(rule):
    (repair,) = video_repairs(FACTS, [rule], VIDEO, None)
    assert (repair.kind, repair.rules, repair.in_all) == (RepairKind.VIDEO_CONVERT, (rule,), True)
    assert "SDR colours, whole pictures of one size" in repair_effect(repair)


@pytest.mark.parametrize(
    ("every_picture_fps", "has_variable_rate", "fps"),
    [(24.0, True, 24), (0.0, True, 15), (24.0, False, Fraction(57, 4))],
)
def test_the_rate_of_an_uneven_clip_keeps_every_picture(every_picture_fps, has_variable_rate, fps):
    facts = lasting(4, 14.25, has_variable_rate=has_variable_rate, every_picture_fps=every_picture_fps)
    assert compose_video([RepairKind.VIDEO_CONVERT], facts, VIDEO).fps == fps


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_clip_that_was_stored_turned_is_turned_with_repair_all(watch, turns):
    upright = watch("F" * 24)
    stored = replace(upright.turned(-turns), notes=replace(upright.notes, turns=turns))
    repair = next(iter(video_repairs(stored, ["video.person"], VIDEO, None)))
    assert (repair.kind, repair.in_all) == (RepairKind.VIDEO_TURN, True)
    crop = Rect(100, 200, 700, 1400)
    made = compose_video([RepairKind.VIDEO_TURN], stored, VIDEO, crop=crop)
    expected = compose_video([], upright, VIDEO, crop=crop)
    assert made.turns == turns
    assert made.full_size == expected.full_size
    assert made.crop is not None
    assert made.crop.turned(turns, (stored.facts.width_px, stored.facts.height_px)) == crop


@pytest.mark.parametrize(("washed_out", "veil"), [(1.0, 0.8), (0.6, 0.8), (0.4, 0.0)])
def test_a_veil_is_taken_off_a_clip_of_which_most_is_washed_out(watch, washed_out, veil):
    seen = watch("F" * 24)
    count = round(washed_out * len(seen.notes.moments))
    moments = tuple(
        replace(moment, shade=0.84 if place < count else 0.1) for place, moment in enumerate(seen.notes.moments)
    )
    seen = replace(seen, notes=replace(seen.notes, moments=moments))
    offered = [repair.kind for repair in video_repairs(seen, ["video.bright"], VIDEO, None)]
    assert offered == ([RepairKind.VIDEO_DEEPEN] if veil else [])
    assert compose_video([RepairKind.VIDEO_DEEPEN], seen, VIDEO).veil == pytest.approx(veil)
    assert compose_video([RepairKind.VIDEO_CONVERT], seen, VIDEO).veil == 0.0


def test_a_dark_clip_is_brightened_by_what_it_lacks(watch):
    seen = watch("F" * 24)
    dark = tuple(replace(moment, brightness=0.1) for moment in seen.notes.moments)
    seen = replace(seen, notes=replace(seen.notes, moments=dark))
    (repair,) = video_repairs(seen, ["video.dark"], VIDEO, None)
    assert (repair.kind, repair.in_all) == (RepairKind.VIDEO_BRIGHTEN, True)
    assert compose_video([RepairKind.VIDEO_BRIGHTEN], seen, VIDEO).gain == pytest.approx(5.0)
    assert compose_video([RepairKind.VIDEO_CONVERT], seen, VIDEO).gain == 1.0
