"""The batches that this process carries out for programs and for the page, while and shortly after they are at work."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import BatchExecution, CellOutcome
from kling_ui.batches.order import JOBS, sentence_of
from kling_ui.batches.plan import BatchPlan, Payment
from kling_ui.languages import told
from kling_ui.runs.record import EngineName
from kling_ui.runs.runner import Runner
from kling_ui.ui.background_work import BackgroundWork, WorkByKey

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
