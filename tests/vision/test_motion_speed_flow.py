from itertools import cycle

import cv2
import numpy as np
import pytest
from figure import Actor, Scene, dance, draw, true_joints
from figure.cast import DANCER

from kling_ui.checks.usability import mean_speed
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.frame_analysis import Figures
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.motion_speed import MotionSpeed, cut_apart, figure_speed
from kling_ui.vision.pose import HIPS, SHOULDERS, PoseTrack
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


FRAMES_PER_S, CALM_S, ALL_S = 16, 4.0, 8.0


def waving(trunks_per_s: float, time_s: float, texture: np.ndarray) -> SampledFrame:
    """Something still of 288 px whose middle swings to and fro within 40 px; a trunk is 57.6 px long."""
    way_px = (trunks_per_s * 57.6 * time_s) % 80
    shift = round(way_px if way_px < 40 else 80 - way_px)
    luma = texture.copy()
    luma[110:180, 90 + shift : 160 + shift] = texture[10:80, 10:80]
    return SampledFrame(time_s, False, np.concatenate([luma, np.full((144, 288), 128, np.uint8)]))


def test_the_speed_is_measured_closely_where_it_is_high_and_loosely_elsewhere():
    noise = np.random.default_rng(5).integers(0, 255, (36, 36), np.uint8)
    texture = cv2.resize(noise, (288, 288), interpolation=cv2.INTER_CUBIC)
    times_s = np.arange(0, ALL_S, 1 / FRAMES_PER_S)
    frames = [waving(0.4 if time_s < CALM_S else 3.5, float(time_s), texture) for time_s in times_s]
    landmarks = np.ones((2, 33, 4), np.float32)
    landmarks[:, SHOULDERS, :2], landmarks[:, HIPS, :2] = (0.5, 0.4), (0.5, 0.6)
    on = np.zeros((160, 160), bool)
    on[40:120, 30:130] = True
    track = PoseTrack(np.array([0.0, ALL_S]), landmarks, np.zeros((2, 33, 3), np.float32), 1.0)
    speed = figure_speed(frames, Figures(times_s, np.arange(0, ALL_S + 1), [on] * 9), track, ())
    at_s, trunks_per_s = np.array(speed.times_s), np.array(speed.trunks_per_s)
    apart_s = np.diff(at_s)
    calmly_s = apart_s[at_s[1:] < CALM_S - 1.6]
    assert calmly_s.mean() > 0.17
    assert calmly_s.min() > 0.09
    assert len(set(calmly_s.round(3))) > 2  # at no beat, which a dance might have, too
    assert apart_s[at_s[:-1] > CALM_S].max() < 0.07
    assert np.median(trunks_per_s[at_s < CALM_S]) < 0.6
    assert np.median(trunks_per_s[at_s > CALM_S]) == pytest.approx(3.5, abs=0.5)


def test_a_clip_that_seems_to_stand_still_is_measured_closely():
    flat = np.full((432, 288), 90, np.uint8)
    times_s = np.arange(0, 2, 1 / FRAMES_PER_S)
    landmarks = np.ones((1, 33, 4), np.float32)
    landmarks[:, SHOULDERS, :2], landmarks[:, HIPS, :2] = (0.5, 0.4), (0.5, 0.6)
    track = PoseTrack(np.zeros(1), landmarks, np.zeros((1, 33, 3), np.float32), 1.0)
    frames = [SampledFrame(float(time_s), False, flat) for time_s in times_s]
    speed = figure_speed(frames, Figures(times_s, [0.0, 1.0, 2.0], [np.ones((160, 160), bool)] * 3), track, ())
    assert np.diff(speed.times_s).max() < 0.15
    assert max(speed.trunks_per_s) == 0


DANCED_S, TICKS_PER_S = 2.2, 60
SIZE = {"width_px": 288, "height_px": 512}


@pytest.fixture(scope="module", params=[1.6, 2.2])
def danced(request) -> tuple[list[SampledFrame], list[np.ndarray], PoseTrack]:
    """A dance at so many times its speed, 60 frames a second, with its outlines and its true poses."""
    scenes = [Scene((Actor(DANCER, dance(request.param * n / TICKS_PER_S)),)) for n in range(round(DANCED_S * 60))]
    empty = draw(Scene(()), **SIZE, supersample=1).rgb
    pictures = [draw(scene, **SIZE, supersample=1).rgb for scene in scenes]
    frames = [
        SampledFrame(n / TICKS_PER_S, False, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420))
        for n, rgb in enumerate(pictures)
    ]
    outlines = [np.abs(rgb.astype(np.int16) - empty).max(axis=-1) > 12 for rgb in pictures]
    joints = np.array([true_joints(scene, **SIZE)[0] for scene in scenes])
    landmarks = np.ones((len(joints), 33, 4), np.float32)
    landmarks[..., :2] = joints[..., :2] / (SIZE["width_px"], SIZE["height_px"])
    times_s = np.array([frame.time_s for frame in frames])
    world_m = np.zeros((len(joints), 33, 3), np.float32)
    return frames, outlines, PoseTrack(times_s, landmarks, world_m, SIZE["width_px"] / SIZE["height_px"])


def test_a_dance_is_as_fast_at_any_frame_rate(danced):
    frames, outlines, track = danced
    times_s = track.times_s

    def fastest(*steps: int, shown_at: int = TICKS_PER_S) -> float:
        """With so many sixtieths between two frames, in turn; each shows what a clip with fewer pictures would show."""
        place, shown = 0, []
        for step in cycle(steps):
            if place >= len(frames):
                break
            drawn = place * shown_at // TICKS_PER_S * TICKS_PER_S // shown_at
            shown.append(SampledFrame(place / TICKS_PER_S, False, frames[drawn].planes))
            place += step
        figures = Figures(times_s, times_s[::5].tolist(), outlines[::5])
        return float(mean_speed(figure_speed(shown, figures, track, ())).max())

    even = [fastest(step) for step in (3, 4, 5, 6)]
    skipped = [fastest(2, 6), fastest(4, 6), fastest(2, 4, 6)]  # as where pictures are left out that nothing builds on
    repeated = [fastest(4, shown_at=30), fastest(4, shown_at=20), fastest(4, 6, shown_at=30)]
    speeds = np.array([*even, *skipped, *repeated])
    assert speeds.min() > 1.5
    assert speeds.max() / speeds.min() < 1.35, speeds.round(2)  # 1.97 where steps have gaps between them
