"""How far the limbs of a result point away from the reference's, and the 0-100 figure made of that."""

from dataclasses import dataclass

import numpy as np

from kling_ui.choice import Orientation
from kling_ui.score.limbs import COUNTED, LimbTrack

HALF_CREDIT_DEG = 30.0  # a limb this far off earns half of what an exact one does
PCK_DEG = 20.0  # the limit of PCK@20deg
# A limb counts by how far its direction spreads in the reference: the least keeps still limbs in, the most keeps one
# swinging arm from being everything.
SPREAD_LEAST_DEG, SPREAD_MOST_DEG = 3.0, 45.0
# Where the reference hardly moves, a still picture loses next to nothing; then this is what a score of 0 has lost.
STILL_LOSS_LEAST = 0.2
FLATNESS_MIN = 0.2  # within 12 degrees of the line of sight a limb has no direction in the picture
COMPARED_SHARE_MIN = 0.1  # a limb that is comparable in fewer moments is left out
COMPARED_MOMENTS_MIN = 4


@dataclass(frozen=True, slots=True)
class Directions:
    """Directions compared, moment by moment; ``limbs`` as in :data:`kling_ui.score.limbs.LIMBS`.

    Attributes:
        error_deg: ``(moments, limbs)`` signed, clockwise; NaN where a limb cannot be compared.
        weight: ``(moments, limbs)`` visibility times flatness, 0-1; 0 where it cannot be compared.
        importance: ``(limbs,)`` how much the limb moves in the reference, degrees; 0 where it is left out.
        bias_deg: ``(limbs,)`` usual signed difference; 0 where it is left out.
        compared: ``(limbs,)`` bool: often enough comparable to be told.
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
        """``(limbs,)`` bool: told, and part of the figures."""
        return self.compared & COUNTED

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

    def score(self, rows: slice = slice(None)) -> float | None:
        """The 0-100 figure of some moments: see :func:`kling_ui.score.motion.motion_match`."""
        earned = self.earned_share(rows)
        if earned is None:
            return None
        return 100 * max(0.0, 1 - (1 - earned) / max(1 - self.still_share, STILL_LOSS_LEAST))


def credit(error_deg: np.ndarray) -> np.ndarray:
    """What a limb earns: 1 when exact, a half at 30 degrees, a sixteenth at 60."""
    return 2.0 ** -((error_deg / HALF_CREDIT_DEG) ** 2)


def compare(reference: LimbTrack, result: LimbTrack, orientation: Orientation) -> Directions:
    """Compare the directions of limbs that both show.

    Args:
        reference: At some moments.
        result: At the same moments.
        orientation: ``VIDEO`` compares directions as they are seen. ``IMAGE`` compares how they change: each limb's
            usual difference is taken off first, because the result keeps the picture's own stance and facing.
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
    importance = spread * (compared & COUNTED)
    rest_deg = np.degrees(np.angle(_mean_turn(reference.angles, weight)))
    still = _mean(credit(_wrapped(rest_deg - np.degrees(reference.angles))), weight * importance)
    return Directions(error_deg, weight, importance, bias_deg, compared, still or 0.0)


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
