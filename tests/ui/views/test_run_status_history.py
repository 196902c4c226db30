import pytest

from kling_ui.presentation.wording import NBSP, STATE_WORDS, STEP_WORDS
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.views.run_status import PAST_RUNS_MAX, history_value
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


def test_history_is_newest_first_and_names_what_is_shown(run_of, signed_files):
    runs = [
        run_of(run_id="old", created_at=0.0, state=RunState.CANCELLED),
        run_of(run_id="new", created_at=500.0, duration_s=6.0, state=RunState.COMPLETED, motion_match=93.2),
    ]
    value = history_value(signed_files, runs, current="old", now=560.0)
    assert [(run["run_id"], run["title"].replace(NBSP, " "), run["about"], run["more"]) for run in value["runs"]] == [
        ("new", "Preview, 6.0 s", "Finished, 1 min ago", "match 93"),
        ("old", "Preview", "Cancelled, 9 min ago", ""),
    ]
    assert (value["current"], value["has_paid"]) == ("old", False)


def test_a_paid_run_tells_its_cost_and_that_requests_may_be_recovered(run_of, signed_files):
    value = history_value(signed_files, [run_of(engine=EngineName.KLING, cost_usd=0.35)], current="r1", now=200.0)
    assert value["runs"][0]["more"] == "$0.35"
    assert value["has_paid"]


def test_the_steps_of_the_run_that_is_shown_have_words_and_times(run_of, signed_files):
    steps = [(RunState.PREPARING, 100.0), (RunState.UNKNOWN, 107.5)]
    value = history_value(signed_files, [run_of()], current="r1", now=200.0, steps=steps)
    assert value["steps"] == [{"words": "Asked for", "at": 100.0}, {"words": "Outcome unknown", "at": 107.5}]


def test_a_long_history_is_cut(run_of, signed_files):
    runs = [run_of(run_id=str(number)) for number in range(PAST_RUNS_MAX + 1)]
    assert len(history_value(signed_files, runs, current="", now=0.0)["runs"]) == PAST_RUNS_MAX


def test_every_state_has_words():
    assert set(STATE_WORDS) == set(STEP_WORDS) == set(RunState)


def test_a_run_whose_files_were_removed_is_told_apart(run_of, signed_files):
    gone = run_of(state=RunState.COMPLETED, image=None, reference=None, files_gone=True)
    (past,) = history_value(signed_files, [gone], current="r1", now=100.0)["runs"]
    assert (past["image"], past["about"]) == ("", "Finished, just now, files removed")
