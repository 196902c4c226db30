"""What goes to the model API and what comes back: the client's only place with the vendor's field names.

Readers are strict about what a run cannot do without (a request id, a status word) and lenient about the rest:
an optional field of the wrong type is taken as absent, because a paid run must not be lost to it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from kling_ui.api.responses import number_of, redacted, text_of, time_of, video_url_of
from kling_ui.errors import APIError, UnexpectedResponseError
from kling_ui.languages import Told
from kling_ui.options import Orientation, Resolution, RigNote, odd_characters

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
ERROR_TEXT_MAX_CHARS = 2000
_FRAME = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]{1,120000}={0,2}")  # nothing but a picture of at most 90 kB


class RequestState(StrEnum):
    """Where a request stands, whatever word the engine used for it."""

    IN_QUEUE = "in_queue"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @classmethod
    def of_word(cls, word: str) -> Self:
        """Read a status word; an unknown one means that the request still runs."""
        return cls(_STATE_OF_WORD.get(word.strip().lower(), "in_progress"))

    @property
    def is_final(self) -> bool:
        """Whether the engine is done with the request."""
        return self not in {RequestState.IN_QUEUE, RequestState.IN_PROGRESS}


_STATE_OF_WORD = {
    "in_queue": "in_queue",
    "pending": "in_queue",
    "waiting": "in_queue",
    "in_progress": "in_progress",
    "starting": "in_progress",
    "processing": "in_progress",
    "completed": "completed",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class MotionRequest:
    """What is asked of the model.

    Attributes:
        prompt: Scene and look in words; the motion comes from the video.
        image_url: The character, as an address the engine can fetch or a data URI.
        video_url: The reference, likewise.
        keep_original_sound: Keep the reference's sound.
        character_orientation: Whose facing the result follows.
        resolution: For the embedded engine only; the remote one knows no such field, and is sent none.
        corrections: What a person says of the character, as ``docs/corrections.md`` describes; likewise.

    Raises:
        APIError: The prompt holds characters that are no text.
    """

    prompt: str
    image_url: str = field(repr=False)  # may be signed, or megabytes long
    video_url: str = field(repr=False)
    keep_original_sound: bool = True
    character_orientation: Orientation = Orientation.VIDEO
    resolution: Resolution | None = None
    corrections: Mapping[str, object] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what should have been refused before: half a character may be billed and end as a question mark."""
        if odd := odd_characters(self.prompt):
            named = ", ".join(odd[:5])
            raise APIError(
                Told("The prompt holds characters that cannot be sent ({named}).", named=named), advice="Write it anew."
            )

    def to_json(self) -> dict[str, object]:
        """Return the body of a submit."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted request."""

    request_id: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read the answer to a submit.

        Raises:
            UnexpectedResponseError: There is no usable request id in it.
        """
        request_id = data.get("request_id")
        if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
            raise UnexpectedResponseError("The model API gave no usable request id.")
        return cls(request_id)


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """Where a request stood when it was asked for.

    Attributes:
        request_id: The request.
        state: Where it stands; ``COMPLETED`` only means that it stopped running, the result tells how.
        word: The engine's own word.
        queue_position: Requests before this one, from 0; ``None`` when not queued or not told.
        progress: Share done, 0-1, if the engine tells (the embedded one does).
        frame: What was drawn last, a JPEG as a ``data:`` address, if the engine shows it (the embedded one does).
    """

    request_id: str
    state: RequestState
    word: str
    queue_position: int | None = None
    progress: float | None = None
    frame: str | None = None

    @classmethod
    def from_json(cls, request_id: str, data: Mapping[str, object]) -> Self:
        """Read a status.

        Raises:
            UnexpectedResponseError: It has no status word, or is about another request.
        """
        word = _word(request_id, data)
        state = RequestState.of_word(word)
        position = number_of(data.get("queue_position"))
        progress = number_of(data.get("progress"))
        return cls(
            request_id,
            state,
            word,
            queue_position=int(position) if position is not None and state is RequestState.IN_QUEUE else None,
            progress=min(progress, 1.0) if progress is not None else None,
            frame=_frame(data.get("frame")),
        )


def _frame(value: object) -> str | None:
    return value if isinstance(value, str) and _FRAME.fullmatch(value) else None


@dataclass(frozen=True, slots=True)
class RequestResult:
    """What came of a request.

    Attributes:
        request_id: The request.
        state: ``COMPLETED`` with a :attr:`video_url`, or without one: "completed without usable output".
        video_url: Where the result lies; may expire. Hidden from ``repr``: it may be signed.
        error: The engine's own words for a failure, addresses shortened.
        error_type: The engine's own class of failure.
        cost_usd: What it cost, when asked for and told.
        created_at: When it was accepted, UTC.
        finished_at: When it ended, UTC.
        notes: What the embedded engine moved as one piece, values of :class:`kling_ui.options.RigNote`.
    """

    request_id: str
    state: RequestState
    video_url: str | None = field(default=None, repr=False)
    error: str | None = None
    error_type: str | None = None
    cost_usd: float | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    notes: tuple[RigNote, ...] = ()

    @classmethod
    def from_json(cls, request_id: str, data: Mapping[str, object]) -> Self:
        """Read a result, finished or not.

        Raises:
            UnexpectedResponseError: It has no status word, or is about another request.
        """
        state = RequestState.of_word(_word(request_id, data))
        video_url = video_url_of(data.get("output")) if state is RequestState.COMPLETED else None
        error = data.get("error")
        if state is RequestState.COMPLETED and video_url is None and error:
            state = RequestState.FAILED
        return cls(
            request_id,
            state,
            video_url,
            error=_error_text(error),
            error_type=text_of(error.get("type")) if isinstance(error, Mapping) else None,
            cost_usd=number_of(data.get("cost")),
            created_at=time_of(data.get("created_at")),
            finished_at=time_of(data.get("finished_at")),
            notes=_notes(data.get("notes")),
        )


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What a request to cancel achieved.

    Attributes:
        outcome: ``cancelled`` (it never ran and never will) or ``not_cancellable``.
        state: The state after the call. ``IN_PROGRESS`` means: it goes on and may be charged.
    """

    outcome: str
    state: RequestState

    @classmethod
    def from_json(cls, request_id: str, data: Mapping[str, object]) -> Self:
        """Read the answer to a cancel.

        Raises:
            UnexpectedResponseError: It tells neither an outcome nor a state.
        """
        state = RequestState.of_word(_word(request_id, data))
        outcome = text_of(data.get("outcome"))
        if outcome not in {"cancelled", "not_cancellable"}:
            raise UnexpectedResponseError("The model API did not say whether it cancelled.")
        return cls(outcome, state)

    @property
    def cancelled(self) -> bool:
        """Whether this call cancelled the request."""
        return self.outcome == "cancelled"


@dataclass(frozen=True, slots=True)
class Price:
    """The model's base rate; there is no quote for an input.

    Attributes:
        amount_usd: US dollars for each :attr:`unit`, at least 0.
        unit: What is counted: ``second`` for video models.
        note: The vendor's remark, may be empty.
    """

    amount_usd: float
    unit: str
    note: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read a model's card.

        Raises:
            UnexpectedResponseError: It tells no price, or not what it is for.
        """
        amount = number_of(data.get("base_price_usd"))
        unit = text_of(data.get("price_unit"))
        if amount is None or unit is None:
            raise UnexpectedResponseError("The model API tells no price.")
        return cls(amount, unit, text_of(data.get("pricing_note")) or "")


def _word(request_id: str, data: Mapping[str, object]) -> str:
    word = text_of(data.get("status"))
    if word is None:
        raise UnexpectedResponseError("The model API did not say where the request stands.")
    if data.get("request_id", request_id) != request_id:
        raise UnexpectedResponseError("The model API answered about another request.")
    return word


def _notes(value: object) -> tuple[RigNote, ...]:
    return tuple(note for note in RigNote if note in value) if isinstance(value, list) else ()


def _error_text(error: object) -> str | None:
    if error is None:
        return None
    text = text_of(error.get("message")) if isinstance(error, Mapping) else text_of(error)
    return redacted(text or json.dumps(error))[:ERROR_TEXT_MAX_CHARS]
