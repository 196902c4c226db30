import asyncio
import base64
import importlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kling_ui.errors import KlingUIError, MediaError, WorkTimeoutError
from kling_ui.options import InputKind
from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job import JobState, Scratch
from kling_ui.preview.queue import AHEAD_MAX, JobQueue
from kling_ui.preview.service_errors import ServiceError
from kling_ui.workers import Workers

TINY_IMAGE = "data:image/png;base64," + base64.b64encode(b"tiny image").decode()
TINY_VIDEO = "data:video/mp4;base64," + base64.b64encode(b"tiny video").decode()
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


def test_slots_and_places(in_house, tmp_path):
    async def use(house):
        asked = offered(house.queue, tmp_path)
        jobs = [await house.queue.submit(asked) for _ in range(5)]
        assert [job.state.value for job in jobs] == ["in_progress"] * 2 + ["in_queue"] * 3
        assert [house.queue.position(job) for job in jobs] == [None, None, 0, 1, 2]
        assert house.queue.cancel(jobs[3])
        assert [house.queue.position(job) for job in jobs] == [None, None, 0, None, 1]

    in_house(use, slots=2, held=True)


def test_inputs_are_fetched_before_the_job_begins_and_dropped_when_it_ends(in_house, wait_for):
    fetched = []

    async def fetch(url, folder, *, kind):
        fetched.append((url, kind))
        path = folder / f"got.{kind}"
        path.write_bytes(url.encode())
        return path

    async def use(house):
        first, second = await house.queue.submit(WEB), await house.queue.submit(WEB)
        await wait_for(lambda: house.pool.calls and second.is_ready)
        both = [("https://x.example/i", InputKind.IMAGE), ("https://x.example/v", InputKind.VIDEO)]
        assert sorted(fetched) == sorted(both * 2)
        assert (first.state, second.state) == (JobState.IN_PROGRESS, JobState.IN_QUEUE)
        house.pool.allowed.release()
        await wait_for(lambda: first.state is JobState.SUCCEEDED)
        assert not first.inputs.exists()
        assert first.asked.image_url == first.asked.video_url == ""
        assert first.output.read_bytes().startswith(b"https://x.example/i+https://x.example/v")
        assert second.state is JobState.IN_PROGRESS

    in_house(use, held=True, fetch=fetch)


@dataclass
class Dripping:
    """Servers that never end, but for the addresses that are released."""

    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def __call__(self, url, folder, *, kind):
        self.begun.append(url)
        try:
            if "slow" in url:
                await asyncio.sleep(3600)
        finally:
            self.ended.append(url)
        path = folder / f"got.{kind}"
        path.write_bytes(b"x")
        return path


def at(place):
    return MotionInput(prompt="p", image_url=f"https://{place}.example/i", video_url=f"https://{place}.example/v")


@pytest.mark.parametrize(
    ("came", "quick"),
    [
        ("A", "Aoffered"),  # even the same caller's own
        ("A", "Boffered"),
        ("A", "Bweb"),
        ("AAAAAAAA", "Bweb"),
        ("AAAAAAAA", "Boffered"),
        ("AABBCCD", "Eweb"),
    ],
)
def test_a_slow_server_keeps_no_other_from_being_drawn(in_house, tmp_path, came, quick, wait_for):
    dripping = Dripping()

    async def use(house):
        slow = [await house.queue.submit(at(f"slow{number}"), owner) for number, owner in enumerate(came)]
        asked = offered(house.queue, tmp_path) if quick.endswith("offered") else at("quick")
        job = await house.queue.submit(asked, quick[0])
        await wait_for(lambda: job.finished_at is not None)
        assert job.state is JobState.SUCCEEDED
        assert {other.state for other in slow} == {JobState.IN_QUEUE}
        assert [house.queue.position(other) is not None for other in slow] == [True] * len(slow)

    in_house(use, fetch=dripping)


def test_fetching_is_bounded_in_number_and_fair(in_house, wait_for):
    dripping = Dripping()

    async def use(house):
        jobs = [await house.queue.submit(at(f"slow{number}"), owner) for number, owner in enumerate("A" * 9 + "B" * 9)]
        await wait_for(lambda: len(dripping.begun) == AHEAD_MAX)
        last = await house.queue.submit(at("slow-last"), "C")
        begun = [f"https://slow{number}.example/i" for number in (0, 1, 2, 3, 9, 10, 11, 12)]
        assert sorted(dripping.begun) == sorted(begun)
        assert house.queue.cancel(jobs[1])
        await wait_for(lambda: "https://slow-last.example/i" in dripping.begun)
        assert dripping.ended == ["https://slow1.example/i"]
        assert last.state is JobState.IN_QUEUE
        assert len(dripping.begun) == AHEAD_MAX + 1

    in_house(use, fetch=dripping)


def test_what_was_fetched_waits_in_bounded_number(in_house, wait_for):
    dripping = Dripping()

    async def use(house):
        jobs = [await house.queue.submit(at("quick"), owner) for owner in "ABCDE" * 4]
        await wait_for(lambda: house.pool.calls and sum(job.is_ready for job in jobs) == AHEAD_MAX + 1)
        await asyncio.sleep(0.05)
        assert len(dripping.begun) == 2 * (AHEAD_MAX + 1)  # one is drawn, the others wait for it
        for _ in jobs:
            house.pool.allowed.release()
        await wait_for(lambda: all(job.state is JobState.SUCCEEDED for job in jobs))

    in_house(use, held=True, fetch=dripping)


def test_fetching_is_bounded_in_time(in_house, wait_for):
    async def use(house):
        job = await house.queue.submit(at("slow"))
        await wait_for(lambda: job.finished_at is not None)
        assert (job.failure.kind, job.failure.message) == ("Timeout", "Fetching the inputs took longer than 0 s.")
        assert not job.inputs.exists()

    in_house(use, fetch=Dripping(), fetch_limit_s=0.05)


@pytest.mark.parametrize("way", ["cancel", "stop", "close"])
def test_ending_a_job_ends_its_fetching(in_house, wait_for, way):
    dripping = Dripping()

    async def use(house):
        job = await house.queue.submit(at("slow"))
        await wait_for(lambda: dripping.begun)
        if way == "cancel":
            assert house.queue.cancel(job)
        elif way == "stop":
            assert await house.queue.stop(job.request_id)
        else:
            await house.queue.aclose()
        assert job.state is JobState.CANCELLED
        await wait_for(lambda: dripping.ended)
        await wait_for(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        assert house.pool.calls == []

    in_house(use, fetch=dripping)


@pytest.mark.parametrize("waiting_max", [1, 3, 10, 99])
@pytest.mark.parametrize("is_inline", [True, False], ids=["inline", "web"])
def test_the_limit_holds_when_all_come_at_once(in_house, waiting_max, is_inline, wait_for):
    asked = MotionInput(prompt="p", image_url=TINY_IMAGE, video_url=TINY_VIDEO) if is_inline else at("slow")

    async def use(house):
        outcomes = await asyncio.gather(*(house.queue.submit(asked) for _ in range(100)), return_exceptions=True)
        jobs = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert {outcome.status for outcome in outcomes if isinstance(outcome, ServiceError)} == {429}
        waiting = [job for job in jobs if job.state is JobState.IN_QUEUE]
        assert len(waiting) <= waiting_max <= len(jobs) <= waiting_max + is_inline  # one may be drawn by now

    in_house(use, held=True, fetch=Dripping(), waiting_max=waiting_max)


@pytest.mark.parametrize(
    "origin",
    [
        "http://any.host",
        "https://preview.localhost",
        "http://preview.localhost:81",
        "http://preview.localhost.any.host",
        "http://preview",
    ],
)
def test_an_offer_counts_under_its_own_origin_only(in_house, tmp_path, origin, wait_for):
    dripping = Dripping()

    async def use(house):
        asked = offered(house.queue, tmp_path)
        elsewhere = asked.image_url.replace("http://preview.localhost", origin)
        job = await house.queue.submit(asked.model_copy(update={"image_url": elsewhere}))
        await wait_for(lambda: job.finished_at is not None)
        assert dripping.begun == [elsewhere]
        assert job.output.read_bytes().startswith(b"x+v")

    in_house(use, fetch=dripping)


@pytest.mark.parametrize(
    "origin", ["http://preview.localhost", "HTTP://PREVIEW.LOCALHOST:80", "http://preview.localhost."]
)
def test_spellings_of_the_own_origin_are_one(in_house, tmp_path, origin, wait_for):
    async def use(house):
        asked = offered(house.queue, tmp_path)
        spelled = asked.image_url.replace("http://preview.localhost", origin)
        job = await house.queue.submit(asked.model_copy(update={"image_url": spelled}))
        await wait_for(lambda: job.finished_at is not None)
        assert job.state is JobState.SUCCEEDED

    in_house(use)


@pytest.mark.parametrize("kind", list(InputKind))
@pytest.mark.parametrize("way", ["inline", "fetched", "offered"])
def test_a_failure_names_the_input_it_is_about(in_house, tmp_path, kind, way, wait_for):
    def refuse(image, video, out, **_):
        raise MediaError("It shows nobody.", path={"image": image, "video": video}[kind])

    async def use(house):
        ways = {
            "inline": MotionInput(prompt="p", image_url=TINY_IMAGE, video_url=TINY_VIDEO),
            "fetched": at("quick"),
            "offered": offered(house.queue, tmp_path),
        }
        job = await house.queue.submit(ways[way])
        await wait_for(lambda: job.finished_at is not None)
        named = "" if way == "offered" else f"{kind}_url cannot be used: "  # whoever offers knows the file
        assert (job.failure.kind, job.failure.message) == ("InvalidInput", f"{named}It shows nobody.")

    in_house(use, render=refuse, fetch=Dripping())


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
