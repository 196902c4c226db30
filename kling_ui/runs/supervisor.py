"""All runs that this process carries: started, taken over, ended; and how many previews of whom are open."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from kling_ui.errors import KlingUIError, RunError
from kling_ui.languages import Told, told
from kling_ui.runs.engines import Engine, Engines
from kling_ui.runs.executor import RunExecutor
from kling_ui.runs.outcomes import Outcome, Takeover, takeover
from kling_ui.runs.publishing.protocol import InputFile
from kling_ui.runs.record import EngineName, PlacesTakenError, RunRecord, RunState, Terms
from kling_ui.runs.recorder import RunContext, RunRecorder

OPEN = frozenset({RunState.PREPARING, RunState.SUBMITTING, RunState.IN_QUEUE, RunState.IN_PROGRESS})
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
TAKE_OVER_AFTER_S = 2.0  # the page comes first
SUBMIT_GRACE_S = 15.0  # an answer to a submit takes at most 10 s (docs/vendor_api.md, section 1)

Urls = tuple[str | None, str | None]

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PreviewPlace:
    """One preview's place among those that are open.

    Attributes:
        visitor: Whose it is.
        address: The key of the address from which it was asked for; may be empty.
        record: Gives the run once there is one; until then the place is held for it.
        settled: Set as soon as it has a run, or is given back.
    """

    visitor: str
    address: str = ""
    record: Callable[[], RunRecord] | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_open(self) -> bool:
        """It waits or is drawn: what is only being fetched or measured takes no turn from anybody."""
        return self.record is None or self.record().state in OPEN


class OpenPreviews:
    """The places of this process's open previews; everything happens on one event loop, without a pause between."""

    def __init__(self) -> None:
        self._places: set[PreviewPlace] = set()

    def take(self, visitor: str, terms: Terms) -> PreviewPlace:
        """Hold a place before anything is done for a preview.

        Raises:
            RunError: The visitor, or their address, has as many as the terms allow.
        """
        if (refusal := self._refusal(visitor, terms)) is not None:
            raise refusal
        place = PreviewPlace(visitor, terms.address)
        self._places.add(place)
        return place

    def fill(self, place: PreviewPlace | None, record: Callable[[], RunRecord]) -> None:
        """Note which run a place is for; one that nobody held a place for, such as an adopted one, gets one."""
        if record().engine is not EngineName.PREVIEW:
            return
        if place is None:
            place = PreviewPlace(record().visitor)
            self._places.add(place)
        place.record = record
        place.settled.set()

    async def settle(self, visitor: str) -> None:
        """Wait until the ledger knows of everything that this visitor is starting at the moment."""
        for place in [place for place in self._places if place.visitor == visitor]:
            await place.settled.wait()

    def give_up(self, place: PreviewPlace | None) -> None:
        """Give a place back that was held for nothing; one that a run has stays that run's."""
        if place is not None and place.record is None:
            self._places.discard(place)
            place.settled.set()

    def leave(self, run_id: str) -> None:
        """Free the place of a run that is no longer carried here."""
        self._places -= {place for place in self._places if place.record and place.record().run_id == run_id}

    def _refusal(self, visitor: str, terms: Terms) -> RunError | None:
        if terms.previews_max is None:
            return None
        if sum(place.visitor == visitor for place in self._open()) >= terms.previews_max:
            return _refused(terms.previews_max, "of your previews", "or cancel one")
        if terms.address and sum(place.address == terms.address for place in self._open()) >= terms.previews_max:
            return _refused(terms.previews_max, "previews from your network address", "which may be somebody else's")
        return None

    def _open(self) -> Iterator[PreviewPlace]:
        return (place for place in self._places if place.is_open)


def _refused(count: int, whose: str, way_out: str) -> PlacesTakenError:
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    words = Told(
        "{number} {whose} is waiting or being drawn." if count == 1 else "{number} {whose} are waiting or being drawn.",
        number=told(number),
        whose=told(whose),
    )
    return PlacesTakenError(words, advice=Told("Wait until one is done, {way_out}.", way_out=told(way_out)))


class RunSupervisor:
    """Gives each open run of one process to an executor: new ones, and those that another process left.

    Args:
        context: What all runs share.
        engines: Where runs can go.
        app_token: The app's own token, if it has one.
    """

    def __init__(self, context: RunContext, engines: Engines, app_token: SecretStr | None) -> None:
        self.app_token = app_token
        self.previews = OpenPreviews()
        self._context = context
        self._engines = engines
        self._executors: dict[str, RunExecutor] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._awaited: dict[str, SecretStr | None] = {}

    def executor_of(self, run_id: str) -> RunExecutor | None:
        """Return who carries a run here, if anybody does."""
        return self._executors.get(run_id)

    def carry(
        self,
        record: RunRecord,
        engine: Engine,
        token: SecretStr | None,
        urls: Urls = (None, None),
        *,
        place: PreviewPlace | None = None,
    ) -> None:
        """Set out with a run that this process holds.

        Args:
            record: The run; one with a request id is followed on, never sent again.
            engine: Where it goes.
            token: Opens the engine.
            urls: Public addresses of exactly its image and its reference, where there are any.
            place: Held for it among the open previews, if it is one that somebody asked for.
        """
        if engine.token_of is not None:
            token = engine.token_of(record.visitor)
        folder = self._context.folders.of(record.run_id)
        image = InputFile(folder / record.image_name, urls[0])
        reference = InputFile(folder / record.reference_name, urls[1])
        executor = RunExecutor(self._context, engine, record, token=token, image=image, reference=reference)
        self._executors[record.run_id] = executor
        self.previews.fill(place, lambda: executor.record)
        self._tasks[record.run_id] = asyncio.create_task(self._see_through(executor))

    def key(self, engine: Engine, token: SecretStr | None, *, app_token: bool) -> SecretStr | None:
        """Return the token to use; none where none is needed.

        Args:
            engine: Where it is used.
            token: The visitor's own, which comes first.
            app_token: The app's own may stand in for it.
        """
        if engine.is_free:
            return None
        if not engine.takes_tokens:
            return engine.own_key if app_token else None
        return token or (self.app_token if app_token else None)

    async def take_over(self, visitor: str | None = None, token: SecretStr | None = None) -> list[str]:
        """Look after the open runs that nobody looks after, as far as the tokens at hand allow.

        Args:
            visitor: Only this visitor's runs.
            token: The visitor's own.

        Returns:
            The ids of the runs that are carried on: paid ones that were sent are followed, free ones started again.
        """
        now = self._context.clock()
        unheld = await self._context.ledger.ask(lambda store: store.unheld(now))
        wanted = [
            record for record in unheld if visitor in {None, record.visitor} and record.run_id not in self._executors
        ]
        carried: list[str] = []
        failure: Exception | None = None
        for record in wanted:
            try:
                if await self._take_over_one(record, token):
                    carried.append(record.run_id)
            except Exception as error:
                log.exception("Run %s could not be looked after.", record.run_id)
                failure = error
        if failure is not None and token is not None and not carried:
            raise failure  # whoever gave the token is told
        return carried

    async def take_up(self, run_id: str, token: SecretStr | None) -> None:
        """Look after one run: now, or as soon as whoever holds it is gone.

        Args:
            run_id: The run.
            token: The visitor's own.
        """
        record = await self._context.ledger.ask(lambda store: store.get(run_id))
        is_over = record is None or record.state.is_final or run_id in self._executors
        is_held = record is not None and record.is_held(self._context.clock())
        if is_over or record is None or (not is_held and await self._take_over_one(record, token)):
            self._awaited.pop(run_id, None)
        else:
            self._awaited[run_id] = token

    async def drop(self, run_id: str, request_id: str | None) -> None:
        """Carry a preview no further, wherever it stands, and have its engine forget it: it is about to be erased."""
        if (task := self._tasks.get(run_id)) is not None:
            request_id = self._executors[run_id].record.request_id or request_id
            task.cancel()
            await asyncio.wait({task})
        forget = (await self._engines.get(EngineName.PREVIEW)).forget if request_id else None
        if forget is not None and request_id is not None:
            await forget(request_id)

    async def keep_on(self, *, take_over: bool) -> None:
        """Renew the claims on this process's runs, take up those that are awaited and adopt others, until cancelled."""
        await asyncio.sleep(min(TAKE_OVER_AFTER_S, self._context.lease_s / 4))
        while True:
            await _logged(self._renew())
            for run_id, token in list(self._awaited.items()):
                await _logged(self.take_up(run_id, token))
            if take_over:
                await _logged(self.take_over())
            await asyncio.sleep(self._context.lease_s / 4)

    async def aclose(self) -> None:
        """Let go of all runs; what is being sent at this moment may be answered first."""
        sending = [task for run_id, task in self._tasks.items() if self._executors[run_id].is_sending]
        if sending:
            await asyncio.wait(sending, timeout=SUBMIT_GRACE_S)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_over_one(self, record: RunRecord, token: SecretStr | None) -> bool:
        context, engine = self._context, await self._engines.get(record.engine, record.choice.model)
        key = token if record.own_token else self.app_token or token
        if not engine.takes_tokens:
            key = engine.own_key
        plan = takeover(record, is_free=engine.is_free, has_token=key is not None)
        if plan is Takeover.WAIT_FOR_TOKEN or not await self._claim(record):
            return False
        held = replace(record, holder=context.holder)
        if isinstance(plan, Outcome):
            try:
                await RunRecorder(context, held).note(plan.state, **plan.to_columns())
            finally:
                context.live_status.take_down(record.run_id)
            return False
        if plan is Takeover.START_AGAIN:
            held = replace(held, state=RunState.PREPARING, request_id=None)
            await RunRecorder(context, held).note(RunState.PREPARING, request_id=None)
        self.carry(held, engine, None if engine.is_free else key)
        return True

    async def _claim(self, record: RunRecord) -> bool:
        context, now = self._context, self._context.clock()
        return await context.ledger.ask(
            lambda store: store.claim(record.run_id, holder=context.holder, now=now, until=now + context.lease_s)
        )

    async def _renew(self) -> None:
        context, run_ids = self._context, list(self._executors)
        if run_ids:
            until = context.clock() + context.lease_s
            lost = await context.ledger.ask(lambda store: store.renew(run_ids, holder=context.holder, until=until))
            for run_id in lost & self._executors.keys():
                if self._executors[run_id].may_be_dropped:
                    log.warning("Run %s is looked after by another process now.", run_id)
                    self._tasks[run_id].cancel()

    async def _see_through(self, executor: RunExecutor) -> None:
        run_id = executor.record.run_id
        try:
            await executor.run()
        except KlingUIError as error:
            log.error("Run %s could not be written down: %s", run_id, error)  # noqa: TRY400  the reason is in the text
        finally:
            del self._executors[run_id], self._tasks[run_id]
            self.previews.leave(run_id)
            self._context.live_status.take_down(run_id)


async def _logged(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        log.exception("Open runs could not be looked after.")
