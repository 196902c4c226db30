"""Removing what is no longer kept, from the start of the server on and again and again."""

import asyncio
import logging
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from kling_ui.long_clips.piece_files import PieceFiles
from kling_ui.media.files import SCRATCH
from kling_ui.preview.job import remove_abandoned
from kling_ui.ui.services import Services
from kling_ui.ui.web.temporary_space import TemporarySpace

KEEP_INPUTS_S = 86_400.0
SWEEP_EVERY_S = 3600.0
PAUSE_S = 5.0  # between two sweeps, however often room is wanted

log = logging.getLogger(__name__)


async def keep_clean(services: Services) -> NoReturn:
    """Remove what is no longer kept, every hour and whenever room is wanted; what fails is tried the next time."""
    while True:
        try:
            await _clean(services)
        except Exception:
            log.exception("What is no longer kept could not be removed.")
        await asyncio.sleep(min(PAUSE_S, SWEEP_EVERY_S))
        if isinstance(space := getattr(services.store, "floor", None), TemporarySpace):
            await space.wanted(SWEEP_EVERY_S)
        else:
            await asyncio.sleep(SWEEP_EVERY_S)


async def _clean(services: Services) -> None:
    await services.store.sweep(KEEP_INPUTS_S)  # runs keep copies of their own
    data_dir = services.settings.data_dir
    for folder in (data_dir / "gradio", services.settings.playable_folder):
        await asyncio.to_thread(sweep, folder, KEEP_INPUTS_S)
    await asyncio.to_thread(sweep, Path(tempfile.gettempdir()), KEEP_INPUTS_S, f"{SCRATCH}*")
    await asyncio.to_thread(remove_abandoned, data_dir / "preview")
    await asyncio.to_thread(services.corrections.sweep)
    await asyncio.to_thread(PieceFiles(data_dir).sweep)
    await services.runner.admission.forget()
    if isinstance(space := getattr(services.store, "floor", None), TemporarySpace):
        await space.sweep()
    if services.retention is not None:
        await services.retention.sweep()


def sweep(folder: Path, max_age_s: float, names: str = "*") -> None:
    """Remove entries of a folder that are older than ``max_age_s``; blocking.

    Args:
        folder: The folder.
        max_age_s: Seconds since they were last written.
        names: A pattern of what they are called.
    """
    oldest = time.time() - max_age_s
    for entry in folder.glob(names):
        with suppress(OSError):
            if entry.lstat().st_mtime < oldest:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
