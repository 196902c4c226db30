"""The one place that puts workers, checks and runs together: for the page, the command line and Python."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.repair_session import RepairSession
from kling_ui.errors import SettingsError
from kling_ui.settings import Settings
from kling_ui.workers import Workers

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the work is done with.

    Attributes:
        settings: What the product was told.
        workers: Worker processes.
        preflight: Looks at inputs.
    """

    settings: Settings
    workers: Workers
    preflight: Preflight

    @property
    def repairs(self) -> RepairSession:
        """Plans repairs and carries them out."""
        return RepairSession(self.preflight, self.workers)

    def open_runner(self, *, take_over: bool) -> "AbstractAsyncContextManager[Runner]":
        """Open what runs need, and close it again.

        Args:
            take_over: Also look after open runs that an earlier process left behind.
        """
        from kling_ui.runs.runner import open_runner  # noqa: PLC0415  checks alone need none of it

        return open_runner(self.settings, self.workers, take_over=take_over)


@asynccontextmanager
async def open_parts(settings: Settings, *, worker_count: int | None = None) -> AsyncGenerator[Parts]:
    """Put everything together; at the end all worker processes are ended.

    Args:
        settings: The settings.
        worker_count: Worker processes, if not as many as the settings say.
    """
    workers = Workers(worker_count or settings.workers)
    try:
        yield Parts(settings=settings, workers=workers, preflight=Preflight(workers, settings.analyses_folder))
    finally:
        await asyncio.to_thread(workers.close)  # it waits for the processes


def owner_id(data_dir: Path) -> str:
    """Return whose the runs of the command line and of Python are; unguessable, because browsers are visitors, too.

    Raises:
        SettingsError: It cannot be kept.
    """
    file = data_dir / "command-line-visitor"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    except OSError as error:
        raise SettingsError("KLING_UI_DATA_DIR takes a folder that can be written to.") from error
    return file.read_text()
