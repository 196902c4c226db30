"""Everybody who carries a run in this process: starting them, finding them work that others left, sending them home."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace

from pydantic import SecretStr

from kling_ui.errors import KlingUIError
from kling_ui.runs.adoption import Adoption, adoption
from kling_ui.runs.chronicle import Chronicle, Desk
from kling_ui.runs.endings import Ending
from kling_ui.runs.engines import Engine, Engines
from kling_ui.runs.flow import Flow
from kling_ui.runs.open_previews import OpenPreviews, Place
from kling_ui.runs.publish import Source
from kling_ui.runs.record import RunRecord, RunState

ADOPT_AFTER_S = 2.0  # the page comes first
SUBMIT_GRACE_S = 15.0  # an answer to a submit takes at most 10 s (docs/vendor_api.md, section 1)

Urls = tuple[str | None, str | None]

log = logging.getLogger(__name__)


class Crew:
    """The flows of one process.

    Args:
        desk: What all runs share.
        engines: Where runs can go.
        app_token: The app's own token, if it has one.
    """

    def __init__(self, desk: Desk, engines: Engines, app_token: SecretStr | None) -> None:
        self.app_token = app_token
        self.previews = OpenPreviews()
        self._desk = desk
        self._engines = engines
        self._flows: dict[str, Flow] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._awaited: dict[str, SecretStr | None] = {}

    def flow_of(self, run_id: str) -> Flow | None:
        """Return who carries a run here, if anybody does."""
        return self._flows.get(run_id)

    def carry(
        self,
        record: RunRecord,
        engine: Engine,
        token: SecretStr | None,
        urls: Urls = (None, None),
        *,
        place: Place | None = None,
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
        folder = self._desk.folders.of(record.run_id)
        image = Source(folder / record.image_name, urls[0])
        reference = Source(folder / record.reference_name, urls[1])
        flow = Flow(self._desk, engine, record, token=token, image=image, reference=reference)
        self._flows[record.run_id] = flow
        self.previews.fill(place, lambda: flow.record)
        self._tasks[record.run_id] = asyncio.create_task(self._see_through(flow))

    def key(self, engine: Engine, token: SecretStr | None, *, app_token: bool) -> SecretStr | None:
        """Return the token to use; none where none is needed.

        Args:
            engine: Where it is used.
            token: The visitor's own, which comes first.
            app_token: The app's own may stand in for it.
        """
        if engine.is_free:
            return None
        return token or (self.app_token if app_token else None)

    async def adopt(self, visitor: str | None = None, token: SecretStr | None = None) -> list[str]:
        """Look after the open runs that nobody looks after, as far as the tokens at hand allow.

        Args:
            visitor: Only this visitor's runs.
            token: The visitor's own.

        Returns:
            The ids of the runs that are carried on: paid ones that were sent are followed, free ones started again.
        """
        now = self._desk.clock()
        unheld = await self._desk.ledger.ask(lambda store: store.unheld(now))
        wanted = [record for record in unheld if visitor in {None, record.visitor} and record.run_id not in self._flows]
        carried: list[str] = []
        failure: Exception | None = None
        for record in wanted:
            try:
                if await self._adopt_one(record, token):
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
        record = await self._desk.ledger.ask(lambda store: store.get(run_id))
        is_over = record is None or record.state.is_final or run_id in self._flows
        is_held = record is not None and record.is_held(self._desk.clock())
        if is_over or record is None or (not is_held and await self._adopt_one(record, token)):
            self._awaited.pop(run_id, None)
        else:
            self._awaited[run_id] = token

    async def keep_on(self, *, adopt: bool) -> None:
        """Renew the claims on this process's runs, take up those that are awaited and adopt others, until cancelled."""
        await asyncio.sleep(min(ADOPT_AFTER_S, self._desk.lease_s / 4))
        while True:
            await _logged(self._renew())
            for run_id, token in list(self._awaited.items()):
                await _logged(self.take_up(run_id, token))
            if adopt:
                await _logged(self.adopt())
            await asyncio.sleep(self._desk.lease_s / 4)

    async def aclose(self) -> None:
        """Let go of all runs; what is being sent at this moment may be answered first."""
        sending = [task for run_id, task in self._tasks.items() if self._flows[run_id].is_sending]
        if sending:
            await asyncio.wait(sending, timeout=SUBMIT_GRACE_S)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _adopt_one(self, record: RunRecord, token: SecretStr | None) -> bool:
        desk, engine = self._desk, await self._engines.get(record.engine)
        key = token if record.own_token else self.app_token or token
        plan = adoption(record, is_free=engine.is_free, has_token=key is not None)
        if plan is Adoption.WAIT_FOR_TOKEN or not await self._claim(record):
            return False
        held = replace(record, holder=desk.holder)
        if isinstance(plan, Ending):
            values = {"error": plan.error, "advice": plan.advice}
            try:
                await Chronicle(desk, held).note(plan.state, **values)
            finally:
                desk.board.take_down(record.run_id)
            return False
        if plan is Adoption.START_AGAIN:
            held = replace(held, state=RunState.PREPARING, request_id=None)
            await Chronicle(desk, held).note(RunState.PREPARING, request_id=None)
        self.carry(held, engine, None if engine.is_free else key)
        return True

    async def _claim(self, record: RunRecord) -> bool:
        desk, now = self._desk, self._desk.clock()
        return await desk.ledger.ask(
            lambda store: store.claim(record.run_id, holder=desk.holder, now=now, until=now + desk.lease_s)
        )

    async def _renew(self) -> None:
        desk, run_ids = self._desk, list(self._flows)
        if run_ids:
            until = desk.clock() + desk.lease_s
            lost = await desk.ledger.ask(lambda store: store.renew(run_ids, holder=desk.holder, until=until))
            for run_id in lost & self._flows.keys():
                if self._flows[run_id].may_be_dropped:
                    log.warning("Run %s is looked after by another process now.", run_id)
                    self._tasks[run_id].cancel()

    async def _see_through(self, flow: Flow) -> None:
        run_id = flow.record.run_id
        try:
            await flow.run()
        except KlingUIError as error:
            log.error("Run %s could not be written down: %s", run_id, error)  # noqa: TRY400  the reason is in the text
        finally:
            del self._flows[run_id], self._tasks[run_id]
            self.previews.leave(run_id)
            self._desk.board.take_down(run_id)


async def _logged(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        log.exception("Open runs could not be looked after.")
