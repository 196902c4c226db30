import pytest

from kling_ui.choice import Choice
from kling_ui.errors import RunError
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui import run_view
from kling_ui.ui.files import Locker
from kling_ui.ui.wording import NBSP


@pytest.fixture
def locker(tmp_path):
    return Locker(tmp_path, b"secret")


def _facts(value):
    return {name: text.replace(NBSP, " ") for name, text in value["facts"]}


def test_a_waiting_run_says_its_place(run_of):
    value = run_view.status_value(run_of(state=RunState.IN_QUEUE, queue_position=2, sentence="Waiting."))
    assert value["queue_words"] == "Place in the queue: 3"
    assert (value["can_cancel"], value["final"]) == (True, False)
    assert value["who"] == "Preview, rendered on this machine, not Kling"


def test_a_completed_run_leaves_the_word_to_its_result(run_of):
    assert run_view.status_value(run_of(state=RunState.COMPLETED)) == {"run_id": "r1", "final": True}


def test_a_failed_run_says_what_to_do_and_keeps_the_raw_words(run_of):
    run = run_of(state=RunState.FAILED, sentence="It failed.", advice="Crop it.", raw_error="code 7")
    value = run_view.status_value(run)
    assert (value["sentence"], value["advice"], value["raw_error"]) == ("It failed.", "Crop it.", "code 7")
    assert (value["can_cancel"], value["final"]) == (False, True)


@pytest.mark.parametrize(("engine", "words"), [(EngineName.PREVIEW, ""), (EngineName.KLING, "Request req-1")])
def test_only_a_paid_request_is_named(run_of, engine, words):
    value = run_view.status_value(run_of(state=RunState.IN_PROGRESS, engine=engine, request_id="req-1"))
    assert value["request_words"] == words


def test_a_running_run_shows_its_inputs(run_of, locker):
    value = run_view.player_value(locker, run_of(state=RunState.IN_PROGRESS))
    assert value["image"].endswith("/image.png")
    assert value["reference"].endswith("/reference.mp4")
    assert (value["result"], value["waiting"], value["facts"]) == ("", "On its way", [])


def test_a_result_is_shown_with_its_figures(run_of, locker, tmp_path):
    run = run_of(
        state=RunState.COMPLETED,
        result=tmp_path / "result.mp4",
        duration_s=12.0,
        fps=24.0,
        width_px=720,
        height_px=1280,
        motion_match=93.2,
    )
    value = run_view.player_value(locker, run)
    assert _facts(value) == {
        "Motion match": "93 of 100",
        "Length": "12.0 s",
        "Rate": "24 fps",
        "Size": "720 × 1280 px",
    }
    assert value["ratio"] == 720 / 1280
    assert value["label"] == "Preview, rendered on this machine, not Kling"
    assert value["waiting"] == ""


@pytest.mark.parametrize(
    ("keep_sound", "has_result", "sound"),
    [(True, True, "result"), (False, True, "reference"), (True, False, "reference")],
)
def test_where_the_sound_comes_from(run_of, locker, keep_sound, has_result, sound):
    result = locker.root / "result.mp4" if has_result else None
    run = run_of(choice=Choice(keep_sound=keep_sound), result=result)
    assert run_view.player_value(locker, run)["sound"] == sound


def test_only_a_paid_run_shows_its_cost(run_of, locker):
    assert "Cost" not in _facts(run_view.player_value(locker, run_of(cost_usd=0.0)))
    paid = run_of(engine=EngineName.KLING, cost_usd=0.84)
    assert _facts(run_view.player_value(locker, paid))["Cost"] == "$0.84"


def test_history_is_newest_first_and_names_what_is_shown(run_of, locker):
    runs = [
        run_of(run_id="old", created_at=0.0, state=RunState.CANCELLED),
        run_of(run_id="new", created_at=500.0, duration_s=6.0, state=RunState.COMPLETED),
    ]
    value = run_view.history_value(locker, runs, current="old", now=560.0)
    assert [(run["run_id"], run["title"].replace(NBSP, " "), run["about"]) for run in value["runs"]] == [
        ("new", "Preview, 6.0 s", "Finished, 1 min ago"),
        ("old", "Preview", "Cancelled, 9 min ago"),
    ]
    assert value["current"] == "old"


def test_a_refusal_is_said_like_a_failed_run():
    value = run_view.refusal(RunError("No token.", advice="Enter one."))
    assert (value["sentence"], value["advice"], value["final"]) == ("No token.", "Enter one.", True)
