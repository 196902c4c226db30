from pathlib import Path

import cv2
import make_examples
import numpy as np
import pytest
from figure import DANCE_S, GESTURE_S, Scene, draw, true_joints

from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.vision.pose import Landmark, find_person, find_poses

STILLS = {"character-full-body.png": make_examples.full_body, "character-upper-body.png": make_examples.upper_body}
CLIPS = {
    "dance-full-body.mp4": (make_examples.dancing, DANCE_S),
    "gesture-upper-body.mp4": (make_examples.talking, GESTURE_S),
}
# In shares of the shoulders' width; measured 0.06, 0.04 and up to 0.09.
LANDMARK_ERROR = 0.12


def example(name: str) -> Path:
    return make_examples.EXAMPLES / name


def landmark_error(landmarks: np.ndarray, scene: Scene, rgb: np.ndarray) -> float:
    """Mean distance of the landmarks inside the picture from the true joints, in shoulder widths."""
    height, width = rgb.shape[:2]
    truth = true_joints(scene, width_px=width, height_px=height)[0, :, :2]
    inside = ((truth >= 0) & (truth < (width, height))).all(1)
    away = np.linalg.norm(landmarks[:, :2] * (width, height) - truth, axis=1)[inside]
    return away.mean() / np.linalg.norm(truth[Landmark.LEFT_SHOULDER] - truth[Landmark.RIGHT_SHOULDER])


@pytest.mark.parametrize("name", STILLS)
def test_character_is_found_where_it_is(name: str) -> None:
    rgb = np.ascontiguousarray(cv2.imread(str(example(name)))[..., ::-1])
    pose = find_person(rgb)
    assert pose is not None
    assert pose.confidence >= 0.5
    assert 0.12 < (pose.subject_share or 0) < 0.4
    assert landmark_error(pose.landmarks, STILLS[name](), rgb) < LANDMARK_ERROR
    assert example(name).stat().st_size < 500_000


@pytest.mark.parametrize("name", CLIPS)
def test_clip_is_small_and_legal(name: str) -> None:
    facts = probe_video(example(name))
    assert (facts.codec, facts.pixel_format, facts.audio_codec) == ("h264", "yuv420p", "aac")
    assert facts.duration_s == pytest.approx(CLIPS[name][1], abs=0.02)
    assert facts.size_bytes < 1_000_000
    assert min(facts.width_px, facts.height_px) >= 340


@pytest.mark.parametrize("name", CLIPS)
def test_clip_shows_one_whole_person_all_the_time(name: str) -> None:
    scene_at, _ = CLIPS[name]
    frames = [frame for frame in read_frames(example(name), container="mp4") if frame.index % 4 == 0]
    for frame, pose in find_poses(frames):
        assert pose is not None, frame.index
        scene = scene_at(frame.time_s)
        height, width = frame.rgb.shape[:2]
        truth = true_joints(scene, width_px=width, height_px=height)[0, :, :2]
        shown = slice(0, 33) if name.startswith("dance") else slice(0, 23)
        assert ((truth[shown] > 0) & (truth[shown] < (width, height))).all(), frame.index
        assert landmark_error(pose.landmarks, scene, frame.rgb) < 2 * LANDMARK_ERROR, frame.index


@pytest.mark.parametrize("name", [*STILLS, *CLIPS])
def test_file_is_what_the_script_draws(name: str) -> None:
    """Whoever changes the figure runs ``assets/make_examples.py`` again."""
    if name in STILLS:
        scene, rgb = STILLS[name](), cv2.imread(str(example(name)))[..., ::-1]
    else:
        scene, rgb = CLIPS[name][0](0.0), next(read_frames(example(name), container="mp4")).rgb
    drawn = draw(scene, width_px=rgb.shape[1], height_px=rgb.shape[0]).rgb
    assert np.abs(drawn.astype(int) - rgb).mean() < 2.5
