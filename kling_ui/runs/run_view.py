"""A run as its visitor sees it: one value with everything that the page and the command line show."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from kling_ui.errors import RunError
from kling_ui.options import RigNote, TransferOptions
from kling_ui.runs.outcomes import CancelAnswer, FailureReason, Outcome, OutcomeCode, ReasonCode, Trouble, explain
from kling_ui.runs.pricing import Charge, Quote, charge_of
from kling_ui.runs.publishing.protocol import Deliveries
from kling_ui.runs.record import CORRECTIONS_NAME, EngineName, Expiry, RunRecord, RunState, expiry_of

# For how long a deleted run can be put back.
UNDO_S = 600.0  # a free run can be made again
UNDO_PAID_S = 86_400.0  # who deleted by a slip what was paid for may notice it the next day


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFacts:
    """What is known of a run only while somebody follows it.

    Attributes:
        queue_position: Runs ahead of it, while it waits and the engine says so.
        progress: Share of the work done, 0-1, when the engine says so.
        frame: What it has drawn last, a JPEG as a ``data:`` address, when the engine shows it.
        trouble: What is in the way at the moment.
        deliveries: How the files travel, when that is worth saying.
        cancel_answer: What asking to cancel achieved, once that could be asked.
        needs_token: It can only be followed on with its visitor's token.
    """

    queue_position: int | None = None
    progress: float | None = None
    frame: str | None = None
    trouble: Trouble | None = None
    deliveries: Deliveries | None = None
    cancel_answer: CancelAnswer | None = None
    needs_token: bool = False


class DeletionLoss(StrEnum):
    """What is lost with a run when its visitor deletes it."""

    UNDER_WAY = "under way"  # it cannot be deleted before it has ended
    NOT_FETCHED = "not fetched"  # a video that is or may be paid for, and may still be had from its engine
    PAID = "paid"  # a video that another one would be charged for
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run as its visitor sees it at one moment.

    Attributes:
        run_id: Ours.
        engine: Who renders it.
        state: Where it is.
        trouble: What is in the way at the moment; ``None`` when nothing is, and at its end.
        queue_position: Runs ahead of it, if known.
        progress: Share of the rendering done, 0-1, if known.
        frame: What was drawn last, a JPEG as a ``data:`` address, if it is shown.
        elapsed_s: Seconds since it was asked for, until it ended.
        created_at: When it was asked for, seconds since 1970.
        request_id: The engine's id of it, once known.
        choice: Prompt, orientation, sound.
        image: The character image, kept with the run; ``None`` when the run was recovered without its inputs.
        reference: The reference video, likewise.
        result: The video, as soon as it is kept here; it is shown while its motion is still being measured.
        duration_s: Length of the result.
        fps: Frames a second of the result.
        width_px: Width of the result.
        height_px: Height of the result.
        motion_match: How well the result follows the reference, 0-100, if it could be measured.
        motion: All that was measured of it.
        cost_usd: What the engine says it cost.
        estimate_usd: What it was expected to cost, if a price was known.
        quote: What was known of the price before the run; ``None`` for a free one.
        charge: Whether it costs money.
        expiry: Until when its engine keeps a result that is not safe here; ``None`` while there is nothing to lose.
        outcome: How it ended, if without a video.
        reason: Why its engine made none, if that failed and is known.
        inputs: Which inputs to change after a failure: any of ``image``, ``video`` and ``prompt``.
        repairs: Ids of repairs (:class:`kling_ui.checks.repair_kinds.RepairKind`) that help, the likeliest first.
        rules: Ids of the rules of the checks that are about why it failed, the likeliest first.
        findings: What the checks said before the run.
        deliveries: How the files travel, when that is worth saying.
        cancel_answer: What asking to cancel achieved, once that could be asked.
        needs_token: It goes on at the engine but can only be followed with its visitor's token.
        files_gone: It has ended, and files that were kept with it are no longer here; they are ``None`` above.
        result_gone: Its result is among them.
        name: What its visitor calls it; empty without a name.
        repaired: What was done to ``image`` and ``video`` before, each a list of ``[id of the repair, its label]``.
        corrected: What of the character a person had corrected by hand, see
            :class:`kling_ui.corrections.CorrectionSummary`; ``None`` for nothing.
        corrections: The file that holds these corrections, if it is still here.
        notes: What of the character a preview moved as one piece.
        is_deleted: Its visitor deleted it: only whoever owns the ledger sees that it was.
        starred: Its visitor marked it.
        forecast_s: How many seconds the checks said would come back, if they looked.
        undo_until: Until when a deleted run can be put back, seconds since 1970; ``None`` where it cannot.
        image_sha256: Content of the character image; empty where it was not kept.
        reference_sha256: Content of the reference video, likewise.
        schema_sha256: Hash of what its model took when it was sent; empty where that is not known.
    """

    run_id: str
    engine: EngineName
    state: RunState
    trouble: Trouble | None
    queue_position: int | None
    progress: float | None
    frame: str | None
    elapsed_s: float
    created_at: float
    request_id: str | None
    choice: TransferOptions
    image: Path | None
    reference: Path | None
    result: Path | None
    duration_s: float | None
    fps: float | None
    width_px: int | None
    height_px: int | None
    motion_match: float | None
    motion: Mapping[str, Any] | None
    cost_usd: float | None
    estimate_usd: float | None
    quote: Quote | None
    charge: Charge
    expiry: Expiry | None
    outcome: Outcome | None
    reason: ReasonCode | None
    inputs: tuple[str, ...]
    repairs: tuple[str, ...]
    rules: tuple[str, ...]
    findings: Mapping[str, Any] | None
    deliveries: Deliveries | None
    cancel_answer: CancelAnswer | None
    needs_token: bool
    files_gone: bool = False
    result_gone: bool = False
    name: str = ""
    repaired: Mapping[str, Any] | None = None
    corrected: Mapping[str, Any] | None = None
    corrections: Path | None = None
    notes: tuple[RigNote, ...] = ()
    is_deleted: bool = False
    starred: bool = False
    forecast_s: float | None = None
    undo_until: float | None = None
    image_sha256: str = ""
    reference_sha256: str = ""
    schema_sha256: str = ""

    @property
    def loss(self) -> DeletionLoss:
        """What is lost with it when it is deleted."""
        if not self.is_final:
            return DeletionLoss.UNDER_WAY
        if self.can_recover:
            return DeletionLoss.NOT_FETCHED
        return DeletionLoss.FILES if self.engine is EngineName.PREVIEW or self.result is None else DeletionLoss.PAID

    @property
    def is_final(self) -> bool:
        """Nothing more happens by itself."""
        return self.state.is_final

    @property
    def raw_error(self) -> str | None:
        """The engine's own words."""
        return self.outcome.raw if self.outcome else None

    @property
    def can_cancel(self) -> bool:
        """Asking to cancel still makes sense."""
        return self.state in {RunState.PREPARING, RunState.SUBMITTING, RunState.IN_QUEUE, RunState.IN_PROGRESS}

    @property
    def can_recover(self) -> bool:
        """A request id, or another try with the one that is known, may still bring a result."""
        if self.engine is EngineName.PREVIEW or self.result is not None:
            return False
        return self.state is RunState.UNKNOWN or (self.state is RunState.FAILED and self.expiry is not None)


class LossError(RunError):
    """A run is not deleted, because more would be lost than its visitor was told.

    Args:
        run: The run.
    """

    def __init__(self, run: RunView) -> None:
        super().__init__("More would be lost with this run than was said.")
        self.run = run


def unknown_run() -> RunError:
    """Say the same of a run that never was, that is somebody else's, and that was deleted."""
    return RunError("This run is not known here.", advice="It may have been deleted, or belong to another browser.")


def view_of(record: RunRecord, live: LiveFacts, *, folder: Path, now: float) -> RunView:
    """Put together what is remembered and what is known at the moment.

    Args:
        record: The ledger's row.
        live: What only its follower knows.
        folder: The run's own folder.
        now: Seconds since 1970.
    """
    files = _files_of(record, folder)
    facts, motion, outcome = record.result_facts, record.motion, Outcome.of(record)
    reason = _reason(record, outcome)
    until = record.changed_at if record.state.is_final else now
    return RunView(
        run_id=record.run_id,
        engine=record.engine,
        state=record.state,
        trouble=None if record.state.is_final else live.trouble,
        queue_position=live.queue_position if record.state is RunState.IN_QUEUE else None,
        progress=live.progress if record.state is RunState.IN_PROGRESS else None,
        frame=live.frame if record.state is RunState.IN_PROGRESS else None,
        elapsed_s=max(0.0, until - record.created_at),
        created_at=record.created_at,
        request_id=record.request_id,
        choice=record.choice,
        image=files.image,
        reference=files.reference,
        result=files.result,
        duration_s=facts.duration_s if facts else None,
        fps=facts.fps if facts else None,
        width_px=facts.width_px if facts else None,
        height_px=facts.height_px if facts else None,
        motion_match=motion.get("score") if motion else None,
        motion=motion,
        cost_usd=record.cost_usd,
        estimate_usd=record.estimate_usd,
        quote=None if record.price is None else Quote.from_json(record.price),
        charge=charge_of(record),
        expiry=expiry_of(record, now, needs_token=live.needs_token),
        outcome=outcome,
        reason=reason.code if reason else None,
        inputs=reason.inputs if reason else (),
        repairs=tuple(repair.value for repair in reason.repairs) if reason else (),
        rules=reason.rules if reason else (),
        findings=record.findings,
        deliveries=live.deliveries,
        cancel_answer=live.cancel_answer,
        needs_token=live.needs_token,
        files_gone=files.are_gone,
        result_gone=files.is_result_gone,
        name=record.name or "",
        repaired=record.repaired,
        corrected=record.corrected,
        corrections=_if_here(folder / CORRECTIONS_NAME) if record.corrected else None,
        notes=record.notes or (),
        is_deleted=record.deleted_at is not None,
        starred=record.starred,
        forecast_s=record.forecast_s,
        undo_until=record.undo_until,
        image_sha256=record.image_sha256,
        reference_sha256=record.reference_sha256,
        schema_sha256=record.schema_sha256 or "",
    )


class _Files(NamedTuple):
    image: Path | None
    reference: Path | None
    result: Path | None
    are_gone: bool = False
    is_result_gone: bool = False


def _files_of(record: RunRecord, folder: Path) -> _Files:
    """Give the files of a run; of one that has ended only those that are still here."""
    image, reference = (
        folder / name if record.has_inputs else None for name in (record.image_name, record.reference_name)
    )
    result = folder / record.result_name if record.result_name else None
    if not record.state.is_final:
        return _Files(image, reference, result)
    here = _Files(_if_here(image), _if_here(reference), _if_here(result))
    is_result_gone = here.result != result
    return here._replace(are_gone=is_result_gone or here[:2] != (image, reference), is_result_gone=is_result_gone)


def _if_here(path: Path | None) -> Path | None:
    return path if path is not None and path.is_file() else None


def _reason(record: RunRecord, outcome: Outcome | None) -> FailureReason | None:
    if outcome is None or outcome.state is not RunState.FAILED:
        return None
    is_told = bool(outcome.raw) or outcome.code is OutcomeCode.ENGINE_FAILED
    return explain(record.engine, outcome.raw) if is_told else None
