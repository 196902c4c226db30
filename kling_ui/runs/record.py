"""What is asked for and what is remembered of a run: plain values, no database and no live state."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from kling_ui.corrections import Corrections
from kling_ui.errors import RunError
from kling_ui.options import Resolution, RigNote, TransferOptions
from kling_ui.quotas import LOCAL_KEYS, QuotaKeys

CORRECTIONS_NAME = "corrections.json"  # in a run's folder
CLAIM_MAX_S = 3600.0  # no claim is made for so long, see RunContext.lease_s
# No retention is documented for this API; a sibling product of the vendor keeps results so long
# (docs/vendor_api.md, section 1).
KEPT_S = 7 * 86_400.0


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
        fingerprint: Hash of visitor, engine, both files and the choice: equal for the same request.
        holder: The process that looks after it at the moment, until ``held_until``.
        held_until: When its claim lapses unless it is renewed.
        image_name: File name of the character image in the run's folder; empty when it was recovered without inputs.
        image_sha256: Its content.
        reference_name: File name of the reference video in the run's folder; empty likewise.
        reference_sha256: Its content.
        choice: Prompt, orientation, sound.
        own_token: It is followed with a token that the visitor gave, not with the app's.
        visitor_pays: It was sent with a token that the visitor gave, so they pay for it, whichever token follows it on.
        payer: Under which name the app's money that it costs is counted, fixed when the run was sent; ``None`` counts
            by visitor.
        findings: What the checks said, as JSON.
        request_id: The engine's, once it has answered.
        price: What was known of the price before the run, as JSON, see :class:`kling_ui.runs.pricing.Quote`.
        estimate_usd: What it was expected to cost, if a price was known.
        cost_usd: What the engine says it cost.
        ready_at: When the result was ready at the engine, which may drop it some time later.
        result_name: File name of the result in the run's folder.
        result_sha256: Its content.
        result_facts: What was measured of it.
        motion: How well it follows the reference, as JSON with at least ``score`` (0-100).
        outcome: Why it ended, as JSON, see :class:`kling_ui.runs.outcomes.Outcome`; earlier releases wrote none.
        error: What the error that ended it says; earlier releases wrote whole sentences.
        advice: What that error advises, likewise.
        raw_error: The engine's own words.
        name: What its visitor calls it.
        repaired: What was done to the inputs before, see :attr:`RunInputs.repaired`.
        deleted_at: When its visitor deleted it, seconds since 1970: its files go, what it cost stays.
        corrected: What of the character a person had corrected by hand, see
            :class:`kling_ui.corrections.CorrectionSummary`; the corrections themselves lie in the run's folder.
        notes: What of the character a preview moved as one piece.
        starred: Its visitor marked it.
        forecast_s: How many seconds the checks said would come back, if they looked.
        undo_until: Until when a deleted run can be put back, seconds since 1970; ``None`` once it is forgotten.
        schema_sha256: Hash of what its model took when it was sent, see :class:`ModelSchema`, if the vendor said it.
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
    choice: TransferOptions
    own_token: bool = False
    visitor_pays: bool = False
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
    outcome: Mapping[str, Any] | None = None
    error: str | None = None
    advice: str | None = None
    raw_error: str | None = None
    name: str | None = None
    repaired: Mapping[str, Any] | None = None
    deleted_at: float | None = None
    corrected: Mapping[str, Any] | None = None
    notes: tuple[RigNote, ...] | None = None
    starred: bool = False
    forecast_s: float | None = None
    undo_until: float | None = None
    schema_sha256: str | None = None

    def is_held(self, now: float) -> bool:
        """Tell whether a process looks after it; a claim from a clock that was far ahead is none."""
        return now <= self.held_until <= now + CLAIM_MAX_S

    @property
    def has_inputs(self) -> bool:
        """The image and the reference are kept with the run."""
        return bool(self.image_name and self.reference_name)


def expires_at(record: RunRecord, *, needs_token: bool = False) -> float | None:
    """Return when the vendor may drop a result that is not safe here, in seconds since 1970.

    Args:
        record: The run.
        needs_token: Nobody can fetch it until its visitor gives a token.

    Returns:
        The time, counted from the run's start where nobody knows when its result was ready; ``None`` while there is
        nothing to lose.
    """
    if record.engine is EngineName.PREVIEW or record.result_name is not None:
        return None
    if record.ready_at is not None:
        return record.ready_at + KEPT_S
    return record.created_at + KEPT_S if needs_token or record.state is RunState.UNKNOWN else None


def tried_until(record: RunRecord) -> float | None:
    """Return until when a paid video is fetched anew after every failure, in seconds since 1970 on our own clock.

    The vendor's timestamps have no say: one that is wrong would give up a video that was paid for.

    Returns:
        The time, counted from when it was seen here that the video is ready; ``None`` while that has not been seen.
    """
    is_kling = record.engine is not EngineName.PREVIEW
    return record.changed_at + KEPT_S if is_kling and record.state is RunState.COLLECTING else None


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """What a model takes.

    Attributes:
        model_id: The model.
        sha256: Hash of the schema.
        fields: The JSON Schema of its input.
    """

    model_id: str
    sha256: str
    fields: Mapping[str, Any] = field(repr=False)


class Expiry(NamedTuple):
    """Until when a result can be had that is not safe here.

    Attributes:
        at: When the vendor may drop it, seconds since 1970.
        left_s: Seconds until then; 0 or less when it may be gone.
        is_ready: The result is known to be there; else the time is counted from the run's start.
    """

    at: float
    left_s: float
    is_ready: bool


def expiry_of(record: RunRecord, now: float, *, needs_token: bool = False) -> Expiry | None:
    """Tell until when a result can be had; ``None`` while there is nothing to lose, see :func:`expires_at`."""
    at = expires_at(record, needs_token=needs_token)
    return None if at is None else Expiry(at, at - now, record.ready_at is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCell:
    """For which place of a batch a run is made; on each engine at most one run stands for it.

    Attributes:
        batch: The batch's id.
        key: Which of its cells: equal for the same inputs and choice.
        engine: Who renders.
        max_usd: The most that all runs that were made for the batch may cost together, in US dollars.
        retries: A run that failed, was cancelled or deleted, or whose result is gone, does not stand for it any more.
    """

    batch: str
    key: str
    engine: EngineName
    max_usd: float | None = None
    retries: bool = False


@dataclass(frozen=True, kw_only=True)
class RunInputs:
    """What a run is made of.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound, resolution.
        image_url: A public address of exactly this image, if its visitor gave one.
        video_url: A public address of exactly this video, if its visitor gave one.
        findings: What the checks said, as JSON.
        duration_s: Length of the video in seconds, if known; else it is taken from the findings, or measured.
        repaired: What was done to ``image`` and ``video`` before, each a list of ``[id of the repair, its label]``.
        corrections: What a person says of the character in ``image``.
        cell: For which place of a batch it is, if it is for one.
    """

    image: Path
    video: Path
    choice: TransferOptions
    image_url: str | None = field(default=None, repr=False)
    video_url: str | None = field(default=None, repr=False)
    findings: Mapping[str, Any] | None = None
    duration_s: float | None = None
    repaired: Mapping[str, Any] | None = None
    corrections: Corrections | None = field(default=None, repr=False)
    cell: BatchCell | None = None

    @property
    def known_duration_s(self) -> float | None:
        """Length of the video, as far as it was looked at."""
        if self.duration_s is not None:
            return self.duration_s
        try:
            found = (self.findings or {})["video"]["facts"]["duration_s"]
        except (KeyError, TypeError):
            return None
        return float(found) if isinstance(found, int | float) else None


def forecast_of(findings: Mapping[str, Any] | None) -> float | None:
    """Return how many seconds the checks said would come back, if they looked."""
    forecast = (findings or {}).get("forecast")
    usable_s = forecast.get("usable_s") if isinstance(forecast, Mapping) else None
    return float(usable_s) if isinstance(usable_s, int | float) else None


class StartCode(StrEnum):
    """Why a run stands for a request."""

    NEW = "new"
    SAME_RESULT = "same result"  # the same preview was made before
    SAME_PAID_RESULT = "same paid result"  # another one would be charged again
    SAME_UNKNOWN = "same unknown"  # the same run was sent before, and its outcome is not known
    SAME_OPEN = "same open"
    FOUND = "found"  # a request was recovered and is followed on
    FOUND_WITHOUT_INPUTS = "found without inputs"
    FOUND_HERE = "found here"  # the result of a request is here already
    FOUND_FOLLOWED = "found followed"  # it is being followed already


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What came of asking for a run.

    Attributes:
        run_id: The run that stands for it.
        is_new: It was set out just now; else it was there already.
        code: Why this run.
    """

    run_id: str
    is_new: bool
    code: StartCode = StartCode.NEW


def fingerprint(
    visitor: str,
    engine: EngineName,
    image_sha256: str,
    reference_sha256: str,
    choice: TransferOptions,
    *,
    corrections_key: str = "",
) -> str:
    """Return what is equal for the same request of the same visitor, and for nothing else."""
    values = asdict(choice)
    if engine is not EngineName.PREVIEW or choice.resolution is Resolution.P720:
        del values["resolution"]  # only previews have one, and requests from before there was one stay the same
    if engine is EngineName.PREVIEW or not choice.model:
        del values["model"]  # so that requests to the usual model stay what they were
    request = [visitor, engine, image_sha256, reference_sha256, values]
    if corrections_key and engine is EngineName.PREVIEW:  # Kling is sent none, and would be charged again
        request.append(corrections_key)
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()


def recovered_fingerprint(visitor: str, request_id: str) -> str:
    """Return what stands for the request of a run that was recovered without its inputs."""
    return hashlib.sha256(f"recovered {visitor} {request_id}".encode()).hexdigest()


def fingerprint_for(visitor: str, record: RunRecord) -> str:
    """Return the fingerprint that a run has once it is this visitor's."""
    if not record.has_inputs:
        return recovered_fingerprint(visitor, record.request_id or "")
    key = str((record.corrected or {}).get("key", ""))
    return fingerprint(
        visitor, record.engine, record.image_sha256, record.reference_sha256, record.choice, corrections_key=key
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is granted to whoever asks; without anything said, all that the person at this machine may do.

    Attributes:
        app_token: The app's own token may pay for their runs, and read what they would cost.
        any_request: The app's own token may also ask for requests that it made for nobody's known run, or for others.
        payer: Under which name the app's money that they spend is counted: an account's or an address's, never one
            that a browser chose; empty counts by the visitor whose run it is.
        share_usd: The most of the app's money, in US dollars, that goes to one payer a day (UTC); ``None`` sets no
            limit.
        address: The key of the network address from which they ask; empty when it does not count.
        previews_max: Previews of theirs, and of their address, that may wait or be drawn at once; ``None`` sets no
            limit.
        max_usd: The most that a paid run may cost, in US dollars, which then must be known; ``None`` sets no limit.
    """

    app_token: bool = True
    any_request: bool = True
    payer: str = ""
    share_usd: float | None = None
    address: str = ""
    previews_max: int | None = None
    max_usd: float | None = None

    @property
    def quota_keys(self) -> QuotaKeys:
        """Under which names it is counted what they take in a day; whoever has this machine is one visitor."""
        return QuotaKeys(self.payer, f"ip:{self.address}") if self.payer else LOCAL_KEYS


class PlacesTakenError(RunError):
    """As many previews of a visitor, or of their address, are open as they may have; it passes."""


OWNER = Terms()  # whoever has this machine


_FREE_ENDS = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


class KeptRun(NamedTuple):
    """What the ledger says of a run whose files may be kept.

    Attributes:
        engine: Who rendered it.
        state: The last known state.
        changed_at: When that was reached, seconds since 1970.
        is_deleted: Its visitor wants its files gone, and did not put it back in time.
    """

    engine: EngineName
    state: RunState
    changed_at: float
    is_deleted: bool = False

    @property
    def may_lose_its_files(self) -> bool:
        """It cost nothing, and has ended in a way that is known."""
        return self.engine is EngineName.PREVIEW and self.state in _FREE_ENDS
