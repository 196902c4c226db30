"""A drawn clip watched once, and what comes of it; the costly fixtures are in ``conftest.py``."""

import numpy as np
import pytest
from figure import Actor, Bar, Scene, dance, write_clip
from figure.cast import DANCER

from kling_ui.media.probe import probe_video
from kling_ui.vision.clip_measurements import MOMENTS, follow_people, measure_clip
from kling_ui.vision.evidence import draw_evidence, draw_overview
from kling_ui.vision.frame_analysis import FrameAnalysis
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
    assert 0.6 < np.mean(viewed_dance.notes.motion_speed.trunks_per_s) < 2.2


def test_every_second_moment_is_read_while_nothing_is_in_doubt(viewed_dance):
    assert len(viewed_dance.track.times_s) == MOMENTS // 2 + 1


def test_a_moment_is_read_when_something_passes_in_the_background(tmp_path):
    def scene(time_s: float) -> Scene:
        posts = (Bar(0.0, 0.0, 0.2, 1.0),) if 1.02 < time_s < 1.2 else ()
        return Scene((Actor(DANCER, dance(time_s)),), bars=posts)

    clip = write_clip(tmp_path / "passing.mp4", scene, duration_s=3, fps=12, width_px=288, height_px=512, supersample=1)
    times_s = measure_clip(probe_video(clip.path)).track.times_s
    assert ((times_s > 1.02) & (times_s < 1.2)).any(), times_s
    assert len(times_s) < MOMENTS, "nothing else is in doubt"


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


def moment(time_s: float, *boxes: tuple[float, float, float, float]) -> FrameAnalysis:
    """Somebody, the main person, and others beside."""
    return FrameAnalysis(time_s, box=boxes[0] if boxes else None, others=boxes[1:])


def standing(x: float, height: float = 0.8) -> tuple[float, float, float, float]:
    return (x - 0.1, 0.95 - height, x + 0.1, 0.95)


def test_who_is_who_while_somebody_walks_past():
    ways = [(0.1 + 0.2 * n, 0.2 * n) for n in range(5)]
    moments = [moment(time_s, standing(0.5), standing(x, 0.7)) for x, time_s in ways]
    main, other = follow_people(moments, 1.0, 1.0)
    assert set(main.boxes) == {standing(0.5)}
    assert [box[0] for box in other.boxes] == pytest.approx([x - 0.1 for x, _ in ways])
    assert main.share == other.share == 1.0


def test_somebody_who_is_seen_once_is_no_person_of_the_clip():
    moments = [moment(0.5 * n, standing(0.5), *([standing(0.2)] if n == 2 else [])) for n in range(5)]
    assert [person.share for person in follow_people(moments, 1.0, 2.5)] == [1.0]


def test_the_share_goes_from_half_way_before_to_half_way_behind():
    moments = [moment(1.0 * n, standing(0.5), *([standing(0.2)] if n in {2, 3} else [])) for n in range(6)]
    assert follow_people(moments, 1.0, 6.0)[1].share == pytest.approx(2 / 6, abs=1e-3)


def test_somebody_who_is_far_away_at_once_is_somebody_else():
    moments = [moment(0.2 * n, standing(0.5), standing(0.1 if n < 3 else 0.9, 0.5)) for n in range(6)]
    assert len(follow_people(moments, 16 / 9, 1.2)) == 3


def test_nobody_is_followed_where_nobody_is():
    assert follow_people([moment(0.1 * n) for n in range(4)], 1.0, 0.4) == ()
    assert follow_people([], 1.0, 0.0) == ()
