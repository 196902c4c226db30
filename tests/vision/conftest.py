"""Drawn clips, watched once for all tests."""

import pytest
from figure import Actor, Bar, DrawnClip, Scene, dance, write_clip
from figure.cast import DANCER

from kling_ui.media.probe import probe_video
from kling_ui.vision.clip_measurements import ClipMeasurements, measure_clip


@pytest.fixture(scope="session")
def viewed_dance(drawn_dance: DrawnClip) -> ClipMeasurements:
    """A whole body that dances for 1.5 s, watched."""
    return measure_clip(probe_video(drawn_dance.path))


@pytest.fixture(scope="session")
def viewed_trouble(tmp_path_factory: pytest.TempPathFactory) -> ClipMeasurements:
    """A dancer behind a bar for 1 s, a cut to another place, and a dancer who is gone after 2 s; 3 s in all."""

    def scene(time_s: float) -> Scene:
        if time_s < 1:
            return Scene((Actor(DANCER, dance(time_s)),), bars=(Bar(0.0, 0.42, 1.0, 0.55),))
        x_m = 0.0 if time_s < 2 else 9.0
        return Scene((Actor(DANCER, dance(time_s), x_m=x_m),), backdrop="hall")

    path = tmp_path_factory.mktemp("clips") / "trouble.mp4"
    clip = write_clip(path, scene, duration_s=3, fps=12, width_px=288, height_px=512, supersample=1)
    return measure_clip(probe_video(clip.path))
