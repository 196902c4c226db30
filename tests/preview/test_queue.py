import asyncio
import importlib
import json
import time
from pathlib import Path

import pytest

from kling_ui.errors import KlingUIError, WorkTimeoutError
from kling_ui.options import InputKind
from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job import JobState, Scratch
from kling_ui.preview.queue import JobQueue
from kling_ui.preview.service_errors import ServiceError
from kling_ui.workers import Workers

WEB = MotionInput(prompt="p", image_url="https://x.example/i", video_url="https://x.example/v")

SLOW_RENDER = """
import json, os, time

def render(image, video, out, *, orientation, keep_sound, resolution, progress):
    progress.write_text(json.dumps({"progress": 0.1, "pid": os.getpid()}))
    out.with_name("half-done").write_bytes(b"...")
    if image.read_bytes() == b"endless":
        time.sleep(600)
    out.write_bytes(b"video")
"""


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def offered(queue, tmp_path, content=b"i"):
    """Return an input whose files this process offers."""
    image, video = tmp_path / "image.bin", tmp_path / "video.bin"
    image.write_bytes(content)
    video.write_bytes(b"v")
    return MotionInput(
        prompt="p",
        image_url="http://preview.localhost" + queue.offer(image),
        video_url="http://preview.localhost" + queue.offer(video),
    )


def test_slots_and_places(in_house):
    async def use(house):
        jobs = [await house.queue.submit(WEB) for _ in range(5)]
        assert [job.state.value for job in jobs] == ["in_progress"] * 2 + ["in_queue"] * 3
        assert [house.queue.position(job) for job in jobs] == [None, None, 0, 1, 2]
        assert house.queue.cancel(jobs[3])
        assert [house.queue.position(job) for job in jobs] == [None, None, 0, None, 1]

    async def fetch(url, folder, *, kind):
        await asyncio.sleep(3600)

    in_house(use, slots=2, fetch=fetch)


def test_inputs_are_fetched_when_the_job_begins_and_dropped_when_it_ends(in_house, wait_for):
    fetched = []

    async def fetch(url, folder, *, kind):
        fetched.append((url, kind))
        path = folder / f"got.{kind}"
        path.write_bytes(url.encode())
        return path

    async def use(house):
        first, second = await house.queue.submit(WEB), await house.queue.submit(WEB)
        await wait_for(lambda: house.pool.calls)
        assert fetched == [("https://x.example/i", InputKind.IMAGE), ("https://x.example/v", InputKind.VIDEO)]
        house.pool.allowed.release()
        await wait_for(lambda: first.state is JobState.SUCCEEDED)
        assert not first.inputs.exists()
        assert first.asked.image_url == first.asked.video_url == ""
        assert first.output.read_bytes().startswith(b"https://x.example/i+https://x.example/v")
        assert second.state is JobState.IN_PROGRESS

    in_house(use, held=True, fetch=fetch)


def test_an_address_that_cannot_be_fetched_fails_the_job(in_house, wait_for):
    async def fetch(url, folder, *, kind):
        raise KlingUIError(f"The {kind} could not be fetched.")

    async def use(house):
        job = await house.queue.submit(WEB)
        await wait_for(lambda: job.finished_at is not None)
        assert job.state is JobState.FAILED
        assert job.failure.message == "The image could not be fetched."
        assert house.pool.calls == []

    in_house(use, fetch=fetch)


def test_offered_files_are_read_where_they_are(in_house, tmp_path, wait_for):
    async def use(house):
        job = await house.queue.submit(offered(house.queue, tmp_path))
        await wait_for(lambda: job.finished_at is not None)
        assert job.output.read_bytes() == b"i+v|video|True"
        assert house.pool.calls[0]["args"][0] == tmp_path / "image.bin"
        assert (tmp_path / "image.bin").exists()

    in_house(use)


@pytest.mark.parametrize("way", ["withdrawn", "deleted", "guessed"])
def test_only_what_is_offered_is_read(in_house, tmp_path, way, wait_for):
    async def use(house):
        asked = offered(house.queue, tmp_path)
        if way == "withdrawn":
            house.queue.withdraw(asked.image_url.removeprefix("http://preview.localhost"))
        elif way == "deleted":
            (tmp_path / "image.bin").unlink()
        else:
            guess = asked.image_url[:-1] + ("A" if asked.image_url[-1] != "A" else "B")
            asked = asked.model_copy(update={"image_url": guess})
        job = await house.queue.submit(asked)
        await wait_for(lambda: job.finished_at is not None)
        assert job.state is JobState.FAILED
        assert job.failure.message == "The file is no longer there."

    in_house(use)


def test_a_render_that_makes_no_file_has_failed(in_house, tmp_path, wait_for):
    async def use(house):
        job = await house.queue.submit(offered(house.queue, tmp_path))
        await wait_for(lambda: job.finished_at is not None)
        assert job.failure.message == "The preview made no file."

    in_house(use, render=lambda *_, **__: None)


def test_a_render_is_bounded_in_time(in_house, tmp_path, wait_for):
    def late(*_, **__):
        raise WorkTimeoutError("This took longer than 7 s and was stopped.")

    async def use(house):
        job = await house.queue.submit(offered(house.queue, tmp_path))
        await wait_for(lambda: job.finished_at is not None)
        assert house.pool.calls[0]["timeout_s"] == 7
        assert (job.failure.kind, job.failure.message) == ("Timeout", "This took longer than 7 s and was stopped.")

    in_house(use, render=late, render_limit_s=7)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"progress": 0.5}', 0.5),
        ('{"progress": 0.5, "more": 1}', 0.5),
        ('{"progress": 7}', 1.0),
        ('{"progress": -1}', 0.0),
        ('{"progress": null}', None),
        ('{"prog', None),
        ("[]", None),
        (None, None),
    ],
)
def test_progress(in_house, tmp_path, content, expected, wait_for):
    async def use(house):
        job = await house.queue.submit(offered(house.queue, tmp_path))
        await wait_for(lambda: house.pool.calls)
        if content is not None:
            job.progress_file.write_text(content)
        assert job.progress() == expected
        house.pool.allowed.release()
        await wait_for(lambda: job.finished_at is not None)
        assert job.progress() is None

    in_house(use, held=True)


def test_finished_jobs_are_forgotten_by_age_and_number(in_house, tmp_path, wait_for):
    now = [1000.0]

    async def use(house):
        asked = offered(house.queue, tmp_path)
        jobs = []
        for _ in range(4):
            now[0] += 1
            jobs.append(await house.queue.submit(asked))
            await wait_for(lambda: jobs[-1].finished_at is not None)
        assert house.queue.find(jobs[1].request_id) is jobs[1]
        with pytest.raises(ServiceError):
            house.queue.find(jobs[0].request_id)
        assert not jobs[0].folder.exists()
        now[0] = jobs[2].finished_at + 60.5
        with pytest.raises(ServiceError):
            house.queue.find_file(jobs[2].file_key)
        assert house.queue.find_file(jobs[3].file_key) is jobs[3]
        assert [path.name for path in jobs[3].folder.parent.iterdir()] == [jobs[3].request_id]

    in_house(use, keep_s=60, keep_count=3, clock=lambda: now[0])


def test_stop_ends_even_a_running_job(in_house, tmp_path, wait_for):
    async def use(house):
        asked = offered(house.queue, tmp_path)
        running, queued, last = [await house.queue.submit(asked) for _ in range(3)]
        await wait_for(lambda: house.pool.calls)
        assert await house.queue.stop(queued.request_id)
        assert await house.queue.stop(running.request_id)
        assert (running.state, queued.state) == (JobState.CANCELLED, JobState.CANCELLED)
        await wait_for(lambda: last.state is JobState.IN_PROGRESS)
        assert not await house.queue.stop(running.request_id)
        assert not await house.queue.stop("unknown")

    in_house(use, held=True)


def test_closing_ends_everything_and_leaves_nothing(in_house, tmp_path, wait_for):
    async def use(house):
        asked = offered(house.queue, tmp_path)
        running, queued = [await house.queue.submit(asked) for _ in range(2)]
        await wait_for(lambda: house.pool.calls)
        await house.queue.aclose()
        await house.queue.aclose()
        assert (running.state, queued.state) == (JobState.CANCELLED, JobState.CANCELLED)
        assert list(house.folder.iterdir()) == []
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(ServiceError):
            await house.queue.submit(asked)

    in_house(use, held=True)


def test_a_new_process_removes_what_a_dead_one_left_but_not_what_a_living_one_uses(tmp_path):
    living = Scratch(tmp_path)
    (living.path / "result").write_bytes(b"x")
    dead = tmp_path / "jobs-dead"
    dead.mkdir()
    (dead / "result").write_bytes(b"x")
    (tmp_path / "jobs-dead.lock").touch()
    (tmp_path / "unrelated.lock").touch()
    other = Scratch(tmp_path)
    assert not dead.exists()
    assert (living.path / "result").exists()
    living.remove()
    living.remove()
    other.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["unrelated.lock"]


def test_rendering_happens_in_a_worker_that_closing_ends(tmp_path, monkeypatch, wait_for):
    (tmp_path / "slow_render.py").write_text(SLOW_RENDER)
    monkeypatch.syspath_prepend(tmp_path)
    render = importlib.import_module("slow_render").render

    async def run(workers):
        queue = JobQueue(tmp_path / "jobs", workers, render=render)
        quick = await queue.submit(offered(queue, tmp_path))
        await wait_for(lambda: quick.finished_at is not None)
        assert quick.output.read_bytes() == b"video"
        endless = await queue.submit(offered(queue, tmp_path, b"endless"))
        await wait_for(lambda: endless.progress() == 0.1)
        pid = json.loads(endless.progress_file.read_text())["pid"]
        began_s = time.monotonic()
        await queue.aclose()
        assert time.monotonic() - began_s < 5
        assert files_in(tmp_path / "jobs") == []
        await wait_for(lambda: not Path(f"/proc/{pid}").exists() or not Path("/proc/self").exists())

    with Workers(1) as workers:
        asyncio.run(run(workers))
