"""In which order jobs of several owners start, and what they are told of it meanwhile."""

import asyncio
import random
from pathlib import Path

import pytest

from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job import Job
from kling_ui.preview.queue import WaitingLine

WEB = MotionInput(prompt="p", image_url="https://x.example/i", video_url="https://x.example/v")


def _line(owners):
    line, jobs = WaitingLine(), [Job(WEB, owner, Path(), 0.0) for owner in owners]
    for job in jobs:
        line.add(job)
    return line, jobs


@pytest.mark.parametrize(
    ("came", "started"),
    [
        ("", ""),
        ("AAA", "AAA"),
        ("AAAB", "ABAA"),
        ("AAABBC", "ABCABA"),
        ("ABAB", "ABAB"),
        ("A" * 50 + "B", "AB" + "A" * 49),
    ],
)
def test_owners_take_turns(came, started):
    line, _ = _line(came)
    assert "".join(line.take().owner for _ in came) == started
    assert len(line) == 0


def test_who_comes_while_anothers_job_runs_goes_before_that_ones_next():
    line, _ = _line("AAA")
    assert line.take().owner == "A"
    line.add(Job(WEB, "B", Path(), 0.0))
    line.add(Job(WEB, "C", Path(), 0.0))
    assert [line.take().owner for _ in range(4)] == ["B", "C", "A", "A"]


def test_who_always_comes_under_a_new_name_keeps_nobody_waiting_for_ever():
    line, _ = _line("AA")
    line.take()
    for number in range(100):
        line.add(Job(WEB, f"new-{number}", Path(), 0.0))
        if line.take().owner == "A":
            break
    assert number <= 2


def test_own_jobs_keep_their_order():
    line, jobs = _line("ABAAB")
    taken = [line.take() for _ in jobs]
    assert [job for job in taken if job.owner == "A"] == [jobs[0], jobs[2], jobs[3]]


def test_positions_are_what_then_happens_whatever_leaves_and_comes():
    chance = random.Random(7)
    for _ in range(200):
        line, waiting = _line("".join(chance.choices("ABCD", k=chance.randrange(1, 30))))
        for _ in range(chance.randrange(4)):
            waiting.remove(line.take())
            if not waiting:
                break
            line.remove(left := waiting.pop(chance.randrange(len(waiting))))
            assert left not in list(line)
            line.add(new := Job(WEB, chance.choice("ABCDE"), Path(), 0.0))
            waiting.append(new)
        told = {line.position(job): job for job in waiting}
        assert [told[place] for place in range(len(waiting))] == [line.take() for _ in waiting]


def test_what_does_not_wait_cannot_be_taken_or_placed():
    line, (job,) = _line("A")
    line.take()
    with pytest.raises(IndexError):
        line.take()
    for ask in (line.position, line.remove):
        with pytest.raises(ValueError, match="not in"):
            ask(job)


def test_who_waits_for_inputs_is_passed_and_keeps_the_place():
    line, jobs = _line("AABB")
    jobs[0].is_ready = jobs[2].is_ready = False
    assert [line.take(), line.take()] == [jobs[1], jobs[3]]
    with pytest.raises(IndexError):
        line.take()
    assert [line.position(jobs[0]), line.position(jobs[2])] == [0, 1]
    jobs[2].is_ready = True
    assert line.take() is jobs[2]


def test_a_second_visitors_preview_starts_next_though_a_first_has_fifty_waiting(in_house, wait_for):
    """Counts jobs, not seconds: what starts between the second visitor's wish and its start."""

    async def use(house):
        first = [await house.queue.submit(WEB, "first") for _ in range(51)]
        await wait_for(lambda: len(house.pool.calls) == 1)
        second = await house.queue.submit(WEB, "second")
        assert house.queue.position(second) == 0
        assert house.queue.position(first[1]) == 1
        assert [house.queue.position(job) for job in first[2:5]] == [2, 3, 4]
        await wait_for(lambda: second.is_ready)
        house.pool.allowed.release()
        await wait_for(lambda: len(house.pool.calls) == 2)
        assert second.state.value == "in_progress"
        assert sum(job.state.value != "in_queue" for job in first) == 1

    async def fetch(url, folder, *, kind):
        await asyncio.sleep(0)
        path = folder / kind
        path.write_bytes(b"x")
        return path

    in_house(use, held=True, fetch=fetch)


def test_the_service_tells_callers_apart_and_serves_them_in_turn(in_house, wait_for):
    async def use(house):
        ids = {}
        for token in ("first", "first", "first", "second"):
            house.http.headers["authorization"] = f"Bearer {token}"
            ids.setdefault(token, []).append(await house.submit())
        await wait_for(lambda: house.pool.calls)
        assert (await house.status(ids["second"][0]))["queue_position"] == 0
        house.http.headers["authorization"] = "Bearer first"
        assert [(await house.status(one))["queue_position"] for one in ids["first"][1:]] == [1, 2]
        assert (await house.cancel(ids["first"][1]))["outcome"] == "cancelled"
        assert (await house.status(ids["first"][2]))["queue_position"] == 1

    in_house(use, held=True)
