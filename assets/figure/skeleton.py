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
        rows = [(0, -0.53, 0), (0, -0.615, 0), (0, -0.852, 0.012)]
        for side in SIDES:
            rows += [(side * (shoulder + out), -0.802, 0.006) for out in (0, 0.167, 0.313)]
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
    rest = build.joints()
    turns, joints = np.zeros((15, 3, 3)), np.zeros((15, 3))
    turns[Bone.PELVIS] = rotation(pose.hips_turn)
    joints[Bone.PELVIS] = rest[Bone.PELVIS] + pose.hips * build.stature_m
    turns[Bone.CHEST] = turns[Bone.PELVIS] @ rotation(pose.chest)
    turns[Bone.HEAD] = turns[Bone.CHEST] @ rotation(pose.head)
    for bone in (Bone.CHEST, Bone.HEAD):
        _hang(bone, rest, turns, joints)
    for index, side in enumerate(SIDES):
        _solve_arm(index, side, pose, rest, turns, joints)
        _solve_leg(index, side, pose, build.stature_m, rest, turns, joints)
    return Frames(turns, joints)


def _hang(bone: int, rest: np.ndarray, turns: np.ndarray, joints: np.ndarray) -> None:
    parent = PARENTS[bone]
    joints[bone] = joints[parent] + turns[parent] @ (rest[bone] - rest[parent])


def _solve_arm(
    index: int, side: float, pose: Pose, rest: np.ndarray, turns: np.ndarray, joints: np.ndarray
) -> None:
    arm, chest = ARMS[index], turns[Bone.CHEST]
    _hang(arm, rest, turns, joints)
    axes = np.array([side, -1.0, -1.0])  # (outward, up, forward) to the world's axes
    length = np.linalg.norm(rest[arm + 2] - rest[arm])
    reach = pose.hands[index]
    shrug = np.clip(reach[1], 0, 1) * np.array([-0.05 * side, -0.13, 0.0]) * length  # shoulders rise with the arms
    joints[arm] += chest @ shrug
    target = joints[arm] + chest @ (reach * axes * length)
    pole = chest @ (pose.elbows[index] * axes)
    _bend(arm, target, pole, np.array([side, 0, 0]), np.array([0, -side, 0]), rest, turns, joints)
    supination, flex = pose.twists[index]
    twist = rotation(np.array([-supination, 0, 0])) @ rotation(np.array([0, 0, flex * side]))
    turns[arm + 2] = turns[arm + 1] @ twist


def _solve_leg(
    index: int, side: float, pose: Pose, stature_m: float, rest: np.ndarray, turns: np.ndarray, joints: np.ndarray
) -> None:
    thigh = THIGHS[index]
    _hang(thigh, rest, turns, joints)
    target = pose.feet[index] * np.array([side, -1, -1]) * stature_m
    outward, down = pose.toes[index]
    ahead = rotation(np.array([0, -side * outward, 0])) @ rotation(pose.hips_turn * [0, 1, 0])
    pole = turns[Bone.PELVIS] @ np.array([0.25 * side, 0, -1]) + ahead @ np.array([0, 0, -0.5])
    _bend(thigh, target, pole, np.array([0, 1, 0]), np.array([-1, 0, 0]), rest, turns, joints)
    turns[thigh + 2] = ahead @ rotation(np.array([down, 0, 0]))


def _bend(
    first: int,
    target: np.ndarray,
    pole: np.ndarray,
    axis: np.ndarray,
    normal: np.ndarray,
    rest: np.ndarray,
    turns: np.ndarray,
    joints: np.ndarray,
) -> None:
    """Two bones reach for a target and bend towards a pole; ``axis`` and ``normal`` are their frame at rest."""
    upper = np.linalg.norm(rest[first + 1] - rest[first])
    lower = np.linalg.norm(rest[first + 2] - rest[first + 1])
    span = target - joints[first]
    reach = np.clip(np.linalg.norm(span), abs(upper - lower) + 0.05, (upper + lower) * 0.998)
    ahead = span / max(np.linalg.norm(span), 1e-9)
    across = np.cross(ahead, pole)
    across /= max(np.linalg.norm(across), 1e-9)
    cosine = np.clip((upper**2 + reach**2 - lower**2) / (2 * upper * reach), -1, 1)
    side = np.cross(across, ahead)
    middle = joints[first] + upper * (cosine * ahead + np.sqrt(1 - cosine**2) * side)
    end = joints[first] + reach * ahead
    frame = np.column_stack([axis, normal, np.cross(axis, normal)])
    for bone, start, stop in ((first, joints[first], middle), (first + 1, middle, end)):
        along = (stop - start) / np.linalg.norm(stop - start)
        turns[bone] = np.column_stack([along, across, np.cross(along, across)]) @ frame.T
    joints[first + 1], joints[first + 2] = middle, end
