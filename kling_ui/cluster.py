"""Work on pixels by the workers of a Dask cluster; with the bounds of the worker processes of one machine.

A job survives whatever happens to the cluster: when its worker, the scheduler or the store is gone, or has forgotten
what it was given, it is handed in again. As its answer is kept by content, nothing depends on how often it was done.
Each Dask worker runs one job at a time in a process of its own (:class:`kling_ui.workers.Workers`), which may be ended.
"""

import asyncio
import functools
import importlib
import logging
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from kling_ui.buckets import open_bucket
from kling_ui.errors import KlingUIError, SettingsError, WorkCancelledError, WorkError
from kling_ui.remote_jobs import (
    JobAnswer,
    MissingFileError,
    PackedJob,
    SentJob,
    fetch_inputs,
    find_answer,
    forget_spooled,
    keep_answer,
    make_folders,
    pack_value,
    perform,
    program_hash,
    sweep,
)
from kling_ui.work_limits import MEMORY_MB
from kling_ui.workers import Workers

T = TypeVar("T")
ATTEMPTS = 20
PAUSE_MAX_S = 10.0  # between attempts; all of them together last about three minutes
CONNECT_LIMIT_S = 10.0
POLL_S = 0.25  # how often a worker looks whether its job is still wanted
KEEP_S = 86_400.0
SWEEP_EVERY_S = 3600.0
JOBS_AT_ONCE = 4

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Traffic:
    """What went through the cluster since the start.

    Attributes:
        sent_bytes: Bytes of files that this process put into the store.
        fetched_bytes: Bytes of files that it fetched from there.
        repeated: How often a job was handed in again.
    """

    sent_bytes: int = 0
    fetched_bytes: int = 0
    repeated: int = 0


class _LostError(Exception):
    """An attempt ended without an answer."""


class ClusterWorkers(Workers):
    """Workers on other machines; the connection is made with the first job, and again whenever it is lost.

    Args:
        scheduler: Address of the Dask scheduler, such as ``tcp://host:8786``.
        store: Through which files travel.
        count: Jobs that this process has under way at a time; ``None`` takes 4.
        memory_mb: Memory that one job may take, in MB of 2^20 bytes; 0 sets no limit.
    """

    def __init__(
        self, scheduler: str, store: ObjectStore, count: int | None = None, *, memory_mb: int = MEMORY_MB
    ) -> None:
        super().__init__(count or JOBS_AT_ONCE, memory_mb=memory_mb)  # its processes start only when they are used
        self.previews_at_once = self.count
        self.traffic = Traffic()
        self._scheduler = scheduler
        self._store = store
        self._link: Link | None = None
        self._lock = Lock()
        self._progress: dict[str, Path] = {}

    async def _run(
        self, work: Callable[..., T], /, *args: object, timeout_s: float | None = None, **kwargs: object
    ) -> T:
        """Have a worker of the cluster do ``work``; cancelling the awaiting task ends it there.

        Raises:
            WorkTimeoutError: It took longer than ``timeout_s``, without the wait for a worker.
            WorkCancelledError: The cluster was left meanwhile.
            WorkError: The cluster cannot be used, or the work died there.
            Exception: What the work itself raised, as it was.
        """
        told = kwargs.get("progress")
        pack = functools.partial(
            PackedJob.pack,
            functools.partial(work, *args, **kwargs),
            timeout_s=timeout_s,
            memory_mb=self._memory_mb,
            progress=told if isinstance(told, Path) else None,
        )
        job = await asyncio.to_thread(pack)
        for attempt in range(ATTEMPTS):
            if self._is_closed:
                raise WorkCancelledError("The work was stopped.")
            try:
                value, is_error = await self._attempt(job)
            except (_LostError, MissingFileError, BaseError) as error:
                log.warning("A job of the cluster is handed in again: %s.", type(error).__name__)
                self.traffic.repeated += 1
                await asyncio.sleep(min(PAUSE_MAX_S, 0.25 * 2**attempt))
            else:
                if is_error and isinstance(value, Exception):
                    raise value
                return value  # ty: ignore[invalid-explicit-return]  what the work gave
        raise WorkError("The cluster that does this work cannot be reached.", advice="Try again in a few minutes.")

    def close(self) -> None:
        """Leave the cluster; what it still does for this process is ended there."""
        super().close()
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    async def _attempt(self, job: PackedJob) -> tuple[object, bool]:
        answer = await find_answer(self._store, job.sent)
        if answer is None:
            self.traffic.sent_bytes += await job.upload(self._store)
            answer = await self._ask(job)
        value, fetched = await job.unpack(self._store, answer)
        self.traffic.fetched_bytes += fetched
        return value, answer.is_error

    async def _ask(self, job: PackedJob) -> JobAnswer:
        ticket = uuid.uuid4().hex
        if job.progress is not None:
            self._progress[ticket] = job.progress
        try:
            link = await asyncio.to_thread(self._connected)
            return await asyncio.wrap_future(link.executor.submit(carry_out, job.sent, ticket, link.topic))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _LostError from None  # the scheduler forgot it
        except (MissingFileError, BaseError, KlingUIError):
            raise
        except Exception as error:  # whatever Dask says of a lost worker, connection or scheduler
            log.info("The cluster lost a job: %s.", type(error).__name__)
            raise _LostError from error
        finally:
            self._progress.pop(ticket, None)

    def _connected(self) -> "Link":
        with self._lock:
            if self._is_closed:
                raise WorkCancelledError("The work was stopped.")
            if self._link is None or not self._link.is_alive:
                if self._link is not None:
                    self._link.close()
                self._link = None  # if the next line fails
                self._link = Link.open(self._scheduler, self._note_progress)
            return self._link

    def _note_progress(self, event: tuple[float, dict[str, Any]]) -> None:
        path = self._progress.get(event[1]["ticket"])
        if path is not None and path.parent.is_dir():
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(event[1]["told"])
            part.replace(path)


@dataclass(slots=True)
class Link:
    """A connection to the scheduler.

    Attributes:
        client: Dask's.
        executor: Takes jobs.
        topic: Under which workers tell how far they are.
    """

    client: Any
    executor: Executor
    topic: str

    @classmethod
    def open(cls, scheduler: str, on_progress: Callable[[tuple[float, dict[str, Any]]], None]) -> "Link":
        """Connect.

        Raises:
            SettingsError: The extra ``cluster`` is not installed.
            OSError: The scheduler does not answer.
        """
        try:
            distributed = importlib.import_module("distributed")
        except ImportError:
            raise SettingsError("KLING_UI_SCHEDULER needs the extra cluster: pip install distributed.") from None
        topic = f"kling-ui-{uuid.uuid4().hex}"
        client = distributed.Client(scheduler, timeout=CONNECT_LIMIT_S, set_as_default=False)
        client.subscribe_topic(topic, on_progress)
        return cls(client, client.get_executor(pure=False), topic)

    @property
    def is_alive(self) -> bool:
        """Whether jobs can be handed in."""
        return self.client.status == "running"

    def close(self) -> None:
        """Leave; jobs that nobody waits for are ended."""
        try:
            self.client.close(timeout=CONNECT_LIMIT_S)
        except Exception:
            log.exception("The cluster could not be left properly.")


@dataclass(slots=True)
class Workbench:
    """What a Dask worker works with: the store, copies of files, one process that may be ended.

    Attributes:
        store: Through which files travel.
        spool: Where copies of files lie.
        pools: The process, by the memory that it may take.
        swept_at: When what is old was last removed, in seconds since 1970.
    """

    store: ObjectStore
    spool: Path
    pools: dict[int, Workers] = field(default_factory=dict)
    swept_at: float = 0.0

    def workers(self, memory_mb: int) -> Workers:
        """Give the process that does a job."""
        if memory_mb not in self.pools:
            self.pools[memory_mb] = Workers(1, memory_mb=memory_mb)
        return self.pools[memory_mb]

    async def tidy(self) -> None:
        """Remove what nobody has needed for a day, from time to time."""
        now = time.time()
        if now - self.swept_at > SWEEP_EVERY_S:
            self.swept_at = now
            await asyncio.to_thread(forget_spooled, self.spool, now - KEEP_S)
            await sweep(self.store, now - KEEP_S)


@functools.cache
def workbench() -> Workbench:
    """Open this worker's bench: ``KLING_UI_STORE_URL`` names the store, as it does for the app.

    Raises:
        SettingsError: It is not set.
    """
    url = os.environ.get("KLING_UI_STORE_URL")
    if not url:
        raise SettingsError("A worker of the cluster needs KLING_UI_STORE_URL, the same as the app's.")
    return Workbench(open_bucket(url), Path(tempfile.mkdtemp(prefix="kling_ui-spool-")))


def carry_out(job: SentJob, ticket: str, topic: str) -> JobAnswer:
    """Do a job on a Dask worker.

    Args:
        job: The job.
        ticket: What the app calls this attempt.
        topic: Under which it hears how far the job is.

    Raises:
        MissingFileError: The store has not all files of the job.
        BaseError: The store cannot be used.
        WorkError: The app is of another version.
    """
    if job.program != program_hash():
        raise WorkError(
            "The workers of the cluster run another version of this app.", advice="Install the same on all machines."
        )
    worker = importlib.import_module("distributed").get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        state = worker.state.tasks.get(key)
        return state is not None and state.state == "executing"

    def tell(told: bytes) -> None:
        worker.log_event(topic, {"ticket": ticket, "told": told})

    return asyncio.run(_carry_out(workbench(), job, is_wanted, tell))


async def _carry_out(
    bench: Workbench, job: SentJob, is_wanted: Callable[[], bool], tell: Callable[[bytes], None]
) -> JobAnswer:
    if (known := await find_answer(bench.store, job)) is not None:
        return known
    await bench.tidy()
    inputs = await fetch_inputs(bench.store, job, bench.spool)
    before = [_state(path) for path in inputs]
    room, folders = await asyncio.to_thread(make_folders, job.folder_count)
    try:
        answer = await _do(bench.workers(job.memory_mb), job, (inputs, folders), is_wanted, tell)
        if answer.is_error:
            return answer
        changed = {number: path for number, path in enumerate(inputs) if _state(path) not in {before[number], None}}
        return await keep_answer(bench.store, job, answer, folders, changed)
    finally:
        for path, state in zip(inputs, before, strict=True):
            if _state(path) != state:
                path.unlink(missing_ok=True)  # it is no longer what its name says
        await asyncio.to_thread(shutil.rmtree, room, ignore_errors=True)


async def _do(
    workers: Workers,
    job: SentJob,
    places: tuple[list[Path], list[Path]],
    is_wanted: Callable[[], bool],
    tell: Callable[[bytes], None],
) -> JobAnswer:
    """Do the job in a process, tell how far it is, and end it once nobody waits for it."""
    task = asyncio.ensure_future(workers.run(perform, job.call, *places, timeout_s=job.timeout_s))
    told = b""
    while not (await asyncio.wait({task}, timeout=POLL_S))[0]:
        if not is_wanted():
            task.cancel()
        elif (now := _told_by(job, places[1])) not in {told, b""}:
            tell(told := now)
    try:
        return task.result()
    except asyncio.CancelledError:
        raise WorkCancelledError("Nobody waits for it.") from None
    except Exception as error:  # noqa: BLE001  it is the app's to judge
        return pack_value(error, *places, is_error=True)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _told_by(job: SentJob, folders: list[Path]) -> bytes:
    if job.progress is None:
        return b""
    try:
        return (folders[job.progress[0]] / job.progress[1]).read_bytes()
    except FileNotFoundError:
        return b""
