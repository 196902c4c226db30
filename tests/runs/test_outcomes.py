from dataclasses import replace

import pytest

from kling_ui.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    KlingUIError,
    LedgerError,
    RateLimitError,
    RunTimeoutError,
    SubmissionUnknownError,
)
from kling_ui.options import TransferOptions
from kling_ui.runs.outcomes import (
    FREE_ATTEMPTS_MAX,
    REFUSALS_MAX,
    Outcome,
    Pause,
    Takeover,
    after_error,
    takeover,
)
from kling_ui.runs.record import (
    KEPT_S,
    EngineName,
    RunRecord,
    RunState,
)

RUN = RunRecord(
    run_id="1" * 32,
    visitor="ann",
    engine=EngineName.KLING,
    state=RunState.PREPARING,
    created_at=100.0,
    changed_at=100.0,
    fingerprint="f",
    image_name="image.png",
    image_sha256="a",
    reference_name="reference.mp4",
    reference_sha256="b",
    choice=TransferOptions(),
)
SENDING = replace(RUN, state=RunState.SUBMITTING)
SENT = replace(RUN, state=RunState.IN_PROGRESS, request_id="req-1")
NO_ANSWER = APIConnectionError("No answer.")
REFUSED = APIStatusError("Refused.", status_code=404, detail="its own words")
TOKEN = AuthenticationError("Not accepted.", status_code=401)


@pytest.mark.parametrize(
    ("error", "record", "is_free", "state"),
    [
        (KlingUIError("Too large."), RUN, False, RunState.FAILED),
        (RuntimeError("bug"), RUN, False, RunState.FAILED),
        (NO_ANSWER, SENDING, False, RunState.FAILED),  # says that nothing was sent
        (TOKEN, SENDING, False, RunState.FAILED),
        (SubmissionUnknownError("Unclear."), SENDING, False, RunState.UNKNOWN),
        (RuntimeError("bug"), SENDING, False, RunState.UNKNOWN),
        (LedgerError("Full."), SENDING, False, RunState.UNKNOWN),
        (REFUSED, SENT, False, RunState.UNKNOWN),
        (TOKEN, SENT, False, None),
        (RunTimeoutError("Long."), SENT, False, None),
        (RuntimeError("bug"), SENT, False, None),
        (RuntimeError("bug"), SENT, True, RunState.FAILED),
        (RunTimeoutError("Long."), SENT, True, RunState.FAILED),
    ],
)
def test_a_paid_run_that_was_sent_is_never_called_failed_before_its_engine_says_so(error, record, is_free, state):
    outcome = after_error(error, record, is_free=is_free, refusals=REFUSALS_MAX)
    if state is None:
        assert isinstance(outcome, Pause)
        assert outcome.needs_token == isinstance(error, AuthenticationError)
    else:
        assert isinstance(outcome, Outcome)
        assert outcome.state is state
        assert "bug" not in outcome.error


def test_a_request_that_was_accepted_a_moment_ago_may_not_be_known_everywhere_yet():
    pauses = [after_error(REFUSED, SENT, is_free=False, refusals=refusals) for refusals in range(REFUSALS_MAX)]
    assert [pause.ask_again_s for pause in pauses] == [4.0, 8.0, 16.0, 32.0]
    assert {pause.words for pause in pauses} == {"Refused. It is tried again."}


def test_what_never_ends_is_given_up_when_its_result_would_be_gone():
    long = RunTimeoutError("Long.")
    assert isinstance(after_error(long, SENT, is_free=False, age_s=KEPT_S), Pause)
    outcome = after_error(long, SENT, is_free=False, age_s=KEPT_S + 1)
    assert isinstance(outcome, Outcome)
    assert outcome.state is RunState.UNKNOWN
    assert "may be charged" in outcome.error
    assert "req-1" in outcome.advice


def test_a_busy_vendor_that_says_when_is_believed():
    outcome = after_error(RateLimitError("Busy.", status_code=429, retry_after_s=30.0), SENDING, is_free=False)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.advice) == (RunState.FAILED, "Try again in 30 s.")


def test_a_refusal_of_the_inputs_says_which_one():
    detail = 'The input is not valid. [{"loc": ["image_url"], "msg": "no"}]'
    outcome = after_error(APIStatusError("No.", status_code=422, detail=detail), SENDING, is_free=False)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.error, outcome.raw) == (
        RunState.FAILED,
        "RunComfy did not accept the image.",
        detail,
    )


@pytest.mark.parametrize(
    ("record", "is_free", "has_token", "plan"),
    [
        (SENT, False, True, Takeover.FOLLOW),
        (SENT, False, False, Takeover.WAIT_FOR_TOKEN),
        (RUN, False, True, RunState.FAILED),
        (SENDING, False, True, RunState.UNKNOWN),
        (replace(SENT, state=RunState.SCORING, result_name="result.mp4"), False, False, Takeover.FOLLOW),
        (replace(SENT, attempts=1), True, False, Takeover.START_AGAIN),
        (replace(RUN, attempts=FREE_ATTEMPTS_MAX - 1), True, False, Takeover.START_AGAIN),
        (replace(SENT, attempts=FREE_ATTEMPTS_MAX), True, False, RunState.FAILED),
    ],
)
def test_what_to_do_with_a_run_that_was_left_behind(record, is_free, has_token, plan):
    decided = takeover(record, is_free=is_free, has_token=has_token)
    assert (decided.state if isinstance(decided, Outcome) else decided) is plan
