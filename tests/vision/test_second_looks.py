"""Frames whose readings are not believed are looked at again, and what fits is taken."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figure import Actor, Camera, Scene, gesture, write_clip
from figure.cast import MAYA
from PIL import Image

from benchmarks.planted_readings import MOTIONS, motion, readings_of
from kling_ui.media.probe import sniff_video
from kling_ui.media.video import read_frames
from kling_ui.puppet.motion.pose_stream import PoseStream
from kling_ui.vision.plausibility import Readings, ReadingSearch, plausible_track, search_of
from kling_ui.vision.pose import HIPS, KEYPOINTS, SHOULDERS, Pose, PoseTrack, find_poses, track_of
from kling_ui.vision.second_looks import Rereader, mended_track, new_looks, thinned, unbelieved

FPS, SECONDS, WRONG = 12, 2.5, 12
_CAMERA = Camera(height_m=2.6)


def _upside_down(points: np.ndarray) -> np.ndarray:
    middle = points[:, [*SHOULDERS, *HIPS], :2].mean(axis=1, keepdims=True)
    return np.concatenate([2 * middle - points[..., :2], points[..., 2:]], axis=-1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PoseTrack, PoseTrack]:
    """A clip of somebody who gestures, its track, and the same with a second at the start read upside down."""
    path = tmp_path_factory.mktemp("clips") / "gesture.mp4"
    write_clip(
        path,
        lambda t: Scene((Actor(MAYA, gesture(t)),), _CAMERA, "hall"),
        duration_s=SECONDS,
        fps=FPS,
        width_px=320,
        height_px=320,
        supersample=1,
    )
    track = track_of(find_poses(read_frames(path, container=sniff_video(path))))
    landmarks, world_m = track.landmarks.copy(), track.world_m.copy()
    landmarks[:WRONG], world_m[:WRONG] = _upside_down(landmarks[:WRONG]), _upside_down(world_m[:WRONG])
    return path, track, replace(track, landmarks=landmarks, world_m=world_m)


def _apart(track: PoseTrack, other: PoseTrack, first: int, end: int) -> float:
    """The mean distance of the keypoints, in shares of the picture."""
    away = track.landmarks[first:end, KEYPOINTS, :2] - other.landmarks[first:end, KEYPOINTS, :2]
    return float(np.linalg.norm(away, axis=-1).mean())


def test_a_beginning_read_upside_down_is_read_again(clip):
    path, track, wrong = clip
    assert not plausible_track(wrong).found[:WRONG].any()
    mended = plausible_track(mended_track(wrong, path))
    assert mended.found.all()
    assert _apart(mended, track, 0, WRONG) < 0.02
    assert np.array_equal(mended.landmarks[WRONG:], track.landmarks[WRONG:])


def test_somebody_lost_in_between_is_found_again_in_the_mirror_too(clip):
    path, track, _ = clip
    landmarks, world_m = track.landmarks.copy(), track.world_m.copy()
    landmarks[8:14], world_m[8:14] = np.nan, np.nan
    mended = mended_track(replace(track, landmarks=landmarks, world_m=world_m), path)
    assert mended.found.all()
    assert _apart(mended, track, 8, 14) < 0.02
    turned = track_of(
        find_poses(replace(f, rgb=f.rgb[:, ::-1].copy()) for f in read_frames(path, container=sniff_video(path)))
    )
    landmarks, world_m = turned.landmarks.copy(), turned.world_m.copy()
    landmarks[8:14], world_m[8:14] = np.nan, np.nan
    mended = mended_track(replace(turned, landmarks=landmarks, world_m=world_m), path, in_mirror=True)
    assert _apart(mended, turned, 8, 14) < 0.02


def test_a_clip_whose_readings_are_believed_is_not_opened_again(clip, tmp_path: Path):
    _, track, _ = clip
    assert mended_track(track, tmp_path / "gone.mp4") is track


def test_a_preview_moves_where_it_would_have_held_a_pose(clip):
    path, track, wrong = clip
    held, moving, right = (PoseStream.of(one, FPS) for one in (wrong, wrong, track))
    rereader = Rereader(path)
    moving.look_again(WRONG, rereader)
    rereader.close()
    poses = [stream.perform(0, WRONG).points for stream in (held, moving, right)]
    assert np.ptp(poses[0], axis=0).max() < 0.01
    assert np.linalg.norm(poses[1] - poses[2], axis=-1).mean() < 0.02
    assert np.ptp(poses[1], axis=0).max() > 0.05


def _search(points: np.ndarray, times_s: np.ndarray) -> ReadingSearch:
    search = ReadingSearch()
    for time_s, row in zip(times_s, points, strict=True):
        search.add(float(time_s), row[:, :2], row - row[HIPS].mean(axis=0))
    return search


def test_of_several_looks_the_one_that_fits_is_taken():
    times_s, points = motion("dance", 24.0, 1)
    wrong = points.copy()
    wrong[30:36] = _upside_down(points[30:36])
    search = _search(wrong, times_s)
    assert not search.readings().believed[30:36].any()
    aside = points + np.array([400.0, 0.0, 0.0])
    looks = {
        frame: [(row[:, :2], row - row[HIPS].mean(axis=0)) for row in (aside[frame], points[frame])]
        for frame in range(30, 36)
    }
    search.look_again(range(30, 36), looks)
    readings = search.readings()
    assert readings.believed.all()
    assert readings.look[30:36].tolist() == [1] * 6
    assert (np.delete(readings.look, range(30, 36)) == -1).all()


def test_somebody_whom_only_new_looks_see_is_not_believed():
    times_s, points = motion("dance", 24.0, 1)
    gone = points.copy()
    gone[40:80] = np.nan
    search = _search(gone, times_s)
    aside = 0.4 * points + np.array([700.0, 300.0, 0.0])
    looks = {frame: [(aside[frame, :, :2], aside[frame] - aside[frame, HIPS].mean(axis=0))] for frame in range(40, 80)}
    search.look_again(range(40, 80), looks)
    readings = search.readings()
    assert not readings.believed[40:80].any()
    assert readings.believed[:40].all()
    assert readings.believed[81:].all()


def test_what_is_looked_at_again():
    times_s, points = motion("dance", 24.0, 1)
    gone = points.copy()
    gone[20], gone[40:50], gone[80:] = np.nan, np.nan, np.nan
    readings: Readings = readings_of(times_s, gone)
    assert unbelieved(readings, times_s, 0, 80) == [list(range(40, 50))]
    assert unbelieved(readings, times_s, 0, len(times_s))[1] == list(range(80, len(times_s)))
    assert unbelieved(readings, times_s, 0, 20) == []
    assert thinned(range(40, 50), 24.0) == [40, 42, 44, 46, 48]
    assert unbelieved(readings_of(times_s[:5], gone[40:45]), times_s[:5], 0, 5) == []


def _drawn_track(path: Path, actor_at: Callable[[float], Actor], *, seconds: float) -> PoseTrack:
    write_clip(
        path,
        lambda t: Scene((actor_at(t),), Camera(height_m=3.2), "hall"),
        duration_s=seconds,
        fps=FPS,
        width_px=320,
        height_px=320,
        supersample=1,
    )
    return track_of(find_poses(read_frames(path, container=sniff_video(path))))


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PoseTrack]:
    """A clip of somebody who lies, and its track."""
    path = tmp_path_factory.mktemp("clips") / "lying.mp4"
    return path, _drawn_track(path, lambda t: Actor(MAYA, gesture(t), tilt_deg=90), seconds=SECONDS)


@pytest.mark.parametrize("first", [0, 9, 18])
def test_who_lies_and_is_read_upside_down_for_a_while_is_read_again(lying, first: int):
    path, track = lying
    wrong = slice(first, first + WRONG)
    landmarks, world_m = track.landmarks.copy(), track.world_m.copy()
    landmarks[wrong], world_m[wrong] = _upside_down(landmarks[wrong]), _upside_down(world_m[wrong])
    mended = plausible_track(mended_track(replace(track, landmarks=landmarks, world_m=world_m), path))
    assert mended.found.all()
    assert _apart(mended, track, 0, len(track.times_s)) < 0.02


def test_who_lies_the_other_way_after_a_cut_is_believed(tmp_path: Path):
    path = tmp_path / "cut.mp4"
    track = _drawn_track(path, lambda t: Actor(MAYA, gesture(t), tilt_deg=90 if t < 0.9 else -90), seconds=SECONDS)
    assert track.found.all()
    readings = search_of(track).readings()
    assert readings.contested[:10].all()
    assert not readings.contested[11:].any()
    mended = mended_track(track, path)
    assert plausible_track(mended).found.sum() >= plausible_track(track).found.sum() > 20
    assert np.array_equal(mended.landmarks[:10], track.landmarks[:10])


def test_a_frame_is_read_twice_where_it_is_asked_for_twice(clip):
    path, _, _ = clip
    with closing(Rereader(path)) as rereader:
        first, again, later = (next(rereader.read([time_s])) for time_s in (0.5, 0.5, 1.0))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)


def test_where_nobody_is_near_a_few_frames_are_looked_at_and_who_comes_back_is_found_to_the_frame(tmp_path: Path):
    path, comes, read_from = tmp_path / "away.mp4", 38, 53
    track = _drawn_track(path, lambda t: Actor(MAYA, gesture(t)), seconds=5.0)
    landmarks, world_m = track.landmarks.copy(), track.world_m.copy()
    landmarks[6:read_from], world_m[6:read_from] = np.nan, np.nan
    wrong, decoded = replace(track, landmarks=landmarks, world_m=world_m), []
    empty = Image.new("RGB", (320, 320), "grey")

    class Hidden(Rereader):
        """Nobody is shown from the sixth frame on, until somebody comes back."""

        def read(self, times_s: Sequence[float]) -> Iterator[np.ndarray]:
            for time_s, rgb in zip(times_s, super().read(times_s), strict=True):
                decoded.append(round(time_s * FPS))
                yield rgb if round(time_s * FPS) >= comes else np.asarray(empty)

    search = search_of(wrong)
    rereader = Hidden(path)
    looks = new_looks(
        search,
        search.readings(),
        range(len(track.times_s)),
        times_s=track.times_s,
        rereader=rereader,
        pose_of=lambda frame: Pose(landmarks[frame], world_m[frame], None, 1.0),
    )
    rereader.close()
    assert [frame for frame in looks if looks[frame]] == list(range(comes, read_from))
    assert search.readings().believed.tolist() == [not 6 <= frame < comes for frame in range(60)]
    assert len([frame for frame in decoded if 16 <= frame < comes]) < 14


def test_the_doubt_about_a_reading_spreads_as_far_as_the_detector_sees_something_else(tmp_path: Path):
    path = tmp_path / "handstand.mp4"
    track = _drawn_track(path, MOTIONS["handstand"], seconds=5.0)
    upside_down = range(24, 42)  # by the motion; the tracker reads most of it some other way

    def rises(mended: PoseTrack) -> np.ndarray:
        points = mended.landmarks[upside_down]
        return points[:, HIPS, 1].mean(axis=1) - points[:, SHOULDERS, 1].mean(axis=1)

    assert (rises(plausible_track(track)) > -0.1).sum() > 5
    assert (rises(plausible_track(mended_track(track, path))) < -0.1).mean() > 0.9
