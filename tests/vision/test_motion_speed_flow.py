import numpy as np
import pytest

from kling_ui.vision.camera import CameraStep
from kling_ui.vision.frame_analysis import Figures
from kling_ui.vision.motion_speed import MotionSpeed, cut_apart
from kling_ui.vision.shots import Cut, CutKind

STEPS = tuple(CameraStep(n * 0.5, n * 0.5 + 0.5, shift_x=0.1) for n in range(4))
PACE = MotionSpeed((0.25, 0.75, 1.25, 1.75), (1.0, 2.0, 3.0, 4.0))


def test_nothing_moves_across_a_hard_cut():
    moves, motion_speed = cut_apart(STEPS, PACE, [Cut(CutKind.HARD, 0.7, 0.8)])
    assert [step.shift_x for step in moves] == [0.1, 0, 0.1, 0.1]
    assert [step.is_known for step in moves] == [True, False, True, True]
    assert motion_speed == MotionSpeed(PACE.times_s, (1.0, 0.0, 3.0, 4.0))


def test_nothing_moves_within_a_fade():
    moves, motion_speed = cut_apart(STEPS, PACE, [Cut(CutKind.SOFT, 0.6, 1.4)])
    assert [step.is_known for step in moves] == [True, False, False, True]
    assert motion_speed.trunks_per_s == (1, 0, 0, 4)


def test_without_cuts_all_stays():
    assert cut_apart(STEPS, PACE, []) == (STEPS, PACE)


def figures(*columns: int | None, every_s: float = 0.5) -> Figures:
    """Somebody who stands in one column, or nobody, at each moment; ten frames a second."""
    outlines = []
    for column in columns:
        outline = None
        if column is not None:
            outline = np.zeros((90, 160), bool)
            outline[20:80, column] = True
        outlines.append(outline)
    at_s = [place * every_s for place in range(len(columns))]
    return Figures(np.arange(0, len(columns) * every_s, 0.1), at_s, outlines)


def at(outline: np.ndarray | None) -> list[int]:
    """The middles of the columns in which somebody is."""
    if outline is None:
        return []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], outline.any(axis=0), [False])).astype(int)))
    return ((edges[::2] + edges[1::2]) // 2).tolist()


@pytest.mark.parametrize(
    ("columns", "start_s", "end_s", "expected"),
    [
        ((40, 80, 120), 0.0, 0.0, [40]),
        ((40, 80, 120), 0.2, 0.3, [40, 80]),
        ((40, 80, 120), 0.0, 1.0, [40, 80, 120]),
        ((40, None, 120), 0.6, 0.7, [120]),
        ((None, None), 0.0, 0.5, []),
    ],
)
def test_where_somebody_is_between_moments(columns, start_s, end_s, expected):
    assert at(figures(*columns).during(start_s, end_s)) == expected


def test_an_outline_is_not_borrowed_from_far_away():
    far = figures(40, 80, every_s=4.0)
    assert at(far.during(1.9, 2.0)) == []
    assert at(far.at(4)) == [40]
