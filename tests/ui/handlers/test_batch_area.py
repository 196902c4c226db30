"""A batch of the page is its visitor's alone, where something goes wrong, too."""

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.manifest import BatchRow
from kling_ui.batches.plan import BatchPlan, PlannedCell
from kling_ui.runs.batch_runs import BatchRuns, CellState
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import EngineName
from kling_ui.ui.handlers.batch_area import BatchHandlers
from kling_ui.ui.open_batches import OpenBatch, PageBatch

TAB = gr.Request(session_hash="tab")
ANN, EVE = "a" * 43, "e" * 43
ROW = BatchRow(number=1, image=Path("knight.png"), video=Path("dance.mp4"))


async def _shown(deed: Any) -> str:
    if hasattr(deed, "__aiter__"):
        return str([value async for value in deed])
    return str(await deed)


@pytest.fixture
def handlers(services, runner, tmp_path) -> BatchHandlers:
    """Those of a page that knows a batch of Ann's, which nobody is at work at any more."""
    cell = PlannedCell(row=ROW, engine=EngineName.PREVIEW, state=CellState.READY)
    batch = OpenBatch(BatchPlan(cells=(cell,)), {1: CellOutcome(cell=cell, state=CellState.READY)}, owner=ANN)
    services.batches._work["b1"] = batch
    runner.batches = BatchRuns(Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))
    made = BatchHandlers(lambda: services)
    made._keep("b1", PageBatch(ANN, (ROW,), BatchFolder(tmp_path, "b1"), repairs=False))
    return made


@pytest.mark.parametrize("deed", ["on_start", "on_look"])
def test_nobody_elses_batch_is_shown(handlers, deed):
    event = gr.EventData(None, {"id": "b1", "cells": ["none"]})

    def told(visitor: str) -> str:
        asked = (event, TAB) if deed == "on_look" else (visitor, None, event, TAB)
        args = (visitor, *asked) if deed == "on_look" else ("kling", None, *asked)
        return asyncio.run(_shown(getattr(handlers, deed)(*args)))

    assert "knight" in told(ANN)
    assert "knight" not in told(EVE)


def test_nobody_else_pauses_a_batch(handlers, services):
    event, batch = gr.EventData(None, {"id": "b1"}), services.batches.find("b1")
    asyncio.run(handlers.on_pause(EVE, event, TAB))
    assert not batch.pause.is_set()
    asyncio.run(handlers.on_pause(ANN, event, TAB))
    assert batch.pause.is_set()


def test_nothing_is_started_on_a_model_that_was_not_priced(handlers):
    event = gr.EventData(None, {"id": "b1", "cells": [1]})
    shown = asyncio.run(_shown(handlers.on_start("kling", None, ANN, "kling/x/motion-control-pro", event, TAB)))
    assert "Another model was chosen since." in shown
    assert "Another model" not in asyncio.run(_shown(handlers.on_start("kling", None, ANN, None, event, TAB)))
