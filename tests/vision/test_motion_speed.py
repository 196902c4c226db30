import cv2
import numpy as np
import pytest

from kling_ui.checks.usability import mean_speed
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.frame_analysis import Figures
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.motion_speed import MotionSpeed, figure_speed, step_speed, view_moved
from kling_ui.vision.pose import PoseTrack

HEIGHT, WIDTH = 90, 160


def flow(right_px: float, *, limb_px: float = 0.0) -> np.ndarray:
    """Everything moves to the right by so much; one limb moves further."""
    moved = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    moved[..., 0] = right_px
    moved[30:50, 60:80, 0] += limb_px
    return moved


@pytest.fixture
def figure() -> np.ndarray:
    on = np.zeros((HEIGHT, WIDTH), bool)
    on[10:80, 60:100] = True
    return on


def speed(
    moved: np.ndarray, on: np.ndarray | None, camera: CameraStep | None = None, *, trunk_px: float = 20.0
) -> float:
    places = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1)
    view_px = None if camera is None else view_moved(places, (WIDTH, HEIGHT), camera, 0.1)
    return step_speed(moved, on, trunk_px=trunk_px, step_s=0.1, view_px=view_px)


def test_the_fast_parts_count_in_trunk_lengths_a_second(figure):
    assert speed(flow(0, limb_px=4), figure) == pytest.approx(4 / 20 / 0.1)
    assert speed(flow(5, limb_px=4), figure) == pytest.approx(4 / 20 / 0.1)


def test_background_within_the_outline_is_not_taken_for_a_limb_of_a_walking_body(figure):
    moved = flow(6)
    moved[:40] = 0  # less than half of the outline
    assert speed(moved, figure) == pytest.approx(0.4 * 6 / 20 / 0.1)


def test_hands_count_the_same_whatever_else_of_the_body_is_in_view(figure):
    upper = figure.copy()
    upper[50:] = False
    assert speed(flow(0, limb_px=4), upper) == speed(flow(0, limb_px=4), figure)


def test_the_whole_body_counts_less(figure):
    assert speed(flow(2), figure) == pytest.approx(0.4 * 2 / 20 / 0.1)


def test_what_the_camera_does_is_taken_off(figure):
    pan = CameraStep(0.0, 0.3, shift_x=6 / WIDTH)  # 2 px in a third of it
    assert speed(flow(2), figure, pan) == pytest.approx(0, abs=1e-5)


def test_a_zoom_moves_what_is_far_from_the_middle(figure):
    rows, columns = np.indices((HEIGHT, WIDTH))
    moved = np.stack([columns - WIDTH / 2, rows - HEIGHT / 2], axis=-1) * 0.02
    zoom = CameraStep(0.0, 0.3, zoom=0.06)
    assert speed(moved, figure, zoom) == pytest.approx(0, abs=1e-5)
    assert speed(moved, figure) > 0.2


@pytest.mark.parametrize("trunk_px", [0.0, -1.0])
def test_without_a_trunk_there_is_no_ruler(figure, trunk_px):
    assert speed(flow(2), figure, trunk_px=trunk_px) == 0


def test_nobody_does_not_move():
    assert speed(flow(2), None) == 0
    assert speed(flow(2), np.zeros((HEIGHT, WIDTH), bool)) == 0


def test_frames_that_are_timed_unevenly_show_no_faster_figure():
    even_s = np.arange(36) / 12
    uneven_s = even_s + 0.45 / 12 * np.sin(2.3 * np.arange(36)) * (np.arange(36) > 0)
    even, uneven = (mean_speed(measured(times_s)) for times_s in (even_s, uneven_s))
    assert even.mean() > 0.5
    assert uneven.max() == pytest.approx(even.max(), rel=0.25)
    assert uneven.mean() == pytest.approx(even.mean(), rel=0.25)


def measured(times_s: np.ndarray) -> MotionSpeed:
    """The speed of somebody whose arm swings by a steady way from frame to frame."""
    on = np.zeros((HEIGHT, WIDTH), bool)
    on[10:80, 40:120] = True
    grain = np.random.default_rng(1).integers(60, 200, (HEIGHT, WIDTH), np.uint8)
    wall, arm = cv2.GaussianBlur(grain, (0, 0), 2), cv2.GaussianBlur(np.rot90(grain, 2)[:20, :20].copy(), (0, 0), 1)
    frames = []
    for index, time_s in enumerate(times_s):
        luma = wall.copy()
        left = 50 + 3 * abs(index % 16 - 8)
        luma[30:50, left : left + 20] = arm
        planes = np.vstack([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
        frames.append(SampledFrame(float(time_s), False, planes))
    landmarks = np.full((len(times_s), 33, 4), 0.5, np.float32)
    landmarks[:, [11, 12], 1], landmarks[:, [23, 24], 1] = 0.3, 0.6
    landmarks[:, [11, 23], 0], landmarks[:, [12, 24], 0] = 0.55, 0.45
    track = PoseTrack(times_s, landmarks, np.zeros((len(times_s), 33, 3), np.float32), WIDTH / HEIGHT)
    return figure_speed(frames, Figures(times_s, list(times_s), [on] * len(times_s)), track, (), is_uneven=True)
