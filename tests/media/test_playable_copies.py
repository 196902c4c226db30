"""Copies in the background: once by content, whole or not at all, within bounds."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.image import probe_image
from kling_ui.media.playable import CLIP_MAX_S, CopyState, PlayableCopies
from kling_ui.media.probe import probe_video
from kling_ui.options import InputKind


class ThreadWorkers:
    """Does the work in threads, counts it, and may hold or break it."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.breaks: set[str] = set()
        self.at_once = self.most_at_once = 0

    async def run(self, work: Any, /, *args: Any, timeout_s: float | None = None) -> Any:
        assert timeout_s is not None
        self.done[work.__name__] += 1
        if work.__name__ in self.breaks:
            args[1].with_name("half.mp4").write_bytes(b"half")
            raise MediaError("it cannot be decoded.", path=args[0].path)
        if work.__name__ == "write_shown_clip":
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            await self.go_on.wait()
            self.at_once -= 1
        return await asyncio.to_thread(work, *args)


async def at_once():
    return lambda: None


async def facts_of(path: Path) -> Any:
    return await asyncio.to_thread(probe_video, path)


async def picture_facts_of(path: Path) -> Any:
    return await asyncio.to_thread(probe_image, path)


async def ask(copies: PlayableCopies, path: Path, kind: InputKind = InputKind.VIDEO, **how: Any) -> Any:
    facts = facts_of if kind is InputKind.VIDEO else picture_facts_of
    return await copies.of(path, kind, **({"facts": facts, "take_turn": at_once} | how))


def is_settled(copy: Any) -> bool:
    return copy.state is not CopyState.UNDER_WAY


async def settled(copies: PlayableCopies, path: Path, is_enough: Callable[[Any], bool] = is_settled, **how: Any) -> Any:
    """Ask until it is no longer under way, or until there is enough."""
    for _ in range(10_000):
        copy = await ask(copies, path, **how)
        if is_enough(copy):
            return copy
        await asyncio.sleep(0.01)
    pytest.fail("the copy is never made")


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "playable"


@pytest.fixture
def hevc(numbered_clip: Any) -> Path:
    return numbered_clip("hevc.mp4", "libx265")


def test_what_every_browser_plays_is_not_copied(make_clip, folder):
    async def asked():
        copies = PlayableCopies(folder, ThreadWorkers())
        return await ask(copies, make_clip())

    copy = asyncio.run(asked())
    assert (copy.state, copy.path.name, copy.fps) == (CopyState.NOT_NEEDED, "clip.mp4", 24)
    assert not folder.exists()


def test_what_a_browser_could_not_play_is_copied_whatever_its_facts_say(make_clip, folder):
    async def asked():
        return await settled(PlayableCopies(folder, ThreadWorkers()), make_clip(), is_wanted=True)

    assert asyncio.run(asked()).state is CopyState.READY


def test_two_who_ask_at_once_and_another_name_of_the_content_share_one_copy(hevc, folder, tmp_path):
    async def asked():
        workers = ThreadWorkers()
        copies = PlayableCopies(folder, workers)
        twin = tmp_path / "twin.bin"
        twin.write_bytes(hevc.read_bytes())
        found = await asyncio.gather(*(settled(copies, path) for path in (hevc, hevc, twin)))
        again = await ask(PlayableCopies(folder, workers), twin)  # after a restart
        return workers, found, again

    workers, found, again = asyncio.run(asked())
    assert workers.done == {"write_poster": 1, "write_shown_clip": 1}
    assert {copy.path for copy in found} == {again.path}
    assert len(left(folder)) == 2
    assert probe_video(again.path).frame_count == 36
    assert again.poster.is_file()


def test_the_poster_comes_before_the_copy(hevc, folder):
    async def asked():
        workers = ThreadWorkers()
        workers.go_on.clear()
        copies = PlayableCopies(folder, workers)
        copy = await settled(copies, hevc, lambda copy: copy.poster is not None)
        assert (copy.state, copy.path) == (CopyState.UNDER_WAY, None)
        assert not [name for name in left(folder) if name.endswith(".mp4")]
        workers.go_on.set()
        return await settled(copies, hevc)

    assert asyncio.run(asked()).state is CopyState.READY


def test_a_copy_that_fails_leaves_its_poster_and_a_reason_and_is_not_tried_again(hevc, folder):
    async def asked():
        workers = ThreadWorkers()
        workers.breaks = {"write_shown_clip"}
        copies = PlayableCopies(folder, workers)
        found = [await settled(copies, hevc), await settled(copies, hevc)]
        return workers, found

    workers, found = asyncio.run(asked())
    assert workers.done["write_shown_clip"] == 1
    for copy in found:
        assert (copy.state, copy.path, copy.error.reason) == (CopyState.FAILED, None, "it cannot be decoded.")
        assert copy.poster.is_file()
    assert len(left(folder)) == 1  # nothing half-written


def test_a_long_clip_shows_its_poster_only(make_clip, folder):
    async def asked():
        workers = ThreadWorkers()
        path = make_clip("long.mkv", frames=2, pts=[0, int(24 * CLIP_MAX_S)])
        return workers, await settled(PlayableCopies(folder, workers), path)

    workers, copy = asyncio.run(asked())
    assert copy.state is CopyState.FAILED
    assert "longer than 3 minutes" in copy.error.reason
    assert copy.poster.is_file()
    assert workers.done == {"write_poster": 1}


def test_what_cannot_be_read_takes_no_worker(tmp_path, folder):
    async def asked():
        workers = ThreadWorkers()
        (tmp_path / "words.mov").write_bytes(b"no clip at all")
        return workers, await ask(PlayableCopies(folder, workers), tmp_path / "words.mov", is_wanted=True)

    workers, copy = asyncio.run(asked())
    assert copy.state is CopyState.FAILED
    assert not workers.done


def test_without_a_turn_nothing_is_made_and_the_next_one_who_asks_tries_again(hevc, folder):
    async def refuse():
        raise KlingUIError("Too much of yours is under way.")

    async def asked():
        workers = ThreadWorkers()
        copies = PlayableCopies(folder, workers)
        assert (await ask(copies, hevc, take_turn=refuse)).state is CopyState.UNDER_WAY
        await asyncio.sleep(0)
        assert not workers.done
        return await settled(copies, hevc)

    assert asyncio.run(asked()).state is CopyState.READY


def test_a_full_disk_is_told(hevc, folder):
    def full():
        raise KlingUIError("The disk of this app is nearly full.")

    async def asked():
        return await settled(PlayableCopies(folder, ThreadWorkers(), check_room=full), hevc)

    assert str(asyncio.run(asked()).error) == "The disk of this app is nearly full."


def test_as_many_are_made_at_once_as_are_allowed(numbered_clip, folder):
    clips = [numbered_clip(f"{n}.mkv", times=list(range(n + 2))) for n in range(4)]

    async def asked():
        workers = ThreadWorkers()
        copies = PlayableCopies(folder, workers, at_once_max=2)
        await asyncio.gather(*(settled(copies, clip) for clip in clips))
        return workers

    workers = asyncio.run(asked())
    assert workers.done["write_shown_clip"] == 4
    assert workers.most_at_once <= 2


def test_the_copies_that_were_shown_longest_ago_go_first(numbered_clip, folder):
    clips = [numbered_clip(f"{n}.mkv", times=list(range(n + 2))) for n in range(3)]

    async def asked():
        copies = PlayableCopies(folder, ThreadWorkers())
        first, second = [await settled(copies, clip) for clip in clips[:2]]
        for age_s, copy in ((3000, first), (2000, second)):
            for path in (copy.path, copy.poster):
                os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age_s))
        await ask(copies, clips[0])  # it is shown again
        taken = sum(path.stat().st_size for path in (first.path, first.poster))
        small = PlayableCopies(folder, ThreadWorkers(), max_bytes=2 * taken + 1500)
        third = await settled(small, clips[2])
        for _ in range(1000):  # room is made right after the copy is there
            if not second.path.exists():
                break
            await asyncio.sleep(0.01)
        return first, second, third

    first, second, third = asyncio.run(asked())
    assert first.path.is_file()
    assert third.path.is_file()
    assert not second.path.exists()


def test_pictures_are_copied_too(person_png, tmp_path, folder):
    with Image.open(person_png) as picture:
        picture.convert("RGB").save(tmp_path / "a.tif")

    async def asked():
        return await settled(PlayableCopies(folder, ThreadWorkers()), tmp_path / "a.tif", kind=InputKind.IMAGE)

    copy = asyncio.run(asked())
    assert (copy.state, copy.poster, copy.path.suffix) == (CopyState.READY, None, ".jpg")
    assert probe_image(copy.path).width_px == 540


def test_closing_stops_what_is_under_way_and_leaves_nothing_half_written(hevc, folder):
    async def asked():
        workers = ThreadWorkers()
        workers.go_on.clear()
        copies = PlayableCopies(folder, workers)
        while not workers.done["write_shown_clip"]:
            await ask(copies, hevc)
            await asyncio.sleep(0.01)
        await copies.close()

    asyncio.run(asked())
    assert [name for name in left(folder) if not name.endswith("-poster.jpg")] == []
