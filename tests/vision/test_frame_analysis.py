import cv2
import numpy as np
import pytest

from kling_ui.media.image import read_picture
from kling_ui.vision.frame_analysis import analyse_frame, brightness, exposed, sharpness
from kling_ui.vision.frame_sampling import SampledFrame


@pytest.fixture(scope="module")
def still(drawn_person) -> SampledFrame:
    rgb = cv2.resize(read_picture(drawn_person.path).rgb, (288, 512), interpolation=cv2.INTER_AREA)
    return SampledFrame(1.5, True, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420))


def test_what_one_frame_shows(still):
    analysed = analyse_frame(still, thorough=True)
    assert analysed.pose is not None
    assert analysed.figure is not None
    assert (analysed.moment.time_s, analysed.moment.is_thorough, analysed.moment.others) == (1.5, True, ())
    assert analysed.moment.covered == analysed.moment.hidden == ()
    assert analysed.figure.shape == (160, 90)
    assert 0.05 < analysed.figure.mean() < 0.4


def test_an_empty_frame(still):
    empty = SampledFrame(0.0, True, np.full_like(still.planes, 128))
    analysed = analyse_frame(empty, thorough=False)
    assert (analysed.pose, analysed.figure, analysed.moment.confidence) == (None, None, 0)


def test_blur_is_told_from_sharp_edges_whatever_the_contrast():
    rng, mask = np.random.default_rng(1), np.ones((200, 200), np.float32)
    sharp = cv2.resize(rng.integers(0, 2, (25, 25), np.uint8) * 160 + 40, (200, 200), interpolation=cv2.INTER_NEAREST)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 4)
    faint = (sharp // 3 + 80).astype(np.uint8)
    assert sharpness(blurred, mask) < 0.42 < sharpness(sharp, mask)
    assert sharpness(faint, mask) == pytest.approx(sharpness(sharp, mask), rel=0.15)


def test_a_figure_too_small_to_tell():
    assert sharpness(np.zeros((200, 200), np.uint8), np.zeros((200, 200), np.float32)) == 0


@pytest.mark.parametrize("light", [1.0, 0.5, 0.2, 0.1])
def test_brightness_is_that_of_the_light_parts_of_the_figure(light):
    rgb, mask = np.full((100, 100, 3), 200, np.uint8), np.zeros((100, 100), np.float32)
    mask[20:80, 30:70] = 1
    rgb[20:80, 30:70] = 12  # black clothes
    rgb[20:30, 30:70] = 180  # a face
    dark = (rgb * light).astype(np.uint8)
    assert brightness(dark, mask) == pytest.approx(180 * light / 255, abs=0.02)
    assert brightness(dark) == pytest.approx(200 * light / 255, abs=0.02)


def test_a_dark_picture_is_judged_as_if_it_were_lit(still):
    lit = still.rgb
    assert exposed(lit) is lit
    dark = exposed((lit * 0.25).astype(np.uint8))
    assert np.abs(dark.astype(float) * np.percentile(lit, 99) / np.percentile(dark, 99) - lit).mean() < 6
