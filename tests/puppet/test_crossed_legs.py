from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from figure import Actor, Camera, Pose, Scene, pair, write_still
from figure.cast import DANCER, MAYA, THEO

from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character, find_character, legs_are_one
from kling_ui.puppet.rig.segmentation import label_parts
from kling_ui.puppet.skeleton import BONES, LEGS, Joint, Part

CROSSED = Pose(feet=np.array([[-0.05, 0.045, 0.04], [-0.05, 0.045, -0.03]]))
TOUCHING = Pose(feet=pair(0.026, 0.045, 0.0), toes=pair(0.05, 0.0))


def standing(folder: Path, look, pose: Pose, turn_deg: float = 0.0) -> Character:
    scene = Scene((Actor(look, pose, turn_deg=turn_deg),), Camera(y_m=0.95, height_m=2.4), "hall")
    still = write_still(folder / "standing.png", scene, width_px=540, height_px=960, supersample=1.5)
    return find_character(still.path, sides_px=(960, 540))


def striding(character: Character, degrees: float) -> FramePose:
    """Both legs turned apart around their hips, as a reference that steps wide would have it."""
    joints = character.joints.copy()
    for sign, chain in (
        (-1, (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE, Joint.LEFT_TOE)),
        (1, (Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE, Joint.RIGHT_TOE)),
    ):
        turn = sign * np.radians(degrees)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for joint in chain[1:]:
            joints[joint] = joints[chain[0]] + matrix @ (joints[joint] - joints[chain[0]])
    return replace(FramePose.at_rest(character.joints), joints=joints)


def pieces(coverage: np.ndarray) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats((coverage > 127).astype(np.uint8))
    return int((stats[1:, cv2.CC_STAT_AREA] > 30).sum())


@pytest.mark.parametrize("look", [MAYA, THEO, DANCER], ids=lambda look: look.name)
def test_crossed_legs_stay_one_piece(tmp_path: Path, look):
    character = standing(tmp_path, look, CROSSED)
    assert legs_are_one(character)
    puppet = Puppet(character)
    assert set(LEGS) <= puppet.parts
    rest, moved = (puppet.coverage(striding(character, degrees)) for degrees in (0, 25))
    assert pieces(moved) == pieces(rest) == 1
    assert (moved > 127).sum() == pytest.approx((rest > 127).sum(), rel=0.03)


def test_in_a_view_from_the_side_what_is_seen_of_both_legs_stays_whole(tmp_path: Path):
    character = standing(tmp_path, MAYA, Pose(), turn_deg=85)
    puppet = Puppet(character)
    assert pieces(puppet.coverage(striding(character, 15))) == pieces(puppet.coverage(striding(character, 0))) == 1


@pytest.mark.parametrize("pose", [Pose(), TOUCHING], ids=["apart", "touching"])
@pytest.mark.parametrize("look", [MAYA, THEO, DANCER], ids=lambda look: look.name)
def test_legs_side_by_side_move_each_for_itself_and_are_not_torn(tmp_path: Path, look, pose: Pose):
    character = standing(tmp_path, look, pose)
    assert not legs_are_one(character)
    labels = label_parts(character, list(Part))
    middle = character.joints[[Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], 0].mean()
    columns = np.arange(labels.shape[1])[None] * np.ones((len(labels), 1))
    for part, sign in ((Part.LEFT_SHIN, 1), (Part.RIGHT_SHIN, -1)):
        own = columns[labels == part]
        assert (sign * (own - middle) > -3).mean() > 0.98, part.name
    assert pieces(Puppet(character).coverage(striding(character, 12))) == 1


def test_the_thighs_that_a_bone_has_end_at_the_knees(tmp_path: Path):
    character = standing(tmp_path, MAYA, CROSSED)
    labels = label_parts(character, list(Part))
    assert not np.isin(labels, [Part.RIGHT_THIGH, Part.RIGHT_SHIN]).any()
    rows = np.flatnonzero((labels == Part.LEFT_SHIN).any(axis=1))
    knees = character.joints[[BONES[Part.LEFT_THIGH].end, BONES[Part.RIGHT_THIGH].end], 1].mean()
    assert rows.min() == pytest.approx(knees, abs=6)
