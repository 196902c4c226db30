from collections.abc import Callable

import numpy as np
import pytest
from figure.clip import DrawnClip

from kling_ui.media.video import Frame, read_frames
from kling_ui.vision.pose import Landmark, Pose, find_poses
from kling_ui.vision.tracking import EVERY_MAX, detection_stride, off_course, on_parabola, track_poses, track_sparsely

REST = np.zeros((33, 2))
REST[[Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]] = (0.6, 0.3), (0.4, 0.3)
REST[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]] = (0.55, 0.6), (0.45, 0.6)


def pose(x: float = 0.0, wrist: float = 0.0, visibility: float = 1.0) -> Pose:
    """Somebody who stands ``x`` to the right, the left wrist ``wrist`` further."""
    landmarks = np.column_stack([REST + np.array([x, 0]), np.zeros(33), np.full(33, visibility)]).astype(np.float32)
    landmarks[Landmark.LEFT_WRIST, 0] += wrist
    return Pose(landmarks, landmarks[:, :3] * 2, None, 0.5)


def frames(count: int) -> list[Frame]:
    return [Frame(index, index / 24, np.zeros((4, 4, 3), np.uint8)) for index in range(count)]


def seen(count: int, at: Callable[[int], Pose | None], every: int = 2) -> tuple[list[Pose | None], list[int]]:
    looked: list[int] = []

    def look(frame: Frame) -> Pose | None:
        looked.append(frame.index)
        return at(frame.index)

    given = list(track_sparsely(frames(count), look, every=every))
    assert [frame.index for frame, _ in given] == list(range(count))
    return [found for _, found in given], looked


@pytest.mark.parametrize("every", [2, 3, 4])
def test_a_steady_motion_is_read_off_few_looks(every: int):
    poses, looked = seen(25, lambda index: pose(0.01 * index + 0.0002 * index**2), every)
    assert sorted(looked) == sorted({*range(every + 1), *range(0, 25, every), *range(25 - 24 % every, 25)})
    for index, found in enumerate(poses):
        expected = pose(0.01 * index + 0.0002 * index**2)
        assert found.landmarks == pytest.approx(expected.landmarks, abs=1e-6)
        assert found.world_m == pytest.approx(expected.world_m, abs=1e-6)


def test_a_jerk_is_looked_at_closely():
    poses, looked = seen(21, lambda index: pose(wrist=0.3 if index >= 11 else 0.0))
    assert {9, 11} & set(looked) == {11}
    assert [float(found.landmarks[Landmark.LEFT_WRIST, 0]) for found in poses[10:13]] == pytest.approx([0, 0.3, 0.3])


def test_frames_beside_one_that_shows_nobody_are_looked_at():
    poses, looked = seen(17, lambda index: None if index in {7, 8} else pose())
    assert [index for index, found in enumerate(poses) if found is None] == [7, 8]
    assert {index for index in looked if index % 2} == {1, 7, 9, 11}


@pytest.mark.parametrize(("fps", "every"), [(8, 1), (15, 1), (23.976, 1), (24, 2), (30, 2), (50, 4), (120, EVERY_MAX)])
def test_looks_are_twelve_a_second_and_more(fps: float, every: int):
    assert detection_stride(fps) == every


def test_off_course_is_told_in_sizes_of_the_trunk_and_of_visible_joints():
    assert off_course([pose(0.0), pose(0.1), pose(0.2)], 1.0) == pytest.approx(0, abs=1e-6)
    assert off_course([pose(), pose(), pose(wrist=0.15)], 1.0) == pytest.approx(0.5, abs=1e-5)
    assert off_course([pose(), pose(), pose(wrist=0.15)], 0.5) == pytest.approx(0.25, abs=1e-5)
    assert off_course([pose(), pose(), pose(wrist=0.15, visibility=0.2)], 1.0) == 0


def test_visibility_stays_between_its_neighbours():
    between = on_parabola([pose(visibility=0.0), pose(visibility=1.0), pose(visibility=0.9)], 0.5)
    assert between.landmarks[:, 3] == pytest.approx(0.95)


def test_a_drawn_dance_reads_nearly_the_same(drawn_dance: DrawnClip):
    clip = list(read_frames(drawn_dance.path, container="mp4", long_side_px=640))
    every = [found.landmarks[:, :2] for _, found in find_poses(clip)]
    some = [found.landmarks[:, :2] for _, found in track_poses(clip, fps=24)]
    assert np.linalg.norm(np.array(every) - some, axis=-1).mean() < 0.006
