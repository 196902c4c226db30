from dataclasses import replace

import cv2
import numpy as np
import pytest

from kling_ui.media.colour import to_ycbcr
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character
from kling_ui.puppet.rig.layers import under_shoes
from kling_ui.puppet.skeleton import BONES, Joint, Part


@pytest.fixture(scope="module")
def puppet(character: Character) -> Puppet:
    return Puppet(character)


def swung(character: Character, part: Part, degrees: float) -> FramePose:
    """The limb from ``part`` on, turned around its first joint."""
    joints, start = character.joints.copy(), BONES[part].start
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    chain, parts = [], [part, *(p for p, b in BONES.items() if b.parent is part)]
    for piece in parts:
        bone = BONES[piece]
        chain += [j for j in (bone.end, bone.tip) if j is not None]
    joints[chain] = (joints[chain] - joints[start]) @ matrix + joints[start]
    return replace(FramePose.at_rest(character.joints), joints=joints)


def person(frame: np.ndarray, puppet: Puppet, character: Character, *, least: int = 20) -> np.ndarray:
    """Where the frame is not what is behind the person."""
    empty = puppet.draw(replace(FramePose.at_rest(character.joints), order=()))
    return np.abs(frame.astype(int) - empty).sum(axis=2) > least


def test_at_rest_the_frame_is_the_picture(puppet: Puppet, character: Character):
    frame = puppet.draw(FramePose.at_rest(character.joints))
    apart = np.abs(frame.astype(int) - to_ycbcr(character.rgb)).max(axis=2)
    assert apart.mean() < 1.0
    assert (apart > 40).mean() < 0.005


def test_a_body_whose_head_the_picture_cuts_off_is_drawn_from_both_sides(character: Character):
    headless = replace(character, alpha=character.alpha.copy())
    headless.alpha[: round(character.joints[Joint.NECK, 1]) + 2] = 0
    puppet = Puppet(headless)
    assert Part.HEAD not in puppet.parts
    front, back = (puppet.draw(replace(FramePose.at_rest(character.joints), turned=turned)) for turned in (False, True))
    assert person(front, puppet, character).sum() > 1000
    assert person(back, puppet, character).sum() > 1000


@pytest.mark.parametrize("degrees", [-150, -110, 100, 140])
@pytest.mark.parametrize("part", [Part.LEFT_FOREARM, Part.RIGHT_FOREARM])
def test_a_folded_elbow_stays_round(puppet: Puppet, character: Character, part: Part, degrees: float):
    bone = BONES[part]
    upper = BONES[bone.parent]
    frame_pose = replace(swung(character, part, degrees), order=(bone.parent, part))
    arm = person(puppet.draw(frame_pose), puppet, character)
    elbow, ways = (
        frame_pose.joints[bone.start],
        [frame_pose.joints[j] - frame_pose.joints[bone.start] for j in (upper.start, bone.end)],
    )
    ys, xs = np.mgrid[: arm.shape[0], : arm.shape[1]]
    from_elbow = np.stack([xs - elbow[0], ys - elbow[1]], axis=-1)
    beyond = arm & (from_elbow @ ways[0] < 0) & (from_elbow @ ways[1] < 0)
    away = np.hypot(*from_elbow[beyond].T)
    assert away.max() < 1.25 * bone.radius_m * character.px_per_m


@pytest.mark.parametrize("part", [Part.LEFT_UPPER_ARM, Part.RIGHT_FOREARM, Part.LEFT_THIGH])
@pytest.mark.parametrize("degrees", [-50, 30])
def test_outside_the_figure_s_reach_the_picture_is_kept(
    puppet: Puppet, character: Character, part: Part, degrees: float
):
    frame = puppet.draw(swung(character, part, degrees))
    near = cv2.dilate((character.alpha > 0).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    shoes = (under_shoes(character) >= 0).astype(np.uint8)  # where their shadow lies
    near |= cv2.dilate(shoes, np.ones((25, 25), np.uint8)) > 0
    drawn = person(frame, puppet, character, least=1)
    near |= cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert near.mean() < 0.5
    assert (frame[~near] == to_ycbcr(character.rgb)[~near]).all()


@pytest.mark.parametrize("part", [Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM, Part.RIGHT_THIGH, Part.RIGHT_SHIN])
@pytest.mark.parametrize("degrees", [-100, -40, 40, 100])
def test_a_bent_figure_stays_in_one_piece(puppet: Puppet, character: Character, part: Part, degrees: float):
    there = person(puppet.draw(swung(character, part, degrees)), puppet, character)
    _, _, stats, _ = cv2.connectedComponentsWithStats(there.astype(np.uint8))
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])
    assert areas[-1] > 0.97 * areas.sum()
    rest = person(puppet.draw(FramePose.at_rest(character.joints)), puppet, character)
    assert there.sum() > 0.85 * rest.sum()  # nothing has got lost


def test_a_swung_forearm_is_where_its_bone_is(puppet: Puppet, character: Character):
    frame_pose = swung(character, Part.LEFT_FOREARM, 90)
    there = person(puppet.draw(frame_pose), puppet, character)
    for share in (0.3, 0.6, 0.9):
        x, y = frame_pose.joints[Joint.LEFT_ELBOW] * (1 - share) + frame_pose.joints[Joint.LEFT_WRIST] * share
        assert there[round(y), round(x)]
        x, y = character.joints[Joint.LEFT_ELBOW] * (1 - share) + character.joints[Joint.LEFT_HAND] * share
    assert not there[round(y), round(x)]  # the hand has left its place


def test_a_figure_outside_the_picture_is_no_error(puppet: Puppet, character: Character):
    away = replace(FramePose.at_rest(character.joints), joints=character.joints + 5000)
    assert not person(puppet.draw(away), puppet, character).any()


def test_drawing_is_repeatable(puppet: Puppet, character: Character):
    frame_pose = swung(character, Part.RIGHT_UPPER_ARM, 70)
    assert (puppet.draw(frame_pose) == puppet.draw(frame_pose)).all()


def test_the_face_turns_without_moving_the_head_s_outline(puppet: Puppet, character: Character):
    rest = FramePose.at_rest(character.joints)
    straight, turned = puppet.draw(rest), puppet.draw(replace(rest, face=(0.0, 0.4, 0.0)))
    changed = np.abs(straight.astype(int) - turned).max(axis=2) > 12
    assert changed.any()
    ys, xs = np.nonzero(changed)
    x, y = character.face.centre
    assert np.hypot(xs - x, ys - y).max() <= 1.2 * character.face.width_px


def test_from_behind_the_face_is_covered_and_the_outline_kept(puppet: Puppet, character: Character):
    rest = FramePose.at_rest(character.joints)
    x, y = (round(value) for value in character.face.centre)
    reach = round(0.3 * character.face.width_px)
    joints = character.joints.copy()
    back = puppet.draw(replace(rest, joints=joints, turned=True))
    front = puppet.draw(rest)
    box = slice(y - reach, y + reach), slice(x - reach, x + reach)
    assert np.abs(front[box].astype(int) - back[box]).mean() > 8
    head = slice(0, y)
    apart = person(front, puppet, character)[head] != person(back, puppet, character)[head]
    assert apart.mean() < 0.01
