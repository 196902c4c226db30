from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figure import Actor, DrawnStill, Scene, write_still
from figure.cast import MAYA
from figure.skeleton import Pose, pair

from kling_ui.puppet.rig.character import Character, find_character, shown_parts
from kling_ui.puppet.rig.segmentation import label_parts
from kling_ui.puppet.skeleton import BONES, DRAWING_ORDER, FOREARMS, THIGHS, Joint, Part, joints_of


@pytest.fixture(scope="module")
def labels(character: Character) -> np.ndarray:
    return label_parts(character, shown_parts(character))


def test_a_whole_body_shows_every_part(character: Character):
    assert set(shown_parts(character)) == set(DRAWING_ORDER)


def test_parts_that_the_picture_does_not_show_are_not_invented(character: Character):
    visibility = character.visibility.copy()
    visibility[[BONES[Part.LEFT_THIGH].end, BONES[Part.RIGHT_FOREARM].end]] = 0.2
    shown = shown_parts(replace(character, visibility=visibility))
    assert not {Part.LEFT_THIGH, Part.LEFT_SHIN, Part.RIGHT_FOREARM} & set(shown)
    assert Part.RIGHT_UPPER_ARM in shown


def test_a_limb_outside_the_picture_is_not_shown(character: Character):
    joints = character.joints.copy()
    joints[BONES[Part.LEFT_FOREARM].end] += (500, 0)
    assert Part.LEFT_FOREARM not in shown_parts(replace(character, joints=joints))


@pytest.mark.parametrize("part", [part for part in BONES if part is not Part.HEAD])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_the_middle_of_a_true_bone_belongs_to_it(
    labels: np.ndarray, character: Character, drawn_person: DrawnStill, part: Part, share: float
):
    true = joints_of(drawn_person.joints_px[0].astype(float))[:, :2] * (character.size[0] / drawn_person.width_px)
    x, y = true[BONES[part].start] * (1 - share) + true[BONES[part].end] * share
    assert labels[round(y), round(x)] == part


def test_everything_of_the_person_has_a_label_and_nothing_else(labels: np.ndarray, character: Character):
    assert (labels[character.alpha > 0.5] >= 0).mean() > 0.999
    assert (labels[character.alpha <= 0.02] == -1).all()


def test_each_part_is_one_piece_and_hardly_more(labels: np.ndarray):
    cv2 = pytest.importorskip("cv2")
    for part in Part:
        _, _, stats, _ = cv2.connectedComponentsWithStats((labels == part).astype(np.uint8))
        areas = np.sort(stats[1:, cv2.CC_STAT_AREA])
        assert areas[-1] > 0.95 * areas.sum(), part.name


@pytest.fixture(scope="module")
def hanging(media_dir: Path) -> Character:
    """Somebody whose hands lie on the trousers."""
    pose = Pose(hands=pair(-0.02, -0.93, 0.22), elbows=pair(0.7, -0.2, -1.0), twists=pair(0.3, 0.1))
    still = write_still(
        media_dir / "hanging.png", Scene((Actor(MAYA, pose),)), width_px=540, height_px=960, supersample=1.5
    )
    return find_character(still.path, sides_px=(960, 540))


def test_hands_on_the_trousers_take_no_cloth_along_and_leave_no_skin_behind(hanging: Character):
    labels = label_parts(hanging, shown_parts(hanging))
    red, _, blue = np.moveaxis(hanging.figure.astype(int), -1, 0)
    low = np.arange(len(labels))[:, None] > hanging.joints[[Joint.LEFT_WRIST, Joint.RIGHT_WRIST], 1].min()
    solid = low & (hanging.alpha > 0.95)
    hands = np.isin(labels, FOREARMS) & solid
    assert (hands & (blue > red + 15)).sum() < 0.12 * hands.sum()
    assert (np.isin(labels, THIGHS) & solid & (red > blue + 35)).sum() < 0.015 * hands.sum()


def test_an_arm_before_the_body_ends_in_a_line_without_flaps(hanging: Character):
    labels = label_parts(hanging, shown_parts(hanging))
    top, bottom = (int(hanging.joints[joint, 1]) for joint in (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW))
    rows = range(round(0.7 * top + 0.3 * bottom), bottom)
    inner = [np.flatnonzero(labels[row] == Part.LEFT_UPPER_ARM).min() for row in rows]
    assert np.abs(np.diff(inner[:-8])).max() <= 3
    assert np.ptp(inner) < 0.06 * hanging.px_per_m
