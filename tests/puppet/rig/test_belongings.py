"""What is held goes with the hand, and what hides a hand stays with the body."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from figure import Actor, Camera, Look, Pose, Scene, draw, pair
from figure.cast import DANCER, MAYA, THEO

from kling_ui.puppet.rig.belongings import with_belongings
from kling_ui.puppet.rig.character import Character, find_character, shown_parts
from kling_ui.puppet.rig.segmentation import label_parts
from kling_ui.puppet.skeleton import ARMS, Joint, Part
from kling_ui.vision.pose import Landmark

SIZE = WIDTH, HEIGHT = 540, 960
CAMERA = Camera(y_m=0.95, height_m=2.4)
PX_PER_M = HEIGHT / CAMERA.height_m
AT_HIP = Pose(
    hands=np.array([[0.30, -0.88, 0.1], [0.20, -0.66, 0.25]]), elbows=pair(0.9, -0.4, -0.5), twists=pair(0.4, 0.1)
)
FOLDED = Pose(hands=pair(-0.12, -0.62, 0.42), elbows=pair(1.0, -0.3, -0.3), twists=pair(0.2, 0.2))
ON_HIPS = Pose(hands=pair(-0.02, -0.62, 0.14), elbows=pair(1.0, -0.05, -0.25), twists=pair(-0.2, 0.3))
BEHIND = Pose(hands=pair(-0.06, -0.80, -0.30), elbows=pair(1.0, 0.0, -0.6))
IN_POCKETS = Pose(hands=pair(0.06, -0.86, 0.14), elbows=pair(1.0, 0.0, -0.6), twists=pair(0.1, 0.0))
Paint = Callable[[np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Shown:
    """A drawn character, how it was cut, and what was painted over it."""

    character: Character
    labels: np.ndarray
    painted: np.ndarray


def shown(folder: Path, look: Look, pose: Pose, paint: Paint | None = None) -> Shown:
    picture = draw(Scene((Actor(look, pose),), CAMERA, "hall"), width_px=WIDTH, height_px=HEIGHT, supersample=1.5)
    rgb = picture.rgb.copy()
    if paint is not None:
        paint(rgb, picture.joints_px[0, :, :2])
    painted = (rgb != picture.rgb).any(axis=-1)
    cv2.imwrite(str(folder / "shown.png"), rgb[..., ::-1])
    character = find_character(folder / "shown.png", sides_px=(960, 540))
    return Shown(character, label_parts(character, shown_parts(character)), painted)


def ball(hand: Landmark, colour: tuple[int, int, int]) -> Paint:
    def paint(rgb: np.ndarray, joints: np.ndarray) -> None:
        x, y = (round(float(value)) for value in joints[hand] + (0, 0.04 * PX_PER_M))
        cv2.circle(rgb, (x, y), round(0.12 * PX_PER_M), colour, -1, cv2.LINE_AA)

    return paint


def pockets(colour: tuple[int, int, int]) -> Paint:
    def paint(rgb: np.ndarray, joints: np.ndarray) -> None:
        for wrist, index, way in (
            (Landmark.LEFT_WRIST, Landmark.LEFT_INDEX, 1),
            (Landmark.RIGHT_WRIST, Landmark.RIGHT_INDEX, -1),
        ):
            x, low = joints[[wrist, index], 0].mean(), joints[index, 1] + 0.15 * PX_PER_M
            sides = sorted(round(float(x + way * out * PX_PER_M)) for out in (0.055, -0.09))
            cv2.rectangle(
                rgb, (sides[0], round(float(joints[wrist, 1] + 5))), (sides[1], round(float(low))), colour, -1
            )

    return paint


@pytest.mark.parametrize(
    ("look", "pose", "hand", "colour"),
    [
        (THEO, AT_HIP, Landmark.RIGHT_INDEX, (226, 120, 40)),
        (MAYA, AT_HIP, Landmark.RIGHT_INDEX, (60, 180, 90)),
        (DANCER, FOLDED, Landmark.LEFT_INDEX, (204, 52, 60)),
        (THEO, FOLDED, Landmark.LEFT_INDEX, (240, 220, 60)),
    ],
)
def test_a_ball_goes_whole_with_the_hand_that_holds_it(tmp_path: Path, look, pose, hand, colour):
    seen = shown(tmp_path, look, pose, ball(hand, colour))
    inner = cv2.erode(seen.painted.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    inner &= seen.character.alpha > 0.9
    shares = {part: (seen.labels[inner] == part).mean() for part in Part}
    holder = max(shares, key=lambda part: shares[part])
    assert holder in (Part.LEFT_FOREARM, Part.RIGHT_FOREARM)
    assert shares[holder] > 0.97
    if pose is AT_HIP:
        assert holder is Part.RIGHT_FOREARM


@pytest.mark.parametrize("pose", [Pose(), ON_HIPS, FOLDED], ids=["aside", "on hips", "folded"])
@pytest.mark.parametrize("look", [MAYA, DANCER], ids=lambda look: look.name)
def test_empty_hands_take_nothing_along(tmp_path: Path, look, pose):
    seen = shown(tmp_path, look, pose)
    for hand, wrist, part in (
        (Joint.LEFT_HAND, Joint.LEFT_WRIST, Part.LEFT_FOREARM),
        (Joint.RIGHT_HAND, Joint.RIGHT_WRIST, Part.RIGHT_FOREARM),
    ):
        ys, xs = np.nonzero(seen.labels == part)
        joints = seen.character.joints
        away = np.hypot(xs - joints[hand, 0], ys - joints[hand, 1])
        length = np.hypot(*(joints[hand] - joints[wrist]))
        beyond = ((np.stack([xs, ys], -1) - joints[hand]) @ (joints[hand] - joints[wrist])) > 0
        assert away[beyond].max(initial=0) < length + 0.11 * PX_PER_M


@pytest.mark.parametrize("look", [MAYA, THEO], ids=lambda look: look.name)
def test_of_hands_behind_the_back_the_arms_take_no_cloth_along(tmp_path: Path, look):
    seen = shown(tmp_path, look, BEHIND)
    joints = seen.character.joints
    arms = np.isin(seen.labels, ARMS)
    ys, xs = np.nonzero(arms)
    for wrist, hand in ((Joint.LEFT_WRIST, Joint.LEFT_HAND), (Joint.RIGHT_WRIST, Joint.RIGHT_HAND)):
        near = np.hypot(xs - joints[hand, 0], ys - joints[hand, 1]) < 0.04 * PX_PER_M
        way = joints[hand] - joints[wrist]
        beyond = (np.stack([xs, ys], -1) - joints[wrist]) @ way > 0.4 * float(way @ way)
        assert (near & beyond).sum() < 0.1 * np.pi * (0.04 * PX_PER_M) ** 2


@pytest.mark.parametrize("look", [THEO, DANCER], ids=lambda look: look.name)
def test_a_pocket_stays_with_the_trousers(tmp_path: Path, look):
    seen = shown(tmp_path, look, IN_POCKETS, pockets(look.trousers))
    assert np.isin(seen.labels[seen.painted], ARMS).mean() < 0.05


def around_body(
    picture_of: Callable[[np.ndarray, np.ndarray], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A wall, a floor and a block for a person; what is painted; the block's mask; joints at 200 px a metre."""
    rgb = np.full((480, 400, 3), (212, 208, 200), np.uint8)
    rgb[400:] = (160, 130, 100)
    rgb = (rgb + np.random.default_rng(4).integers(-4, 5, rgb.shape)).clip(0, 255).astype(np.uint8)
    before = rgb.copy()
    picture_of(rgb, before)
    painted = (rgb != before).any(axis=-1)
    rgb[80:440, 180:220] = (40, 60, 130)
    mask = np.zeros((480, 400), np.float32)
    mask[80:440, 180:220] = 1
    joints = np.full((18, 2), 200.0)
    joints[[Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], 1] = 430
    return rgb, painted & (mask == 0), mask, joints


def cape(rgb: np.ndarray, _: np.ndarray) -> None:
    cv2.fillPoly(rgb, [np.array([(185, 120), (215, 120), (262, 380), (138, 380)])], (200, 40, 50))


def tail(rgb: np.ndarray, _: np.ndarray) -> None:
    cv2.polylines(rgb, [np.array([(210, 260), (250, 310), (275, 280), (270, 240)])], False, (30, 26, 24), 12)


@pytest.mark.parametrize("thing", [cape, tail], ids=["cape", "tail"])
def test_what_the_mask_misses_is_added_to_it(thing):
    rgb, painted, mask, joints = around_body(thing)
    whole = with_belongings(rgb, mask, joints, 200.0)
    assert (whole[painted] > 0.5).mean() > 0.9
    assert (whole[~painted & (mask == 0)] > 0.5).mean() < 0.003


def shade(rgb: np.ndarray, before: np.ndarray) -> None:
    rgb[120:360, 215:270] = (before[120:360, 215:270] * 0.55).astype(np.uint8)


def stool(rgb: np.ndarray, _: np.ndarray) -> None:
    rgb[300:440, 150:260] = (90, 50, 20)


def beam(rgb: np.ndarray, _: np.ndarray) -> None:
    rgb[:, 215:250] = (90, 50, 20)


def picture_on_the_wall(rgb: np.ndarray, _: np.ndarray) -> None:
    rgb[150:220, 250:300] = (90, 50, 20)


def flowers(rgb: np.ndarray, _: np.ndarray) -> None:
    for x in range(10, 400, 30):
        cv2.circle(rgb, (x, 200), 11, (200, 40, 50), -1)


@pytest.mark.parametrize(
    "scenery", [shade, stool, beam, picture_on_the_wall, flowers], ids=lambda paint: paint.__name__
)
def test_scenery_and_shadows_are_nobody_s(scenery):
    rgb, _, mask, joints = around_body(scenery)
    assert with_belongings(rgb, mask, joints, 200.0) is mask


def staff(rgb: np.ndarray, _: np.ndarray) -> None:
    cv2.line(rgb, (246, 100), (238, 380), (90, 50, 20), 7)


def rail(rgb: np.ndarray, _: np.ndarray) -> None:
    cv2.line(rgb, (0, 258), (399, 258), (90, 50, 20), 7)


def beside_a_hand(thing: Callable[[np.ndarray, np.ndarray], None]) -> tuple[np.ndarray, ...]:
    """As :func:`around_body`, with a fist at the body's side."""
    rgb, painted, mask, joints = around_body(thing)
    rgb[246:270, 218:250], mask[246:270, 218:250] = (220, 170, 140), 1
    joints[Joint.LEFT_WRIST], joints[Joint.LEFT_HAND] = (226, 258), (240, 258)
    return rgb, painted & (mask == 0), mask, joints


def test_a_staff_in_a_fist_is_added_at_both_sides_of_it():
    rgb, painted, mask, joints = beside_a_hand(staff)
    rgb[150:250, 20:60] = (90, 50, 20)  # of the same colour
    whole = with_belongings(rgb, mask, joints, 200.0)
    assert (whole[painted] > 0.5).mean() > 0.9
    assert (whole[~painted & (mask == 0)] > 0.5).mean() < 0.003


def test_a_rail_behind_a_hand_stays_where_it_is():
    rgb, _, mask, joints = beside_a_hand(rail)
    assert with_belongings(rgb, mask, joints, 200.0) is mask


STRAP = np.array([(221, 305), (296, 295)])


@pytest.mark.parametrize("more", [0, 9], ids=["strap", "rail across the picture"])
def test_a_strap_from_a_hand_to_the_hip_is_the_person_s(more: float):
    way = STRAP[1] - STRAP[0]
    first, last = ((int(x), int(y)) for x, y in (STRAP[0] - more * way, STRAP[1] + more * way))
    rgb, painted, mask, joints = around_body(lambda rgb, _: cv2.line(rgb, first, last, (90, 50, 20), 9))
    for start, end in (((210, 130), (230, 180)), ((230, 180), (302, 285))):
        cv2.line(rgb, start, end, (40, 60, 130), 16)
        cv2.line(mask, start, end, (1.0,), 16)
    cv2.circle(rgb, (302, 294), 12, (220, 170, 140), -1)
    cv2.circle(mask, (302, 294), 12, (1.0,), -1)
    rgb[100:220, 20:70] = (90, 50, 20)  # of the same colour
    joints[Joint.LEFT_WRIST], joints[Joint.LEFT_HAND] = (298, 286), (304, 298)
    whole = with_belongings(rgb, mask, joints, 200.0)
    strap = painted & (mask == 0)
    assert ((whole[strap] > 0.5).mean() > 0.8) == (more == 0)
    assert (whole[~painted & (mask == 0)] > 0.5).mean() < 0.003
