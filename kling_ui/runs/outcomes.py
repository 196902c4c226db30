"""How a run ends, pauses, or is taken over: pure functions from what went wrong to what is written down."""

from dataclasses import dataclass
from enum import Enum

from kling_ui.api.models import RequestResult, RequestState
from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AuthenticationError,
    KlingUIError,
    RateLimitError,
)
from kling_ui.runs.failure_reasons import explain, recognised
from kling_ui.runs.record import (
    KEPT_S,
    EngineName,
    RunRecord,
    RunState,
)
from kling_ui.runs.view import RENDERERS

ASK_AGAIN_S = 300.0
REFUSALS_MAX = 4  # a request that was accepted a moment ago may not be known everywhere yet
REFUSAL_WAIT_S = 4.0  # doubles from one to the next
RECOVER = (
    "It was not sent again, so that nothing is paid twice. Look at the account's requests at RunComfy: if it is there, "
    "recover it here with its token and request id (or with kling-ui recover); if it is not, run it again."
)
_FAULT = "Something went wrong inside this program."
FREE_ATTEMPTS_MAX = 3  # a preview that ends the process each time is not drawn for ever


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last thing that is written down about a run."""

    state: RunState
    error: str
    advice: str = ""
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A paid run that goes on at its engine, but cannot be followed at the moment.

    Attributes:
        ask_again_s: Seconds after which to try again.
        words: Why, for the person who watches.
        needs_token: Only with a token that its visitor gives.
    """

    ask_again_s: float = ASK_AGAIN_S
    words: str = ""
    needs_token: bool = False


class EndedError(Exception):
    """The run has come to its end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


def after_error(
    error: Exception, record: RunRecord, *, is_free: bool, refusals: int = 0, age_s: float = 0.0
) -> Outcome | Pause:
    """Tell what an error means for a run.

    Money decides: a free run simply failed; a paid one that was sent is never called failed before its engine says so.

    Args:
        error: What went wrong.
        record: The run.
        is_free: Its engine costs nothing.
        refusals: How often in a row the engine has refused to tell about it before.
        age_s: Seconds since it was seen here that its state changed.
    """
    if isinstance(error, EndedError):
        return error.outcome
    if is_free or record.state is RunState.PREPARING:
        return _failed(error)
    if record.request_id is None:
        return _unclear(error) if _may_be_accepted(error) else _failed(error)
    if isinstance(error, APIError):
        return _refused(error, record, refusals)
    if age_s > KEPT_S:
        words = "RunComfy has not ended this run for so long that its result would be gone by now."
        return Outcome(RunState.UNKNOWN, f"{words} It may be charged.", _look_up(record))
    message = error.message if isinstance(error, KlingUIError) else _FAULT
    return Pause(words=f"{message} It is tried again in a few minutes.")


def from_result(result: RequestResult, record: RunRecord) -> Outcome | None:
    """Return how a run ended that made no video."""
    if result.state is RequestState.CANCELLED:
        return Outcome(RunState.CANCELLED, "Cancelled before it started. Nothing was rendered.")
    if result.state is RequestState.FAILED:
        reason = explain(record.engine, result.error)
        return Outcome(RunState.FAILED, reason.error, reason.advice, result.error)
    return None


def without_video(reason: str, record: RunRecord) -> Outcome:
    """Say that a run is done, but left nothing that can be kept."""
    advice = "" if record.engine is EngineName.PREVIEW else f"{_look_up(record)} Recovering it tries again."
    return Outcome(RunState.FAILED, f"The run is done, but there is no video to keep. {reason}", advice)


def _refused(error: APIError, record: RunRecord, refusals: int) -> Outcome | Pause:
    if refusals < REFUSALS_MAX:
        return Pause(REFUSAL_WAIT_S * 2**refusals, f"{error.message} It is tried again.")
    if isinstance(error, AuthenticationError):
        return Pause(needs_token=True)
    return Outcome(
        RunState.UNKNOWN,
        f"{error.message} What became of the run is not known; it may be charged.",
        _look_up(record),
        _raw(error),
    )


def _failed(error: Exception) -> Outcome:
    if not isinstance(error, KlingUIError):
        return Outcome(RunState.FAILED, _FAULT, "Its log tells more.")
    raw, advice = _raw(error), error.advice
    if isinstance(error, RateLimitError) and error.retry_after_s:
        advice = f"Try again in {error.retry_after_s:.0f} s."
    if type(error) is APIStatusError and raw and (reason := recognised(raw)) is not None:
        return Outcome(RunState.FAILED, reason.error, reason.advice, raw)
    return Outcome(RunState.FAILED, error.message, advice, raw)


def _may_be_accepted(error: Exception) -> bool:
    """Tell whether the engine may have the run: only these two say that it was not sent, or was refused."""
    return not isinstance(error, APIConnectionError | APIStatusError)


def _unclear(error: Exception) -> Outcome:
    message = error.message if isinstance(error, KlingUIError) else _FAULT
    return Outcome(RunState.UNKNOWN, message, RECOVER)


def _look_up(record: RunRecord) -> str:
    return f"Look for the request {record.request_id} in your account at {RENDERERS[record.engine]}."


def _raw(error: Exception) -> str | None:
    return (error.detail if isinstance(error, APIStatusError) else "") or None


class Takeover(Enum):
    """What to do with the run."""

    FOLLOW = "follow"
    START_AGAIN = "start again"
    WAIT_FOR_TOKEN = "wait for token"  # noqa: S105  no password


def takeover(record: RunRecord, *, is_free: bool, has_token: bool) -> Takeover | Outcome:
    """Decide about a run whose process is gone.

    Args:
        record: The run, open and not held by anybody.
        is_free: Its engine costs nothing, and its requests died with the process.
        has_token: A token is at hand that opens its engine.
    """
    if record.result_name is not None:
        return Takeover.FOLLOW  # only measuring is left
    if is_free:
        if record.attempts < FREE_ATTEMPTS_MAX:
            return Takeover.START_AGAIN
        return Outcome(RunState.FAILED, "The app stopped each time it drew this preview.", "Try a shorter clip.")
    if record.request_id is not None:
        return Takeover.FOLLOW if has_token else Takeover.WAIT_FOR_TOKEN
    if record.state is RunState.PREPARING:
        return Outcome(
            RunState.FAILED, "The app stopped before this run was sent. Nothing is charged.", "Start it again."
        )
    return Outcome(
        RunState.UNKNOWN,
        "The app stopped while it sent this run. It is not known whether RunComfy accepted it.",
        RECOVER,
    )
