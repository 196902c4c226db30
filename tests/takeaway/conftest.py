"""A finished run in a ledger, with its files."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from run_records import a_run

from kling_ui.options import TransferOptions
from kling_ui.presentation.runs import entry_words
from kling_ui.runs.export import Entry, RunHistory
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import ResultFacts, RunState
from kling_ui.runs.run_files import RunFolders, sha256_of

ASSETS = Path(__file__).parents[2] / "assets/examples"
RUN_ID = "0123456789abcdef0123456789abcdef"
FILES = {
    "image.png": "character-full-body.png",
    "reference.mp4": "dance-full-body.mp4",
    "result.mp4": "prepared-dance.mp4",
}


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose ledger knows one finished run on Kling."""
    folder = tmp_path_factory.mktemp("data")
    home = folder / "runs" / RUN_ID
    home.mkdir(parents=True)
    for name, source in FILES.items():
        shutil.copyfile(ASSETS / source, home / name)
    kept = json.loads((ASSETS / "prepared.json").read_text("utf-8"))
    store = Store(f"sqlite:///{folder / 'ledger.sqlite'}")
    record = a_run(
        run_id=RUN_ID,
        visitor="a secret visitor",
        payer="a secret payer",
        state=RunState.PREPARING,
        created_at=1_760_000_000.0,
        changed_at=1_760_000_000.0,
        fingerprint="a fingerprint",
        image_sha256=sha256_of(home / "image.png"),
        reference_sha256=sha256_of(home / "reference.mp4"),
        choice=TransferOptions("A robot in the rain"),
        findings={"headline": "Read from /home/somebody/pictures/cat.png", "image": {"findings": []}},
        request_id="req-1",
    )
    store.add(record)
    store.change(RUN_ID, holder=None, state=RunState.IN_PROGRESS, now=1_760_000_012.0)
    store.change(
        RUN_ID,
        holder=None,
        state=RunState.COMPLETED,
        now=1_760_000_042.0,
        result_name="result.mp4",
        result_sha256=sha256_of(home / "result.mp4"),
        result_facts=ResultFacts(
            duration_s=6.0, fps=24.0, frame_count=144, width_px=720, height_px=1280, has_audio=True, size_bytes=9
        ),
        motion=kept.get("motion", kept),
        cost_usd=0.42,
        name="The dance, https://files.example/a?signature=abc",
    )
    store.close()
    return folder


@pytest.fixture(scope="session")
def entry(data_folder: Path) -> Entry:
    """The run, looked back at."""

    async def find() -> Entry:
        ledger = Ledger(f"sqlite:///{data_folder / 'ledger.sqlite'}")
        try:
            return await RunHistory(ledger, RunFolders(data_folder / "runs"), entry_words).find(RUN_ID)
        finally:
            await ledger.aclose()

    return asyncio.run(find())
