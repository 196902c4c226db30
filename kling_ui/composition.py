"""The one place that puts workers, checks and runs together: for the page, the command line and Python."""

import asyncio
import functools
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.repair_session import RepairSession
from kling_ui.corrections import Corrections, corrections_of_files
from kling_ui.errors import SettingsError
from kling_ui.media.files import copy_into
from kling_ui.options import TransferOptions
from kling_ui.settings import Settings
from kling_ui.workers import Workers

if TYPE_CHECKING:
    from kling_ui.runs.record import RunInputs
    from kling_ui.runs.runner import Runner

P = ParamSpec("P")
T = TypeVar("T")
TRANSPARENT_LIMIT_S = 1800.0  # twice what a preview may take: each picture is drawn twice


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

    async def corrections(self, image: Path | None, joints: Path | None, mask: Path | None) -> Corrections | None:
        """Read what a person corrected of a picture in files of their own.

        Raises:
            MediaError: A file cannot be read, or says something that cannot be meant.
            SettingsError: There is no image that it could be about.
        """
        if joints is None and mask is None:
            return None
        if image is None:
            raise SettingsError("Joints and a mask are about an image.", advice="Give the image, too.")
        facts = await self.preflight.image_facts(image)
        size_px = facts.width_px, facts.height_px
        return await asyncio.to_thread(corrections_of_files, joints, mask, size_px=size_px)

    async def without_background(self, inputs: "RunInputs", folder: Path, name: str) -> Path:
        """Draw a preview once more on nothing, as a WebM with transparency.

        Args:
            inputs: What the preview was made of.
            folder: Where it goes.
            name: What it is called; a number is added where that is taken.

        Raises:
            MediaError: A file cannot be read or written, or shows nobody.
            WorkError: The worker died or took too long.
        """
        with tempfile.TemporaryDirectory(dir=folder, prefix=".drawing-") as work:
            drawn = Path(work) / "drawn.webm"
            pair = inputs.image, inputs.video
            await draw_without_background(self.workers, pair, drawn, inputs.choice, inputs.corrections)
            return await asyncio.to_thread(copy_into, drawn, folder, name)

    def open_runner(self, *, take_over: bool) -> "AbstractAsyncContextManager[Runner]":
        """Open what runs need, and close it again.

        Args:
            take_over: Also look after open runs that an earlier process left behind.
        """
        from kling_ui.runs.runner import open_runner  # noqa: PLC0415  checks alone need none of it

        return open_runner(self.settings, self.workers, take_over=take_over)


async def draw_without_background(
    workers: Workers, pair: tuple[Path, Path], out: Path, choice: TransferOptions, corrections: Corrections | None
) -> None:
    """Have a worker draw a preview once more on nothing, as a WebM with transparency.

    Args:
        workers: Who draws it.
        pair: The picture and the clip that the preview was made of.
        out: Where it goes; it appears only when it is complete.
        choice: What the preview was asked for.
        corrections: What was corrected of the picture by hand.

    Raises:
        MediaError: A file cannot be read or written, or shows nobody.
        WorkError: The worker died or took too long.
    """
    from kling_ui.puppet.render import render_transparent  # noqa: PLC0415  nothing else here draws

    await workers.run(
        render_transparent,
        *pair,
        out,
        orientation=choice.orientation,
        sides_px=choice.resolution.sides_px,
        corrections=corrections,
        timeout_s=TRANSPARENT_LIMIT_S,
    )


@asynccontextmanager
async def open_parts(settings: Settings, *, worker_count: int | None = None) -> AsyncGenerator[Parts]:
    """Put everything together; at the end all worker processes are ended.

    Args:
        settings: The settings.
        worker_count: Worker processes, if not as many as the settings say.
    """
    workers = _open_workers(settings, worker_count)
    try:
        yield Parts(settings=settings, workers=workers, preflight=Preflight(workers, settings.analyses_folder))
    finally:
        await asyncio.to_thread(workers.close)  # it waits for the processes


def _open_workers(settings: Settings, count: int | None) -> Workers:
    if settings.scheduler is None or settings.store_url is None:
        return Workers(count or settings.workers, memory_mb=settings.limits.job_mb)
    from kling_ui.buckets import open_bucket  # noqa: PLC0415  only where there is a cluster
    from kling_ui.cluster import ClusterWorkers  # noqa: PLC0415

    return ClusterWorkers(
        settings.scheduler, open_bucket(settings.store_url), count or settings.workers, memory_mb=settings.limits.job_mb
    )


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


def blocking(work: Callable[P, Coroutine[Any, Any, T]], name: str) -> Callable[P, T]:
    """Make the twin of a function that is awaited: one that waits for its result."""

    @functools.wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if _has_running_loop():
            raise RuntimeError(
                f"{name}() would hold up the event loop that runs in this thread: use `await a{name}(...)`."
            )
        return asyncio.run(work(*args, **kwargs))

    call.__name__ = call.__qualname__ = name
    return call


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
