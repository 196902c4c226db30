import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kling_ui.checks.preflight import Preflight
from kling_ui.errors import MediaError
from kling_ui.options import Orientation, TransferOptions
from kling_ui.workers import Workers


class CountedWorkers(Workers):
    """Runs the work in this process after a pause, and counts."""

    def __init__(self, pause_s: float = 0.0) -> None:
        super().__init__(1)
        self.pause_s = pause_s
        self.started: list[str] = []
        self.cancelled = 0

    async def run(self, work: Callable[..., object], /, *args: object, timeout_s: float | None = None, **more: object):
        self.started.append(getattr(work, "__name__", ""))
        assert timeout_s
        try:
            await asyncio.sleep(self.pause_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return work(*args, **more)


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    path = tmp_path / "wall.png"
    Image.new("RGB", (400, 600), (200, 190, 180)).save(path)
    return path


def test_an_image_and_a_clip_in_worker_processes(person_png, dance_mp4, tmp_path):
    async def check() -> None:
        with Workers(2) as workers:
            preflight = Preflight(workers, tmp_path)
            facts = await preflight.video_facts(dance_mp4)
            early = preflight.judge(None, facts, TransferOptions())
            assert not early.complete
            report = await preflight.report(person_png, dance_mp4, TransferOptions())
            assert await preflight.report(person_png, dance_mp4, TransferOptions()) is report  # judged once
            again = await preflight.report(person_png, dance_mp4, TransferOptions(orientation=Orientation.IMAGE))
        assert report.complete
        assert report.image.findings == ()
        assert {finding.rule for finding in report.video.findings} == {"video.duration"}  # 1.5 s
        assert report.video.facts == again.video.facts

    asyncio.run(check())


def test_the_same_file_is_looked_at_once(wall, tmp_path):
    async def check() -> None:
        workers = CountedWorkers(0.01)
        preflight = Preflight(workers, tmp_path)
        first, second, facts = await asyncio.gather(
            preflight.image(wall), preflight.image(wall), preflight.image_facts(wall)
        )
        assert first is second
        assert first.facts == facts
        assert await preflight.image(wall) is first
        assert sorted(workers.started) == ["analyse_image", "probe_image"]

    asyncio.run(check())


def test_a_changed_file_is_looked_at_again(wall, tmp_path):
    async def check() -> None:
        workers = CountedWorkers()
        preflight = Preflight(workers, tmp_path)
        before = await preflight.image_facts(wall)
        Image.new("RGB", (500, 600)).save(wall)
        os.utime(wall, ns=(time.time_ns(), time.time_ns() + 10**9))
        after = await preflight.image_facts(wall)
        assert (before.width_px, after.width_px) == (400, 500)

    asyncio.run(check())


def test_who_gives_up_does_not_disturb_who_waits_on(wall, tmp_path):
    async def check() -> None:
        workers = CountedWorkers(0.05)
        preflight = Preflight(workers, tmp_path)
        hurried, patient = (asyncio.create_task(preflight.image_facts(wall)) for _ in range(2))
        await asyncio.sleep(0.01)
        hurried.cancel()
        assert (await patient).width_px == 400
        assert hurried.cancelled()
        assert workers.cancelled == 0

    asyncio.run(check())


def test_work_that_nobody_waits_for_is_ended(wall, tmp_path):
    async def check() -> None:
        workers = CountedWorkers(5)
        preflight = Preflight(workers, tmp_path)
        waiting = asyncio.create_task(preflight.image_facts(wall))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0)
        assert workers.cancelled == 1
        workers.pause_s = 0
        assert (await preflight.image_facts(wall)).width_px == 400

    asyncio.run(check())


def test_a_failure_reaches_everybody_and_is_not_remembered(tmp_path):
    async def check() -> None:
        path = tmp_path / "late.png"
        preflight = Preflight(CountedWorkers(0.01), tmp_path)
        failures = await asyncio.gather(*(preflight.image(path) for _ in range(2)), return_exceptions=True)
        assert all(isinstance(failure, MediaError) for failure in failures)
        Image.new("RGB", (400, 400)).save(path)
        assert (await preflight.image_facts(path)).width_px == 400

    asyncio.run(check())


class Turns:
    """Gives turns when the test says so."""

    def __init__(self, count: int) -> None:
        self.free = asyncio.Semaphore(count)
        self.held = 0

    async def take(self) -> Callable[[], None]:
        await self.free.acquire()
        self.held += 1

        def end() -> None:
            self.held -= 1
            self.free.release()

        return end


def test_new_work_waits_for_a_turn_and_what_is_known_or_under_way_does_not(wall, tmp_path):
    async def check() -> None:
        workers, turns = CountedWorkers(0.02), Turns(1)
        shared = Preflight(workers, tmp_path)
        theirs = shared.taking_turns(turns.take)
        first = asyncio.create_task(theirs.image_facts(wall))
        await asyncio.sleep(0)
        second = asyncio.create_task(theirs.image(wall))
        await asyncio.gather(theirs.image_facts(wall), first)  # joins what is under way
        assert workers.started[0] == "probe_image"
        await second
        turns.free = asyncio.Semaphore(0)
        assert await theirs.image(wall) is await shared.image(wall)
        assert workers.started == ["probe_image", "analyse_image"]
        assert turns.held == 0
        assert shared.remembered_contents == {(await shared.image(wall)).sha256}

    asyncio.run(check())


def test_a_turn_lasts_as_long_as_the_work_though_whoever_began_it_has_gone(wall, tmp_path):
    """Else a visitor begins work, joins it, gives up the first wish, and begins more than one may."""

    async def check() -> None:
        turns = Turns(1)
        preflight = Preflight(CountedWorkers(0.05), tmp_path).taking_turns(turns.take)
        began, joined = (asyncio.create_task(preflight.image_facts(wall)) for _ in range(2))
        await asyncio.sleep(0.01)
        began.cancel()
        await asyncio.wait({began})
        assert turns.held == 1
        await joined
        assert turns.held == 0

    asyncio.run(check())


def test_who_waits_for_a_turn_keeps_nobody_else_waiting_for_the_same_file(wall, tmp_path):
    async def check() -> None:
        shared = Preflight(CountedWorkers(0.0), tmp_path)
        waiting = asyncio.create_task(shared.taking_turns(Turns(0).take).image_facts(wall))
        await asyncio.sleep(0)
        assert (await shared.taking_turns(Turns(1).take).image_facts(wall)).width_px == 400
        waiting.cancel()

    asyncio.run(check())
