"""Which seconds of a clip are usable and why others are not, and which orientation suits it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

import numpy as np

from kling_ui.checks.light import is_lit
from kling_ui.checks.limits import (
    CAMERA_DRIFT_MAX,
    CAMERA_DRIFT_S,
    CAMERA_QUICK_MAX,
    CAMERA_QUICK_S,
    COVERED_SHARE_MIN,
    DURATION_MAX_S,
    DURATION_SLACK_S,
    GLITCH_S,
    HIDDEN_SHARE_MIN,
    POSE_SURE_MIN,
    SPEED_MAX_TRUNKS_PER_S,
    SPEED_WINDOW_S,
    TILT_LYING_DEG,
    TURNED_DEG,
    TURNED_SHARE_MIN,
)
from kling_ui.options import Orientation
from kling_ui.vision.analysis import VideoAnalysis
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.clip_measurements import SeenPerson
from kling_ui.vision.motion_speed import MotionSpeed
from kling_ui.vision.people import Box
from kling_ui.vision.pose import shows_upper_body, tilt_deg, turn_deg
from kling_ui.vision.shots import CutKind

SLIVER_S = 0.35  # good frames between faults: less is nothing to use and a nuisance to look at
_MOVING_MIN = 0.004  # long sides per second: a view that moves less stands still
_CAMERA_S_MIN = 1.0


class SpanKind(StrEnum):
    """What a span of a clip is; among several reasons the first one of this list is named."""

    CUT = "cut"
    NOBODY = "nobody"
    OUT_OF_VIEW = "out of view"
    SEVERAL = "several people"
    OCCLUDED = "occluded"
    CAMERA = "camera moves"
    FAST = "too fast"
    UNSEEN = "not looked at"
    GOOD = "good"


# Documented as advice: the model goes on with the largest person, and often copes with a moving camera and fast moves.
MAY_PASS = frozenset({SpanKind.SEVERAL, SpanKind.CAMERA, SpanKind.FAST})
_NO_REASON = frozenset({SpanKind.GOOD, SpanKind.CUT})


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """A part of a clip.

    Attributes:
        start_s: Where it begins, in seconds from the clip's start.
        end_s: Where it ends; for a cut between two frames the same as ``start_s``.
        kind: What it is.
    """

    start_s: float
    end_s: float
    kind: SpanKind

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of a clip.

    Attributes:
        spans: One after the other, without gaps, from 0 to the clip's end.
        duration_s: The clip's length: what is paid for.
    """

    spans: tuple[TimelineSpan, ...]
    duration_s: float

    @property
    def usable(self) -> TimelineSpan | None:
        """The longest good span: what is likely to come back."""
        good = [span for span in self.spans if span.kind == SpanKind.GOOD]
        return max(good, key=lambda span: span.length_s, default=None)

    @property
    def usable_s(self) -> float:
        """Length of the longest good span, in seconds."""
        return self.usable.length_s if self.usable else 0.0

    @property
    def at_best_s(self) -> float:
        """Longest part, in seconds, if what only may do harm does none: other people, camera and speed."""
        longest = length = 0.0
        for span in self.spans:
            length = length + span.length_s if span.kind == SpanKind.GOOD or span.kind in MAY_PASS else 0.0
            longest = max(longest, length)
        return longest

    def part(self, start_s: float, end_s: float) -> "Timeline":
        """Give a part of it as a clip of its own, from ``start_s`` to ``end_s``."""
        start_s, end_s = max(0.0, start_s), min(self.duration_s, end_s)
        inner = (
            TimelineSpan(max(span.start_s, start_s) - start_s, min(span.end_s, end_s) - start_s, span.kind)
            for span in self.spans
            if span.start_s < end_s and span.end_s > start_s
        )
        return Timeline(tuple(inner), max(0.0, end_s - start_s))

    @property
    def lost_to(self) -> tuple[SpanKind, ...]:
        """Why seconds are lost, the largest loss first."""
        lost: dict[SpanKind, float] = {}
        for span in self.spans:
            if span.kind != SpanKind.GOOD:
                lost[span.kind] = lost.get(span.kind, 0.0) + max(span.length_s, 1e-3)
        return tuple(sorted(lost, key=lambda kind: -lost[kind]))


def compose_timeline(duration_s: float, bad_spans: Iterable[TimelineSpan]) -> Timeline:
    """Lay faults over a clip; where they overlap, the one that :class:`SpanKind` names first is shown.

    Args:
        duration_s: The clip's length.
        bad_spans: Spans of any kind but good ones, in any order; a cut may have no length.
    """
    found = [_within(bad_span, duration_s) for bad_span in bad_spans]
    edges = sorted({0.0, duration_s, *(span.start_s for span in found), *(span.end_s for span in found)})
    instants = {span.start_s for span in found if span.kind == SpanKind.CUT and span.length_s <= 0}
    spans: list[TimelineSpan] = []
    for start_s, end_s in pairwise(edges):
        if start_s in instants:
            spans.append(TimelineSpan(start_s, start_s, SpanKind.CUT))
        kind = _kind_at(found, (start_s + end_s) / 2)
        spans.append(TimelineSpan(start_s, end_s, kind))
    return Timeline(tuple(_joined(_without_slivers(_joined(spans)))), duration_s)


def _joined(spans: Iterable[TimelineSpan]) -> list[TimelineSpan]:
    joined: list[TimelineSpan] = []
    for span in spans:
        if joined and joined[-1].kind == span.kind and span.length_s > 0 and joined[-1].length_s > 0:
            joined[-1] = TimelineSpan(joined[-1].start_s, span.end_s, span.kind)
        else:
            joined.append(span)
    return joined


def _without_slivers(spans: Sequence[TimelineSpan]) -> Iterator[TimelineSpan]:
    """Count a blink of good frames beside a fault as part of it."""
    for place, span in enumerate(spans):
        near = [other.kind for other in spans[max(0, place - 1) : place + 2] if other.kind not in _NO_REASON]
        is_sliver = span.kind == SpanKind.GOOD and span.length_s < SLIVER_S and near
        yield TimelineSpan(span.start_s, span.end_s, near[0]) if is_sliver else span


def _kind_at(bad_spans: Sequence[TimelineSpan], time_s: float) -> SpanKind:
    here = {bad_span.kind for bad_span in bad_spans if bad_span.start_s <= time_s < bad_span.end_s}
    return next((kind for kind in SpanKind if kind in here), SpanKind.GOOD)


def _within(span: TimelineSpan, duration_s: float) -> TimelineSpan:
    start_s, end_s = (min(max(0.0, time_s), duration_s) for time_s in (span.start_s, span.end_s))
    return TimelineSpan(start_s, end_s, span.kind)


def forecast(analysis: VideoAnalysis) -> Timeline:
    """Lay out what of a clip is likely to come back."""
    duration_s, seen_s = analysis.facts.duration_s, analysis.notes.seen_s or analysis.facts.duration_s
    bad_spans = [
        *cut_spans(analysis),
        *person_spans(analysis),
        *camera_spans(analysis.notes.camera),
        *fast_spans(analysis.notes.motion_speed),
    ]
    if seen_s < duration_s:
        bad_spans.append(TimelineSpan(seen_s, duration_s, SpanKind.UNSEEN))
    return compose_timeline(duration_s, bad_spans)


def cut_spans(analysis: VideoAnalysis) -> Iterator[TimelineSpan]:
    """Yield each end of a shot; a hard cut has no length when its exact frame is known."""
    frame_s = 1 / analysis.facts.fps
    for cut in analysis.notes.cuts:
        start_s = cut.last_s + (frame_s if cut.kind == CutKind.HARD else 0.0)
        yield TimelineSpan(min(start_s, cut.first_s), cut.first_s, SpanKind.CUT)


def person_spans(analysis: VideoAnalysis) -> Iterator[TimelineSpan]:
    """Yield where nobody, not enough of somebody, more than one, or something in front of somebody is seen."""
    found, whole = analysis.track.found, shows_upper_body(analysis.track.landmarks)
    yield from _spans(analysis, ~found, SpanKind.NOBODY)
    yield from _spans(analysis, found & ~whole, SpanKind.OUT_OF_VIEW)
    moments = analysis.notes.moments
    if len(moments) == len(found):
        yield from _spans(analysis, in_view(analysis, bystanders(analysis)), SpanKind.SEVERAL)
        yield from _spans(analysis, not_whole(analysis) & whole, SpanKind.OCCLUDED)


def camera_spans(steps: tuple[CameraStep, ...]) -> Iterator[TimelineSpan]:
    """Yield where the view moves: a lot within a moment, or slowly but on and on."""
    moving = np.array([_moved(step) >= _MOVING_MIN * (step.end_s - step.start_s) for step in steps], bool)
    marked = np.zeros(len(steps), bool)
    for first in range(len(steps)):
        quick = _window(steps, first, CAMERA_QUICK_S)
        drift = _window(steps, first, CAMERA_DRIFT_S)
        if sum(_moved(step) for step in steps[quick]) > CAMERA_QUICK_MAX:
            marked[quick] |= moving[quick]
        if _drift(steps[drift]) > CAMERA_DRIFT_MAX:
            marked[drift] |= moving[drift]
    for first, last in _runs(marked):
        span = TimelineSpan(steps[first].start_s, steps[last].end_s, SpanKind.CAMERA)
        if span.length_s > GLITCH_S:
            yield span


def fast_spans(motion_speed: MotionSpeed) -> Iterator[TimelineSpan]:
    """Yield where the figure moves too fast, from where it became fast to where it calms down."""
    mean, times_s = mean_speed(motion_speed), motion_speed.times_s
    for first, last in _runs(mean > SPEED_MAX_TRUNKS_PER_S):
        start_s = min(times_s[first], _changed_s(motion_speed, times_s[first], rises=True))
        yield TimelineSpan(
            start_s, max(times_s[last], _changed_s(motion_speed, times_s[last], rises=False)), SpanKind.FAST
        )


def _changed_s(motion_speed: MotionSpeed, near_s: float, *, rises: bool) -> float:
    """When, within a second, the speed rises or falls most; ``near_s`` where it does neither.

    The mean of a second passes a limit up to half a second after the speed itself does.
    """
    times_s, speeds = np.asarray(motion_speed.times_s), np.asarray(motion_speed.trunks_per_s)
    here = np.abs(times_s - near_s) <= SPEED_WINDOW_S
    times_s, speeds = times_s[here], speeds[here] if rises else -speeds[here]
    before = np.arange(1, len(speeds))
    if not len(before):
        return near_s
    sums = np.cumsum(speeds)
    step = (sums[-1] - sums[:-1]) / (len(speeds) - before) - sums[:-1] / before
    weight = step.clip(0) ** 2 * before * (len(speeds) - before)
    split = int(weight.argmax())
    return float(times_s[split] + times_s[split + 1]) / 2 if weight[split] > 0 else near_s


def mean_speed(motion_speed: MotionSpeed) -> np.ndarray:
    """Average the pace over a second around each of its steps; near the ends over the first and the last second."""
    times_s, speeds = np.asarray(motion_speed.times_s), np.asarray(motion_speed.trunks_per_s)
    if not len(times_s):
        return np.empty(0)
    if len(times_s) == 1:
        return speeds
    # Speeds are known at uneven times, closer where they matter; each holds up to half way to its neighbours.
    middles_s = (times_s[1:] + times_s[:-1]) / 2
    edges_s = np.concatenate(([2 * times_s[0] - middles_s[0]], middles_s, [2 * times_s[-1] - middles_s[-1]]))
    ways = np.concatenate(([0.0], np.cumsum(np.diff(edges_s) * speeds)))
    starts_s = (times_s - SPEED_WINDOW_S / 2).clip(edges_s[0], max(edges_s[0], edges_s[-1] - SPEED_WINDOW_S))
    ends_s = np.minimum(starts_s + SPEED_WINDOW_S, edges_s[-1])
    return (np.interp(ends_s, edges_s, ways) - np.interp(starts_s, edges_s, ways)) / (ends_s - starts_s)


def bystanders(analysis: VideoAnalysis) -> tuple[SeenPerson, ...]:
    """Everybody besides the main person who is in view for longer than a glimpse, by the time of their coming."""
    others = analysis.notes.people[1:]
    return tuple(person for person in others if person.share * analysis.facts.duration_s >= GLITCH_S)


def most_people(analysis: VideoAnalysis) -> tuple[float, tuple[Box, ...]]:
    """When most bystanders are in view at once, and where they are then, from left to right."""
    at: dict[float, list[Box]] = {}
    for person in bystanders(analysis):
        for time_s, box in zip(person.times_s, person.boxes, strict=True):
            at.setdefault(time_s, []).append(box)
    time_s = max(at, key=lambda time_s: len(at[time_s]))
    return time_s, tuple(sorted(at[time_s]))


def in_view(analysis: VideoAnalysis, people: Iterable[SeenPerson]) -> np.ndarray:
    """Tell at which moments some of these people are in view: ``(moments,)`` bool."""
    times_s = analysis.track.times_s
    return sum(
        ((times_s >= person.times_s[0]) & (times_s <= person.times_s[-1]) for person in people),
        start=np.zeros(len(times_s), bool),
    )


def not_whole(analysis: VideoAnalysis) -> np.ndarray:
    """Tell at which moments a part of the person is hidden: ``(moments,)`` bool.

    What covers the body counts when it does so often enough not to be a mistake; joints that only seem hidden must do
    so more often, as hands pass behind and in front of each other. Where it is too dark or too bright everything seems
    hidden.
    """
    lit = np.array([is_lit(moment) for moment in analysis.notes.moments], bool)
    covered = lit & np.array([bool(moment.covered) for moment in analysis.notes.moments], bool)
    hidden = lit & np.array([bool(moment.hidden) for moment in analysis.notes.moments], bool)
    result = np.zeros(len(covered), bool)
    if analysis.share_of(covered) >= COVERED_SHARE_MIN:
        result |= covered
    if analysis.share_of(hidden) >= HIDDEN_SHARE_MIN:
        result |= hidden
    return result


def sure_poses(analysis: VideoAnalysis) -> np.ndarray:
    """Tell at which moments the pose may be taken at its word: ``(moments,)`` bool."""
    if len(analysis.notes.moments) != len(analysis.track.times_s):
        return analysis.track.found
    sure = np.array([moment.confidence >= POSE_SURE_MIN for moment in analysis.notes.moments], bool)
    return analysis.track.found & sure


def _spans(analysis: VideoAnalysis, bad: np.ndarray, kind: SpanKind) -> Iterator[TimelineSpan]:
    """Yield each run from the moment before it to the one behind it, so that what is left is surely good."""
    times_s, duration_s = analysis.track.times_s, analysis.facts.duration_s
    for first, last in _runs(bad):
        start_s = float(times_s[first - 1]) + 1 / analysis.facts.fps if first else 0.0
        end_s = float(times_s[last + 1]) if last + 1 < len(times_s) else duration_s
        if end_s - start_s > GLITCH_S:
            yield TimelineSpan(start_s, end_s, kind)


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def _window(steps: tuple[CameraStep, ...], first: int, length_s: float) -> slice:
    end = first
    while end < len(steps) and steps[end].end_s - steps[first].start_s <= length_s + 1e-6:
        end += 1
    return slice(first, max(end, first + 1))


def _moved(step: CameraStep) -> float:
    """How far the view moves at its edge, in long sides."""
    return float(np.hypot(step.shift_x, step.shift_y)) + 0.5 * (abs(step.zoom) + abs(step.roll_rad))


def _drift(steps: tuple[CameraStep, ...]) -> float:
    """How far the view moves in all, ways back subtracted."""
    sums = np.array([(step.shift_x, step.shift_y, step.zoom, step.roll_rad) for step in steps]).sum(axis=0)
    return float(np.hypot(sums[0], sums[1]) + 0.5 * (abs(sums[2]) + abs(sums[3])))


class AdviceCode(StrEnum):
    """Why an orientation suits a clip."""

    TOO_LONG = "too long"
    TURNS = "turns"
    CAMERA = "camera"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class AdviceReason:
    """One reason.

    Attributes:
        code: Which one.
        values: What its sentence names.
    """

    code: AdviceCode
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrientationAdvice:
    """Which orientation suits a clip.

    Attributes:
        orientation: The one to choose.
        reasons: Why, what decided first.
        is_clear: The other one would fail or disappoint; else it is a matter of taste.
    """

    orientation: Orientation
    reasons: tuple[AdviceReason, ...]
    is_clear: bool


def advise_orientation(analysis: VideoAnalysis, timeline: Timeline) -> OrientationAdvice:
    """Choose by length, turns of the body and camera, in this order.

    Args:
        analysis: The clip.
        timeline: What of it is likely to come back.
    """
    limit_s = DURATION_MAX_S[Orientation.IMAGE].value
    turned, camera_s = turned_share(analysis), _seconds_of(timeline, SpanKind.CAMERA)
    if analysis.facts.duration_s > limit_s + DURATION_SLACK_S:
        length = AdviceReason(AdviceCode.TOO_LONG, {"duration_s": analysis.facts.duration_s, "limit_s": limit_s})
        return OrientationAdvice(Orientation.VIDEO, (length, *_turns(turned)), is_clear=True)
    if turned >= TURNED_SHARE_MIN:
        return OrientationAdvice(Orientation.VIDEO, _turns(turned), is_clear=True)
    if camera_s >= _CAMERA_S_MIN:
        camera = AdviceReason(AdviceCode.CAMERA, {"camera_s": camera_s})
        return OrientationAdvice(Orientation.IMAGE, (camera,), is_clear=False)
    return OrientationAdvice(Orientation.VIDEO, (AdviceReason(AdviceCode.EITHER),), is_clear=False)


def turned_share(analysis: VideoAnalysis) -> float:
    """Share of the time, 0-1, in which an upright body is turned well away from the camera."""
    if not len(analysis.track.times_s):
        return 0.0
    upright = tilt_deg(analysis.track.landmarks, analysis.track.aspect) < TILT_LYING_DEG
    away = np.abs(turn_deg(analysis.track.world_m)) >= TURNED_DEG
    return analysis.share_of(sure_poses(analysis) & upright & away)


def _turns(share: float) -> tuple[AdviceReason, ...]:
    if share < TURNED_SHARE_MIN:
        return ()
    return (AdviceReason(AdviceCode.TURNS, {"share": share}),)


def _seconds_of(timeline: Timeline, kind: SpanKind) -> float:
    return sum(span.length_s for span in timeline.spans if span.kind == kind)
