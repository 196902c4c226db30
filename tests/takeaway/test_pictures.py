"""Contact sheets, loops and comparisons: what is on them, how large they are, and that nothing half-written stays."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kling_ui.errors import RunError
from kling_ui.media.comparison_layout import LABEL_PX, ScoreCurve, arranged
from kling_ui.media.probe import probe_video
from kling_ui.options import Layout
from kling_ui.runs.export import Entry
from kling_ui.takeaway.making import TakeAway, make_picture, picture_name
from kling_ui.takeaway.pictures import LOOP_MAX_BYTES, best_start_s, draw_loop, draw_sheet, piece_at
from kling_ui.workers import Workers

UPRIGHT, WIDE = 9 / 16, 16 / 9
FLAT = ScoreCurve("Motion match 90 of 100", tuple((index * 0.5, 90.0) for index in range(12)))


@pytest.mark.parametrize("layout", [Layout.WIDE, Layout.SQUARE, Layout.TALL])
@pytest.mark.parametrize(
    "aspects", [(UPRIGHT,) * 3, (WIDE,) * 3, (1.0, UPRIGHT, WIDE), (0.2, WIDE, WIDE), (3.0, 0.3, 3.0)]
)
@pytest.mark.parametrize("has_score", [True, False])
def test_everything_has_its_shape_and_its_own_place(layout, aspects, has_score):
    plan = arranged(aspects, layout, height_px=480, has_score=has_score)
    assert (plan.width_px, plan.height_px) == layout.frame_px
    taken = np.zeros((plan.height_px, plan.width_px), int)
    shown = [
        (plan.reference, aspects[1]),
        (plan.result, aspects[2]),
        *([(plan.image, aspects[0])] if plan.image else []),
    ]
    for box, aspect in shown:
        assert box.width / box.height == pytest.approx(aspect, rel=0.05)
        assert box.left >= 0
        assert box.top >= LABEL_PX
        assert box.left + box.width <= plan.width_px
        assert box.top + box.height <= plan.height_px
        taken[box.top - LABEL_PX : box.top + box.height, box.left : box.left + box.width] += 1
    if plan.curve:
        taken[plan.curve.top : plan.curve.top + plan.curve.height, plan.curve.left :] += 1
    assert taken.max() == 1
    assert taken.mean() > 0.25


def test_the_best_three_seconds_are_those_of_the_highest_scores():
    rising = ScoreCurve("", tuple((index * 0.5, 100.0 if 3.0 <= index * 0.5 < 6.0 else 10.0) for index in range(20)))
    assert best_start_s(rising, 0.0, 10.0) == 3.0
    assert best_start_s(rising, 0.0, 2.0) == 0.0
    assert best_start_s(ScoreCurve("", ((0.0, None),)), 0.0, 9.0) == 3.0
    assert (piece_at(rising, 3.2), piece_at(ScoreCurve(""), 1.0)) == (100.0, None)


def test_a_sheet_shows_both_clips_at_the_same_moments(make_clip, tmp_path):
    reference, result = make_clip("a.mp4", frames=48), make_clip("b.mp4", frames=48)
    out = draw_sheet(reference, result, tmp_path / "sheet.png", FLAT)
    with Image.open(out) as sheet:
        sheet.load()
    assert sheet.format == "PNG"
    assert sheet.width > sheet.height
    pixels = np.asarray(sheet.convert("RGB")).astype(int)
    upper, lower = pixels[48 + 100 : 48 + 200, 140:], pixels[48 + 316 + 100 : 48 + 316 + 200, 140:]
    assert np.abs(upper - lower).mean() < 3  # the same clip twice
    assert upper.std() > 10


def test_a_loop_moves_for_three_seconds_and_is_small(entry: Entry, tmp_path):
    out = draw_loop(entry.view.reference, entry.view.result, tmp_path / "loop.webp", FLAT)
    assert out.stat().st_size < LOOP_MAX_BYTES
    with Image.open(out) as loop:
        assert (loop.format, loop.n_frames) == ("WEBP", 36)
        loop.seek(0)
        first = np.asarray(loop.convert("L")).astype(int)
        loop.seek(20)
        assert np.abs(np.asarray(loop.convert("L")).astype(int) - first).mean() > 1
    assert [one.name for one in tmp_path.iterdir()] == ["loop.webp"]


def test_a_comparison_takes_the_shape_that_is_asked_for_and_tells_how_far_it_is(entry: Entry, make_clip, tmp_path):
    short = make_clip("short.mp4", frames=24)
    run = replace(entry.view, reference=short, result=short)
    name, told = picture_name(TakeAway.COMPARISON, Layout.TALL), []

    async def make() -> Path:
        with Workers(1) as workers:
            out = tmp_path / name
            return await make_picture(
                workers, run, TakeAway.COMPARISON, out, layout=Layout.TALL, on_progress=told.append
            )

    facts = probe_video(asyncio.run(make()))
    assert (facts.width_px, facts.height_px) == (1080, 1920)
    assert told[-1] == 1.0
    assert [one.name for one in tmp_path.iterdir() if one.suffix != ".mp4" or one.name != "short.mp4"] == [name]


def test_nothing_stays_of_what_is_called_off(entry: Entry, tmp_path):
    async def make() -> None:
        with Workers(1) as workers:
            out = tmp_path / "comparison.mp4"
            begun = asyncio.Event()
            loop = asyncio.get_running_loop()
            work = make_picture(
                workers,
                entry.view,
                TakeAway.COMPARISON,
                out,
                on_progress=lambda _: loop.call_soon(begun.set),
            )
            making = asyncio.create_task(work)
            await begun.wait()
            assert list(tmp_path.glob(".making-*"))  # it was under way
            making.cancel()
            with pytest.raises(asyncio.CancelledError):
                await making

    asyncio.run(make())
    assert list(tmp_path.iterdir()) == []


def test_without_a_result_there_is_nothing_to_draw(entry: Entry, tmp_path):
    run = replace(entry.view, result=None)
    with pytest.raises(RunError, match="no result"):
        asyncio.run(make_picture(None, run, TakeAway.SHEET, tmp_path / "a.png"))
