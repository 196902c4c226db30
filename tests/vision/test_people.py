import cv2
import numpy as np
import pytest

from kling_ui.media.image import read_picture
from kling_ui.vision.detector import DetectedFace
from kling_ui.vision.people import find_group, group_of, mask_box, other_faces, search, shows_detail
from kling_ui.vision.pose import Pose


@pytest.fixture(scope="module")
def person(drawn_person) -> np.ndarray:
    return read_picture(drawn_person.path).rgb


def on_wall(person: np.ndarray, *lefts: float, tall: float, size: tuple[int, int] = (720, 960)) -> np.ndarray:
    """Copies of a picture, so high and so far to the right as shares of the wall."""
    height, width = size
    rgb = np.full((height, width, 3), (196, 205, 214), np.uint8)
    small_height = round(tall * height)
    small = cv2.resize(
        person, (round(small_height * person.shape[1] / person.shape[0]), small_height), interpolation=cv2.INTER_AREA
    )
    top = height - small_height
    for left in lefts:
        column = round(left * width)
        rgb[top:, column : column + small.shape[1]] = small[:, : width - column]
    return rgb


def test_one_person_is_alone(person):
    group = find_group(person)
    assert group.count == 1
    assert group.others == ()


def test_two_people_side_by_side(person):
    group = find_group(on_wall(person, 0.05, 0.55, tall=1.0))
    assert group.count == 2
    (other,) = group.others
    assert group.main is not None
    assert (mask_box(group.main)[0] < 0.5) != (other[0] < 0.5)


def beside(light: float, draw: str) -> np.ndarray:
    """A lit wall over a floor, and what stands in the right half."""
    rgb = np.full((320, 240, 3), (190, 200, 210), np.uint8)
    rgb[220:] = (120, 110, 100)
    if draw == "body":
        cv2.circle(rgb, (180, 120), 14, (205, 160, 130), -1)
        cv2.rectangle(rgb, (165, 135), (195, 215), (60, 80, 140), -1)
        cv2.rectangle(rgb, (167, 215), (193, 280), (40, 40, 45), -1)
    if draw == "noise":
        rgb = cv2.add(rgb, np.random.default_rng(3).normal(0, 2.5, rgb.shape), dtype=cv2.CV_8U)
    return (rgb * light).astype(np.uint8)


@pytest.mark.parametrize("light", [1.0, 0.25])
@pytest.mark.parametrize(("draw", "expected"), [("nothing", False), ("noise", False), ("body", True)])
def test_detail_beside_the_known(draw, expected, light):
    known = np.zeros((320, 240), bool)
    known[40:300, 20:100] = True
    assert shows_detail(beside(light, draw), known) is expected


def test_what_belongs_to_the_known_is_no_detail_beside_them():
    rgb = beside(1.0, "nothing")
    rgb[60:280:4, 30:90:4] = 0
    known = np.zeros((320, 240), bool)
    known[50:290, 25:95] = True
    assert not shows_detail(rgb, known)
    assert shows_detail(rgb, np.zeros_like(known))


def test_nobody():
    group = find_group(np.full((300, 400, 3), 180, np.uint8))
    assert (group.main, group.others, group.count) == (None, (), 0)
    assert search(np.full((300, 400, 3), 180, np.uint8)) == []


@pytest.mark.parametrize("left", [0.05, 0.5, 0.85])
def test_a_tiny_person_is_found_in_parts_of_the_picture(person, left):
    rgb = on_wall(person, left, tall=0.3, size=(720, 1280))
    group = group_of(search(rgb))
    assert group.main is not None
    assert group.main.subject_share is not None
    assert 0.003 < group.main.subject_share < 0.02
    box = mask_box(group.main)
    assert left - 0.01 < box[0]
    assert box[2] < left + 0.12


def face(middle: float, width: float) -> DetectedFace:
    return DetectedFace(0.9, (middle - width / 2, 0.1, middle + width / 2, 0.1 + width))


@pytest.mark.parametrize(
    ("faces", "count"),
    [
        ([], 0),
        ([face(0.5, 0.1)], 0),
        ([face(0.3, 0.1), face(0.7, 0.09)], 1),
        ([face(0.3, 0.1), face(0.7, 0.04)], 0),
        ([face(0.5, 0.1), face(0.55, 0.1)], 0),
        ([face(0.2, 0.1), face(0.5, 0.1), face(0.8, 0.1)], 2),
    ],
    ids=["nobody", "one", "two", "one far behind", "one found twice", "three"],
)
def test_faces_of_others(faces, count):
    assert len(other_faces(faces, (600, 600))) == count


def test_the_box_around_a_mask():
    mask = np.zeros((100, 200), np.float32)
    mask[10:50, 20:60] = 1
    pose = Pose(np.zeros((33, 4)), np.zeros((33, 3)), mask, 0.9)
    assert mask_box(pose) == (0.1, 0.1, 0.3, 0.5)
    assert mask_box(Pose(pose.landmarks, pose.world_m, None, 0.9)) == (0, 0, 0, 0)
