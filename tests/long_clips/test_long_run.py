"""A long clip from end to end, against a vendor that gives back what it was sent: each frame tells where it is from."""

import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kling_ui import RunError, Settings, SettingsError, plan, run, run_long
from kling_ui.media.metadata import read_comment
from kling_ui.media.video import read_frames
from kling_ui.puppet.motion.opening import NOTE
from kling_ui.scoring.compare import load_tracked_clip
from kling_ui.scoring.motion import find_shift
from kling_ui.vision.pose import PoseTrack

TINT = np.array([14, 0, -10])
TOKEN = "planted-token-0123456789"
LENGTH = 150  # frames of the long clip


@pytest.fixture(scope="module")
def looks(tmp_path_factory) -> Path:
    """Where files are looked at, once for all tests."""
    return tmp_path_factory.mktemp("looks")


@pytest.fixture
def paid(echo_vendor, tmp_path, looks) -> Settings:
    """Settings of somebody who has a token, and no budget."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "looks").symlink_to(looks)
    return Settings.from_env(
        {
            "KLING_UI_DATA_DIR": str(tmp_path / "data"),
            "KLING_UI_WORKERS": "1",
            "RUNCOMFY_API_TOKEN": TOKEN,
            "KLING_UI_API_BASE": echo_vendor.url,
        }
    )


@pytest.fixture
def kling(paid, person_png, long_clip, tmp_path):
    """Run the long clip on Kling."""

    def call(**more):
        how = {
            "engine": "kling",
            "orientation": "image",
            "max_price_usd": 1.0,
            "out": tmp_path / "out",
            "settings": paid,
        }
        how |= more
        return run_long(person_png, long_clip, **how)

    return call


def re_encoded(video: bytes, change) -> bytes:
    """A result whose pictures were changed by ``change(index, rgb)``; ``None`` leaves one out."""
    with av.open(io.BytesIO(video)) as opened:
        fps = opened.streams.video[0].average_rate or Fraction(12)
        pictures = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    changed = [rgb for index, old in enumerate(pictures) if (rgb := change(index, old)) is not None]
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=fps, options={"crf": "14", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = changed[0].shape[1], changed[0].shape[0], "yuv420p"
        for rgb in changed:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        out.mux(stream.encode())
    return made.getvalue()


@pytest.mark.slow
def test_every_frame_and_the_sound_are_where_they_were(kling, echo_vendor, numbered, long_clip, paid):
    news = []
    result = kling(on_progress=lambda said: news.append(said.words)).raise_for_state()
    assert (result.state, result.engine, len(result.pieces)) == ("completed", "kling", 2)
    assert numbered.numbers(result.video) == list(range(LENGTH)), "no frame is lost, doubled or late, at the seam, too"
    assert result.held == ()
    assert result.joined.seams[0].is_cut
    assert result.cost_usd == 1.0
    assert result.estimate_usd == pytest.approx(0.07 * result.plan.plan.sent_s, abs=0.01)
    assert result.motion_match > 95
    given, kept = (dict(numbered.sound_packets(path)) for path in (long_clip, result.video))
    assert {at_s: given.get(at_s) for at_s in kept} == kept, "the track is copied as it is, at the same times"
    assert len(kept) >= len(given) - 1, "but for what an encoder warms up with"
    assert any(words.startswith("Piece 1 of 2: ") for words in news)
    report = json.loads(result.report.read_text())
    assert (report["frame_count"], report["motion_match"]) == (LENGTH, result.motion_match)
    assert Image.open(result.chart).width > 500
    assert TOKEN not in repr(result)
    assert TOKEN not in result.report.read_text()
    notes = {read_comment(path, container="mp4") for path in (paid.data_dir / "pieces").glob("*.mp4")}
    assert [note.startswith(NOTE) for note in notes] == [True], "all pieces say how the clip opens"
    assert all(NOTE.encode() not in video for video in echo_vendor.videos), "but to nobody outside"

    again = kling().raise_for_state()
    assert len(echo_vendor.videos) == 2, "pieces that were made are found again"
    assert again.video != result.video
    assert [piece.run.run_id for piece in again.pieces] == [piece.run.run_id for piece in result.pieces]


def test_the_price_of_all_pieces_is_held_before_the_first_is_sent(kling, echo_vendor, paid, long_clip):
    planned = plan(long_clip, orientation="image", settings=paid)
    assert planned.quote.estimate_usd == pytest.approx(0.07 * planned.plan.sent_s)
    assert "About $0.90" in planned.price
    with pytest.raises(RunError, match=r"would cost about \$0\.90, but it may cost \$0\.80\. Nothing was sent\."):
        kling(max_price_usd=0.8)
    with pytest.raises(SettingsError, match="max_price_usd"):
        kling(max_price_usd=None)
    echo_vendor.rate_usd = None
    with pytest.raises(RunError, match="cannot be told"):
        kling()
    assert echo_vendor.videos == []


def test_all_pieces_are_priced_by_the_model_that_is_chosen_and_sent_to_it(kling, echo_vendor, paid, long_clip):
    pro = "kling/kling-2-6/motion-control-pro"
    echo_vendor.rates_usd[pro] = 0.14
    planned = plan(long_clip, orientation="image", model=pro, settings=paid)
    assert planned.quote.estimate_usd == pytest.approx(0.14 * planned.plan.sent_s)
    with pytest.raises(RunError, match=r"would cost about \$1\.80, but it may cost \$1\.50"):
        kling(model=pro, max_price_usd=1.5)
    with pytest.raises(SettingsError, match="none of Kling Motion Control"):
        kling(model="else/talking-heads")
    assert echo_vendor.models == []
    echo_vendor.failing = {1, 2}
    kling(model=pro, max_price_usd=2.0)
    assert set(echo_vendor.models) == {pro}


def test_a_budget_is_held_against_all_pieces(kling, echo_vendor, paid, tmp_path):
    poor = replace(paid, budget_day_usd=0.8)
    with pytest.raises(RunError, match=r"of the budget of \$0\.80 for today \$0\.80 is left"):
        kling(settings=poor)
    assert echo_vendor.videos == []


@pytest.mark.slow
def test_a_piece_that_fails_keeps_the_others_and_is_made_by_the_next_call(kling, echo_vendor, numbered, tmp_path):
    echo_vendor.failing = {2}
    result = kling()
    assert (result.video, result.state) == (None, "failed")
    assert re.search(r"Piece \d of 2: ", result.message)
    assert "nor charged again" in result.advice
    assert not list((tmp_path / "out").iterdir())
    echo_vendor.failing = set()
    done = kling().raise_for_state()
    assert len(echo_vendor.videos) == 3, "only the one that failed is sent again"
    assert numbered.numbers(done.video) == list(range(LENGTH))


@pytest.mark.slow
def test_short_results_are_held_and_other_colours_and_sizes_brought_into_line(kling, echo_vendor, numbered):
    def change(_number: int, video: bytes) -> bytes:
        if video != max(echo_vendor.videos, key=lambda one: numbered.number_at(one, 0)):
            return video
        count = numbered.number_at(video, -1) - numbered.number_at(video, 0) + 1
        return re_encoded(
            video,
            lambda index, rgb: None if index >= count - 24 else np.clip(rgb[::2, ::2] + TINT, 0, 255).astype(np.uint8),
        )

    echo_vendor.change = change  # the last piece comes back tinted, smaller and 2 s short
    result = kling().raise_for_state()
    assert numbered.numbers(result.video) == [*range(LENGTH - 24), *[LENGTH - 25] * 24]
    assert [(part.start_s, part.end_s, part.piece) for part in result.held] == [(10.5, 12.5, 2)]
    assert "for 2.0 s it stands still" in result.message.replace("\N{NO-BREAK SPACE}", " ")
    seam = result.joined.seams[0]
    assert seam.colours_apart < 0.5 * seam.colours_apart_before
    assert result.drift.colours > 4, "as the engine made them"


@pytest.mark.slow
def test_pieces_go_on_from_the_last_good_frame(kling, echo_vendor, numbered, person_png, paid):
    result = kling(next_from="last-frame").raise_for_state()
    assert echo_vendor.images[0] == person_png.read_bytes()
    second = Image.open(io.BytesIO(echo_vendor.images[1]))
    assert second.size == (360, 640), "a frame of the piece before"
    assert numbered.numbers(result.video) == list(range(LENGTH))
    kling(next_from="last-frame").raise_for_state()
    assert len(echo_vendor.videos) == 2, "the same frame is taken again, so that the run is found again"
    # Such pieces are as earlier releases wrote all: they say nothing of how the clip opens.
    assert all(read_comment(path, container="mp4") == "" for path in (paid.data_dir / "pieces").glob("*.mp4"))
    kling().raise_for_state()
    assert len(echo_vendor.videos) == 3, "the first is the same run, and not paid for again"


def test_cuts_by_hand_are_checked_before_any_work(kling, echo_vendor):
    with pytest.raises(SettingsError, match="a run takes 3 s at least"):
        kling(cuts=[2.0])
    assert echo_vendor.videos == []


def test_pieces_that_the_checks_block_are_told_before_anything_is_sent(
    paid, echo_vendor, person_png, numbered, tmp_path
):
    clip = numbered.write_long(tmp_path / "gap.mp4", 12.5, nobody=(4.5, 7.0))
    how = {"engine": "kling", "orientation": "image", "max_price_usd": 9.0, "out": tmp_path / "out", "settings": paid}
    # by hand, so that a piece is mostly empty; the plan would not cut so
    result = run_long(person_png, clip, cuts=[4.0, 7.5], **how)
    assert (result.state, result.video) == ("blocked", None)
    assert "Piece 2: " in result.message
    assert [piece.state for piece in result.pieces] == ["waiting", "blocked", "waiting"]
    assert echo_vendor.videos == []

    skipped = run_long(person_png, clip, cuts=[4.0, 7.5], skip_blocked=True, **how).raise_for_state()
    assert len(echo_vendor.videos) == 2
    found = numbered.numbers(skipped.video)
    at = round(5.0 * numbered.FPS)
    assert (len(found), found[:45], found[90:]) == (LENGTH, list(range(45)), list(range(90, LENGTH)))
    assert found[at] == found[at + 6], "it stands still meanwhile"
    assert [part.piece for part in skipped.held] == [2]


def test_a_usual_run_points_to_the_plan(paid, person_png, long_clip, tmp_path):
    result = run(person_png, long_clip, orientation="image", out=tmp_path / "out", settings=paid)
    assert result.state == "blocked"
    assert "run_long" in result.advice


@pytest.mark.slow
def test_previews_of_pieces_make_one_in_step_that_follows_no_worse(person_png, long_clip, tmp_path, looks):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "looks").symlink_to(looks)
    settings = Settings.from_env({"KLING_UI_DATA_DIR": str(tmp_path / "data"), "KLING_UI_WORKERS": "1"})
    result = run_long(person_png, long_clip, orientation="image", out=tmp_path / "out", settings=settings)
    assert result.raise_for_state().engine == "preview"
    assert sum(1 for _ in read_frames(result.video, container="mp4")) == LENGTH
    wanted, made = load_tracked_clip(long_clip), load_tracked_clip(result.video)
    seam_s = result.joined.seams[0].from_frame / 12
    near = [np.abs(one.track.times_s - seam_s) <= 3 for one in (wanted, made)]
    shift = find_shift(*(part(one.track, kept) for one, kept in zip((wanted, made), near, strict=True)))
    assert abs(shift.late_s) * 12 < 0.5, "in step on both sides of the seam"
    # The match leaves out what is always turned. Measured against their own openings, whose arms hang otherwise, the
    # pieces were turned by 18 degrees against each other, and the whole lost 9 points.
    assert result.motion_match >= min(piece.run.motion_match for piece in result.pieces) - 1
    assert result.joined.seams[0].is_cut, "stance and place go on"
    assert result.drift.size_share < 0.15
    assert result.drift.place_share < 0.02


def part(track: PoseTrack, kept: np.ndarray) -> PoseTrack:
    return PoseTrack(track.times_s[kept], track.landmarks[kept], track.world_m[kept], track.aspect)
