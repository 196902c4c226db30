"""A small pool of worker processes for work on pixels, each job bounded in time and cancellable.

The event loop only waits. Functions handed in must be importable by name, their arguments picklable.
"""

import asyncio
import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from kling_ui.errors import WorkCancelledError, WorkError, WorkTimeoutError

T = TypeVar("T")


class Workers:
    """A pool that starts its processes on first use.

    Args:
        count: Processes, at least 1; ``None`` takes the machine's cores, at most 4.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or max(1, min(4, os.cpu_count() or 1))
        # spawn: MediaPipe's threads do not survive a fork
        self._pool = ProcessPool(
            max_workers=self.count, context=multiprocessing.get_context("spawn"), initializer=_fall_silent
        )

    async def run(
        self, work: Callable[..., T], /, *args: object, timeout_s: float | None = None, **kwargs: object
    ) -> T:
        """Run ``work`` in a worker and wait for it; cancelling the awaiting task ends the worker's process.

        Raises:
            WorkTimeoutError: It took longer than ``timeout_s``.
            WorkCancelledError: The pool was closed meanwhile.
            WorkError: The process died (out of memory, a crash in a codec).
            Exception: What the work itself raised, as it was.
        """
        with _interrupts_held():
            future = self._pool.schedule(functools.partial(work, *args, **kwargs), timeout=timeout_s)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise WorkCancelledError("The work was stopped.") from None
        except ProcessExpired as error:
            raise WorkError("The process that worked on this file died.", advice="Try a smaller file.") from error
        except TimeoutError as error:
            if isinstance(error, WorkTimeoutError) or timeout_s is None:
                raise
            raise WorkTimeoutError(f"This took longer than {timeout_s:.0f} s and was stopped.") from error

    def close(self) -> None:
        """End all workers at once."""
        self._pool.stop()
        self._pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Hold Ctrl+C back for a moment; what is started meanwhile never gets it.

    A terminal sends it to all processes of a command. Workers are ended by this one; without this they would print
    tracebacks while they start.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fall_silent() -> None:
    """Send what native libraries write to the terminal nowhere; results and errors travel otherwise."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
