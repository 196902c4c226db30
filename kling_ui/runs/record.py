"""What is remembered of a run: plain values, no database and no live state."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kling_ui.choice import Choice

CLAIM_MAX_S = 3600.0  # no claim is made for so long, see Desk.lease_s


class EngineName(StrEnum):
    """Who renders the video."""

    PREVIEW = "preview"
    KLING = "kling"


class RunState(StrEnum):
    """Where a run is, in the order in which a run that goes well passes through."""

    PREPARING = "preparing"
    SUBMITTING = "submitting"
    IN_QUEUE = "in_queue"
    IN_PROGRESS = "in_progress"
    COLLECTING = "collecting"
    SCORING = "scoring"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Nothing more happens by itself."""
        return self in _FINAL


_FINAL = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFacts:
    """What was measured of the video that came back.

    Attributes:
        duration_s: Length in seconds.
        fps: Frames a second.
        frame_count: Frames.
        width_px: Displayed width.
        height_px: Displayed height.
        has_audio: It carries sound.
        size_bytes: Size of the file.
    """

    duration_s: float
    fps: float
    frame_count: int
    width_px: int
    height_px: int
    has_audio: bool
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One row of the ledger; never a token, never a signed address.

    Attributes:
        run_id: Ours, unguessable.
        visitor: Whose run it is.
        engine: Who renders it.
        state: The last known state.
        created_at: When it was asked for; times are seconds since 1970.
        changed_at: When the state last changed.
        attempts: How often it was handed to an engine; above 1 only where that is free.
        fingerprint: Hash of visitor, engine, both files and the choice: equal for the same wish.
        holder: The process that looks after it at the moment, until ``held_until``.
        held_until: When its claim lapses unless it is renewed.
        image_name: File name of the character image in the run's folder; empty when it was recovered without inputs.
        image_sha256: Its content.
        reference_name: File name of the reference video in the run's folder; empty likewise.
        reference_sha256: Its content.
        choice: Prompt, orientation, sound.
        own_token: It is followed with a token that the visitor gave, not with the app's.
        own_purse: It was sent with a token that the visitor gave, so they pay for it, whichever token follows it on.
        payer: Under which name the app's money that it costs is counted, fixed when the run was sent; ``None`` counts
            by visitor.
        findings: What the checks said, as JSON.
        request_id: The engine's, once it has answered.
        price: What was known of the price before the run, as JSON, see :class:`kling_ui.runs.money.Quote`.
        estimate_usd: What it was expected to cost, if a price was known.
        cost_usd: What the engine says it cost.
        ready_at: When the result was ready at the engine, which may drop it some time later.
        result_name: File name of the result in the run's folder.
        result_sha256: Its content.
        result_facts: What was measured of it.
        motion: How well it follows the reference, as JSON with at least ``score`` (0-100).
        error: What went wrong, in words.
        advice: What to do next.
        raw_error: The engine's own words.
    """

    run_id: str
    visitor: str
    engine: EngineName
    state: RunState
    created_at: float
    changed_at: float
    attempts: int = 0
    fingerprint: str
    holder: str | None = None
    held_until: float = 0.0
    image_name: str
    image_sha256: str
    reference_name: str
    reference_sha256: str
    choice: Choice
    own_token: bool = False
    own_purse: bool = False
    payer: str | None = None
    findings: Mapping[str, Any] | None = None
    request_id: str | None = None
    price: Mapping[str, Any] | None = None
    estimate_usd: float | None = None
    cost_usd: float | None = None
    ready_at: float | None = None
    result_name: str | None = None
    result_sha256: str | None = None
    result_facts: ResultFacts | None = None
    motion: Mapping[str, Any] | None = None
    error: str | None = None
    advice: str | None = None
    raw_error: str | None = None

    def is_held(self, now: float) -> bool:
        """Tell whether a process looks after it; a claim from a clock that was far ahead is none."""
        return now <= self.held_until <= now + CLAIM_MAX_S

    @property
    def has_inputs(self) -> bool:
        """The image and the reference are kept with the run."""
        return bool(self.image_name and self.reference_name)
