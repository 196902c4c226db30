"""From measurements to spans; the letters are explained in ``conftest.py``."""

import numpy as np
import pytest

from kling_ui.checks.usability import SpanKind, camera_spans, cut_spans, fast_spans, forecast, mean_speed
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.motion_speed import MotionSpeed
from kling_ui.vision.shots import Cut, CutKind


def kinds(timeline) -> list[str]:
    return [span.kind.value for span in timeline.spans]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("F" * 40, ["good"]),
        ("F" * 20 + "." + "F" * 20, ["good", "nobody", "good"]),
        ("F" * 40 + "." + "F" * 40, ["good"]),
        ("F" * 20 + "P" * 20, ["good", "out of view"]),
        ("F" * 20 + "O" * 20, ["good", "several people"]),
        ("F" * 30 + "O" * 10, ["good", "several people"]),
        ("F" * 20 + "O" + "F" * 19, ["good"]),
        ("F" * 20 + "C" * 20, ["good", "occluded"]),
        ("F" * 36 + "C" * 4, ["good", "occluded"]),
        ("F" * 38 + "C" * 2, ["good"]),
        ("F" * 20 + "D" * 20, ["good", "occluded"]),
        ("F" * 34 + "D" * 6, ["good"]),
        ("P" * 10 + "." * 10 + "F" * 20, ["nobody", "good"]),
        ("." * 40, ["nobody"]),
    ],
)
def test_what_the_moments_show(watch, letters, expected):
    found = kinds(forecast(watch(letters)))
    if letters.startswith("P"):
        expected = ["out of view", *expected]
    assert found == expected


def test_a_fault_reaches_to_the_good_moments_around_it(watch):
    analysis = watch("FFFF..FFFF", duration_s=10.0)
    before_s, after_s = analysis.track.times_s[3], analysis.track.times_s[6]
    (nobody,) = [span for span in forecast(analysis).spans if span.kind == SpanKind.NOBODY]
    assert nobody.start_s == pytest.approx(before_s + 1 / 24)
    assert nobody.end_s == pytest.approx(after_s)


def test_what_was_not_watched_is_not_promised(watch):
    timeline = forecast(watch("F" * 40, duration_s=90.0, seen_s=60.0))
    assert kinds(timeline) == ["good", "not looked at"]
    assert timeline.usable_s == 60


def test_cuts_of_both_kinds(watch):
    cuts = (Cut(CutKind.HARD, 1.0, 1.0 + 1 / 24), Cut(CutKind.SOFT, 3.0, 3.8), Cut(CutKind.HARD, 5.0, 5.25))
    spans = [(span.start_s, span.end_s) for span in cut_spans(watch("F" * 8, cuts=cuts))]
    assert spans[0] == pytest.approx((1 + 1 / 24, 1 + 1 / 24))  # between two frames: no time is lost
    assert spans[1] == (3.0, 3.8)
    assert spans[2] == pytest.approx((5 + 1 / 24, 5.25))  # somewhere among the frames that were not decoded


def moved(*shifts: float, step_s: float = 0.3) -> tuple[CameraStep, ...]:
    """Steps of a camera that moves so many long sides of the picture to the right in each."""
    return tuple(CameraStep(n * step_s, (n + 1) * step_s, shift_x=shift) for n, shift in enumerate(shifts))


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([0.0] * 20, []),
        ([0.004, -0.004] * 10, []),
        ([0.0] * 6 + [0.08] + [0.0] * 6, []),
        ([0.0] * 6 + [0.04] * 3 + [0.0] * 6, [(1.8, 2.7)]),
        ([0.02, -0.02] * 10, [(0.0, 6.0)]),
        ([0.0] * 4 + [0.006] * 20, [(1.2, 7.2)]),
        ([0.003] * 20, []),
    ],
    ids=["a tripod", "a steady hand", "a jolt", "a quick pan", "a shaking hand", "a slow pan", "a creep"],
)
def test_when_the_camera_moves(shifts, expected):
    spans = [(span.start_s, span.end_s) for span in camera_spans(moved(*shifts))]
    assert spans == [pytest.approx(span) for span in expected]


def test_zoom_and_roll_count_as_movement_too():
    zooming = tuple(CameraStep(n * 0.3, n * 0.3 + 0.3, zoom=0.03) for n in range(10))
    rolling = tuple(CameraStep(n * 0.3, n * 0.3 + 0.3, roll_rad=0.03) for n in range(10))
    assert len(list(camera_spans(zooming))) == len(list(camera_spans(rolling))) == 1


def motion_speed(*speeds: float, every_s: float = 0.25) -> MotionSpeed:
    return MotionSpeed(tuple((n + 0.5) * every_s for n in range(len(speeds))), speeds)


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ([2.6] * 20, []),
        ([1.0] * 8 + [6.0] + [1.0] * 8, []),
        ([1.0] * 8 + [4.0] * 4 + [1.0] * 8, [(2.0, 3.0)]),
        ([3.5] * 12, [(0.125, 2.875)]),
        ([1.8] * 14 + [3.6] * 10, [(3.5, 5.875)]),
        ([], []),
    ],
    ids=["a lively dance", "one quick blow", "a quick second", "quick all along", "quick in the end", "nobody"],
)
def test_when_moves_are_too_fast(speeds, expected):
    assert [(span.start_s, span.end_s) for span in fast_spans(motion_speed(*speeds))] == expected


def test_the_mean_near_the_ends_is_that_of_the_first_and_last_second():
    mean = mean_speed(motion_speed(4, 0, 0, 0, 0, 0, 0, 0, 0, 4))
    assert mean[0] == pytest.approx(mean[1])
    assert mean[0] == pytest.approx(1.0)
    assert mean[4] == 0
    assert mean[-1] == pytest.approx(1.0)


def test_the_mean_of_a_second_does_not_depend_on_how_closely_it_was_measured():
    """A calm second, a quick one and a calm one; the quick one and its edges are measured four times as closely."""
    closely_s = np.arange(0.03125, 3, 0.0625)
    loosely_s = [time_s for time_s in closely_s if 0.9 < time_s < 2.1 or round((time_s - 0.03125) / 0.0625) % 4 == 0]
    closely, loosely = (
        mean_speed(MotionSpeed(tuple(times_s), tuple(4.0 if 1 <= time_s < 2 else 1.0 for time_s in times_s)))
        for times_s in (closely_s, loosely_s)
    )
    assert closely.max() == pytest.approx(4.0, abs=0.1)
    assert loosely.max() == pytest.approx(4.0, abs=0.1)
    here = np.isin(closely_s, loosely_s)
    assert loosely == pytest.approx(closely[here], abs=0.3)
