"""A planned batch carried out: some runs at once, in order, until all have ended or the batch is paused."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.plan import CARRIED, BatchPlan, Payment, PlannedCell, all_of
from kling_ui.errors import AuthenticationError, InsufficientBalanceError, KlingUIError, RunError
from kling_ui.presentation.batch_sentences import NOT_STARTED
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.outcomes import ReasonCode
from kling_ui.runs.pricing import BudgetError, Charge
from kling_ui.runs.record import PlacesTakenError, RunInputs, RunState
from kling_ui.runs.run_view import RunView

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner

STATES = {
    RunState.COMPLETED: CellState.COMPLETED,
    RunState.FAILED: CellState.FAILED,
    RunState.CANCELLED: CellState.CANCELLED,
    RunState.UNKNOWN: CellState.UNKNOWN,
}
PLACES_TRIED_EVERY_S = 2.0
_LEFT = frozenset({CellState.READY, CellState.UNDER_WAY, CellState.NOT_STARTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOutcome:
    """One cell of a batch at one moment.

    Attributes:
        cell: As it was planned.
        state: Where it is now.
        message: The same in one sentence.
        advice: What to do next; may be empty.
        run: Its run as it is now, once there is one.
        video: Its result in the batch's folder.
    """

    cell: PlannedCell
    state: CellState
    message: str = ""
    advice: str = ""
    run: RunView | None = None
    video: Path | None = None

    @property
    def is_done(self) -> bool:
        """Its video is there."""
        return self.video is not None

    @property
    def is_left(self) -> bool:
        """It goes on, or may be started, when the batch is resumed."""
        return self.state in _LEFT

    @property
    def is_failed(self) -> bool:
        """It was meant to run, and there is no video."""
        return not (self.is_done or self.is_left or self.state in {CellState.LEFT_OUT, CellState.SAME})

    @property
    def spent_usd(self) -> float:
        """What its run cost, else was expected to cost, in US dollars; nothing where it was made before."""
        return self._amount_usd(Charge.YES)

    @property
    def unsure_usd(self) -> float:
        """What its run may have cost besides, where it is not known whether it is charged."""
        return self._amount_usd(Charge.MAYBE)

    def _amount_usd(self, charge: Charge) -> float:
        run = self.run
        if run is None or self.cell.state is CellState.MADE or run.charge is not charge:
            return 0.0
        return run.cost_usd if run.cost_usd is not None else run.estimate_usd or 0.0


OnCell = Callable[[CellOutcome], None]


class BatchExecution:
    """Starts and follows the runs of one plan.

    Args:
        runner: Starts them, or finds them again.
        plan: What to do.
        folder: Where results go.
        payment: Whose runs they are, and who pays.
        jobs: How many are under way at once.
        pause: Once it is set, nothing more is started; what runs is finished.
        tell: Told of every change of a cell.
        copies_results: Put results into the folder; else they stay with their runs.
    """

    def __init__(
        self,
        runner: "Runner",
        plan: BatchPlan,
        folder: BatchFolder,
        payment: Payment,
        *,
        jobs: int,
        pause: asyncio.Event,
        tell: OnCell,
        copies_results: bool = True,
    ) -> None:
        self._runner = runner
        self._plan = plan
        self._folder = folder
        self._payment = payment
        self._jobs = jobs
        self._pause = pause
        self._tell = tell
        self._copies_results = copies_results
        self._outcomes = {
            cell.row.number: CellOutcome(cell=cell, state=cell.state, message=cell.message) for cell in plan.cells
        }
        self._waiting = deque(cell for cell in plan.cells if cell.state in CARRIED)
        self._starting = asyncio.Lock()
        self._obstacle: KlingUIError | None = None

    async def carry_out(self) -> tuple[CellOutcome, ...]:
        """Carry out the plan and return what became of every cell, in order; cancelling leaves runs to a later call.

        Raises:
            KlingUIError: The ledger cannot be read, or the folder cannot be written to.
        """
        for outcome in tuple(self._outcomes.values()):
            if outcome.cell.run_id is not None and outcome.cell.state not in CARRIED:
                await self._look_at(outcome.cell)
        await all_of(self._work() for _ in range(self._jobs))
        for cell in self._waiting:
            self._note(cell, CellState.NOT_STARTED, NOT_STARTED if self._obstacle is None else str(self._obstacle))
        return tuple(self._outcomes.values())

    async def _work(self) -> None:
        while self._waiting and not self._pause.is_set() and self._obstacle is None:
            await self._carry(self._waiting.popleft())

    async def _carry(self, cell: PlannedCell) -> None:
        run_id = await self._begun(cell)
        if run_id is None:
            return
        view = None
        try:
            async with aclosing(self._runner.watch(run_id, self._payment.visitor)) as views:
                async for view in views:
                    self._show(cell, view)
        except RunError as error:  # it was deleted
            self._refused(cell, error, CellState.FAILED)
        if view is not None and view.reason is ReasonCode.NO_BALANCE:
            self._obstacle = KlingUIError(run_words(view).sentence)  # the others would fare no better
        if view is not None and view.result is not None:
            await self._keep(cell, view)

    async def _begun(self, cell: PlannedCell) -> str | None:
        if cell.inputs is None:
            return None
        try:
            async with self._starting:  # one after the other, so that a budget is used in order
                return await self._start(cell, cell.inputs)
        except (AuthenticationError, InsufficientBalanceError) as error:
            self._obstacle = in_words(error)  # the others would fare no better
            self._refused(cell, self._obstacle, CellState.NOT_STARTED)
        except BudgetError as error:
            self._refused(cell, in_words(error), CellState.TOO_DEAR)
        except KlingUIError as error:
            self._refused(cell, in_words(error), CellState.REFUSED)
        return None

    async def _start(self, cell: PlannedCell, inputs: RunInputs) -> str | None:
        """Start a cell's run or find it; wait where as many previews are open as there may be."""
        payment, quote = self._payment, self._plan.quotes.get(cell.row.choice.model)
        while True:
            try:
                start = await self._runner.begin(
                    inputs,
                    engine=cell.engine,
                    visitor=payment.visitor,
                    token=payment.token,
                    again=False,
                    shown_rate_usd=quote.rate_usd if quote and payment.max_usd is not None else None,
                    terms=payment.terms,
                )
            except PlacesTakenError as error:
                if self._pause.is_set():
                    self._refused(cell, error, CellState.NOT_STARTED)
                    return None
                with suppress(TimeoutError):
                    async with asyncio.timeout(PLACES_TRIED_EVERY_S):
                        await self._pause.wait()
            else:
                return start.run_id

    async def _look_at(self, cell: PlannedCell) -> None:
        """Show a run that ended before."""
        try:
            self._show(cell, await self._runner.view(cell.run_id or "", self._payment.visitor))
        except KlingUIError as error:
            self._refused(cell, error, cell.state)

    async def _keep(self, cell: PlannedCell, view: RunView) -> None:
        if view.result is None:
            return
        video = view.result
        if self._copies_results:
            place = self._folder.result(cell.row, cell.key, cell.engine, view.result.suffix)
            video = await asyncio.to_thread(self._folder.keep_result, view.result, place)
        self._outcomes[cell.row.number] = outcome = replace(self._outcomes[cell.row.number], video=video)
        self._tell(outcome)

    def _show(self, cell: PlannedCell, view: RunView) -> None:
        said = run_words(view)
        state = STATES.get(view.state, CellState.UNDER_WAY)
        self._note(cell, state, said.sentence, said.advice, view)

    def _refused(self, cell: PlannedCell, error: KlingUIError, state: CellState) -> None:
        self._note(cell, state, error.message, error.advice)

    def _note(
        self, cell: PlannedCell, state: CellState, message: str, advice: str = "", run: RunView | None = None
    ) -> None:
        before = self._outcomes[cell.row.number]
        after = replace(before, state=state, message=message, advice=advice, run=run)
        if after != before:
            self._outcomes[cell.row.number] = after
            self._tell(after)
