"""What somebody orders of a batch, and the one way in which it is done: planned, carried out, reported."""

import asyncio
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import BatchExecution, CellOutcome
from kling_ui.batches.manifest import BatchRow, grid, read_manifest, rows_from, with_model
from kling_ui.batches.plan import BatchPlan, Payment, PlannedCell, Planner
from kling_ui.batches.report import BatchReport, cells_in, ticked_in, write_report
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.composition import blocking, open_parts, owner_id
from kling_ui.errors import KlingUIError, SettingsError
from kling_ui.options import DEFAULT_PROMPT, Orientation, Provider, member_of
from kling_ui.presentation.batch_sentences import batch_sentence
from kling_ui.presentation.runs import in_words
from kling_ui.results import Progress
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.record import EngineName
from kling_ui.settings import Settings, valid_token
from kling_ui.workers import Workers

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner

JOBS, JOBS_MAX = 2, 16
AnyPath = str | os.PathLike[str]
OnPlan = Callable[[BatchPlan], None]
OnOutcome = Callable[[CellOutcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What came of a batch.

    Attributes:
        plan: What it came to as a whole, before anything was started.
        outcomes: What became of each cell, in order; empty when only a plan was asked for.
        folder: The batch's folder.
        report: Where its report lies; ``None`` when only a plan was asked for.
        is_paused: It was paused before its end.
    """

    plan: BatchPlan
    outcomes: tuple[CellOutcome, ...]
    folder: Path
    report: BatchReport | None = None
    is_paused: bool = False

    @property
    def is_done(self) -> bool:
        """Every cell that was meant has its video; of a plan, every one will run or has run."""
        if self.report is None:
            fine = {CellState.READY, CellState.MADE, CellState.UNDER_WAY, CellState.LEFT_OUT, CellState.SAME}
            return all(cell.state in fine for cell in self.plan.cells)
        return not any(outcome.is_failed or outcome.is_left for outcome in self.outcomes)

    @property
    def sentence(self) -> str:
        """The same in one sentence."""
        return self.plan.sentence if self.report is None else sentence_of(self.outcomes, is_paused=self.is_paused)


async def abatch(
    manifest: AnyPath | Iterable[Mapping[str, object]] | None = None,
    *,
    out: AnyPath,
    images: Iterable[AnyPath] = (),
    videos: Iterable[AnyPath] = (),
    orientations: Iterable[str] = ("video",),
    prompts: Iterable[str] = (DEFAULT_PROMPT,),
    keep_sound: bool = True,
    engine: str | None = None,
    model: str = "",
    max_usd: float | None = None,
    token: str | None = None,
    jobs: int = JOBS,
    repair: bool | Collection[str] = False,
    accept: Collection[str] = (),
    cells: str | Collection[int] | None = None,
    only: AnyPath | None = None,
    plan_only: bool = False,
    resume: bool = False,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    on_plan: OnPlan | None = None,
    on_cell: OnOutcome | None = None,
    pause: asyncio.Event | None = None,
    settings: Settings | None = None,
) -> BatchResult:
    """Make many runs of a manifest or a grid: checked and priced as a whole first, then carried out and reported.

    A cell that was started is never started again by itself, whatever became of its run: with ``resume`` a batch goes
    on after a pause or a crash, finds its runs, and starts what is left. Cancelling leaves it like that.

    Args:
        manifest: A CSV or JSON Lines file, or rows with the same fields, see ``docs/batch.md``. Without one, every
            image is put together with every video, orientation and prompt.
        out: The batch's folder, for results, repaired copies and the report.
        images: Character images of a grid.
        videos: Reference videos of a grid.
        orientations: Of a grid, ``video``, ``image`` or both.
        prompts: Of a grid.
        keep_sound: Of a grid: keep the references' sound.
        engine: Who renders, ``preview`` or ``kling``; ``None`` leaves it to the manifest, and to the preview.
        model: Of Kling, the id of the model that rows go to which name none; empty for that of the settings.
        max_usd: The most that all paid runs of this batch may cost together, in US dollars, over all calls; what fits
            is taken in order. Nothing is sent to Kling without it; ``math.inf`` sets no limit.
        token: RunComfy token that pays; by default that of the settings.
        jobs: How many runs are under way at once, 1-16.
        repair: Apply all repairs that need no choice, or those with these ids, to copies, without asking.
        accept: Ids of rules that a person overrules, see :func:`kling_ui.acheck`.
        cells: Numbers of the cells that are meant, also as ``"3,5-8"``.
        only: A CSV whose column ``chosen`` ticks the cells that are meant, such as the report's.
        plan_only: Start nothing.
        resume: Go on with the batch that the folder holds.
        retry_failed: Also start cells once more whose runs failed, were cancelled or deleted; that may be charged.
        on_progress: Told what is being done before the first run, on the thread of the event loop.
        on_plan: Told the plan before anything is started.
        on_cell: Told of every change of a cell.
        pause: Once it is set, nothing more is started, and what runs is finished.
        settings: Other settings than those of the environment.

    Raises:
        ManifestError: The rows cannot be used; all faults are told.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        MediaError: The folder cannot be written to.
        APIError: The token is not accepted, or its account has no balance.
        LedgerError: The ledger cannot be read or written.
    """
    settings = settings or Settings.from_env()
    given = await asyncio.to_thread(_rows, manifest, images, videos, orientations, prompts, keep_sound=keep_sound)
    rows = with_model(given, model)
    who = None if engine is None else member_of(EngineName, engine, "engine")
    chosen = _chosen(cells, only, len(rows))
    if not 1 <= jobs <= JOBS_MAX:
        raise SettingsError(f"jobs takes 1 to {JOBS_MAX}.")
    payment = Payment(
        visitor=owner_id(settings.data_dir), token=None if token is None else SecretStr(token), max_usd=max_usd
    )
    paid = [row for row in rows if (who or row.engine) is EngineName.KLING and (chosen is None or row.number in chosen)]
    if paid:
        _require_leave_to_pay(payment, settings, {row.choice.provider for row in paid}, plan_only=plan_only)
    kinds = _kinds(repair)
    folder = await asyncio.to_thread(BatchFolder.open, Path(out), resume=resume or plan_only)
    try:
        async with open_parts(settings) as parts, parts.open_runner(take_over=False) as runner:
            planner = Planner(
                preflight=parts.preflight,
                repairs=parts.repairs,
                runner=runner,
                folder=folder,
                payment=payment,
                accept=accept,
                repair=kinds,
                retries=retry_failed,
                tell=on_progress or (lambda _news: None),
            )
            plan = await planner.plan(rows, who, chosen)
            if on_plan is not None:
                on_plan(plan)
            if plan_only:
                return BatchResult(plan=plan, outcomes=(), folder=folder.path)
            title = f"Batch {Path(manifest).name}" if isinstance(manifest, str | os.PathLike) else "Batch"
            work = BatchWork(parts.workers, runner, folder, payment, title)
            return await work.carry_out(plan, jobs=jobs, pause=pause or asyncio.Event(), tell=on_cell)
    except KlingUIError as error:
        told = in_words(error)
        if told is error:
            raise
        raise told from error


batch = blocking(abatch, "batch")


@dataclass(frozen=True)
class BatchWork:
    """Carries plans out and reports them, with what is open already.

    Attributes:
        workers: Read pictures for the report.
        runner: Starts the runs.
        folder: Where everything goes.
        payment: Whose runs they are, and who pays.
        title: What the report calls the batch.
    """

    workers: Workers
    runner: "Runner"
    folder: BatchFolder
    payment: Payment
    title: str

    async def carry_out(
        self, plan: BatchPlan, *, jobs: int, pause: asyncio.Event, tell: OnOutcome | None = None
    ) -> BatchResult:
        """Start and follow the runs of a plan, then write the report.

        Raises:
            KlingUIError: The ledger cannot be read or written, or the folder cannot be written to.
        """
        self.folder.is_started = True
        await asyncio.to_thread(self.folder.keep)  # the batch's id is on the disk before the first run
        execution = BatchExecution(
            self.runner, plan, self.folder, self.payment, jobs=jobs, pause=pause, tell=tell or (lambda _outcome: None)
        )
        outcomes = await execution.carry_out()
        is_paused = pause.is_set() and any(outcome.is_left for outcome in outcomes)
        summary = f"{sentence_of(outcomes, is_paused=is_paused)} Planned: {plan.sentence}"
        reported = await self._with_earlier(outcomes)
        report = await write_report(self.workers, self.folder, reported, title=self.title, summary=summary)
        return BatchResult(plan=plan, outcomes=outcomes, folder=self.folder.path, report=report, is_paused=is_paused)

    async def _with_earlier(self, outcomes: Sequence[CellOutcome]) -> list[CellOutcome]:
        """Put runs of the same cells beside those of this time: on the other engine, or of cells that were left out."""
        known = await self.runner.batches.of(self.folder.batch)
        reported = []
        for outcome in outcomes:
            cell, is_left_out = outcome.cell, outcome.state is CellState.LEFT_OUT
            earlier = [
                await self._earlier(replace(cell, engine=engine, estimate_usd=None), record.run_id)
                for (key, engine), record in known.items()
                if key == cell.key and (is_left_out or engine is not cell.engine)
            ]
            reported += earlier
            if not (is_left_out and earlier):
                reported.append(outcome)
        return reported

    async def _earlier(self, cell: PlannedCell, run_id: str) -> CellOutcome:
        execution = BatchExecution(
            self.runner,
            BatchPlan(cells=(replace(cell, run_id=run_id, state=CellState.COMPLETED),)),
            self.folder,
            self.payment,
            jobs=1,
            pause=asyncio.Event(),
            tell=lambda _outcome: None,
        )
        return (await execution.carry_out())[0]


def sentence_of(outcomes: Iterable[CellOutcome], *, is_paused: bool) -> str:
    """Say what became of a batch in one sentence; cells that were not chosen are not counted."""
    meant = [outcome for outcome in outcomes if outcome.state not in {CellState.LEFT_OUT, CellState.SAME}]
    return batch_sentence(
        count=len(meant),
        done=sum(outcome.is_done for outcome in meant),
        failed=sum(outcome.is_failed for outcome in meant),
        left=sum(outcome.is_left for outcome in meant),
        cost_usd=sum(outcome.spent_usd for outcome in meant),
        unsure_usd=sum(outcome.unsure_usd for outcome in meant),
        is_paused=is_paused,
    )


def _rows(
    manifest: AnyPath | Iterable[Mapping[str, object]] | None,
    images: Iterable[AnyPath],
    videos: Iterable[AnyPath],
    orientations: Iterable[str],
    prompts: Iterable[str],
    *,
    keep_sound: bool,
) -> tuple[BatchRow, ...]:
    pictures, clips = list(map(Path, images)), list(map(Path, videos))
    if manifest is None:
        if not (pictures and clips):
            raise SettingsError("A batch takes a manifest, or one image and one video at least.")
        facings = [member_of(Orientation, value, "orientation") for value in orientations]
        return grid(pictures, clips, facings, prompts, keep_sound=keep_sound)
    if pictures or clips:
        raise SettingsError("A batch takes a manifest, or images and videos, not both.")
    return read_manifest(Path(manifest)) if isinstance(manifest, str | os.PathLike) else rows_from(manifest)


def _chosen(cells: str | Collection[int] | None, only: AnyPath | None, count: int) -> frozenset[int] | None:
    if cells is not None and only is not None:
        raise SettingsError("Give cells or only, not both.")
    if only is not None:
        return ticked_in(Path(only), count)
    if cells is None:
        return None
    return cells_in(cells if isinstance(cells, str) else ",".join(map(str, cells)), count)


def _kinds(repair: bool | Collection[str]) -> Collection[RepairKind] | None:
    if isinstance(repair, bool):
        return None if repair else ()
    try:
        return [RepairKind(kind) for kind in ([repair] if isinstance(repair, str) else repair)]
    except ValueError as error:
        raise SettingsError("repair takes ids of repairs.", advice=f"They are {', '.join(RepairKind)}.") from error


def _require_leave_to_pay(
    payment: Payment, settings: Settings, providers: Collection[Provider], *, plan_only: bool
) -> None:
    if Provider.FAL in providers and settings.fal_key is None:
        raise SettingsError("A run through fal needs KLING_UI_FAL_KEY.", advice="Set it, or use the preview.")
    if Provider.RUNCOMFY in providers and payment.token is None and settings.token is None:
        raise SettingsError("A run on Kling needs a token in RUNCOMFY_API_TOKEN.", advice="Set it, or use the preview.")
    if payment.token is not None and not valid_token(payment.token.get_secret_value()):
        raise SettingsError("token takes printable ASCII without spaces.")
    limit_usd = payment.max_usd
    if (limit_usd is None and not plan_only) or (limit_usd is not None and (math.isnan(limit_usd) or limit_usd <= 0)):
        raise SettingsError(
            "A batch on Kling costs money: max_usd takes the most that it may cost, in US dollars.",
            advice="Give it, or use the preview, which is free.",
        )
