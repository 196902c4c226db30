"""Where a clip that is longer than the limit is cut, so that each piece is lawful and the joins are seen least."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

import numpy as np

from kling_ui.checks.limits import DURATION_MAX_S, DURATION_MIN_S
from kling_ui.checks.usability import SpanKind, TimelineSpan
from kling_ui.errors import SettingsError
from kling_ui.options import Orientation

OVERLAP_S, OVERLAP_MAX_S = 0.4, 2.0  # that two pieces share by default, and at most
CANDIDATES_PER_S = 8.0  # moments at which a cut is thought of
# What a cut costs, in trunk lengths a second of the figure's fast parts: lively dances have 2.2-2.7. A limb that is cut
# in its swing shows at most a jump; where somebody is half out of view, the next piece lacks what is out of view.
SEAM_COST = 1.5  # of any cut: fewer are better, and each overlap is paid for twice
KIND_COST = {
    SpanKind.NOBODY: 8.0,
    SpanKind.OUT_OF_VIEW: 5.0,
    SpanKind.SEVERAL: 2.0,
    SpanKind.OCCLUDED: 3.0,
    SpanKind.CAMERA: 1.0,
    SpanKind.FAST: 1.0,
    SpanKind.UNSEEN: 1.0,
}
SHOT_NEAR_S, SHOT_NEAR_COST = 0.75, 6.0  # a moment of another shot would be left at an end of a piece
SHOT_INSIDE_COST = 40.0  # a piece goes on across a change of shots only where no lawful piece ends there
EMPTY_EDGE_INSIDE_COST = 10.0  # seconds with nobody are paid for, only where they cannot be left out
SHORT_S, SHORT_COST = 5.0, 1.0  # the least that a run takes is a beginning and an end with little between them
SPEED_REACH_S = 0.25  # over which the speed at a cut is taken
CLOSE_S = 0.1  # a cut by hand so near to a change of shots is at it
STILL_MAX = 0.8  # trunk lengths a second; less looks still in the middle of a dance


class CutReason(StrEnum):
    """Why a clip is cut at a moment."""

    STILL = "still"
    SLOW = "slow"  # the calmest moment there is for a lawful piece
    SHOT = "shot"  # another shot begins
    EMPTY = "empty"  # from here on, or up to here, nobody is in view for seconds
    HAND = "hand"  # somebody said so


@dataclass(frozen=True, slots=True)
class ClipSurvey:
    """What is known of a whole clip, however long it is, for the choice of cuts.

    Attributes:
        duration_s: The clip's length, in seconds.
        spans: What is usable and what is not, from 0 to the end without gaps.
        shot_changes_s: Where a shot ends and the next begins, rising; of a fade its middle.
        times_s: Moments at which the figure's speed is known, rising.
        trunks_per_s: Speed of the figure's fast parts there, in trunk lengths a second.
    """

    duration_s: float
    spans: tuple[TimelineSpan, ...]
    shot_changes_s: tuple[float, ...] = ()
    times_s: tuple[float, ...] = ()
    trunks_per_s: tuple[float, ...] = ()

    def speed_at(self, at_s: float) -> float:
        """The figure's mean speed around a moment, in trunk lengths a second; 0 where it is not known."""
        return float(self.speeds_at(np.array([at_s]))[0])

    def speeds_at(self, at_s: np.ndarray) -> np.ndarray:
        """The same of many moments at once."""
        times_s, sums = np.array(self.times_s), np.concatenate(([0.0], np.cumsum(self.trunks_per_s)))
        first = np.searchsorted(times_s, at_s - SPEED_REACH_S)
        end = np.searchsorted(times_s, at_s + SPEED_REACH_S, side="right")
        return (sums[end] - sums[first]) / np.maximum(1, end - first)

    def kind_at(self, time_s: float) -> SpanKind:
        """What the clip shows at a moment."""
        return next(
            (span.kind for span in self.spans if span.start_s <= time_s < span.end_s and span.kind in KIND_COST),
            SpanKind.GOOD,
        )

    @property
    def empty_spans(self) -> tuple[TimelineSpan, ...]:
        """Where nobody is in view for so long that it could be a piece of its own."""
        least_s = DURATION_MIN_S.value
        return tuple(span for span in self.spans if span.kind == SpanKind.NOBODY and span.length_s >= least_s)


@dataclass(frozen=True, slots=True)
class ClipCut:
    """A moment at which a clip is cut.

    Attributes:
        frame: The first frame behind it.
        reason: Why there.
        has_overlap: The pieces on both sides share frames around it.
        speed: How fast the figure moves there, in trunk lengths a second.
        kind: What the clip shows there.
    """

    frame: int
    reason: CutReason
    has_overlap: bool
    speed: float = 0.0
    kind: SpanKind = SpanKind.GOOD


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a clip that is a run of its own; frames are counted in the whole clip at its constant rate.

    Attributes:
        number: Its place, from 1.
        first_frame: The first frame that the joined result takes from it.
        end_frame: The frame behind the last of those.
        from_frame: The first frame that it has, which differs by the overlap.
        to_frame: The frame behind the last that it has.
        is_empty: Nobody is in view in any of it, so it is not sent.
    """

    number: int
    first_frame: int
    end_frame: int
    from_frame: int
    to_frame: int
    is_empty: bool = False

    @property
    def frame_count(self) -> int:
        """Frames that it has, its overlaps among them: what is paid for."""
        return self.to_frame - self.from_frame


@dataclass(frozen=True, slots=True)
class PiecePlan:
    """How a clip is cut into pieces.

    Attributes:
        fps: The clip's constant rate, frames a second.
        frame_count: Frames of the whole clip at this rate.
        limit_s: How long a piece may be, its overlaps included.
        cuts: Between the pieces, rising: one less than there are pieces.
        pieces: One after the other.
        survey: What is known of the clip.
    """

    fps: Fraction
    frame_count: int
    limit_s: float
    cuts: tuple[ClipCut, ...]
    pieces: tuple[Piece, ...]
    survey: ClipSurvey

    def seconds(self, frames: int) -> float:
        """How long so many frames last."""
        return float(frames / self.fps)

    @property
    def sent(self) -> tuple[Piece, ...]:
        """The pieces that are runs: those with somebody in them."""
        return tuple(piece for piece in self.pieces if not piece.is_empty)

    @property
    def sent_s(self) -> float:
        """Seconds that are paid for, overlaps counted twice."""
        return self.seconds(sum(piece.frame_count for piece in self.sent))

    @property
    def overlap_s(self) -> float:
        """Seconds of those that are paid for twice."""
        return self.sent_s - self.seconds(sum(piece.end_frame - piece.first_frame for piece in self.sent))

    @property
    def lost(self) -> tuple[TimelineSpan, ...]:
        """What of the clip is likely to come back badly, or not at all."""
        return tuple(
            span for span in self.survey.spans if span.kind not in {SpanKind.GOOD, SpanKind.CUT} and span.length_s > 0
        )


@dataclass(frozen=True, slots=True)
class PieceLengths:
    """What a piece must be, in frames.

    Attributes:
        fps: Frames a second.
        least: Frames that it has at least.
        most: Frames that it has at most.
        half: Frames of an overlap on either side of a cut.
    """

    fps: Fraction
    least: int
    most: int
    half: int

    @classmethod
    def of(cls, fps: Fraction, orientation: Orientation, overlap_s: float) -> "PieceLengths":
        """Take the limits of an orientation.

        Raises:
            SettingsError: There can be no such overlap.
        """
        if not 0 <= overlap_s <= OVERLAP_MAX_S:
            raise SettingsError(f"overlap takes seconds from 0 to {OVERLAP_MAX_S:g}.")
        most = math.floor(DURATION_MAX_S[orientation].value * fps)
        return cls(fps, math.ceil(DURATION_MIN_S.value * fps), most, round(overlap_s * fps / 2))


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment at which a cut is thought of."""

    cut: ClipCut
    cost: float

    def half(self, lengths: PieceLengths) -> int:
        return lengths.half if self.cut.has_overlap else 0


def plan_pieces(
    survey: ClipSurvey,
    *,
    fps: Fraction,
    frame_count: int,
    orientation: Orientation,
    overlap_s: float = OVERLAP_S,
    cuts_s: Sequence[float] | None = None,
) -> PiecePlan:
    """Choose where to cut a clip.

    Pieces end where the figure is still, whole and alone, and at every change of shots, as far as lawful pieces allow
    it. Seconds with nobody in view become pieces that are not sent. Of all such ways the one is taken whose cuts cost
    least together.

    Args:
        survey: What is known of the clip.
        fps: Its constant rate.
        frame_count: Frames at that rate.
        orientation: Whose facing the result follows; it sets how long a piece may be.
        overlap_s: Seconds that two pieces share where they meet within a shot.
        cuts_s: Where to cut instead, in seconds; an empty sequence cuts nowhere.

    Raises:
        SettingsError: The overlap or the cuts cannot be used; all faults are told at once.
    """
    lengths = PieceLengths.of(fps, orientation, overlap_s)
    if cuts_s is not None:
        cuts = _cuts_by_hand(survey, lengths, frame_count, cuts_s)
    elif frame_count <= lengths.most:
        cuts = ()
    else:
        cuts = _cheapest(survey, lengths, frame_count)
    empty = {(round(span.start_s * fps), min(frame_count, round(span.end_s * fps))) for span in survey.empty_spans}
    pieces = _pieces(cuts, lengths, frame_count, empty)
    limit_s = DURATION_MAX_S[orientation].value
    return PiecePlan(fps, frame_count, limit_s, cuts, pieces, survey)


def _pieces(
    cuts: Sequence[ClipCut], lengths: PieceLengths, frame_count: int, empty: set[tuple[int, int]]
) -> tuple[Piece, ...]:
    edges = [0, *(cut.frame for cut in cuts), frame_count]
    halves = [0, *(lengths.half if cut.has_overlap else 0 for cut in cuts), 0]
    return tuple(
        Piece(
            number,
            first,
            end,
            max(0, first - halves[number - 1]),
            min(frame_count, end + halves[number]),
            is_empty=any(start <= first and end <= stop for start, stop in empty),
        )
        for number, (first, end) in enumerate(pairwise(edges), start=1)
    )


def _cheapest(survey: ClipSurvey, lengths: PieceLengths, frame_count: int) -> tuple[ClipCut, ...]:
    """Find the cuts that cost least together, by dynamic programming over all candidate moments."""
    moments = _moments(survey, lengths, frame_count)
    frames = np.array([0, *(moment.cut.frame for moment in moments), frame_count])
    halves = np.array([0, *(moment.half(lengths) for moment in moments), 0])
    costs = np.array([0.0, *(moment.cost + SEAM_COST for moment in moments), 0.0])
    inside = np.array([0.0, *(_cost_inside(moment) for moment in moments), 0.0])
    passed = np.concatenate(([0.0], np.cumsum(inside)))  # before each moment
    empty = _empty_steps(survey, lengths, frames)
    best, came_from = np.full(len(frames), np.inf), np.full(len(frames), -1)
    best[0] = 0.0
    for here in range(1, len(frames)):
        first = int(np.searchsorted(frames, frames[here] - lengths.most))
        length = frames[here] - frames[first:here] + halves[here] + halves[first:here]
        total = best[first:here] + passed[here] - passed[first + 1 : here + 1]
        total += SHORT_COST * (length < SHORT_S * lengths.fps)
        total[(length < lengths.least) | (length > lengths.most)] = np.inf
        if total.size and np.isfinite(total).any():
            came_from[here] = first + int(total.argmin())
            best[here] = total.min() + costs[here]
        start = empty.get(here)
        if start is not None and best[start] + costs[here] < best[here]:
            best[here], came_from[here] = best[start] + costs[here], start
    chosen, place = [], int(came_from[-1])
    while place > 0:
        chosen.append(moments[place - 1].cut)
        place = int(came_from[place])
    return tuple(reversed(chosen))


def _cost_inside(moment: _Moment) -> float:
    costs = {CutReason.SHOT: SHOT_INSIDE_COST, CutReason.EMPTY: EMPTY_EDGE_INSIDE_COST}
    return costs.get(moment.cut.reason, 0.0)


def _empty_steps(survey: ClipSurvey, lengths: PieceLengths, frames: np.ndarray) -> dict[int, int]:
    """Places among the moments at which a stretch with nobody ends, and those at which it begins."""
    known = frames.tolist()
    steps: dict[int, int] = {}
    for span in survey.empty_spans:
        start, end = (min(known[-1], round(time_s * lengths.fps)) for time_s in (span.start_s, span.end_s))
        steps[bisect_left(known, end)] = bisect_left(known, start)
    return steps


def _moments(survey: ClipSurvey, lengths: PieceLengths, frame_count: int) -> list[_Moment]:
    """List all moments at which a cut is thought of, one a frame at most, rising."""
    fps = lengths.fps
    found: dict[int, _Moment] = {}
    frames = np.arange(0, frame_count, max(1, round(fps / CANDIDATES_PER_S)))
    for frame, speed in zip(frames.tolist(), survey.speeds_at(frames / float(fps)).tolist(), strict=True):
        time_s = float(frame / fps)
        kind = survey.kind_at(time_s)
        reason = CutReason.STILL if speed <= STILL_MAX and kind == SpanKind.GOOD else CutReason.SLOW
        near = any(abs(time_s - shot_s) < SHOT_NEAR_S for shot_s in survey.shot_changes_s)
        cost = speed + KIND_COST.get(kind, 0.0) + near * SHOT_NEAR_COST
        found[frame] = _Moment(ClipCut(frame, reason, has_overlap=True, speed=speed, kind=kind), cost)
    for span in survey.empty_spans:
        for edge_s in (span.start_s, span.end_s):
            frame = round(edge_s * fps)
            found[frame] = _Moment(ClipCut(frame, CutReason.EMPTY, has_overlap=False), 0.0)
    for shot_s in survey.shot_changes_s:
        frame = math.ceil(shot_s * fps - 0.5)
        found[frame] = _Moment(ClipCut(frame, CutReason.SHOT, has_overlap=False), 0.0)
    return [moment for frame, moment in sorted(found.items()) if 0 < frame < frame_count]


def _cuts_by_hand(
    survey: ClipSurvey, lengths: PieceLengths, frame_count: int, cuts_s: Sequence[float]
) -> tuple[ClipCut, ...]:
    length_s = float(frame_count / lengths.fps)
    faults = [
        f"{time_s:g} s is not inside the clip, which lasts {length_s:.1f} s"
        for time_s in cuts_s
        if not 0 < time_s < length_s
    ]
    faults += [f"{after:g} s does not come after {before:g} s" for before, after in pairwise(cuts_s) if after <= before]
    cuts = () if faults else tuple(_cut_by_hand(survey, lengths, time_s) for time_s in cuts_s)
    for piece in () if faults else _pieces(cuts, lengths, frame_count, set()):
        faults += _unlawful(piece, lengths)
    if faults:
        raise SettingsError(f"These cuts cannot be used: {'; '.join(faults)}.", advice="Give other times to cut at.")
    return cuts


def _cut_by_hand(survey: ClipSurvey, lengths: PieceLengths, time_s: float) -> ClipCut:
    shot_s = min(survey.shot_changes_s, key=lambda shot_s: abs(shot_s - time_s), default=math.inf)
    if abs(shot_s - time_s) <= CLOSE_S:
        return ClipCut(math.ceil(shot_s * lengths.fps - 0.5), CutReason.SHOT, has_overlap=False)
    speed, kind = survey.speed_at(time_s), survey.kind_at(time_s)
    return ClipCut(round(time_s * lengths.fps), CutReason.HAND, has_overlap=True, speed=speed, kind=kind)


def _unlawful(piece: Piece, lengths: PieceLengths) -> list[str]:
    start_s, end_s, long_s = (
        float(frames / lengths.fps) for frames in (piece.first_frame, piece.end_frame, piece.frame_count)
    )
    if piece.frame_count > lengths.most:
        limit_s = float(lengths.most / lengths.fps)
        return [
            f"from {start_s:.1f} to {end_s:.1f} s there are {long_s:.1f} s with the overlap, and a run takes "
            f"{limit_s:.4g} s at most, so cut in between"
        ]
    if piece.frame_count < lengths.least:
        return [
            f"from {start_s:.1f} to {end_s:.1f} s there are {long_s:.1f} s, and a run takes "
            f"{DURATION_MIN_S.value:g} s at least"
        ]
    return []
