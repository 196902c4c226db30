"""How late a result follows: the shift at which its limbs turn when the reference's limbs turn."""

from dataclasses import dataclass

import numpy as np

from kling_ui.scoring.limbs import COUNTED, limb_track
from kling_ui.scoring.match import moments, resample, step_s
from kling_ui.vision.pose import PoseTrack

LAG_MAX_S = 1.0  # an engine that follows at all is not later than this; beyond it, a dance matches its own next beat
CORRELATION_MIN = 0.5  # below it the two do not turn together, and a shift would be a guess
_LATE_START_GAIN = 0.15  # so much better a far shift must fit before the clip is taken to start elsewhere
_OVERLAP_SHARE, _OVERLAP_S = 0.5, 1.0  # of the shorter clip, that must overlap
_NEARNESS = 0.02  # correlation that a shift costs a second: among equal beats the nearest one is meant
_RESOLUTION_STEPS = 0.1  # what interpolation between frames can tell at best


@dataclass(frozen=True, slots=True)
class Shift:
    """Where the result lies against the reference.

    Attributes:
        late_s: The result shows what the reference did this long before, in seconds; negative when it is early.
        uncertainty_s: One standard error of it, from leaving out one limb at a time, and at least a tenth of a frame.
        correlation: How well both turn together at that shift, -1 to 1.
    """

    late_s: float
    uncertainty_s: float
    correlation: float


@dataclass(frozen=True, slots=True)
class _Curves:
    """Cross-correlation by shift, in steps: products and energies ``(shifts, limbs)``."""

    shifts: np.ndarray
    products: np.ndarray
    energy: np.ndarray
    other_energy: np.ndarray

    def correlation(self, kept: np.ndarray) -> np.ndarray:
        """``(shifts,)`` over the ``kept`` limbs."""
        scale = np.sqrt(self.energy[:, kept].sum(axis=1) * self.other_energy[:, kept].sum(axis=1))
        return np.where(scale > 0, self.products[:, kept].sum(axis=1) / np.where(scale > 0, scale, 1.0), 0.0)


def find_shift(reference: PoseTrack, result: PoseTrack) -> Shift | None:
    """Find the shift between two tracks.

    The angular velocities of all counted limbs are correlated at every shift of up to :data:`LAG_MAX_S`. A result that
    is shorter may also start anywhere in the reference, if that fits clearly better. Between two frames the peak is
    read off a parabola.

    Returns:
        ``None`` when the limbs hardly turn, or not together.
    """
    step = step_s(reference)
    if step <= 0 or not reference.found.any() or not result.found.any():
        return None
    turning, followed = _velocities(reference, step), _velocities(result, step)
    near = round(LAG_MAX_S / step)
    curves = _correlate(turning, followed, range(-near - max(0, len(turning) - len(followed)), near + 1), step)
    if curves is None:
        return None
    kept = (curves.energy.max(axis=0) > 0) & COUNTED
    correlation = curves.correlation(kept)
    peak = _best(correlation, curves.shifts, near, step)
    if correlation[peak] < CORRELATION_MIN or not 0 < peak < len(correlation) - 1:
        return None
    late_s = _parabola(correlation, curves.shifts, peak) * step + float(result.times_s[0] - reference.times_s[0])
    uncertainty_s = step * max(_jackknife(curves, kept, peak), _RESOLUTION_STEPS)
    return Shift(late_s, uncertainty_s, float(correlation[peak]))


def _velocities(track: PoseTrack, step: float) -> np.ndarray:
    """``(steps, limbs)`` radians a second, every ``step``, smoothed over three without delay; NaN where unknown.

    A limb that points at the camera swings wildly in the picture, so it counts by how flat it is seen.
    """
    limbs = limb_track(resample(track, moments(track, step)))
    turned = (np.diff(limbs.angles, axis=0) + np.pi) % (2 * np.pi) - np.pi
    turned *= np.minimum(limbs.flatness[1:], limbs.flatness[:-1]) / step
    known = limbs.shown[1:] & limbs.shown[:-1] & COUNTED
    values, weights = np.where(known, turned, 0.0), known.astype(float)
    total, weight = _three(values), _three(weights)
    return np.where(known, total / np.where(weight > 0, weight, 1.0), np.nan)


def _three(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, ((1, 1), (0, 0)))
    return padded[:-2] + 2 * padded[1:-1] + padded[2:]


def _correlate(first: np.ndarray, second: np.ndarray, shifts: range, step: float) -> _Curves | None:
    needed = max(_OVERLAP_SHARE * min(len(first), len(second)), min(_OVERLAP_S / step, len(first), len(second)))
    rows: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []
    for shift in shifts:
        start, stop = max(0, -shift), min(len(first), len(second) - shift)
        if stop - start < max(needed, 2):
            continue
        a, b = first[start:stop], second[start + shift : stop + shift]
        both = ~np.isnan(a) & ~np.isnan(b)
        a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)
        rows.append((shift, (a * b).sum(axis=0), (a * a).sum(axis=0), (b * b).sum(axis=0)))
    if len(rows) < 3:
        return None
    shift, product, energy, other = zip(*rows, strict=True)
    return _Curves(np.array(shift), np.array(product), np.array(energy), np.array(other))


def _best(correlation: np.ndarray, shifts: np.ndarray, near: int, step: float) -> int:
    inside = np.abs(shifts) <= near
    nearest = np.where(inside, correlation - _NEARNESS * np.abs(shifts) * step, -np.inf)
    best, best_near = int(correlation.argmax()), int(nearest.argmax())
    if inside[best_near] and correlation[best] < correlation[best_near] + _LATE_START_GAIN:
        return best_near
    return best


def _parabola(correlation: np.ndarray, shifts: np.ndarray, peak: int) -> float:
    left, middle, right = correlation[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    return float(shifts[peak]) + (float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0)


def _jackknife(curves: _Curves, kept: np.ndarray, peak: int) -> float:
    """Standard error of the peak, in steps: how far it moves when any one limb is left out."""
    limbs = np.flatnonzero(kept)
    if len(limbs) < 2:
        return 0.5
    peaks = []
    for limb in limbs:
        others = kept.copy()
        others[limb] = False
        correlation = curves.correlation(others)
        around = np.arange(max(1, peak - 2), min(len(correlation) - 2, peak + 2) + 1)
        peaks.append(_parabola(correlation, curves.shifts, int(around[correlation[around].argmax()])))
    spread = np.asarray(peaks) - np.mean(peaks)
    return float(np.sqrt((len(limbs) - 1) / len(limbs) * (spread**2).sum()))
