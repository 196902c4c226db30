"""The batches that this process carries out for programs and for the page, while and shortly after they are at work."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import BatchExecution, CellOutcome
from kling_ui.batches.order import sentence_of
from kling_ui.batches.plan import BatchPlan, Payment
from kling_ui.errors import RunError
from kling_ui.runs.runner import Runner

KEPT_MAX = 200  # of those that have ended; the ledger knows their runs for good
AT_ONCE_MAX = 50

log = logging.getLogger(__name__)


@dataclass(eq=False)
class OpenBatch:
    """One batch that is, or was, carried out here.

    Attributes:
        plan: What it came to.
        outcomes: Where its cells are now, by their numbers.
        pause: Once it is set, nothing more is started.
        changed: Set at every change of a cell, and at the end.
        task: The work.
    """

    plan: BatchPlan
    outcomes: dict[int, CellOutcome]
    pause: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """It is being carried out."""
        return self.task is not None and not self.task.done()

    @property
    def sentence(self) -> str:
        """What became of it so far, in one sentence."""
        return sentence_of(self.outcomes.values(), is_paused=self.pause.is_set())

    async def until_end(self, timeout_s: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        if self.task is not None:
            await asyncio.wait([self.task], timeout=timeout_s)

    def show(self, outcome: CellOutcome) -> None:
        """Note where a cell is now, and wake whoever waits for news."""
        self.outcomes[outcome.cell.row.number] = outcome
        self.changed.set()
        self.changed = asyncio.Event()


class OpenBatches:
    """Carries batches out in the background, by their ids."""

    def __init__(self) -> None:
        self._batches: OrderedDict[str, OpenBatch] = OrderedDict()

    def find(self, batch: str) -> OpenBatch | None:
        """Return a batch that is known here."""
        return self._batches.get(batch)

    def start(self, runner: Runner, plan: BatchPlan, folder: BatchFolder, payment: Payment, *, jobs: int) -> OpenBatch:
        """Carry a plan out in the background; results stay with their runs.

        Raises:
            RunError: This very batch is at work, or too many are.
        """
        known = self._batches.get(folder.batch)
        if known is not None and known.is_under_way:
            raise RunError("This batch is under way.", advice="Ask for it by its handle alone.")
        if sum(one.is_under_way for one in self._batches.values()) >= AT_ONCE_MAX:
            raise RunError("Too many batches are under way here.", advice="Try again later.")
        cells = {cell.row.number: CellOutcome(cell=cell, state=cell.state, message=cell.message) for cell in plan.cells}
        opened = self._batches[folder.batch] = OpenBatch(plan, cells)
        self._batches.move_to_end(folder.batch)
        self._forget_old()
        execution = BatchExecution(
            runner, plan, folder, payment, jobs=jobs, pause=opened.pause, tell=opened.show, copies_results=False
        )
        opened.task = asyncio.create_task(self._carry_out(execution, opened))
        return opened

    async def aclose(self) -> None:
        """Stop carrying batches out; their runs are let go of, and whoever asks again goes on."""
        tasks = [one.task for one in self._batches.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _carry_out(execution: BatchExecution, opened: OpenBatch) -> None:
        try:
            for outcome in await execution.carry_out():
                opened.outcomes[outcome.cell.row.number] = outcome
        except Exception:
            log.exception("A batch could not be carried out to its end.")
        finally:
            opened.changed.set()

    def _forget_old(self) -> None:
        ended = [batch for batch, one in self._batches.items() if not one.is_under_way and one.task is not None]
        for batch in ended[: max(0, len(ended) - KEPT_MAX)]:
            del self._batches[batch]
