"""A reference and a result in the same moments, and what that shows limb by limb and moment by moment."""

from dataclasses import dataclass

import numpy as np

from kling_ui.choice import Orientation
from kling_ui.score.directions import PCK_DEG, Directions, compare
from kling_ui.score.limbs import COUNTED, LIMBS, LimbTrack, limb_track
from kling_ui.score.match import LimbMatch, Moment
from kling_ui.score.sampling import Span, end_s, moments, resample, spans_of, step_s
from kling_ui.vision.person import PoseTrack

TIMELINE_STEP_S = 0.25
MISSING_S_MIN = 0.1  # two frames less are how encoders round, not a loss
NOT_BEGUN, NOBODY, OVER = "has not begun", "shows nobody who could be found", "is over"


@dataclass(frozen=True, slots=True)
class Pair:
    """Both clips, compared.

    Attributes:
        times_s: ``(moments,)`` evenly spaced, in the reference's seconds.
        step_s: Time that each moment stands for, in seconds.
        reference: The reference in these moments.
        result: The result in these moments; NaN where it has nobody or nothing.
        wanted: The reference's limbs.
        given: The result's limbs.
        directions: How the limbs differ.
        gaps: ``(moments,)`` why the result has no counterpart, or empty.
    """

    times_s: np.ndarray
    step_s: float
    reference: PoseTrack
    result: PoseTrack
    wanted: LimbTrack
    given: LimbTrack
    directions: Directions
    gaps: tuple[str, ...]

    @property
    def compared_s(self) -> float:
        """Time in which a counted limb could be compared."""
        return self.step_s * int((self.directions.weight > 0)[:, COUNTED].any(axis=1).sum())

    @property
    def visibility(self) -> float:
        """Mean visibility, 0-1, of what was compared, the lower of both; 0 when nothing was."""
        used = (self.directions.weight > 0) & COUNTED
        trust = np.minimum(self.wanted.trust, self.given.trust)[used]
        return float(trust.mean()) if len(trust) else 0.0

    @property
    def running(self) -> np.ndarray:
        """``(moments,)`` bool: the result plays, whether it shows somebody or not."""
        return np.array([gap not in {NOT_BEGUN, OVER} for gap in self.gaps])

    def missing(self) -> tuple[Span, ...]:
        """Name the pieces of the reference that have no counterpart."""
        spans = spans_of(self.times_s, self.step_s, self.gaps)
        return tuple(span for span in spans if span.end_s - span.start_s >= MISSING_S_MIN)

    def table(self) -> tuple[LimbMatch, ...]:
        """List every limb."""
        return tuple(self._row(index) for index in range(len(LIMBS)))

    def timeline(self) -> tuple[Moment, ...]:
        """Cut the time into even pieces and measure each."""
        size = max(1, round(TIMELINE_STEP_S / self.step_s))
        pieces = [slice(start, start + size) for start in range(0, len(self.times_s), size)]
        found = self.directions
        return tuple(
            Moment(float(self.times_s[rows.start]), found.score(rows), found.mean_error_deg(rows)) for rows in pieces
        )

    def _row(self, index: int) -> LimbMatch:
        present = self.reference.found & self.result.found
        errors = np.abs(self.directions.error_deg[:, index])
        weight = self.directions.weight[:, index]
        told, used = bool(self.directions.compared[index]), weight > 0
        return LimbMatch(
            limb=LIMBS[index],
            counted=bool(COUNTED[index]),
            error_deg=float(np.average(errors[used], weights=weight[used])) if told else None,
            bias_deg=float(self.directions.bias_deg[index]) if told else None,
            pck_20deg_share=float((errors[used] <= PCK_DEG).mean()) if told else None,
            compared_share=float(used.sum() / present.sum()) if present.any() else 0.0,
            importance=float(self.directions.importance[index]),
            left_out="" if told else self._why_left_out(index, present),
        )

    def _why_left_out(self, index: int, present: np.ndarray) -> str:
        wanted, given = self.wanted.shown[present, index], self.given.shown[present, index]
        where = [name for name, shown in (("reference", wanted), ("result", given)) if shown.mean() < 0.5]
        if not where:
            return "points at the camera, or is rarely visible in both at once"
        return f"hardly visible in the {' and the '.join(where)}"


def pair_up(reference: PoseTrack, result: PoseTrack, orientation: Orientation) -> Pair:
    """Look at both in the reference's moments and compare them there; both have two frames or more."""
    step = step_s(reference)
    times_s = moments(reference, step)
    seen, shown = resample(reference, times_s), resample(result, times_s)
    wanted, given = limb_track(seen), limb_track(shown)
    begins, ends = float(result.times_s[0]), end_s(result)

    def gap(time_s: float) -> str:
        if time_s < begins - step / 2:
            return NOT_BEGUN
        return OVER if time_s > ends - step / 2 else NOBODY

    lost = seen.found & ~shown.found
    gaps = tuple(gap(time_s) if missing else "" for time_s, missing in zip(times_s, lost, strict=True))
    return Pair(times_s, step, seen, shown, wanted, given, compare(wanted, given, orientation), gaps)
