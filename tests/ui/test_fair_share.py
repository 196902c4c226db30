"""How many pieces of work one visitor has under way at once, and what becomes of the rest."""

import asyncio

import pytest

from kling_ui.errors import KlingUIError
from kling_ui.ui.fair_share import FairShare


async def _settle():
    for _ in range(5):
        await asyncio.sleep(0)


def _is_forgotten(share):
    return not (share._taken or share._asked or share._waiting or share._served)


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
        with pytest.raises(KlingUIError, match=r"2 checks and repairs of yours are waiting .* this would be place 3"):
            await share.take("a")
        await share.take("b")
        waiting.append(asyncio.create_task(share.take("b")))
        await _settle()
        with pytest.raises(KlingUIError, match=r"busy: this would be place 4 in the line"):
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


def test_where_all_have_only_so_many_slots_everybodys_first_comes_before_anybodys_second():
    async def story():
        share, begun, gates = FairShare(4, slots=2), [], {}

        async def work(name, who):
            release = await share.take(who, takes_slot=True)
            begun.append(name)
            gates[name] = asyncio.Event()
            await gates[name].wait()
            release()

        tasks = [asyncio.create_task(work(f"a{n}", "a")) for n in range(5)]
        await _settle()
        assert begun == ["a0", "a1"]
        assert share.place("a") == 0
        tasks += [asyncio.create_task(work(name, name[0])) for name in ("b0", "b1", "c0")]
        await _settle()
        places = [share.place(who) for who in ("b", "c", "a", "nobody")]
        while len(begun) < len(tasks):
            gates[begun[len(begun) - 2]].set()
            await _settle()
        for gate in gates.values():
            gate.set()
        await asyncio.gather(*tasks)
        return begun, places, share

    begun, places, share = asyncio.run(story())
    assert places == [0, 1, 3, None]
    assert begun[2:4] == ["b0", "c0"]
    assert begun.index("b1") < begun.index("a3")
    assert _is_forgotten(share)
    assert share._slots_taken == 0


def test_what_takes_no_slot_does_not_wait_for_one():
    async def story():
        share = FairShare(4, slots=1)
        release = await share.take("a", takes_slot=True)
        waits = asyncio.create_task(share.take("b", takes_slot=True))
        await _settle()
        (await share.take("b"))()
        assert len(share) == 1
        release()
        (await waits)()
        assert _is_forgotten(share)

    asyncio.run(story())


def test_who_asks_all_replicas_has_so_many_turns_at_each_and_another_one_still_comes_next_at_each():
    async def story():
        replicas = [FairShare(2, slots=3, waiting_each_max=100) for _ in range(3)]
        held, begun = [], []

        async def work(share, who):
            held.append((share, await share.take(who, takes_slot=True)))
            begun.append(who)

        tasks = [asyncio.create_task(work(share, "greedy")) for share in replicas for _ in range(20)]
        await _settle()
        assert begun == ["greedy"] * 2 * len(replicas)
        tasks += [asyncio.create_task(work(share, who)) for share in replicas for who in ("ann", "bob")]
        await _settle()
        assert begun[6:] == ["ann"] * 3
        for share in replicas:  # one turn of each ends
            next(release for of, release in held if of is share)()
        await _settle()
        assert begun[9:] == ["bob"] * 3, "before the greedy one's third"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
