"""Two clips on one clock: pose tracks looked at in the same moments, whatever their frame rates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kling_ui.vision.person import PoseTrack

BRIDGED_S = 0.15  # a gap this long between two finds is filled in; the detector loses a person for a frame or two
_BRIDGED_STEPS = 1.6  # and wherever frames are further apart than that, no frame may be missing
_SNAP_STEPS = 0.02  # a frame this near to the moment is that moment's frame


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the reference that nothing could be compared with.

    Attributes:
        start_s: Its start, in the reference's seconds.
        end_s: Its end.
        reason: Why, in words that follow "the result ...".
    """

    start_s: float
    end_s: float
    reason: str


def step_s(track: PoseTrack) -> float:
    """Usual time between two frames of a track, in seconds; 0 with fewer than two."""
    return float(np.median(np.diff(track.times_s))) if len(track.times_s) > 1 else 0.0


def end_s(track: PoseTrack) -> float:
    """When the last frame of a track is over, in seconds; 0 without frames."""
    return float(track.times_s[-1]) + step_s(track) if len(track.times_s) else 0.0


def moments(track: PoseTrack, step: float) -> np.ndarray:
    """Evenly spaced times from the first frame of a track to its last, in seconds."""
    if not len(track.times_s):
        return np.zeros(0)
    first, last = float(track.times_s[0]), float(track.times_s[-1])
    return first + step * np.arange(round((last - first) / step) + 1 if step else 1)


def resample(track: PoseTrack, times_s: np.ndarray) -> PoseTrack:
    """Look at a track at other times, linear between its frames.

    Returns:
        The track at ``times_s``; NaN before the first and after the last find, and in gaps longer than
        :data:`BRIDGED_S`.
    """
    step, found = step_s(track), np.flatnonzero(track.found)
    if not len(found):
        shape = (len(times_s), 33)
        return replace(
            track, times_s=times_s, landmarks=np.full((*shape, 4), np.nan), world_m=np.full((*shape, 3), np.nan)
        )
    known_s = track.times_s[found]
    slack = _SNAP_STEPS * step
    after = np.searchsorted(known_s, times_s - slack).clip(0, len(known_s) - 1)
    before = np.where(known_s[after] > times_s + slack, after - 1, after).clip(0)
    gap = known_s[after] - known_s[before]
    share = np.where(gap > 0, (times_s - known_s[before]) / np.where(gap > 0, gap, 1.0), 0.0)
    usable = (gap <= max(BRIDGED_S, _BRIDGED_STEPS * step)) & (times_s >= known_s[0] - slack)
    usable &= times_s < known_s[-1] + max(step - slack, slack)  # a frame stands for the time up to the next one

    def at(values: np.ndarray) -> np.ndarray:
        weight = share.reshape(-1, *[1] * (values.ndim - 1))
        mixed = values[found[before]] * (1 - weight) + values[found[after]] * weight
        mixed[~usable] = np.nan
        return mixed

    return replace(track, times_s=times_s, landmarks=at(track.landmarks), world_m=at(track.world_m))


def spans_of(times_s: np.ndarray, step: float, reasons: Sequence[str]) -> tuple[Span, ...]:
    """Join neighbouring moments with the same reason.

    Args:
        times_s: ``(moments,)`` evenly spaced, in seconds.
        step: Time that each stands for, in seconds.
        reasons: One a moment; empty where nothing is missing.
    """
    spans: list[Span] = []
    for time_s, reason in zip(times_s, reasons, strict=True):
        if not reason:
            continue
        start, end = float(time_s), float(time_s) + step
        if spans and spans[-1].reason == reason and start - spans[-1].end_s < step / 2:
            spans[-1] = Span(spans[-1].start_s, end, reason)
        else:
            spans.append(Span(start, end, reason))
    return tuple(spans)
