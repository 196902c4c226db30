import numpy as np
import pytest

from kling_ui.vision.camera import CameraStep, OpticalFlow
from kling_ui.vision.motion_speed import step_speed

HEIGHT, WIDTH = 90, 160


def flow(right_px: float, *, limb_px: float = 0.0) -> OpticalFlow:
    """Everything moves to the right by so much; one limb moves further."""
    moved = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    moved[..., 0] = right_px
    moved[30:50, 60:80, 0] += limb_px
    return OpticalFlow(moved, np.zeros((HEIGHT, WIDTH), np.int16))


@pytest.fixture
def figure() -> np.ndarray:
    on = np.zeros((HEIGHT, WIDTH), bool)
    on[10:80, 60:100] = True
    return on


def speed(
    step: OpticalFlow, on: np.ndarray | None, camera: CameraStep | None = None, *, trunk_px: float = 20.0
) -> float:
    return step_speed(step, on, trunk_px=trunk_px, step_s=0.1, camera=camera)


def test_the_fast_parts_count_in_trunk_lengths_a_second(figure):
    assert speed(flow(0, limb_px=4), figure) == pytest.approx(4 / 20 / 0.1)
    assert speed(flow(3, limb_px=4), figure) == pytest.approx(4 / 20 / 0.1)


def test_the_whole_body_counts_less(figure):
    assert speed(flow(2), figure) == pytest.approx(0.4 * 2 / 20 / 0.1)


def test_what_the_camera_does_is_taken_off(figure):
    pan = CameraStep(0.0, 0.3, shift_x=6 / WIDTH)  # 2 px in a third of it
    assert speed(flow(2), figure, pan) == pytest.approx(0, abs=1e-5)
    unknown = CameraStep(0.0, 0.3, is_known=False)
    assert speed(flow(2), figure, unknown) == pytest.approx(0.4)


def test_a_zoom_moves_what_is_far_from_the_middle(figure):
    rows, columns = np.indices((HEIGHT, WIDTH))
    moved = np.stack([columns - WIDTH / 2, rows - HEIGHT / 2], axis=-1) * 0.02
    zoom = CameraStep(0.0, 0.3, zoom=0.06)
    growing = OpticalFlow(moved.astype(np.float32), np.zeros((HEIGHT, WIDTH), np.int16))
    assert speed(growing, figure, zoom) == pytest.approx(0, abs=1e-5)
    assert speed(growing, figure) > 0.3


@pytest.mark.parametrize("trunk_px", [0.0, -1.0])
def test_without_a_trunk_there_is_no_ruler(figure, trunk_px):
    assert speed(flow(2), figure, trunk_px=trunk_px) == 0


def test_nobody_does_not_move():
    assert speed(flow(2), None) == 0
    assert speed(flow(2), np.zeros((HEIGHT, WIDTH), bool)) == 0
