"""Runs as the ledger keeps them, for tests that care about a few of their fields only."""

from typing import Any

from kling_ui.options import TransferOptions
from kling_ui.runs.record import EngineName, RunRecord, RunState


def a_run(**differences: Any) -> RunRecord:
    """Make a run of Ann's that Kling renders; name what is to be different."""
    fields: dict[str, Any] = {
        "run_id": "1" * 32,
        "visitor": "ann",
        "engine": EngineName.KLING,
        "state": RunState.IN_PROGRESS,
        "created_at": 100.0,
        "changed_at": 100.0,
        "fingerprint": "f",
        "image_name": "image.png",
        "image_sha256": "a" * 64,
        "reference_name": "reference.mp4",
        "reference_sha256": "b" * 64,
        "choice": TransferOptions(),
    }
    return RunRecord(**(fields | differences))
