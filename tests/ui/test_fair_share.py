"""How many pieces of work one visitor has under way at once, and what becomes of the rest."""

import asyncio

import pytest

from kling_ui.errors import KlingUIError
from kling_ui.ui.fair_share import FairShare


async def _settle():
    for _ in range(5):
        await asyncio.sleep(0)


def _is_forgotten(share):
    return not (share._taken or share._asked or share._waiting)


def test_one_visitors_hundred_wait_while_anothers_first_begins_at_once():
    async def story():
        share, begun, gates = FairShare(4, waiting_each_max=100), [], asyncio.Event()

        async def work(who):
            async with share.turn(who):
                begun.append(who)
                await gates.wait()

        crowd = [asyncio.create_task(work("first")) for _ in range(100)]
        await _settle()
        assert begun == ["first"] * 4
        other = asyncio.create_task(work("second"))
        await _settle()
        assert begun == ["first"] * 4 + ["second"]
        gates.set()
        await asyncio.gather(*crowd, other)
        assert len(begun) == 101
        assert _is_forgotten(share)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("asked", "begun"),
    [
        ([("a",)] * 3, [0, 1]),
        ([("a", "net")] * 3, [0, 1]),
        ([("a", "net"), ("b", "net"), ("c", "net")], [0, 1]),  # names made up behind one address
        ([("a", "net-1"), ("a", "net-2"), ("a", "net-3")], [0, 1]),  # one account from everywhere
        ([("a", "net"), ("b", "net"), ("c", "net"), ("c", "net-2")], [0, 1, 3]),
        ([()] * 3, [0, 1, 2]),
    ],
)
def test_every_key_counts(asked, begun):
    async def story():
        share, order = FairShare(2), []

        async def work(number, keys):
            async with share.turn(*keys):
                order.append(number)
                await asyncio.Event().wait()

        tasks = [asyncio.create_task(work(*one)) for one in enumerate(asked)]
        await _settle()
        for task in tasks:
            task.cancel()
        seen = list(order)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert _is_forgotten(share)
        return seen

    assert asyncio.run(story()) == begun


def test_only_so_many_wait_and_the_rest_is_told():
    async def story():
        share = FairShare(1, waiting_each_max=2, waiting_max=3)
        await share.take("a")
        waiting = [asyncio.create_task(share.take("a")) for _ in range(2)]
        await _settle()
        with pytest.raises(KlingUIError, match="Too many checks and repairs of yours are under way"):
            await share.take("a")
        await share.take("b")
        waiting.append(asyncio.create_task(share.take("b")))
        await _settle()
        with pytest.raises(KlingUIError, match="busy with others"):
            await share.take("b")
        (await share.take("c"))()  # who waits for nothing is not refused
        for task in waiting:
            task.cancel()

    asyncio.run(story())


def test_who_goes_away_while_waiting_leaves_nothing():
    async def story():
        share = FairShare(1)
        release = await share.take("a")
        gone, stays = asyncio.create_task(share.take("a")), asyncio.create_task(share.take("a"))
        await _settle()
        gone.cancel()
        await _settle()
        release()
        release()  # a second time does nothing
        (await stays)()
        assert _is_forgotten(share)

    asyncio.run(story())


def test_a_turn_that_comes_as_its_visitor_goes_is_passed_on():
    async def story():
        share = FairShare(1)
        release = await share.take("a")
        gone, stays = asyncio.create_task(share.take("a")), asyncio.create_task(share.take("a"))
        await _settle()
        release()
        gone.cancel()
        await asyncio.wait({gone})
        (await stays)()
        assert _is_forgotten(share)

    asyncio.run(story())
