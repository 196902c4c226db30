"""What a puppet does: plain values between the retargeting and the drawing."""

from dataclasses import dataclass

import numpy as np

from kling_ui.puppetry.skeleton import DRAWING_ORDER, Part

ARMS_OF_SIDE = ((Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM), (Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM))
LEGS_OF_SIDE = ((Part.LEFT_SHIN, Part.LEFT_THIGH), (Part.RIGHT_SHIN, Part.RIGHT_THIGH))


@dataclass(frozen=True, slots=True)
class Motion:
    """What the puppet does, frame by frame.

    Attributes:
        joints: ``(frames, 18, 2)`` px.
        scale: ``(frames,)`` size of the figure against the picture.
        face: ``(frames, 3)`` changes of :func:`kling_ui.puppetry.skeleton.face_of` against the picture.
        arms_behind: ``(frames, 2)`` bool: the left, the right arm is behind the body.
        right_over: ``(frames, 2)`` bool: the right arm lies over the left one, the right leg over the left one.
        turned: ``(frames,)`` bool: it shows its back, or its front where the picture shows its back.
    """

    joints: np.ndarray
    scale: np.ndarray
    face: np.ndarray
    arms_behind: np.ndarray
    right_over: np.ndarray
    turned: np.ndarray

    def __len__(self) -> int:
        return len(self.joints)


@dataclass(frozen=True, slots=True)
class Stance:
    """One frame of a :class:`Motion`.

    Attributes:
        joints: ``(18, 2)`` px.
        scale: Size of the figure against the picture.
        face: Changes of roll, turn and nod against the picture.
        order: The parts from back to front.
        turned: It shows its other side; left and right have changed places.
    """

    joints: np.ndarray
    scale: float
    face: tuple[float, float, float]
    order: tuple[Part, ...]
    turned: bool = False

    @classmethod
    def of(cls, motion: Motion, index: int) -> "Stance":
        """Take one frame."""
        behind, over = motion.arms_behind[index], motion.right_over[index]
        roll, turn, nod = (float(value) for value in motion.face[index])
        order = drawing_order((bool(behind[0]), bool(behind[1])), arms=bool(over[0]), legs=bool(over[1]))
        turned = bool(motion.turned[index])
        return cls(motion.joints[index], float(motion.scale[index]), (roll, turn, nod), order, turned)

    @classmethod
    def at_rest(cls, joints: np.ndarray) -> "Stance":
        """As in a picture with these joints."""
        return cls(joints, 1.0, (0.0, 0.0, 0.0), DRAWING_ORDER)


def drawing_order(behind: tuple[bool, bool], *, arms: bool, legs: bool) -> tuple[Part, ...]:
    """From back to front.

    Args:
        behind: The left, the right arm is behind the body.
        arms: The right arm lies over the left one.
        legs: The right leg lies over the left one.
    """
    sides = (0, 1) if arms else (1, 0)
    first, second = (0, 1) if legs else (1, 0)
    back = [part for side in sides if behind[side] for part in ARMS_OF_SIDE[side][::-1]]
    front = [part for side in sides if not behind[side] for part in ARMS_OF_SIDE[side]]
    return (*back, *LEGS_OF_SIDE[first], *LEGS_OF_SIDE[second], Part.TORSO, Part.HEAD, *front)
