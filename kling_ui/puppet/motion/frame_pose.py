"""What a puppet does in one frame: plain values between retargeting and drawing, and the geometry of their angles."""

from dataclasses import dataclass

import numpy as np

from kling_ui.puppet.skeleton import DRAWING_ORDER, Joint, Part
from kling_ui.vision.pose import EPSILON

ARMS_OF_SIDE = ((Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM), (Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM))
LEGS_OF_SIDE = ((Part.LEFT_SHIN, Part.LEFT_THIGH), (Part.RIGHT_SHIN, Part.RIGHT_THIGH))


@dataclass(frozen=True, slots=True)
class PuppetMotion:
    """What the puppet does, frame by frame.

    Attributes:
        joints: ``(frames, 18, 2)`` px.
        scale: ``(frames,)`` size of the figure against the picture.
        face: ``(frames, 3)`` changes of :func:`kling_ui.puppet.skeleton.face_of` against the picture.
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
    """One frame of a :class:`PuppetMotion`.

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
        """Take one frame."""
        behind, over = motion.arms_behind[index], motion.right_over[index]
        roll, turn, nod = (float(value) for value in motion.face[index])
        order = drawing_order((bool(behind[0]), bool(behind[1])), arms=bool(over[0]), legs=bool(over[1]))
        turned = bool(motion.turned[index])
        return cls(motion.joints[index], float(motion.scale[index]), (roll, turn, nod), order, turned)

    @classmethod
    def at_rest(cls, joints: np.ndarray) -> "FramePose":
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


def middle(values: np.ndarray, pair: tuple[Joint, Joint]) -> np.ndarray:
    """``(frames, n)``: the mean of a left and a right joint of ``(frames, 18, n)``."""
    return (values[:, pair[0]] + values[:, pair[1]]) / 2


def flatness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How much of a bone's length shows in the picture: 1 across the view, 0 along it."""
    bone = b - a
    return np.linalg.norm(bone[:, :2], axis=1) / np.maximum(np.linalg.norm(bone, axis=1), EPSILON)


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to ``low``, 1 from ``high`` on, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def within(path: np.ndarray, back: float, forth: float) -> np.ndarray:
    """Bend a way so that it never goes farther than the room there is; the first half of it is left as it is."""
    room = np.where(path < 0, back, forth)
    share = np.abs(path) / room
    bent = np.where(share <= 0.5, share, 0.5 + 0.5 * np.tanh(2 * share - 1))  # the slope is 1 on both sides of 0.5
    return np.sign(path) * room * bent


def heading(vectors: np.ndarray) -> np.ndarray:
    """Angles of ``(..., 2)`` vectors, radians, clockwise as seen because y points down."""
    return np.arctan2(vectors[..., 1], vectors[..., 0])


def polar(angle: np.ndarray, length: np.ndarray) -> np.ndarray:
    """``(..., 2)`` vectors of these angles and lengths."""
    return np.stack([np.cos(angle) * length, np.sin(angle) * length], axis=-1)


def wrapped(angle: np.ndarray) -> np.ndarray:
    """The same angles between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
