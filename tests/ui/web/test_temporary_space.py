"""What all visitors together may keep, what goes when it is too much, and what a killed process leaves."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

import pytest

from kling_ui.media.files import SCRATCH
from kling_ui.preview.job import Scratch, remove_abandoned
from kling_ui.ui.web.sweeping import sweep
from kling_ui.ui.web.temporary_space import DiskFullError, TemporarySpace

NOW, HOUR_S, KB = 2_000_000_000.0, 3600.0, 1000
Disk = namedtuple("Disk", "total free")


@pytest.fixture
def space(tmp_path):
    return TemporarySpace(
        tmp_path / "uploads",
        [tmp_path / "playable"],
        max_bytes=100 * KB,
        usage=lambda _: Disk(10**9, 10**9),
        clock=lambda: NOW,
    )


def _input(tmp_path, owner, name, size_bytes, age_s):
    entry = tmp_path / "uploads" / f"of-{owner}" / name
    entry.mkdir(parents=True)
    (entry / "clip.mp4").write_bytes(bytes(size_bytes))
    for path in (entry / "clip.mp4", entry):
        os.utime(path, (NOW - age_s,) * 2)
    return entry


def test_what_was_used_longest_ago_goes_when_all_take_too_much(space, tmp_path):
    old = _input(tmp_path, "ann", "a", 30 * KB, 9 * HOUR_S)
    newer = _input(tmp_path, "ben", "b", 30 * KB, 4 * HOUR_S)
    shown = _input(tmp_path, "ben", "c", 60 * KB, 0.5 * HOUR_S)
    asyncio.run(space.sweep())
    assert not old.exists()
    assert not newer.exists(), "90 kB with the folders are more than 80 % of 100"
    assert shown.exists()


def test_what_was_used_within_two_hours_stays_however_little_room_there_is(space, tmp_path):
    entries = [_input(tmp_path, "ann", name, 90 * KB, 1.9 * HOUR_S) for name in "ab"]
    asyncio.run(space.sweep())
    assert all(entry.exists() for entry in entries)


def test_nothing_goes_while_there_is_room(space, tmp_path):
    entry = _input(tmp_path, "ann", "a", 70 * KB, 20 * HOUR_S)
    asyncio.run(space.sweep())
    assert entry.exists()


def test_more_than_the_quota_is_refused_and_room_is_made_at_once(space, tmp_path):
    async def story():
        _input(tmp_path, "ann", "a", 95 * KB, 9 * HOUR_S)
        (tmp_path / "playable").mkdir()
        await space.sweep()  # all that is old went
        space.check(60 * KB)
        with pytest.raises(DiskFullError, match=r"together may take 0\.0001 GB") as refused:
            space.check(60 * KB)
        assert "KLING_UI_TEMPORARY_GB" in refused.value.advice
        await asyncio.wait_for(space.wanted(60), 10)
        await space.sweep()  # what was reserved was never written
        space.check(60 * KB)

    asyncio.run(story())


CLAIM_ALL = """
import sys; from pathlib import Path
from kling_ui.ui.web.temporary_space import TemporarySpace
from kling_ui.ui.web.uploads import DiskFullError
space, claimed = TemporarySpace(Path(sys.argv[1]) / "uploads", [], max_bytes=300), 0
print("ready", flush=True); sys.stdin.readline()
try:
    while claimed < 1000:
        space.check(1); claimed += 1
except DiskFullError:
    print(claimed)
"""


def test_two_processes_hold_one_quota(tmp_path):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM_ALL, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed = [int(process.communicate(timeout=60)[0]) for process in both]
    assert sum(claimed) == 300


def test_what_another_process_put_there_counts_and_counting_it_twice_changes_nothing(space, tmp_path):
    other = TemporarySpace(tmp_path / "uploads", [tmp_path / "playable"], max_bytes=100 * KB, clock=lambda: NOW)

    async def story():
        space.check(60 * KB)
        with pytest.raises(DiskFullError):
            other.check(60 * KB)
        _input(tmp_path, "ann", "a", 60 * KB, 0)
        await asyncio.gather(space.sweep(), other.sweep())
        with pytest.raises(DiskFullError):
            other.check(60 * KB)
        other.check(20 * KB)
        with pytest.raises(DiskFullError):
            space.check(20 * KB)

    asyncio.run(story())


@pytest.mark.parametrize("left", ["", "nonsense", '{"counted_bytes": 1}', "[]"])
def test_a_broken_count_is_no_count(space, tmp_path, left):
    (tmp_path / "temporary.json").write_text(left)
    space.check(100 * KB)
    with pytest.raises(DiskFullError):
        space.check(1)


def test_what_processes_that_were_killed_left_is_removed_and_what_others_use_stays(tmp_path):
    leave = (
        "import sys, os; from pathlib import Path; from kling_ui.preview.job import Scratch;"
        "one = Scratch(Path(sys.argv[1])); (one.path / 'half.mp4').write_bytes(b'x'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", leave, str(tmp_path)], check=False).returncode == 9
    left = list(tmp_path.glob("jobs-*"))
    assert any((path / "half.mp4").exists() for path in left)
    alive = Scratch(tmp_path / "elsewhere")
    (tmp_path / "jobs-1.new").touch()
    os.utime(tmp_path / "jobs-1.new", (1, 1))
    (tmp_path / "jobs-2.new").touch()
    remove_abandoned(tmp_path)
    remove_abandoned(tmp_path / "elsewhere")
    assert [path.name for path in tmp_path.glob("jobs-*")] == ["jobs-2.new"], "that one is just being opened"
    assert alive.path.is_dir()
    alive.remove()


def test_scratch_folders_of_killed_workers_are_swept_by_age(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, new, others = (tmp_path / name for name in (f"{SCRATCH}old", f"{SCRATCH}new", "somebody-elses"))
    for folder in (old, new, others):
        folder.mkdir()
        os.utime(folder, (time.time() - (60 if folder is new else 90_000),) * 2)
    sweep(tmp_path, 86_400, f"{SCRATCH}*")
    assert (old.exists(), new.exists(), others.exists()) == (False, True, True)
