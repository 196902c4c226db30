"""The batch area of the page: files become a plan, ticked cells become runs, and the runs become a report."""

import asyncio
import math
import secrets
import shutil
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.manifest import NAME_MAX_CHARS, BatchRow, grid, rows_in, with_model
from kling_ui.batches.named_files import HandedFiles
from kling_ui.batches.plan import BatchPlan, Payment, Planner
from kling_ui.batches.report import write_report
from kling_ui.checks.repair_session import RepairSession
from kling_ui.errors import RunError
from kling_ui.languages import in_english, say, told
from kling_ui.options import DEFAULT_PROMPT, Orientation, TransferOptions
from kling_ui.presentation.batch_sentences import risen_words
from kling_ui.runs.record import EngineName
from kling_ui.ui.browser_values import model_of
from kling_ui.ui.event_payload import choice_of, entries_of, error_text, payload, text_of
from kling_ui.ui.handlers.price import refuse_bad_token
from kling_ui.ui.handlers.run_display import refuse_unknown
from kling_ui.ui.open_batches import KeptOrder, OpenBatch, PageBatch
from kling_ui.ui.services import Services
from kling_ui.ui.views.batch_rows import batch_value
from kling_ui.ui.visitors import Visitor, visitor_of

CELLS_MAX = 100
FILES_MAX = 100
KEPT_MAX = 200
GONE = told("This batch is not known here any more. Its runs are among the earlier runs.")

Value = dict[str, Any]


class BatchHandlers:
    """Handlers of the batch area.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._known: OrderedDict[str, PageBatch] = OrderedDict()

    async def on_plan(
        self, engine: str, visitor: str, model: object, event: gr.EventData, request: gr.Request
    ) -> Value:
        """Check and price what was handed in; nothing is started."""
        asked, who = payload(event), visitor_of(visitor, request)
        services, known = self._services().for_request(request), self._of(text_of(asked.get("id")), who)
        try:
            refuse_unknown(who)
            chosen, is_repairing = _chosen_model(services, model), asked.get("repair") is True
            rows = with_model(_rows(services, asked), chosen)
            # The same batch goes on with other rows: a cell is known by its content.
            batch = text_of(asked.get("id")) if known else secrets.token_hex(16)
            size_bytes = await asyncio.to_thread(_size_bytes, rows) if is_repairing else 0
            async with services.room(size_bytes) as room:
                await asyncio.to_thread(room.folder.mkdir, parents=True)
                made = PageBatch(who.owner, rows, BatchFolder(room.folder, batch), is_repairing, chosen)
                plan = await self._plan(services, made, who, _engine(engine), asked, chosen=None)
            self._keep(batch, made)
            await self._keep_plan(services, batch, made, plan, _engine(engine))
        except Exception as error:  # noqa: BLE001  told in words
            return {"id": "", "cells": [], "said": str(error_text(error)), "is_under_way": False}
        return batch_value(batch, _planned(plan), plan.sentence, is_under_way=False)

    async def on_start(  # noqa: PLR0917  Gradio passes values by position
        self,
        engine: str,
        token_line: Value | None,
        visitor: str,
        model: object,
        event: gr.EventData,
        request: gr.Request,
    ) -> AsyncIterator[Value]:
        """Start the cells that are ticked, and show them until all have ended."""
        asked, who = payload(event), visitor_of(visitor, request)
        batch, services = text_of(asked.get("id")), self._services().for_request(request)
        try:
            made = await self._planned(services, batch, who)
            refuse_bad_token(_engine(engine), token_line)
            if _engine(engine) is EngineName.KLING:
                _refuse_another_model(made, _chosen_model(services, model))
            services.store.floor.check()
            chosen = _numbers(asked.get("cells"), len(made.rows))
            chosen |= await self._begun(services, batch, who, made, _engine(engine))
            plan = await self._plan(services, made, who, _engine(engine), asked, chosen=chosen)
            if await self._has_risen(services, batch, made, plan, _engine(engine)):
                yield batch_value(batch, _planned(plan), risen_words(plan.sentence), is_under_way=False)
                return
            payment = self._payment(services, who, _engine(engine), asked)
            order = KeptOrder.of(made, plan, chosen, _engine(engine))
            await services.runner.batches.keep_order(batch, who.owner, order.to_json(services.signed_files.root))
            opened = services.batches.start(services.runner, plan, made.folder, payment, _engine(engine))
        except Exception as error:  # noqa: BLE001  told in words
            yield self._shown(batch, who, error)
            return
        async for value in self._followed(batch, opened):
            yield value

    async def on_look(self, visitor: str, event: gr.EventData, request: gr.Request) -> AsyncIterator[Value]:
        """Show a batch again whose page was loaded anew, also where the app was restarted meanwhile."""
        batch, who = text_of(payload(event).get("id")), visitor_of(visitor, request)
        if (opened := self._opened(batch, who) or await self._left(batch, who)) is not None:
            async for value in self._followed(batch, opened):
                yield value
        else:
            yield {}

    async def on_pause(self, visitor: str, event: gr.EventData, request: gr.Request) -> None:
        """Start nothing more; what runs is finished."""
        opened = self._opened(text_of(payload(event).get("id")), visitor_of(visitor, request))
        if opened is not None:
            opened.pause.set()

    async def on_report(self, visitor: str, event: gr.EventData, request: gr.Request) -> Value:
        """Write the report of a batch that has ended, with its results, as one archive."""
        batch, services = text_of(payload(event).get("id")), self._services().for_request(request)
        who = visitor_of(visitor, request)
        if (opened := self._opened(batch, who) or await self._left(batch, who)) is None:
            return {"said": GONE}
        outcomes = opened.in_order
        value = batch_value(batch, outcomes, opened.sentence, is_under_way=opened.is_under_way)
        try:
            archive = await _archive(services, batch, opened)
        except Exception as error:  # noqa: BLE001  told in words
            return value | {"said": str(error_text(error))}
        return value | {"report": services.signed_files.url(archive), "said": say("The report is ready.")}

    @in_english
    async def _keep_plan(
        self, services: Services, batch: str, made: PageBatch, plan: BatchPlan, engine: EngineName
    ) -> None:
        """Keep what was planned, so that it is found again after a restart of the app."""
        opened = services.batches.find(batch)
        if opened is not None and opened.is_under_way:
            return  # what is kept of it says what to go on with
        order = KeptOrder.of_plan(made, plan, engine, time.time())
        await services.runner.batches.keep_order(batch, made.owner, order.to_json(services.signed_files.root))

    async def _has_risen(
        self, services: Services, batch: str, made: PageBatch, plan: BatchPlan, engine: EngineName
    ) -> bool:
        """Tell whether a second costs more than a person was shown; the new price is then kept as the one shown."""
        kept = await services.runner.batches.order(batch, made.owner)
        order = KeptOrder.from_json(kept, services.signed_files.root) if kept else None
        if order is None or order.planned is None or order.engine is not engine or not order.planned.has_risen(plan):
            return False
        await self._keep_plan(services, batch, made, plan, engine)
        return True

    async def _followed(self, batch: str, opened: OpenBatch) -> AsyncIterator[Value]:
        async for is_under_way in opened.scenes():
            yield batch_value(batch, opened.in_order, opened.sentence, is_under_way=is_under_way)

    @in_english
    async def _plan(
        self,
        services: Services,
        made: PageBatch,
        who: Visitor,
        engine: EngineName,
        asked: Value,
        *,
        chosen: Collection[int] | None,
    ) -> BatchPlan:
        planner = Planner(
            preflight=services.preflight,
            repairs=RepairSession(services.preflight, services.workers),
            runner=services.runner,
            folder=made.folder,
            payment=self._payment(services, who, engine, asked),
            repair=None if made.repairs else (),
            at_once=1,  # so much may wait for workers as one visitor may have waiting
        )
        return await planner.plan(made.rows, engine, chosen)

    @staticmethod
    def _payment(services: Services, who: Visitor, engine: EngineName, asked: Value) -> Payment:
        """Tell who pays and how much.

        Raises:
            RunError: It costs money, and no limit was given.
        """
        if engine is EngineName.PREVIEW:
            return Payment(visitor=who.owner, terms=services.terms(who))
        limit = asked.get("max_usd")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < math.inf:
            raise RunError(
                say("A batch on Kling costs money."), advice=say("Enter the most that it may cost, in US dollars.")
            )
        token = services.tokens.use(who.token_key)
        return Payment(visitor=who.owner, token=token, terms=services.terms(who), max_usd=float(limit))

    async def _planned(self, services: Services, batch: str, who: Visitor) -> PageBatch:
        """Return a batch that was planned here, or before the app was restarted.

        Raises:
            KlingUIError: There is none of this visitor, or there is no room for repaired copies.
        """
        if (made := self._of(batch, who)) is not None:
            return made
        order = await self._kept(batch, who)
        if order is None:
            raise RunError(GONE)
        size_bytes = await asyncio.to_thread(_size_bytes, order.rows) if order.repairs else 0
        async with services.room(size_bytes) as room:
            await asyncio.to_thread(room.folder.mkdir, parents=True)
            made = PageBatch(who.owner, order.rows, BatchFolder(room.folder, batch), order.repairs, order.model)
        self._keep(batch, made)
        return made

    async def _begun(
        self, services: Services, batch: str, who: Visitor, made: PageBatch, engine: EngineName
    ) -> frozenset[int]:
        """Return the cells that have runs already: they stay in sight, and nothing of them is sent again."""
        order = await self._kept(batch, who)
        if order is None or order.engine is not engine or order.rows != made.rows:
            return frozenset()
        return await order.begun(services.runner, batch)

    async def _kept(self, batch: str, who: Visitor) -> KeptOrder | None:
        services = self._services()
        kept = await services.runner.batches.order(batch, who.owner) if who.is_known and batch else None
        return None if kept is None else KeptOrder.from_json(kept, services.signed_files.root)

    async def _left(self, batch: str, who: Visitor) -> OpenBatch | None:
        """Show a batch that an earlier process left, as its runs are in the ledger now."""
        if (order := await self._kept(batch, who)) is None:
            return None
        outcomes = await order.outcomes(self._services().runner, batch, who.owner)
        return OpenBatch.restored(outcomes, who.owner, order.words(outcomes))

    def _shown(self, batch: str, who: Visitor, error: Exception) -> Value:
        """Say why something could not be done, beside what was shown before."""
        opened, said = self._opened(batch, who), str(error_text(error))
        if opened is None:
            return {"id": batch, "cells": [], "said": said, "is_under_way": False}
        return batch_value(batch, opened.in_order, said, is_under_way=opened.is_under_way)

    def _opened(self, batch: str, who: Visitor) -> OpenBatch | None:
        """Return a batch that is known here, if it is this visitor's."""
        return None if self._of(batch, who) is None else self._services().batches.find(batch)

    def _of(self, batch: str, who: Visitor) -> PageBatch | None:
        known = self._known.get(batch)
        return known if known is not None and who.is_known and known.owner == who.owner else None

    def _keep(self, batch: str, made: PageBatch) -> None:
        self._known[batch] = made
        self._known.move_to_end(batch)
        while len(self._known) > KEPT_MAX:
            self._known.popitem(last=False)


def _chosen_model(services: Services, model: object) -> str:
    """Read the model of Kling that is chosen on the page; empty for the usual one."""
    return services.runner.usual(TransferOptions(model=model_of(model))).model


def _refuse_another_model(made: PageBatch, model: str) -> None:
    """Start nothing on a model that was not priced.

    Raises:
        RunError: Another one was chosen since.
    """
    if model != made.model:
        raise RunError("Another model was chosen since.", advice="Check and price again.")


def _engine(value: str) -> EngineName:
    return choice_of(value, EngineName.PREVIEW)


def _rows(services: Services, asked: Value) -> tuple[BatchRow, ...]:
    """Read what the page handed in: a manifest with its files, or the two sides of a grid."""
    images, videos, named = [], [], {}
    given = asked.get("files")
    for one in (given if isinstance(given, list) else [])[:FILES_MAX]:
        entry = entries_of(one)
        if (path := services.signed_files.open(entry.get("ref"))) is None:
            continue
        named[text_of(entry.get("name"))] = path
        (videos if entry.get("kind") == "video" else images).append(path)
    manifest = entries_of(asked.get("manifest"))
    if manifest:
        name = Path(text_of(manifest.get("name")).replace("\0", "")).name[-NAME_MAX_CHARS:]
        rows = rows_in(text_of(manifest.get("text")), name, HandedFiles(named))
    else:
        if not (images and videos):
            raise RunError(say("A batch takes one picture and one clip at least."))
        facings = [facing for facing in Orientation if facing.value in _texts(asked.get("orientations"))]
        prompts = _texts(asked.get("prompts")) or [DEFAULT_PROMPT]
        keeps = asked.get("keep_sound") is not False
        count = len(images) * len(videos) * max(1, len(facings)) * len(prompts)
        rows = (
            ()
            if count > CELLS_MAX
            else grid(images, videos, facings or list(Orientation)[:1], prompts, keep_sound=keeps)
        )
    if not 0 < len(rows) <= CELLS_MAX:
        raise RunError(
            say("A batch has at most {most} cells here.", most=CELLS_MAX), advice=say("Use fewer files or scenes.")
        )
    return rows


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def _numbers(value: object, count: int) -> frozenset[int]:
    given = value if isinstance(value, list) else []
    return frozenset(one for one in given if isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= count)


def _size_bytes(rows: Collection[BatchRow]) -> int:
    paths = {row.image for row in rows} | {row.video for row in rows}
    return sum(path.stat().st_size for path in paths if path.is_file())


def _planned(plan: BatchPlan) -> list[CellOutcome]:
    return [CellOutcome(cell=cell, state=cell.state, message=cell.message) for cell in plan.cells]


@in_english
async def _archive(services: Services, batch: str, opened: OpenBatch) -> Path:
    outcomes, summary = opened.in_order, f"{opened.sentence} Planned: {opened.plan.sentence}"
    size_bytes = sum(outcome.video.stat().st_size for outcome in outcomes if outcome.video and outcome.video.is_file())
    async with services.room(2 * size_bytes) as room:
        folder = BatchFolder(room.folder / "batch", batch)
        await asyncio.to_thread(folder.path.mkdir, parents=True)
        shown = [await asyncio.to_thread(_with_copy, folder, outcome) for outcome in outcomes]
        await write_report(services.workers, folder, shown, title="Batch", summary=summary)
        made = await asyncio.to_thread(shutil.make_archive, str(room.folder / "batch-report"), "zip", folder.path)
        await asyncio.to_thread(shutil.rmtree, folder.path)
        return Path(made)


def _with_copy(folder: BatchFolder, outcome: CellOutcome) -> CellOutcome:
    if outcome.video is None or not outcome.video.is_file():
        return replace(outcome, video=None)
    cell = outcome.cell
    place = folder.result(cell.row, cell.key, cell.engine, outcome.video.suffix)
    return replace(outcome, video=folder.keep_result(outcome.video, place))
