"""All runs of one process: started, watched, cancelled, found again."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.interrupts import keep_addresses_out
from kling_ui.options import TransferOptions
from kling_ui.quotas import MachineLimits
from kling_ui.runs.admission import Admission
from kling_ui.runs.batch_runs import BatchRuns
from kling_ui.runs.engines import Engines
from kling_ui.runs.erasure import RunErasure
from kling_ui.runs.gallery import RunGallery
from kling_ui.runs.handles import RunHandles
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.ledger.statements import LedgerTally
from kling_ui.runs.model_offers import USUAL, ModelOffers
from kling_ui.runs.outcomes import CancelAnswer, CancelCode
from kling_ui.runs.pricing import Budget, ModelOffer, Quote, Spending
from kling_ui.runs.publishing.protocol import InputFile, PlannedDeliveries
from kling_ui.runs.queries import HISTORY_LIMIT, RunQueries
from kling_ui.runs.record import OWNER, EngineName, RunInputs, RunRecord, RunState, Start, Terms
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.recovery import Recovery
from kling_ui.runs.retention import Retention
from kling_ui.runs.run_files import Measurer, RunFolders
from kling_ui.runs.run_view import RunView
from kling_ui.runs.submission import RunSubmission
from kling_ui.runs.supervisor import RunSupervisor
from kling_ui.settings import Settings
from kling_ui.workers import Workers

__all__ = ["RunInputs", "Runner", "Start", "open_runner"]


class Runner:
    """Runs that outlive whoever asked for them.

    Args:
        settings: The app's own token, and the budget.
        context: Ledger, folders and what else all runs share.
        engines: Where runs can go.
    """

    def __init__(self, settings: Settings, context: RunContext, engines: Engines) -> None:
        self.budget = Budget(session_usd=settings.budget_session_usd, day_usd=settings.budget_day_usd)
        self._context = context
        self._engines = engines
        self._supervisor = RunSupervisor(context, engines, settings.token)
        self.admission = Admission(context.ledger, settings.quotas, settings.pause, context.clock)
        self.offers = ModelOffers(context, engines, self._supervisor)
        self._submission = RunSubmission(
            context,
            engines,
            self._supervisor,
            budget=self.budget,
            admission=self.admission,
            offers=self.offers,
        )
        self._recovery = Recovery(context, engines, self._supervisor)
        self._queries = RunQueries(context, self._supervisor)
        self.gallery = RunGallery(context, self._queries)
        self.handles, self.batches = RunHandles(context.ledger), BatchRuns(context.ledger)
        self.erasure = RunErasure(context.ledger, context.folders, self._supervisor.drop)

    async def start(
        self,
        inputs: RunInputs,
        *,
        engine: EngineName,
        visitor: str,
        token: SecretStr | None = None,
        again: bool = False,
        terms: Terms = OWNER,
    ) -> str:
        """Return the id of the run that :meth:`begin` gives."""
        return (await self.begin(inputs, engine=engine, visitor=visitor, token=token, again=again, terms=terms)).run_id

    async def begin(
        self,
        inputs: RunInputs,
        *,
        engine: EngineName,
        visitor: str,
        token: SecretStr | None = None,
        again: bool = False,
        shown_rate_usd: float | None = None,
        terms: Terms = OWNER,
    ) -> Start:
        """Start a run, or find the same one: still open, of unknown outcome, or completed with its result here.

        Args:
            inputs: What it is made of; both files are copied before this returns.
            engine: Where it goes.
            visitor: Whose it is.
            token: The visitor's own token; without one the app's is used, if the terms say so.
            again: Start even though the same run was completed or its outcome is unknown; an open one is still found.
            shown_rate_usd: The rate that the visitor was shown; a higher one is told before anything is sent.
            terms: Whether the app's token pays, and in whose name that is counted.

        Raises:
            KlingUIError: It cannot be started: no token, a file that cannot be read, no room, a budget or terms that
                do not allow it. Nothing was sent.
        """
        return await self._submission.begin(
            inputs, engine=engine, visitor=visitor, token=token, again=again, shown_rate_usd=shown_rate_usd, terms=terms
        )

    async def already(self, inputs: RunInputs, *, engine: EngineName, visitor: str) -> RunView | None:
        """Return the run that :meth:`begin` would find instead of starting one.

        Raises:
            OSError: A file cannot be read.
        """
        record = await self._submission.already(inputs, engine, visitor)
        return None if record is None else self._queries.show(record)

    async def repeated(
        self, handle: str, inputs: RunInputs, *, engine: EngineName, visitor: str, token: SecretStr | None = None
    ) -> Start | None:
        """Return the run that this very request began with this handle, however it ended; ``None`` if none did.

        Args:
            handle: As whoever asks chose it.
            inputs: What they ask for.
            engine: Where it goes.
            visitor: Whose a new run would be.
            token: What pays for it; a run of theirs that waits for it goes on.

        Raises:
            RunError: Another request has that handle, or its run was deleted.
            OSError: A file cannot be read.
        """
        known = await self.handles.known(handle)
        if known is None:
            return None
        if await self._submission.fingerprint(inputs, engine, known.visitor) != known.fingerprint:
            raise RunError("Another run was started with this handle.", advice="Choose one for each run.")
        if known.visitor == visitor:
            await self._supervisor.take_up(known.run_id, token)  # should nobody carry it
        return Start(run_id=known.run_id, is_new=False)

    async def foresee_deliveries(self, inputs: RunInputs) -> PlannedDeliveries:
        """Tell how both files of a run on Kling would travel; nothing is sent.

        Raises:
            KlingUIError: There is no way for one of them.
            OSError: A file cannot be read.
        """
        engine = await self._engines.get(EngineName.KLING, inputs.choice.model)
        files = InputFile(inputs.image, inputs.image_url), InputFile(inputs.video, inputs.video_url)
        return await engine.publisher.foresee(*files)

    async def quote(
        self,
        duration_s: float | None,
        *,
        token: SecretStr | None = None,
        terms: Terms = OWNER,
        choice: TransferOptions = USUAL,
    ) -> Quote:
        """Read what a run on Kling costs at this moment, or why that is not known.

        Args:
            duration_s: Length of the reference in seconds, if there is one.
            token: The visitor's own token; without one the app's is used, if the terms say so.
            terms: Whether the app's token may be used.
            choice: What would be asked for, and of which model.

        Raises:
            AuthenticationError: The token was not accepted.
            InsufficientBalanceError: The account has no balance left.
            NoSuchModelError: The model that was chosen is not offered.
            SettingsError: The token cannot be one.
        """
        return await self._submission.quote(token, duration_s, terms, choice)

    async def models(self, *, token: SecretStr | None = None, terms: Terms = OWNER) -> tuple[ModelOffer, ...]:
        """List the models of Kling Motion Control that a run can go to at this moment, each with its price.

        Args:
            token: The visitor's own token; without one the app's is used, if the terms say so.
            terms: Whether the app's token and keys may be used.

        Raises:
            APIError: Nobody tells what is offered.
            SettingsError: The token cannot be one.
        """
        return await self.offers.listed(token, terms)

    def usual(self, choice: TransferOptions) -> TransferOptions:
        """Return the same choice, without a model where that is the usual one: both are the same request.

        Raises:
            SettingsError: The model is none of Kling Motion Control.
        """
        return self.offers.usual(choice)

    async def spending(self, visitor: str, *, own_token: bool = False, terms: Terms = OWNER) -> Spending:
        """Add up what a visitor's paid runs cost in this session and today, to be held against :attr:`budget`.

        Args:
            visitor: Who.
            own_token: What they pay themselves, not what the app's token pays.
            terms: In whose name that is counted.
        """
        now = self._context.clock()
        return await self._context.ledger.ask(
            lambda store: store.spending(visitor, now, own_token=own_token, payer=terms.payer)
        )

    async def recover(
        self,
        request_id: str,
        *,
        visitor: str,
        token: SecretStr | None = None,
        run_id: str | None = None,
        everybody: bool = False,
        terms: Terms = OWNER,
    ) -> Start:
        """Follow a request on that is at RunComfy, and keep its result.

        It belongs to the run that has this request id, else to the run of unknown outcome that was sent when the
        request was made, else to a new run without inputs.

        Args:
            request_id: As RunComfy shows it.
            visitor: Whose run it is or becomes.
            token: The token that made the request. Without one the app's is used for what it made for this visitor,
                and for other requests if the terms say so.
            run_id: The run of unknown outcome that it belongs to, when the visitor says so.
            everybody: Also look among the runs of others: for whoever owns the ledger.
            terms: Whether the app's token may ask for a request of which nothing is known here.

        Raises:
            RunError: This is no request id, belongs to somebody else, or there is no token.
            APIError: RunComfy does not tell about it.
        """
        return await self._recovery.recover(
            request_id, visitor=visitor, token=token, run_id=run_id, everybody=everybody, terms=terms
        )

    def watch(self, run_id: str, visitor: str | None) -> AsyncGenerator[RunView]:
        """Yield a run's view at once, whenever it changes, and now and then; see :meth:`RunQueries.watch`."""
        return self._queries.watch(run_id, visitor)

    async def view(self, run_id: str, visitor: str | None) -> RunView:
        """Return a run as it is now; see :meth:`RunQueries.view`."""
        return await self._queries.view(run_id, visitor)

    async def may_be_fetched(self, run_id: str) -> bool:
        """Tell whether a run's engine may need its two files at the moment, or this app tries whether it could."""
        return await self._queries.may_be_fetched(run_id)

    async def history(self, visitor: str, limit: int = HISTORY_LIMIT) -> list[RunView]:
        """Return a visitor's newest runs, newest first."""
        return await self._queries.history(visitor, limit)

    async def record(self, run_id: str, visitor: str) -> RunRecord:
        """Give the ledger's row of a visitor's run; see :meth:`RunQueries.record`."""
        return await self._queries.record(run_id, visitor)

    async def states(self, run_id: str, visitor: str) -> list[tuple[RunState, float]]:
        """Return the states of a run with their times (seconds since 1970), oldest first.

        Raises:
            RunError: There is no such run of this visitor.
        """
        return await self._queries.states(run_id, visitor)

    async def hand_over(self, visitor: str, to: str) -> int:
        """Make one visitor's runs another's, who has proved to be the same person; return how many they were."""
        return await self._context.ledger.ask(lambda store: store.hand_over(visitor, to)) if visitor and to else 0

    async def cancel(self, run_id: str, visitor: str) -> CancelAnswer:
        """Try to cancel a run, and tell what that achieved.

        Raises:
            RunError: There is no such run of this visitor.
        """
        record = await self._queries.record(run_id, visitor)
        if (executor := self._supervisor.executor_of(run_id)) is not None:
            return await executor.cancel()
        code = CancelCode.ENDED_ALREADY if record.state.is_final else CancelCode.NOT_FOLLOWED
        return CancelAnswer(code, record.engine)

    def retention(
        self,
        analyses: Path,
        limits: MachineLimits,
        *,
        pieces: Path | None = None,
        in_memory: Callable[[], Collection[str]] = tuple,
    ) -> Retention:
        """Give what keeps the files of runs and checks within bounds, see :class:`Retention`."""
        return Retention(
            self._context.ledger,
            self._context.folders.root,
            analyses,
            keep_days=limits.keep_days,
            disk_percent=limits.disk_percent,
            pieces=pieces,
            shown=lambda: self._queries.watched,
            in_memory=in_memory,
            clock=self._context.clock,
        )

    async def resume(self, visitor: str, token: SecretStr) -> list[str]:
        """Follow on a visitor's paid runs that waited for a token; return their ids."""
        return await self._supervisor.take_over(visitor, token) if visitor else []

    async def take_over(self) -> list[str]:
        """Look after open runs that an earlier process left behind; return the ids of those that are carried on."""
        return await self._supervisor.take_over()

    def watch_ahead(self, reference: Path) -> None:
        """Watch a reference that somebody is likely to run, in the background, for the motion match of its result."""
        self._context.measurer.watch_ahead(reference)

    async def tally(self) -> LedgerTally:
        """Count all runs and what they cost, whosever they are."""
        return await self._context.ledger.ask(lambda store: store.tally())

    async def keep_on(self, *, take_over: bool) -> None:
        """Look after this process's runs until cancelled; with ``take_over`` also after those that others left."""
        await asyncio.gather(self._supervisor.keep_on(take_over=take_over), self.gallery.keep_emptying())

    async def aclose(self) -> None:
        """Let go of all runs; the next process follows them on."""
        await self._supervisor.aclose()


@asynccontextmanager
async def open_runner(
    settings: Settings,
    workers: Workers,
    *,
    engines: Engines | None = None,
    context: RunContext | None = None,
    take_over: bool = True,
) -> AsyncGenerator[Runner]:
    """Open everything that runs need, and close it again.

    Args:
        settings: Where things are kept, and the app's own token.
        workers: Where previews are drawn and results measured.
        engines: Other engines than the usual ones.
        context: What all runs share, in place of the usual ledger, folders and measurer.
        take_over: Look after open runs that an earlier process left behind.
    """
    keep_addresses_out()
    context = context or RunContext(
        ledger=Ledger(settings.ledger_url or f"sqlite:///{settings.data_dir / 'ledger.sqlite'}"),
        folders=RunFolders(settings.data_dir / "runs"),
        measurer=Measurer(workers, settings.analyses_folder),
    )
    engines = engines or Engines(settings, workers, settings.data_dir / "preview")
    runner = Runner(settings, context, engines)
    keeper = asyncio.create_task(runner.keep_on(take_over=take_over))
    try:
        yield runner
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await runner.aclose()
        await context.measurer.aclose()
        await engines.aclose()
        await context.ledger.aclose()
