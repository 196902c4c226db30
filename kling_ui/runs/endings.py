"""How a run ends, or why it pauses: pure functions from what went wrong to what is written down."""

from dataclasses import dataclass

from kling_ui.api.models import RequestResult, RequestState
from kling_ui.errors import (
    APIError,
    APIStatusError,
    AuthenticationError,
    KlingUIError,
    SubmissionUnknownError,
)
from kling_ui.runs.reasons import explain
from kling_ui.runs.record import EngineName, RunRecord, RunState
from kling_ui.runs.view import RENDERERS

LOOK_AGAIN_S = 300.0
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
        needs_token: Only with a token that its visitor gives.
    """

    look_again_s: float = LOOK_AGAIN_S
    needs_token: bool = False


class EndedError(Exception):
    """The run has come to its end."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.error)
        self.ending = ending


def after_error(error: Exception, record: RunRecord, *, is_free: bool) -> Ending | Pause:
    """Tell what an error means for a run.

    Money decides: a free run simply failed; a paid one that was sent is never called failed before its engine says so.
    """
    if isinstance(error, EndedError):
        return error.ending
    if is_free or record.state is RunState.PREPARING:
        return _failed(error)
    if record.request_id is None:
        return _unclear(error) if _may_be_accepted(error) else _failed(error)
    if isinstance(error, AuthenticationError):
        return Pause(0.0, needs_token=True)
    if isinstance(error, APIError):
        return _lost_sight(error, record)
    return Pause(LOOK_AGAIN_S)


def from_result(result: RequestResult, record: RunRecord) -> Ending | str:
    """Return the address of a finished run's video, or how else the run ended."""
    if result.state is RequestState.CANCELLED:
        return Ending(RunState.CANCELLED, "Cancelled before it started. Nothing was rendered.")
    if result.state is RequestState.FAILED:
        error, advice = explain(record.engine, result.error)
        return Ending(RunState.FAILED, error, advice, result.error)
    return result.video_url or without_video("The engine gave none.", record)


def without_video(reason: str, record: RunRecord) -> Ending:
    """Say that a run is done, but left nothing that can be kept."""
    advice = ""
    if record.engine is not EngineName.PREVIEW:
        advice = f"Look at the request {record.request_id} in your account at {RENDERERS[record.engine]}."
    return Ending(RunState.FAILED, f"The run is done, but there is no video to keep. {reason}", advice)


def _failed(error: Exception) -> Ending:
    if not isinstance(error, KlingUIError):
        return Ending(RunState.FAILED, _FAULT, "Its log tells more.")
    raw = error.detail if isinstance(error, APIStatusError) else ""
    return Ending(RunState.FAILED, error.message, error.advice, raw or None)


def _may_be_accepted(error: Exception) -> bool:
    return isinstance(error, SubmissionUnknownError) or not isinstance(error, KlingUIError)


def _unclear(error: Exception) -> Ending:
    message, advice = (error.message, error.advice) if isinstance(error, KlingUIError) else (_FAULT, "")
    return Ending(RunState.UNKNOWN, message, advice)


def _lost_sight(error: APIError, record: RunRecord) -> Ending:
    raw = error.detail if isinstance(error, APIStatusError) else ""
    return Ending(
        RunState.UNKNOWN,
        f"{error.message} What became of the run is not known; it may be charged.",
        f"Look for the request {record.request_id} in your account at {RENDERERS[record.engine]}.",
        raw or None,
    )
