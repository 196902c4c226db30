"""Seams and joins of drawn videos: where the results agree, in which colours, and not a frame more or less."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kling_ui.checks.pieces import ClipSurvey, PiecePlan, plan_pieces
from kling_ui.checks.usability import SpanKind, TimelineSpan
from kling_ui.errors import MediaError
from kling_ui.long_clips.joining import join_pieces
from kling_ui.long_clips.seams import FADE_FRAMES, find_seam
from kling_ui.media.colour_match import PLAIN
from kling_ui.media.encode import ClipWriter
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation

FPS = Fraction(10)
FRAMES = 160


def field(level: int, at: int = 0) -> np.ndarray:
    """A plain picture of 120 x 200 with a bright square whose place tells the frame."""
    rgb = np.full((200, 120, 3), level, np.uint8)
    rgb[80:120, at % 100 : at % 100 + 20] = (230, 200, 60)
    return rgb


def planned(overlap_s: float = 0.4, cut_s: float = 8.0) -> PiecePlan:
    length_s = FRAMES / 10
    known = ClipSurvey(length_s, (TimelineSpan(0.0, length_s, SpanKind.GOOD),))
    return plan_pieces(
        known,
        fps=FPS,
        frame_count=FRAMES,
        orientation=Orientation.IMAGE,
        overlap_s=overlap_s,
        cuts_s=[cut_s],
    )


def write(path: Path, pictures: list[np.ndarray], fps: Fraction = FPS) -> Path:
    size = pictures[0].shape[1], pictures[0].shape[0]
    with ClipWriter(path, fps=fps, size=size, x264_options={"crf": "12", "preset": "veryfast"}) as writer:
        for rgb in pictures:
            writer.write(rgb)
    return path


@pytest.fixture
def source(numbered, tmp_path) -> Path:
    return write(tmp_path / "source.mp4", [field(90)] * FRAMES)


def place(rgb: np.ndarray) -> int:
    """Read where the square of :func:`field` is, to the nearest pixel."""
    bright = np.flatnonzero(rgb[100, :, 0].astype(int) - rgb[100, :, 2] > 80)
    return int(bright.min()) if len(bright) else -1


# --- seams ------------------------------------------------------------------------------------------------------------


def test_results_that_agree_are_cut_where_they_agree_best():
    before = [field(90, at) for at in (0, 10, 20, 30)]
    after = [field(90, at) for at in (40, 40, 20, 5)]
    seam = find_seam(before, after, first_frame=50)
    assert (seam.from_frame, seam.to_frame, seam.is_cut) == (52, 52, True)
    assert seam.match is PLAIN
    assert seam.colours_apart == pytest.approx(0, abs=0.1)


def test_results_that_agree_nowhere_are_faded_into_each_other():
    before, after = [field(90, 0)] * 10, [field(90, 80)] * 10
    seam = find_seam(before, after, first_frame=50)
    assert not seam.is_cut
    assert seam.to_frame - seam.from_frame == FADE_FRAMES
    assert 50 <= seam.from_frame < seam.to_frame <= 60


def test_a_tint_is_taken_off_at_the_seam():
    before, after = [field(90)] * 4, [(field(90) + np.array([20, 0, -10])).astype(np.uint8)] * 4
    seam = find_seam(before, after, first_frame=0)
    assert seam.colours_apart < 1
    assert seam.colours_apart_before > 5
    assert np.abs(seam.match.applied_to(after[0]).astype(int) - before[0]).mean() < 3


def test_without_shared_frames_the_second_takes_over_as_it_is():
    assert find_seam([], [], first_frame=7).is_cut


# --- joins ------------------------------------------------------------------------------------------------------------


def test_each_frame_comes_once_and_a_fade_changes_no_count(source, tmp_path):
    plan = planned()
    first, second = plan.pieces
    results = [
        write(tmp_path / "1.mp4", [field(90, frame) for frame in range(first.from_frame, first.to_frame)]),
        write(tmp_path / "2.mp4", [field(90, frame + 30) for frame in range(second.from_frame, second.to_frame)]),
    ]
    joined = join_pieces(plan, results, source, tmp_path / "joined.mp4")
    seam = joined.seams[0]
    assert (joined.frame_count, joined.held, seam.is_cut) == (FRAMES, (), False)
    shown = [place(frame.rgb) for frame in read_frames(joined.path, container="mp4")]
    assert len(shown) == FRAMES
    assert shown[: seam.from_frame] == pytest.approx([at % 100 for at in range(seam.from_frame)], abs=1)
    assert shown[seam.to_frame :] == pytest.approx([(at + 30) % 100 for at in range(seam.to_frame, FRAMES)], abs=1)


def test_a_result_of_another_rate_keeps_its_times(source, tmp_path):
    plan = planned()
    first, second = plan.pieces
    pictures = [field(90, round(tick / 2.5)) for tick in range(round(2.5 * first.to_frame))]
    results = [
        write(tmp_path / "1.mp4", pictures, Fraction(25)),
        write(tmp_path / "2.mp4", [field(90, frame) for frame in range(second.from_frame, second.to_frame)]),
    ]
    joined = join_pieces(plan, results, source, tmp_path / "joined.mp4")
    shown = [place(frame.rgb) for frame in read_frames(joined.path, container="mp4")]
    assert shown == pytest.approx([at % 100 for at in range(FRAMES)], abs=1.5)


def test_the_first_piece_that_came_back_short_is_held_up_to_the_second(source, tmp_path):
    plan = planned()
    first, second = plan.pieces
    results = [
        write(tmp_path / "1.mp4", [field(90, frame) for frame in range(first.to_frame - 10)]),
        write(tmp_path / "2.mp4", [field(90, frame) for frame in range(second.from_frame, second.to_frame)]),
    ]
    joined = join_pieces(plan, results, source, tmp_path / "joined.mp4")
    start_s, end_s = (first.to_frame - 10) / 10, second.from_frame / 10
    assert [(part.start_s, part.end_s, part.piece) for part in joined.held] == [(start_s, end_s, 1)]
    assert sum(1 for _ in read_frames(joined.path, container="mp4")) == FRAMES


def test_a_missing_first_piece_shows_what_comes_after_it(source, tmp_path):
    plan = planned()
    second = plan.pieces[1]
    result = write(tmp_path / "2.mp4", [field(90, frame) for frame in range(second.from_frame, second.to_frame)])
    joined = join_pieces(plan, [None, result], source, tmp_path / "joined.mp4")
    assert [(part.start_s, part.end_s) for part in joined.held] == [(0.0, 8.0)]
    assert joined.frame_count == FRAMES
    with pytest.raises(MediaError, match="no result"):
        join_pieces(plan, [None, None], source, tmp_path / "none.mp4")
    assert not (tmp_path / "none.mp4").exists()


def test_another_shape_is_put_between_bars(source, tmp_path):
    plan = planned(overlap_s=0.0)
    first, second = plan.pieces
    wide = np.full((100, 300, 3), 200, np.uint8)
    results = [
        write(tmp_path / "1.mp4", [field(90)] * first.frame_count),
        write(tmp_path / "2.mp4", [wide] * second.frame_count),
    ]
    joined = join_pieces(plan, results, source, tmp_path / "joined.mp4")
    *_, last = read_frames(joined.path, container="mp4")
    assert last.rgb.shape == (200, 120, 3)
    assert (last.rgb[5].max(), last.rgb[100].min() > 180) == (pytest.approx(0, abs=20), True)
