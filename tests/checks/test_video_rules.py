from dataclasses import replace
from pathlib import Path

import pytest

from kling_ui.checks.preflight import check_video
from kling_ui.checks.report import Finding, Severity
from kling_ui.media.probe import VideoFacts
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.findings import advice as advice_of
from kling_ui.presentation.findings import message
from kling_ui.vision.analysis import VideoAnalysis

MB = 1_000_000
FACTS = VideoFacts(
    path=Path("dance.mp4"),
    format="mp4",
    size_bytes=5 * MB,
    width_px=1080,
    height_px=1920,
    duration_s=8.0,
    fps=24.0,
    frame_count=192,
    codec="h264",
    pixel_format="yuv420p",
    rotation_deg=0,
    has_audio=True,
    audio_codec="aac",
)
BLOCK, WARN, HINT = Severity.BLOCK, Severity.WARN, Severity.HINT
VIDEO, IMAGE = Orientation.VIDEO, Orientation.IMAGE


def finding_of(video: VideoAnalysis, rule: str) -> Finding:
    (found,) = [finding for finding in check_video(video, TransferOptions()).findings if finding.rule == rule]
    return found


def found(video: VideoFacts | VideoAnalysis, choice: TransferOptions | None = None) -> list[tuple[str, Severity]]:
    return [(finding.rule, finding.severity) for finding in check_video(video, choice or TransferOptions()).findings]


@pytest.mark.parametrize("letters", ["F" * 24, "H" * 24])
def test_a_good_clip_has_no_findings(watch, letters):
    assert found(watch(letters)) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"format": "mov"}, []),
        ({"format": "webm"}, [("video.format", BLOCK)]),
        ({"format": "3gp"}, [("video.format", BLOCK)]),
        ({"codec": "hevc"}, [("video.codec", WARN)]),
        ({"codec": "hevc", "pixel_format": "yuv420p10le"}, [("video.codec", WARN)]),
        ({"pixel_format": "yuvj420p"}, []),
        ({"pixel_format": "yuv444p"}, [("video.codec", WARN)]),
        ({"has_variable_rate": True}, [("video.codec", HINT)]),
        ({"hdr": "HLG"}, [("video.hdr", WARN)]),
        ({"hdr": "PQ"}, [("video.hdr", WARN)]),
        ({"is_interlaced": True}, [("video.interlaced", WARN)]),
        ({"damaged_s": (2.0, 2.1)}, [("video.damaged", WARN)]),
        ({"size_changes_s": (2.0,)}, [("video.size-changes", WARN)]),
        ({"size_bytes": 100 * MB}, []),
        ({"size_bytes": 100 * MB + 1}, [("video.size", BLOCK)]),
        ({"width_px": 340, "height_px": 3850}, []),
        ({"width_px": 339, "height_px": 600}, [("video.side", BLOCK)]),
        ({"width_px": 3851, "height_px": 2000}, [("video.side", BLOCK)]),
        ({"width_px": 300, "height_px": 4000}, [("video.side", BLOCK), ("video.side", BLOCK)]),
    ],
)
def test_rules_about_the_file(facts, expected):
    assert found(replace(FACTS, **facts)) == expected


def test_a_change_of_size_names_its_moment():
    (finding,) = check_video(replace(FACTS, size_changes_s=(2.04, 7.5)), TransferOptions()).findings
    assert "at 2.0 s, 7.5 s" in message(finding)
    assert finding.evidence.spans == ((2.04, 2.04), (7.5, 7.5))


@pytest.mark.parametrize(("codec", "name"), [("av1", "AV1"), ("hevc", "HEVC (H.265)"), ("snow", "snow")])
def test_codecs_have_the_names_that_people_know(codec, name):
    (finding,) = check_video(replace(FACTS, codec=codec), TransferOptions()).findings
    assert f"coded as {name};" in message(finding)


@pytest.mark.parametrize(
    ("duration_s", "orientation", "blocked"),
    [
        (2.99, VIDEO, True),
        (3.0, VIDEO, False),
        (3.0, IMAGE, False),
        (2.99, IMAGE, True),
        (10.0, IMAGE, False),
        (10.04, IMAGE, True),
        (11.0, IMAGE, True),
        (11.0, VIDEO, False),
        (30.0, VIDEO, False),
        (30.0, IMAGE, True),
        (30.033, VIDEO, True),
        (31.0, VIDEO, True),
        (2.9999, VIDEO, False),
        (30.0001, VIDEO, False),
    ],
)
def test_duration_against_orientation(duration_s, orientation, blocked):
    expected = [("video.duration", BLOCK)] if blocked else []
    assert found(replace(FACTS, duration_s=duration_s), TransferOptions(orientation=orientation)) == expected


@pytest.mark.parametrize(
    ("duration_s", "orientation", "words", "advice"),
    [
        (12.0, IMAGE, "The clip lasts 12 s; orientation “image” takes at most 10 s.", "or choose orientation “video”"),
        (31.0, IMAGE, "The clip lasts 31 s; orientation “image” takes at most 10 s.", "Trim it to 10 s."),
        (30.03, VIDEO, "The clip lasts 30.03 s; orientation “video” takes at most 30 s.", "Trim it to 30 s."),
        (2.0, VIDEO, "The clip lasts 2 s; at least 3 s are needed.", "longer clip"),
    ],
)
def test_duration_in_words(duration_s, orientation, words, advice):
    facts = replace(FACTS, duration_s=duration_s)
    (finding,) = check_video(facts, TransferOptions(orientation=orientation)).findings
    assert message(finding) == words
    assert advice in advice_of(finding)
    assert not finding.override


@pytest.mark.parametrize(
    ("has_audio", "keep_sound", "expected"),
    [(True, True, []), (False, False, []), (True, False, []), (False, True, [("video.sound", HINT)])],
)
def test_sound_that_is_not_there(has_audio, keep_sound, expected):
    assert found(replace(FACTS, has_audio=has_audio), TransferOptions(keep_sound=keep_sound)) == expected


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("F" * 40 + "." + "F" * 40, []),
        ("F" * 37 + "." * 6 + "F" * 37, ["video.usable", "video.person"]),
        ("F" * 12 + "P" * 12, ["video.usable", "video.person"]),
        ("." * 24, ["video.usable", "video.person"]),
        ("." + "F" * 80, ["video.first_frame"]),
        ("H" + "F" * 23, ["video.first_frame"]),
        ("P" + "H" * 80, ["video.first_frame"]),
        ("CC" + "F" * 80, ["video.first_frame"]),
        ("C" + "F" * 80, []),
        ("F" + "H" * 23, []),
        ("F" * 20 + "C" * 20, ["video.usable", "video.person"]),
        ("F" * 40 + "C" * 2 + "F" * 40, []),
        ("F" * 20 + "D" * 20, ["video.usable", "video.person"]),
        ("F" * 32 + "D" * 8, []),
    ],
    ids=[
        "a blink may be the detector's",
        "most of a second is not",
        "half of it without a head",
        "nobody at all",
        "nobody at first",
        "less than usual at first",
        "a body without a head at first",
        "covered at first",
        "one covered moment may be a mistake",
        "more than usual at first",
        "half of it covered",
        "something passes in a blink",
        "half of it with hidden joints",
        "hands behind the back now and then",
    ],
)
def test_the_person_in_view(watch, letters, expected):
    assert [rule for rule, _ in found(watch(letters))] == expected


def test_when_the_person_is_missing_is_said(watch):
    person = finding_of(watch("FFFF..FF"), "video.person")
    assert person.measured == pytest.approx(0.716, abs=0.01)
    assert "72 % of the time (not at 4.5-6.8 s)" in message(person)
    assert person.evidence.spans == ((pytest.approx(4.55, abs=0.01), pytest.approx(6.82, abs=0.01)),)


def test_many_gaps_are_not_listed_one_by_one(watch):
    words = message(finding_of(watch("F." * 8), "video.person"))
    assert words.endswith("(not at 0.5-1.1 s, 1.6-2.1 s, 2.7-3.2 s and later).")


def test_what_covers_the_person_is_named(watch):
    assert message(finding_of(watch("FFFCC"), "video.person")) == (
        "The person in the clip is not seen whole: the trunk is hidden, 38 % of the time."
    )


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        ("F" * 16 + "L" * 8, "lies or is upside down for 33 %"),
        ("F" * 12 + "U" * 12, "lies or is upside down for 50 %"),
        ("F" * 12 + "B" * 12, "seen from behind for 50 %"),
    ],
)
def test_unusual_views_are_hints(watch, letters, words):
    hints = [finding for finding in check_video(watch(letters), TransferOptions()).findings if finding.severity == HINT]
    assert [finding.rule for finding in hints] == ["video.person"]
    assert words in message(hints[0])


@pytest.mark.parametrize("letters", ["F" * 22 + "L" * 4, "F" * 18 + "B" * 6, "F" * 12 + "S" * 12])
def test_a_turn_in_a_dance_is_not_worth_a_word(watch, letters):
    assert found(watch(letters)) == []


def test_facts_are_shown_as_plain_values(watch):
    facts = check_video(watch("F" * 23 + "."), TransferOptions()).facts
    assert facts is not None
    assert (facts["file"], facts["duration_s"], facts["person_share"]) == ("dance.mp4", 8.0, 0.9732)
    assert facts["framing"] == "full body"
