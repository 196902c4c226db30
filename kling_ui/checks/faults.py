"""When a clip is not usable, and why: from what a look measured to spans of time. Pure functions."""

from collections.abc import Iterator

import numpy as np

from kling_ui.checks.limits import (
    CAMERA_DRIFT_MAX,
    CAMERA_DRIFT_S,
    CAMERA_QUICK_MAX,
    CAMERA_QUICK_S,
    COVERED_SHARE_MIN,
    GLITCH_S,
    HIDDEN_SHARE_MIN,
    OTHERS_SHARE_MIN,
    POSE_SURE_MIN,
    SPEED_MAX_TRUNKS_PER_S,
    SPEED_WINDOW_S,
)
from kling_ui.checks.timeline import Span, SpanKind, Timeline, compose
from kling_ui.vision.body import shows_upper_body
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.look import VideoLook
from kling_ui.vision.pace import Pace
from kling_ui.vision.shots import CutKind

_MOVING_MIN = 0.004  # long sides per second: a view that moves less stands still


def forecast(look: VideoLook) -> Timeline:
    """Lay out what of a clip is likely to come back."""
    duration_s, seen_s = look.facts.duration_s, look.notes.seen_s or look.facts.duration_s
    faults = [*cut_spans(look), *person_spans(look), *camera_spans(look.notes.camera), *fast_spans(look.notes.pace)]
    if seen_s < duration_s:
        faults.append(Span(seen_s, duration_s, SpanKind.UNSEEN))
    return compose(duration_s, faults)


def cut_spans(look: VideoLook) -> Iterator[Span]:
    """Yield each end of a shot; a hard cut has no length when its exact frame is known."""
    frame_s = 1 / look.facts.fps
    for cut in look.notes.cuts:
        start_s = cut.last_s + (frame_s if cut.kind == CutKind.HARD else 0.0)
        yield Span(min(start_s, cut.first_s), cut.first_s, SpanKind.CUT)


def person_spans(look: VideoLook) -> Iterator[Span]:
    """Yield where nobody, not enough of somebody, more than one, or something in front of somebody is seen."""
    found, whole = look.track.found, shows_upper_body(look.track.landmarks)
    yield from _spans(look, ~found, SpanKind.NOBODY)
    yield from _spans(look, found & ~whole, SpanKind.OUT_OF_VIEW)
    moments = look.notes.moments
    if len(moments) == len(found):
        others = np.array([bool(moment.others) for moment in moments], bool)
        if others_share(look) >= OTHERS_SHARE_MIN:
            yield from _spans(look, _carried(others, look), SpanKind.SEVERAL)
        yield from _spans(look, not_whole(look) & whole, SpanKind.OCCLUDED)


def camera_spans(steps: tuple[CameraStep, ...]) -> Iterator[Span]:
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
        span = Span(steps[first].start_s, steps[last].end_s, SpanKind.CAMERA)
        if span.length_s > GLITCH_S:
            yield span


def fast_spans(pace: Pace) -> Iterator[Span]:
    """Yield where the figure moves too fast."""
    mean = mean_pace(pace)
    for first, last in _runs(mean > SPEED_MAX_TRUNKS_PER_S):
        yield Span(pace.times_s[first], pace.times_s[last], SpanKind.FAST)


def mean_pace(pace: Pace) -> np.ndarray:
    """Average the pace over a second around each of its steps; near the ends over the first and the last second."""
    times_s, speeds = np.asarray(pace.times_s), np.asarray(pace.trunks_per_s)
    if not len(times_s):
        return np.empty(0)
    latest_s = max(times_s[0], times_s[-1] - SPEED_WINDOW_S)
    starts_s = (times_s - SPEED_WINDOW_S / 2).clip(times_s[0], latest_s)
    first = np.searchsorted(times_s, starts_s)
    end = np.searchsorted(times_s, starts_s + SPEED_WINDOW_S, side="right")
    sums = np.concatenate(([0.0], np.cumsum(speeds)))
    return (sums[end] - sums[first]) / np.maximum(1, end - first)


def others_share(look: VideoLook) -> float:
    """Share of the moments at which others were searched thoroughly, 0-1, that show somebody else."""
    thorough = [moment for moment in look.notes.moments if moment.is_thorough]
    return sum(bool(moment.others) for moment in thorough) / len(thorough) if thorough else 0.0


def not_whole(look: VideoLook) -> np.ndarray:
    """Tell at which moments a part of the person is hidden: ``(moments,)`` bool.

    What covers the body counts when it does so often enough not to be a mistake; joints that only seem hidden must do
    so more often, as hands pass behind and in front of each other.
    """
    covered = np.array([bool(moment.covered) for moment in look.notes.moments], bool)
    hidden = np.array([bool(moment.hidden) for moment in look.notes.moments], bool)
    result = np.zeros(len(covered), bool)
    if look.share_of(covered) >= COVERED_SHARE_MIN:
        result |= covered
    if look.share_of(hidden) >= HIDDEN_SHARE_MIN:
        result |= hidden
    return result


def sure_poses(look: VideoLook) -> np.ndarray:
    """Tell at which moments the pose may be taken at its word: ``(moments,)`` bool."""
    if len(look.notes.moments) != len(look.track.times_s):
        return look.track.found
    sure = np.array([moment.confidence >= POSE_SURE_MIN for moment in look.notes.moments], bool)
    return look.track.found & sure


def _carried(others: np.ndarray, look: VideoLook) -> np.ndarray:
    """Moments without a thorough search show what the last thorough one showed."""
    carried, last = others.copy(), False
    for place, moment in enumerate(look.notes.moments):
        last = bool(others[place]) if moment.is_thorough else last or bool(others[place])
        carried[place] = last
    return carried


def _spans(look: VideoLook, bad: np.ndarray, kind: SpanKind) -> Iterator[Span]:
    """Yield each run from the moment before it to the one behind it, so that what is left is surely good."""
    times_s, duration_s = look.track.times_s, look.facts.duration_s
    for first, last in _runs(bad):
        start_s = float(times_s[first - 1]) + 1 / look.facts.fps if first else 0.0
        end_s = float(times_s[last + 1]) if last + 1 < len(times_s) else duration_s
        if end_s - start_s > GLITCH_S:
            yield Span(start_s, end_s, kind)


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
