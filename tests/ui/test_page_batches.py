"""What is kept of a batch of the page is read again as it was, files that are gone included."""

import json
from pathlib import Path

import pytest

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.manifest import BatchRow
from kling_ui.batches.plan import BatchPlan, PlannedCell
from kling_ui.options import Orientation, TransferOptions
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.record import EngineName
from kling_ui.ui.page_batches import KeptOrder, PageBatch


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
