"""Which way the limbs of a pose track point, how far those of two tracks differ, and how far their joints lie apart."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from kling_ui.options import Orientation
from kling_ui.vision.people import face_of
from kling_ui.vision.pose import KEYPOINTS, VISIBLE_MIN, Landmark, PoseTrack, seen

HALF_CREDIT_DEG = 30.0  # a limb this far off earns half of what an exact one does
PCK_DEG = 20.0  # the limit of PCK@20deg
# A limb counts by how far its direction spreads in the reference: the least keeps still limbs in, the most keeps one
# swinging arm from being everything.
SPREAD_LEAST_DEG, SPREAD_MOST_DEG = 3.0, 45.0
# Where the reference hardly moves, a still picture loses next to nothing; then this is what a score of 0 has lost.
STILL_LOSS_LEAST = 0.2
# Limbs that are so far off on average, one arm or both forearms, are named as exceptions where the rest earns
# this share (it is off by 14 degrees or less), and the score of all is lower than this.
APART_DEG, APART_MAX, FOLLOWS_MIN, TORN_BELOW = 30.0, 2, 0.85, 70.0
FLATNESS_MIN = 0.2  # within 12 degrees of the line of sight a limb has no direction in the picture
COMPARED_SHARE_MIN = 0.1  # a limb that is comparable in fewer moments is left out
COMPARED_MOMENTS_MIN = 4
PCK_SHOULDERS = 0.2  # a joint is correct within this share of the shoulder width, about 7 cm
_FLATNESS_LEAST = 0.3  # shoulders seen from the side: their width is not blown up further
_JOINTS_MIN = 4  # fewer do not fix place and size
_SCALE_LEAST, _SCALE_MOST = 0.5, 2.0  # of one moment against the rest of the clip


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
# Hands and faces get figures of their own where both clips show them large enough, in picture heights: the detector's
# noise of about 2 px of 640 then turns a hand by 4 degrees, and a nose between the ears by 5.
HANDS = np.array([limb in {Limb.LEFT_HAND, Limb.RIGHT_HAND} for limb in LIMBS])
HAND_LEAST, FACE_LEAST = 0.045, 0.06
PART_SHARE_MIN = 1 / 3  # of the moments with a person in both, in which a hand or the face must be so
_NOSE_OUT = 0.7  # a nose's tip lies so far before the axis of the ears, in distances between them (11 of 15 cm)
_FACE_MARKS = [Landmark.NOSE, Landmark.LEFT_EYE, Landmark.RIGHT_EYE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR]

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


def exchanged_sides(track: PoseTrack) -> PoseTrack:
    """The same track with left and right exchanged and nothing moved: what a back view of the same picture would be."""
    return replace(track, landmarks=track.landmarks[:, _EXCHANGED], world_m=track.world_m[:, _EXCHANGED])


def _flatness(spans: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(spans, axis=-1)
    known = length > 0  # false for NaN, too: without metres every limb counts as seen across
    return np.where(known, np.linalg.norm(spans[..., :2], axis=-1) / np.where(known, length, 1.0), 1.0)


@dataclass(frozen=True, slots=True)
class Directions:
    """Directions compared, moment by moment; ``limbs`` as in :data:`kling_ui.scoring.limbs.LIMBS`.

    Attributes:
        error_deg: ``(moments, limbs)`` signed, clockwise; NaN where a limb cannot be compared.
        weight: ``(moments, limbs)`` visibility times flatness, 0-1; 0 where it cannot be compared.
        importance: ``(limbs,)`` how much the limb moves in the reference, degrees; 0 where it is left out.
        bias_deg: ``(limbs,)`` usual signed difference; 0 where it is left out.
        compared: ``(limbs,)`` bool: often enough comparable to be measurable.
        still_share: What a picture that never moves earns, 0-1, every limb always in the reference's mean direction.
    """

    error_deg: np.ndarray
    weight: np.ndarray
    importance: np.ndarray
    bias_deg: np.ndarray
    compared: np.ndarray
    still_share: float

    @property
    def counted(self) -> np.ndarray:
        """``(limbs,)`` bool: measurable, and part of the figures."""
        return self.importance > 0

    def mean_error_deg(self, rows: slice = slice(None)) -> float | None:
        """Mean error of the counted limbs in some moments, weighted by visibility and flatness."""
        return _mean(np.abs(self.error_deg[rows]), (self.weight * self.counted)[rows])

    def plain_error_deg(self) -> float | None:
        """Mean error of the counted limbs, every comparable limb and moment alike."""
        return _mean(np.abs(self.error_deg), (self.weight > 0) * self.counted)

    def within_share(self) -> float | None:
        """PCK@20deg: share, 0-1, of counted limbs and moments that are off by at most :data:`PCK_DEG`."""
        return _mean(np.abs(self.error_deg) <= PCK_DEG, (self.weight > 0) * self.counted)

    def earned_share(self, rows: slice = slice(None)) -> float | None:
        """Mean credit, 0-1, in some moments."""
        return _mean(credit(self.error_deg[rows]), (self.weight * self.importance)[rows])

    @property
    def apart(self) -> np.ndarray:
        """``(limbs,)`` bool: counted limbs that do not follow, where all others do; none where several others do not.

        A limb that rests on a desk, or a hand in a pocket, says nothing about how the rest moves.
        """
        errors = [_mean(np.abs(self.error_deg[:, [limb]]), self.weight[:, [limb]]) for limb in range(len(LIMBS))]
        far = self.counted & np.array([error is not None and error >= APART_DEG for error in errors])
        if not 0 < far.sum() <= APART_MAX:
            return np.zeros(len(LIMBS), bool)
        of_rest, whole = replace(self, importance=self.importance * ~far).earned_share(), self.score()
        is_apart = of_rest is not None and whole is not None and of_rest >= FOLLOWS_MIN and whole < TORN_BELOW
        return far if is_apart else np.zeros(len(LIMBS), bool)

    def score(self, rows: slice = slice(None)) -> float | None:
        """The 0-100 figure of some moments: see :func:`kling_ui.scoring.motion.motion_match`."""
        earned = self.earned_share(rows)
        if earned is None:
            return None
        return 100 * max(0.0, 1 - (1 - earned) / max(1 - self.still_share, STILL_LOSS_LEAST))


def credit(error_deg: np.ndarray) -> np.ndarray:
    """What a limb earns: 1 when exact, a half at 30 degrees, a sixteenth at 60."""
    return 2.0 ** -((error_deg / HALF_CREDIT_DEG) ** 2)


def compare(
    reference: LimbTrack, result: LimbTrack, orientation: Orientation, counted: np.ndarray = COUNTED
) -> Directions:
    """Compare the directions of limbs that both show.

    Args:
        reference: At some moments.
        result: At the same moments.
        orientation: ``VIDEO`` compares directions as they are seen. ``IMAGE`` compares how they change: each limb's
            usual difference is taken off first, because the result keeps the picture's own stance and facing.
        counted: ``(limbs,)`` bool: which of them the figures are about.
    """
    comparable = reference.shown & result.shown & (reference.flatness >= FLATNESS_MIN)
    present = ~np.isnan(reference.vectors[:, 0, 0]) & ~np.isnan(result.vectors[:, 0, 0])
    enough = max(COMPARED_SHARE_MIN * present.sum(), COMPARED_MOMENTS_MIN)
    compared = comparable.sum(axis=0) >= enough
    comparable &= compared
    weight = np.where(comparable, np.minimum(reference.trust, result.trust) * reference.flatness, 0.0)
    error_deg = np.where(comparable, _wrapped(np.degrees(result.angles - reference.angles)), np.nan)
    bias_deg = usual_deg(error_deg, weight)
    if orientation is Orientation.IMAGE:
        error_deg = _wrapped(error_deg - bias_deg)
    spread = spread_deg(reference.angles, weight).clip(SPREAD_LEAST_DEG, SPREAD_MOST_DEG)
    importance = spread * (compared & counted)
    rest_deg = np.degrees(np.angle(_mean_turn(reference.angles, weight)))
    still = _mean(credit(_wrapped(rest_deg - np.degrees(reference.angles))), weight * importance)
    return Directions(error_deg, weight, importance, bias_deg, compared, still or 0.0)


def hands_score(reference: LimbTrack, result: LimbTrack, orientation: Orientation) -> float | None:
    """Score, 0-100, of the directions of the hands alone; ``None`` where they are small or rarely seen in both."""
    large = [
        replace(track, trust=np.where(np.linalg.norm(track.vectors, axis=-1) >= HAND_LEAST, track.trust, 0.0))
        for track in (reference, result)
    ]
    found = compare(*large, orientation, HANDS)
    present = ~np.isnan(reference.vectors[:, 0, 0]) & ~np.isnan(result.vectors[:, 0, 0])
    shown = (found.weight[:, HANDS] > 0).any(axis=1).sum()
    return found.score() if shown and shown >= PART_SHARE_MIN * present.sum() else None


def face_score(reference: PoseTrack, result: PoseTrack) -> float | None:
    """Score, 0-100, of how both faces turn, nod and roll; ``None`` where they are small or rarely seen in both.

    Faces differ in shape, so each angle's usual difference is taken off first.

    Args:
        reference: At some moments.
        result: At the same moments.
    """
    wanted, given = _face_angles_deg(reference), _face_angles_deg(result)
    off = _wrapped(given - wanted)
    both = ~np.isnan(off[:, 0])
    present = (reference.found & result.found).sum()
    if both.sum() < max(PART_SHARE_MIN * present, COMPARED_MOMENTS_MIN):
        return None
    off, wanted = off[both], wanted[both]
    earned = credit(np.linalg.norm(off - np.median(off, axis=0), axis=1)).mean()
    still = credit(np.linalg.norm(_wrapped(wanted - np.median(wanted, axis=0)), axis=1)).mean()
    return 100 * max(0.0, 1 - (1 - float(earned)) / max(1 - float(still), STILL_LOSS_LEAST))


def _face_angles_deg(track: PoseTrack) -> np.ndarray:
    """``(frames, 3)`` roll, turn and nod in degrees; NaN where the face is not seen, or small."""
    points = track.landmarks[..., :2].astype(np.float64) * (track.aspect, 1.0)
    roll, turn, nod = np.moveaxis(face_of(points), -1, 0)
    width = np.linalg.norm(points[:, Landmark.LEFT_EAR] - points[:, Landmark.RIGHT_EAR], axis=-1)
    angles = np.degrees(np.stack([roll, np.arctan(turn / _NOSE_OUT), np.arctan(nod / _NOSE_OUT)], axis=-1))
    shown = seen(track.landmarks)[:, _FACE_MARKS].all(axis=1) & (width >= FACE_LEAST)
    return np.where(shown[:, None], angles, np.nan)


def spread_deg(angles: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``(limbs,)`` circular standard deviation of ``(moments, limbs)`` angles in radians, in degrees."""
    length = np.abs(_mean_turn(angles, weight)).clip(1e-3, 1.0)
    return np.degrees(np.sqrt(-2 * np.log(length)))


def usual_deg(error_deg: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``(limbs,)`` median of ``(moments, limbs)`` signed differences on the circle; 0 where there are none."""
    centre = np.degrees(np.angle(_mean_turn(np.radians(error_deg), weight)))
    around = _wrapped(error_deg - centre)
    middle = [
        np.median(column[used]) if used.any() else 0.0 for column, used in zip(around.T, weight.T > 0, strict=True)
    ]
    return _wrapped(centre + np.array(middle))


def _mean_turn(angles: np.ndarray, weight: np.ndarray) -> np.ndarray:
    turns = np.where(weight > 0, np.exp(1j * np.where(weight > 0, angles, 0.0)), 0.0)
    total = weight.sum(axis=0)
    return (turns * weight).sum(axis=0) / np.where(total > 0, total, 1.0)


def _wrapped(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180) % 360 - 180


def _mean(values: np.ndarray, weight: np.ndarray) -> float | None:
    total = float(weight.sum())
    return float((np.where(weight > 0, values, 0.0) * weight).sum()) / total if total > 0 else None


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
        akd: Average keypoint distance, in shoulder widths of the reference; ``None`` when no moment can be measurable.
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
    """``(limbs,)`` length of the given limbs against the wanted ones; 1 where it cannot be measurable."""
    long, short = ((np.linalg.norm(vectors, axis=-1) * usable).sum(axis=0) for vectors in (given, wanted))
    measurable = (short > 0) & (long > 0)
    return np.where(measurable, long / np.where(measurable, short, 1.0), 1.0)


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
