"""How a run ends, pauses, or is taken over, and why an engine made no video: pure functions to codes and values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Self

from kling_ui.api.models import RequestResult, RequestState
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AuthenticationError,
    KlingUIError,
    RateLimitError,
)
from kling_ui.runs.record import KEPT_S, EngineName, RunRecord, RunState

ASK_AGAIN_S = 300.0
REFUSALS_MAX = 4  # a request that was accepted a moment ago may not be known everywhere yet
REFUSAL_WAIT_S = 4.0  # doubles from one to the next
FREE_ATTEMPTS_MAX = 3  # a preview that ends the process each time is not drawn for ever
IMAGE, VIDEO, PROMPT = "image", "video", "prompt"


class OutcomeCode(StrEnum):
    """Why a run ended without a video; the ledger keeps these values."""

    ERROR = "error"  # the message says it; also of every run that was written down before there were codes
    FAULT = "fault"  # of this program
    ENGINE_FAILED = "engine failed"  # its own words tell why, see explain
    REFUSED = "refused"  # by the engine, for a reason that recognised knows
    NEVER_ENDED = "never ended"
    NO_VIDEO = "no video"
    VIDEO_EXPIRED = "video expired"
    NOT_TOLD = "not told"  # the engine refuses to tell about the request
    SUBMIT_UNCLEAR = "submit unclear"
    STOPPED_EACH_TIME = "stopped each time"
    STOPPED_BEFORE_SENDING = "stopped before sending"
    STOPPED_WHILE_SENDING = "stopped while sending"
    CANCELLED_AT_ENGINE = "cancelled at engine"
    CANCELLED_BEFORE_SENDING = "cancelled before sending"
    CANCELLED_WHILE_WAITING = "cancelled while waiting"
    PREVIEW_STOPPED = "preview stopped"


class CancelCode(StrEnum):
    """What asking to cancel achieved, where it did not end the run."""

    BEING_SENT = "being sent"
    VIDEO_MADE = "video made"
    ENDED_ALREADY = "ended already"
    JUST_ENDED = "just ended"
    ENDED_AT_ENGINE = "ended at engine"
    GOES_ON = "goes on"
    NOT_KNOWN = "not known"
    NOT_FOLLOWED = "not followed"


class TroubleCode(StrEnum):
    """What becomes of what is in the way of a run."""

    RETRIED = "retried"
    RETRIED_LATER = "retried later"  # in a few minutes
    NOT_WRITTEN = "not written"  # the ledger cannot be, so that the run goes on without it


class ReasonCode(StrEnum):
    """Why an engine did not make a video."""

    PREVIEW = "preview"  # the embedded engine says it itself, in words for people
    NO_CHARACTER = "no character"  # the embedded engine found nobody in the picture
    NOBODY_MOVES = "nobody moves"  # nor in the clip
    UPPER_BODY = "upper body"
    CHARACTER = "character"
    MOTION_TOO_SHORT = "motion too short"
    RISK_CONTROL = "risk control"
    SIZE = "size"
    BUSY = "busy"
    SEVERAL_PEOPLE = "several people"
    NOT_FETCHED = "not fetched"
    DURATION = "duration"
    TOO_LARGE = "too large"
    FORMAT = "format"
    MODERATION = "moderation"
    NO_BALANCE = "no balance"
    TIMEOUT = "timeout"
    FIELDS = "fields"  # the schema refuses the inputs that are named
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is in the way of a run at the moment.

    Attributes:
        code: What becomes of it.
        message: Of the error; empty for a fault of this program.
    """

    code: TroubleCode
    message: str = ""


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """What asking to cancel achieved.

    Attributes:
        code: How the run ended by it, or why it did not.
        engine: Who renders the run.
        message: Of the error that kept the answer away.
    """

    code: OutcomeCode | CancelCode
    engine: EngineName
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last thing that is written down about a run.

    Attributes:
        state: How it ended.
        code: Why.
        message: Of the error that led to it; empty where the code says it all.
        advice: What that error advises; may be empty.
        raw: The engine's own words.
        retry_after_s: Seconds after which the engine takes runs again, if it said so.
    """

    state: RunState
    code: OutcomeCode
    message: str = ""
    advice: str = ""
    raw: str | None = None
    retry_after_s: float | None = None

    def to_columns(self) -> dict[str, object]:
        """Put it into columns of the ledger, all but the state."""
        kept = {"code": self.code.value, "retry_after_s": self.retry_after_s}
        return {
            "outcome": {name: value for name, value in kept.items() if value is not None},
            "error": self.message or None,
            "advice": self.advice or None,
            "raw_error": self.raw,
        }

    @classmethod
    def of(cls, record: RunRecord) -> Self | None:
        """Read what :meth:`to_columns` wrote, or the sentences of earlier releases; ``None`` without an ending."""
        if not record.state.is_final or record.state is RunState.COMPLETED:
            return None
        kept: Mapping[str, Any] = record.outcome or {}
        code = kept.get("code")
        known = OutcomeCode(code) if code in list(OutcomeCode) else OutcomeCode.ERROR
        texts = record.error or "", record.advice or "", record.raw_error
        return cls(record.state, known, *texts, kept.get("retry_after_s"))


@dataclass(frozen=True, slots=True)
class RetryLater:
    """A paid run that goes on at its engine, but cannot be followed at the moment.

    Attributes:
        ask_again_s: Seconds after which to try again.
        trouble: Why, for the person who watches.
        needs_token: Only with a token that its visitor gives.
    """

    ask_again_s: float = ASK_AGAIN_S
    trouble: Trouble | None = None
    needs_token: bool = False


class EndedError(Exception):
    """The run has come to its end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


def after_error(
    error: Exception, record: RunRecord, *, is_free: bool, refusals: int = 0, age_s: float = 0.0
) -> Outcome | RetryLater:
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
        return _refused(error, refusals)
    if age_s > KEPT_S:
        return Outcome(RunState.UNKNOWN, OutcomeCode.NEVER_ENDED)
    return RetryLater(trouble=Trouble(TroubleCode.RETRIED_LATER, _message(error)))


def from_result(result: RequestResult) -> Outcome | None:
    """Return how a run ended that made no video."""
    if result.state is RequestState.CANCELLED:
        return Outcome(RunState.CANCELLED, OutcomeCode.CANCELLED_AT_ENGINE)
    if result.state is RequestState.FAILED:
        return Outcome(RunState.FAILED, OutcomeCode.ENGINE_FAILED, raw=result.error)
    return None


def without_video(message: str, *, is_expired: bool = False) -> Outcome:
    """Give how a run ends that is done, but left nothing that can be kept.

    Args:
        message: What was wrong with the last try to fetch its video.
        is_expired: It is too late for another try.
    """
    code = OutcomeCode.VIDEO_EXPIRED if is_expired else OutcomeCode.NO_VIDEO
    return Outcome(RunState.FAILED, code, message)


def _refused(error: APIError, refusals: int) -> Outcome | RetryLater:
    if refusals < REFUSALS_MAX:
        return RetryLater(REFUSAL_WAIT_S * 2**refusals, Trouble(TroubleCode.RETRIED, error.message))
    if isinstance(error, AuthenticationError):
        return RetryLater(needs_token=True)
    return Outcome(RunState.UNKNOWN, OutcomeCode.NOT_TOLD, error.message, raw=_raw(error))


def _failed(error: Exception) -> Outcome:
    if not isinstance(error, KlingUIError):
        return Outcome(RunState.FAILED, OutcomeCode.FAULT)
    raw = _raw(error)
    if type(error) is APIStatusError and raw and recognised(raw) is not None:
        return Outcome(RunState.FAILED, OutcomeCode.REFUSED, raw=raw)
    retry_after_s = error.retry_after_s if isinstance(error, RateLimitError) else None
    return Outcome(RunState.FAILED, OutcomeCode.ERROR, error.message, error.advice, raw, retry_after_s)


def _may_be_accepted(error: Exception) -> bool:
    """Tell whether the engine may have the run: only these two say that it was not sent, or was refused."""
    return not isinstance(error, APIConnectionError | APIStatusError)


def _unclear(error: Exception) -> Outcome:
    return Outcome(RunState.UNKNOWN, OutcomeCode.SUBMIT_UNCLEAR, _message(error))


def _message(error: Exception) -> str:
    return error.message if isinstance(error, KlingUIError) else ""


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
        return Outcome(RunState.FAILED, OutcomeCode.STOPPED_EACH_TIME)
    if record.request_id is not None:
        return Takeover.FOLLOW if has_token else Takeover.WAIT_FOR_TOKEN
    if record.state is RunState.PREPARING:
        return Outcome(RunState.FAILED, OutcomeCode.STOPPED_BEFORE_SENDING)
    return Outcome(RunState.UNKNOWN, OutcomeCode.STOPPED_WHILE_SENDING)


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Why an engine did not make a video.

    Attributes:
        code: What happened.
        inputs: What to change: any of ``image``, ``video`` and ``prompt``; empty when it is none of them, or not known.
        repairs: Repairs that help, the likeliest first, as far as the inputs call for them.
    """

    code: ReasonCode
    inputs: tuple[str, ...] = ()
    repairs: tuple[RepairKind, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules of the checks that are about the same thing, the likeliest first."""
        return tuple(rule for rule in _RULES.get(self.code, ()) if rule.partition(".")[0] in self.inputs)


@dataclass(frozen=True, slots=True)
class _Known:
    """A row of the table below.

    Attributes:
        marks: Words that stay the same from one message to the next, in lower case; one of them is enough.
        reason: What they mean.
        narrows: Which input it is may be told by the words themselves.
    """

    marks: tuple[str, ...]
    reason: FailureReason
    narrows: bool = False


# The messages that the vendor's users met (docs/vendor_api.md, section 9).
_MET = (
    _Known(
        ("upper body detected", "image recognition failed"),
        FailureReason(ReasonCode.UPPER_BODY, (IMAGE, VIDEO), (RepairKind.IMAGE_CROP_AROUND, RepairKind.VIDEO_TRIM)),
    ),
    _Known(
        ("character in the reference image or the first frame",),
        FailureReason(ReasonCode.CHARACTER, (VIDEO, IMAGE), (RepairKind.VIDEO_TRIM, RepairKind.IMAGE_CROP_AROUND)),
    ),
    _Known(
        ("continuous valid motion is too short",),
        FailureReason(ReasonCode.MOTION_TOO_SHORT, (VIDEO,), (RepairKind.VIDEO_TRIM,)),
    ),
    _Known(("risk control",), FailureReason(ReasonCode.RISK_CONTROL, (IMAGE, VIDEO, PROMPT))),
    _Known(
        ("resolution or aspect ratio",),
        FailureReason(
            ReasonCode.SIZE,
            (IMAGE,),
            (RepairKind.IMAGE_RESIZE, RepairKind.IMAGE_PAD_TO_ASPECT, RepairKind.IMAGE_CROP_TO_ASPECT),
        ),
    ),
    _Known(("parallel task", "resource pack limit"), FailureReason(ReasonCode.BUSY)),
)

# Nobody has reported these; they say what the words plainly say.
_PLAIN = (
    _Known(
        ("more than one person", "multiple people", "multiple persons", "multiple characters"),
        FailureReason(ReasonCode.SEVERAL_PEOPLE, (IMAGE, VIDEO), (RepairKind.IMAGE_CROP_AROUND, RepairKind.VIDEO_TRIM)),
        narrows=True,
    ),
    _Known(
        ("failed to download", "unable to download", "failed to fetch", "unable to fetch", "not accessible"),
        FailureReason(ReasonCode.NOT_FETCHED, (IMAGE, VIDEO)),
        narrows=True,
    ),
    _Known(
        ("duration", "too long"),
        FailureReason(ReasonCode.DURATION, (VIDEO,), (RepairKind.VIDEO_TRIM, RepairKind.CHOICE_ORIENTATION)),
    ),
    _Known(
        ("too large", "file size", "size limit"),
        FailureReason(ReasonCode.TOO_LARGE, (IMAGE, VIDEO), (RepairKind.IMAGE_COMPRESS, RepairKind.VIDEO_COMPRESS)),
        narrows=True,
    ),
    _Known(
        ("unsupported", "invalid format", "file format", "codec"),
        FailureReason(ReasonCode.FORMAT, (IMAGE, VIDEO), (RepairKind.IMAGE_CONVERT, RepairKind.VIDEO_CONVERT)),
        narrows=True,
    ),
    _Known(
        ("nsfw", "moderation", "sensitive content", "content policy"),
        FailureReason(ReasonCode.MODERATION, (IMAGE, VIDEO, PROMPT)),
        narrows=True,
    ),
    _Known(("insufficient balance", "insufficient credit", "no balance"), FailureReason(ReasonCode.NO_BALANCE)),
    _Known(("timed out", "timeout"), FailureReason(ReasonCode.TIMEOUT)),
)
# The embedded engine's own words, for what the checks can see as well.
_OWN = (
    _Known(("no person was found in the picture",), FailureReason(ReasonCode.NO_CHARACTER, (IMAGE,))),
    _Known(("no person was found in the clip",), FailureReason(ReasonCode.NOBODY_MOVES, (VIDEO,))),
)
_RULES = {
    ReasonCode.NO_CHARACTER: ("image.character",),
    ReasonCode.NOBODY_MOVES: ("video.person",),
    ReasonCode.UPPER_BODY: ("image.character", "image.body", "video.person"),
    ReasonCode.CHARACTER: ("video.first_frame", "video.person", "image.character"),
    ReasonCode.MOTION_TOO_SHORT: ("video.usable", "video.person"),
    ReasonCode.SEVERAL_PEOPLE: ("image.people", "video.people"),
    ReasonCode.SIZE: ("image.side", "image.aspect"),
    ReasonCode.DURATION: ("video.duration",),
}
_OTHER = FailureReason(ReasonCode.OTHER)
_FIELDS = {"image_url": IMAGE, "video_url": VIDEO, "prompt": PROMPT}


def explain(engine: EngineName, raw: str | None) -> FailureReason:
    """Tell what an engine's failure means.

    Args:
        engine: Who failed.
        raw: Its own words, if it gave any.
    """
    if engine is EngineName.PREVIEW:  # its words are ours, for people
        return _first_known(_OWN, (raw or "").lower()) or FailureReason(ReasonCode.PREVIEW)
    return recognised(raw or "") or _OTHER


def recognised(raw: str) -> FailureReason | None:
    """Recognise what the vendor's words mean; ``None`` where nobody knows."""
    words = raw.lower()
    return _first_known((*_MET, *_PLAIN), words) or _by_field(words)


def _first_known(table: Iterable[_Known], words: str) -> FailureReason | None:
    for known in table:
        if any(mark in words for mark in known.marks):
            return _narrowed(known.reason, words) if known.narrows else known.reason
    return None


def _narrowed(reason: FailureReason, words: str) -> FailureReason:
    """Keep what is about the inputs that the words name; all of it when they name none."""
    named = tuple(name for name in reason.inputs if name in words) or reason.inputs
    repairs = tuple(repair for repair in reason.repairs if repair.target in named)
    return FailureReason(reason.code, named, repairs)


def _by_field(words: str) -> FailureReason | None:
    """Read the names of fields out of a refused schema."""
    named = tuple(name for field, name in _FIELDS.items() if f'"{field}"' in words or f"'{field}'" in words)
    return FailureReason(ReasonCode.FIELDS, named) if named else None
