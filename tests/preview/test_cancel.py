"""A rendering that is cancelled while it really runs."""

import asyncio
import multiprocessing
import time
from pathlib import Path

from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job import JobState
from kling_ui.preview.queue import JobQueue
from kling_ui.workers import Workers

# Long enough to be still at work when it is cancelled, however quick the machine is; a worker that is done stays.
DANCE_MP4 = Path(__file__).resolve().parents[2] / "assets" / "examples" / "dance-full-body.mp4"


def test_a_cancelled_rendering_ends_at_once_and_leaves_nothing(person_png, tmp_path, wait_for):
    async def run(workers: Workers) -> None:
        queue = JobQueue(tmp_path / "jobs", workers)
        addresses = [f"http://preview.localhost{queue.offer(path)}" for path in (person_png, DANCE_MP4)]
        asked = MotionInput(prompt="p", image_url=addresses[0], video_url=addresses[1])
        job = await queue.submit(asked)
        async with asyncio.timeout(120):  # the models' library alone takes seconds to load
            while not job.progress() and job.finished_at is None:  # noqa: ASYNC110  another process tells it
                await asyncio.sleep(0.01)
        drawing = multiprocessing.active_children()
        began_s = time.monotonic()
        assert await queue.stop(job.request_id)
        assert time.monotonic() - began_s < 0.5
        assert job.state is JobState.CANCELLED
        await wait_for(lambda: not any(process.is_alive() for process in drawing))
        assert [path for path in job.folder.rglob("*") if path.is_file()] == []
        await queue.aclose()

    with Workers(1) as workers:
        asyncio.run(run(workers))
