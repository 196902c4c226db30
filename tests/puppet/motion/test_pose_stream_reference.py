import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from figure import Actor, Scene
from figure.cast import DANCER
from figure.scene import true_joints

from kling_ui.errors import MediaError
from kling_ui.puppet.motion.pose_stream import REACH_S, PoseStream, smoothed_motion
from kling_ui.puppet.skeleton import Joint
from kling_ui.vision.pose import Landmark, Pose, PoseTrack
from kling_ui.vision.second_looks import Rereader

FPS = 20.0


def wandering_track(frames: int, *, lost: tuple[int, ...] = ()) -> PoseTrack:
    rng = np.random.default_rng(7)
    joints_m = true_joints(Scene((Actor(DANCER),)), width_px=500, height_px=1000)[0] / (
        1000 / Scene(()).camera.height_m
    )
    world = joints_m - joints_m[23:25].mean(axis=0) + np.cumsum(rng.normal(0, 0.004, (frames, 33, 3)), axis=0)
    landmarks = np.full((frames, 33, 4), 0.9)
    landmarks[..., :3] = 0.5 + (world + np.cumsum(rng.normal(0, 0.005, (frames, 1, 3)), axis=0)) / (1, 2, 1)
    landmarks[list(lost)], world[list(lost)] = np.nan, np.nan
    return PoseTrack(np.arange(frames) / FPS, landmarks.astype(np.float32), world.astype(np.float32), 0.5)


def test_a_stretch_is_cleaned_as_the_whole_would_be():
    track = wandering_track(90, lost=(30, 31, 52))
    whole = smoothed_motion(track, FPS)
    pose_stream = PoseStream.of(track, FPS)
    for start in range(0, 90, 12):
        stretch, same = pose_stream.perform(start, min(start + 12, 90)), whole[start : start + 12]
        assert np.allclose(stretch.points, same.points)
        assert np.allclose(stretch.scale, same.scale)
        assert np.allclose(stretch.face, same.face)
        assert np.allclose(stretch.speed_m_s, same.speed_m_s)


def test_a_stretch_does_not_depend_on_frames_beyond_its_reach():
    track, reach = wandering_track(90), int(np.ceil(REACH_S * FPS)) + 1
    early = PoseStream(FPS)
    for n in range(40 + reach):
        early.add(n / FPS, track.aspect, Pose(track.landmarks[n], track.world_m[n], None, 0.5))
    assert np.allclose(early.perform(28, 40).points, smoothed_motion(track, FPS)[28:40].points)


def test_points_have_square_units():
    track = wandering_track(30)
    assert smoothed_motion(track, FPS).points[0, Joint.LEFT_KNEE] == pytest.approx(
        track.landmarks[0, Landmark.LEFT_KNEE, :2] * (0.5, 1), abs=0.02
    )


def test_a_swapped_stretch_stays_repaired():
    track = wandering_track(40)
    landmarks, world = track.landmarks.copy(), track.world_m.copy()
    legs = np.arange(23, 33)
    others = legs + np.where(legs % 2 == 1, 1, -1)
    for values in (landmarks, world):
        values[15:25, legs] = values[15:25, others]
    wrong = PoseTrack(track.times_s, landmarks, world, track.aspect)
    assert np.allclose(smoothed_motion(wrong, FPS).points, smoothed_motion(track, FPS).points)


class _NeverAsked(Rereader):
    def __init__(self) -> None:
        pass

    def read(self, times_s: Sequence[float]) -> Iterator[np.ndarray]:
        raise AssertionError(f"looked again at {times_s}")


def test_nothing_of_a_long_clip_whose_readings_are_believed_is_looked_at_again():
    frames = 240  # 12 s: of what was given out more than 3.6 s ago nothing is told any more
    pose_stream = PoseStream.of(wandering_track(frames), FPS)
    for start in range(0, frames, 12):
        pose_stream.look_again(start + 12, _NeverAsked())
        assert len(pose_stream.perform(start, start + 12)) == 12


def test_waiting_ends_with_enough_frames_or_with_the_clip():
    pose_stream, track = PoseStream(FPS), wandering_track(10)
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.extend((pose_stream.wait_for(3), pose_stream.wait_for(99))))
    thread.start()
    for n in range(10):
        pose_stream.add(n / FPS, 1.0, None if n == 4 else Pose(track.landmarks[n], track.world_m[n], None, 0.5))
    pose_stream.close()
    thread.join(10)
    assert seen[0] >= 3
    assert seen[1] == 10
    assert pose_stream.anybody


def test_what_ended_the_reading_reaches_the_one_who_waits(tmp_path):
    pose_stream = PoseStream(FPS)
    pose_stream.close(MediaError("it broke off.", path=tmp_path / "clip.mp4"))
    with pytest.raises(MediaError, match="broke off"):
        pose_stream.wait_for(1)
