import asyncio
from pathlib import Path

import gradio as gr
import pytest

from kling_ui.corrections import Corrections, PlacedJoint, write_corrections
from kling_ui.quotas import Usage
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.handlers.run_display import RunDisplay
from kling_ui.ui.handlers.take_away import TakeAwayHandlers

TAB = gr.Request(session_hash="tab")
VISITOR = "v" * 43


@pytest.fixture
def take(services):
    """Takes something away of the run that is there, and gives the last that is told of it."""
    handlers = TakeAwayHandlers(lambda: services, RunDisplay(lambda: services))

    def told(what, run_id="r1"):
        async def collect():
            event = gr.EventData(None, {"run_id": run_id, "what": what})
            return [update async for update in handlers.on_take(VISITOR, event, TAB)][-1]["taken"]

        return {name: value for name, value in asyncio.run(collect()).items() if name != "number"}

    return told


def test_a_comparison_needs_a_result(take, runner, run_of):
    runner.views = [run_of()]
    assert take("comparison")["error"] == "This run has no result to compare."


@pytest.mark.parametrize("what", ["", "everything", "../result"])
def test_what_is_not_offered_is_not_taken(take, runner, run_of, what, tmp_path):
    runner.views = [run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4")]
    assert set(take(what)) == {"run_id", "error"}


def test_a_comparison_is_made_once(take, runner, run_of, canned, tmp_path):
    runner.views = [run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4")]
    canned["draw"] = lambda *given: given[3].write_bytes(b"mp4")
    told = take("comparison")
    assert told["url"].endswith("/comparison.mp4")
    assert told["name"] == "comparison-preview-r1.mp4"
    canned["draw"] = AssertionError("made twice")
    assert take("comparison") == told


def test_a_preview_without_background_is_drawn_once_as_it_was_corrected(take, runner, run_of, canned, tmp_path):
    said, drawn = Corrections({"left wrist": PlacedJoint(0.25, 0.5)}), []
    write_corrections(said, tmp_path / "corrections.json")
    result, corrections = tmp_path / "result.mp4", tmp_path / "corrections.json"
    runner.views = [run_of(state=RunState.COMPLETED, result=result, corrections=corrections)]
    canned["render_transparent"] = lambda *paths: drawn.append(paths[-1].write_bytes(b"webm"))
    told = take("transparent")
    assert told["url"].endswith("/transparent.webm")
    assert told["name"] == "transparent-preview-r1.webm"
    assert runner.admission.asked == [Usage(previews=1)]
    assert take("transparent") == told
    assert drawn == [4]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"engine": EngineName.KLING, "result": Path("result.mp4")}, "Only a preview"),
        ({"reference": None, "result": Path("result.mp4")}, "Only a preview"),
        ({"result": None}, "This run has no result."),
    ],
)
def test_what_is_no_preview_is_not_drawn_without_background(take, runner, run_of, more, words):
    runner.views = [run_of(state=RunState.COMPLETED, **more)]
    assert words in take("transparent")["error"]
