import asyncio
import os
import time
from pathlib import Path

import pytest

from kling_ui.errors import MediaError, WorkError, WorkTimeoutError
from kling_ui.workers import Workers


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


def raise_media_error():
    raise MediaError("it is empty.", path=Path("clip.mp4"), advice="Choose another.")
