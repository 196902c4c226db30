"""Characters of the gallery's cast, read as a person's picture is, and poses with some of their limbs turned."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks import _gallery_cast as cast
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.rig.character import Character, find_character
from kling_ui.puppet.skeleton import Joint

ARM_CHAINS = (
    (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST, Joint.LEFT_HAND),
    (Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST, Joint.RIGHT_HAND),
)


def drawn(name: str, folder: Path) -> Character:
    """A character by its name in the cast."""
    model = next(model for model in cast.models() if model.name == name)
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), cast.draw_model(model).rgb[..., ::-1])
    return find_character(path, sides_px=(960, 540))


def turned(character: Character, chains: Sequence[Sequence[Joint]], degrees: float) -> FramePose:
    """Limbs turned outwards and up around their first joints."""
    joints = character.joints.copy()
    for sign, chain in zip((-1, 1), chains, strict=True):
        turn = sign * np.radians(degrees)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for joint in chain[1:]:
            joints[joint] = joints[chain[0]] + matrix @ (joints[joint] - joints[chain[0]])
    return FramePose.at_rest(joints)
