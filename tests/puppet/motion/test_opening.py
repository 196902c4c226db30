"""How a clip opens, written into the files of its pieces and read again."""

import json

import numpy as np
import pytest

from kling_ui.puppet.motion.opening import MOMENTS_MAX, NOTE, ClipOpening
from kling_ui.puppet.motion.pose_stream import SmoothedMotion


def opening(frames: int = 30) -> SmoothedMotion:
    rng = np.random.default_rng(3)
    points, world, face = (rng.normal(0.5, 0.2, (frames, *shape)) for shape in ((18, 2), (18, 3), (3,)))
    return SmoothedMotion(points, world, np.ones((frames, 18)), np.full(frames, 0.4), face, np.zeros((frames, 2)), 30.0)


def test_what_is_read_is_what_was_written():
    motion = opening()
    kept = ClipOpening.from_note(ClipOpening.of(motion).note)
    assert len(kept.scale) <= MOMENTS_MAX
    assert kept.points[0] == pytest.approx(motion.points[0], abs=1e-5), "the first frame is what places are measured by"
    again = kept.as_motion(24.0)
    assert (len(again), again.fps) == (len(kept.scale), 24.0)


def test_a_short_opening_is_kept_whole():
    assert len(ClipOpening.of(opening(7)).scale) == 7


def changed(**values: object) -> str:
    return NOTE + json.dumps(json.loads(ClipOpening.of(opening(2)).note.removeprefix(NOTE)) | values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Filmed on a phone",
        NOTE,
        NOTE + "[1, 2",
        NOTE + "[" * 15_000,
        NOTE + "7",
        changed(points=[]),
        changed(points=[[[0.1, 0.2]] * 18]),  # of one moment, the rest of two
        changed(scale=[[0.4, 0.4]]),
        changed(scale=[0.4, 0.0]),
        changed(scale=[0.4, 1e9]),
        changed(scale=["a", "b"]),
        changed(face=[[0.0, 0.0, float("nan")]] * 2),
        changed(face=[[0.0, 0.0, 11.0]] * 2),
        changed(face=None),
        changed(scale=[0.4] * 50, points=[[[0.1, 0.2]] * 18] * 50, face=[[0.0] * 3] * 50),
    ],
)
def test_what_no_clip_opens_with_is_not_taken(text):
    assert ClipOpening.from_note(text) is None
