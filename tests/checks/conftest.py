"""Looks at clips that were never filmed: one letter a moment, so that a table shows what it is about.

=====  ========================================  =====  ========================================
``F``  a full body, upright, from the front      ``L``  it lies
``H``  an upper body                             ``U``  it stands on its head
``P``  a body without a head                     ``B``  a full body from behind
``.``  nobody                                    ``S``  a full body, turned to the side
``C``  a full body, the trunk covered            ``D``  a full body with two joints hidden
``O``  a full body beside another one            ``X``  a blurred full body
=====  ========================================  =====  ========================================
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kling_ui.media.probe import VideoFacts
from kling_ui.vision.analysis import VideoAnalysis
from kling_ui.vision.clip_measurements import Notes, follow_people
from kling_ui.vision.frame_analysis import FrameAnalysis
from kling_ui.vision.pose import Landmark, PoseTrack

Watch = Callable[..., VideoAnalysis]

# Height of BlazePose's 33 landmarks on somebody 1 tall with hanging arms, and how far to the left they are.
HEIGHTS = [0.08, *[0.06] * 6, *[0.07] * 2, *[0.1] * 2, *[0.2] * 2, *[0.34] * 2, *[0.46] * 2, *[0.5] * 6]
HEIGHTS += [*[0.5] * 2, *[0.73] * 2, *[0.93] * 2, *[0.96] * 2, *[0.98] * 2]
SIDES = [0.0, *[0.02] * 10, *[0.1] * 2, *[0.13] * 2, *[0.14] * 8, *[0.06] * 10]
SIGNS = [0.0, *[1.0] * 3, *[-1.0] * 3, *[1.0, -1.0] * 13]
ASPECT = 9 / 16
FACTS = VideoFacts(
    path=Path("dance.mp4"),
    format="mp4",
    size_bytes=5_000_000,
    width_px=1080,
    height_px=1920,
    duration_s=8.0,
    fps=24.0,
    frame_count=192,
    codec="h264",
    pixel_format="yuv420p",
    rotation_deg=0,
    has_audio=True,
    audio_codec="aac",
)
MARKS = {
    "C": {"covered": ("trunk",)},
    "D": {"hidden": ("left wrist", "left elbow")},
    "O": {"others": ((0.7, 0.1, 0.9, 0.9),)},
    "X": {"sharpness": 0.3},
    ".": {"confidence": 0.0, "sharpness": 0.0, "box": None},
}


def body(letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks ``(33, 4)`` and metres ``(33, 3)`` of one letter."""
    if letter == ".":
        return np.full((33, 4), np.nan), np.full((33, 3), np.nan)
    x, y = np.array(SIDES) * SIGNS, 0.1 + 0.8 * np.array(HEIGHTS)
    if letter == "U":
        y = 1 - y
    if letter == "L":
        x, y = y - 0.5, x + 0.5
    landmarks = np.stack([0.5 + x / ASPECT * (0.8 if letter != "L" else 0.5), y, 0 * x, 0 * x + 1], axis=1)
    if letter == "H":
        landmarks[Landmark.LEFT_KNEE :] = (0.5, 1.3, 0, 0.1)
    if letter == "P":
        landmarks[: Landmark.LEFT_SHOULDER] = (0.5, -0.3, 0, 0.1)
    turn = {"B": np.pi, "S": np.pi / 2}.get(letter, 0.0)
    world = np.stack([1.7 * x * np.cos(turn), 1.7 * y, 1.7 * x * np.sin(turn)], axis=1)
    return landmarks, world


@pytest.fixture
def watch() -> Watch:
    """A function that makes a look: ``watch("FFF..FFF", duration_s=8.0, cuts=..., camera=..., motion_speed=...)``.

    The moments lie evenly between the first frame and the last one; every third was searched for others thoroughly.
    """

    def make(letters: str, *, duration_s: float = 8.0, **noted: object) -> VideoAnalysis:
        times_s = np.linspace(0, duration_s - 1 / FACTS.fps, len(letters))
        bodies = [body(letter) for letter in letters]
        landmarks = np.array([landmarks for landmarks, _ in bodies], np.float32).reshape(-1, 33, 4)
        world = np.array([world for _, world in bodies], np.float32).reshape(-1, 33, 3)
        sure = FrameAnalysis(0.0, confidence=0.9, sharpness=0.7, box=(0.3, 0.1, 0.6, 0.9))
        moments = tuple(
            replace(sure, time_s=float(time_s), is_thorough=place % 3 == 0, **MARKS.get(letter, {}))
            for place, (time_s, letter) in enumerate(zip(times_s, letters, strict=True))
        )
        facts = replace(FACTS, duration_s=duration_s, frame_count=round(duration_s * FACTS.fps))
        people = follow_people(moments, ASPECT, duration_s)
        notes = replace(Notes(moments=moments, seen_s=duration_s, people=people), **noted)
        return VideoAnalysis("0" * 64, facts, PoseTrack(times_s, landmarks, world, ASPECT), Path("strip.jpg"), notes)

    return make
