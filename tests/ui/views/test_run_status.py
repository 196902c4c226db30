import pytest

from kling_ui.errors import AuthenticationError, RunError
from kling_ui.runs.outcomes import Outcome, OutcomeCode, Trouble, TroubleCode
from kling_ui.runs.pricing import Charge, Quote
from kling_ui.runs.record import EngineName, Expiry, RunState
from kling_ui.runs.submission import NoTokenError
from kling_ui.ui.views import run_status as run_view

KLING = EngineName.KLING
EXPIRY = Expiry(at=1e9, left_s=5 * 86_400.0, is_ready=True)
REFUSED = AuthenticationError("Not accepted.", status_code=401)


def _deeds(value):
    return [(action["do"], action["label"]) for action in value["actions"]]


def test_a_waiting_run_can_be_cancelled(run_of):
    value = run_view.status_value(run_of(state=RunState.IN_QUEUE, queue_position=2))
    assert (value["sentence"], value["can_cancel"]) == ("Waiting: 2 runs are ahead of yours.", True)
    assert (value["final"], value["actions"]) == (False, [])
    assert value["who"] == "Preview, rendered by this app, not Kling"


def test_a_completed_run_leaves_the_word_to_its_result(run_of):
    assert run_view.status_value(run_of(state=RunState.COMPLETED)) == {"run_id": "r1", "final": True}


def test_a_result_that_was_asked_for_again_can_be_run_again(run_of):
    value = run_view.status_value(run_of(state=RunState.COMPLETED), words="You already have this result.")
    assert value["sentence"] == "You already have this result."
    assert _deeds(value) == [("again", "Run it again")]


def test_trouble_stands_beside_what_is_happening(run_of):
    run = run_of(state=RunState.COLLECTING, trouble=Trouble(TroubleCode.RETRIED, "No answer."))
    value = run_view.status_value(run)
    assert value["sentence"] == "The video is ready. Fetching it."
    assert value["trouble"] == "No answer. It is tried again."


def test_what_a_result_may_lose_and_cost_is_said_while_it_is_not_safe(run_of):
    run = run_of(engine=KLING, state=RunState.COLLECTING, expiry=EXPIRY, cost_usd=0.35, estimate_usd=0.42)
    value = run_view.status_value(run)
    assert "in about 5 days" in value["expiry"]
    assert value["money"] == "It cost $0.35; about $0.42 was expected."


def test_the_price_is_shown_until_there_is_a_cost(run_of):
    run = run_of(engine=KLING, quote=Quote(), charge=Charge.MAYBE)
    assert run_view.status_value(run)["money"] == "The price is not available at the moment."


def test_a_failed_run_says_what_to_do_and_keeps_the_raw_words(run_of):
    outcome = Outcome(RunState.FAILED, OutcomeCode.ERROR, "It failed.", "Crop it.", "code 7")
    run = run_of(state=RunState.FAILED, outcome=outcome)
    value = run_view.status_value(run)
    assert (value["sentence"], value["advice"], value["raw_error"]) == ("It failed.", "Crop it.", "code 7")
    assert (value["can_cancel"], value["final"]) == (False, True)


@pytest.mark.parametrize("engine", EngineName)
def test_a_failure_that_the_checks_know_of_leads_to_what_they_found(run_of, engine):
    run = run_of(engine=engine, state=RunState.FAILED, inputs=("image",), rules=("image.character",))
    actions = run_view.status_value(run)["actions"]
    found = {"do": "find", "rules": ["image.character"], "place": "image", "label": "See what was found"}
    assert actions[0] == found
    is_offered = "again" in {action["do"] for action in actions}
    assert is_offered == (engine is KLING), "the preview would only fail again"


@pytest.mark.parametrize(
    ("inputs", "repairs", "deeds"),
    [
        (
            ("video", "image"),
            ("video.trim", "image.crop-around-character"),
            [("go", "Trim the video"), ("go", "Crop around the character")],
        ),
        (("image", "video"), ("video.trim",), [("go", "Trim the video"), ("go", "Change the image")]),
        (("prompt",), (), [("go", "Change the scene in words")]),
        ((), (), []),
    ],
)
def test_a_failure_leads_to_the_repairs_that_help_and_else_to_the_inputs(run_of, inputs, repairs, deeds):
    run = run_of(engine=KLING, state=RunState.FAILED, inputs=inputs, repairs=repairs)
    assert _deeds(run_view.status_value(run)) == [*deeds, ("again", "Run it again")]


def test_an_unknown_outcome_says_what_to_check_and_asks_for_the_request_id(run_of):
    outcome = Outcome(RunState.UNKNOWN, OutcomeCode.ERROR, "It is not known.", "A long paragraph.")
    run = run_of(engine=KLING, state=RunState.UNKNOWN, outcome=outcome)
    value = run_view.status_value(run)
    assert value["asks_request_id"]
    assert value["steps"] == list(run_view.UNANSWERED_STEPS)
    assert "not sent again" in value["advice"]
    assert _deeds(value) == [("again", "It is not there: run it again")]


@pytest.mark.parametrize(
    ("state", "expiry"), [(RunState.UNKNOWN, None), (RunState.FAILED, Expiry(1e9, 60.0, is_ready=True))]
)
def test_a_known_request_can_be_looked_for_again(run_of, state, expiry):
    value = run_view.status_value(run_of(engine=KLING, state=state, request_id="req-1", expiry=expiry))
    assert ("recover", "Look for it again") in _deeds(value)
    assert not value["asks_request_id"]
    assert value["actions"][0]["request_id"] == "req-1"


def test_a_run_that_waits_for_its_token_asks_for_it(run_of):
    value = run_view.status_value(run_of(engine=KLING, needs_token=True, state=RunState.IN_QUEUE))
    assert _deeds(value) == [("token", "Enter the token")]
    assert (value["can_cancel"], value["final"]) == (False, True)


def test_a_run_without_inputs_cannot_be_run_again(run_of):
    run = run_of(engine=KLING, state=RunState.FAILED, image=None, reference=None)
    assert run_view.status_value(run)["actions"] == []


@pytest.mark.parametrize(("engine", "words"), [(EngineName.PREVIEW, ""), (KLING, "Request req-1")])
def test_only_a_paid_request_is_named(run_of, engine, words):
    value = run_view.status_value(run_of(state=RunState.IN_PROGRESS, engine=engine, request_id="req-1"))
    assert value["request_words"] == words


def test_every_repair_that_a_failure_may_name_has_words():
    assert all(run_view.REPAIRS.values())
    assert {kind.target for kind in run_view.REPAIRS} <= {"image", "video", "choice"}


def test_a_refusal_is_said_with_its_way_out():
    value = run_view.refusal(RunError("Over the budget.", advice="Use the preview."), KLING)
    assert (value["sentence"], value["advice"], value["final"]) == ("Over the budget.", "Use the preview.", True)
    assert [action["do"] for action in value["actions"]] == ["preview"]
    assert run_view.refusal(RunError("Not ready."))["actions"] == []


@pytest.mark.parametrize("error", [NoTokenError(advice="Enter one."), REFUSED])
def test_a_missing_or_wrong_token_can_be_entered_at_once(error):
    assert run_view.refusal(error, KLING)["actions"][0]["do"] == "token"


def test_a_completed_run_whose_files_were_removed_says_so_and_offers_nothing(run_of):
    words = {"sentence": "The video was made, but its files are no longer kept here."}
    words |= {"advice": "To make another one, choose both inputs again."}
    view = run_of(state=RunState.COMPLETED, image=None, reference=None, files_gone=True, result_gone=True)
    value = run_view.status_value(view)
    assert {name: value[name] for name in words} == words
    assert value["final"]
    assert not value.get("actions")
