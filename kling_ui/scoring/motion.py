"""The motion match: how well, and how late, the person in a result does what the person in its reference does."""

from dataclasses import dataclass, replace

import numpy as np

from kling_ui.languages import Told, joined, told
from kling_ui.options import Orientation
from kling_ui.scoring.limbs import (
    COUNTED,
    LIMBS,
    PCK_DEG,
    Directions,
    LimbTrack,
    compare,
    credit,
    exchanged_sides,
    face_score,
    hands_score,
    joint_distances,
    limb_track,
    mirrored,
    missing_share,
)
from kling_ui.scoring.match import (
    Lag,
    LimbMatch,
    MatchMoment,
    MotionMatch,
    TimeSpan,
    end_s,
    moments,
    resample,
    spans_of,
    step_s,
)
from kling_ui.vision.pose import PoseTrack

LAG_MAX_S = 1.0  # an engine that follows at all is not later than this; beyond it, a dance matches its own next beat
CORRELATION_MIN = 0.5  # below it the two do not turn together, and a shift would be a guess
_LATE_START_GAIN = 0.15  # so much better a far shift must fit before the clip is taken to start elsewhere
_OVERLAP_SHARE, _OVERLAP_S = 0.5, 1.0  # of the shorter clip, that must overlap
_NEARNESS = 0.02  # correlation that a shift costs a second: among equal beats the nearest one is meant
_RESOLUTION_STEPS = 0.1  # what interpolation between frames can tell at best
TIMELINE_STEP_S = 0.25
MISSING_S_MIN = 0.1  # two frames less are how encoders round, not a loss
NOT_BEGUN, NOBODY, OVER = "has not begun", "shows nobody who could be found", "is over"
COMPARED_S_MIN = 0.5  # less is a pose, not a motion
ROUND_MIN = 60.0  # a result that follows less does not follow from behind either
MIRROR_GAIN = 20.0  # points by which the mirror must fit better; a symmetrical dance fits both ways


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

    @property
    def starts_elsewhere(self) -> bool:
        """Whether the result is not early or late, but lacks the beginning of the reference."""
        return self.late_s < -LAG_MAX_S


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
    near = round(LAG_MAX_S / step) + 2  # a peak needs a neighbour on both sides
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

    def missing(self) -> tuple[TimeSpan, ...]:
        """Name the pieces of the reference that have no counterpart."""
        spans = spans_of(self.times_s, self.step_s, self.gaps)
        return tuple(span for span in spans if span.end_s - span.start_s >= MISSING_S_MIN)

    def table(self) -> tuple[LimbMatch, ...]:
        """List every limb."""
        return tuple(self._row(index) for index in range(len(LIMBS)))

    def timeline(self) -> tuple[MatchMoment, ...]:
        """Cut the time into even pieces and measure each."""
        size = max(1, round(TIMELINE_STEP_S / self.step_s))
        pieces = [slice(start, start + size) for start in range(0, len(self.times_s), size)]
        found = self.directions
        return tuple(
            MatchMoment(float(self.times_s[rows.start]), found.score(rows), found.mean_error_deg(rows))
            for rows in pieces
        )

    def _row(self, index: int) -> LimbMatch:
        present = self.reference.found & self.result.found
        errors = np.abs(self.directions.error_deg[:, index])
        weight = self.directions.weight[:, index]
        reading, used = bool(self.directions.compared[index]), weight > 0
        return LimbMatch(
            limb=LIMBS[index],
            counted=bool(COUNTED[index]),
            error_deg=float(np.average(errors[used], weights=weight[used])) if reading else None,
            bias_deg=float(self.directions.bias_deg[index]) if reading else None,
            pck_20deg_share=float((errors[used] <= PCK_DEG).mean()) if reading else None,
            compared_share=float(used.sum() / present.sum()) if present.any() else 0.0,
            importance=float(self.directions.importance[index]),
            left_out="" if reading else self._why_left_out(index, present),
        )

    def _why_left_out(self, index: int, present: np.ndarray) -> str:
        wanted, given = self.wanted.shown[present, index], self.given.shown[present, index]
        where = [name for name, shown in (("reference", wanted), ("result", given)) if shown.mean() < 0.5]
        if not where:
            return "points at the camera, or is rarely visible in both at once"
        return Told("hardly visible in the {where}", where=joined(" and the ", map(told, where)))


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


def motion_match(
    reference: PoseTrack, result: PoseTrack, *, orientation: Orientation = Orientation.VIDEO, fps: float | None = None
) -> MotionMatch:
    """Measure how well ``result`` follows ``reference``.

    **The score.** 100 is exact, 0 is no better than a picture that never moves. In each moment, each of twelve limbs
    (torso, shoulder line, hip line, head, upper arms, forearms, thighs, shins) that both clips show earns
    ``2 ** -(e / 30) ** 2``, where ``e`` is the angle in degrees between its directions in the two pictures: 1 when
    exact, a half at 30 degrees, a sixteenth at 60. ``earned`` is the weighted mean over limbs and moments; ``still`` is
    what would be earned with every limb always in the reference's own mean direction; and ::

        score = 100 * max(0, 1 - (1 - earned) / max(1 - still, 0.2))

    The weight is the visibility (the lower of both, 0-1), times how flat the reference shows the limb (1 across the
    view, 0 along it), times how far its direction spreads over the reference (circular standard deviation, taken as
    3-45 degrees): a limb that moves says more than one that rests. The 0.2 keeps the score from being about nothing
    but noise where the reference itself hardly moves.

    So it does not depend on proportions, place or size, nor on seconds or limbs that one of the two does not show:
    those are named beside it. Lateness and mirroring lower it, and are named. With orientation ``image`` the result
    keeps the picture's stance and facing, so each limb's usual (median) difference is taken off first and only
    *changes* of direction are compared. Where the picture faces elsewhere than the reference, the same move changes
    directions by other amounts: read it as a hint then.

    Args:
        reference: The motion that was asked for.
        result: What came out; any frame rate, length, size and proportions.
        orientation: Whose facing the result was to follow.
        fps: Frames per second of the reference clip, to give the lag in frames; by default those of its track.
    """
    blank = MotionMatch(orientation, end_s(reference), end_s(result))
    for track, name in ((reference, "reference"), (result, "result")):
        if not track.found.any():
            return replace(blank, reason=Told("nobody was found in the {name}.", name=told(name)))
        if step_s(track) <= 0:
            return replace(blank, reason=Told("the {name} has a single frame.", name=told(name)))
    direct = _read(reference, result, orientation)
    in_mirror = _read(reference, mirrored(result), orientation)
    # From behind the same move looks as in a mirror; and where only a figure's drawing shows the back, as it does.
    ways = [mirrored(exchanged_sides(result)), exchanged_sides(result)] if _falls_short(direct) else []
    from_behind = [_read(reference, track, orientation) for track in ways]
    from_behind = [one for one in from_behind if (one.in_step_score or 0.0) >= ROUND_MIN]
    reading = max([in_mirror, *from_behind], key=lambda one: one.in_step_score or 0.0)
    if (reading.in_step_score or 0.0) < (direct.in_step_score or 0.0) + MIRROR_GAIN:
        reading = direct
    is_from_behind = any(reading is one for one in from_behind)
    pair = direct.pair
    if reading.starts_at_s != direct.starts_at_s:
        pair = pair_up(reference, _later(result, reading.starts_at_s), orientation)
    blank = replace(blank, starts_at_s=reading.starts_at_s, compared_s=pair.compared_s, missing=pair.missing())
    if pair.directions.score() is None or pair.compared_s < COMPARED_S_MIN:
        return replace(
            blank, reason=Told("only {compared_s:.1f} s show the same limbs in both.", compared_s=pair.compared_s)
        )
    return replace(
        _measures(blank, pair),
        lag=reading.lag(fps or 1 / pair.step_s),
        is_mirrored=reading is in_mirror,
        mirrored_score=in_mirror.pair.directions.score(),
        is_turned_round=is_from_behind,
        turned_round_score=reading.in_step_score if is_from_behind else None,
    )


def _falls_short(direct: "_Reading") -> bool:
    """Whether there is room for another way of reading the result."""
    return (direct.in_step_score or 0.0) <= 100.0 - MIRROR_GAIN


def points_in_doubt(reference: PoseTrack, result: PoseTrack, orientation: Orientation) -> float:
    """How many points of 100 are lost in moments in which a limb points clearly elsewhere; 0 without a score."""
    if not (reference.found.any() and result.found.any() and step_s(reference) > 0 and step_s(result) > 0):
        return 0.0
    directions = pair_up(reference, result, orientation).directions
    lost = directions.weight * directions.importance * (1 - credit(np.nan_to_num(directions.error_deg)))
    elsewhere = lost[np.abs(directions.error_deg) > PCK_DEG].sum()
    score = directions.score()
    return 0.0 if score is None or not lost.sum() else float((100 - score) * elsewhere / lost.sum())


def weight_share(reference: PoseTrack, result: PoseTrack, orientation: Orientation, *, against: PoseTrack) -> float:
    """How much of what can be compared with the track ``against`` can be compared with ``result``, too; 0-1."""
    weights = [pair_up(reference, track, orientation).directions for track in (result, against)]
    counted, whole = (float((one.weight * one.importance).sum()) for one in weights)
    return counted / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a result: as it is, in the mirror, or from behind.

    Attributes:
        pair: Compared as it is, or from the moment on with which it seems to start.
        shift: Where it lies against the reference.
        in_step_score: The score with the lag taken off.
    """

    pair: Pair
    shift: Shift | None
    in_step_score: float | None

    @property
    def starts_at_s(self) -> float:
        return -self.shift.late_s if self.shift is not None and self.shift.starts_elsewhere else 0.0

    def lag(self, fps: float) -> Lag | None:
        if self.shift is None or self.shift.starts_elsewhere:
            return None
        frames = self.shift.late_s * fps
        in_step = self.in_step_score if abs(frames) >= 1 else None
        return Lag(self.shift.late_s, frames, self.shift.uncertainty_s, in_step)


def _read(reference: PoseTrack, result: PoseTrack, orientation: Orientation) -> _Reading:
    pair, shift = pair_up(reference, result, orientation), find_shift(reference, result)
    if shift is None:
        return _Reading(pair, None, pair.directions.score())
    in_step = pair_up(reference, _later(result, -shift.late_s), orientation)
    return _Reading(in_step if shift.starts_elsewhere else pair, shift, in_step.directions.score())


def _measures(blank: MotionMatch, pair: Pair) -> MotionMatch:
    found = pair.directions
    turned_deg = found.bias_deg if blank.orientation is Orientation.IMAGE else np.zeros(len(LIMBS))
    distances = joint_distances(pair.wanted, pair.given, turned_deg)
    return replace(
        blank,
        score=found.score(),
        earned_share=found.earned_share(),
        still_share=found.still_share,
        limb_error_deg=found.mean_error_deg(),
        limb_error_plain_deg=found.plain_error_deg(),
        pck_20deg_share=found.within_share(),
        pck_shoulder_share=distances.pck,
        akd_shoulder_widths=distances.akd,
        visibility=pair.visibility,
        mkr_share=missing_share(pair.reference, pair.result, pair.running),
        apart=tuple(limb for limb, is_apart in zip(LIMBS, found.apart, strict=True) if is_apart),
        limbs=pair.table(),
        timeline=pair.timeline(),
        hands_score=hands_score(pair.wanted, pair.given, blank.orientation),
        face_score=face_score(pair.reference, pair.result),
    )


def _later(track: PoseTrack, by_s: float) -> PoseTrack:
    return replace(track, times_s=track.times_s + by_s)
