"""From a request id at the vendor back to a run."""

import asyncio
import secrets

from pydantic import SecretStr

from kling_ui.api.models import REQUEST_ID, RequestResult
from kling_ui.errors import RunError
from kling_ui.options import Provider, TransferOptions
from kling_ui.runs.engines import Engines
from kling_ui.runs.record import EngineName, RunRecord, RunState, Start, StartCode, Terms, recovered_fingerprint
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.submission import NoTokenError, unknown_visitor
from kling_ui.runs.supervisor import RunSupervisor

# A run whose outcome is unknown is taken for a request that was made about when it was sent: clocks differ, and a
# submit with inline media takes its time.
MADE_BEFORE_S = 300.0
MADE_AFTER_S = 900.0
WAY_OUT = "Enter the token that made it; whoever runs this app can also use kling-ui recover."


class Recovery:
    """Brings requests back.

    Args:
        context: What all runs share.
        engines: Where runs can go.
        supervisor: Who carries them.
    """

    def __init__(self, context: RunContext, engines: Engines, supervisor: RunSupervisor) -> None:
        self._context = context
        self._engines = engines
        self._supervisor = supervisor

    async def recover(
        self,
        request_id: str,
        *,
        visitor: str,
        token: SecretStr | None,
        run_id: str | None,
        everybody: bool,
        terms: Terms,
    ) -> Start:
        """Follow a request on; see :meth:`kling_ui.runs.runner.Runner.recover`."""
        request_id = _checked(request_id, visitor)
        known = await self._context.ledger.ask(lambda store: store.of_request(request_id))
        theirs = [record for record in known if everybody or record.visitor == visitor]
        if theirs and (start := await self._without_asking(theirs[0], token)) is not None:
            return start
        may_ask = terms.any_request and (bool(theirs) or not known)
        if token is None and not (may_ask or _are_the_apps(theirs)):
            raise RunError("This request is not known here, or not made with the app's token.", advice=WAY_OUT)
        model = await self._model_of(theirs, run_id)
        provider = Provider.of_model(model)
        if provider is not Provider.RUNCOMFY and not (may_ask or _are_the_apps(theirs)):
            raise RunError("This request is not known here.", advice=WAY_OUT)
        token = token if provider is Provider.RUNCOMFY else None  # it is not meant for anybody else
        found = await self._look_up(request_id, token, model)
        target = (
            theirs[0]
            if theirs
            else await self._unanswered(found, None if everybody else visitor, run_id, token, provider)
        )
        if target is None:
            return await self._enter(found, visitor, token)
        return await self._reopen(target, request_id, token)

    async def _without_asking(self, record: RunRecord, token: SecretStr | None) -> Start | None:
        if record.result_name is not None and await asyncio.to_thread(self._is_here, record):
            await self._context.ledger.ask(lambda store: store.restore(record.run_id, record.visitor))
            return Start(run_id=record.run_id, is_new=False, code=StartCode.FOUND_HERE)
        is_carried = self._supervisor.executor_of(record.run_id) is not None or record.is_held(self._context.clock())
        if record.state.is_final or not is_carried:
            return None
        await self._supervisor.take_up(record.run_id, token)  # should whoever holds it be gone
        return Start(run_id=record.run_id, is_new=False, code=StartCode.FOUND_FOLLOWED)

    def _is_here(self, record: RunRecord) -> bool:
        return (self._context.folders.of(record.run_id) / (record.result_name or "")).is_file()

    async def _model_of(self, theirs: list[RunRecord], run_id: str | None) -> str:
        """Return the model of the run that a request belongs to; empty for the usual one."""
        record = theirs[0] if theirs else None
        if record is None and run_id is not None:
            record = await self._context.ledger.ask(lambda store: store.get(run_id))
        return record.choice.model if record else ""

    async def _look_up(self, request_id: str, token: SecretStr | None, model: str) -> RequestResult:
        engine = await self._engines.get(EngineName.KLING, model)
        if (key := self._supervisor.key(engine, token, app_token=True)) is None:  # whether it may be, see recover
            raise NoTokenError(advice="Enter the token that made the request.")
        return await engine.api(key).result(request_id)

    async def _unanswered(
        self,
        found: RequestResult,
        visitor: str | None,
        run_id: str | None,
        token: SecretStr | None,
        provider: Provider,
    ) -> RunRecord | None:
        """Choose the run of unknown outcome that this request is the answer to.

        What the app's money was spent on is told by the app's token alone: a request of another account would make it
        cost what that one did.
        """
        waiting = await self._context.ledger.ask(lambda store: store.unanswered(visitor))
        waiting = [record for record in waiting if record.choice.provider is provider]
        if token not in {None, self._supervisor.app_token}:
            if any(record.run_id == run_id and record.payer for record in waiting):
                raise RunError("This run was sent with the app's token, which alone finds its request.", advice=WAY_OUT)
            waiting = [record for record in waiting if not record.payer]
        if run_id is not None:
            chosen = [record for record in waiting if record.run_id == run_id]
            if not chosen:
                raise RunError("This run does not wait for a request id.", advice="Recover the request without it.")
            return chosen[0]
        if found.created_at is None:
            return waiting[0] if len(waiting) == 1 else None
        made_at = found.created_at.timestamp()
        late_s = {record.run_id: made_at - await self._sent_at(record) for record in waiting}
        fitting = [record for record in waiting if -MADE_BEFORE_S <= late_s[record.run_id] <= MADE_AFTER_S]
        return min(fitting, key=lambda record: abs(late_s[record.run_id]), default=None)

    async def _sent_at(self, record: RunRecord) -> float:
        states = await self._context.ledger.ask(lambda store: store.history(record.run_id))
        return next((at for state, at in reversed(states) if state is RunState.SUBMITTING), record.created_at)

    async def _reopen(self, record: RunRecord, request_id: str, token: SecretStr | None) -> Start:
        run_id, now, own_token = record.run_id, self._context.clock(), token is not None
        is_gone = record.result_name is not None  # or it would have been found, see _without_asking
        if not await self._context.ledger.ask(
            lambda store: store.recover(run_id, request_id, now=now, own_token=own_token, is_gone=is_gone)
        ):
            raise RunError("This run has changed meanwhile.", advice="Look at it again.")
        await self._supervisor.take_up(run_id, token)
        return Start(run_id=run_id, is_new=False, code=StartCode.FOUND)

    async def _enter(self, found: RequestResult, visitor: str, token: SecretStr | None) -> Start:
        now, request_id = self._context.clock(), found.request_id
        record = RunRecord(
            run_id=secrets.token_hex(16),
            visitor=visitor,
            engine=EngineName.KLING,
            state=RunState.IN_QUEUE,
            created_at=found.created_at.timestamp() if found.created_at else now,
            changed_at=now,
            fingerprint=recovered_fingerprint(visitor, request_id),
            image_name="",
            image_sha256="",
            reference_name="",
            reference_sha256="",
            choice=TransferOptions(prompt=""),
            own_token=token is not None,
            visitor_pays=token is not None,
            request_id=request_id,
        )
        standing = await self._context.ledger.ask(lambda store: store.add(record))
        await self._supervisor.take_up(standing.run_id, token)
        is_new = standing.run_id == record.run_id
        return Start(run_id=standing.run_id, is_new=is_new, code=StartCode.FOUND_WITHOUT_INPUTS)


def _are_the_apps(records: list[RunRecord]) -> bool:
    """Tell whether the app's token made the request of the first of these runs, and goes on following it."""
    return bool(records) and not records[0].visitor_pays and not records[0].own_token


def _checked(request_id: str, visitor: str) -> str:
    """Return a request id without the space around it, of somebody to whom a run can belong."""
    if not visitor:
        raise unknown_visitor()
    request_id = request_id.strip()
    if not REQUEST_ID.fullmatch(request_id):
        raise RunError("This is not a request id.", advice="It has at most 128 letters, digits, - and _.")
    return request_id
