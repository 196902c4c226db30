"""Where a clip beyond the limit is cut: lawful pieces at the calmest moments, at shots, and around nobody."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from kling_ui.checks.pieces import ClipSurvey, CutReason, PiecePlan, plan_pieces
from kling_ui.checks.usability import SpanKind, TimelineSpan, compose_timeline
from kling_ui.errors import SettingsError
from kling_ui.options import Orientation

FPS = Fraction(24)


def survey(duration_s: float, *, still_at: tuple[float, ...] = (), shots: tuple[float, ...] = (), bad=()) -> ClipSurvey:
    """A lively clip that holds still for a moment at these times."""
    times_s = np.arange(0.05, duration_s, 0.1)
    speeds = np.full(len(times_s), 2.0)
    for at_s in still_at:
        speeds[np.abs(times_s - at_s) < 0.4] = 0.2
    spans = compose_timeline(duration_s, [TimelineSpan(*span) for span in bad]).spans
    return ClipSurvey(duration_s, spans, shots, tuple(times_s.tolist()), tuple(speeds.tolist()))


def planned(known: ClipSurvey, orientation: Orientation = Orientation.VIDEO, **how) -> PiecePlan:
    frames = round(known.duration_s * FPS)
    return plan_pieces(known, fps=FPS, frame_count=frames, orientation=orientation, **how)


def cuts_s(plan: PiecePlan) -> list[float]:
    return [float(cut.frame / FPS) for cut in plan.cuts]


@pytest.mark.parametrize("orientation", Orientation)
@pytest.mark.parametrize("duration_s", [30.05, 33.0, 47.3, 61.0, 119.9, 600.0])
def test_pieces_are_lawful_and_cover_each_frame_once(duration_s, orientation):
    plan = planned(survey(duration_s, still_at=(7.0, 21.0, 44.0)), orientation)
    edges = [piece.first_frame for piece in plan.pieces] + [plan.pieces[-1].end_frame]
    assert (edges[0], edges[-1]) == (0, round(duration_s * FPS))
    assert all(before.end_frame == after.first_frame for before, after in pairwise(plan.pieces))
    assert all(3.0 <= plan.seconds(piece.frame_count) <= plan.limit_s for piece in plan.pieces)
    assert [piece.number for piece in plan.pieces] == list(range(1, len(plan.pieces) + 1))
    least = -(-duration_s // (plan.limit_s - 0.5))  # of what a piece has, its overlaps are no gain
    assert len(plan.pieces) <= least + 2, "each overlap is paid for"


def test_a_cut_is_made_where_the_figure_is_still_and_both_sides_share_frames():
    plan = planned(survey(50.0, still_at=(22.0, 35.0)))
    assert cuts_s(plan) == [pytest.approx(22.0, abs=0.25)]
    assert plan.cuts[0].reason is CutReason.STILL
    first, second = plan.pieces
    assert first.to_frame - second.from_frame == round(0.4 * 24 / 2) * 2
    assert plan.overlap_s == pytest.approx(10 / 24)
    assert plan.sent_s == pytest.approx(50 + 10 / 24)


def test_a_lively_clip_is_cut_at_its_calmest_lawful_moment():
    known = survey(50.0, still_at=(5.0,))  # too near to the start: what is left would be longer than a run
    plan = planned(known)
    assert plan.cuts[0].reason is CutReason.SLOW
    assert 20.0 <= cuts_s(plan)[0] <= 30.0


def test_the_shortest_pieces_are_avoided():
    known = survey(32.0, still_at=(20.0,))
    speeds = [
        0.0 if abs(at_s - 3.2) < 0.4 else speed for at_s, speed in zip(known.times_s, known.trunks_per_s, strict=True)
    ]
    known = replace(known, trunks_per_s=tuple(speeds))  # stiller still
    assert cuts_s(planned(known)) == [pytest.approx(20.0, abs=0.25)]


def test_a_change_of_shots_ends_a_piece_without_an_overlap():
    plan = planned(survey(50.0, still_at=(22.0,), shots=(27.5,)))
    assert cuts_s(plan) == [27.5]
    assert (plan.cuts[0].reason, plan.cuts[0].has_overlap) == (CutReason.SHOT, False)
    assert plan.sent_s == 50.0


def test_a_shot_that_is_too_short_for_a_run_stays_within_a_piece():
    plan = planned(survey(50.0, still_at=(12.0,), shots=(25.0, 26.5)))
    assert len({25.0, 26.5} & set(cuts_s(plan))) == 1
    assert all(piece.frame_count >= 72 for piece in plan.pieces)


def test_no_cut_lies_beside_a_change_of_shots_or_where_the_figure_is_not_whole():
    bad = [(20.0, 24.0, SpanKind.OUT_OF_VIEW)]
    plan = planned(survey(40.0, still_at=(22.0, 28.0), bad=bad))
    assert cuts_s(plan) == [pytest.approx(28.0, abs=0.25)]


def test_seconds_with_nobody_are_a_piece_that_is_not_sent():
    plan = planned(survey(60.0, still_at=(14.0,), bad=[(20.0, 45.0, SpanKind.NOBODY)]))
    empty = [piece for piece in plan.pieces if piece.is_empty]
    assert [(piece.first_frame, piece.end_frame) for piece in empty] == [(480, 1080)]
    assert plan.sent_s == pytest.approx(35.0)
    assert [cut.reason for cut in plan.cuts] == [CutReason.EMPTY, CutReason.EMPTY]
    assert [span.kind for span in plan.lost] == [SpanKind.NOBODY]


def test_a_clip_within_the_limit_is_not_cut():
    plan = planned(survey(30.0, shots=(12.0,)))
    assert (plan.cuts, len(plan.pieces), plan.overlap_s) == ((), 1, 0.0)


# --- cuts by hand -----------------------------------------------------------------------------------------------------


def test_cuts_by_hand_are_taken_as_they_are():
    plan = planned(survey(50.0, shots=(30.03,)), cuts_s=[10.0, 30.0])
    assert [cut.frame for cut in plan.cuts] == [240, 721]
    assert [cut.reason for cut in plan.cuts] == [CutReason.HAND, CutReason.SHOT], "a change of shots is hit by intent"
    assert [cut.has_overlap for cut in plan.cuts] == [True, False]


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ([10.0, 60.0], "60 s is not inside the clip, which lasts 50.0 s"),
        ([0.0], "0 s is not inside the clip"),
        ([30.0, 12.5], "12.5 s does not come after 30 s"),
        ([12.0, 12.0], "12 s does not come after 12 s"),
        ([1.0, 25.0], "from 0.0 to 1.0 s there are 1.2 s, and a run takes 3 s at least"),
        ([15.0], "from 15.0 to 50.0 s there are 35.2 s with the overlap, and a run takes 30 s at most, so cut in"),
        ([], "from 0.0 to 50.0 s there are 50.0 s"),
    ],
)
def test_cuts_that_cannot_be_used_are_said(cuts, said):
    with pytest.raises(SettingsError) as caught:
        planned(survey(50.0), cuts_s=cuts)
    assert said in str(caught.value)


def test_all_faults_of_cuts_are_told_at_once():
    with pytest.raises(SettingsError) as caught:
        planned(survey(50.0), cuts_s=[1.0, 2.0, 49.0])
    assert str(caught.value).count("there are") == 4


@pytest.mark.parametrize("overlap_s", [-0.1, 2.1])
def test_an_overlap_has_its_limits(overlap_s):
    with pytest.raises(SettingsError, match="overlap takes seconds from 0 to 2"):
        planned(survey(50.0), overlap_s=overlap_s)


def test_without_an_overlap_nothing_is_paid_twice():
    plan = planned(survey(50.0), overlap_s=0.0)
    assert plan.sent_s == 50.0
