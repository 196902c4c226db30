"""How a run ends, or why it pauses: pure functions from what went wrong to what is written down."""

from dataclasses import dataclass

from kling_ui.api.models import RequestResult, RequestState
from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AuthenticationError,
    KlingUIError,
    RateLimitError,
)
from kling_ui.runs.expiry import KEPT_S
from kling_ui.runs.reasons import explain, recognised
from kling_ui.runs.record import EngineName, RunRecord, RunState
from kling_ui.runs.view import RENDERERS

LOOK_AGAIN_S = 300.0
REFUSALS_MAX = 4  # a request that was accepted a moment ago may not be known everywhere yet
REFUSAL_WAIT_S = 4.0  # doubles from one to the next
RECOVER = (
    "It was not sent again, so that nothing is paid twice. Look at the account's requests at RunComfy: if it is there, "
    "recover it here with its token and request id (or with kling-ui recover); if it is not, run it again."
)
_FAULT = "Something went wrong inside this program."


@dataclass(frozen=True, slots=True)
class Ending:
    """The last thing that is written down about a run."""

    state: RunState
    error: str
    advice: str = ""
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A paid run that goes on at its engine, but cannot be followed at the moment.

    Attributes:
        look_again_s: Seconds after which to try again.
        words: Why, for the person who watches.
        needs_token: Only with a token that its visitor gives.
    """

    look_again_s: float = LOOK_AGAIN_S
    words: str = ""
    needs_token: bool = False


class EndedError(Exception):
    """The run has come to its end."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.error)
        self.ending = ending


def after_error(
    error: Exception, record: RunRecord, *, is_free: bool, refusals: int = 0, age_s: float = 0.0
) -> Ending | Pause:
    """Tell what an error means for a run.

    Money decides: a free run simply failed; a paid one that was sent is never called failed before its engine says so.

    Args:
        error: What went wrong.
        record: The run.
        is_free: Its engine costs nothing.
        refusals: How often in a row the engine has refused to tell about it before.
        age_s: Seconds since it was asked for.
    """
    if isinstance(error, EndedError):
        return error.ending
    if is_free or record.state is RunState.PREPARING:
        return _failed(error)
    if record.request_id is None:
        return _unclear(error) if _may_be_accepted(error) else _failed(error)
    if isinstance(error, APIError):
        return _refused(error, record, refusals)
    if age_s > KEPT_S:
        words = "RunComfy has not ended this run for so long that its result would be gone by now."
        return Ending(RunState.UNKNOWN, f"{words} It may be charged.", _look_up(record))
    message = error.message if isinstance(error, KlingUIError) else _FAULT
    return Pause(words=f"{message} It is tried again in a few minutes.")


def from_result(result: RequestResult, record: RunRecord) -> Ending | None:
    """Return how a run ended that made no video."""
    if result.state is RequestState.CANCELLED:
        return Ending(RunState.CANCELLED, "Cancelled before it started. Nothing was rendered.")
    if result.state is RequestState.FAILED:
        reason = explain(record.engine, result.error)
        return Ending(RunState.FAILED, reason.error, reason.advice, result.error)
    return None


def without_video(reason: str, record: RunRecord) -> Ending:
    """Say that a run is done, but left nothing that can be kept."""
    advice = "" if record.engine is EngineName.PREVIEW else f"{_look_up(record)} Recovering it tries again."
    return Ending(RunState.FAILED, f"The run is done, but there is no video to keep. {reason}", advice)


def _refused(error: APIError, record: RunRecord, refusals: int) -> Ending | Pause:
    if refusals < REFUSALS_MAX:
        return Pause(REFUSAL_WAIT_S * 2**refusals, f"{error.message} It is tried again.")
    if isinstance(error, AuthenticationError):
        return Pause(needs_token=True)
    return Ending(
        RunState.UNKNOWN,
        f"{error.message} What became of the run is not known; it may be charged.",
        _look_up(record),
        _raw(error),
    )


def _failed(error: Exception) -> Ending:
    if not isinstance(error, KlingUIError):
        return Ending(RunState.FAILED, _FAULT, "Its log tells more.")
    raw, advice = _raw(error), error.advice
    if isinstance(error, RateLimitError) and error.retry_after_s:
        advice = f"Try again in {error.retry_after_s:.0f} s."
    if type(error) is APIStatusError and raw and (reason := recognised(raw)) is not None:
        return Ending(RunState.FAILED, reason.error, reason.advice, raw)
    return Ending(RunState.FAILED, error.message, advice, raw)


def _may_be_accepted(error: Exception) -> bool:
    """Tell whether the engine may have the run: only these two say that it was not sent, or was refused."""
    return not isinstance(error, APIConnectionError | APIStatusError)


def _unclear(error: Exception) -> Ending:
    message = error.message if isinstance(error, KlingUIError) else _FAULT
    return Ending(RunState.UNKNOWN, message, RECOVER)


def _look_up(record: RunRecord) -> str:
    return f"Look for the request {record.request_id} in your account at {RENDERERS[record.engine]}."


def _raw(error: Exception) -> str | None:
    return (error.detail if isinstance(error, APIStatusError) else "") or None
