from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kling_ui.checks.report import Severity
from kling_ui.checks.rules import check_video
from kling_ui.choice import Choice, Orientation
from kling_ui.media.look import VideoLook
from kling_ui.media.person import Landmark, PoseTrack
from kling_ui.media.probe import VideoFacts

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
FULL = np.tile(np.array([0.5, 0.5, 0, 1], np.float32), (33, 1))
HALF = FULL.copy()
HALF[Landmark.LEFT_KNEE :] = (0.5, 1.3, 0, 0.1)
HEADLESS = FULL.copy()
HEADLESS[:11] = (0.5, -0.3, 0, 0.1)
NOBODY = np.full((33, 4), np.nan, np.float32)


def look(poses: list[np.ndarray], **facts: object) -> VideoLook:
    times = np.linspace(0, 8, len(poses), endpoint=False)
    landmarks = np.asarray(poses, np.float32).reshape(-1, 33, 4)
    track = PoseTrack(times, landmarks, landmarks[:, :, :3], 9 / 16)
    return VideoLook(sha256="0" * 64, facts=replace(FACTS, **facts), track=track, strip=Path("strip.jpg"))


def found(video: VideoFacts | VideoLook, choice: Choice | None = None) -> list[tuple[str, Severity]]:
    return [(finding.rule, finding.severity) for finding in check_video(video, choice or Choice()).findings]


def test_a_good_clip_has_no_findings():
    assert found(look([FULL] * 24)) == []


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
    assert found(replace(FACTS, duration_s=duration_s), Choice(orientation=orientation)) == expected


@pytest.mark.parametrize(
    ("duration_s", "orientation", "message", "advice"),
    [
        (12.0, IMAGE, "The clip lasts 12 s; orientation “image” takes at most 10 s.", "or choose orientation “video”"),
        (31.0, IMAGE, "The clip lasts 31 s; orientation “image” takes at most 10 s.", "Trim it to 10 s."),
        (30.03, VIDEO, "The clip lasts 30.03 s; orientation “video” takes at most 30 s.", "Trim it to 30 s."),
        (2.0, VIDEO, "The clip lasts 2 s; at least 3 s are needed.", "longer clip"),
    ],
)
def test_duration_in_words(duration_s, orientation, message, advice):
    facts = replace(FACTS, duration_s=duration_s)
    (finding,) = check_video(facts, Choice(orientation=orientation)).findings
    assert finding.message == message
    assert advice in finding.advice
    assert not finding.override


@pytest.mark.parametrize(
    ("has_audio", "keep_sound", "expected"),
    [(True, True, []), (False, False, []), (True, False, []), (False, True, [("video.sound", WARN)])],
)
def test_sound_that_is_not_there(has_audio, keep_sound, expected):
    assert found(replace(FACTS, has_audio=has_audio), Choice(keep_sound=keep_sound)) == expected


@pytest.mark.parametrize(
    ("poses", "expected"),
    [
        ([HALF] * 24, []),
        ([FULL] * 19 + [NOBODY], []),
        ([FULL] * 18 + [NOBODY], ["video.person"]),
        ([FULL] * 12 + [HEADLESS] * 12, ["video.person"]),
        ([NOBODY] * 24, ["video.person"]),
        ([NOBODY] + [FULL] * 23, ["video.first_frame"]),
        ([HALF] + [FULL] * 23, ["video.first_frame"]),
        ([HEADLESS] + [HALF] * 23, ["video.first_frame"]),
        ([FULL] + [HALF] * 23, []),
        ([NOBODY] * 2 + [FULL] * 22, ["video.person", "video.first_frame"]),
    ],
    ids=[
        "an upper body is enough",
        "one miss in twenty may be the detector's",
        "one in nineteen is not",
        "half of it without a head",
        "nobody at all",
        "nobody at first",
        "less than usual at first",
        "a body without a head at first",
        "more than usual at first",
        "two misses at first",
    ],
)
def test_the_person_in_view(poses, expected):
    assert found(look(poses)) == [(rule, WARN) for rule in expected]


def test_when_the_person_is_missing_is_said():
    (finding,) = check_video(look([FULL] * 4 + [NOBODY] * 2 + [FULL] * 2), Choice()).findings
    assert finding.measured == 0.75
    assert "75 % of the time (not at 4.0-6.0 s)" in finding.message


def test_many_gaps_are_not_listed_one_by_one():
    (finding,) = check_video(look([FULL, NOBODY] * 8), Choice()).findings
    assert finding.message.endswith("(not at 0.5-1.0 s, 1.5-2.0 s, 2.5-3.0 s and later).")


def test_facts_are_shown_as_plain_values():
    facts = check_video(look([FULL] * 23 + [NOBODY]), Choice()).facts
    assert facts is not None
    assert (facts["file"], facts["duration_s"], facts["person_share"]) == ("dance.mp4", 8.0, 0.9583)
    assert facts["framing"] == "full body"
