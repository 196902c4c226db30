"""The true places of the 33 BlazePose landmarks of a posed figure."""

import numpy as np

from figure.hand import to_rest
from figure.head import head_landmarks
from figure.look import Look
from figure.skeleton import ARMS, SIDES, THIGHS, Bone, Frames

HAND_POINTS = np.array([[0.44, -0.15, 0.0], [0.47, 0.15, 0.0], [0.32, 0.28, 0.07]])  # little finger, index, thumb
FOOT_POINTS = np.array([[0, 0.034, 0.030], [0, 0.036, -0.092]])  # heel, toes; from the ankle in statures


def landmarks(look: Look, frames: Frames) -> np.ndarray:
    """``(33, 3)`` in the figure's frame, metres."""
    rest, found = look.build.joints(), np.zeros((33, 3))
    found[:11] = head_landmarks(look, frames)
    for index in range(len(SIDES)):
        arm, thigh = ARMS[index], THIGHS[index]
        hand = to_rest(HAND_POINTS, index=index, stature_m=look.build.stature_m, wrist=rest[arm + 2])
        foot = rest[thigh + 2] + FOOT_POINTS * look.build.stature_m
        found[11 + index : 17 : 2] = frames.joints[arm : arm + 3]
        found[17 + index : 23 : 2] = frames.carry(Bone(arm + 2), hand, rest)
        found[23 + index : 29 : 2] = frames.joints[thigh : thigh + 3]
        found[29 + index : 33 : 2] = frames.carry(Bone(thigh + 2), foot, rest)
    return found
