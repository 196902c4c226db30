"""Which files are removed by age and by share of the disk, and which never are."""

import asyncio
import os
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from run_records import a_run

from kling_ui.errors import LedgerError
from kling_ui.presentation.runs import run_words
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.outcomes import OutcomeCode
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.retention import DAY_S, Retention

PREVIEW, KLING = EngineName.PREVIEW, EngineName.KLING
NOW = 2_000_000_000.0
Disk = namedtuple("Disk", "total")
OLD = 40 * DAY_S
ENDED = (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED)


class House:
    """Folders of runs and looks of any age, and a ledger that knows some of them."""

    def __init__(self, folder: Path) -> None:
        self.runs, self.looks, self.pieces = folder / "runs", folder / "looks", folder / "pieces"
        for made in (self.looks, self.pieces):
            made.mkdir(parents=True)
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
        self.shown: list[str] = []
        self.in_memory: list[str] = []

    def folder(self, name, age_s, *, size_bytes=1000, files=("image.png", "reference.mp4", "result.mp4")):
        folder = self.runs / name
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).write_bytes(b"x" * (size_bytes // len(files)))
        os.utime(folder, (NOW - age_s, NOW - age_s))
        return name

    def run(self, number, engine=PREVIEW, state=RunState.COMPLETED, *, age_s=OLD, opened_s=None, **more):
        run_id = f"{number:032x}"
        record = a_run(
            run_id=run_id,
            engine=engine,
            state=state,
            created_at=NOW - age_s,
            changed_at=NOW - age_s,
            fingerprint=f"{number:064x}",
            result_name="result.mp4",
        )
        self.folder(run_id, age_s if opened_s is None else opened_s, **more)
        asyncio.run(self.ledger.ask(lambda store: store.add(record)))
        return run_id

    def look(self, content, age_s, size_bytes=1000):
        names = [f"{content * 64}-v4-{what}" for what in ("image.json", "overlay.jpg")]
        for name in names:
            (self.looks / name).write_bytes(b"x" * (size_bytes // 2))
            os.utime(self.looks / name, (NOW - age_s, NOW - age_s))
        return names

    def piece(self, name, age_s, size_bytes=1000):
        (self.pieces / name).write_bytes(b"x" * size_bytes)
        os.utime(self.pieces / name, (NOW - age_s, NOW - age_s))
        return name

    def sweep(self, keep_days=30, disk_percent=100, total=10**9, clock=lambda: NOW):
        retention = Retention(
            self.ledger,
            self.runs,
            self.looks,
            keep_days=keep_days,
            disk_percent=disk_percent,
            pieces=self.pieces,
            shown=lambda: self.shown,
            in_memory=lambda: self.in_memory,
            clock=clock,
            usage=lambda _: Disk(total),
        )
        return asyncio.run(retention.sweep())

    @property
    def left(self):
        folders = (self.runs, self.looks, self.pieces)
        return {path.name for folder in folders if folder.is_dir() for path in folder.iterdir()}


@pytest.fixture
def house(tmp_path):
    opened = House(tmp_path)
    yield opened
    asyncio.run(opened.ledger.aclose())


@pytest.mark.parametrize("state", list(RunState))
@pytest.mark.parametrize("engine", list(EngineName))
@pytest.mark.parametrize("way", [{"keep_days": 30}, {"keep_days": None, "disk_percent": 1, "total": 1}])
def test_only_free_runs_that_have_ended_lose_their_files(house, engine, state, way):
    run_id = house.run(1, engine, state)
    house.sweep(**way)
    assert (run_id not in house.left) is (engine is PREVIEW and state in ENDED)


@pytest.mark.parametrize(
    ("ended_s", "opened_s", "keep_days", "goes"),
    [
        (30 * DAY_S + 1, 30 * DAY_S + 1, 30, True),
        (30 * DAY_S - 1, 30 * DAY_S - 1, 30, False),
        (OLD, 29 * DAY_S, 30, False),  # opened again since
        (OLD, 31 * DAY_S, 30, True),
        (OLD, OLD, None, False),
        (1.5 * DAY_S, 1.5 * DAY_S, 1, True),
        (0.9 * DAY_S, OLD, 1, False),
    ],
)
def test_age_counts_from_the_last_use(house, ended_s, opened_s, keep_days, goes):
    run_id = house.run(1, age_s=ended_s, opened_s=opened_s)
    house.sweep(keep_days)
    assert (run_id not in house.left) is goes


def test_the_oldest_go_first_and_only_as_many_as_must(house):
    runs = [house.run(number, age_s=number * DAY_S + 60, size_bytes=1200) for number in range(1, 6)]
    looks = house.look("a", 4.5 * DAY_S, 1200)
    paid = house.run(9, KLING, age_s=OLD, size_bytes=1200)
    freed = house.sweep(keep_days=None, disk_percent=50, total=10_000)
    assert freed == 3600  # 8400 bytes are there, 5000 may be
    assert house.left == {*runs[:3], paid, f"{9:032x}"}
    assert not set(looks) & house.left
    assert house.sweep(keep_days=None, disk_percent=50, total=10_000) == 0


@pytest.mark.parametrize("way", [{"keep_days": 1}, {"keep_days": 1, "disk_percent": 1, "total": 1}])
def test_what_is_shown_used_within_a_day_or_unknown_stays(house, way):
    shown = house.run(1)
    house.shown = [shown]
    remembered, seen, forgotten = house.look("a", OLD), house.look("b", 0.9 * DAY_S), house.look("c", OLD)
    house.in_memory = ["a" * 64]
    kept = {
        shown,
        house.run(2, age_s=0.5 * DAY_S),
        house.run(3, opened_s=0.5 * DAY_S),
        house.folder("4" * 32, 0.5 * DAY_S),  # a run that is being entered at this moment
        house.folder("5" * 32, OLD),  # with a result: perhaps another ledger's
        house.folder("somebody's own", OLD),
        *remembered,
        *seen,
    }
    left_by_a_crash = house.folder("6" * 32, OLD, files=("image.png", "reference.mp4"))
    (house.looks / "notes.txt").write_text("mine")
    house.sweep(**way)
    assert house.left == {*kept, "notes.txt"}
    assert not {left_by_a_crash, *forgotten} & house.left


def test_pieces_of_long_clips_count_for_the_share_of_the_disk_and_go_in_turn(house):
    older, newer = house.piece("a-0-99-v1.mp4", 3 * DAY_S), house.piece("a-95-200-v1.mp4", 2 * DAY_S)
    today = house.piece("b-0-99-v1.mp4", 0.5 * DAY_S)
    house.sweep(keep_days=None, disk_percent=50, total=5000)
    assert house.left == {newer, today}, "3000 of 2500 bytes: the oldest goes, and no more"
    assert older not in house.left
    house.sweep(keep_days=None, disk_percent=1, total=5000)
    assert house.left == {today}, "what was used within a day may be about to be sent"


def test_what_broken_off_work_left_goes(house):
    part, fresh = house.looks / ".0123.part", house.looks / ".4567.part"
    for path, age_s in ((part, OLD), (fresh, 10.0)):
        path.write_bytes(b"x")
        os.utime(path, (NOW - age_s, NOW - age_s))
    house.folder(f".removed-{'7' * 32}", 10.0)
    house.sweep()
    assert house.left == {fresh.name}


def test_a_look_that_was_found_again_was_used(house):
    names = house.look("a", OLD)
    os.utime(house.looks / names[0], (NOW - 10.0, NOW - OLD))  # read, not written
    house.sweep()
    assert house.left == set(names)


def test_without_the_ledger_nothing_is_removed(house):
    run_id = house.run(1)
    names = house.look("a", OLD)

    async def ask(_):
        raise LedgerError("It cannot be read.")

    house.ledger.ask, asked = ask, house.ledger.ask
    with pytest.raises(LedgerError):
        house.sweep()
    house.ledger.ask = asked
    assert house.left == {run_id, *names}


def test_empty_or_missing_folders_are_no_trouble(house):
    house.looks.rmdir()
    assert house.sweep(disk_percent=1, total=1) == 0


def test_a_run_is_used_when_it_is_opened_and_shown_while_it_is_watched(open_world):
    async def story():
        async with open_world() as world:
            run_id = await world.start()
            await world.end(run_id)
            retention = world.runner.retention(world.folder / "looks", replace(world.limits, keep_days=1))
            folder = world.context.folders.of(run_id)
            row = await world.context.ledger.ask(lambda store: store.get(run_id))
            long_ago = row.changed_at - 3 * DAY_S
            os.utime(folder, (long_ago, long_ago))
            await world.runner.view(run_id, "ann")
            assert folder.stat().st_mtime > long_ago + DAY_S
            views = world.runner.watch(run_id, "ann")
            await anext(views)
            seen = [list(retention._shown())]
            await views.aclose()
            return [*seen, list(retention._shown())], run_id

    seen, run_id = asyncio.run(story())
    assert seen == [[run_id], []]


def test_what_was_removed_is_said_and_can_be_made_again(open_world):
    async def story():
        async with open_world() as world:
            first, failed = await world.start(prompt="first"), None
            await world.end(first)
            world.painter.refusal = ValueError("no")
            failed = await world.start(prompt="failed")
            await world.end(failed)
            world.painter.refusal = None
        async with open_world(ahead_s=3 * DAY_S) as world:
            retention = world.runner.retention(world.folder / "looks", replace(world.limits, keep_days=1))
            assert await retention.sweep() > 0
            before = await world.runner.view(first, "ann"), await world.runner.view(failed, "ann")
            listed = await world.runner.history("ann")
            start = await world.runner.begin(world.inputs("first"), engine=PREVIEW, visitor="ann")
            return before, listed, start, await world.end(start.run_id), first

    (gone, failed), listed, start, again, first = asyncio.run(story())
    assert (gone.state, gone.result, gone.image, gone.reference) == (RunState.COMPLETED, None, None, None)
    assert gone.files_gone
    assert run_words(gone).sentence == "The video was made, but its files are no longer kept here."
    assert run_words(gone).advice == "To make another one, choose both inputs again."
    assert gone.duration_s == 5.0
    assert failed.files_gone
    assert (failed.outcome.code, failed.outcome.raw) == (OutcomeCode.ENGINE_FAILED, run_words(failed).sentence)
    assert len(listed) == 2
    assert start.is_new
    assert start.run_id != first
    assert again.result is not None


@pytest.mark.parametrize("engine", list(EngineName))
def test_what_a_stop_left_of_a_deleted_run_goes_at_the_next_sweep(house, engine):
    run_id, other = house.run(1, engine, age_s=60.0), house.run(2, engine, age_s=60.0)
    assert asyncio.run(house.ledger.ask(lambda store: store.delete(run_id, "ann", now=NOW)))
    house.sweep(keep_days=None)
    assert house.left == {other}


def test_files_whose_writing_broke_off_go_after_a_day_but_those_of_runs_that_have_not_ended(house):
    ended, going_on = house.run(1, age_s=2 * DAY_S), house.run(2, state=RunState.IN_PROGRESS, age_s=2 * DAY_S)
    parts = [house.runs / run_id / name for run_id in (ended, going_on) for name in (".comparison-1a.part.mp4",)]
    parts += [house.runs / ended / "result-me.part", house.looks / ".1a.part"]
    fresh = house.runs / ended / ".transparent-1a.part.webm"
    for part in (*parts, fresh):
        part.write_bytes(b"x")
        os.utime(part, (NOW - 2 * DAY_S,) * 2 if part != fresh else (NOW - 60,) * 2)
    os.utime(house.runs / ended, (NOW - 2 * DAY_S,) * 2)
    house.sweep(keep_days=None)
    assert [part for part in (*parts, fresh) if part.exists()] == [parts[1], fresh]
    assert {ended, going_on} <= house.left
    house.sweep(keep_days=1)
    assert ended not in house.left, "removing a part of it is no use of a run"


def test_a_name_or_two_stay_out_of_what_is_taken_for_half_written(house):
    run_id = house.run(1, KLING, age_s=OLD)
    for name in ("result.mp4", "comparison.mp4", "corrections.json"):
        (house.runs / run_id / name).write_bytes(b"x")
        os.utime(house.runs / run_id / name, (NOW - OLD,) * 2)
    house.sweep()
    assert (house.runs / run_id / "result.mp4").exists()
    assert (house.runs / run_id / "corrections.json").exists()
