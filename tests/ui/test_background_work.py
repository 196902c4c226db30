"""Work in the background: one at a time for a key, found again, followed, and stopped with its owner's data."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kling_ui.errors import RunError
from kling_ui.ui import background_work
from kling_ui.ui.background_work import BackgroundWork, WorkByKey


class Chores(WorkByKey[BackgroundWork]):
    UNDER_WAY = "This chore is under way.", "Wait for it."
    TOO_MANY = "Too many chores are under way here."


class House:
    """Chores that last until the door is opened."""

    def __init__(self) -> None:
        self.chores, self.door = Chores(), asyncio.Event()

    def begin(self, key: str, owner: str = "ann") -> BackgroundWork:
        self.chores.refuse_more(key)
        return self.chores.begin(key, BackgroundWork(owner=owner), self._wait())

    async def _wait(self) -> None:
        await self.door.wait()


def _in_house(story: Callable[[House], Awaitable[Any]]) -> Any:
    async def live() -> Any:
        house = House()
        try:
            return await story(house)
        finally:
            await house.chores.aclose()

    return asyncio.run(live())


def test_one_of_a_key_at_a_time():
    async def story(house):
        first = house.begin("dishes")
        with pytest.raises(RunError, match="under way"):
            house.begin("dishes")
        house.door.set()
        await first.until_end(5)
        assert house.begin("dishes") is house.chores.find("dishes") is not first

    _in_house(story)


def test_no_more_than_so_many_are_under_way(monkeypatch):
    monkeypatch.setattr(background_work, "AT_ONCE_MAX", 2)

    async def story(house):
        house.begin("dishes")
        house.begin("floor")
        with pytest.raises(RunError, match="Too many chores"):
            house.begin("windows")

    _in_house(story)


def test_what_ended_longest_ago_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(background_work, "KEPT_MAX", 1)

    async def story(house):
        house.door.set()
        for key in ("dishes", "floor"):
            await house.begin(key).until_end(5)
        house.begin("windows")
        return [key for key in ("dishes", "floor", "windows") if house.chores.find(key)]

    assert _in_house(story) == ["floor", "windows"]


def test_whoever_deletes_their_data_stops_their_own_work_alone():
    async def story(house):
        anns, bobs = house.begin("dishes", "ann"), house.begin("floor", "bob")
        await house.chores.drop("ann")
        return anns.task.cancelled(), bobs.is_under_way, house.chores.find("dishes"), house.chores.find("floor") is bobs

    assert _in_house(story) == (True, True, None, True)


def test_it_is_shown_at_once_after_a_change_and_at_its_end(monkeypatch):
    monkeypatch.setattr(background_work, "SHOWN_EVERY_S", 0.0)

    async def story(house):
        work, shown = house.begin("dishes"), []
        async for is_under_way in work.scenes():
            shown.append(is_under_way)
            if len(shown) == 1:
                asyncio.get_running_loop().call_soon(work.wake)
            else:
                house.door.set()
                await work.until_end(5)
                work.wake()
        return shown

    shown = _in_house(story)
    assert shown[0] is True
    assert shown[-1] is False
    assert len(shown) >= 3
