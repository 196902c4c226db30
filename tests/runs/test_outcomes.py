from dataclasses import replace

import pytest
from run_records import a_run

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.report import RULES
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
from kling_ui.runs.outcomes import (
    FREE_ATTEMPTS_MAX,
    REFUSALS_MAX,
    Outcome,
    OutcomeCode,
    ReasonCode,
    RetryLater,
    Takeover,
    Trouble,
    TroubleCode,
    after_error,
    explain,
    recognised,
    takeover,
)
from kling_ui.runs.record import KEPT_S, EngineName, RunState

RUN = a_run(state=RunState.PREPARING)
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
        assert isinstance(outcome, RetryLater)
        assert outcome.needs_token == isinstance(error, AuthenticationError)
    else:
        assert isinstance(outcome, Outcome)
        assert outcome.state is state
        assert "bug" not in outcome.message


def test_a_request_that_was_accepted_a_moment_ago_may_not_be_known_everywhere_yet():
    pauses = [after_error(REFUSED, SENT, is_free=False, refusals=refusals) for refusals in range(REFUSALS_MAX)]
    assert [pause.ask_again_s for pause in pauses] == [4.0, 8.0, 16.0, 32.0]
    assert {pause.trouble for pause in pauses} == {Trouble(TroubleCode.RETRIED, "Refused.")}


def test_what_never_ends_is_given_up_when_its_result_would_be_gone():
    long = RunTimeoutError("Long.")
    assert isinstance(after_error(long, SENT, is_free=False, age_s=KEPT_S), RetryLater)
    outcome = after_error(long, SENT, is_free=False, age_s=KEPT_S + 1)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.code) == (RunState.UNKNOWN, OutcomeCode.NEVER_ENDED)


def test_a_busy_vendor_that_says_when_is_believed():
    outcome = after_error(RateLimitError("Busy.", status_code=429, retry_after_s=30.0), SENDING, is_free=False)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.code, outcome.retry_after_s) == (RunState.FAILED, OutcomeCode.ERROR, 30.0)


def test_a_refusal_of_the_inputs_says_which_one():
    detail = 'The input is not valid. [{"loc": ["image_url"], "msg": "no"}]'
    outcome = after_error(APIStatusError("No.", status_code=422, detail=detail), SENDING, is_free=False)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.code, outcome.raw) == (RunState.FAILED, OutcomeCode.REFUSED, detail)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(RunState.FAILED, OutcomeCode.ERROR, "Busy.", "Wait.", "E-1", 30.0),
        Outcome(RunState.CANCELLED, OutcomeCode.PREVIEW_STOPPED),
    ],
)
def test_an_outcome_is_read_from_the_ledger_as_it_was_written(outcome):
    assert Outcome.of(replace(SENT, state=outcome.state, **outcome.to_columns())) == outcome


@pytest.mark.parametrize("kept", [None, {}, {"code": "of a later release"}, {"code": ["odd"]}])
def test_an_outcome_without_a_code_that_is_known_is_what_its_texts_say(kept):
    record = replace(SENT, state=RunState.UNKNOWN, outcome=kept, error="It is not known.", advice="Look first.")
    assert Outcome.of(record) == Outcome(RunState.UNKNOWN, OutcomeCode.ERROR, "It is not known.", "Look first.")


def test_only_what_ended_without_a_video_has_an_outcome():
    assert Outcome.of(SENT) is None
    assert Outcome.of(replace(SENT, state=RunState.COMPLETED)) is None


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


CROP, TRIM = RepairKind.IMAGE_CROP_AROUND, RepairKind.VIDEO_TRIM


@pytest.mark.parametrize(
    ("raw", "code", "inputs", "first_repair"),
    [
        ("Image recognition failed, no complete upper body detected", ReasonCode.UPPER_BODY, ("image", "video"), CROP),
        ("No complete upper body detected", ReasonCode.UPPER_BODY, ("image", "video"), CROP),
        (
            "The character in the reference image or the first frame of the motion video is invalid",
            ReasonCode.CHARACTER,
            ("video", "image"),
            TRIM,
        ),
        ("The duration of continuous valid motion is too short", ReasonCode.MOTION_TOO_SHORT, ("video",), TRIM),
        ("Failure to pass the risk control system", ReasonCode.RISK_CONTROL, ("image", "video", "prompt"), None),
        (
            "The resolution or aspect ratio of the input image is invalid",
            ReasonCode.SIZE,
            ("image",),
            RepairKind.IMAGE_RESIZE,
        ),
        ("parallel task over resource pack limit", ReasonCode.BUSY, (), None),
        ("Multiple people in the video", ReasonCode.SEVERAL_PEOPLE, ("video",), TRIM),
        ("Failed to download the image", ReasonCode.NOT_FETCHED, ("image",), None),
        ("video duration must be within 10 s", ReasonCode.DURATION, ("video",), TRIM),
        ("File size limit exceeded", ReasonCode.TOO_LARGE, ("image", "video"), RepairKind.IMAGE_COMPRESS),
        ("Unsupported video codec: hevc", ReasonCode.FORMAT, ("video",), RepairKind.VIDEO_CONVERT),
        ("Sensitive content in prompt", ReasonCode.MODERATION, ("prompt",), None),
        ("Insufficient balance", ReasonCode.NO_BALANCE, (), None),
        ("render timed out", ReasonCode.TIMEOUT, (), None),
        ('Invalid. [{"loc": ["video_url"], "msg": "no"}]', ReasonCode.FIELDS, ("video",), None),
        ("ECODE 7", ReasonCode.OTHER, (), None),
        (None, ReasonCode.OTHER, (), None),
    ],
)
def test_the_vendors_words_become_something_to_act_on(raw, code, inputs, first_repair):
    reason = explain(EngineName.KLING, raw)
    assert (reason.code, reason.inputs) == (code, inputs)
    assert (reason.repairs[0] if reason.repairs else None) is first_repair
    assert all(repair.target in {*inputs, "choice"} for repair in reason.repairs)


@pytest.mark.parametrize(
    ("raw", "code", "inputs", "rules"),
    [
        ("No person was found in the picture.", ReasonCode.NO_CHARACTER, ("image",), ("image.character",)),
        (
            "image_url cannot be used: no person was found in the picture.",
            ReasonCode.NO_CHARACTER,
            ("image",),
            ("image.character",),
        ),
        ("no person was found in the clip.", ReasonCode.NOBODY_MOVES, ("video",), ("video.person",)),
        ("The disk is full.", ReasonCode.PREVIEW, (), ()),
        (None, ReasonCode.PREVIEW, (), ()),
    ],
)
def test_what_the_preview_could_not_draw_leads_to_the_rule_that_is_about_it(raw, code, inputs, rules):
    reason = explain(EngineName.PREVIEW, raw)
    assert (reason.code, reason.inputs, reason.rules) == (code, inputs, rules)
    assert set(rules) <= set(RULES)


@pytest.mark.parametrize("raw", ["more than one person in the video", "duration", "upper body detected", "ECODE 7"])
def test_the_rules_of_a_reason_exist_and_are_about_its_inputs(raw):
    reason = explain(EngineName.KLING, raw)
    assert set(reason.rules) <= set(RULES)
    assert {rule.partition(".")[0] for rule in reason.rules} <= set(reason.inputs)


def test_the_previews_words_are_for_people_already():
    assert explain(EngineName.PREVIEW, "The duration is too long.").code is ReasonCode.PREVIEW


def test_what_nobody_knows_is_not_recognised():
    assert recognised("ECODE 7") is None
