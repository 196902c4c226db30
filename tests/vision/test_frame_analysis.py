import cv2
import numpy as np
import pytest

from kling_ui.media.image import read_picture
from kling_ui.vision.frame_analysis import analyse_frame, hidden_hands, sharpness
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.pose import Landmark


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


def with_hands(visibility: float, *, x: float = 0.5) -> np.ndarray:
    """Somebody upright whose fingers are seen so well."""
    landmarks = np.full((33, 4), (0.5, 0.4, 0.0, 1.0), np.float32)
    landmarks[Landmark.LEFT_PINKY : Landmark.RIGHT_INDEX + 1] = (x, 0.55, 0.0, visibility)
    return landmarks


def facing(turn_deg: float) -> np.ndarray:
    world = np.zeros((33, 3), np.float32)
    across = np.array([np.cos(np.radians(turn_deg)), 0.0, np.sin(np.radians(turn_deg))]) * 0.2
    world[Landmark.LEFT_SHOULDER], world[Landmark.RIGHT_SHOULDER] = across, -across
    return world


@pytest.mark.parametrize(
    ("visibility", "x", "turn", "hidden"),
    [
        (0.5, 0.5, 0.0, True),
        (0.75, 0.5, 20.0, True),
        (0.87, 0.5, 0.0, False),
        (0.5, 0.99, 0.0, False),
        (0.5, 0.5, 80.0, False),
        (0.5, 0.5, 180.0, False),
    ],
    ids=["in pockets", "behind the back", "folded", "cut off", "from the side", "from behind"],
)
def test_hands_that_are_hidden_in_a_picture(visibility, x, turn, hidden):
    assert bool(hidden_hands(with_hands(visibility, x=x), facing(turn))) is hidden
