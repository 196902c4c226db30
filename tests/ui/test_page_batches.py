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
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed(tmp_path: Path) -> SignedFiles:
    for name in ("in.png", "in.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def order(tmp_path: Path) -> KeptOrder:
    choice = TransferOptions("At the sea", Orientation.IMAGE, keep_sound=False, model="kling/x/motion-control-pro")
    image, video = tmp_path.resolve() / "in.png", tmp_path.resolve() / "in.mp4"
    rows = tuple(BatchRow(number=number, image=image, video=video, choice=choice, name="sea") for number in (1, 2))
    cells = tuple(
        PlannedCell(row=row, engine=EngineName.KLING, state=CellState.READY, key=f"key {row.number}") for row in rows
    )
    made = PageBatch("ann", rows, BatchFolder(tmp_path, "b1"), repairs=True, model="kling/x/motion-control-pro")
    return KeptOrder.of(made, BatchPlan(cells=cells), {2}, EngineName.KLING)


def test_it_is_read_as_it_was_written(order, signed):
    kept = json.loads(json.dumps(order.to_json(signed)))
    assert KeptOrder.from_json(kept, signed) == order


def test_a_file_that_is_gone_leads_nowhere_and_the_cell_is_known_all_the_same(order, signed, tmp_path):
    kept = order.to_json(signed)
    (tmp_path / "in.png").unlink()
    read = KeptOrder.from_json(kept, signed)
    assert not read.rows[0].image.exists()
    assert (read.rows[0].image.name, read.keys) == ("in.png", order.keys)
    again = KeptOrder.from_json(read.to_json(signed), signed)
    assert again.rows[0].image.name == "in.png"


def test_a_reference_that_was_not_signed_here_opens_nothing(order, signed):
    kept = order.to_json(SignedFiles(signed.root, b"another secret"))
    assert not any(row.image.exists() for row in KeptOrder.from_json(kept, signed).rows)
