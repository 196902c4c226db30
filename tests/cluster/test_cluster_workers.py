import asyncio
import os
import time
from pathlib import Path

import obstore
import pytest
from cluster_jobs import die, double, fill, refuse, slowly

from kling_ui.cluster import ClusterWorkers
from kling_ui.errors import MediaError, WorkError, WorkTimeoutError
from kling_ui.remote_jobs import ANSWERS, FILES, sweep


def names(store, folder):
    return [meta["path"] for batch in obstore.list(store, folder) for meta in batch]


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"abc")
    return path


def test_files_travel_both_ways_and_paths_are_those_of_this_machine(workers, clip, tmp_path):
    given, made, (pid, _) = asyncio.run(workers.run(double, clip, tmp_path / "out.mp4", timeout_s=60))
    assert (given, made) == (clip, tmp_path / "out.mp4")
    assert made.read_bytes() == b"abcabc"
    assert pid != os.getpid()
    assert workers.tally.jobs["double", "done"] == 1
    assert (workers.traffic.sent_bytes, workers.traffic.fetched_bytes) == (3, 6)


def test_what_is_written_into_a_folder_arrives_in_it(workers, tmp_path):
    (tmp_path / "mine.txt").write_text("stays")
    paths = asyncio.run(workers.run(fill, tmp_path, 3))
    assert paths == [tmp_path / "inside" / f"{number}.txt" for number in range(3)]
    assert [path.read_text() for path in paths] == ["0", "1", "2"]
    assert (tmp_path / "mine.txt").read_text() == "stays"


def test_the_same_job_on_the_same_bytes_is_done_once(workers, clip, tmp_path):
    first = asyncio.run(workers.run(double, clip, tmp_path / "out.mp4"))
    (other := tmp_path / "other").mkdir()
    (same := other / "clip.mp4").write_bytes(b"abc")
    second = asyncio.run(workers.run(double, same, other / "out.mp4"))
    assert second == (same, other / "out.mp4", first[2])
    clip.write_bytes(b"abcd")  # other bytes under the same name are another job
    asyncio.run(workers.run(double, clip, tmp_path / "out.mp4"))
    assert (tmp_path / "out.mp4").read_bytes() == b"abcdabcd"


def test_an_error_of_the_work_arrives_as_it_was_and_is_not_kept(workers, clip, store):
    with pytest.raises(MediaError, match=r"clip\.mp4: it is no clip") as caught:
        asyncio.run(workers.run(refuse, clip))
    assert (caught.value.path, caught.value.advice) == (clip, "Choose another.")
    assert names(store, ANSWERS) == []


def test_a_process_that_dies_is_an_error_and_not_the_end(workers):
    with pytest.raises(WorkError, match="died"):
        asyncio.run(workers.run(die))
    assert asyncio.run(workers.run(max, 3, 4)) == 4


def test_work_that_takes_too_long_is_ended_where_it_runs(workers, clip):
    with pytest.raises(WorkTimeoutError):
        asyncio.run(workers.run(slowly, clip, 60, timeout_s=0.5))
    assert asyncio.run(workers.run(max, 3, 4)) == 4


def test_cancelling_ends_the_work_and_frees_the_worker(workers, clip, tmp_path, wait_until):
    progress = tmp_path / "progress.json"

    async def cancel_a_sleeper():
        task = asyncio.create_task(workers.run(slowly, clip, 3600, progress=progress))
        await asyncio.to_thread(wait_until, progress.exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await workers.run(max, 3, 4)  # there is but one worker: it waits for the sleeper's end

    assert asyncio.run(cancel_a_sleeper()) == 4
    assert progress.read_text() == '{"progress": 0.33}'  # it was told while the work went on


def test_a_store_that_forgot_everything_gets_it_again(workers, clip, tmp_path, forget):
    asyncio.run(workers.run(double, clip, tmp_path / "out.mp4"))
    forget()
    (tmp_path / "out.mp4").unlink()
    asyncio.run(workers.run(double, clip, tmp_path / "out.mp4"))
    assert (tmp_path / "out.mp4").read_bytes() == b"abcabc"


def test_an_answer_whose_files_are_gone_is_not_believed(workers, clip, tmp_path, store):
    asyncio.run(workers.run(double, clip, tmp_path / "out.mp4"))
    obstore.delete(store, names(store, FILES))
    asyncio.run(workers.run(double, clip, tmp_path / "again.mp4"))
    assert (tmp_path / "again.mp4").read_bytes() == b"abcabc"


def test_a_job_survives_the_loss_of_its_worker(workers, scheduler, clip, tmp_path, wait_until):
    progress = tmp_path / "progress.json"

    async def lose_the_worker():
        task = asyncio.create_task(workers.run(slowly, clip, 3, progress=progress))
        await asyncio.to_thread(wait_until, progress.exists)
        await asyncio.to_thread(scheduler.scale, 0)
        await asyncio.to_thread(wait_until, lambda: not scheduler.scheduler.workers)
        await asyncio.to_thread(scheduler.scale, 1)
        return await task

    assert asyncio.run(lose_the_worker()) == 3


def test_no_scheduler_is_an_error_in_the_end(store, clip, monkeypatch):
    monkeypatch.setattr("kling_ui.cluster.ATTEMPTS", 2)
    monkeypatch.setattr("kling_ui.cluster.CONNECT_LIMIT_S", 0.2)
    alone = ClusterWorkers("tcp://127.0.0.1:9", store, 1)
    with pytest.raises(WorkError, match="cannot be reached"):
        asyncio.run(alone.run(slowly, clip, 0))
    assert alone.traffic.repeated == 2
    alone.close()


def test_old_files_and_answers_are_swept(workers, clip, store, tmp_path):
    asyncio.run(workers.run(double, clip, tmp_path / "out.mp4"))
    assert asyncio.run(sweep(store, time.time() - 60)) == 0
    assert asyncio.run(sweep(store, time.time() + 60)) == 3
    assert names(store, "work") == []


def test_a_path_that_is_nowhere_stays_as_it_is(workers):
    path = Path("no-such-folder/clip.mp4")
    assert asyncio.run(workers.run(max, path, path)) == path
