"""Wrong readings are found and right ones kept, on drawn figures whose joints are known."""

import numpy as np
import pytest

from benchmarks.planted_readings import BOTH, FAULTS, MOTIONS, UPPER, Counts, Planted, motion, plant, readings_of
from kling_ui.vision.plausibility import DOUBT_S_MAX, ReadingSearch, exchanged, plausible_track
from kling_ui.vision.pose import HIPS, SHOULDERS, PoseTrack

FPS = 24.0


@pytest.fixture(scope="module")
def counted():
    """Counts over all motions, for each kind of fault and for right frames, with faults around them and without."""
    kinds, clean = {name: Counts() for name in (*FAULTS, "")}, Counts()
    for seed, name in enumerate(MOTIONS):
        times_s, points = motion(name, FPS, seed)
        planted = plant(times_s, points, seed)
        for kind, counts in kinds.items():
            counts.add(planted, readings_of(times_s, planted.points), kind)
        nothing = np.full(len(times_s), "", object)
        clean.add(Planted(times_s, points, nothing, np.zeros(len(times_s), int)), readings_of(times_s, points))
    return kinds, clean


@pytest.mark.parametrize("kind", FAULTS)
def test_planted_faults_are_found(counted, kind):
    counts = counted[0][kind]
    assert counts.faulty > 20
    assert counts.found >= 0.95 * counts.faulty


def test_right_readings_are_kept_among_faults_and_without(counted):
    among, alone = counted[0][""], counted[1]
    assert among.lost <= 0.01 * among.right
    assert alone.lost <= 0.01 * alone.right


def _track(points: np.ndarray, times_s: np.ndarray) -> PoseTrack:
    landmarks = np.full((*points.shape[:2], 4), 0.9, np.float32)
    landmarks[..., :3] = points / 1000
    world_m = points - points[:, HIPS].mean(axis=1, keepdims=True)
    return PoseTrack(times_s, landmarks, (world_m / 220).astype(np.float32), 1.0)


def test_a_long_exchange_is_undone_and_one_that_lasts_is_left():
    times_s, points = motion("dance", FPS, 1)
    track = _track(points, times_s)
    wrong = points.copy()
    wrong[20:80] = [exchanged(row, BOTH) for row in wrong[20:80]]
    assert np.array_equal(plausible_track(_track(wrong, times_s)).landmarks, track.landmarks)
    turned = _track(np.array([exchanged(row, BOTH) for row in points]), times_s)
    assert np.array_equal(plausible_track(turned).landmarks, turned.landmarks)


def test_a_trunk_that_would_be_wrung_is_put_right():
    times_s, points = motion("back view", FPS, 1)
    wrong = points.copy()
    wrong[50:110] = [exchanged(row, UPPER) for row in wrong[50:110]]
    right = _track(points, times_s)
    assert np.array_equal(plausible_track(_track(wrong, times_s)).landmarks, right.landmarks)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 2.3])
def test_a_beginning_upside_down_is_not_believed(seconds: float):
    times_s, points = motion("gesture", FPS, 2)
    count, wrong = round(seconds * FPS), points.copy()
    middle = wrong[:count, [*SHOULDERS, *HIPS]].mean(axis=1, keepdims=True)
    wrong[:count, :, :2] = (2 * middle - wrong[:count])[..., :2]
    found = plausible_track(_track(wrong, times_s)).found
    assert not found[:count].any()
    assert found[count + round(0.25 * FPS) :].mean() > 0.98  # a few at the border are left out with them


def test_who_lies_or_stands_on_the_head_is_believed():
    for name in ("lying", "lies down", "handstand", "cartwheel"):
        times_s, points = motion(name, FPS, 3)
        assert plausible_track(_track(points, times_s)).found.mean() > 0.98


def test_doubt_ends_when_somebody_stands_or_after_a_while():
    times_s, points = motion("lying", FPS, 4)
    search = ReadingSearch()
    doubts = []
    for time_s, row in zip(times_s, points, strict=True):
        search.add(float(time_s), row[:, :2], row - row[HIPS].mean(axis=0))
        doubts.append(search.readings().in_doubt_from)
    until = round(DOUBT_S_MAX * FPS)
    assert doubts[10] == 0
    assert set(doubts[:until]) == {0}
    assert doubts[-1] == len(times_s)

    standing = ReadingSearch()
    times_s, points = motion("gesture", FPS, 4)
    standing.add(0.0, points[0, :, :2], points[0] - points[0, HIPS].mean(axis=0))
    assert standing.readings().in_doubt_from == 1


def test_nobody_and_a_single_reading_are_no_trouble():
    search = ReadingSearch()
    assert not len(search.readings().believed)
    search.add(0.0, np.full((33, 2), np.nan), np.full((33, 3), np.nan))
    assert search.readings().believed.tolist() == [False]
    _, points = motion("gesture", FPS, 5)
    search.add(0.1, points[0, :, :2], points[0] - points[0, HIPS].mean(axis=0))
    assert search.readings().believed.tolist() == [False, True]
    assert search.readings(since=2).believed.tolist() == [False, False]
