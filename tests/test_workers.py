import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kling_ui.errors import MediaError, WorkError, WorkTimeoutError
from kling_ui.workers import TurnTakingWorkers, Workers


@pytest.fixture(scope="module")
def workers():
    with Workers(1) as pool:
        asyncio.run(pool.run(os.getpid))  # the first job waits for the process to start
        yield pool


def test_work_runs_in_another_process(workers):
    assert asyncio.run(workers.run(os.getpid)) != os.getpid()


def test_work_that_takes_too_long_is_ended(workers):
    started = time.monotonic()
    with pytest.raises(WorkTimeoutError):
        asyncio.run(workers.run(time.sleep, 60, timeout_s=0.5))
    assert time.monotonic() - started < 30


def test_cancelling_ends_the_work_and_frees_the_worker(workers):
    async def cancel_a_sleeper():
        task = asyncio.create_task(workers.run(time.sleep, 60))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await workers.run(max, 3, 4, timeout_s=30)

    assert asyncio.run(cancel_a_sleeper()) == 4


def test_an_error_of_the_work_arrives_as_it_was(workers):
    with pytest.raises(MediaError, match=r"clip\.mp4: it is empty") as caught:
        asyncio.run(workers.run(raise_media_error))
    assert caught.value.path == Path("clip.mp4")
    assert caught.value.advice == "Choose another."


def test_a_dead_process_is_an_error_and_not_the_end(workers):
    with pytest.raises(WorkError):
        asyncio.run(workers.run(os._exit, 3))
    assert asyncio.run(workers.run(max, 3, 4)) == 4


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced(workers):
    os.kill(asyncio.run(workers.run(os.getpid)), signal.SIGKILL)
    time.sleep(1.0)
    assert asyncio.run(workers.run(max, 3, 4)) == 4


@pytest.mark.parametrize("tell", [False, True])
def test_what_cannot_be_brought_back_is_an_error_and_not_the_end(workers, tell):
    with pytest.raises((ImportError, WorkError)):
        asyncio.run(asyncio.wait_for(workers.run(stubborn, tell=tell), 20))
    assert asyncio.run(asyncio.wait_for(workers.run(max, 3, 4), 20)) == 4


class StubbornError(Exception):
    """Cannot be unpickled in another process."""

    def __reduce__(self):
        return __import__, ("no_such_module",)


def stubborn(*, tell):
    if tell:
        raise StubbornError
    return StubbornError()


FRESH = """
import asyncio, signal
from kling_ui.workers import TurnTakingWorkers, Workers
if __name__ == "__main__":
    with Workers(1) as workers:
        blocked = asyncio.run(workers.run(signal.pthread_sigmask, signal.SIG_BLOCK, ()))
    print(signal.SIGINT in blocked, signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_workers_never_get_the_interrupt_of_the_terminal_and_this_process_still_does():
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def raise_media_error():
    raise MediaError("it is empty.", path=Path("clip.mp4"), advice="Choose another.")


def test_whoever_takes_turns_waits_before_a_worker_is_asked_and_gives_the_turn_back(workers):
    async def check():
        turns, held = asyncio.Semaphore(1), []

        async def take():
            await turns.acquire()
            held.append(1)
            return lambda: (held.pop(), turns.release())

        theirs = TurnTakingWorkers(workers, take)
        assert await asyncio.gather(*(theirs.run(abs, -number, timeout_s=30) for number in range(3))) == [0, 1, 2]
        with pytest.raises(ValueError, match="invalid literal"):
            await theirs.run(int, "x", timeout_s=30)
        theirs.close()  # they stay open for others
        assert not held
        assert await workers.run(abs, -1, timeout_s=30) == 1

    asyncio.run(check())
