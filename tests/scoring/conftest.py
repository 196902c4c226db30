"""Pose tracks of the drawn figure: its true joints, so that every injected error is known exactly."""

from collections.abc import Callable

import numpy as np
import pytest
from figure import Actor, Camera, Look, Pose, dance
from figure.cast import DANCER
from figure.landmarks import landmarks
from figure.skeleton import solve

from kling_ui.vision.pose import PoseTrack

WIDTH_PX, HEIGHT_PX = 720, 1280
TrackMaker = Callable[..., PoseTrack]


def _true_track(
    motion: Callable[[float], Pose] = dance,
    *,
    look: Look = DANCER,
    duration_s: float = 6.0,
    fps: float = 24.0,
    late_s: float = 0.0,
    tilt_deg: float = 0.0,
    y_m: float = 0.92,
    height_m: float = 3.0,
) -> PoseTrack:
    """What a perfect detector would find in a clip of the figure; all of it is visible."""
    times_s = np.arange(round(duration_s * fps)) / fps
    marks, metres = [], []
    for time_s in times_s:
        actor = Actor(look, motion(float(time_s) - late_s), tilt_deg=tilt_deg)
        world = actor.to_world(landmarks(look, solve(actor.pose, look.build)))
        pixels = Camera(y_m=y_m, height_m=height_m).project(world, HEIGHT_PX, WIDTH_PX)
        marks.append(np.column_stack([pixels / [WIDTH_PX, HEIGHT_PX, WIDTH_PX], np.ones(33)]))
        metres.append(world - world[23:25].mean(axis=0))
    return PoseTrack(times_s, np.array(marks, np.float32), np.array(metres, np.float32), WIDTH_PX / HEIGHT_PX)


@pytest.fixture(scope="session")
def true_track() -> TrackMaker:
    """Makes a track: ``true_track(motion, look=, duration_s=, fps=, late_s=, tilt_deg=, y_m=, height_m=)``."""
    return _true_track


@pytest.fixture(scope="session")
def dance_track() -> PoseTrack:
    """Six seconds of dance at 24 frames a second; read it, never change it."""
    return _true_track()
