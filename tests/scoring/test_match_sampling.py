from dataclasses import replace

import numpy as np
import pytest

from kling_ui.scoring.match import TimeSpan, end_s, moments, resample, spans_of, step_s
from kling_ui.vision.pose import PoseTrack


def moving(times_s, found=None) -> PoseTrack:
    """A person whose every landmark lies at x = time."""
    times_s = np.asarray(times_s, float)
    landmarks = np.ones((len(times_s), 33, 4))
    landmarks[..., 0] = times_s[:, None]
    if found is not None:
        landmarks[~np.asarray(found)] = np.nan
    return PoseTrack(times_s, landmarks, np.zeros((len(times_s), 33, 3)), 1.0)


def places(track: PoseTrack) -> list[float | None]:
    return [None if np.isnan(x) else round(float(x), 6) for x in track.landmarks[:, 0, 0]]


def test_step_and_end_come_from_the_frames():
    track = moving([0, 0.1, 0.2, 0.4])
    assert step_s(track) == pytest.approx(0.1)
    assert end_s(track) == pytest.approx(0.5)
    assert step_s(moving([0])) == end_s(moving([])) == 0
    assert moments(track, 0.1) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert len(moments(moving([]), 0.1)) == 0


@pytest.mark.parametrize(
    ("known_s", "found", "wanted_s", "places_s"),
    [
        ([0, 0.1, 0.2], None, [0, 0.05, 0.1, 0.17], [0, 0.05, 0.1, 0.17]),  # between frames
        ([0, 0.1, 0.2], None, [0.25, 0.29, 0.3, 0.4], [0.2, 0.2, None, None]),  # the last frame stays for its time
        ([0.2, 0.3], None, [0, 0.1, 0.2], [None, None, 0.2]),  # before the first
        ([0, 0.05, 0.1, 0.15], [1, 0, 0, 1], [0.05, 0.1], [0.05, 0.1]),  # a blink is bridged
        ([0, 0.05, 0.1, 0.15, 0.2], [1, 0, 0, 0, 1], [0.05, 0.1], [None, None]),  # a longer absence is not
        ([0, 0.4, 0.8], None, [0.2, 0.4], [0.2, 0.4]),  # frames that are always far apart
        ([0, 0.4, 0.8, 1.2], [1, 0, 1, 1], [0.2, 0.8], [None, 0.8]),
        ([0, 0.1, 0.2, 0.3, 0.4], [0, 1, 1, 1, 0], [0, 0.1, 0.4], [None, 0.1, None]),
        ([0, 0.1], [0, 0], [0, 0.1], [None, None]),
    ],
)
def test_a_track_is_read_at_other_times(known_s, found, wanted_s, places_s):
    track = moving(known_s, None if found is None else np.array(found, bool))
    read = resample(track, np.array(wanted_s, float))
    assert places(read) == [None if place is None else pytest.approx(place) for place in places_s]
    assert read.world_m.shape == (len(wanted_s), 33, 3)


def test_a_frame_a_hair_off_is_that_frame():
    track = moving([0, 0.1, 0.2])
    track.landmarks[1] = np.nan
    track = replace(track, times_s=track.times_s + 1e-9)
    assert places(resample(track, np.array([0.0, 0.2]))) == [0, 0.2]


def test_neighbours_with_one_reason_become_a_span():
    spans = spans_of(np.arange(6) * 0.5, 0.5, ["", "over", "over", "", "nobody", "over"])
    assert spans == (TimeSpan(0.5, 1.5, "over"), TimeSpan(2.0, 2.5, "nobody"), TimeSpan(2.5, 3.0, "over"))
