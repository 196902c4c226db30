"""The puppet's joints, bones and body parts, and how they follow from BlazePose landmarks."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from kling_ui.vision.pose import Landmark


class Joint(IntEnum):
    """The puppet's joints; left and right are the person's own."""

    NECK = 0
    HEAD = 1
    LEFT_SHOULDER = 2
    RIGHT_SHOULDER = 3
    LEFT_ELBOW = 4
    RIGHT_ELBOW = 5
    LEFT_WRIST = 6
    RIGHT_WRIST = 7
    LEFT_HAND = 8
    RIGHT_HAND = 9
    LEFT_HIP = 10
    RIGHT_HIP = 11
    LEFT_KNEE = 12
    RIGHT_KNEE = 13
    LEFT_ANKLE = 14
    RIGHT_ANKLE = 15
    LEFT_TOE = 16
    RIGHT_TOE = 17


class Part(IntEnum):
    """The body parts that the character is cut into; each limb's right part follows its left one."""

    TORSO = 0
    HEAD = 1
    LEFT_UPPER_ARM = 2
    RIGHT_UPPER_ARM = 3
    LEFT_FOREARM = 4
    RIGHT_FOREARM = 5
    LEFT_THIGH = 6
    RIGHT_THIGH = 7
    LEFT_SHIN = 8
    RIGHT_SHIN = 9


@dataclass(frozen=True, slots=True)
class Bone:
    """The bone that moves a body part, between two joints.

    Attributes:
        start: The joint that it turns around.
        end: The joint at its far end.
        tip: Beyond ``end`` for a part that includes the hand or the foot, else ``None``.
        parent: The part that it hangs on.
        radius_m: Half of a clothed adult's width there, in metres (bare limb of the 95th percentile plus a sleeve).
    """

    start: Joint
    end: Joint
    tip: Joint | None
    parent: Part
    radius_m: float


BONES: dict[Part, Bone] = {
    Part.HEAD: Bone(Joint.NECK, Joint.HEAD, None, Part.TORSO, 0.11),
    Part.LEFT_UPPER_ARM: Bone(Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, None, Part.TORSO, 0.048),
    Part.RIGHT_UPPER_ARM: Bone(Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, None, Part.TORSO, 0.048),
    Part.LEFT_FOREARM: Bone(Joint.LEFT_ELBOW, Joint.LEFT_WRIST, Joint.LEFT_HAND, Part.LEFT_UPPER_ARM, 0.042),
    Part.RIGHT_FOREARM: Bone(Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST, Joint.RIGHT_HAND, Part.RIGHT_UPPER_ARM, 0.042),
    Part.LEFT_THIGH: Bone(Joint.LEFT_HIP, Joint.LEFT_KNEE, None, Part.TORSO, 0.11),
    Part.RIGHT_THIGH: Bone(Joint.RIGHT_HIP, Joint.RIGHT_KNEE, None, Part.TORSO, 0.11),
    Part.LEFT_SHIN: Bone(Joint.LEFT_KNEE, Joint.LEFT_ANKLE, Joint.LEFT_TOE, Part.LEFT_THIGH, 0.07),
    Part.RIGHT_SHIN: Bone(Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE, Joint.RIGHT_TOE, Part.RIGHT_THIGH, 0.07),
}

UPPER_ARMS = (Part.LEFT_UPPER_ARM, Part.RIGHT_UPPER_ARM)
FOREARMS = (Part.LEFT_FOREARM, Part.RIGHT_FOREARM)
ARMS = (*UPPER_ARMS, *FOREARMS)
THIGHS = (Part.LEFT_THIGH, Part.RIGHT_THIGH)
SHINS = (Part.LEFT_SHIN, Part.RIGHT_SHIN)
LEGS = (*THIGHS, *SHINS)
# From back to front, as people stand in pictures.
DRAWING_ORDER = (*SHINS, *THIGHS, Part.TORSO, Part.HEAD, *UPPER_ARMS, *FOREARMS)

HIPS = (Joint.LEFT_HIP, Joint.RIGHT_HIP)
SHOULDERS = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
ANKLES = (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)
KNEES = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE)
TOES = (Joint.LEFT_TOE, Joint.RIGHT_TOE)
LEFT_LEG = (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE, Joint.LEFT_TOE)
RIGHT_LEG = (Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE, Joint.RIGHT_TOE)

# Each joint is the mean of these landmarks.
SOURCES: dict[Joint, tuple[Landmark, ...]] = {
    Joint.NECK: (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER),
    Joint.HEAD: (Landmark.LEFT_EAR, Landmark.RIGHT_EAR),
    Joint.LEFT_SHOULDER: (Landmark.LEFT_SHOULDER,),
    Joint.RIGHT_SHOULDER: (Landmark.RIGHT_SHOULDER,),
    Joint.LEFT_ELBOW: (Landmark.LEFT_ELBOW,),
    Joint.RIGHT_ELBOW: (Landmark.RIGHT_ELBOW,),
    Joint.LEFT_WRIST: (Landmark.LEFT_WRIST,),
    Joint.RIGHT_WRIST: (Landmark.RIGHT_WRIST,),
    Joint.LEFT_HAND: (Landmark.LEFT_INDEX, Landmark.LEFT_PINKY),
    Joint.RIGHT_HAND: (Landmark.RIGHT_INDEX, Landmark.RIGHT_PINKY),
    Joint.LEFT_HIP: (Landmark.LEFT_HIP,),
    Joint.RIGHT_HIP: (Landmark.RIGHT_HIP,),
    Joint.LEFT_KNEE: (Landmark.LEFT_KNEE,),
    Joint.RIGHT_KNEE: (Landmark.RIGHT_KNEE,),
    Joint.LEFT_ANKLE: (Landmark.LEFT_ANKLE,),
    Joint.RIGHT_ANKLE: (Landmark.RIGHT_ANKLE,),
    Joint.LEFT_TOE: (Landmark.LEFT_FOOT_INDEX,),
    Joint.RIGHT_TOE: (Landmark.RIGHT_FOOT_INDEX,),
}

LEAST_SPREAD = 1e-9  # instead of a spread or a sum of weights that is 0: spreads are squares of small lengths


def joints_of(values: np.ndarray) -> np.ndarray:
    """Average landmarks into joints.

    Args:
        values: ``(..., 33, n)`` anything per landmark.

    Returns:
        ``(..., 18, n)`` the same per :class:`Joint`.
    """
    return np.stack([values[..., SOURCES[joint], :].mean(axis=-2) for joint in Joint], axis=-2)


def both_legs(joints: np.ndarray) -> np.ndarray:
    """Put the joints of both legs, from hips to toes, into the middle between them.

    Args:
        joints: ``(..., 18, n)``; unchanged.

    Returns:
        ``(..., 18, n)``: a leg that stands for both, twice.
    """
    middle = joints.copy()
    middle[..., LEFT_LEG, :] = middle[..., RIGHT_LEG, :] = (joints[..., LEFT_LEG, :] + joints[..., RIGHT_LEG, :]) / 2
    return middle


def scale_px_per_m(points: np.ndarray, world_m: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fit the weak-perspective scale that takes metres to the picture.

    Args:
        points: ``(..., n, 2)`` joints in the picture.
        world_m: ``(..., n, 3)`` the same joints in metres.
        weights: ``(..., n)`` trust in each, at least 0.

    Returns:
        ``(...)`` picture units per metre (the ratio of both spreads).
    """
    share = weights / np.maximum(weights.sum(axis=-1, keepdims=True), LEAST_SPREAD)
    return np.sqrt(_spread(points, share) / np.maximum(_spread(world_m[..., :2], share), LEAST_SPREAD))


def _spread(points: np.ndarray, share: np.ndarray) -> np.ndarray:
    centred = points - (share[..., None] * points).sum(axis=-2, keepdims=True)
    return (share[..., None] * centred * centred).sum(axis=(-1, -2))
