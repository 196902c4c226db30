"""Bodies of the gallery's cast that were torn: hidden hands, cloth around both legs, loose pieces, raised arms."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import _gallery_cast as cast
from kling_ui.options import RigNote
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character, cloth_spans_legs, find_character
from kling_ui.puppet.skeleton import ARMS, LEFT_LEG, RIGHT_LEG, Joint

ARM_CHAINS = (
    (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST, Joint.LEFT_HAND),
    (Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST, Joint.RIGHT_HAND),
)


def drawn(name: str, folder: Path) -> Character:
    model = next(model for model in cast.models() if model.name == name)
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), cast.draw_model(model).rgb[..., ::-1])
    return find_character(path, sides_px=(960, 540))


def turned(character: Character, chains, degrees: float) -> FramePose:
    """Limbs turned outwards and up around their first joints."""
    joints = character.joints.copy()
    for sign, chain in zip((-1, 1), chains, strict=True):
        turn = sign * np.radians(degrees)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for joint in chain[1:]:
            joints[joint] = joints[chain[0]] + matrix @ (joints[joint] - joints[chain[0]])
    return FramePose.at_rest(joints)


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


@pytest.mark.parametrize("name", ["touching-maya-0", "touching-theo-1", "arms-out", "coat-open"])
def test_trousers_and_open_coats_are_no_skirt(tmp_path: Path, name: str):
    assert not cloth_spans_legs(drawn(name, tmp_path))


def test_arms_whose_hands_are_behind_the_back_are_held(tmp_path: Path):
    puppet = Puppet(drawn("behind-0", tmp_path))
    assert puppet.held == frozenset(ARMS)
    assert RigNote.HANDS_HIDDEN in puppet.notes


def test_hands_that_are_seen_hold_no_arm(tmp_path: Path):
    for name in ("arms-out", "cut-chest"):
        puppet = Puppet(drawn(name, tmp_path))
        assert not puppet.held
        assert puppet.notes == ()


@pytest.mark.parametrize("name", ["cut-knees", "fox", "hips-0", "crossed-arms-down"])
def test_nothing_flies_off_when_arms_rise(tmp_path: Path, name: str):
    character = drawn(name, tmp_path)
    puppet = Puppet(character)
    own = pieces(puppet.coverage(FramePose.at_rest(character.joints)))
    for degrees in (40, 80, 120):
        assert pieces(puppet.coverage(turned(character, ARM_CHAINS, degrees))) <= own
