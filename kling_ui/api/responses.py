"""What an HTTP answer of the model API means: a JSON object, or one of our errors; values are read out with care.

The one place that translates foreign errors.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from kling_ui.errors import (
    NO_BALANCE,
    APIStatusError,
    AuthenticationError,
    InsufficientBalanceError,
    RateLimitError,
    UnexpectedResponseError,
)
from kling_ui.languages import Told, told
from kling_ui.options import without_odd

_QUERY = re.compile(r"(?i)\b(https?://)(?:[^\s/?#\"'<>@]*@)?([^\s?#\"'<>]*)[?#][^\s\"'<>]*")
_DATA_URI = re.compile(r"(?i)\bdata:[a-z0-9.+-]+/[a-z0-9.+-]+[;,][^\s\"'<>]*")
_BEARER = re.compile(r"(?i)\b(bearer)\s+[!-~]+")
DETAIL_MAX_CHARS = 2000


def redacted(text: str) -> str:
    """Shorten addresses to what cannot open anything, and drop bearer tokens and inline media."""
    text = _QUERY.sub(r"\1\2?...", text)
    text = _DATA_URI.sub("data:...", text)
    return _BEARER.sub(r"\1 ***", text)


def text_of(value: object) -> str | None:
    """Return text without outer space and without what is no text, ``None`` when there is none."""
    return without_odd(value).strip() or None if isinstance(value, str) else None


def number_of(value: object) -> float | None:
    """Return a finite number of at least 0, else ``None``; booleans are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= sys.float_info.max else None


def time_of(value: object) -> datetime | None:
    """Return an RFC 3339 time as UTC, else ``None``."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def video_url_of(output: object) -> str | None:
    """Return the address of a result: ``video``, else the single entry of ``videos``, else ``None``."""
    if not isinstance(output, Mapping):
        return None
    if (url := text_of(output.get("video"))) is not None:
        return url
    videos = output.get("videos")
    return text_of(videos[0]) if isinstance(videos, list) and len(videos) == 1 else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came.

    Attributes:
        status_code: HTTP status.
        body: Raw body. Hidden from ``repr``: it may name signed addresses.
        retry_after: The ``Retry-After`` header, if any.
    """

    status_code: int
    body: bytes
    retry_after: str | None = None

    def __repr__(self) -> str:
        return f"Answer({self.status_code}, {len(self.body)} bytes)"

    def payload(self, request_id: str | None = None) -> dict[str, object]:
        """Return the JSON object of a success.

        Args:
            request_id: The request it is about, to be kept in the error.

        Raises:
            APIStatusError: The API reports an error, by status or by an ``error_code`` in a success.
            UnexpectedResponseError: It is a success that cannot be read.
        """
        data = _json_object(self.body)
        if not 200 <= self.status_code < 300 or (data or {}).get("error_code") is not None:
            raise _status_error(self, data or {}, request_id)
        if data is None:
            raise UnexpectedResponseError("The model API answered with something that is not a JSON object.")
        return data


@dataclass(frozen=True, slots=True)
class _Meaning:
    message: str
    advice: str = ""
    error: type[APIStatusError] = APIStatusError


_TOKEN = _Meaning(
    "The model API did not accept the token.", "Check the token or enter another one.", AuthenticationError
)
_BALANCE = _Meaning(*NO_BALANCE, InsufficientBalanceError)
_FOREIGN = _Meaning("This token may not see that request.", "Use the token that made the request.", AuthenticationError)
_FORBIDDEN = _Meaning("This token may not do that.", "Check the token's account.", AuthenticationError)
_MODEL = _Meaning("The model API does not know this model.", "Check KLING_UI_MODEL_ID.")
_REQUEST = _Meaning("The model API does not know this request.", "It may have expired, or belong to another account.")
_INPUTS = _Meaning("The model API did not accept these inputs.", "See its own words for which one.")
_LARGE = _Meaning("The inputs are too large to be sent along.", "Use smaller files or a public address for them.")
_BUSY = _Meaning("The model API is busy.", "Try again in a moment.", RateLimitError)
_AWAY = _Meaning("The model API is not available right now.", "Try again in a moment.")
_FAULT = _Meaning("The model API has a problem of its own.", "Try again later.")
_MOVED = _Meaning("The model API redirects elsewhere, which its contract does not allow.", "Check KLING_UI_API_BASE.")
_OTHER = _Meaning("The model API reported an error.", "Its own words may tell why.")

_OF_CODE = {
    400001: _MODEL,
    400002: _BALANCE,
    400004: _TOKEN,
    403001: _FOREIGN,
    404001: _REQUEST,
    422001: _INPUTS,
    500001: _FAULT,
}
_OF_STATUS = {
    401: _TOKEN,
    402: _BALANCE,
    403: _FOREIGN,
    404: _REQUEST,
    413: _LARGE,
    422: _INPUTS,
    429: _BUSY,
    503: _AWAY,
}

# Said of a call that is not about a request.
_OF_MODEL = {_FOREIGN: _FORBIDDEN, _REQUEST: _MODEL}


def _status_error(answer: Answer, data: Mapping[str, object], request_id: str | None) -> APIStatusError:
    code = _code(data.get("error_code"))
    meaning = _meaning(answer.status_code, code, about_request=request_id is not None)
    return meaning.error(
        Told("{message} ({code})", message=told(meaning.message), code=answer.status_code if code is None else code),
        status_code=answer.status_code,
        error_code=code,
        request_id=request_id,
        detail=_detail(data),
        retry_after_s=retry_after_s(answer.retry_after, now=datetime.now(UTC)),
        advice=meaning.advice,
    )


def _meaning(status_code: int, code: int | None, *, about_request: bool) -> _Meaning:
    meaning = _OF_STATUS.get(status_code) if code not in _OF_CODE else _OF_CODE[code]
    if meaning is not None:
        return meaning if about_request else _OF_MODEL.get(meaning, meaning)
    if status_code >= 500:
        return _FAULT
    return _MOVED if 300 <= status_code < 400 else _OTHER


def _code(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return value if isinstance(value, int) else None


def _detail(data: Mapping[str, object]) -> str:
    """The API's own words, without what could open anything."""
    message, detail = data.get("error_message"), data.get("detail")
    parts = [message if isinstance(message, str) else "", json.dumps(detail) if detail is not None else ""]
    return redacted(" ".join(part for part in parts if part))[:DETAIL_MAX_CHARS]


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def retry_after_s(header: str | None, *, now: datetime) -> float | None:
    """Read ``Retry-After``: seconds or an HTTP date; ``None`` when it is neither.

    Args:
        header: The header's value, if any.
        now: The time to count a date from, with a zone.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())
