"""The plan of a batch: every cell checked, repaired where that was asked for, priced, and held against a budget."""

import asyncio
import hashlib
import json
import math
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr

from kling_ui.batches.batch_folder import REPAIRED, BatchFolder, made_of
from kling_ui.batches.manifest import BatchRow
from kling_ui.checks.preflight import Preflight
from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.checks.repair_session import PlannedRepairs, RepairInput, RepairRequest, RepairSession
from kling_ui.checks.report import Verdict
from kling_ui.errors import MediaError, SettingsError, WorkError
from kling_ui.media.files import content_sha256
from kling_ui.options import TransferOptions
from kling_ui.presentation.batch_sentences import (
    GOES_ON,
    MADE_BEFORE,
    NOT_CHOSEN,
    PRICE_NOT_KNOWN,
    plan_sentence,
    same_as_words,
    too_dear_for_batch,
)
from kling_ui.presentation.findings import repair_label, report_json
from kling_ui.results import CheckResult, Progress
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.pricing import ROUNDING_USD, NoSuchModelError, Quote
from kling_ui.runs.record import OWNER, BatchCell, EngineName, RunInputs, RunRecord, RunState, Terms

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner

T = TypeVar("T")
_ENDED = {
    RunState.COMPLETED: CellState.MADE,
    RunState.FAILED: CellState.FAILED,
    RunState.CANCELLED: CellState.CANCELLED,
    RunState.UNKNOWN: CellState.UNKNOWN,
}
_RETRIED = frozenset({CellState.FAILED, CellState.CANCELLED})
# What is done with a run: to be started, or found again and followed to its end.
CARRIED = frozenset({CellState.READY, CellState.MADE, CellState.UNDER_WAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Whose runs a batch makes, and what they may cost.

    Attributes:
        visitor: Whose they are.
        token: The token that pays; ``None`` uses the app's, if the terms say so.
        terms: What is granted to whoever asks.
        max_usd: The most that all paid runs of the batch may cost together, in US dollars; ``None`` pays for nothing.
    """

    visitor: str
    token: SecretStr | None = None
    terms: Terms = OWNER
    max_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """One run of a batch before it is started.

    Attributes:
        row: What it is made of.
        engine: Who renders it.
        state: Whether it will run.
        key: Which cell of the batch it is, for the ledger; empty when a file cannot be read.
        message: What the checks say, or why it will not run, in one sentence.
        inputs: What is sent: the files of the row, or repaired copies; ``None`` when it was not looked at.
        check: What the checks say of them.
        repairs: What was done to them, in words.
        duration_s: Length of the clip that is sent, in seconds, if known.
        estimate_usd: What a paid run is expected to cost, in US dollars, if known; nothing where it was made before.
        run_id: The run that stands for it already.
    """

    row: BatchRow
    engine: EngineName
    state: CellState
    key: str = ""
    message: str = ""
    inputs: RunInputs | None = None
    check: CheckResult | None = None
    repairs: tuple[str, ...] = ()
    duration_s: float | None = None
    estimate_usd: float | None = None
    run_id: str | None = None

    @property
    def is_paid(self) -> bool:
        """It is to be started, and costs money."""
        return self.state is CellState.READY and self.engine is EngineName.KLING


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What a batch comes to, as a whole.

    Attributes:
        cells: All of them, in the order of their rows.
        quotes: The price of a second on Kling, by the model of the cells; empty where nothing paid is to be started.
        limit_usd: What may still be spent on it, in US dollars; ``None`` when there is no limit.
    """

    cells: tuple[PlannedCell, ...]
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    limit_usd: float | None = None

    @property
    def to_start(self) -> tuple[PlannedCell, ...]:
        """The cells that will run."""
        return tuple(cell for cell in self.cells if cell.state is CellState.READY)

    @property
    def duration_s(self) -> float:
        """How long the clips of the cells that will run are together, in seconds."""
        return sum(cell.duration_s or 0.0 for cell in self.to_start)

    @property
    def estimate_usd(self) -> float | None:
        """What the cells that will run are expected to cost together; ``None`` when a price is not known."""
        paid = [cell.estimate_usd for cell in self.to_start if cell.is_paid]
        return None if None in paid else sum(amount for amount in paid if amount is not None)

    @property
    def sentence(self) -> str:
        """The same in one go."""
        is_paid = any(cell.is_paid or cell.state is CellState.TOO_DEAR for cell in self.cells)
        return plan_sentence(
            count=len(self.cells),
            will_run=len(self.to_start),
            seconds=self.duration_s,
            estimate_usd=self.estimate_usd,
            limit_usd=self.limit_usd,
            too_dear=sum(cell.state is CellState.TOO_DEAR for cell in self.cells),
            made=sum(cell.state is CellState.MADE for cell in self.cells),
            is_paid=is_paid,
        )


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Plans batches.

    Attributes:
        preflight: Looks at the inputs.
        repairs: Repairs them.
        runner: Knows what was made before, and what runs cost.
        folder: Where repaired copies go.
        payment: Whose runs it will be, and what they may cost.
        accept: Ids of rules that a person overrules.
        repair: The repairs that are applied without asking; ``None`` takes all that need no choice.
        retries: Cells whose runs failed or were cancelled are to be started once more.
        at_once: How many cells are looked at at once.
        tell: Told what is being done.
    """

    preflight: Preflight
    repairs: RepairSession
    runner: "Runner"
    folder: BatchFolder
    payment: Payment
    accept: Collection[str] = ()
    repair: Collection[RepairKind] | None = ()
    retries: bool = False
    at_once: int = 2
    tell: Callable[[Progress], None] = lambda _news: None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def plan(
        self, rows: Sequence[BatchRow], engine: EngineName | None, chosen: Collection[int] | None
    ) -> BatchPlan:
        """Look at every row and say what will run; nothing is sent.

        Args:
            rows: What is wanted.
            engine: Who renders; ``None`` leaves it to the rows, and to the preview where they do not say.
            chosen: The numbers of the cells that are meant; ``None`` means all.

        Raises:
            APIError: The token is not accepted, or its account has no balance.
            LedgerError: The ledger cannot be read.
        """
        known, turn, looked_at = await self.runner.batches.of(self.folder.batch), asyncio.Semaphore(self.at_once), 0

        async def one(row: BatchRow) -> PlannedCell:
            nonlocal looked_at
            async with turn:
                is_chosen = chosen is None or row.number in chosen
                cell = await self._cell(row, engine or row.engine or EngineName.PREVIEW, known, is_chosen=is_chosen)
            looked_at += 1
            self.tell(Progress(f"Looking at cell {looked_at} of {len(rows)}.", looked_at / len(rows)))
            return cell

        return await self._priced(_once_each(await all_of(one(row) for row in rows)))

    async def _cell(
        self, row: BatchRow, engine: EngineName, known: Mapping[tuple[str, EngineName], RunRecord], *, is_chosen: bool
    ) -> PlannedCell:
        cell = PlannedCell(row=row, engine=engine, state=CellState.LEFT_OUT, message=NOT_CHOSEN)
        try:
            row = replace(row, choice=self.runner.usual(row.choice))
            cell = replace(cell, row=row, key=await asyncio.to_thread(key_of, row))
            if not is_chosen:
                return cell
            if (record := known.get((cell.key, engine))) is not None:
                cell = replace(cell, run_id=record.run_id, state=_ENDED.get(record.state, CellState.UNDER_WAY))
                if not (self.retries and (cell.state in _RETRIED or record.deleted_at is not None)):
                    # What is sent again nowhere is not looked at again, either.
                    return replace(cell, inputs=self._inputs(row, cell), message=_known_words(cell.state))
            return await self._checked(cell)
        except (MediaError, WorkError) as error:
            return replace(cell, state=CellState.UNREADABLE, message=str(error))
        except SettingsError as error:
            return replace(cell, state=CellState.REFUSED, message=str(error))

    async def _checked(self, cell: PlannedCell) -> PlannedCell:
        row, engine = cell.row, cell.engine
        image, video, choice, repairs, repaired = row.image, row.video, row.choice, (), None
        report = await self.preflight.report(image, video, choice)
        if self.repair is None or self.repair:
            request = RepairRequest(RepairInput(image, image), RepairInput(video, video), choice, kinds=self.repair)
            planned = await self.repairs.plan(request)
            if planned.kinds:
                image, video, report = await self._repaired(planned)
                choice, repairs = planned.plan.choice, tuple(repair_label(repair) for repair in planned.repairs)
                repaired = {name: _listed(planned.repairs, name) for name in ("image", "video")}
        from kling_ui.runs.engines import judged_for  # noqa: PLC0415  it loads what only runs need

        check = CheckResult.of(judged_for(engine, report, self.accept))
        inputs = RunInputs(
            image=image, video=video, choice=choice, findings=report_json(report), repaired=repaired,
            cell=self._place(cell),
        )  # fmt: skip
        cell = replace(
            cell,
            inputs=inputs,
            check=check,
            repairs=repairs,
            message=check.headline,
            duration_s=inputs.known_duration_s,
        )
        if check.report.verdict is Verdict.BLOCK:
            return replace(cell, state=CellState.BLOCKED)
        already = await self.runner.already(inputs, engine=engine, visitor=self.payment.visitor)
        if already is None:
            return replace(cell, state=CellState.READY, run_id=None)
        state = _ENDED.get(already.state, CellState.UNDER_WAY)
        words = MADE_BEFORE if state is CellState.MADE else _known_words(state)
        return replace(cell, state=state, run_id=already.run_id, message=words)

    async def _repaired(self, planned: PlannedRepairs) -> tuple[Path, Path, Any]:
        """Write the copies, unless the same were made before of the same files, and look at them."""
        async with self._writing:  # two cells may want the same copy
            plan, sources = planned.plan, planned.sources
            keys = [
                made_of(await asyncio.to_thread(content_sha256, source), how) if source and how else None
                for source, how in ((sources.image, plan.image), (sources.video, plan.video))
            ]
            image, video = (self.folder.repaired_copy(key) if key else None for key in keys)
            plan = replace(plan, image=None if image else plan.image, video=None if video else plan.video)
            sources = replace(sources, image=image or sources.image, video=video or sources.video)
            if plan.image is None and plan.video is None:
                copies = sources
            else:
                todo = replace(planned, plan=plan, sources=sources)
                copies = (await self.repairs.write(todo, self.folder.path / REPAIRED)).copies
            for key, copy, was_there in zip(keys, (copies.image, copies.video), (image, video), strict=True):
                if key and copy and not was_there:
                    await asyncio.to_thread(self.folder.note_repaired, key, copy)
        report = await self.preflight.report(copies.image, copies.video, planned.plan.choice)
        return copies.image or Path(), copies.video or Path(), report

    def _inputs(self, row: BatchRow, cell: PlannedCell) -> RunInputs:
        """Name the row's own files: the run that stands for the cell is found by the cell, whatever was sent."""
        return RunInputs(image=row.image, video=row.video, choice=row.choice, cell=self._place(cell))

    def _place(self, cell: PlannedCell) -> BatchCell:
        return BatchCell(
            batch=self.folder.batch,
            key=cell.key,
            engine=cell.engine,
            max_usd=self.payment.max_usd,
            retries=self.retries,
        )

    async def _priced(self, cells: Sequence[PlannedCell]) -> BatchPlan:
        """Price what is paid for, and find what fits into the budgets, in order."""
        if not any(cell.is_paid for cell in cells):
            return BatchPlan(cells=tuple(cells))
        models = dict.fromkeys(cell.row.choice.model for cell in cells if cell.is_paid)
        told = {model: await self._quote(model) for model in models}
        left_usd = limit_usd = await self._left_usd()
        priced = []
        for cell in cells:
            if not cell.is_paid:
                priced.append(cell)
                continue
            quote = told[cell.row.choice.model]
            if isinstance(quote, NoSuchModelError):
                priced.append(replace(cell, state=CellState.REFUSED, message=str(quote)))
                continue
            estimate_usd = replace(quote, duration_s=cell.duration_s).estimate_usd
            priced.append(_fitting(replace(cell, estimate_usd=estimate_usd), left_usd))
            if left_usd is not None and priced[-1].state is CellState.READY:
                left_usd -= estimate_usd or 0.0
        quotes = {model: quote for model, quote in told.items() if isinstance(quote, Quote)}
        return BatchPlan(cells=tuple(priced), quotes=quotes, limit_usd=limit_usd)

    async def _quote(self, model: str) -> "Quote | NoSuchModelError":
        payment, choice = self.payment, TransferOptions(model=model)
        try:
            return await self.runner.quote(1.0, token=payment.token, terms=payment.terms, choice=choice)
        except NoSuchModelError as error:
            return error

    async def _left_usd(self) -> float | None:
        """Return what may still be spent on the batch: by its own limit, and by the budgets of the settings."""
        payment, runner = self.payment, self.runner
        spending = await runner.spending(payment.visitor, own_token=payment.token is not None, terms=payment.terms)
        spent_usd = await runner.batches.spent_usd(self.folder.batch)
        budget = replace(runner.budget, batch_usd=payment.max_usd)
        limits = (
            (budget.batch_usd, spent_usd),
            (budget.session_usd, spending.session_usd),
            (budget.day_usd, spending.payer_day_usd),
            (payment.terms.share_usd if payment.token is None else None, spending.day_usd),
        )
        left_usd = min((max(0.0, limit - spent) for limit, spent in limits if limit is not None), default=math.inf)
        return None if left_usd == math.inf and payment.max_usd is None else left_usd


async def all_of(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do several things at once and return what they give; when one fails, the others are ended and it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def key_of(row: BatchRow) -> str:
    """Return what is equal for the same files and choices, and for nothing else; blocking, both files are read.

    Raises:
        MediaError: A file cannot be read.
    """
    choice = row.choice
    values = [
        content_sha256(row.image),
        content_sha256(row.video),
        choice.orientation,
        choice.prompt,
        choice.keep_sound,
        *([choice.model] if choice.model else []),  # so that cells of the usual model stay what they were
    ]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]


def _once_each(cells: Iterable[PlannedCell]) -> list[PlannedCell]:
    """Let one cell alone run of those that are the same by content."""
    first: dict[tuple[str, EngineName], int] = {}
    told = []
    for cell in cells:
        number = cell.row.number
        if cell.key and cell.state is not CellState.LEFT_OUT:
            number = first.setdefault((cell.key, cell.engine), number)
        is_same = number != cell.row.number
        told.append(replace(cell, state=CellState.SAME, message=same_as_words(number)) if is_same else cell)
    return told


def _fitting(cell: PlannedCell, left_usd: float | None) -> PlannedCell:
    if left_usd is None:
        return cell
    if cell.estimate_usd is None:
        return replace(cell, state=CellState.TOO_DEAR, message=PRICE_NOT_KNOWN)
    if cell.estimate_usd > left_usd + ROUNDING_USD:
        words = too_dear_for_batch(cell.estimate_usd, left_usd)
        return replace(cell, state=CellState.TOO_DEAR, message=words)
    return cell


def _known_words(state: CellState) -> str:
    return GOES_ON if state is CellState.UNDER_WAY else ""


def _listed(repairs: Iterable[Repair], target: str) -> list[list[str]]:
    return [[repair.kind.value, repair_label(repair)] for repair in repairs if repair.kind.target == target]
