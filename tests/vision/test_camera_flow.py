import cv2
import numpy as np
import pytest

from kling_ui.vision.camera import FlowMeter


@pytest.fixture
def scene() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 255, (90, 160), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.float32)
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def test_movement_is_followed_and_explained(scene):
    flow = FlowMeter().between(scene, np.roll(scene, (2, 4), (0, 1)))
    inner = flow.moved_px[15:-15, 15:-15]
    assert np.median(inner[..., 0]) == pytest.approx(4, abs=0.3)
    assert np.median(inner[..., 1]) == pytest.approx(2, abs=0.3)
    assert np.abs(flow.rest[15:-15, 15:-15]).mean() < 3


def test_another_picture_cannot_be_explained(scene):
    meter = FlowMeter()
    assert meter.between(scene, scene).unexplained == 0
    assert meter.between(scene, 255 - scene).unexplained > 25


def test_a_change_of_the_light_is_no_difference(scene):
    dim = (scene * 0.8).astype(np.uint8)
    assert FlowMeter().between(dim, dim + 30).unexplained < 1.5


def test_one_meter_serves_several_sizes(scene):
    meter = FlowMeter()
    assert meter.between(scene, scene).moved_px.shape == (90, 160, 2)
    assert meter.between(scene.T.copy(), scene.T.copy()).moved_px.shape == (160, 90, 2)


@pytest.mark.parametrize("height", [8, 16, 20, 24, 30, 31])
@pytest.mark.parametrize("is_upright", [False, True])
def test_very_long_pictures_are_measured_too(scene, height, is_upright):
    band = np.ascontiguousarray(scene[:height].T if is_upright else scene[:height])
    flow = FlowMeter().between(band, band)
    assert flow.moved_px.shape == (*band.shape, 2)
    assert flow.rest.shape == band.shape
    assert flow.unexplained == 0
