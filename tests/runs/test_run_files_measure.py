import asyncio
import hashlib

import pytest

from kling_ui.errors import WorkTimeoutError
from kling_ui.runs.run_files import Measurer, facts_of
from kling_ui.workers import Workers


class _Here(Workers):
    """Runs work in a thread, one at a time, or fails as told."""

    def __init__(self, failure=None):
        super().__init__(1)
        self.failure = failure
        self.turn = asyncio.Lock()
        self.done = []

    async def run(self, work, /, *args, timeout_s=None, **kwargs):
        assert timeout_s
        if self.failure is not None:
            raise self.failure
        async with self.turn:
            self.done.append(work.__name__)
            return await asyncio.to_thread(work, *args, **kwargs)


def test_the_facts_of_a_result(dance_mp4):
    facts = facts_of(dance_mp4)
    assert (facts.duration_s, facts.fps, facts.frame_count) == (1.5, 16.0, 24)
    assert (facts.width_px, facts.height_px, facts.has_audio) == (360, 640, True)
    assert facts.size_bytes == dance_mp4.stat().st_size


def test_a_clip_follows_itself(dance_mp4):
    motion = asyncio.run(Measurer(_Here()).motion(dance_mp4, dance_mp4))
    assert motion is not None
    assert motion["score"] == pytest.approx(100.0)


def test_a_file_that_breaks_off_is_called_damaged(dance_mp4, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(dance_mp4.read_bytes()[:5000])
    measured = asyncio.run(Measurer(_Here()).facts(cut))
    assert measured.facts is None
    assert measured.damage
    assert measured.sha256 == hashlib.sha256(cut.read_bytes()).hexdigest()


@pytest.mark.parametrize("failure", [WorkTimeoutError("Too long."), RuntimeError("bug")])
def test_a_machine_that_cannot_measure_does_not_spoil_a_result(dance_mp4, failure):
    measurer = Measurer(_Here(failure))
    assert asyncio.run(measurer.motion(dance_mp4, dance_mp4)) is None
    if isinstance(failure, WorkTimeoutError):
        measured = asyncio.run(measurer.facts(dance_mp4))
        assert (measured.facts, measured.damage) == (None, "")


def test_a_reference_is_watched_ahead_of_its_result(dance_mp4, tmp_path):
    async def story():
        workers = _Here()
        measurer = Measurer(workers, tmp_path / "kept")
        measurer.watch_ahead(dance_mp4)
        measurer.watch_ahead(dance_mp4)  # it is at it already
        motion = await measurer.motion(dance_mp4, dance_mp4)
        await measurer.aclose()
        return workers.done.count("track_span"), motion["score"]

    assert asyncio.run(story()) == (1, pytest.approx(100.0))


def test_what_cannot_be_watched_ahead_is_nobodys_business_yet(dance_mp4, tmp_path):
    async def story():
        workers = _Here()
        measurer = Measurer(workers, tmp_path / "kept")
        (tmp_path / "no.mp4").write_bytes(b"no clip")
        measurer.watch_ahead(tmp_path / "no.mp4")
        none = await measurer.motion(tmp_path / "no.mp4", dance_mp4)
        assert not (tmp_path / "kept").exists()
        measurer.watch_ahead(dance_mp4)  # the next one is not held up by it
        motion = await measurer.motion(dance_mp4, dance_mp4)
        await measurer.aclose()
        return none, motion["score"]

    assert asyncio.run(story()) == (None, pytest.approx(100.0))
