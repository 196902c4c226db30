"""A small pool of worker processes for work on pixels, each job bounded in time and memory, and cancellable.

The event loop only waits. Functions handed in must be importable by name, their arguments picklable.
"""

import asyncio
import functools
import importlib
import os
import pickle
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import CancelledError, Future, InvalidStateError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Any, Self, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from kling_ui.errors import WorkCancelledError, WorkError, WorkTimeoutError
from kling_ui.languages import Told
from kling_ui.work_limits import CPU_EXIT, MEMORY_EXIT, MEMORY_MB, WorkLimits, is_out_of_memory, leave_no_core

NICE = 10  # about a tenth of what the app gets while both want the same processor: a page does not wait for frames
T = TypeVar("T")
TakeTurn = Callable[[], Awaitable[Callable[[], None]]]


@dataclass(slots=True)
class WorkTally:
    """What workers have done since the start.

    Attributes:
        jobs: Jobs by the name of the work and by how they ended: done, failed, cancelled, lost (with their process).
        seconds: Seconds that they took, with waiting for a worker, by the name of the work.
    """

    jobs: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Jobs that took their process with them."""
        return sum(count for (_, outcome), count in self.jobs.items() if outcome == "lost")

    def note(self, work: str, outcome: str, elapsed_s: float) -> None:
        """Count a job."""
        self.jobs[work, outcome] += 1
        self.seconds[work] = self.seconds.get(work, 0.0) + elapsed_s


class Workers:
    """A pool that starts its processes on first use.

    Args:
        count: Processes, at least 1; ``None`` takes the machine's cores, at most 4.
        memory_mb: Memory that one job may take, in MB of 2^20 bytes; 0 sets no limit.

    Attributes:
        previews_at_once: So many previews are drawn at the same time; other workers stay free for what people wait for.
    """

    previews_at_once = 1

    def __init__(self, count: int | None = None, *, memory_mb: int = MEMORY_MB) -> None:
        self.count = count or max(1, min(4, os.cpu_count() or 1))
        self._memory_mb = memory_mb
        self._processes: list[_Process] = []
        self._free = Semaphore(0)  # processes that have nothing to do
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = Lock()
        self._is_closed = False
        self.tally = WorkTally()

    async def run(
        self, work: Callable[..., T], /, *args: object, timeout_s: float | None = None, **kwargs: object
    ) -> T:
        """Do as :meth:`_run` says, and count it."""
        began_s, outcome = time.monotonic(), "failed"
        try:
            made = await self._run(work, *args, timeout_s=timeout_s, **kwargs)
            outcome = "done"
        except (asyncio.CancelledError, WorkCancelledError):
            outcome = "cancelled"
            raise
        except WorkError as error:
            outcome = "lost" if error.__cause__ is not None else "failed"
            raise
        else:
            return made
        finally:
            self.tally.note(getattr(work, "__name__", "other"), outcome, time.monotonic() - began_s)

    async def _run(
        self, work: Callable[..., T], /, *args: object, timeout_s: float | None = None, **kwargs: object
    ) -> T:
        """Run ``work`` in a worker and wait for it; cancelling the awaiting task ends the worker's process.

        Raises:
            WorkTimeoutError: It took longer than ``timeout_s``.
            WorkCancelledError: The pool was closed meanwhile.
            WorkError: It took more memory or processor time than it may, or its process died (a crash in a codec).
            Exception: What the work itself raised, as it was.
        """
        try:
            call = pickle.dumps(functools.partial(work, *args, **kwargs))
            return pickle.loads(await asyncio.wrap_future(self._schedule(call, timeout_s)))  # noqa: S301  our own
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise WorkCancelledError("The work was stopped.") from None
        except (ProcessExpired, BrokenProcessPool) as error:
            raise self._why_it_died(error) from error
        except TimeoutError as error:
            if isinstance(error, WorkTimeoutError) or timeout_s is None:
                raise
            raise WorkTimeoutError(
                Told("This took longer than {timeout_s:.0f} s and was stopped.", timeout_s=timeout_s)
            ) from error

    def close(self) -> None:
        """End all workers at once."""
        with self._lock:
            self._is_closed = True
            processes = tuple(self._processes)
        for _ in processes:
            self._jobs.put(None)
        for process in processes:
            process.stop()
        for process in processes:
            process.join()

    def _schedule(self, call: bytes, timeout_s: float | None) -> Future[bytes]:
        job = _Job(call, WorkLimits.of(self._memory_mb, timeout_s), timeout_s)
        with self._lock:
            if self._is_closed:
                raise WorkCancelledError("The work was stopped.")
            self._jobs.put(job)
            if not self._free.acquire(blocking=False) and len(self._processes) < self.count:
                process = _AHEAD.pop() if _AHEAD else _Process()
                self._processes.append(process)
                with _interrupts_held():
                    Thread(target=self._serve, args=(process,), name="worker", daemon=True).start()
        return job.future

    def _serve(self, process: "_Process") -> None:
        """Have one process do jobs, one after the other."""
        while (job := self._jobs.get()) is not None:
            job.have_done(process)
            self._free.release()

    def _why_it_died(self, error: Exception) -> WorkError:
        code = getattr(error, "exitcode", 0)
        if code == MEMORY_EXIT:
            reason = Told(
                "This asked for more than {limit_mb} MB of memory, more than a picture or a clip can need.",
                limit_mb=self._memory_mb,
            )
            return WorkError(reason, advice="Export the file again as JPEG, PNG or MP4 (H.264), or choose another one.")
        if code == CPU_EXIT:
            return WorkError("This took too much computing time and was stopped.", advice="Try a smaller file.")
        return WorkError("The process that worked on this file died.", advice="Try a smaller file, or another one.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TurnTakingWorkers(Workers):
    """The same workers for somebody who may not have all of them at once.

    Args:
        workers: The workers; closed by whoever opened them.
        take_turn: Waits until a worker may be asked, and gives what is to be called when it is done.
    """

    def __init__(self, workers: Workers, take_turn: TakeTurn) -> None:
        self._workers = workers
        self._take_turn = take_turn

    async def run(
        self, work: Callable[..., T], /, *args: object, timeout_s: float | None = None, **kwargs: object
    ) -> T:
        """Wait for a turn, then do as :meth:`Workers.run` does; the time limit begins with the turn.

        Raises:
            KlingUIError: There is no turn to be had.
            Exception: What :meth:`Workers.run` raises.
        """
        end_turn = await self._take_turn()
        try:
            return await self._workers.run(work, *args, timeout_s=timeout_s, **kwargs)
        finally:
            end_turn()

    def close(self) -> None:
        """Do nothing: they are others', too."""


class _Job:
    """A call on its way to a process and back.

    Args:
        call: Pickled.
        limits: What it may take.
        timeout_s: How long it may take in a process, in seconds; ``None`` sets no limit.

    Attributes:
        future: What it comes to, pickled; cancelling it ends the job wherever it is.
    """

    def __init__(self, call: bytes, limits: WorkLimits, timeout_s: float | None) -> None:
        self.future: Future[bytes] = Future()
        self._call, self._limits, self._timeout_s = call, limits, timeout_s
        self._done: ProcessFuture[bytes] | None = None
        self._lock = Lock()
        self.future.add_done_callback(self._end)

    def have_done(self, process: "_Process") -> None:
        """Have a process do it, and wait until that has nothing more to do with it."""
        try:
            with self._lock:
                if self.future.cancelled():
                    return
                self._done = process.begin(self._call, self._limits, self._timeout_s)
            value = self._done.result()
        except CancelledError:
            self.future.cancel()
            process.renew()
        except BaseException as error:  # noqa: BLE001  it is for whoever waits, and ends no thread
            with suppress(InvalidStateError):  # cancelled at this moment
                self.future.set_exception(error)
        else:
            with suppress(InvalidStateError):
                self.future.set_result(value)

    def _end(self, future: Future[bytes]) -> None:
        if not future.cancelled():
            return
        with self._lock:
            if self._done is not None:
                self._done.cancel()


class _Process:
    """A process that does one job at a time: a pool of Pebble's with a single one.

    In a pool of several, or with jobs that wait in it, Pebble ends the process of a cancelled job though that may have
    taken the next one by then, and nobody is told of that until its time is up. So a process gets a job only when the
    one before has ended for good, and after a cancelled one it is another process.
    """

    def __init__(self, module: str = "") -> None:
        self._pool = _open_pool(module)
        self._lock = Lock()
        self._is_stopped = False
        self._under_way: ProcessFuture[bytes] | None = None

    def start(self) -> None:
        """Start it before it has anything to do."""
        with _interrupts_held():
            _ = self._pool.active  # asking starts it

    def begin(self, call: bytes, limits: WorkLimits, timeout_s: float | None) -> "ProcessFuture[bytes]":
        """Hand a job in.

        Raises:
            CancelledError: It was stopped.
        """
        with self._lock:
            if self._is_stopped:
                raise CancelledError
            if not self._pool.active:  # somebody killed the process while it had nothing to do
                self._replace()
            self._under_way = self._pool.schedule(_do, (call, limits), timeout=timeout_s)
            return self._under_way

    def renew(self) -> None:
        """End the process; the next job gets another one."""
        with self._lock:
            if not self._is_stopped:
                self._replace()

    def stop(self) -> None:
        """Give no job to it any more, and end the one that it does."""
        with self._lock:
            self._is_stopped = True
            if self._under_way is not None:
                self._under_way.cancel()
            self._pool.stop()

    def join(self) -> None:
        """Wait until it has ended."""
        with self._lock:
            self._pool.join()

    def _replace(self) -> None:
        self._pool.stop()
        self._pool.join()
        self._pool = _open_pool()


_AHEAD: list[_Process] = []


def start_ahead(module: str) -> None:
    """Start a process that the first workers will use, so that it is ready once this one is.

    Args:
        module: What it imports meanwhile, by its full name.
    """
    process = _Process(module)
    process.start()
    _AHEAD.append(process)


class _WorkerProcess(SpawnProcess):
    """A process that does not run the calling script once more: all that it does is imported by name.

    Otherwise a script of two lines that calls this package would call it again in each worker, without end.
    """

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802  multiprocessing's name
        with _script_hidden():
            return SpawnProcess._Popen(process_obj)


class _WorkerContext(SpawnContext):
    Process = _WorkerProcess


_HIDING = Lock()


@contextmanager
def _script_hidden() -> Generator[None]:
    """Take away, for a moment, what multiprocessing goes by to run the calling script in a new process."""
    script = sys.modules["__main__"]
    with _HIDING:
        hidden = {name: script.__dict__.pop(name) for name in ("__file__", "__spec__") if name in script.__dict__}
        script.__spec__ = None
        try:
            yield
        finally:
            script.__dict__.update(hidden)


def _open_pool(module: str = "") -> ProcessPool:
    context = _WorkerContext()  # MediaPipe's threads do not survive a fork
    return ProcessPool(max_workers=1, context=context, initializer=_settle_in, initargs=[module])


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Hold Ctrl+C back for a moment; what is started meanwhile never gets it.

    A terminal sends it to all processes of a command. Workers are ended by this one; without this they would print
    tracebacks while they start.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # the pool starts it otherwise, and that lets Ctrl+C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do(job: bytes, limits: WorkLimits) -> bytes:
    """Do a job in a worker; one that is refused memory ends it, because what was refused in a library may break that.

    It travels pickled, and so does what comes of it: whatever cannot be unpickled is an error of this one job. In the
    threads of the pool it would end a thread, and everybody would wait for ever.
    """
    try:
        with limits.kept():
            return pickle.dumps(pickle.loads(job)())  # noqa: S301  our own
    except Exception as error:
        if is_out_of_memory(error):
            os._exit(MEMORY_EXIT)
        if _is_portable(error):
            raise
        raise WorkError(
            Told("The work failed ({kind}).", kind=type(error).__name__), advice="Try another file."
        ) from None


def _is_portable(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  our own
    except Exception:  # noqa: BLE001  whatever its class does
        return False
    return True


def _settle_in(module: str) -> None:
    """Give way to the app, send what native libraries write to the terminal nowhere, and import a module, if named.

    Results and errors travel otherwise. Algebra is done in one thread.
    """
    leave_no_core()
    # The algebra here is small: the threads of numpy's library would take up to a fifth of a preview's processor time
    # to wait for each other by spinning. numpy reads this when it is loaded, which no worker has done yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICE)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    if module:
        importlib.import_module(module)
