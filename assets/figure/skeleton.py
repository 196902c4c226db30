"""The figure's skeleton: a pose in a person's words becomes joint frames, and those become true landmarks.

World axes follow the picture: x to the right, y down, z away from the camera, metres, the floor at y = 0. A figure at
rest stands in a T-pose and faces the camera, so the person's own left is +x. Pairs are always (left, right).
"""

from dataclasses import dataclass, field
from enum import IntEnum

import cv2
import numpy as np


class Bone(IntEnum):
    """What moves as one; each turns about its joint relative to its parent."""

    PELVIS = 0
    CHEST = 1
    HEAD = 2
    LEFT_ARM = 3
    LEFT_FOREARM = 4
    LEFT_HAND = 5
    RIGHT_ARM = 6
    RIGHT_FOREARM = 7
    RIGHT_HAND = 8
    LEFT_THIGH = 9
    LEFT_SHIN = 10
    LEFT_FOOT = 11
    RIGHT_THIGH = 12
    RIGHT_SHIN = 13
    RIGHT_FOOT = 14


PARENTS = (0, 0, 1, 1, 3, 4, 1, 6, 7, 0, 9, 10, 0, 12, 13)
ARMS = (Bone.LEFT_ARM, Bone.RIGHT_ARM)
THIGHS = (Bone.LEFT_THIGH, Bone.RIGHT_THIGH)
SIDES = (1.0, -1.0)


def pair(*values: float) -> np.ndarray:
    """The same values for the left and the right side, ``(2, n)``."""
    return np.array([values, values], np.float64)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the body's ends are; the joints between follow.

    Angles are radians. Limb vectors are (outward, up, forward), so that equal rows mean a symmetric pose.

    Attributes:
        hips: ``(3,)`` shift of the pelvis from standing, in statures, world axes.
        hips_turn: ``(3,)`` rotation vector of the pelvis.
        chest: ``(3,)`` rotation vector of the chest against the pelvis.
        head: ``(3,)`` rotation vector of the head against the chest.
        hands: ``(2, 3)`` wrist from shoulder, in arm lengths, in the chest's frame.
        elbows: ``(2, 3)`` direction to which the elbow points, in the chest's frame.
        twists: ``(2, 2)`` hand against forearm: supination (palm forward) and bend towards the palm.
        feet: ``(2, 3)`` ankle from the floor under the standing pelvis, in statures, in the world's axes.
        toes: ``(2, 2)`` foot turned outward, and toes pointed down.
    """

    hips: np.ndarray = field(default_factory=lambda: np.zeros(3))
    hips_turn: np.ndarray = field(default_factory=lambda: np.zeros(3))
    chest: np.ndarray = field(default_factory=lambda: np.zeros(3))
    head: np.ndarray = field(default_factory=lambda: np.zeros(3))
    hands: np.ndarray = field(default_factory=lambda: pair(0.52, -0.84, 0.06))
    elbows: np.ndarray = field(default_factory=lambda: pair(0.4, -0.2, -1.0))
    twists: np.ndarray = field(default_factory=lambda: pair(0.9, 0.12))
    feet: np.ndarray = field(default_factory=lambda: pair(0.068, 0.045, 0.0))
    toes: np.ndarray = field(default_factory=lambda: pair(0.22, 0.0))


@dataclass(frozen=True, slots=True)
class Build:
    """Proportions of a body, in metres and in shares of the stature.

    Attributes:
        stature_m: Height from floor to crown.
        shoulder_share: Half the distance between the shoulder joints.
        hip_share: Half the distance between the hip joints.
        bulk: Thickness of trunk and limbs against an average person.
        hips: Width of the hips against an average person.
        waist: Likewise of the waist.
        chest: Likewise of the chest.
        neck: Likewise of the neck.
        bust: How far the bust stands out, in statures.
    """

    stature_m: float = 1.75
    shoulder_share: float = 0.105
    hip_share: float = 0.052
    bulk: float = 1.0
    hips: float = 1.0
    waist: float = 1.0
    chest: float = 1.0
    neck: float = 1.0
    bust: float = 0.0

    def joints(self) -> np.ndarray:
        """Rest positions of the joints, ``(15, 3)`` metres."""
        shoulder, hip = self.shoulder_share, self.hip_share
        rows = [(0.0, -0.53, 0.0), (0.0, -0.615, 0.0), (0.0, -0.852, 0.012)]
        for side in SIDES:
            rows += [(side * (shoulder + out), -0.797, 0.006) for out in (0.0, 0.167, 0.313)]
        for side in SIDES:
            rows += [(side * hip, -0.515, 0.0), (side * hip, -0.277, -0.004), (side * hip, -0.045, 0.006)]
        return np.array(rows, np.float64) * self.stature_m


@dataclass(frozen=True, slots=True)
class Frames:
    """A posed skeleton.

    Attributes:
        rotations: ``(15, 3, 3)`` of each bone against rest, in the world.
        joints: ``(15, 3)`` metres.
    """

    rotations: np.ndarray
    joints: np.ndarray

    def carry(self, bone: Bone, points: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Move rest points ``(n, 3)`` with a bone; ``rest`` are the joints at rest."""
        return (points - rest[bone]) @ self.rotations[bone].T + self.joints[bone]


def rotation(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of a rotation vector."""
    return cv2.Rodrigues(np.asarray(vector, np.float64))[0]


def solve(pose: Pose, build: Build) -> Frames:
    """Find every joint of a posed body, feet and hands where the pose wants them or as near as they reach."""
    body = _Assembly(pose, build)
    for bone in (Bone.CHEST, Bone.HEAD):
        body.hang(bone)
    for index in range(len(SIDES)):
        body.reach(index)
        body.stand(index)
    return Frames(body.turns, body.joints)


class _Assembly:
    """A skeleton that is being posed, from the pelvis outward."""

    def __init__(self, pose: Pose, build: Build) -> None:
        self.pose, self.stature_m, self.rest = pose, build.stature_m, build.joints()
        self.turns, self.joints = np.zeros((15, 3, 3)), np.zeros((15, 3))
        self.turns[Bone.PELVIS] = rotation(pose.hips_turn)
        self.joints[Bone.PELVIS] = self.rest[Bone.PELVIS] + pose.hips * self.stature_m
        self.turns[Bone.CHEST] = self.turns[Bone.PELVIS] @ rotation(pose.chest)
        self.turns[Bone.HEAD] = self.turns[Bone.CHEST] @ rotation(pose.head)

    def hang(self, bone: int) -> None:
        """Place a bone's joint where its parent carries it."""
        parent = PARENTS[bone]
        self.joints[bone] = self.joints[parent] + self.turns[parent] @ (self.rest[bone] - self.rest[parent])

    def reach(self, index: int) -> None:
        """Pose an arm; the shoulder rises with it."""
        arm, side, chest = ARMS[index], SIDES[index], self.turns[Bone.CHEST]
        self.hang(arm)
        axes = np.array([side, -1.0, -1.0])  # (outward, up, forward) to the world's axes
        length = np.linalg.norm(self.rest[arm + 2] - self.rest[arm])
        wrist = self.pose.hands[index]
        self.joints[arm] += chest @ np.array([-0.05 * side, -0.13, 0.0]) * np.clip(wrist[1], 0, 1) * length
        target = self.joints[arm] + chest @ (wrist * axes * length)
        pole = chest @ (self.pose.elbows[index] * axes)
        self._bend(arm, target, pole, np.array([[side, 0, 0], [0, -side, 0], [0, 0, -1]]))
        supination, flex = self.pose.twists[index]
        twist = rotation(np.array([-supination, 0, 0])) @ rotation(np.array([0, 0, flex * side]))
        self.turns[arm + 2] = self.turns[arm + 1] @ twist

    def stand(self, index: int) -> None:
        """Pose a leg; the knee points between where the pelvis and the foot look."""
        thigh, side = THIGHS[index], SIDES[index]
        self.hang(thigh)
        target = self.pose.feet[index] * np.array([side, -1, -1]) * self.stature_m
        outward, down = self.pose.toes[index]
        ahead = rotation(np.array([0, -side * outward, 0])) @ rotation(self.pose.hips_turn * [0, 1, 0])
        pole = self.turns[Bone.PELVIS] @ np.array([0.25 * side, 0, -1]) + ahead @ np.array([0, 0, -0.5])
        self._bend(thigh, target, pole, np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]))
        self.turns[thigh + 2] = ahead @ rotation(np.array([down, 0, 0]))

    def _bend(self, first: int, target: np.ndarray, pole: np.ndarray, axes: np.ndarray) -> None:
        """Two bones reach for a target and bend towards a pole.

        The rows of ``axes`` are the bones' direction at rest, what is square to it and to the pole, and the third.
        """
        joints, rest = self.joints, self.rest
        upper = np.linalg.norm(rest[first + 1] - rest[first])
        lower = np.linalg.norm(rest[first + 2] - rest[first + 1])
        span = target - joints[first]
        reach = np.clip(np.linalg.norm(span), abs(upper - lower) + 0.05, (upper + lower) * 0.998)
        ahead = span / max(np.linalg.norm(span), 1e-9)
        across = np.cross(ahead, pole)
        across /= max(np.linalg.norm(across), 1e-9)
        cosine = np.clip((upper**2 + reach**2 - lower**2) / (2 * upper * reach), -1, 1)
        middle = joints[first] + upper * (cosine * ahead + np.sqrt(1 - cosine**2) * np.cross(across, ahead))
        joints[first + 1], joints[first + 2] = middle, joints[first] + reach * ahead
        for bone in (first, first + 1):
            along = joints[bone + 1] - joints[bone]
            along = along / np.linalg.norm(along)
            self.turns[bone] = np.column_stack([along, across, np.cross(along, across)]) @ axes
