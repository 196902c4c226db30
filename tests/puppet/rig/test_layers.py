from dataclasses import replace

import cv2
import numpy as np
import pytest

from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character
from kling_ui.puppet.rig.layers import back_of_head, cut_layers
from kling_ui.puppet.skeleton import BONES, HIPS, Joint, Part


@pytest.fixture(scope="module")
def puppet(character: Character) -> Puppet:
    return Puppet(character)


def straddling(character: Character, degrees: float) -> FramePose:
    """Each leg turned outwards around its hip."""
    joints = character.joints.copy()
    for hip, chain, way in (
        (Joint.LEFT_HIP, (Joint.LEFT_KNEE, Joint.LEFT_ANKLE, Joint.LEFT_TOE), 1),
        (Joint.RIGHT_HIP, (Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE, Joint.RIGHT_TOE), -1),
    ):
        turn = np.radians(way * degrees)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        joints[list(chain)] = (joints[list(chain)] - joints[hip]) @ matrix + joints[hip]
    return replace(FramePose.at_rest(character.joints), joints=joints)


def crotch(puppet: Puppet, character: Character, degrees: float) -> int:
    """The highest row below the hips in which there is a gap between the legs."""
    frame_pose = straddling(character, degrees)
    frame, empty = puppet.draw(frame_pose), puppet.draw(replace(frame_pose, order=()))
    there = np.abs(frame.astype(int) - empty).sum(axis=2) > 60
    left, right = character.joints[list(HIPS)]
    columns = slice(round(0.7 * right[0] + 0.3 * left[0]), round(0.3 * right[0] + 0.7 * left[0]))
    return int(np.flatnonzero((~there[round(left[1]) :, columns]).any(axis=1))[0]) + round(left[1])


@pytest.mark.parametrize("degrees", [5, 12, 20, 28])
def test_the_crotch_stays_where_it_is_when_legs_are_spread(puppet: Puppet, character: Character, degrees: float):
    away = crotch(puppet, character, degrees) - crotch(puppet, character, 0)
    assert abs(away) < 0.025 * character.px_per_m


@pytest.mark.parametrize("degrees", [12, 28])
def test_nothing_hangs_down_between_spread_legs(puppet: Puppet, character: Character, degrees: float):
    frame_pose = straddling(character, degrees)
    frame, empty = puppet.draw(frame_pose), puppet.draw(replace(frame_pose, order=()))
    there = np.abs(frame.astype(int) - empty).sum(axis=2) > 60
    there = cv2.morphologyEx(
        there.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, 4), np.uint8)
    )  # but for a hair's breadth
    middle = character.joints[list(HIPS), 0].mean()
    spread = slice(round(middle - 0.06 * character.px_per_m), round(middle + 0.06 * character.px_per_m))
    top = crotch(puppet, character, degrees)
    for row in range(top, top + round(0.08 * character.px_per_m)):
        pieces = np.flatnonzero(np.diff(there[row, spread].astype(int)))
        assert len(pieces) <= 2, row  # one leg, the gap, the other leg


def test_legs_do_not_stick_out_beside_the_trunk(puppet: Puppet, character: Character):
    rest, spread = (puppet.draw(straddling(character, degrees)) for degrees in (0, 20))
    empty = puppet.draw(replace(FramePose.at_rest(character.joints), order=()))
    rows = slice(round(character.joints[list(HIPS), 1].mean() - 0.2 * character.px_per_m), None)
    hips = round(character.joints[list(HIPS), 1].mean() - 0.03 * character.px_per_m)
    before, after = (
        np.abs(frame.astype(int) - empty).sum(axis=2)[rows][: hips - rows.start] > 60 for frame in (rest, spread)
    )
    assert (after & ~before).sum() <= 0.002 * before.sum()


def test_every_shown_part_has_a_layer_with_premultiplied_colours(character: Character):
    layers = cut_layers(character)
    assert set(layers) == {Part.TORSO, *BONES}
    for layer in layers.values():
        assert layer.rgba.dtype == np.uint8
        assert (layer.rgba[..., :3].max(axis=2) <= layer.rgba[..., 3].astype(int) + 1).all()
        assert layer.rgba[..., 3].max() == 255


def test_the_back_of_a_head_has_its_outline_and_no_face(character: Character):
    head = cut_layers(character)[Part.HEAD]
    back = back_of_head(head, character.face)
    assert back.corner == head.corner
    assert (back.rgba[..., 3] == head.rgba[..., 3]).all()
    x, y = (round(a - b) for a, b in zip(character.face.centre, head.corner, strict=True))
    assert np.abs(back.rgba[y, x].astype(int) - head.rgba[y, x]).max() > 20


@pytest.mark.parametrize("part", [Part.LEFT_SHIN, Part.RIGHT_SHIN, Part.RIGHT_FOREARM])
def test_a_joint_s_overlap_is_as_wide_as_the_limb(character: Character, part: Part):
    character = replace(character, px_per_m=character.px_per_m * 0.65)  # whose limbs are wider than an adult's
    joint = character.joints[BONES[part].start]
    way = character.joints[BONES[BONES[part].parent].start] - joint
    layer = cut_layers(character)[part]
    away = BONES[part].radius_m * character.px_per_m * 1.1
    x, y = (joint + away * way / np.hypot(*way) - layer.corner).round().astype(int)
    assert layer.rgba[y, x, 3] > 200
