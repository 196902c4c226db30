"""Shots told apart on small textures; no decoding, no models."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from kling_ui.vision.camera import CameraStep
from kling_ui.vision.shots import Cut, CutKind, Views, changed_share, find_cuts

FPS = 12
HEIGHT, WIDTH = 90, 160
Draw = Callable[[int], np.ndarray]


def scene(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (9, 16), np.uint8)
    return cv2.GaussianBlur(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), (0, 0), 1.5)


FIRST, SECOND = scene(1), scene(2)


def with_dancer(background: np.ndarray, frame: int) -> np.ndarray:
    """A block that swings from side to side."""
    shown, middle = background.copy(), round(WIDTH / 2 + 20 * np.sin(frame * 0.7))
    shown[20:80, middle - 10 : middle + 10] = 230
    return shown


def cuts(draw: Draw, *, seconds: float = 4.0, known: bool = True, jumped: bool = False) -> tuple[Cut, ...]:
    grey = [draw(frame) for frame in range(round(seconds * FPS))]
    times_s = np.arange(len(grey)) / FPS
    camera = [CameraStep(at_s, at_s + 0.5, is_known=known) for at_s in np.arange(0, seconds, 0.5).tolist()]
    return find_cuts(Views(times_s, grey, lambda _: None, lambda *_: jumped), camera)


@pytest.mark.parametrize(
    "draw",
    [
        lambda _: FIRST,
        lambda frame: with_dancer(FIRST, frame),
        lambda frame: np.full_like(FIRST, 255) if frame == 20 else FIRST,
        lambda frame: np.roll(FIRST, frame * 2, axis=1),
        lambda frame: (FIRST * (0.5 + 0.3 * np.sin(frame))).astype(np.uint8),
        lambda frame: (FIRST * (0.5 if frame < 20 else 1.0)).astype(np.uint8),
    ],
    ids=["a still", "somebody dances", "a flash", "a pan", "the light changes", "a lamp goes on"],
)
def test_one_shot_is_one_shot(draw):
    assert cuts(draw) == ()


def test_a_hard_cut_lies_between_two_frames():
    (cut,) = cuts(lambda frame: with_dancer(FIRST if frame < 20 else SECOND, frame))
    assert cut == Cut(CutKind.HARD, 19 / FPS, 20 / FPS)


def test_each_of_several_cuts_is_found():
    found = cuts(lambda frame: FIRST if frame // 10 % 2 == 0 else SECOND)
    assert [round(cut.first_s * FPS) for cut in found] == [10, 20, 30, 40]


def test_a_blended_frame_between_the_shots_belongs_to_the_cut():
    def draw(frame: int) -> np.ndarray:
        return FIRST if frame < 20 else cv2.addWeighted(FIRST, 0.5, SECOND, 0.5, 0) if frame == 20 else SECOND

    (cut,) = cuts(draw)
    assert cut.kind == CutKind.HARD
    assert cut.last_s == 19 / FPS
    assert cut.first_s == 21 / FPS


def test_a_fade_takes_its_time():
    def draw(frame: int) -> np.ndarray:
        share = float(np.clip((frame - 18) / 12, 0, 1))
        return cv2.addWeighted(FIRST, 1 - share, SECOND, share, 0)

    (cut,) = cuts(draw, seconds=5, known=False)
    assert cut.kind == CutKind.SOFT
    assert 1.0 < cut.last_s < 2.2
    assert 2.2 < cut.first_s < 3.3


def test_a_camera_that_is_followed_never_makes_a_fade():
    assert cuts(lambda frame: np.roll(FIRST, frame * 6, axis=1)) == ()


def test_something_that_appears_is_no_cut_unless_the_person_jumps():
    def draw(frame: int) -> np.ndarray:
        shown = FIRST.copy()
        if frame >= 20:
            shown[:, 60:100] = SECOND[:, 60:100]
        return shown

    assert cuts(draw) == ()
    assert len(cuts(draw, jumped=True)) == 1


def test_how_much_of_the_background_changed():
    rest = np.zeros((HEIGHT, WIDTH), np.int16)
    rest[:, :80] = 40
    figure = np.zeros((HEIGHT, WIDTH), bool)
    assert changed_share(rest, None) == 0.5
    figure[:, :80] = True
    assert changed_share(rest, figure) == 0
    figure[:] = True
    assert changed_share(rest, figure) == 0
