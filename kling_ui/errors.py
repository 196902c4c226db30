"""Every error a caller can meet.

::

    KlingUIError                     message for the person + what to do next
    ├─ SettingsError                 an environment variable has a wrong value
    ├─ MediaError                    a file cannot be read or written; keeps .path
    ├─ WorkError                     work in a worker process failed
    │  ├─ WorkTimeoutError           it took too long and was ended (also a TimeoutError)
    │  └─ WorkCancelledError         somebody asked to end it
    ├─ APIError
    │  ├─ APIConnectionError         no answer; safe to retry reads
    │  ├─ APIStatusError             4xx/5xx, or 2xx with an error_code
    │  │  ├─ AuthenticationError
    │  │  ├─ InsufficientBalanceError
    │  │  └─ RateLimitError          429
    │  ├─ UnexpectedResponseError    a 2xx we cannot parse
    │  └─ SubmissionUnknownError     the submit may have been accepted; never retried
    ├─ LedgerError                   the ledger of runs cannot be read or written
    └─ RunError                      keeps .request_id
       └─ RunTimeoutError            (also a TimeoutError)

Inability is an exception; a broken rule is a :class:`kling_ui.checks.report.Finding`.
No message ever holds a token or a signed URL.
"""

import traceback
from pathlib import Path
from typing import Any

from kling_ui.languages import Told, say_all, told

REPORT_ADVICE = "Please report it as an issue where you got kling-ui from."


class KlingUIError(Exception):
    """Something went wrong that a person can act on.

    Args:
        message: One sentence that says what happened.
        advice: One sentence that says what to do next; may be empty.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return say_all(told(self.message), told(self.advice))

    def __reduce__(self) -> tuple[Any, ...]:
        # errors cross from worker processes; Exception would call __init__ without the keywords
        return _rebuild, (type(self), self.args, vars(self))


def _rebuild(kind: type[KlingUIError], args: tuple[object, ...], fields: dict[str, object]) -> KlingUIError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


class SettingsError(KlingUIError):
    """An environment variable has a value that the product cannot use."""


class MediaError(KlingUIError):
    """A media file cannot be read or written.

    Args:
        message: What is wrong; it should not repeat the file's name.
        path: The file.
        advice: The way out.
    """

    def __init__(self, message: str, *, path: Path, advice: str = "") -> None:
        super().__init__(Told("{name}: {reason}", name=path.name, reason=told(message)), advice=advice)
        self.path = path
        self.reason = message


class WorkError(KlingUIError):
    """Work in a worker process failed for a reason that is not the input's."""


class WorkTimeoutError(WorkError, TimeoutError):
    """The work took longer than it may and was ended."""


class WorkCancelledError(WorkError):
    """The work was ended because somebody asked for it."""


class APIError(KlingUIError):
    """A call to the model API failed."""


class APIConnectionError(APIError):
    """No answer came; reads may be tried again."""


class APIStatusError(APIError):
    """The API answered with an error.

    Args:
        message: What happened, in words.
        status_code: HTTP status, 100-599.
        error_code: The API's own code such as 404001, if it gave one.
        request_id: The request it was about, if known.
        detail: The API's own text, shown only on demand.
        retry_after_s: Seconds to wait before trying again, if the API said so.
        advice: The way out.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        error_code: int | None = None,
        request_id: str | None = None,
        detail: str = "",
        retry_after_s: float | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.retry_after_s = retry_after_s
        self.status_code = status_code
        self.error_code = error_code
        self.request_id = request_id
        self.detail = detail


class AuthenticationError(APIStatusError):
    """The token is missing, wrong or not allowed to do this."""


NO_BALANCE = "The account has no balance left.", "Top up the RunComfy account, then try again."


class InsufficientBalanceError(APIStatusError):
    """The account has no balance left."""


class RateLimitError(APIStatusError):
    """The API is busy."""


class UnexpectedResponseError(APIError):
    """The API answered with success, but not in a form that the contract knows."""


class SubmissionUnknownError(APIError):
    """The submit may or may not have been accepted; it must not be sent again by itself."""


class LedgerError(KlingUIError):
    """The ledger of runs cannot be read or written."""


class RunError(KlingUIError):
    """A run ended without a usable result."""

    def __init__(self, message: str, *, request_id: str | None = None, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.request_id = request_id


class RunTimeoutError(RunError, TimeoutError):
    """The run did not end within its deadline; it may still end later."""


def place_of(error: BaseException) -> str:
    """Tell the type of an error and the lines that led to it, without its message: that may hold what is secret."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = (f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {' < '.join(lines) or 'an unknown place'}"


def _short(file_name: str) -> str:
    """Give the last parts of a path: enough to find the file, nothing of whose machine it is."""
    return "/".join(Path(file_name).parts[-3:])
