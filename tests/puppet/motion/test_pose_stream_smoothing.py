import numpy as np
import pytest

from kling_ui.puppet.motion.pose_stream import REACH_S, blur, bridge, latch, speeds, steady

FPS = 20.0


def test_a_short_gap_is_crossed_in_a_straight_line():
    values = np.array([[0.0], [99.0], [99.0], [3.0]])
    found = np.array([True, False, False, True])
    assert bridge(values, found, FPS)[:, 0] == pytest.approx([0, 1, 2, 3])


def test_a_long_gap_holds_the_pose_and_eases_into_the_next():
    reach = round(REACH_S * FPS)
    values = np.zeros((60, 1))
    values[59] = 1.0
    found = np.zeros(60, bool)
    found[[0, 59]] = True
    bridged = bridge(values, found, FPS)[:, 0]
    assert bridged[: 59 - reach] == pytest.approx(0)
    assert (np.diff(bridged[59 - reach :]) > 0).all()


def test_both_ends_are_held_where_nobody_was_found():
    found = np.array([False, True, True, False])
    assert bridge(np.array([[9.0], [1.0], [2.0], [9.0]]), found, FPS)[:, 0] == pytest.approx([1, 1, 2, 2])


def test_a_part_of_the_frames_can_be_wanted():
    values, found = np.arange(6.0)[:, None], np.array([True, False, True, False, False, True])
    assert bridge(values, found, FPS, 3)[:, 0] == pytest.approx(bridge(values, found, FPS)[3:, 0])


@pytest.mark.parametrize("sigma_frames", [0.4, 2.0, 30.0])
def test_blur_keeps_constants_and_trends_up_to_the_ends(sigma_frames: float):
    trend = np.linspace(3, 7, 50)[:, None]
    assert blur(trend, sigma_frames) == pytest.approx(trend)


def test_blur_takes_a_single_frame():
    assert blur(np.array([[5.0]]), 3.0).tolist() == [[5.0]]


def test_smoothing_does_not_lag():
    moved = np.where(np.arange(60) >= 30, 1.0, 0.0)[:, None]
    smooth = steady(moved, FPS)[:, 0]
    assert smooth[29] + smooth[30] == pytest.approx(1.0, abs=1e-6)


def test_a_resting_joint_is_calmed_and_a_fast_one_followed():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (200, 1, 2))
    assert steady(noise, FPS, speeds(noise * 0, FPS)).std() < 0.6 * noise.std()
    wave = np.sin(np.arange(200) * 2 * np.pi * 2 / FPS)[:, None, None] * np.array([0.4, 0.0])  # 2 Hz, 40 cm
    followed = steady(wave, FPS, speeds(wave, FPS))
    assert np.abs(followed - wave).max() < 0.1


def test_speeds_are_per_second():
    points = np.stack([np.arange(40) / FPS * 0.5, np.zeros(40)], axis=-1)[:, None]
    assert speeds(points, FPS)[:, 0, 0] == pytest.approx(0.5, rel=1e-3)


def test_a_latch_does_not_flicker_between_its_limits():
    values = np.array([0.0, 0.5, 1.1, 0.5, 0.6, -0.1, 0.5])
    assert latch(values, on=1, off=0, state=False).tolist() == [False, False, True, True, True, False, False]
    assert latch(values[:2], on=1, off=-1, state=True).all()
