"""What a person is told about a run: one value with everything the page and the command line show."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kling_ui.options import TransferOptions
from kling_ui.runs.failure_reasons import FailureReason, explain
from kling_ui.runs.pricing import (
    Charge,
    Quote,
    charge_of,
    cost_words,
)
from kling_ui.runs.record import (
    EngineName,
    RunRecord,
    RunState,
    expires_at,
    expiry_words,
)

GONE_WORDS = "The video was made, but its files are no longer kept here."
GONE_ADVICE = {
    EngineName.PREVIEW: "To make another one, choose both inputs again.",
    EngineName.KLING: "Recover it by its request id, if RunComfy still has it.",
}
RENDERERS = {EngineName.PREVIEW: "the preview engine", EngineName.KLING: "RunComfy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is known of a run only while somebody follows it.

    Attributes:
        queue_position: Runs ahead of it, while it waits and the engine says so.
        progress: Share of the work done, 0-1, when the engine says so.
        trouble: What is in the way at the moment, in words; it is being tried again.
        note: How the files travel, when that is worth saying.
        needs_token: It can only be followed on with its visitor's token.
    """

    queue_position: int | None = None
    progress: float | None = None
    trouble: str = ""
    note: str = ""
    needs_token: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run as its visitor sees it at one moment.

    Attributes:
        run_id: Ours.
        engine: Who renders it.
        state: Where it is.
        sentence: What is happening, in words; ends with :attr:`trouble`.
        trouble: What is in the way at the moment and is being tried again; empty when nothing is.
        queue_position: Runs ahead of it, if known.
        progress: Share of the rendering done, 0-1, if known.
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
        price_words: What was known of the price before the run; empty for a free one.
        cost_words: What it cost beside what was expected, or whether it is charged at all; empty for a free one.
        charge: Whether it costs money.
        expires_at: When its engine may drop a result that is not safe here, seconds since 1970; ``None`` while there
            is nothing to lose.
        expiry_words: The same in words; empty likewise.
        inputs: Which inputs to change after a failure: any of ``image``, ``video`` and ``prompt``.
        repairs: Ids of repairs (:class:`kling_ui.checks.repair_kinds.RepairKind`) that help, the likeliest first.
        findings: What the checks said before the run.
        note: Something worth knowing that is no trouble.
        needs_token: It goes on at the engine but can only be followed with its visitor's token.
        error: What went wrong.
        advice: What to do next.
        raw_error: The engine's own words.
        files_gone: It has ended, and files that were kept with it are no longer here; they are ``None`` above.
    """

    run_id: str
    engine: EngineName
    state: RunState
    sentence: str
    trouble: str
    queue_position: int | None
    progress: float | None
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
    price_words: str
    cost_words: str
    charge: Charge
    expires_at: float | None
    expiry_words: str
    inputs: tuple[str, ...]
    repairs: tuple[str, ...]
    findings: Mapping[str, Any] | None
    note: str
    needs_token: bool
    error: str | None
    advice: str | None
    raw_error: str | None
    files_gone: bool = False

    @property
    def is_final(self) -> bool:
        """Nothing more happens by itself."""
        return self.state.is_final

    @property
    def can_cancel(self) -> bool:
        """Asking to cancel still makes sense."""
        return self.state in {RunState.PREPARING, RunState.SUBMITTING, RunState.IN_QUEUE, RunState.IN_PROGRESS}

    @property
    def can_recover(self) -> bool:
        """A request id, or another try with the one that is known, may still bring a result."""
        if self.engine is EngineName.PREVIEW or self.result is not None:
            return False
        return self.state is RunState.UNKNOWN or (self.state is RunState.FAILED and self.expires_at is not None)


def view_of(record: RunRecord, live: Live, *, folder: Path, now: float) -> RunView:
    """Put together what is remembered and what is known at the moment.

    Args:
        record: The ledger's row.
        live: What only its follower knows.
        folder: The run's own folder.
        now: Seconds since 1970.
    """
    files = _files_of(record, folder)
    facts, motion, reason = record.result_facts, record.motion, _reason(record)
    until = record.changed_at if record.state.is_final else now
    return RunView(
        run_id=record.run_id,
        engine=record.engine,
        state=record.state,
        sentence=GONE_WORDS if files.is_result_gone else sentence(record, live),
        trouble="" if record.state.is_final else live.trouble,
        queue_position=live.queue_position if record.state is RunState.IN_QUEUE else None,
        progress=live.progress if record.state is RunState.IN_PROGRESS else None,
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
        price_words="" if record.price is None else Quote.from_json(record.price).words,
        cost_words=cost_words(record),
        charge=charge_of(record),
        expires_at=expires_at(record, needs_token=live.needs_token),
        expiry_words=expiry_words(record, now, needs_token=live.needs_token),
        inputs=reason.inputs,
        repairs=tuple(repair.value for repair in reason.repairs),
        findings=record.findings,
        note=live.note,
        needs_token=live.needs_token,
        error=record.error,
        advice=GONE_ADVICE[record.engine] if files.is_result_gone else record.advice,
        raw_error=record.raw_error,
        files_gone=files.are_gone,
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


def _reason(record: RunRecord) -> FailureReason:
    if record.state is not RunState.FAILED or not record.raw_error:
        return FailureReason("")
    return explain(record.engine, record.raw_error)


def sentence(record: RunRecord, live: Live) -> str:
    """Say in one or two sentences what is happening."""
    if live.needs_token and not record.state.is_final:
        return "This run goes on at RunComfy. Enter its token to follow it here."
    words = _words(record, live)
    return f"{words} {live.trouble}" if live.trouble and not record.state.is_final else words


_DRAWING = {EngineName.PREVIEW: "Drawing the preview", EngineName.KLING: "Kling is rendering the video"}
_CALM = {
    RunState.PREPARING: "Getting the files ready.",
    RunState.COLLECTING: "The video is ready. Fetching it.",
    RunState.SCORING: "The video is ready. Measuring how well it follows the reference.",
}


def _words(record: RunRecord, live: Live) -> str:
    match record.state:
        case RunState.SUBMITTING:
            return f"Handing the files to {RENDERERS[record.engine]}."
        case RunState.IN_QUEUE:
            return _queue_words(live.queue_position)
        case RunState.IN_PROGRESS:
            return _drawing_words(live.progress, _DRAWING[record.engine])
        case _:
            return _CALM.get(record.state) or _last_words(record)


def _queue_words(position: int | None) -> str:
    if position is None:
        return "Waiting for its turn."
    if position <= 0:
        return "Waiting: yours is next."
    return "Waiting: 1 run is ahead of yours." if position == 1 else f"Waiting: {position} runs are ahead of yours."


def _drawing_words(progress: float | None, doing: str) -> str:
    return f"{doing}." if progress is None else f"{doing}: {min(max(progress, 0.0), 1.0) * 100:.0f} %."


def _last_words(record: RunRecord) -> str:
    match record.state:
        case RunState.COMPLETED if record.engine is EngineName.PREVIEW:
            return "The preview is ready."
        case RunState.COMPLETED:
            return "The video is ready and kept here."
        case RunState.CANCELLED:
            return record.error or "Cancelled before it started. Nothing was rendered."
        case RunState.UNKNOWN:
            return record.error or f"It is not known whether {RENDERERS[record.engine]} accepted this run."
        case _:
            return record.error or "The run failed."
