"""A batch that was only planned is found again after a restart of the app, with its prices and as of when."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from kling_ui.languages import Language, speaking
from kling_ui.runs.batch_runs import BatchRuns
from kling_ui.runs.ledger import Ledger
from kling_ui.ui.handlers.batch_area import BatchHandlers

TAB = gr.Request(session_hash="tab")
ANN, EVE = "a" * 43, "e" * 43


@pytest.fixture
def planned(services, runner, canned_upright, small_person, tmp_path) -> dict[str, Any]:
    """What the page shows of a batch of Ann's that she had checked and priced for Kling."""
    canned_upright["analyse_image"] = replace(small_person, person=replace(small_person.person, subject_share=0.3))
    runner.batches = BatchRuns(Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))
    files = []
    for name, kind in (("knight.png", "image"), ("dance.mp4", "video")):
        (tmp_path / name).write_bytes(name.encode())
        files.append({"name": name, "kind": kind, "ref": services.signed_files.sign(tmp_path / name)})
    asked = {"files": files, "prompts": ["At the sea", "In snow"], "max_usd": 2.0}
    return asyncio.run(_page(services).on_plan("kling", ANN, None, gr.EventData(None, asked), TAB))


def _page(services) -> BatchHandlers:
    """The page of a process that has just begun."""
    return BatchHandlers(lambda: services)


async def _shown(deed: Any) -> list[dict[str, Any]]:
    return [value async for value in deed]


def _looked(services, batch: str, visitor: str = ANN) -> dict[str, Any]:
    return asyncio.run(_shown(_page(services).on_look(visitor, gr.EventData(None, {"id": batch}), TAB)))[-1]


def _started(services, batch: str, cells: list[int]) -> list[dict[str, Any]]:
    event = gr.EventData(None, {"id": batch, "cells": cells, "max_usd": 2.0})
    return asyncio.run(_shown(_page(services).on_start("kling", None, ANN, None, event, TAB)))


def test_it_is_found_again_with_its_prices_by_whoever_planned_it(services, planned):
    assert planned["said"].startswith("2 of 2 will run; 24 s of clips; about $1.68; of $2.00 that may be spent.")
    shown = _looked(services, planned["id"])
    assert shown["cells"] == planned["cells"]
    assert [cell["price"] for cell in shown["cells"]] == ["$0.84", "$0.84"]
    assert shown["said"].startswith(planned["said"])
    assert re.search(r"checked at \d{4}-\d\d-\d\d \d\d:\d\d UTC, before the app was restarted; nothing", shown["said"])
    assert "Prices are read anew before anything is sent." in shown["said"]
    assert _looked(services, planned["id"], EVE) == {}
    with speaking(Language.CHINESE):
        assert not re.search("checked|will run", _looked(services, planned["id"])["said"])


def test_it_is_started_at_the_price_that_was_shown(services, runner, planned):
    _started(services, planned["id"], [2])
    assert [one["inputs"].choice.prompt for one in runner.started] == ["In snow"]
    shown = _looked(services, planned["id"])
    assert shown["said"].startswith("Stopped by a restart after 0 of 1;"), "from then on it is a batch that was started"
    assert [cell["is_ticked"] for cell in shown["cells"]] == [False, True]


def test_a_price_that_has_risen_since_is_shown_before_anything_is_sent(services, runner, planned):
    runner.price = replace(runner.price, rate_usd=0.08)
    shown = _started(services, planned["id"], [1, 2])
    assert runner.started == []
    assert "A second costs more than when this was priced, so nothing was sent." in shown[-1]["said"]
    assert [cell["price"] for cell in shown[-1]["cells"]] == ["$0.96", "$0.96"]
    _started(services, planned["id"], [1, 2])
    assert len(runner.started) == 2, "now that price was shown"


def test_a_price_that_has_fallen_is_taken(services, runner, planned):
    runner.price = replace(runner.price, rate_usd=0.05)
    _started(services, planned["id"], [1])
    assert len(runner.started) == 1
