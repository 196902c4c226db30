import cv2
import numpy as np
import pytest

from kling_ui.vision.camera import CameraStep, camera_step

WIDTH, HEIGHT = 256, 144


def texture(seed: int = 1) -> np.ndarray:
    """A background with edges everywhere."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (18, 32), np.uint8)
    return cv2.GaussianBlur(cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST), (0, 0), 1.5)


def seen_by(background: np.ndarray, *, x: float = 0, y: float = 0, zoom: float = 1, roll_deg: float = 0) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -roll_deg, zoom)
    matrix[:, 2] += (x, y)
    return cv2.warpAffine(background, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)


def step(before: np.ndarray, after: np.ndarray, figure: np.ndarray | None = None) -> CameraStep:
    return camera_step(before, after, figure, start_s=1.0, end_s=1.3)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ({"x": 8}, {"shift_x": 8 / WIDTH}),
        ({"y": -5}, {"shift_y": -5 / WIDTH}),
        ({"zoom": 1.05}, {"zoom": 0.05}),
        ({"roll_deg": 3}, {"roll_rad": np.radians(3)}),
        ({"x": 6, "zoom": 0.97}, {"shift_x": 6 / WIDTH, "zoom": -0.03}),
    ],
)
def test_what_the_camera_did(move, expected):
    background = texture()
    found = step(background, seen_by(background, **move))
    assert found.is_known
    for name in ("shift_x", "shift_y", "zoom", "roll_rad"):
        assert getattr(found, name) == pytest.approx(expected.get(name, 0), abs=0.006)


def test_a_tripod_measures_nothing_in_spite_of_noise():
    background = texture()
    noisy = background + np.random.default_rng(3).normal(0, 3, background.shape)
    assert step(background, noisy.clip(0, 255).astype(np.uint8)) == CameraStep(1.0, 1.3)


def test_what_the_figure_does_is_not_the_cameras_doing():
    before, after, figure = texture(), texture(), np.zeros((HEIGHT, WIDTH), bool)
    figure[20:, 80:170] = True
    after[20:, 80:170] = texture(2)[20:, 80:170]
    assert step(before, after, figure) == CameraStep(1.0, 1.3)


def test_what_moves_in_one_place_before_a_plain_wall_is_not_the_camera():
    wall = np.full((HEIGHT, WIDTH), 200, np.uint8)
    wall += np.linspace(0, 20, WIDTH).astype(np.uint8)
    before, after = wall.copy(), wall.copy()
    arm = texture(4)[:28, :40]
    before[60:88, 110:150] = arm
    after[62:90, 106:146] = arm
    assert not step(before, after).is_moving


def test_people_who_pass_in_the_distance_are_not_the_camera():
    before, after = np.full((HEIGHT, WIDTH), 180, np.uint8), np.full((HEIGHT, WIDTH), 180, np.uint8)
    for x, by in ((40, 4), (180, -4), (210, -4)):
        before[80:100, x : x + 8] = texture(x)[40:60, 40:48]
        after[80:100, x + by : x + by + 8] = texture(x)[40:60, 40:48]
    assert not step(before, after).is_moving


def test_a_pan_behind_a_figure_that_stays_in_the_middle():
    background, figure = texture(), np.zeros((HEIGHT, WIDTH), bool)
    figure[20:, 100:150] = True
    before, after = background.copy(), seen_by(background, x=8)
    before[20:, 100:150] = after[20:, 100:150] = 40
    assert step(before, after, figure).shift_x == pytest.approx(8 / WIDTH, abs=0.004)


def test_another_scene_is_not_a_camera_movement():
    found = step(texture(), texture(2))
    assert not found.is_known
    assert (found.shift_x, found.zoom) == (0, 0)


def test_a_plain_wall_says_nothing():
    wall = np.full((HEIGHT, WIDTH), 128, np.uint8)
    assert not step(wall, wall).is_known
