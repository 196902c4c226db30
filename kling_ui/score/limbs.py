"""Which way the limbs of a pose track point: what the motion match compares."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from kling_ui.vision.body import VISIBLE_MIN, seen
from kling_ui.vision.person import Landmark, PoseTrack


class Limb(StrEnum):
    """The parts whose direction is compared; left and right are the person's own."""

    TORSO = "torso"
    SHOULDERS = "shoulders"
    HIPS = "hips"
    HEAD = "head"
    LEFT_UPPER_ARM = "left upper arm"
    RIGHT_UPPER_ARM = "right upper arm"
    LEFT_FOREARM = "left forearm"
    RIGHT_FOREARM = "right forearm"
    LEFT_THIGH = "left thigh"
    RIGHT_THIGH = "right thigh"
    LEFT_SHIN = "left shin"
    RIGHT_SHIN = "right shin"
    LEFT_HAND = "left hand"
    RIGHT_HAND = "right hand"
    LEFT_FOOT = "left foot"
    RIGHT_FOOT = "right foot"


LIMBS = tuple(Limb)
# Hands and feet are so short that the detector's own noise turns them by 3-13 degrees (measured on the same clip,
# scaled, blurred and flipped; the others stay at 0.3-4): they are listed, but no figure counts them.
COUNTED = np.array([limb not in LIMBS[-4:] for limb in LIMBS])

# A limb leads from the mean of the first landmarks to the mean of the second.
_ENDS: dict[Limb, tuple[tuple[Landmark, ...], tuple[Landmark, ...]]] = {
    Limb.TORSO: ((Landmark.LEFT_HIP, Landmark.RIGHT_HIP), (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)),
    Limb.SHOULDERS: ((Landmark.RIGHT_SHOULDER,), (Landmark.LEFT_SHOULDER,)),
    Limb.HIPS: ((Landmark.RIGHT_HIP,), (Landmark.LEFT_HIP,)),
    Limb.HEAD: ((Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER), (Landmark.NOSE,)),
    Limb.LEFT_UPPER_ARM: ((Landmark.LEFT_SHOULDER,), (Landmark.LEFT_ELBOW,)),
    Limb.RIGHT_UPPER_ARM: ((Landmark.RIGHT_SHOULDER,), (Landmark.RIGHT_ELBOW,)),
    Limb.LEFT_FOREARM: ((Landmark.LEFT_ELBOW,), (Landmark.LEFT_WRIST,)),
    Limb.RIGHT_FOREARM: ((Landmark.RIGHT_ELBOW,), (Landmark.RIGHT_WRIST,)),
    Limb.LEFT_THIGH: ((Landmark.LEFT_HIP,), (Landmark.LEFT_KNEE,)),
    Limb.RIGHT_THIGH: ((Landmark.RIGHT_HIP,), (Landmark.RIGHT_KNEE,)),
    Limb.LEFT_SHIN: ((Landmark.LEFT_KNEE,), (Landmark.LEFT_ANKLE,)),
    Limb.RIGHT_SHIN: ((Landmark.RIGHT_KNEE,), (Landmark.RIGHT_ANKLE,)),
    Limb.LEFT_HAND: ((Landmark.LEFT_WRIST,), (Landmark.LEFT_PINKY, Landmark.LEFT_INDEX)),
    Limb.RIGHT_HAND: ((Landmark.RIGHT_WRIST,), (Landmark.RIGHT_PINKY, Landmark.RIGHT_INDEX)),
    Limb.LEFT_FOOT: ((Landmark.LEFT_ANKLE,), (Landmark.LEFT_FOOT_INDEX,)),
    Limb.RIGHT_FOOT: ((Landmark.RIGHT_ANKLE,), (Landmark.RIGHT_FOOT_INDEX,)),
}
# Index of the same landmark on the other side: behind the nose and the eyes, left and right take turns.
_EXCHANGED = np.array([0, 4, 5, 6, 1, 2, 3, *(index + 1 if index % 2 else index - 1 for index in range(7, 33))])


@dataclass(frozen=True, slots=True)
class LimbTrack:
    """What the limbs of one person do, ``limbs`` in the order of :data:`LIMBS`.

    Attributes:
        vectors: ``(frames, limbs, 2)`` from start to end, x right and y down, in picture heights; NaN where nobody is.
        trust: ``(frames, limbs)`` the lower visibility of its ends, 0-1; 0 where one is hidden or outside the picture.
        flatness: ``(frames, limbs)`` how much of its length the view shows: 1 across it, 0 along it.
    """

    vectors: np.ndarray
    trust: np.ndarray
    flatness: np.ndarray

    @property
    def angles(self) -> np.ndarray:
        """``(frames, limbs)`` direction in radians, clockwise from the picture's x axis."""
        return np.arctan2(self.vectors[..., 1], self.vectors[..., 0])

    @property
    def shown(self) -> np.ndarray:
        """``(frames, limbs)`` bool: both ends are visible."""
        return self.trust >= VISIBLE_MIN


def limb_track(track: PoseTrack) -> LimbTrack:
    """Read the limbs off a pose track."""
    points = track.landmarks[..., :2].astype(np.float64) * (track.aspect, 1.0)
    trust = np.where(seen(track.landmarks), track.landmarks[..., 3], 0.0)
    ends = [(list(start), list(end)) for start, end in (_ENDS[limb] for limb in LIMBS)]
    vectors = np.stack([points[:, end].mean(axis=1) - points[:, start].mean(axis=1) for start, end in ends], axis=1)
    spans = np.stack(
        [track.world_m[:, end].mean(axis=1) - track.world_m[:, start].mean(axis=1) for start, end in ends], 1
    )
    lowest = np.stack([trust[:, start + end].min(axis=1) for start, end in ends], axis=1)
    return LimbTrack(vectors, lowest, _flatness(spans.astype(np.float64)))


def mirrored(track: PoseTrack) -> PoseTrack:
    """The track of the same clip seen in a mirror: sides and left and right exchanged."""
    landmarks, world_m = track.landmarks[:, _EXCHANGED].copy(), track.world_m[:, _EXCHANGED].copy()
    landmarks[..., 0] = 1 - landmarks[..., 0]
    world_m[..., 0] *= -1
    return PoseTrack(track.times_s, landmarks, world_m, track.aspect)


def _flatness(spans: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(spans, axis=-1)
    known = length > 0  # false for NaN, too: without metres every limb counts as seen across
    return np.where(known, np.linalg.norm(spans[..., :2], axis=-1) / np.where(known, length, 1.0), 1.0)
