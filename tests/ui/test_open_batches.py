"""What is kept of a batch of the page is read again as it was, files that are gone included."""

import json
import math
from pathlib import Path

import pytest

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.manifest import BatchRow
from kling_ui.batches.plan import BatchPlan, PlannedCell
from kling_ui.options import Orientation, TransferOptions
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.pricing import Quote
from kling_ui.runs.record import EngineName
from kling_ui.ui.open_batches import KeptOrder, KeptPlan, PageBatch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("in.png", "in.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path.resolve()


@pytest.fixture
def order(tmp_path: Path, root: Path) -> KeptOrder:
    choice = TransferOptions("At the sea", Orientation.IMAGE, keep_sound=False, model="kling/x/motion-control-pro")
    image, video = root / "in.png", root / "in.mp4"
    rows = tuple(BatchRow(number=number, image=image, video=video, choice=choice, name="sea") for number in (1, 2))
    cells = tuple(
        PlannedCell(row=row, engine=EngineName.KLING, state=CellState.READY, key=f"key {row.number}") for row in rows
    )
    made = PageBatch("ann", rows, BatchFolder(tmp_path, "b1"), repairs=True, model="kling/x/motion-control-pro")
    return KeptOrder.of(made, BatchPlan(cells=cells), {2}, EngineName.KLING)


def test_it_is_read_as_it_was_written(order, root):
    kept = json.loads(json.dumps(order.to_json(root)))
    assert KeptOrder.from_json(kept, root) == order


def test_a_plan_is_read_as_it_was_written_without_a_limit_too(order, root, tmp_path):
    made = PageBatch("ann", order.rows, BatchFolder(tmp_path, "b1"), repairs=True)
    cells = tuple(
        PlannedCell(row=row, engine=EngineName.KLING, state=CellState.READY, message="Fine.", duration_s=6.0)
        for row in order.rows
    )
    plan = BatchPlan(cells=cells, quotes={"m": Quote(rate_usd=0.07), "n": Quote()}, limit_usd=math.inf)
    kept = KeptOrder.of_plan(made, plan, EngineName.KLING, 1000.0)
    assert KeptOrder.from_json(json.loads(json.dumps(kept.to_json(root), allow_nan=False)), root) == kept
    assert (kept.planned.limit_usd, kept.planned.rates_usd) == (None, {"m": 0.07})


@pytest.mark.parametrize(
    ("rates_usd", "has_risen"),
    [({"m": 0.07}, False), ({"m": 0.06}, False), ({"m": 0.08}, True), ({"n": 0.05}, True), ({}, False)],
)
def test_what_costs_more_than_it_was_planned_at_is_known(rates_usd, has_risen):
    planned = KeptPlan(at=0.0, cells={}, rates_usd={"m": 0.07}, limit_usd=None)
    plan = BatchPlan(cells=(), quotes={model: Quote(rate_usd=rate) for model, rate in rates_usd.items()})
    assert planned.has_risen(plan) is has_risen


def test_what_an_earlier_release_kept_was_started(order, root):
    kept = order.to_json(root)
    del kept["planned"]
    assert KeptOrder.from_json(kept, root).planned is None


def test_a_file_that_is_gone_leads_nowhere_and_the_cell_is_known_all_the_same(order, root, tmp_path):
    kept = order.to_json(root)
    (tmp_path / "in.png").unlink()
    read = KeptOrder.from_json(kept, root)
    assert not read.rows[0].image.exists()
    assert (read.rows[0].image.name, read.keys) == ("in.png", order.keys)
    again = KeptOrder.from_json(read.to_json(root), root)
    assert again.rows[0].image.name == "in.png"


def test_a_file_outside_the_data_folder_is_not_opened(order, root):
    inner = root / "inner"
    inner.mkdir()
    kept = order.to_json(root)
    kept["rows"][0]["image"] = "../in.png"
    assert not KeptOrder.from_json(kept, inner).rows[0].image.exists()
