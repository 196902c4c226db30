import numpy as np
import pytest

from kling_ui.errors import MediaError
from kling_ui.media import probe
from kling_ui.media.probe import clip_timing, probe_video

EVEN = np.arange(10) / 10


def keys(count: int) -> np.ndarray:
    return np.arange(count) == 0


def test_times_count_from_the_first_picture():
    timing = clip_timing(EVEN + 5, keys(10), 0.1)
    assert timing.duration_s == pytest.approx(1.0)
    assert timing.fps == pytest.approx(10)
    assert timing.keyframe_times_s == (0.0,)


def test_order_of_coding_does_not_matter():
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    shuffled = clip_timing(EVEN[order], keys(10)[order], 0.1)
    assert shuffled == clip_timing(EVEN, keys(10), 0.1)


def test_a_last_picture_of_unknown_length_lasts_as_long_as_the_others():
    assert clip_timing(EVEN, keys(10), 0.0).duration_s == pytest.approx(1.0)


def test_a_single_picture():
    timing = clip_timing(np.zeros(1), keys(1), 0.0)
    assert timing.frame_count == 1
    assert timing.duration_s == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("late", "varies"), [(0, False), (1, False), (3, True)], ids=["even", "one in a hundred", "three in a hundred"]
)
def test_a_few_odd_steps_do_not_make_the_rate_variable(late, varies):
    steps = np.full(100, 0.1)
    steps[[20, 50, 80][:late]] = 0.2
    times = np.concatenate(([0.0], np.cumsum(steps)))
    assert clip_timing(times, keys(101), 0.1).has_variable_rate == varies


def test_clocks_of_one_millisecond_are_even():
    times = np.round(np.arange(120) / 59.94, 3)
    assert not clip_timing(times, keys(120), 0.017).has_variable_rate


GRID = np.array([0, 1, 2, 4, 6, 7, 10, 12, 13, 14, 18, 20, 22, 23, 30, 31])


@pytest.mark.parametrize(
    ("times_s", "fps"),
    [
        (GRID / 24, 24),
        (GRID / 24000 * 1001, 24000 / 1001),
        (np.round(GRID / 30, 3), 30),
        (GRID / 60, 60),
        (GRID / 240, 60),
        (np.arange(40) // 2 / 12 + np.arange(40) % 2 / 48, 48),
        (np.arange(20) / 5, 12),
        (np.arange(300) / 30.02 + 0.003 * np.sin(np.arange(300) ** 2), 30),
    ],
    ids=["film", "NTSC film", "milliseconds", "60", "faster than all", "pairs", "slow", "a phone's jitter"],
)
def test_the_rate_at_which_every_picture_has_its_own_tick(times_s, fps):
    timing = clip_timing(times_s, keys(len(times_s)), 0.0)
    assert timing.every_picture_fps == pytest.approx(fps, abs=1e-4)


def test_a_clip_of_more_pictures_than_anybody_films_is_refused(dance_mp4, monkeypatch):
    count = probe_video(dance_mp4).frame_count
    monkeypatch.setattr(probe, "PICTURES_MAX", count)
    assert probe_video(dance_mp4).frame_count == count
    monkeypatch.setattr(probe, "PICTURES_MAX", count - 1)
    with pytest.raises(MediaError, match="pictures, too many to be checked"):
        probe_video(dance_mp4)


@pytest.mark.parametrize(
    ("times_s", "fps"),
    [
        (np.arange(96) // 2 / 12, 24),  # each stamp twice
        (np.where(np.arange(96) == 10, 9, np.arange(96)) / 24, 24),  # one stamp twice
        (np.arange(120) // 4 * 4 / 30, 30),  # stamps coarser than pictures
        (np.round(np.arange(120) / 30, 1), 30),
        (np.round(np.arange(240) / 60, 2), 60),
    ],
)
def test_stamps_that_stand_still_double_neither_rate_nor_length(times_s, fps):
    timing = clip_timing(times_s, keys(len(times_s)), 0.0)
    assert timing.duration_s == pytest.approx(len(times_s) / fps, rel=0.03)
    assert timing.fps == pytest.approx(fps, rel=0.03)
    assert timing.every_picture_fps == fps
