"""From a request to a run in the ledger."""

import asyncio
from dataclasses import asdict, replace

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.options import TransferOptions
from kling_ui.quotas import Usage
from kling_ui.runs.admission import Admission
from kling_ui.runs.engines import Engine, Engines
from kling_ui.runs.model_offers import ModelOffers
from kling_ui.runs.model_schema import hold_schema
from kling_ui.runs.pricing import ROUNDING_USD, Budget, PriceRisenError, Quote, hold_price, usage_of
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
)
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import StoredInputs, sha256_of
from kling_ui.runs.supervisor import PreviewPlace, RunSupervisor, Urls


class NoTokenError(RunError):
    """A run on Kling, or what is asked of it, needs a token that is not there."""

    def __init__(self, *, advice: str) -> None:
        super().__init__("A run on Kling needs a RunComfy token.", advice=advice)


class NoFalKeyError(RunError):
    """A run through fal needs the app's own key, which is not there, or does not pay for this.

    Args:
        is_set: The app has a key.
    """

    def __init__(self, *, is_set: bool) -> None:
        advice = "Choose a model of RunComfy, and bring its token." if is_set else "Whoever runs this app can set it."
        why = "The app's key for fal does not pay for this." if is_set else "A run through fal needs KLING_UI_FAL_KEY."
        super().__init__(why, advice=advice)


class RunSubmission:
    """Takes requests in.

    Args:
        context: What all runs share.
        engines: Where runs can go.
        supervisor: Who carries them.
        budget: What paid runs may cost.
        admission: What may be begun at all.
        offers: Reads what models cost and take.
    """

    def __init__(
        self,
        context: RunContext,
        engines: Engines,
        supervisor: RunSupervisor,
        *,
        budget: Budget,
        admission: Admission,
        offers: ModelOffers,
    ) -> None:
        self._offers = offers
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
            raise unknown_visitor()
        inputs = replace(inputs, choice=self._offers.usual(inputs.choice))
        target = await self._engines.get(engine, inputs.choice.model)
        token = token if target.takes_tokens else None
        self._require_token(target, token, inputs.choice.model, terms)
        place: PreviewPlace | None = None
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
        return await self._standing(await self.fingerprint(inputs, engine, visitor), again=again)

    async def fingerprint(self, inputs: RunInputs, engine: EngineName, visitor: str) -> str:
        """Return what tells a visitor's request from all others; both files are read."""
        image_sha256, reference_sha256 = await asyncio.gather(
            asyncio.to_thread(sha256_of, inputs.image), asyncio.to_thread(sha256_of, inputs.video)
        )
        choice = self._offers.usual(inputs.choice)
        return fingerprint(visitor, engine, image_sha256, reference_sha256, choice, corrections_key=_key_of(inputs))

    async def quote(
        self, token: SecretStr | None, duration_s: float | None, terms: Terms, choice: TransferOptions
    ) -> Quote:
        """Read the price; see :meth:`kling_ui.runs.runner.Runner.quote`."""
        engine = await self._engines.get(EngineName.KLING, choice.model)
        if (key := self._supervisor.key(engine, token, app_token=terms.app_token)) is None:
            return Quote(duration_s=duration_s, needs_token=True)
        return await self._offers.quote(engine, key, duration_s, choice)

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
        place: PreviewPlace | None,
    ) -> Start:
        key, folders = self._supervisor.key(engine, token, app_token=terms.app_token), self._context.folders
        budget, cell = None if engine.is_free else self._budget_of(inputs, token, terms), inputs.cell
        claim, schema = self._admission.claim(terms.quota_keys, Usage(previews=1)), None
        try:
            standing = await self._standing(record.fingerprint, again=again, cell=cell)
            if standing is None and key is not None and not engine.is_free:
                quote = await self._offers.quote(engine, key, await self._duration_s(record, inputs), inputs.choice)
                hold_schema(quote.changes)
                _compare(quote, shown_rate_usd)
                hold_price(quote, terms.max_usd)
                schema = quote.schema
                known = {"schema_sha256": schema.sha256 if schema else None}
                record = replace(record, price=quote.to_json(), estimate_usd=quote.estimate_usd, **known)
                claim = self._admission.claim(terms.quota_keys, usage_of(quote, token), is_paid=True)
            if standing is None:
                gone, now = await self._gone(record.fingerprint), self._context.clock()
                record = replace(record, held_until=now + self._context.lease_s)
                standing = await self._context.ledger.ask(
                    lambda store: store.add(
                        record, again=again, gone=gone, budget=budget, claim=claim, cell=cell, schema=schema
                    )
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

    def _require_token(self, engine: Engine, token: SecretStr | None, model: str, terms: Terms) -> None:
        """Refuse what cannot be a token or a model, or that there is no token, before anything is done."""
        key = self._supervisor.key(engine, token, app_token=terms.app_token)
        if not engine.is_free and key is None:
            raise self._no_token(engine)
        engine.api(key, model)

    def _no_token(self, engine: Engine) -> RunError:
        """Say why there is none: the app has none, or has one that does not pay for everybody."""
        if not engine.takes_tokens:
            return NoFalKeyError(is_set=engine.own_key is not None)
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


def unknown_visitor() -> RunError:
    """Say that nothing is done for somebody to whom nothing can belong."""
    return RunError("It is not known whose run this is.", advice="Load the page again.")


def standing_code(record: RunRecord) -> StartCode:
    """Tell why a request makes no new run."""
    if record.state is RunState.COMPLETED:
        is_free = record.engine is EngineName.PREVIEW
        return StartCode.SAME_RESULT if is_free else StartCode.SAME_PAID_RESULT
    return StartCode.SAME_UNKNOWN if record.state is RunState.UNKNOWN else StartCode.SAME_OPEN


def _compare(quote: Quote, shown_rate_usd: float | None) -> None:
    if quote.rate_usd is None or shown_rate_usd is None or quote.rate_usd <= shown_rate_usd + ROUNDING_USD:
        return
    raise PriceRisenError(quote, shown_rate_usd)
