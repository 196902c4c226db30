"""A drawn clip watched once, and what comes of it; the costly fixtures are in ``conftest.py``."""

import numpy as np

from kling_ui.vision.clip_measurements import MOMENTS
from kling_ui.vision.evidence import draw_evidence, draw_overview
from kling_ui.vision.pose import shows_upper_body
from kling_ui.vision.shots import CutKind


def test_a_clean_clip_has_nothing_to_note(viewed_dance):
    notes = viewed_dance.notes
    assert notes.cuts == ()
    assert all(not moment.others and not moment.covered for moment in notes.moments)
    assert max(abs(step.shift_x) + abs(step.zoom) for step in notes.camera) < 0.01
    assert notes.seen_s == 1.5


def test_moments_rows_and_stills_belong_together(viewed_dance):
    times_s = viewed_dance.track.times_s
    assert len(times_s) == len(viewed_dance.notes.moments) == len(viewed_dance.moment_frames) <= MOMENTS + 1
    assert [still.time_s for still in viewed_dance.moment_frames] == times_s.tolist()
    assert times_s[0] == 0
    assert times_s[-1] == viewed_dance.sampled_frames[-1].time_s
    assert (np.diff(times_s) > 0).all()


def test_the_pace_is_that_of_a_dance(viewed_dance):
    assert 0.3 < np.mean(viewed_dance.notes.motion_speed.trunks_per_s) < 1.3


def test_a_cut_is_found_at_its_frame(viewed_trouble):
    (cut,) = viewed_trouble.notes.cuts
    assert cut.kind == CutKind.HARD
    assert abs(cut.first_s - 1.0) < 1e-6


def test_when_somebody_leaves_is_pinned_down(viewed_trouble):
    times_s, shown = viewed_trouble.track.times_s, shows_upper_body(viewed_trouble.track.landmarks)
    last_s, gone_s = times_s[shown].max(), times_s[~shown].min()
    assert 1.75 < last_s < gone_s < 2.25


def test_a_bar_is_noticed_as_long_as_it_is_there(viewed_trouble):
    covered_s = [moment.time_s for moment in viewed_trouble.notes.moments if moment.covered]
    assert covered_s
    assert max(covered_s) < 1.0


def test_there_is_a_picture_for_everything_noticed(viewed_trouble):
    drawn = draw_evidence(viewed_trouble)
    assert {"first", "cuts", "covered", "missing"} <= set(drawn)
    assert "others" not in drawn
    assert all(picture.dtype == np.uint8 and picture.shape[0] == 300 for picture in drawn.values())
    assert drawn["cuts"].shape[1] > 2 * drawn["first"].shape[1]  # before and after


def test_a_clean_clip_needs_few_pictures(viewed_dance):
    assert set(draw_evidence(viewed_dance)) <= {"first", "fastest"}


def test_the_overview_spans_the_clip(viewed_dance):
    overview = draw_overview(viewed_dance)
    assert overview.shape[0] == 260
    assert overview.shape[1] > 8 * 130
