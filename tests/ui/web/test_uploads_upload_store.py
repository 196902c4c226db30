"""Whose inputs lie where, how much one visitor may keep, and what a full disk refuses."""

import asyncio
import os
import shutil
import time
from collections import namedtuple
from contextlib import suppress

import pytest

from kling_ui.ui.web.signed_files import open_signed_files
from kling_ui.ui.web.temporary_space import DiskFloor, DiskFullError
from kling_ui.ui.web.uploads import ENTRY_MIN_BYTES, FLOOR_CHECK_BYTES, QuotaError, UploadStore

Disk = namedtuple("Disk", "total free")
KB = 1000
OPEN = DiskFloor(None, 0)


def _open(tmp_path, each_bytes=500 * KB, floor=OPEN, **more):
    return UploadStore(tmp_path / "uploads", b"secret", each_bytes=each_bytes, floor=floor, **more)


async def _keep(store, who, size_bytes, expected_bytes=0):
    async with store.room(who, expected_bytes) as room:
        room.folder.mkdir(parents=True)
        room.write(size_bytes)
        (room.folder / "clip.mp4").write_bytes(bytes(size_bytes))
        return room.folder / "clip.mp4"


def test_each_visitor_has_a_folder_whose_name_tells_nothing(tmp_path):
    async def story():
        store = _open(tmp_path)
        return [await _keep(store, who, 10) for who in ("hf:ann", "hf:ann", "ip:203")]

    first, second, other = asyncio.run(story())
    assert first.parents[1] == second.parents[1] != other.parents[1]
    assert "ann" not in str(first.relative_to(tmp_path))
    assert first.parent != second.parent


@pytest.mark.parametrize("restarted", [False, True])
def test_one_visitor_keeps_only_so_much_also_after_a_restart(tmp_path, restarted):
    async def story():
        store = _open(tmp_path)
        for _ in range(2):
            await _keep(store, "ann", 200 * KB)
        if restarted:
            store = _open(tmp_path)
        with pytest.raises(QuotaError, match=r"more than 0\.0005 GB"):
            await _keep(store, "ann", 101 * KB)
        await _keep(store, "ben", 200 * KB)
        await _keep(store, "ann", 100 * KB)

    asyncio.run(story())
    assert sum(path.stat().st_size for path in (tmp_path / "uploads").rglob("*.mp4")) == 700 * KB


def test_two_at_once_do_not_both_pass(tmp_path):
    async def story():
        store, at_end = _open(tmp_path), asyncio.Event()

        async def drip():
            async with store.room("ann") as room:
                for _ in range(30):
                    room.write(10 * KB)
                    await asyncio.sleep(0)
                await at_end.wait()

        both = [asyncio.create_task(drip()) for _ in range(2)]
        refused, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        at_end.set()
        await asyncio.wait(both)
        return [task.exception() for task in refused]

    assert isinstance(asyncio.run(story())[0], QuotaError)


def test_many_tiny_files_count_too(tmp_path):
    async def story():
        store, kept = _open(tmp_path), 0
        with suppress(QuotaError):
            while kept < 100:
                await _keep(store, "ann", 1)
                kept += 1
        return kept

    assert asyncio.run(story()) == 500 * KB // ENTRY_MIN_BYTES


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
def test_what_fails_leaves_nothing_and_counts_nothing(tmp_path, error):
    async def story():
        store = _open(tmp_path)

        async def fail():
            async with store.room("ann", 400 * KB) as room:
                room.folder.mkdir(parents=True)
                (room.folder / "half.part").write_bytes(b"x")
                raise error

        for _ in range(5):
            with pytest.raises(error):
                await fail()
        assert not [path for path in store.root.rglob("*") if path.is_file()]
        await _keep(store, "ann", 450 * KB)

    asyncio.run(story())


def test_what_was_made_beyond_what_was_expected_counts(tmp_path):
    async def story():
        store = _open(tmp_path)
        async with store.room("ann", 100 * KB) as room:  # such as a repaired copy
            room.folder.mkdir(parents=True)
            (room.folder / "made.mp4").write_bytes(bytes(450 * KB))
        with pytest.raises(QuotaError):
            await _keep(store, "ann", 1)

    asyncio.run(story())


def test_sweeping_makes_room_and_leaves_what_is_young(tmp_path):
    async def story():
        store = _open(tmp_path)
        old, young = await _keep(store, "ann", 300 * KB), await _keep(store, "ann", 150 * KB)
        gone = await _keep(store, "ben", 10)
        for path in (old, gone):
            os.utime(path.parent, (1, 1))
        os.utime(gone.parents[1], (1, 1))
        await store.sweep(3600)
        assert not old.parent.exists()
        assert young.exists()
        await _keep(store, "ann", 300 * KB)
        os.utime(gone.parents[1], (1, 1))
        await store.sweep(3600)
        assert not gone.parents[1].exists()

    asyncio.run(story())


def test_references_from_before_visitors_had_folders_open_until_they_are_swept(tmp_path):
    signed_files, store = open_signed_files(tmp_path), _open(tmp_path)
    before = store.root / "abcdefghijklmnop" / "clip.mp4"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"x")
    ref = signed_files.sign(before)
    asyncio.run(store.sweep(3600))
    assert open_signed_files(tmp_path).open(ref) == before
    then = time.time() - 7200
    os.utime(before.parent, (then, then))
    asyncio.run(store.sweep(3600))
    assert signed_files.open(ref) is None


@pytest.mark.parametrize(
    ("free", "floor_gb", "expected_bytes", "passes"),
    [
        (10**9, 1, 0, True),
        (10**9 - 1, 1, 0, False),
        (10**9 + 100, 1, 101, False),
        (0, 0, 0, True),
    ],
)
def test_below_the_floor_nothing_is_begun(tmp_path, free, floor_gb, expected_bytes, passes):
    store = _open(tmp_path, floor=DiskFloor(tmp_path, floor_gb * 10**9, usage=lambda _: Disk(10**12, free)))
    if passes:
        asyncio.run(_keep(store, "ann", 10, expected_bytes))
        return
    with pytest.raises(DiskFullError, match=r"nearly full: 1\.0 GB are free, and 1 GB must stay free") as caught:
        asyncio.run(_keep(store, "ann", 10, expected_bytes))
    assert "KLING_UI_FREE_DISK_GB" in caught.value.advice
    assert not store.root.exists()


def test_a_disk_that_fills_up_meanwhile_ends_it(tmp_path):
    free = [10**10]
    floor = DiskFloor(tmp_path, 10**9, usage=lambda _: Disk(10**12, free[0]))

    async def story():
        store = _open(tmp_path, 10**10, floor)
        async with store.room("ann") as room:
            room.write(FLOOR_CHECK_BYTES)
            free[0] = 10**8
            room.write(1)
            with pytest.raises(DiskFullError):
                room.write(FLOOR_CHECK_BYTES)

    asyncio.run(story())


def test_two_processes_with_one_folder_hold_one_limit(tmp_path):
    async def story():
        first, second = (_open(tmp_path, counted_for_s=0.0) for _ in range(2))
        await _keep(first, "ann", 200 * KB)
        async with first.room("ann", 100 * KB):
            await _keep(second, "ann", 200 * KB)
            with pytest.raises(QuotaError):
                await _keep(first, "ann", 100 * KB)
        with pytest.raises(QuotaError):
            await _keep(first, "ann", 101 * KB)
        await _keep(second, "ann", 100 * KB)

    asyncio.run(story())


def test_what_comes_at_once_is_counted_once(tmp_path):
    async def story():
        store = _open(tmp_path)
        await asyncio.gather(*(_keep(store, "ann", 100 * KB) for _ in range(5)))
        with pytest.raises(QuotaError):
            await _keep(store, "ann", 1)

    asyncio.run(story())


def test_what_was_removed_counts_no_longer_once_that_is_told(tmp_path):
    async def story():
        store = _open(tmp_path)
        await _keep(store, "ann", 500 * KB)
        shutil.rmtree(tmp_path / "uploads" / store.folder_name("ann"))
        with pytest.raises(QuotaError):
            await _keep(store, "ann", 1)
        store.count_anew()
        await _keep(store, "ann", 1)

    asyncio.run(story())


def test_those_who_send_nothing_more_are_forgotten(tmp_path):
    async def story():
        store = _open(tmp_path, counted_for_s=0.0)
        for number in range(5):
            await _keep(store, f"visitor {number}", 1)
        assert len(store._accounts) == 1

    asyncio.run(story())
