from dataclasses import replace
from pathlib import Path

import pytest
from run_records import a_run

from kling_ui.runs.outcomes import ReasonCode
from kling_ui.runs.record import EngineName, ResultFacts, RunState
from kling_ui.runs.run_view import LiveFacts, view_of

PREVIEW, KLING = EngineName.PREVIEW, EngineName.KLING


def run(state, engine=PREVIEW, **more):
    return a_run(engine=engine, state=state, changed_at=130.0, **more)


def test_the_view_of_a_finished_run_holds_all_that_is_shown(tmp_path):
    for name in ("image.png", "reference.mp4", "result.mp4"):
        (tmp_path / name).touch()
    facts = ResultFacts(
        duration_s=5.0, fps=24.0, frame_count=120, width_px=720, height_px=1280, has_audio=True, size_bytes=9
    )
    record = run(RunState.COMPLETED, result_name="result.mp4", result_facts=facts, motion={"score": 93.0, "more": 1})
    view = view_of(record, LiveFacts(progress=1.0, queue_position=3), folder=tmp_path, now=500.0)
    assert view.result == tmp_path / "result.mp4"
    assert (view.image, view.reference) == (tmp_path / "image.png", tmp_path / "reference.mp4")
    assert (view.duration_s, view.fps, view.width_px, view.height_px) == (5.0, 24.0, 720, 1280)
    assert (view.motion_match, view.elapsed_s) == (93.0, 30.0)
    assert (view.progress, view.queue_position) == (None, None)
    assert view.is_final
    assert not view.can_cancel


def test_time_goes_on_while_a_run_is_open():
    view = view_of(run(RunState.IN_PROGRESS), LiveFacts(progress=0.5), folder=Path("/runs/1"), now=160.0)
    assert (view.elapsed_s, view.progress) == (60.0, 0.5)
    assert view.can_cancel
    assert replace(view, state=RunState.UNKNOWN).is_final


@pytest.mark.parametrize(
    ("record", "can_recover"),
    [
        (run(RunState.UNKNOWN, KLING), True),
        (run(RunState.FAILED, KLING, request_id="req-1", ready_at=120.0), True),
        (run(RunState.FAILED, KLING, request_id="req-1"), False),
        (run(RunState.FAILED, KLING), False),
        (run(RunState.IN_PROGRESS, KLING, request_id="req-1"), False),
        (run(RunState.COMPLETED, KLING, request_id="req-1", result_name="result.mp4"), False),
        (run(RunState.UNKNOWN), False),
    ],
)
def test_what_can_be_recovered(record, can_recover):
    assert view_of(record, LiveFacts(), folder=Path("/runs/1"), now=160.0).can_recover is can_recover


def test_a_failure_tells_which_input_to_change_and_what_may_help():
    raw = "The duration of continuous valid motion is too short"
    record = run(RunState.FAILED, KLING, request_id="req-1", raw_error=raw, error="Too short.", estimate_usd=0.35)
    view = view_of(record, LiveFacts(), folder=Path("/runs/1"), now=160.0)
    assert (view.inputs, view.repairs) == (("video",), ("video.trim",))
    assert (view.charge, view.raw_error) == ("maybe", raw)
    assert view.reason is ReasonCode.MOTION_TOO_SHORT
    fine = view_of(replace(record, state=RunState.COMPLETED), LiveFacts(), folder=Path("/runs/1"), now=160.0)
    assert (fine.inputs, fine.repairs, fine.reason, fine.outcome) == ((), (), None, None)


def test_a_run_that_was_recovered_without_inputs_has_none():
    record = replace(run(RunState.COMPLETED, KLING), image_name="", reference_name="")
    view = view_of(record, LiveFacts(), folder=Path("/runs/1"), now=160.0)
    assert (view.image, view.reference) == (None, None)
