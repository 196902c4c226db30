"""Bodies of the gallery's cast that were torn: hidden hands, cloth around both legs, loose pieces, raised arms."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from gallery_models import ARM_CHAINS, drawn, turned

from benchmarks import _gallery_cast as cast
from kling_ui.media.colour import to_rgb, to_ycbcr
from kling_ui.options import RigNote
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import cloth_spans_legs
from kling_ui.puppet.skeleton import ARMS, FOREARMS, LEFT_LEG, RIGHT_LEG, UPPER_ARMS, Joint


def pieces(coverage: np.ndarray) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats((coverage > 127).astype(np.uint8))
    return int((stats[1:, cv2.CC_STAT_AREA] > 20).sum())


@pytest.mark.parametrize("name", ["skirt", "long-skirt", "dress", "coat-shut"])
def test_cloth_around_both_legs_stays_one_piece(tmp_path: Path, name: str):
    character = drawn(name, tmp_path)
    puppet = Puppet(character)
    assert RigNote.SKIRT_ONE in puppet.notes
    pose = turned(character, (LEFT_LEG, RIGHT_LEG), 20)
    cover = puppet.coverage(pose) > 127
    hips, knees = (pose.joints[[left, right]] for left, right in zip(LEFT_LEG[:2], RIGHT_LEG[:2], strict=True))
    for share in (0.5, 0.7):  # between the legs it is cloth, not a gap
        row = hips + share * (knees - hips)
        x, y = (row[0] + np.linspace(0, 1, 30)[:, None] * (row[1] - row[0])).round().astype(int).T
        assert cover[y, x].all()


@pytest.mark.parametrize("name", ["long-skirt", "monk"])
@pytest.mark.parametrize("side", [0, 1], ids=["left", "right"])
def test_hems_and_feet_of_a_lifted_leg_are_seen_once(tmp_path: Path, name: str, side: int):
    character = drawn(name, tmp_path)
    puppet = Puppet(character)
    whole = pieces(puppet.coverage(FramePose.at_rest(character.joints)))
    for thigh, shin, foot in ((25, 0, 45), (35, -20, 50), (50, -60, 50)):
        joints, chain, sign = character.joints.copy(), (LEFT_LEG, RIGHT_LEG)[side], (-1, 1)[side]
        for start, degrees in enumerate((thigh, shin, foot)):
            turn = sign * np.radians(degrees)
            matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            rest = list(chain[start + 1 :])
            joints[rest] = joints[chain[start]] + (joints[rest] - joints[chain[start]]) @ matrix.T
        assert pieces(puppet.coverage(FramePose.at_rest(joints))) <= whole


@pytest.mark.parametrize("name", ["touching-maya-0", "touching-theo-1", "arms-out", "coat-open"])
def test_trousers_and_open_coats_are_no_skirt(tmp_path: Path, name: str):
    assert not cloth_spans_legs(drawn(name, tmp_path))


def test_arms_whose_hands_are_behind_the_back_are_held(tmp_path: Path):
    puppet = Puppet(drawn("behind-0", tmp_path))
    assert puppet.held == frozenset(ARMS)
    assert RigNote.HANDS_HIDDEN in puppet.notes


@pytest.mark.parametrize(("name", "arm"), [("at-face", 0), ("at-chin", 1)])
def test_a_hand_at_the_head_stays_in_one_piece_with_its_arm_and_it_is_said(tmp_path: Path, name: str, arm: int):
    character = drawn(name, tmp_path)
    puppet = Puppet(character)
    assert puppet.held == {UPPER_ARMS[arm], FOREARMS[arm]}
    assert puppet.notes == (RigNote.HAND_AT_HEAD,)
    both = turned(character, ARM_CHAINS, 40)
    joints, chain = both.joints.copy(), list(ARM_CHAINS[arm])
    joints[chain] = character.joints[chain]
    assert np.array_equal(puppet.coverage(both), puppet.coverage(FramePose.at_rest(joints)))


def test_held_arms_are_one_with_the_trunk_that_bends(tmp_path: Path):
    character = drawn("behind-0", tmp_path)
    puppet = Puppet(character)
    joints = character.joints.copy()
    joints[Joint.LEFT_SHOULDER, 1] -= 0.06 * character.px_per_m
    joints[Joint.RIGHT_SHOULDER, 1] += 0.06 * character.px_per_m
    apart = turned(replace(character, joints=joints), ARM_CHAINS, 30)
    together = FramePose.at_rest(joints)
    assert np.array_equal(puppet.draw(apart), puppet.draw(together))


def test_hands_that_are_seen_hold_no_arm(tmp_path: Path):
    for name in ("arms-out", "cut-chest"):
        puppet = Puppet(drawn(name, tmp_path))
        assert not puppet.held
        assert puppet.notes == ()


def test_the_background_in_a_wide_sleeve_stays_background(tmp_path: Path):
    model = next(model for model in cast.models() if model.name == "kimono")
    character = drawn("kimono", tmp_path)
    true = cast.draw_model(model).alpha
    cover = Puppet(character).coverage(FramePose.at_rest(character.joints))[: character.size[1]] > 127
    around = cv2.dilate((true > 0.5).astype(np.uint8), np.ones((11, 11), np.uint8)) > 0
    assert (cover & ~around).sum() < 0.01 * cover.sum()
    assert ((true > 0.5) & ~cover).sum() < 0.01 * cover.sum()


@pytest.mark.parametrize("length", [0.45, 1.25])
def test_a_sword_stays_straight_in_a_hand_whatever_the_arm_does(tmp_path: Path, length: float):
    character = drawn("sword", tmp_path)
    puppet = Puppet(character)
    _, elbow, wrist, hand = ARM_CHAINS[1]
    joints, forearm = character.joints.copy(), character.joints[wrist] - character.joints[elbow]
    joints[wrist] = joints[elbow] + length * np.array([[0.2, -1.0], [1.0, 0.2]]) @ forearm
    joints[hand] = joints[wrist] + character.joints[hand] - character.joints[wrist]
    ground = to_ycbcr(np.full((*character.rgb.shape[:2], 3), (255, 0, 255), np.uint8))
    shown = to_rgb(puppet.draw(FramePose.at_rest(joints), ground=ground)).astype(int)
    steel = (np.abs(shown - cast.STEEL).max(axis=-1) < 36).astype(np.uint8)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(steel)
    ys, xs = np.nonzero(numbers == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())
    across, down, x, y = cv2.fitLine(np.stack([xs, ys], axis=-1).astype(np.float32), cv2.DIST_L2, 0, 0.01, 0.01).ravel()
    off, along = (xs - x) * down - (ys - y) * across, (xs - x) * across + (ys - y) * down
    assert np.ptp(along) > 0.2 * character.px_per_m
    assert np.abs(off).max() < 0.035 * character.px_per_m  # half its width is 0.0225


@pytest.mark.parametrize("name", ["cut-knees", "fox", "hips-0", "crossed-arms-down"])
def test_nothing_flies_off_when_arms_rise(tmp_path: Path, name: str):
    character = drawn(name, tmp_path)
    puppet = Puppet(character)
    own = pieces(puppet.coverage(FramePose.at_rest(character.joints)))
    for degrees in (40, 80, 120):
        assert pieces(puppet.coverage(turned(character, ARM_CHAINS, degrees))) <= own
