"""A batch carried out, paused, gone on with, and held within its limit."""

import asyncio
import contextlib
import csv
from dataclasses import replace

import pytest

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.errors import SettingsError
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.record import EngineName

pytestmark = pytest.mark.anyio


def states(result):
    return [outcome.state for outcome in result.outcomes]


async def test_every_cell_gets_its_video_and_so_many_run_at_once(open_batch_world):
    seen = []
    async with open_batch_world() as world:
        batch = world.batch()
        plan = await world.plan(world.rows(*"abcde"), batch)
        world.vendor.go.clear()
        working = asyncio.create_task(world.carry_out(plan, batch, jobs=2, tell=seen.append))
        await world.vendor.arrived.get()
        await world.vendor.arrived.get()
        await asyncio.sleep(0.1)
        assert len(world.vendor.accepted) == 2, "the third waits"
        world.vendor.go.set()
        result = await working
    assert result.is_done
    assert world.vendor.open_most == 2
    assert world.vendor.accepted == list("abcde")
    assert [outcome.video.name for outcome in result.outcomes] == [
        world.batch(resume=True).result(cell.row, cell.key, EngineName.KLING).name for cell in plan.cells
    ]
    assert {outcome.state for outcome in seen} >= {CellState.UNDER_WAY, CellState.COMPLETED}
    assert result.sentence == "5 of 5 finished; about $2.50 spent."


async def test_a_pause_finishes_what_runs_and_the_next_process_starts_what_is_left(open_batch_world):
    async with open_batch_world() as world:
        batch, pause = world.batch(), asyncio.Event()
        plan = await world.plan(world.rows(*"abcd"), batch)
        result = await world.carry_out(plan, batch, jobs=1, pause=pause, tell=lambda _: pause.set())
        vendor = world.vendor
    assert result.is_paused
    assert states(result) == [CellState.COMPLETED, *[CellState.NOT_STARTED] * 3]
    assert result.sentence.startswith("Paused: 1 of 4 finished, 3 not started")
    async with open_batch_world(vendor) as world:
        with pytest.raises(SettingsError, match="--resume"):
            world.batch()
        again = await world.whole(world.rows(*"abcd"), resume=True)
    assert again.is_done
    assert vendor.accepted == list("abcd"), "nothing is sent twice"


async def test_a_run_that_was_left_under_way_is_followed_on(open_batch_world):
    async with open_batch_world() as world:
        batch, vendor, is_sent = world.batch(), world.vendor, asyncio.Event()
        vendor.go.clear()
        plan = await world.plan(world.rows("a", "b"), batch)
        working = asyncio.create_task(
            world.carry_out(plan, batch, jobs=1, tell=lambda told: told.run and told.run.request_id and is_sent.set())
        )
        await is_sent.wait()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
    vendor.go.set()
    async with open_batch_world(vendor) as world:
        result = await world.whole(world.rows("a", "b"), resume=True)
    assert result.is_done
    assert vendor.accepted == ["a", "b"]


async def test_what_failed_stays_failed_until_another_try_is_asked_for(open_batch_world):
    async with open_batch_world() as world:
        rows, vendor = world.rows("refuse this", "a"), world.vendor
        first = await world.whole(rows)
        second = await world.whole(rows, resume=True)
        assert vendor.accepted == ["refuse this", "a"]
        third = await world.whole(rows, resume=True, retries=True)
    assert states(first) == states(second) == states(third) == [CellState.FAILED, CellState.COMPLETED]
    assert second.outcomes[0].message == first.outcomes[0].message != ""
    assert vendor.accepted == ["refuse this", "a", "refuse this"]
    assert not first.is_done


async def test_the_same_cell_is_started_once_although_its_files_have_other_names_or_were_repaired(open_batch_world):
    async with open_batch_world() as world:
        rows, batch = world.rows("refuse this"), world.batch()
        await world.carry_out(await world.plan(rows, batch), batch)
        plan = await world.plan(rows, batch)
        # A plan that does not know of the first run, with other bytes, as another process might have made it.
        stale = replace(plan.cells[0], state=CellState.READY, run_id=None)
        other = replace(stale.inputs, image=world.folder / "other.png")
        result = await world.carry_out(replace(plan, cells=(replace(stale, inputs=other),)), batch)
    assert world.vendor.accepted == ["refuse this"], "the ledger knows that the cell was started"
    assert states(result) == [CellState.FAILED]


async def test_the_limit_is_held_over_all_calls_by_the_ledger(open_batch_world):
    async with open_batch_world(max_usd=1.1) as world:
        batch = world.batch()
        plan = await world.plan(world.rows(*"abc"), batch)
        assert [cell.state for cell in plan.cells] == [CellState.READY, CellState.READY, CellState.TOO_DEAR]
        careless = replace(plan, cells=tuple(replace(cell, state=CellState.READY) for cell in plan.cells))
        result = await world.carry_out(careless, batch, jobs=3)
        later = await world.whole(world.rows(*"abc"), resume=True)
    assert world.vendor.accepted == ["a", "b"]
    assert states(result) == states(later) == [CellState.COMPLETED, CellState.COMPLETED, CellState.TOO_DEAR]
    assert "of the budget of $1.10 for this batch $0.10 is left" in result.outcomes[2].message


async def test_without_balance_nothing_more_is_tried(open_batch_world):
    async with open_batch_world() as world:
        batch = world.batch()
        plan = await world.plan(world.rows("a", "no money", "b", "c"), batch)
        result = await world.carry_out(plan, batch, jobs=1)
    assert world.vendor.accepted == ["a"]
    assert states(result) == [
        CellState.COMPLETED, CellState.FAILED, CellState.NOT_STARTED, CellState.NOT_STARTED,
    ]  # fmt: skip
    assert result.outcomes[3].message == result.outcomes[1].message != ""
    assert not result.is_done
    assert not result.is_paused


async def test_a_risen_price_is_told_and_nothing_is_sent(open_batch_world):
    async with open_batch_world() as world:
        batch = world.batch()
        plan = await world.plan(world.rows("a"), batch)
        world.vendor.rate_usd = 0.2
        result = await world.carry_out(plan, batch)
    assert world.vendor.accepted == []
    assert states(result) == [CellState.REFUSED]
    assert "price has risen" in result.outcomes[0].message


async def test_chosen_cells_join_what_was_done_before_in_the_report(open_batch_world):
    async with open_batch_world() as world:
        rows = world.rows("a", "b", "c")
        await world.whole(rows, chosen={1})
        result = await world.whole(rows, resume=True, chosen={3})
    assert world.vendor.accepted == ["a", "c"]
    assert states(result) == [CellState.LEFT_OUT, CellState.LEFT_OUT, CellState.COMPLETED]
    with result.report.table.open(newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["completed", "left out", "completed"]


def test_a_damaged_folder_is_named(tmp_path):
    (tmp_path / "batch.json").write_text("{")
    with pytest.raises(SettingsError, match="damaged"):
        BatchFolder.open(tmp_path, resume=True)
    (tmp_path / "batch.json").write_text('{"batch": 1}')
    with pytest.raises(SettingsError, match="damaged"):
        BatchFolder.open(tmp_path, resume=True)
    with pytest.raises(SettingsError, match="folder that can be written to"):
        BatchFolder.open(tmp_path / "batch.json", resume=False)
