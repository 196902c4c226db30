"""``kling-ui forget``: deletes all that is kept of one visitor."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from kling_ui.cli.output import DONE, FAILED, print_json, say
from kling_ui.composition import owner_id
from kling_ui.corrections import CorrectionStore
from kling_ui.long_clips.piece_files import PieceFiles
from kling_ui.presentation.erasure import erased_words
from kling_ui.runs.erasure import ErasedData, RunErasure
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.run_files import RunFolders
from kling_ui.runs.run_view import unknown_run
from kling_ui.settings import Settings
from kling_ui.ui.erasure import VisitorErasure
from kling_ui.ui.web.signed_files import open_signed_files
from kling_ui.ui.web.upload_owners import UploadOwners


def forget(run_id: str | None, *, is_sure: bool, as_json: bool) -> int:
    """Delete what is kept of the command line's visitor, or of a run's, and return the exit code.

    Args:
        run_id: How the id of one of their runs begins; ``None`` for the command line's own.
        is_sure: Do it; else only say how many runs it would be.
        as_json: Print one JSON object.

    Raises:
        KlingUIError: There is no such run, or the ledger cannot be written.
    """
    settings = Settings.from_env()
    if not is_sure:
        count = asyncio.run(_count(settings, run_id))
        said = f"{count} runs and all that belongs to them would be deleted for good; --yes does it."
        if as_json:
            print_json({"runs": count, "deleted": False, "note": said})
        else:
            say(said)
        return FAILED
    data = asyncio.run(_forget(settings, run_id))
    words = erased_words(data)
    if as_json:
        found = {"runs": data.runs, "inputs": data.inputs, "under_way": data.under_way}
        print_json(found | {"deleted": True, "note": " ".join(words)})
    else:
        for sentence in words:
            say(sentence)
    return DONE


async def _count(settings: Settings, run_id: str | None) -> int:
    async with _ledger(settings) as ledger:
        visitor = await _visitor(settings, ledger, run_id)
        return len(await ledger.ask(lambda store: store.of_visitor(visitor, 1_000_000)))


async def _forget(settings: Settings, run_id: str | None) -> ErasedData:
    async with _ledger(settings) as ledger:
        visitor = await _visitor(settings, ledger, run_id)
        files, pieces = open_signed_files(settings.data_dir), PieceFiles(settings.data_dir).folder
        erasure = VisitorErasure(
            runs=RunErasure(ledger, RunFolders(settings.data_dir / "runs")),
            uploads=UploadOwners(files.root / "uploads", files.secret),
            corrections=CorrectionStore(files.root / "corrections", files.secret),
            caches=(settings.analyses_folder, settings.playable_folder, pieces),
            pieces=pieces,
            examples=files.root / "examples",
        )
        data = await erasure.erase([visitor])
    if run_id is None:
        (settings.data_dir / "command-line-visitor").unlink(missing_ok=True)
    return data


async def _visitor(settings: Settings, ledger: Ledger, run_id: str | None) -> str:
    """Return whose data it is about.

    Raises:
        RunError: There is no such run, or more than one begins so.
    """
    if run_id is None:
        return owner_id(settings.data_dir)
    found = await ledger.ask(lambda store: store.beginning_with(run_id))
    if len(found) != 1:
        raise unknown_run()
    return found[0].visitor


@asynccontextmanager
async def _ledger(settings: Settings) -> AsyncGenerator[Ledger]:
    ledger = Ledger(settings.ledger_url)
    try:
        yield ledger
    finally:
        await ledger.aclose()
