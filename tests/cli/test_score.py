"""``kling-ui score``: what it prints about a match."""

from dataclasses import replace

import numpy as np
import pytest

from kling_ui.cli.reports import match_lines, score_clips
from kling_ui.errors import MediaError
from kling_ui.options import Orientation
from kling_ui.scoring.motion import motion_match
from kling_ui.vision.pose import Landmark, PoseTrack


@pytest.fixture(scope="module")
def waving() -> PoseTrack:
    """Two seconds of somebody who stands in the middle of the picture and waves the left forearm."""
    times_s = np.arange(48) / 24
    landmarks = np.random.default_rng(2).uniform(0.3, 0.7, (33, 4)) * np.ones((48, 1, 1))
    landmarks[..., 3] = 1
    for row, time_s in zip(landmarks, times_s, strict=True):
        row[Landmark.LEFT_WRIST, :2] = row[Landmark.LEFT_ELBOW, :2] + 0.1 * np.array(
            [np.cos(4 * time_s), np.sin(4 * time_s)]
        )
    return PoseTrack(times_s, landmarks, np.full((48, 33, 3), np.nan), 1.0)


def test_people_read_the_sentence_the_measures_and_every_limb(waving):
    late = replace(waving, times_s=waving.times_s + 0.125, landmarks=waving.landmarks.copy())
    late.landmarks[:, Landmark.RIGHT_ANKLE, 3] = 0.1
    lines = match_lines(motion_match(waving, late))
    assert lines[0].startswith("Motion match ")
    assert "late" in lines[0]
    text = "\n".join(lines)
    assert "+3.0 frames (+125 ms, give or take " in text
    assert "1.9 of 2.0 s" in text
    assert "  right shin        hardly visible in the result" in lines
    assert any(line.startswith("  left hand") and line.endswith("not counted") for line in lines)


def test_without_a_number_only_the_reason_is_said(waving):
    nobody = replace(waving, landmarks=np.full_like(waving.landmarks, np.nan))
    assert match_lines(motion_match(waving, nobody)) == [
        "The motion match could not be measured: nobody was found in the result."
    ]


def test_a_file_that_is_no_clip_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("KLING_UI_WORKERS", "1")
    (tmp_path / "note.mp4").write_text("no clip")
    with pytest.raises(MediaError):
        score_clips(tmp_path / "note.mp4", tmp_path / "note.mp4", Orientation.VIDEO, as_json=True)
