"""What a program may ask of batches: a grid planned, started, asked after, paused and gone on with, by one handle."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.manifest import BatchRow, grid, with_model
from kling_ui.batches.plan import BatchPlan, Payment, Planner
from kling_ui.checks.repair_session import RepairSession
from kling_ui.errors import RunError
from kling_ui.options import InputKind, Orientation
from kling_ui.results import Progress
from kling_ui.runs.handles import key_of, new_handle
from kling_ui.ui.open_batches import OpenBatch
from kling_ui.ui.programs.arguments import (
    PaymentArguments,
    flag_in,
    handle_in,
    list_in,
    one_of,
    rules_in,
    seconds_in,
    text_in,
)
from kling_ui.ui.programs.caller import Answer, Caller, Scope
from kling_ui.ui.programs.calls import TELLING, WAIT_MAX_S
from kling_ui.ui.services import Services

CELLS_MAX = 24
KIND = "batch"
UNKNOWN = "No batch is at work under this handle."
GO_ON = "It may have ended long ago or been stopped by a restart: give the same files and choices with it to go on."


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchArguments:
    """What a program wants of a batch; nothing in it has been looked at.

    Attributes:
        images: Character images.
        videos: Reference videos; without both, the batch of the handle is told of.
        orientations: Whose facing the results follow: one or both.
        prompts: Scene, clothes and light in words.
        keep_sound: Keep the references' sound.
        model: Of Kling, the model's id.
        cells: Numbers of the cells that are meant.
        accept: Ids of rules that a person overrules.
        plan_only: Start nothing.
        handle: Of the batch that is gone on with, or asked after.
        pause: Start nothing more of it.
        wait_s: Wait so many seconds for its end.
    """

    images: object
    videos: object
    orientations: object
    prompts: object
    keep_sound: object
    model: object
    cells: object
    accept: object
    plan_only: object
    handle: object
    pause: object
    wait_s: object


class BatchCalls:
    """Does what programs ask of batches.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def batch(self, scope: Scope | None, asked: BatchArguments, paying: PaymentArguments) -> Answer:
        """Plan a grid and start it, or tell of one that was started.

        Raises:
            KlingUIError: Something in it cannot be used or had; nothing was sent.
        """
        caller = Caller.of(self._services(), scope)
        handle = text_in(asked.handle, "handle")
        if not asked.images and not asked.videos:
            return await self._status(caller, handle, asked)
        engine, token, max_usd = paying.read()
        rows = await self._rows(caller, asked)
        chosen = _chosen(asked.cells, len(rows))
        handle = handle_in(handle) or new_handle()
        batch = key_of(handle, KIND)
        owner = caller.owner(token, batch)
        payment = Payment(visitor=owner, token=token, terms=caller.terms(owner), max_usd=max_usd)
        services = caller.services
        folder = BatchFolder(Path(), batch)
        planner = Planner(
            preflight=services.preflight,
            repairs=RepairSession(services.preflight, services.workers),
            runner=services.runner,
            folder=folder,
            payment=payment,
            accept=rules_in(asked.accept),
            retries=flag_in(paying.again, "again"),
            at_once=1,  # so much may wait for workers as one caller may have waiting
            tell=_tell,
        )
        plan = await planner.plan(rows, engine, chosen)
        if flag_in(asked.plan_only, "plan_only"):
            return {"handle": "", "is_final": False, "sentence": plan.sentence} | _cells(caller, plan, _planned(plan))
        services.store.floor.check()
        opened = services.batches.start(services.runner, plan, folder, payment, engine)
        return _answer(caller, handle, opened)

    async def _status(self, caller: Caller, handle: str, asked: BatchArguments) -> Answer:
        opened = self._services().batches.find(key_of(handle, KIND)) if handle else None
        if opened is None:
            raise RunError(UNKNOWN, advice=GO_ON)
        if flag_in(asked.pause, "pause"):
            opened.pause.set()
        await opened.until_end(seconds_in(asked.wait_s, "wait_s", most=WAIT_MAX_S) or 0.0)
        return _answer(caller, handle, opened)

    @staticmethod
    async def _rows(caller: Caller, asked: BatchArguments) -> tuple[BatchRow, ...]:
        pictures, clips = list_in(asked.images, "images"), list_in(asked.videos, "videos")
        facings = [one_of(Orientation, one, "orientations") for one in list_in(asked.orientations, "orientations")]
        prompts = [text_in(one, "prompts") for one in list_in(asked.prompts, "prompts")]
        if len(pictures) * len(clips) * len(facings) * len(prompts) > CELLS_MAX:
            raise RunError(f"A batch has at most {CELLS_MAX} cells here.", advice="Give fewer of something.")
        images = [await caller.file(InputKind.IMAGE, one) for one in pictures]
        videos = [await caller.file(InputKind.VIDEO, one) for one in clips]
        rows = grid(
            [one.path for one in images if one],
            [one.path for one in videos if one],
            facings,
            prompts,
            keep_sound=flag_in(asked.keep_sound, "keep_sound"),
        )
        return with_model(rows, text_in(asked.model, "model"))


def _chosen(cells: object, count: int) -> frozenset[int] | None:
    if cells is None:
        return None
    numbers = list_in(cells, "cells")
    if not all(isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= count for one in numbers):
        raise RunError(f"cells takes numbers of cells, 1 to {count}.")
    return frozenset(one for one in numbers if isinstance(one, int))


def _tell(news: Progress) -> None:
    TELLING.get()(news.words, news.share)


def _planned(plan: BatchPlan) -> list[CellOutcome]:
    return [CellOutcome(cell=cell, state=cell.state, message=cell.message) for cell in plan.cells]


def _answer(caller: Caller, handle: str, opened: OpenBatch) -> Answer:
    outcomes = [opened.outcomes[number] for number in sorted(opened.outcomes)]
    told = {"handle": handle, "is_final": not opened.is_under_way, "sentence": opened.sentence}
    return told | _cells(caller, opened.plan, outcomes)


def _cells(caller: Caller, plan: BatchPlan, outcomes: list[CellOutcome]) -> Answer:
    return {
        "plan": plan.sentence,
        "will_run": len(plan.to_start),
        "clips_s": round(plan.duration_s, 3),
        "estimate_usd": plan.estimate_usd,
        "cells": [_cell(caller, outcome) for outcome in outcomes],
    }


def _cell(caller: Caller, outcome: CellOutcome) -> dict[str, Any]:
    row, run = outcome.cell.row, outcome.run
    return {
        "cell": row.number,
        "image": row.image.name,
        "video": row.video.name,
        "orientation": row.choice.orientation.value,
        "prompt": row.choice.prompt,
        "engine": outcome.cell.engine.value,
        "model": row.choice.model,
        "state": outcome.state.value,
        "message": outcome.message,
        "advice": outcome.advice,
        "progress": run.progress if run else None,
        "motion_match": run.motion_match if run else None,
        "estimate_usd": outcome.cell.estimate_usd,
        "cost_usd": run.cost_usd if run else None,
        "result": caller.file_answer(outcome.video),
    }
