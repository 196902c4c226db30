"""The puppet's pose in each frame, as retargeting hands it to drawing, and helpers for angles and lengths."""

from dataclasses import dataclass

import numpy as np

from kling_ui.puppet.skeleton import DRAWING_ORDER, Joint, Part
from kling_ui.vision.pose import EPSILON

ARMS_OF_SIDE = ((Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM), (Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM))
LEGS_OF_SIDE = ((Part.LEFT_SHIN, Part.LEFT_THIGH), (Part.RIGHT_SHIN, Part.RIGHT_THIGH))


@dataclass(frozen=True, slots=True)
class PuppetMotion:
    """The puppet's poses in consecutive frames, as arrays.

    Attributes:
        joints: ``(frames, 18, 2)`` px.
        scale: ``(frames,)`` size of the figure against the picture.
        face: ``(frames, 3)`` changes of :func:`kling_ui.vision.people.face_of` against the picture.
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
class FramePose:
    """The puppet's pose in one frame of a :class:`PuppetMotion`.

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
    def of(cls, motion: PuppetMotion, index: int) -> "FramePose":
        """Take one frame out of a motion."""
        behind, over = motion.arms_behind[index], motion.right_over[index]
        roll, turn, nod = (float(value) for value in motion.face[index])
        order = drawing_order((bool(behind[0]), bool(behind[1])), arms=bool(over[0]), legs=bool(over[1]))
        turned = bool(motion.turned[index])
        return cls(motion.joints[index], float(motion.scale[index]), (roll, turn, nod), order, turned)

    @classmethod
    def at_rest(cls, joints: np.ndarray) -> "FramePose":
        """The pose that the character has in its own picture, with these joints."""
        return cls(joints, 1.0, (0.0, 0.0, 0.0), DRAWING_ORDER)


def drawing_order(behind: tuple[bool, bool], *, arms: bool, legs: bool) -> tuple[Part, ...]:
    """Sort the body parts from back to front, the order in which they are painted.

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


def middle(values: np.ndarray, pair: tuple[Joint, Joint]) -> np.ndarray:
    """Average a left and a right joint of ``(frames, 18, n)``; ``(frames, n)``."""
    return (values[:, pair[0]] + values[:, pair[1]]) / 2


def flatness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Measure how little a bone is foreshortened: 1 across the view, 0 along it."""
    bone = b - a
    return np.linalg.norm(bone[:, :2], axis=1) / np.maximum(np.linalg.norm(bone, axis=1), EPSILON)


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep: 0 up to ``low``, 1 from ``high`` on, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def within(path: np.ndarray, back: float, forth: float) -> np.ndarray:
    """Limit displacements softly (by tanh) to the room there is; up to half of it they stay as they are."""
    room = np.where(path < 0, back, forth)
    share = np.abs(path) / room
    bent = np.where(share <= 0.5, share, 0.5 + 0.5 * np.tanh(2 * share - 1))  # the slope is 1 on both sides of 0.5
    return np.sign(path) * room * bent


def heading(vectors: np.ndarray) -> np.ndarray:
    """Direction of ``(..., 2)`` vectors, radians, clockwise as seen because y points down."""
    return np.arctan2(vectors[..., 1], vectors[..., 0])


def polar(angle: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Make ``(..., 2)`` vectors from angles and lengths."""
    return np.stack([np.cos(angle) * length, np.sin(angle) * length], axis=-1)


def wrapped(angle: np.ndarray) -> np.ndarray:
    """Bring angles between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
