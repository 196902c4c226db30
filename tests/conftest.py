"""Drawn media for all tests: real files of a person whose joints are exactly known."""

from pathlib import Path

import pytest
from figure import Actor, Camera, DrawnClip, DrawnStill, Scene, dance, gesture, tune, write_clip, write_still
from figure.cast import DANCER, MAYA, THEO

HALF_BODY = Camera(y_m=1.28, height_m=1.15)


@pytest.fixture(scope="session")
def media_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the drawn files lie; read them, never change them."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def drawn_person(media_dir: Path) -> DrawnStill:
    """A character, whole body, 540 x 960."""
    return write_still(media_dir / "person.png", Scene((Actor(MAYA),)), width_px=540, height_px=960, supersample=1.5)


@pytest.fixture(scope="session")
def drawn_upper_body(media_dir: Path) -> DrawnStill:
    """Another character, head to waist with both hands, 800 x 600."""
    scene = Scene((Actor(THEO, gesture(0.7)),), HALF_BODY)
    return write_still(media_dir / "upper-body.png", scene, width_px=800, height_px=600, supersample=1.5)


@pytest.fixture(scope="session")
def drawn_dance(media_dir: Path) -> DrawnClip:
    """A whole body that dances for 1.5 s, 360 x 640, 16 frames a second, with sound."""
    return write_clip(
        media_dir / "dance.mp4",
        lambda t: Scene((Actor(DANCER, dance(t)),)),
        duration_s=1.5,
        fps=16,
        width_px=360,
        height_px=640,
        sound=tune(1.5),
    )


@pytest.fixture(scope="session")
def drawn_talk(media_dir: Path) -> DrawnClip:
    """Head to waist, talking with the hands for 1.5 s, 480 x 360, 16 frames a second, no sound."""
    return write_clip(
        media_dir / "talk.mp4",
        lambda t: Scene((Actor(DANCER, gesture(t)),), HALF_BODY),
        duration_s=1.5,
        fps=16,
        width_px=480,
        height_px=360,
    )


@pytest.fixture(scope="session")
def person_png(drawn_person: DrawnStill) -> Path:
    """Path of :func:`drawn_person`."""
    return drawn_person.path


@pytest.fixture(scope="session")
def upper_body_png(drawn_upper_body: DrawnStill) -> Path:
    """Path of :func:`drawn_upper_body`."""
    return drawn_upper_body.path


@pytest.fixture(scope="session")
def dance_mp4(drawn_dance: DrawnClip) -> Path:
    """Path of :func:`drawn_dance`."""
    return drawn_dance.path


@pytest.fixture(scope="session")
def talk_mp4(drawn_talk: DrawnClip) -> Path:
    """Path of :func:`drawn_talk`."""
    return drawn_talk.path
