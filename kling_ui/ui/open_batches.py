"""Batches that are under way here for programs and the page, and how those of the page are found after a restart."""

import asyncio
import logging
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import STATES, BatchExecution, CellOutcome
from kling_ui.batches.manifest import BatchRow
from kling_ui.batches.order import JOBS, sentence_of
from kling_ui.batches.plan import BatchPlan, Payment, PlannedCell
from kling_ui.errors import KlingUIError
from kling_ui.languages import told
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.batch_sentences import LEFT_BY_A_RESTART, NOT_CHOSEN, planned_words, restart_words
from kling_ui.presentation.runs import run_words
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.pricing import ROUNDING_USD
from kling_ui.runs.record import EngineName, RunRecord
from kling_ui.runs.runner import Runner
from kling_ui.ui.background_work import BackgroundWork, WorkByKey

_GONE = Path("gone")

log = logging.getLogger(__name__)


@dataclass(eq=False)
class OpenBatch(BackgroundWork):
    """One batch that is, or was, carried out here.

    Attributes:
        plan: What it came to.
        outcomes: Where its cells are now, by their numbers.
        pause: Once it is set, nothing more is started.
        left: What is said of it where a process before this one left it; else empty.
    """

    plan: BatchPlan
    outcomes: dict[int, CellOutcome]
    left: str = ""
    pause: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def sentence(self) -> str:
        """What became of it so far, in one sentence."""
        return self.left or sentence_of(self.outcomes.values(), is_paused=self.pause.is_set())

    @property
    def in_order(self) -> list[CellOutcome]:
        """Where its cells are now, by their numbers, rising."""
        return [self.outcomes[number] for number in sorted(self.outcomes)]

    def show(self, outcome: CellOutcome) -> None:
        """Note where a cell is now, and wake whoever waits for news."""
        self.outcomes[outcome.cell.row.number] = outcome
        self.wake()

    async def carry_out(self, execution: BatchExecution) -> None:
        """Do the work to its end; runs are let go of when it is cancelled."""
        try:
            for outcome in await execution.carry_out():
                self.outcomes[outcome.cell.row.number] = outcome
        except Exception:
            log.exception("A batch could not be carried out to its end.")
        finally:
            self.wake()

    @classmethod
    def restored(cls, outcomes: Iterable[CellOutcome], owner: str, left: str) -> Self:
        """Show one that a process before this one left."""
        by_number = {outcome.cell.row.number: outcome for outcome in outcomes}
        return cls(BatchPlan(cells=tuple(one.cell for one in by_number.values())), by_number, owner=owner, left=left)


class OpenBatches(WorkByKey[OpenBatch]):
    """Carries batches out in the background, by their ids."""

    UNDER_WAY = told(("This batch is under way.", "Ask for it by its handle alone."))
    TOO_MANY = told("Too many batches are under way here.")

    def start(
        self, runner: Runner, plan: BatchPlan, folder: BatchFolder, payment: Payment, engine: EngineName
    ) -> OpenBatch:
        """Carry a plan out in the background; results stay with their runs.

        No more previews wait or are drawn at once than are granted to whoever asks.

        Raises:
            RunError: This very batch is at work, or too many are.
        """
        self.refuse_more(folder.batch)
        granted = payment.terms.previews_max if engine is EngineName.PREVIEW else None
        jobs = min(JOBS, granted or JOBS)
        cells = {cell.row.number: CellOutcome(cell=cell, state=cell.state, message=cell.message) for cell in plan.cells}
        opened = OpenBatch(plan, cells, owner=payment.visitor)
        execution = BatchExecution(
            runner,
            plan,
            folder,
            payment,
            jobs=jobs,
            pause=opened.pause,
            tell=opened.show,
            copies_results=False,
        )
        return self.begin(folder.batch, opened, opened.carry_out(execution))


@dataclass(frozen=True, slots=True)
class PageBatch:
    """One batch of the page, between its events.

    Attributes:
        owner: Whose it is.
        rows: What it is made of.
        folder: Where its repaired copies are.
        repairs: Whether the checks' repairs are applied.
        model: Of Kling, the model that was chosen when they were priced; empty for the usual one.
    """

    owner: str
    rows: tuple[BatchRow, ...]
    folder: BatchFolder
    repairs: bool
    model: str = ""


@dataclass(frozen=True, slots=True)
class KeptCell:
    """What the plan said of a cell.

    Attributes:
        state: Whether it was to run.
        message: What the checks said, in English.
        duration_s: Length of its clip, in seconds, if known.
        estimate_usd: What it was expected to cost, in US dollars, if known.
    """

    state: CellState
    message: str
    duration_s: float | None
    estimate_usd: float | None


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """What was planned and priced of a batch that was not started since.

    Attributes:
        at: When, in seconds since 1970.
        cells: Its cells, by their numbers.
        rates_usd: What a second cost then, by the model; none where nothing paid was to be started.
        limit_usd: What might be spent on it, in US dollars; ``None`` without a limit.
    """

    at: float
    cells: Mapping[int, KeptCell]
    rates_usd: Mapping[str, float]
    limit_usd: float | None

    @classmethod
    def of(cls, plan: BatchPlan, at: float) -> Self:
        """Take it from a plan; call it in English."""
        cells = {
            cell.row.number: KeptCell(cell.state, cell.message, cell.duration_s, cell.estimate_usd)
            for cell in plan.cells
        }
        return cls(at, cells, rates_of(plan), None if plan.limit_usd == math.inf else plan.limit_usd)

    def has_risen(self, plan: BatchPlan) -> bool:
        """Tell whether a second costs more by a new plan, or something costs that cost nothing known."""
        rates = rates_of(plan)
        return any(rate > self.rates_usd.get(model, 0.0) + ROUNDING_USD for model, rate in rates.items())

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        cells = [{"number": number, **asdict(cell)} for number, cell in self.cells.items()]
        return {"at": self.at, "rates_usd": dict(self.rates_usd), "limit_usd": self.limit_usd, "cells": cells}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read it as :meth:`to_json` wrote it."""
        cells = {
            one["number"]: KeptCell(CellState(one["state"]), one["message"], one["duration_s"], one["estimate_usd"])
            for one in kept["cells"]
        }
        return cls(kept["at"], cells, kept["rates_usd"], kept["limit_usd"])


def rates_of(plan: BatchPlan) -> dict[str, float]:
    """Give what a second costs by a plan, by the model, as far as it is known."""
    return {model: quote.rate_usd for model, quote in plan.quotes.items() if quote.rate_usd is not None}


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """What is kept of a batch that was planned or started, so that it can go on after a restart.

    Attributes:
        rows: What it is made of; files that are no longer here are named by a path that leads nowhere.
        keys: Of its cells, by their numbers, as the ledger knows them.
        chosen: Numbers of the cells that were to run; all while it is only planned.
        engine: Who was to render them.
        repairs: Whether the checks' repairs are applied.
        model: Of Kling, the model that was chosen.
        planned: What the plan said, as long as nothing was started since.
    """

    rows: tuple[BatchRow, ...]
    keys: Mapping[int, str]
    chosen: frozenset[int]
    engine: EngineName
    repairs: bool
    model: str
    planned: KeptPlan | None = None

    @classmethod
    def of(cls, made: PageBatch, plan: BatchPlan, chosen: Collection[int], engine: EngineName) -> Self:
        """Take it from a batch that is being started."""
        keys = {cell.row.number: cell.key for cell in plan.cells}
        return cls(made.rows, keys, frozenset(chosen), engine, made.repairs, made.model)

    @classmethod
    def of_plan(cls, made: PageBatch, plan: BatchPlan, engine: EngineName, at: float) -> Self:
        """Take it from a batch that was planned just now; call it in English."""
        every = [row.number for row in made.rows]
        return replace(cls.of(made, plan, every, engine), planned=KeptPlan.of(plan, at))

    def to_json(self, root: Path) -> dict[str, Any]:
        """Put it into plain JSON types; a file is named by where it lies in the data folder, which is no secret."""
        rows = [
            {
                "number": row.number,
                "image": _place(row.image, root),
                "video": _place(row.video, root),
                "orientation": row.choice.orientation.value,
                "prompt": row.choice.prompt,
                "keep_sound": row.choice.keep_sound,
                "model": row.choice.model,
                "name": row.name,
                "key": self.keys.get(row.number, ""),
            }
            for row in self.rows
        ]
        return {
            "rows": rows,
            "chosen": sorted(self.chosen),
            "engine": self.engine.value,
            "repairs": self.repairs,
            "model": self.model,
            "planned": self.planned.to_json() if self.planned else None,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], root: Path) -> Self:
        """Read it as :meth:`to_json` wrote it."""
        return cls(
            rows=tuple(_row(one, root) for one in kept["rows"]),
            keys={one["number"]: one["key"] for one in kept["rows"]},
            chosen=frozenset(kept["chosen"]),
            engine=EngineName(kept["engine"]),
            repairs=kept["repairs"],
            model=kept["model"],
            planned=KeptPlan.from_json(planned) if (planned := kept.get("planned")) else None,
        )

    def words(self, outcomes: Collection[CellOutcome]) -> str:
        """Say what is left to be done with it after a restart; empty where nothing is."""
        is_paid = self.engine is EngineName.KLING
        if self.planned is not None:
            plan = BatchPlan(cells=tuple(one.cell for one in outcomes), limit_usd=self.planned.limit_usd)
            return planned_words(plan.sentence, self.planned.at, is_paid=is_paid)
        meant = [one for one in outcomes if one.state is not CellState.LEFT_OUT]
        if not any(one.is_left for one in meant):
            return ""
        return restart_words(sum(one.is_done for one in meant), len(meant), is_paid=is_paid)

    async def begun(self, runner: Runner, batch: str) -> frozenset[int]:
        """Return the numbers of its cells that have runs.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        known = await runner.batches.of(batch)
        return frozenset(number for number in self.chosen if (self.keys[number], self.engine) in known)

    async def outcomes(self, runner: Runner, batch: str, owner: str) -> list[CellOutcome]:
        """Tell where its cells are by the runs that stand for them in the ledger; nothing is started or looked at.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        known = await runner.batches.of(batch)
        return [await self._outcome(runner, row, known, owner) for row in self.rows]

    async def _outcome(
        self, runner: Runner, row: BatchRow, known: Mapping[tuple[str, EngineName], RunRecord], owner: str
    ) -> CellOutcome:
        key = self.keys[row.number]
        cell = PlannedCell(row=row, engine=self.engine, state=CellState.LEFT_OUT, key=key, message=NOT_CHOSEN)
        if row.number not in self.chosen:
            return CellOutcome(cell=cell, state=CellState.LEFT_OUT, message=NOT_CHOSEN)
        record = known.get((key, self.engine)) if key else None
        if record is None and self.planned is not None and (kept := self.planned.cells.get(row.number)) is not None:
            priced = {"duration_s": kept.duration_s, "estimate_usd": kept.estimate_usd}
            cell = replace(cell, state=kept.state, message=kept.message, **priced)
            return CellOutcome(cell=cell, state=kept.state, message=kept.message)
        if record is None:
            return CellOutcome(cell=cell, state=CellState.NOT_STARTED, message=LEFT_BY_A_RESTART)
        try:
            view = await runner.view(record.run_id, owner)
        except KlingUIError as error:  # it was deleted meanwhile
            return CellOutcome(cell=cell, state=CellState.REFUSED, message=str(error))
        said, state = run_words(view), STATES.get(view.state, CellState.UNDER_WAY)
        return CellOutcome(
            cell=cell, state=state, message=said.sentence, advice=said.advice, run=view, video=view.result
        )


def _row(kept: Mapping[str, Any], root: Path) -> BatchRow:
    choice = TransferOptions(kept["prompt"], Orientation(kept["orientation"]), kept["keep_sound"], model=kept["model"])
    return BatchRow(
        number=kept["number"],
        image=_file(kept["image"], root),
        video=_file(kept["video"], root),
        choice=choice,
        name=kept["name"],
    )


def _place(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root).as_posix() if path.is_file() else path.name


def _file(place: str, root: Path) -> Path:
    """Return the file that lies there; where it is gone, a path of the same name that leads nowhere."""
    path = (root / place).resolve()
    return path if path.is_relative_to(root) and path.is_file() else _GONE / path.name
