import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kling_ui.errors import WorkError
from kling_ui.media.image import read_picture
from kling_ui.media.video import read_frames
from kling_ui.vision import detector
from kling_ui.vision.pose import KEYPOINTS, Landmark, find_poses


def test_mediapipe_is_loaded_without_matplotlib_and_leaves_no_stand_in_behind():
    code = (
        "import sys; from kling_ui.vision.detector import FaceDetector; FaceDetector();"
        "print([name for name in sys.modules if name.startswith('matplotlib')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_matplotlib_that_is_loaded_already_stays():
    code = (
        "import sys, types; sys.modules['matplotlib'] = real = types.ModuleType('matplotlib');"
        "sys.modules['matplotlib.pyplot'] = real.pyplot = types.ModuleType('matplotlib.pyplot');"
        "from kling_ui.vision.detector import load_library; load_library();"
        "print(sys.modules['matplotlib'] is real)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_without_mediapipe_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(WorkError, match="mediapipe is not installed") as raised:
        detector.PoseTracker(connected=True, score_min=0.5)
    assert raised.value.advice.endswith("pip install --no-deps mediapipe==0.10.21")


def test_a_tracker_that_is_lent_again_reads_as_a_new_one(dance_mp4):
    frames = [frame.rgb for frame in read_frames(dance_mp4, container="mp4", long_side_px=640)]

    def read() -> list[np.ndarray]:
        with detector.lent_tracker(0.5) as tracker:
            seen.append(tracker)
            return [found.landmarks for frame in frames[:8] if (found := tracker.read(frame)) is not None]

    seen: list[detector.PoseTracker] = []
    first = read()
    with detector.lent_tracker(0.5) as tracker:  # leaves somebody at another place behind
        tracker.read(np.ascontiguousarray(frames[-1][:, ::-1]))
    with ThreadPoolExecutor(1) as another:
        again = another.submit(read).result()
    assert seen[0] is seen[1]
    assert len(first) == 8
    assert np.array_equal(first, again)


def test_a_tracker_reads_what_the_ready_made_solution_reads(dance_mp4):
    detector.load_library()
    from mediapipe.python.solutions.pose import Pose  # noqa: PLC0415  loads in seconds, only where used

    frames = [frame.rgb for frame in read_frames(dance_mp4, container="mp4", long_side_px=640)][:12]
    frames.insert(6, np.zeros_like(frames[0]))  # loses the person, who is then detected anew
    with detector.lent_tracker(0.5) as tracker, Pose(smooth_landmarks=False) as ready_made:
        found = 0
        for frame in frames:
            ours, theirs = tracker.read(frame), ready_made.process(frame)
            assert (ours is None) == (theirs.pose_landmarks is None)
            if ours is not None:
                found += 1
                places = [(p.x, p.y, p.z, p.visibility) for p in theirs.pose_landmarks.landmark]
                metres = [(p.x, p.y, p.z) for p in theirs.pose_world_landmarks.landmark]
                assert np.array_equal(ours.landmarks, np.asarray(places, np.float32))
                assert np.array_equal(ours.world_m, np.asarray(metres, np.float32))
    assert found >= 10


def test_what_only_a_models_mask_needs_is_left_out_of_it():
    detector.load_library()
    import mediapipe  # noqa: PLC0415
    from mediapipe.tasks.metadata.schema_py_generated import Model  # noqa: PLC0415

    def layout(model: bytes) -> tuple[int, list[tuple[int, ...]]]:
        graph = Model.GetRootAsModel(model, 0).Subgraphs(0)
        shapes = [tuple(graph.Tensors(place).ShapeAsNumpy()) for place in graph.OutputsAsNumpy()]
        return graph.OperatorsLength(), shapes

    path = Path(mediapipe.__file__).parent / "modules" / "pose_landmark" / "pose_landmark_full.tflite"
    whole = path.read_bytes()
    smaller = detector.without_output(whole, 2)
    (before, shapes), (after, left) = layout(whole), layout(smaller)
    assert shapes[2] == (1, 256, 256, 1)
    assert left == [*shapes[:2], shapes[3], *shapes[3:]]
    assert after < before
    assert layout(detector.without_output(smaller, 2))[0] == after


def test_two_at_once_have_two_trackers_and_a_failure_leaves_none_behind():
    with detector.lent_tracker(0.5) as one, detector.lent_tracker(0.5) as other:
        assert one is not other
    with pytest.raises(KeyError), detector.lent_tracker(0.5) as failed:
        raise KeyError
    with detector.lent_tracker(0.5) as fresh:
        assert fresh is not failed


def test_the_version_to_install_is_the_one_that_is_locked():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert detector.INSTALLING.split()[-1] in project["dependencies"]


def test_each_living_thread_has_an_object_of_its_own_and_one_that_ended_leaves_its_to_the_next():
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    own = detector.OnePerThread(make)
    here = own.get()
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        there, elsewhere = first.submit(own.get).result(), second.submit(own.get).result()
        assert first.submit(own.get).result() is there
    assert len({id(kept) for kept in (here, there, elsewhere)}) == 3
    with ThreadPoolExecutor(1) as third:
        assert third.submit(own.get).result() in (there, elsewhere)
    assert own.get() is here
    assert len(made) == 3


def test_a_pose_detector_that_a_thread_left_behind_reads_as_a_new_one(dance_mp4):
    frame = next(read_frames(dance_mp4, container="mp4", long_side_px=640)).rgb
    kept = detector.OnePerThread(detector.PoseDetector)

    def read() -> np.ndarray:
        own = kept.get()
        found = own.read(frame, own.candidates(frame)[0])
        assert found is not None
        return np.concatenate([found.landmarks.ravel(), found.mask.ravel()])

    readings = []
    for _ in range(2):
        with ThreadPoolExecutor(1) as thread:
            readings.append(thread.submit(read).result())
    assert np.array_equal(*readings)


def padded(rgb: np.ndarray, oblong: float, share: float, *, is_tall: bool = False) -> np.ndarray:
    """A picture so many times as long as wide, with this one at a share of what is added."""
    rgb = rgb.transpose(1, 0, 2) if is_tall else rgb
    height, width = rgb.shape[:2]
    added = round(oblong * height) - width
    before = round(share * added)
    wide = np.pad(rgb, ((0, 0), (before, added - before), (0, 0)), mode="edge")
    return np.ascontiguousarray(wide.transpose(1, 0, 2) if is_tall else wide)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("oblong", [1.8, 2.4, 2.6, 4.0, 5.5])
def test_who_fills_the_height_of_a_wide_picture_is_found_once(drawn_person, oblong, share):
    person = cv2.resize(read_picture(drawn_person.path).rgb, (90, 160), interpolation=cv2.INTER_AREA)
    found = [body for body in detector.PoseDetector().candidates(padded(person, oblong, share)) if body.score >= 0.5]
    assert [body.score > 0.9 for body in found] == [True]
    x, y = drawn_person.joints_px[0][[Landmark.LEFT_HIP, Landmark.RIGHT_HIP], :2].mean(axis=0)
    added_px = round(oblong * 160) - 90
    assert found[0].x_px == pytest.approx(round(share * added_px) + x / 6, abs=6)
    assert found[0].y_px == pytest.approx(y / 6, abs=6)


def test_who_stands_low_in_a_tall_picture_is_found(drawn_person):
    person = cv2.resize(read_picture(drawn_person.path).rgb, (90, 160), interpolation=cv2.INTER_AREA)
    found = detector.PoseDetector().candidates(padded(person, 5.0, 0.6, is_tall=True))
    assert found[0].score > 0.9
    hips = drawn_person.joints_px[0][[Landmark.LEFT_HIP, Landmark.RIGHT_HIP], 1].mean()
    assert found[0].y_px == pytest.approx(174 + hips / 6, abs=6)


def test_a_wide_clip_is_followed_frame_by_frame(dance_mp4):
    frames = list(read_frames(dance_mp4, container="mp4", long_side_px=240))[:6]
    poses = [
        next(iter(find_poses([replace(frame, rgb=padded(frame.rgb, oblong, 0.4))])))[1]
        for oblong in (1.5, 5.0)
        for frame in frames
    ]
    assert all(pose is not None for pose in poses)
    for near, far in zip(poses[:6], poses[6:], strict=True):
        assert near.world_m[KEYPOINTS] == pytest.approx(far.world_m[KEYPOINTS], abs=0.12)
