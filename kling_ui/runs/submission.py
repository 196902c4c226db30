"""From a request to a run in the ledger, and from a request id at the vendor back to a run."""

import asyncio
import secrets
from dataclasses import asdict, replace

from pydantic import SecretStr

from kling_ui.api.models import REQUEST_ID, Price, RequestResult
from kling_ui.errors import APIConnectionError, APIError, AuthenticationError, InsufficientBalanceError, RunError
from kling_ui.options import TransferOptions
from kling_ui.quotas import Usage
from kling_ui.runs.admission import Admission
from kling_ui.runs.engines import Engine, Engines
from kling_ui.runs.pricing import ROUNDING_USD, Budget, PriceRisenError, Quote, hold_price
from kling_ui.runs.record import (
    BatchCell,
    EngineName,
    RunInputs,
    RunRecord,
    RunState,
    Start,
    StartCode,
    Terms,
    fingerprint,
    forecast_of,
    recovered_fingerprint,
)
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import StoredInputs, sha256_of
from kling_ui.runs.supervisor import Place, RunSupervisor, Urls

PRICE_LIMIT_S = 10.0  # an answer takes at most 10 s (docs/vendor_api.md, section 1)
# A run whose outcome is unknown is taken for a request that was made about when it was sent: clocks differ, and a
# submit with inline media takes its time.
MADE_BEFORE_S = 300.0
MADE_AFTER_S = 900.0
WAY_OUT = "Enter the token that made it; whoever runs this app can also use kling-ui recover."


class NoTokenError(RunError):
    """A run on Kling, or what is asked of it, needs a token that is not there."""

    def __init__(self, *, advice: str) -> None:
        super().__init__("A run on Kling needs a RunComfy token.", advice=advice)


class RunSubmission:
    """Takes requests in.

    Args:
        context: What all runs share.
        engines: Where runs can go.
        supervisor: Who carries them.
        budget: What paid runs may cost.
        admission: What may be begun at all.
    """

    def __init__(
        self, context: RunContext, engines: Engines, supervisor: RunSupervisor, budget: Budget, admission: Admission
    ) -> None:
        self._admission = admission
        self._context = context
        self._engines = engines
        self._supervisor = supervisor
        self._budget = budget

    async def begin(
        self,
        inputs: RunInputs,
        *,
        engine: EngineName,
        visitor: str,
        token: SecretStr | None,
        again: bool,
        shown_rate_usd: float | None,
        terms: Terms,
    ) -> Start:
        """Set out, or find the same run; see :meth:`kling_ui.runs.runner.Runner.begin`."""
        if not visitor:
            raise nobodys()
        target = await self._engines.get(engine)
        key = self._supervisor.key(target, token, app_token=terms.app_token)
        if not target.is_free and key is None:
            raise self._no_token()
        target.api(key)  # refuses what cannot be a token, before anything is done
        place: Place | None = None
        if target.is_free:
            try:
                place = self._supervisor.previews.take(visitor, terms)
            except RunError:
                await self._supervisor.previews.settle(
                    visitor
                )  # a double click wants the run that the first click starts
                if (standing := await self.already(inputs, engine, visitor, again=again)) is None:
                    raise
                return await self._found(standing, token)
        try:
            kept = await asyncio.to_thread(self._context.folders.keep, inputs.image, inputs.video, inputs.corrections)
            record = self._new_record(kept, inputs, engine, visitor, own_token=token is not None)
            if not target.is_free and token is None:
                record = replace(record, payer=terms.payer or None)
            work = self._enter(
                record, inputs, target, token, again=again, shown_rate_usd=shown_rate_usd, terms=terms, place=place
            )
            entering = asyncio.ensure_future(work)
        except BaseException:
            self._supervisor.previews.give_up(place)
            raise
        entering.add_done_callback(lambda _: self._supervisor.previews.give_up(place))
        # A person who goes away in the middle of this leaves a run that goes on, not half a run.
        return await asyncio.shield(entering)

    async def already(
        self, inputs: RunInputs, engine: EngineName, visitor: str, *, again: bool = False
    ) -> RunRecord | None:
        """Return the run that :meth:`begin` would find; both files are read."""
        image_sha256, reference_sha256 = await asyncio.gather(
            asyncio.to_thread(sha256_of, inputs.image), asyncio.to_thread(sha256_of, inputs.video)
        )
        request = fingerprint(
            visitor, engine, image_sha256, reference_sha256, inputs.choice, corrections_key=_key_of(inputs)
        )
        return await self._standing(request, again=again)

    async def quote(self, token: SecretStr | None, duration_s: float | None, terms: Terms) -> Quote:
        """Read the price; see :meth:`kling_ui.runs.runner.Runner.quote`."""
        engine = await self._engines.get(EngineName.KLING)
        if (key := self._supervisor.key(engine, token, app_token=terms.app_token)) is None:
            return Quote(duration_s=duration_s, needs_token=True)
        return await _read_price(engine, key, duration_s)

    async def _enter(
        self,
        record: RunRecord,
        inputs: RunInputs,
        engine: Engine,
        token: SecretStr | None,
        *,
        again: bool,
        shown_rate_usd: float | None,
        terms: Terms,
        place: Place | None,
    ) -> Start:
        key, folders = self._supervisor.key(engine, token, app_token=terms.app_token), self._context.folders
        budget, cell = None if engine.is_free else self._budget_of(inputs, token, terms), inputs.cell
        claim = self._admission.claim(terms.quota_keys, Usage(previews=1))
        try:
            standing = await self._standing(record.fingerprint, again=again, cell=cell)
            if standing is None and key is not None and not engine.is_free:
                quote = await _read_price(engine, key, await self._duration_s(record, inputs))
                _compare(quote, shown_rate_usd)
                hold_price(quote, terms.max_usd)
                record = replace(record, price=quote.to_json(), estimate_usd=quote.estimate_usd)
                claim = self._admission.claim(terms.quota_keys, usage_of(quote, token), is_paid=True)
            if standing is None:
                gone, now = await self._gone(record.fingerprint), self._context.clock()
                record = replace(record, held_until=now + self._context.lease_s)
                standing = await self._context.ledger.ask(
                    lambda store: store.add(record, again=again, gone=gone, budget=budget, claim=claim, cell=cell)
                )
        except Exception:
            await asyncio.to_thread(folders.remove, record.run_id)
            raise
        if standing.run_id != record.run_id:
            await asyncio.to_thread(folders.remove, record.run_id)
            return await self._found(standing, token)
        # Somebody else's server may give the engine another file than it gave here: with the app's money only what was
        # checked and priced is sent.
        urls: Urls = (None, None) if record.payer else (inputs.image_url, inputs.video_url)
        self._supervisor.carry(record, engine, key, urls, place=place)
        return Start(run_id=record.run_id, is_new=True)

    def _no_token(self) -> "NoTokenError":
        """Say why there is none: the app has none, or has one that does not pay for everybody."""
        if self._supervisor.app_token is None:
            return NoTokenError(advice="Enter one, or use the preview.")
        return NoTokenError(advice="Bring your own: the app's does not pay for this. Or use the preview.")

    async def _found(self, standing: RunRecord, token: SecretStr | None) -> Start:
        await self._supervisor.take_up(standing.run_id, token)  # should nobody carry it
        return Start(run_id=standing.run_id, is_new=False, code=standing_code(standing))

    def _budget_of(self, inputs: RunInputs, token: SecretStr | None, terms: Terms) -> Budget:
        budget = self._budget.sharing(terms.share_usd if token is None else None)
        return replace(budget, batch_usd=inputs.cell.max_usd) if inputs.cell else budget

    async def _standing(self, request: str, *, again: bool, cell: BatchCell | None = None) -> RunRecord | None:
        gone = await self._gone(request)
        return await self._context.ledger.ask(lambda store: store.standing(request, gone=gone, again=again, cell=cell))

    async def _gone(self, request: str) -> list[str]:
        """Return the completed runs of a request whose results are no longer there."""
        like = await self._context.ledger.ask(lambda store: store.like(request))
        done = [record for record in like if record.state is RunState.COMPLETED]
        return await asyncio.to_thread(lambda: [record.run_id for record in done if not self._is_here(record)])

    def _is_here(self, record: RunRecord) -> bool:
        return (self._context.folders.of(record.run_id) / (record.result_name or "")).is_file()

    async def _duration_s(self, record: RunRecord, inputs: RunInputs) -> float | None:
        if (known_s := inputs.known_duration_s) is not None:
            return known_s
        measured = await self._context.measurer.facts(self._context.folders.of(record.run_id) / record.reference_name)
        return measured.facts.duration_s if measured.facts else None

    def _new_record(
        self, kept: StoredInputs, inputs: RunInputs, engine: EngineName, visitor: str, *, own_token: bool
    ) -> RunRecord:
        now = self._context.clock()
        return RunRecord(
            run_id=kept.run_id,
            visitor=visitor,
            engine=engine,
            state=RunState.PREPARING,
            created_at=now,
            changed_at=now,
            fingerprint=fingerprint(
                visitor,
                engine,
                kept.image_sha256,
                kept.reference_sha256,
                inputs.choice,
                corrections_key=_key_of(inputs),
            ),
            holder=self._context.holder,
            held_until=now + self._context.lease_s,
            image_name=kept.image_name,
            image_sha256=kept.image_sha256,
            reference_name=kept.reference_name,
            reference_sha256=kept.reference_sha256,
            choice=inputs.choice,
            own_token=own_token,
            visitor_pays=own_token,
            findings=inputs.findings,
            forecast_s=forecast_of(inputs.findings),
            repaired=inputs.repaired,
            corrected=asdict(summary) if inputs.corrections and (summary := inputs.corrections.summary) else None,
        )


def _key_of(inputs: RunInputs) -> str:
    return inputs.corrections.key if inputs.corrections else ""


def usage_of(quote: Quote, token: SecretStr | None) -> Usage:
    """Say what a run on Kling takes of a day; what a visitor's own token pays takes none of the app's dollars."""
    return Usage(runs=1, seconds=quote.duration_s, usd=quote.estimate_usd if token is None else 0.0)


def foreseen_usage(quote: Quote, token: SecretStr | None) -> Usage:
    """Say the same before a run is asked for: without a clip, a run of no length."""
    return Usage(runs=1) if quote.duration_s is None else usage_of(quote, token)


def nobodys() -> RunError:
    """Say that nothing is done for somebody to whom nothing can belong."""
    return RunError("It is not known whose run this is.", advice="Load the page again.")


def standing_code(record: RunRecord) -> StartCode:
    """Tell why a request makes no new run."""
    if record.state is RunState.COMPLETED:
        is_free = record.engine is EngineName.PREVIEW
        return StartCode.SAME_RESULT if is_free else StartCode.SAME_PAID_RESULT
    return StartCode.SAME_UNKNOWN if record.state is RunState.UNKNOWN else StartCode.SAME_OPEN


async def _read_price(engine: Engine, key: SecretStr, duration_s: float | None) -> Quote:
    """Read the price now; one from before may be stale.

    Raises:
        AuthenticationError: The token was not accepted, so that a run would not be, either.
        InsufficientBalanceError: The account has no balance left.
    """
    try:
        price = await _price(engine, key)
    except InsufficientBalanceError:
        raise
    except AuthenticationError as error:
        if error.status_code == 401 or error.error_code == 400004:
            raise
        return Quote(duration_s=duration_s, trouble=error.message)
    except APIError as error:
        return Quote(duration_s=duration_s, trouble=error.message)
    return Quote(rate_usd=price.amount_usd, unit=price.unit, note=price.note, duration_s=duration_s)


async def _price(engine: Engine, key: SecretStr) -> Price:
    try:
        async with asyncio.timeout(PRICE_LIMIT_S):
            return await engine.api(key).price()
    except TimeoutError as error:
        raise APIConnectionError("The model API did not answer in time.") from error


def _compare(quote: Quote, shown_rate_usd: float | None) -> None:
    if quote.rate_usd is None or shown_rate_usd is None or quote.rate_usd <= shown_rate_usd + ROUNDING_USD:
        return
    raise PriceRisenError(quote, shown_rate_usd)


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
        if not visitor:
            raise nobodys()
        request_id = request_id.strip()
        if not REQUEST_ID.fullmatch(request_id):
            raise RunError("This is not a request id.", advice="It has at most 128 letters, digits, - and _.")
        known = await self._context.ledger.ask(lambda store: store.of_request(request_id))
        theirs = [record for record in known if everybody or record.visitor == visitor]
        if theirs and (start := await self._without_asking(theirs[0], token)) is not None:
            return start
        may_ask = terms.any_request and (bool(theirs) or not known)
        if token is None and not (may_ask or (theirs and _is_the_apps(theirs[0]))):
            raise RunError("This request is not known here, or not made with the app's token.", advice=WAY_OUT)
        found = await self._look_up(request_id, token)
        if theirs:
            target: RunRecord | None = theirs[0]
        else:
            target = await self._unanswered(found, None if everybody else visitor, run_id, token)
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

    async def _look_up(self, request_id: str, token: SecretStr | None) -> RequestResult:
        engine = await self._engines.get(EngineName.KLING)
        if (key := self._supervisor.key(engine, token, app_token=True)) is None:  # whether it may be, see recover
            raise NoTokenError(advice="Enter the token that made the request.")
        return await engine.api(key).result(request_id)

    async def _unanswered(
        self, found: RequestResult, visitor: str | None, run_id: str | None, token: SecretStr | None
    ) -> RunRecord | None:
        """Choose the run of unknown outcome that this request is the answer to.

        What the app's money was spent on is told by the app's token alone: a request of another account would make it
        cost what that one did.
        """
        waiting = await self._context.ledger.ask(lambda store: store.unanswered(visitor))
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


def _is_the_apps(record: RunRecord) -> bool:
    """Tell whether the app's token made the request of a run, and goes on following it."""
    return not record.visitor_pays and not record.own_token
