"""What a batch comes to before anything is started."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kling_ui.batches.plan import key_of
from kling_ui.checks.limits import LimitSource
from kling_ui.checks.repair_kinds import Repair, RepairCode, RepairKind
from kling_ui.checks.repair_plan import Plan
from kling_ui.checks.repair_runner import RepairedCopy
from kling_ui.checks.repair_session import PlannedRepairs
from kling_ui.checks.report import Finding, FindingCode, Report, Section, Severity
from kling_ui.runs.batch_runs import CellState
from kling_ui.settings import MODEL_ID

pytestmark = pytest.mark.anyio


def states(plan):
    return [cell.state for cell in plan.cells]


async def test_what_fits_is_taken_in_order_and_said(open_batch_world):
    async with open_batch_world(max_usd=1.6) as world:
        rows = world.rows("a", "b") + world.rows("c", video="long.mp4") + world.rows("d", "e")
        rows = [replace(row, number=number) for number, row in enumerate(rows, 1)]
        plan = await world.plan(rows)
    # 0.5 + 0.5, then 1.0 does not fit into 0.6, then 0.5 does, then 0.5 does not
    assert states(plan) == [
        CellState.READY, CellState.READY, CellState.TOO_DEAR, CellState.READY, CellState.TOO_DEAR,
    ]  # fmt: skip
    assert plan.estimate_usd == pytest.approx(1.5)
    assert plan.duration_s == 15.0
    assert plan.sentence == (
        "3 of 5 will run; 15 s of clips; about $1.50; of $1.60 that may be spent. "
        "2 cells do not fit into the budget; those that do were taken in order."
    )
    assert "about $1.00, and $0.60 is left" in plan.cells[2].message


async def test_budgets_of_the_settings_hold_besides(open_batch_world):
    async with open_batch_world(max_usd=100.0, budget_day_usd=0.7) as world:
        plan = await world.plan(world.rows("a", "b"))
    assert states(plan) == [CellState.READY, CellState.TOO_DEAR]
    assert plan.limit_usd == pytest.approx(0.7)


async def test_without_a_known_price_nothing_fits_a_limit(open_batch_world):
    async with open_batch_world() as world:
        world.preflight.reports["in.png"] = Report(video=Section({"file": "in.mp4"}))
        plan = await world.plan(world.rows("a"))
    assert states(plan) == [CellState.TOO_DEAR]
    assert "not known" in plan.cells[0].message


async def test_blocked_unreadable_same_and_left_out_cells_say_why(open_batch_world):
    async with open_batch_world() as world:
        (world.folder / "copy.png").write_bytes((world.folder / "in.png").read_bytes())
        rows = list(world.rows("a", "b", "c", "d", "e"))
        for at, name in ((1, "other.png"), (2, "copy.png")):
            rows[at] = replace(rows[at], number=at + 1, image=world.folder / name)
        rows[2] = replace(rows[2], choice=rows[0].choice)
        world.preflight.reports["other.png"] = blocked()
        plan = await world.plan(rows, chosen={1, 2, 3, 5})
        rows[4].image.with_name("in.png").unlink()
        gone = await world.plan([rows[4]])
    assert states(plan) == [
        CellState.READY, CellState.BLOCKED, CellState.SAME, CellState.LEFT_OUT, CellState.READY,
    ]  # fmt: skip
    assert plan.cells[2].message == "Its files and choices are the same as those of cell 1."
    assert plan.cells[1].check.problems[0].rule == "prompt.required"
    assert states(gone) == [CellState.UNREADABLE]


async def test_a_run_that_was_made_before_costs_nothing(open_batch_world):
    async with open_batch_world() as world:
        rows = world.rows("a", "b")
        assert (await world.whole(rows[:1])).is_done
        other = world.folder / "elsewhere"
        plan = await world.plan(rows, type(world.batch(resume=True)).open(other, resume=False))
    assert states(plan) == [CellState.MADE, CellState.READY]
    assert plan.estimate_usd == pytest.approx(0.5)
    assert "1 cell was made before" in plan.sentence


class WritingRepairs:
    """Mends every image in the same way, and counts how often it writes."""

    def __init__(self) -> None:
        self.written = 0
        self.kinds = []

    async def plan(self, request):
        self.kinds.append(request.kinds)
        repairs = (Repair(RepairCode.IMAGE_FLATTEN, ("image.format",)),)
        sources = RepairedCopy(request.image.original, request.video.original)
        plan = Plan("on white", None, request.choice)
        return PlannedRepairs(frozenset({repairs[0].kind}), repairs, plan, sources, None, (None, None), Report())

    async def write(self, planned, folder):
        self.written += 1
        folder.mkdir(exist_ok=True)
        copy = folder / f"{planned.sources.image.stem}-repaired.png"
        copy.write_bytes(b"repaired")
        return SimpleNamespace(copies=RepairedCopy(copy, planned.sources.video))


async def test_repairs_are_made_once_for_the_same_file_and_kept_over_processes(open_batch_world):
    repairs = WritingRepairs()
    async with open_batch_world() as world:
        rows = world.rows("a", "b") + world.rows("c", image="other.png")
        rows = [replace(row, number=number) for number, row in enumerate(rows, 1)]
        plan = await world.plan(rows, repairs=repairs, repair=None)
    assert repairs.written == 2
    assert [cell.inputs.image.name for cell in plan.cells] == [
        "in-repaired.png", "in-repaired.png", "other-repaired.png",
    ]  # fmt: skip
    assert plan.cells[0].repairs
    assert plan.cells[0].inputs.repaired["image"][0][0] == "image.convert"
    async with open_batch_world() as world:
        await world.plan(rows, world.batch(resume=True), repairs=repairs, repair=[RepairKind.IMAGE_CONVERT])
    assert repairs.written == 2, "the copies are still there"
    assert repairs.kinds == [None, None, None, *[[RepairKind.IMAGE_CONVERT]] * 3]


async def test_nothing_is_repaired_unless_that_was_asked_for(open_batch_world):
    async with open_batch_world() as world:
        plan = await world.plan(world.rows("a"), repairs=None)
    assert plan.cells[0].inputs.image.name == "in.png"


def blocked() -> Report:
    found = Finding(FindingCode.PROMPT_REQUIRED, Severity.BLOCK, None, LimitSource.VENDOR)
    return Report(pair=Section({}, (found,)))


PRO, GONE, FOREIGN = "kling/kling-2-6/motion-control-pro", "kling/kling-1/motion-control", "else/talking-heads"


async def test_each_cell_is_priced_by_its_own_model_and_sent_to_it(open_batch_world):
    async with open_batch_world() as world:
        world.vendor.rates_usd = {PRO: 0.3}
        rows = numbered(world.rows("a"), world.rows("a", "b", model=PRO), world.rows("c", model=MODEL_ID))
        plan = await world.plan(rows)
        result = await world.carry_out(plan, world.batch())
    assert [cell.estimate_usd for cell in plan.cells] == [pytest.approx(usd) for usd in (0.5, 1.5, 1.5, 0.5)]
    assert plan.estimate_usd == pytest.approx(4.0)
    assert result.is_done
    assert sorted(world.vendor.models) == sorted([MODEL_ID, PRO, PRO, MODEL_ID])
    assert plan.cells[0].key != plan.cells[1].key, "another model makes another cell"
    assert key_of(rows[0]) == plan.cells[0].key, "cells of the usual model stay what they were"


async def test_a_model_that_is_gone_or_none_of_klings_is_refused_alone(open_batch_world):
    async with open_batch_world() as world:
        world.vendor.rates_usd = {GONE: None}
        rows = numbered(world.rows("a", model=GONE), world.rows("b", model=FOREIGN), world.rows("c"))
        plan = await world.plan(rows)
    assert states(plan) == [CellState.REFUSED, CellState.REFUSED, CellState.READY]
    assert plan.cells[0].message.startswith(f"The model {GONE} is not offered.")
    assert plan.cells[1].message.startswith("The model is none of Kling Motion Control.")
    assert plan.estimate_usd == pytest.approx(0.5)


def numbered(*groups):
    return [replace(row, number=number) for number, row in enumerate(itertools.chain(*groups), 1)]
