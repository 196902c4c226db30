import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from kling_ui.errors import MediaError, WorkCancelledError, WorkError, WorkTimeoutError
from kling_ui.work_limits import CORES_EACH, WorkLimits, is_out_of_memory
from kling_ui.workers import NICE, TurnTakingWorkers, Workers, start_ahead

if sys.platform != "win32":
    import resource


@pytest.fixture(scope="module")
def workers():
    with Workers(1) as pool:
        asyncio.run(pool.run(os.getpid))  # the first job waits for the process to start
        yield pool


def test_work_runs_in_another_process(workers):
    assert asyncio.run(workers.run(os.getpid)) != os.getpid()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such priorities")
def is_loaded(module):
    return module in sys.modules


def test_a_process_that_is_started_ahead_is_the_first_one_that_does_a_job():
    start_ahead("wave")
    for is_first in (True, False):
        with Workers(1) as pool:
            assert asyncio.run(pool.run(is_loaded, "wave")) is is_first


@pytest.mark.parametrize("is_typed", [False, True], ids=["a file", "standard input"])
def test_a_script_needs_no_guard_and_is_not_run_again(tmp_path, is_typed):
    lines = [
        "import asyncio, os",
        "from kling_ui.workers import Workers",
        "print('script')",
        "with Workers(2) as pool:",
        "    async def both(): return await asyncio.gather(*(pool.run(os.getpid) for _ in range(2)))",
        "    print(len({os.getpid(), *asyncio.run(both())}) > 1, __name__)",
    ]
    script = tmp_path / "script.py"
    script.write_text("\n".join(lines))
    command, given = ([sys.executable, "-"], script.read_text()) if is_typed else ([sys.executable, str(script)], "")
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == ["script", "True __main__"]
    assert done.stderr == ""


def test_work_gives_way_to_the_app(workers):
    assert asyncio.run(workers.run(os.nice, 0)) == min(19, os.nice(0) + NICE)


def test_numpy_finds_one_thread_to_calculate_in_when_a_worker_loads_it():
    with Workers(1) as pool:
        assert not asyncio.run(pool.run(eval, "'numpy' in __import__('sys').modules"))
        assert asyncio.run(pool.run(os.getenv, "OPENBLAS_NUM_THREADS")) == os.environ.get("OPENBLAS_NUM_THREADS", "1")


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


def test_no_job_is_ended_for_another_one_that_was_cancelled(workers):
    """Each is cancelled about when it ends; ended with it, the next one would wait for its time limit."""

    async def cancel_some(rounds):
        chance, answers = random.Random(20261129), []
        for number in range(rounds):
            lasting = chance.uniform(0.0, 0.03)
            jobs = [asyncio.ensure_future(workers.run(time.sleep, lasting, timeout_s=60)) for _ in range(2)]
            await asyncio.sleep(chance.uniform(0.0, 0.08))
            for job in jobs:
                job.cancel()
            answers.append(await asyncio.wait_for(workers.run(max, number, 0, timeout_s=60), 30))
            await asyncio.gather(*jobs, return_exceptions=True)
        return answers

    assert asyncio.run(cancel_some(40)) == list(range(40))


def test_after_a_cancelled_job_there_is_another_process(workers):
    async def cancel_one():
        before = await workers.run(os.getpid)
        task = asyncio.create_task(workers.run(time.sleep, 60))
        await asyncio.sleep(0.2)
        task.cancel()
        return before, await workers.run(os.getpid)

    before, after = asyncio.run(cancel_one())
    assert before != after


def test_closing_ends_what_is_under_way_and_what_waits():
    async def close_early():
        pool = Workers(1)
        jobs = [asyncio.ensure_future(pool.run(time.sleep, 60)) for _ in range(3)]
        await asyncio.sleep(0.5)
        await asyncio.to_thread(pool.close)
        ends = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 20)
        with pytest.raises(WorkCancelledError):
            await pool.run(max, 3, 4)
        return ends

    assert [type(end) for end in asyncio.run(close_early())] == [WorkCancelledError] * 3


def test_as_many_jobs_as_there_are_processes_are_done_at_a_time():
    async def ask(pool):
        return await asyncio.gather(*(pool.run(pid_after, 1.0) for _ in range(4)))

    with Workers(2) as pool:
        assert len(set(asyncio.run(ask(pool)))) == 2


def pid_after(seconds):
    time.sleep(seconds)
    return os.getpid()


def test_an_error_of_the_work_arrives_as_it_was(workers):
    with pytest.raises(MediaError, match=r"clip\.mp4: it is empty") as caught:
        asyncio.run(workers.run(raise_media_error))
    assert caught.value.path == Path("clip.mp4")
    assert caught.value.advice == "Choose another."


def test_work_that_wants_to_leave_leaves_the_worker_to_the_next(workers):
    with pytest.raises(SystemExit):
        asyncio.run(workers.run(sys.exit, 3))
    assert asyncio.run(asyncio.wait_for(workers.run(max, 3, 4), 20)) == 4


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
from kling_ui.workers import NICE, TurnTakingWorkers, Workers, start_ahead
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


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_workers():
    with Workers(1, memory_mb=300) as pool:
        yield pool


def take_memory(megabytes):
    return len(bytearray(megabytes * 2**20))


def decode_too_much(how):
    if how == "opencv":
        cv2.resize(np.zeros((2, 2), np.uint8), (30_000, 30_000))
    elif how == "pillow":
        Image.new("RGB", (20_000, 20_000))
    elif how == "hidden":
        try:
            bytearray(2**30)
        except MemoryError as error:
            raise MediaError("it cannot be decoded.", path=Path("clip.mp4")) from error


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit on all memory of a process")
@pytest.mark.parametrize("how", ["numpy", "opencv", "pillow", "hidden"])
def test_a_job_that_asks_for_too_much_memory_is_ended_and_its_worker_replaced(small_workers, how):
    before = asyncio.run(small_workers.run(os.getpid))
    with pytest.raises(WorkError, match="more than 300 MB of memory") as caught:
        asyncio.run(small_workers.run(take_memory, 400) if how == "numpy" else small_workers.run(decode_too_much, how))
    assert "choose another one" in caught.value.advice
    assert asyncio.run(small_workers.run(os.getpid)) != before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit on all memory of a process")
def test_each_job_has_its_memory_for_itself(small_workers):
    assert [asyncio.run(small_workers.run(take_memory, 120)) for _ in range(4)] == [120 * 2**20] * 4


def test_no_limit_of_memory_when_none_is_set():
    with Workers(1, memory_mb=0) as pool:
        assert asyncio.run(pool.run(take_memory, 400)) == 400 * 2**20


def spin(cpu_s):
    with WorkLimits(cpu_s=cpu_s).kept():
        while True:
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on processor time there")
def test_a_job_that_takes_too_much_processor_time_is_ended(workers):
    with pytest.raises(WorkError, match="too much computing time"):
        asyncio.run(workers.run(spin, 0.2, timeout_s=60))
    assert asyncio.run(workers.run(max, 3, 4)) == 4


def limits_now():
    return resource.getrlimit(resource.RLIMIT_CPU)[0], resource.getrlimit(resource.RLIMIT_CORE)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_processor_time_follows_from_the_time_limit_and_no_crash_leaves_a_core(workers):
    limited, core = asyncio.run(workers.run(limits_now, timeout_s=50))
    assert 50 * CORES_EACH <= limited < 60 * CORES_EACH
    assert asyncio.run(workers.run(limits_now))[0] == resource.RLIM_INFINITY
    assert core == 0


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError("out of memory error when reading image file"), True),
        (cv2.error("OpenCV(4) error: (-4:Insufficient memory) Failed to allocate 90 bytes"), True),
        (av.error.ArgumentError(22, "Invalid argument"), False),
        (ValueError("a memory of summer"), False),
    ],
)
def test_what_is_about_memory(error, is_memory):
    assert is_out_of_memory(error) is is_memory
