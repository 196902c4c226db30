import cv2
import numpy as np
import pytest
from figure import Scene, draw

from benchmarks.labelled.conditions import CONDITIONS
from benchmarks.labelled.stills import veiled
from kling_ui.media.image import read_picture
from kling_ui.vision.lighting import exposed, lighting
from kling_ui.vision.pose import FACE, Pose, shrink

HEIGHT, WIDTH = 100, 100


def figure() -> tuple[np.ndarray, Pose]:
    """Somebody in black with a lit face before a light wall."""
    rgb, mask = np.full((HEIGHT, WIDTH, 3), 200, np.uint8), np.zeros((HEIGHT, WIDTH), np.float32)
    mask[20:80, 30:70] = 1
    rgb[20:80, 30:70] = 12
    rgb[20:30, 30:70] = 180
    landmarks = np.full((33, 4), 0.5, np.float32)
    landmarks[FACE, 0] = np.linspace(0.35, 0.65, len(FACE))
    landmarks[FACE, 1] = np.where(np.arange(len(FACE)) % 2, 0.22, 0.28)
    return rgb, Pose(landmarks, np.zeros((33, 3), np.float32), mask, 0.9)


@pytest.mark.parametrize("light", [1.0, 0.5, 0.2, 0.1])
def test_brightness_is_that_of_the_light_parts_of_the_figure(light):
    rgb, pose = figure()
    dark = (rgb * light).astype(np.uint8)
    assert lighting(dark, pose).brightness == pytest.approx(180 * light / 255, abs=0.02)
    assert lighting(dark).brightness == pytest.approx(200 * light / 255, abs=0.02)


@pytest.mark.parametrize("veil", [0.0, 0.4, 0.8])
def test_shade_is_that_of_the_dark_parts_of_the_figure(veil):
    rgb, pose = figure()
    washed_out = (rgb * (1 - veil) + 255 * veil).astype(np.uint8)
    expected = veil + (1 - veil) * 12 / 255
    assert lighting(washed_out, pose).shade == pytest.approx(expected, abs=0.01)
    assert lighting(washed_out).shade == pytest.approx(expected, abs=0.01)


def test_light_clothes_and_walls_are_no_shade_where_hair_is_dark():
    rgb, pose = figure()
    rgb[:] = 255
    rgb[30:80, 30:70] = 245
    rgb[20:24, 30:70] = 30  # hair, 7 % of the figure
    assert lighting(rgb, pose).shade == pytest.approx(30 / 255, abs=0.01)
    assert lighting(rgb).shade == pytest.approx(30 / 255, abs=0.01)


@pytest.mark.parametrize(("level", "glare"), [(180, 0), (240, 0), (255, 1)])
def test_glare_is_a_face_without_differences(level, glare):
    rgb, pose = figure()
    rgb[20:30, 30:70] = level
    assert lighting(rgb, pose).glare == pytest.approx(glare, abs=0.1)


@pytest.mark.parametrize(("share", "level", "glare"), [(0.0, 255, 0), (0.7, 255, 0.7), (1.0, 255, 1), (1.0, 245, 0)])
def test_without_anybody_glare_is_how_much_of_the_picture_is_burnt_out(share, level, glare):
    rgb = np.full((HEIGHT, WIDTH, 3), 170, np.uint8)
    rgb[: round(share * HEIGHT)] = level
    assert lighting(rgb).glare == pytest.approx(glare, abs=0.01)


@pytest.mark.parametrize("condition", [None, "noise", "grain", "compressed"])
@pytest.mark.parametrize("veil", [0.0, 0.85, 0.92])
def test_somebody_appears_behind_a_veil_and_nobody_before_a_pale_wall(drawn_person, backdrop, veil, condition):
    person = cv2.resize(read_picture(drawn_person.path).rgb, (288, 512), interpolation=cv2.INTER_AREA)
    change = CONDITIONS[condition] if condition else (lambda rgb: rgb)
    hazy, empty = (shrink(change(veiled(veil)(rgb)), 224) for rgb in (person, backdrop))
    assert lighting(hazy).is_veiled is (veil > 0)
    assert not lighting(empty).is_veiled
    assert lighting(hazy).glare == 0 or veil == 0


@pytest.fixture(params=["hall", "plain"])
def backdrop(request) -> np.ndarray:
    """An empty room with pale walls."""
    return draw(Scene((), backdrop=request.param), width_px=288, height_px=512, supersample=1).rgb


def test_a_dark_picture_is_judged_as_if_it_were_lit(drawn_person):
    lit = cv2.resize(read_picture(drawn_person.path).rgb, (288, 512), interpolation=cv2.INTER_AREA)
    assert exposed(lit) is lit
    dark = exposed((lit * 0.25).astype(np.uint8))
    assert np.abs(dark.astype(float) * np.percentile(lit, 99) / np.percentile(dark, 99) - lit).mean() < 6
