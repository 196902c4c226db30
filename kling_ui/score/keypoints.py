"""How far the joints of a result lie from the reference's once place, size and proportions are taken off."""

from dataclasses import dataclass

import numpy as np

from kling_ui.score.limbs import LIMBS, Limb, LimbTrack
from kling_ui.vision.body import seen
from kling_ui.vision.person import Landmark, PoseTrack

PCK_SHOULDERS = 0.2  # a joint is correct within this share of the shoulder width, about 7 cm
_FLATNESS_LEAST = 0.3  # shoulders seen from the side: their width is not blown up further
_JOINTS_MIN = 4  # fewer do not fix place and size
_SCALE_LEAST, _SCALE_MOST = 0.5, 2.0  # of one moment against the rest of the clip

KEYPOINTS = (
    Landmark.NOSE,
    *(
        Landmark.LEFT_SHOULDER,
        Landmark.RIGHT_SHOULDER,
        Landmark.LEFT_ELBOW,
        Landmark.RIGHT_ELBOW,
        Landmark.LEFT_WRIST,
        Landmark.RIGHT_WRIST,
    ),
    *(
        Landmark.LEFT_HIP,
        Landmark.RIGHT_HIP,
        Landmark.LEFT_KNEE,
        Landmark.RIGHT_KNEE,
        Landmark.LEFT_ANKLE,
        Landmark.RIGHT_ANKLE,
    ),
)
_HALF_SHOULDERS, _HALF_HIPS = (Limb.SHOULDERS, 0.5), (Limb.HIPS, 0.5)
_LEFT_HIP, _RIGHT_HIP = ((Limb.TORSO, -1.0), _HALF_HIPS), ((Limb.TORSO, -1.0), (Limb.HIPS, -0.5))
# The way from the middle of the shoulders to each keypoint, as limbs and how much of them is walked.
_WAYS: dict[Landmark, tuple[tuple[Limb, float], ...]] = {
    Landmark.NOSE: ((Limb.HEAD, 1.0),),
    Landmark.LEFT_SHOULDER: (_HALF_SHOULDERS,),
    Landmark.LEFT_ELBOW: (_HALF_SHOULDERS, (Limb.LEFT_UPPER_ARM, 1.0)),
    Landmark.LEFT_WRIST: (_HALF_SHOULDERS, (Limb.LEFT_UPPER_ARM, 1.0), (Limb.LEFT_FOREARM, 1.0)),
    Landmark.RIGHT_SHOULDER: ((Limb.SHOULDERS, -0.5),),
    Landmark.RIGHT_ELBOW: ((Limb.SHOULDERS, -0.5), (Limb.RIGHT_UPPER_ARM, 1.0)),
    Landmark.RIGHT_WRIST: ((Limb.SHOULDERS, -0.5), (Limb.RIGHT_UPPER_ARM, 1.0), (Limb.RIGHT_FOREARM, 1.0)),
    Landmark.LEFT_HIP: _LEFT_HIP,
    Landmark.LEFT_KNEE: (*_LEFT_HIP, (Limb.LEFT_THIGH, 1.0)),
    Landmark.LEFT_ANKLE: (*_LEFT_HIP, (Limb.LEFT_THIGH, 1.0), (Limb.LEFT_SHIN, 1.0)),
    Landmark.RIGHT_HIP: _RIGHT_HIP,
    Landmark.RIGHT_KNEE: (*_RIGHT_HIP, (Limb.RIGHT_THIGH, 1.0)),
    Landmark.RIGHT_ANKLE: (*_RIGHT_HIP, (Limb.RIGHT_THIGH, 1.0), (Limb.RIGHT_SHIN, 1.0)),
}
_STEPS = np.array([[dict(_WAYS[joint]).get(limb, 0.0) for limb in LIMBS] for joint in KEYPOINTS])


@dataclass(frozen=True, slots=True)
class JointDistances:
    """How far the joints are off.

    Attributes:
        akd: Average keypoint distance, in shoulder widths of the reference; ``None`` when no moment can be told.
        pck: PCK@0.2: share of joints and moments, 0-1, at most :data:`PCK_SHOULDERS` shoulder widths off.
    """

    akd: float | None
    pck: float | None


def joint_distances(reference: LimbTrack, result: LimbTrack, turned_deg: np.ndarray) -> JointDistances:
    """Measure how far the joints of both are apart.

    The result's limbs are given the reference's lengths (by their sums over the whole clip), so proportions do not
    count, but a limb that is shortened at the wrong moment does. Then each moment is moved and scaled, not turned,
    to fit best.

    Args:
        reference: At some moments.
        result: At the same moments.
        turned_deg: ``(limbs,)`` degrees by which each limb of the result is turned back first.
    """
    usable = reference.shown & result.shown
    wanted = np.where(usable[..., None], reference.vectors, 0.0)
    given = np.where(usable[..., None], _turned(result.vectors, -np.radians(turned_deg)), 0.0)
    given = given / _length_ratio(wanted, given, usable)[:, None]
    unknown = (~usable).astype(float) @ (_STEPS.T != 0) > 0
    width = _shoulder_width(reference)
    unknown |= ~(width > 0)[:, None] | ((~unknown).sum(axis=1) < _JOINTS_MIN)[:, None]
    if unknown.all():
        return JointDistances(None, None)
    apart = _fitted_distances(_STEPS @ wanted, _STEPS @ given, ~unknown) / np.where(width > 0, width, 1.0)[:, None]
    known = apart[~unknown]
    return JointDistances(float(known.mean()), float((known <= PCK_SHOULDERS).mean()))


def missing_share(reference: PoseTrack, result: PoseTrack, rows: np.ndarray) -> float | None:
    """MKR, missing keypoint rate: share, 0-1, of the keypoints that the reference shows and the result does not.

    Args:
        reference: At some moments.
        result: At the same moments.
        rows: ``(moments,)`` bool: the moments to look at.
    """
    wanted = seen(reference.landmarks[rows])[:, KEYPOINTS]
    missing = wanted & ~seen(result.landmarks[rows])[:, KEYPOINTS]
    return float(missing.sum() / wanted.sum()) if wanted.any() else None


def _turned(vectors: np.ndarray, radians: np.ndarray) -> np.ndarray:
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([x * np.cos(radians) - y * np.sin(radians), x * np.sin(radians) + y * np.cos(radians)], axis=-1)


def _length_ratio(wanted: np.ndarray, given: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """``(limbs,)`` length of the given limbs against the wanted ones; 1 where it cannot be told."""
    long, short = ((np.linalg.norm(vectors, axis=-1) * usable).sum(axis=0) for vectors in (given, wanted))
    told = (short > 0) & (long > 0)
    return np.where(told, long / np.where(told, short, 1.0), 1.0)


def _shoulder_width(track: LimbTrack) -> np.ndarray:
    """``(moments,)`` in picture heights, as if the shoulders were seen from the front; NaN where nobody is."""
    at = LIMBS.index(Limb.SHOULDERS)
    return np.linalg.norm(track.vectors[:, at], axis=-1) / track.flatness[:, at].clip(_FLATNESS_LEAST)


def _fitted_distances(wanted: np.ndarray, given: np.ndarray, known: np.ndarray) -> np.ndarray:
    """``(moments, joints)`` distances after the best shift and scale of each moment."""
    share = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    wanted = wanted - (share[..., None] * wanted).sum(axis=1, keepdims=True)
    given = given - (share[..., None] * given).sum(axis=1, keepdims=True)
    product = (share[..., None] * wanted * given).sum(axis=(1, 2))
    energy = (share[..., None] * given * given).sum(axis=(1, 2))
    scale = np.where(energy > 0, product / np.where(energy > 0, energy, 1.0), 1.0).clip(_SCALE_LEAST, _SCALE_MOST)
    return np.linalg.norm(given * scale[:, None, None] - wanted, axis=-1)
