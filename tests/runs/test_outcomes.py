from dataclasses import replace

import pytest

from kling_ui.choice import Choice
from kling_ui.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    KlingUIError,
    RunTimeoutError,
    SubmissionUnknownError,
)
from kling_ui.runs.adoption import FREE_ATTEMPTS_MAX, Adoption, adoption
from kling_ui.runs.endings import Ending, Pause, after_error
from kling_ui.runs.reasons import explain
from kling_ui.runs.record import EngineName, RunRecord, RunState

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
    choice=Choice(),
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
        (REFUSED, SENT, False, RunState.UNKNOWN),
        (TOKEN, SENT, False, None),
        (RunTimeoutError("Long."), SENT, False, None),
        (RuntimeError("bug"), SENT, False, None),
        (RuntimeError("bug"), SENT, True, RunState.FAILED),
        (RunTimeoutError("Long."), SENT, True, RunState.FAILED),
    ],
)
def test_a_paid_run_that_was_sent_is_never_called_failed_before_its_engine_says_so(error, record, is_free, state):
    outcome = after_error(error, record, is_free=is_free)
    if state is None:
        assert isinstance(outcome, Pause)
        assert outcome.needs_token == isinstance(error, AuthenticationError)
    else:
        assert isinstance(outcome, Ending)
        assert outcome.state is state
        assert "bug" not in outcome.error


@pytest.mark.parametrize(
    ("record", "is_free", "has_token", "plan"),
    [
        (SENT, False, True, Adoption.FOLLOW),
        (SENT, False, False, Adoption.WAIT_FOR_TOKEN),
        (RUN, False, True, RunState.FAILED),
        (SENDING, False, True, RunState.UNKNOWN),
        (replace(SENT, state=RunState.SCORING, result_name="result.mp4"), False, False, Adoption.FOLLOW),
        (replace(SENT, attempts=1), True, False, Adoption.START_AGAIN),
        (replace(RUN, attempts=FREE_ATTEMPTS_MAX - 1), True, False, Adoption.START_AGAIN),
        (replace(SENT, attempts=FREE_ATTEMPTS_MAX), True, False, RunState.FAILED),
    ],
)
def test_what_to_do_with_a_run_that_was_left_behind(record, is_free, has_token, plan):
    decided = adoption(record, is_free=is_free, has_token=has_token)
    assert (decided.state if isinstance(decided, Ending) else decided) is plan


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Image recognition failed, no complete upper body detected", "whole upper body"),
        ("The character in the reference image or the first frame of the motion video is invalid", "first frame"),
        ("The duration of continuous valid motion is too short", "less than 3 s"),
        ("Failure to pass the risk control system", "moderation"),
        ("The resolution or aspect ratio of the input image is invalid", "size or the shape"),
        ("parallel task over resource pack limit", "busy"),
        ("ECODE 7", "could not make this video"),
        (None, "could not make this video"),
    ],
)
def test_the_vendors_words_become_something_to_act_on(raw, words):
    error, advice = explain(EngineName.KLING, raw)
    assert words in error
    assert advice
