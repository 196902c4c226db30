"""Races for one run: two processes on one ledger, a stalled owner, a clock that jumps, a claim that nobody renews."""

import asyncio

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import LedgerError
from kling_ui.runs.record import EngineName, RunState, StartCode

TOKEN = SecretStr("visitor-token-0123456789")
HEAD = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
MINE, THEIRS = HEAD + b"a" * 4000, HEAD + b"b" * 6000


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request, ledger_url):
    return ledger_url if request.param == "sqlite" else request.getfixturevalue("new_postgresql")


def in_state(word):
    return httpx.Response(200, json={"request_id": "req-1", "status": word})


async def soon(condition, limit_s=5.0):
    """Wait until something is so."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110  two worlds, no common event
            await asyncio.sleep(0.005)


def test_a_request_id_that_could_not_be_written_is_handed_to_whoever_took_the_run_over(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_state("in_progress")])

    async def story():
        async with open_world(vendor) as stalled, open_world(vendor, ahead_s=60.0, take_over=False) as other:
            ask, is_full = stalled.context.ledger.ask, False

            async def refuse(question):
                if is_full:
                    raise LedgerError("The ledger of runs cannot be read or written.")
                return await ask(question)

            answer = vendor.handle_async_request

            async def fill(request):
                nonlocal is_full
                is_full = is_full or request.method == "POST"
                return await answer(request)

            vendor.handle_async_request, stalled.context.ledger.ask = fill, refuse
            run_id = await stalled.kling()
            await soon(lambda: vendor.count("status") > 2)
            await other.runner.take_over()
            unknown = await other.runner.view(run_id, "ann")
            is_full = False
            await soon(lambda: stalled.context.live_status.read(run_id) is None)
            assert await other.runner.take_over() == [run_id]
            vendor.statuses.append(in_state("completed"))
            return unknown, await other.end(run_id)

    unknown, view = asyncio.run(story())
    assert unknown.state is RunState.UNKNOWN
    assert (view.state, view.request_id) == (RunState.COMPLETED, "req-1")
    assert vendor.submit_count == 1


def test_who_has_lost_a_run_stops_asking_for_it(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_state("in_progress")])

    async def story():
        async with (
            open_world(vendor, lease_s=0.2) as stalled,
            open_world(vendor, ahead_s=60.0, take_over=False) as other,
        ):
            run_id = await stalled.kling()
            await stalled.until(run_id, RunState.IN_PROGRESS)
            assert await other.runner.take_over() == [run_id]
            await soon(lambda: stalled.context.live_status.read(run_id) is None)
            assert other.context.live_status.read(run_id) is not None
            vendor.statuses.append(in_state("completed"))
            return await other.end(run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED


class Halting(httpx.AsyncByteStream):
    """A video that comes to a halt half-way."""

    def __init__(self, content, go_on):
        self.content, self.go_on = content, go_on

    async def __aiter__(self):
        yield self.content[:2000]
        await self.go_on.wait()
        yield self.content[2000:]


def test_two_downloads_of_one_result_do_not_mix(open_world, make_vendor):
    mine, theirs = make_vendor(), make_vendor(files=[httpx.Response(200, content=THEIRS)])

    async def story():
        go_on, halted, answer = asyncio.Event(), asyncio.Event(), mine.handle_async_request

        async def halt(request):
            if request.url.host == "api.example" or halted.is_set():
                return await answer(request)
            halted.set()
            return httpx.Response(200, stream=Halting(MINE, go_on))

        mine.handle_async_request, mine.files = halt, [httpx.Response(200, content=MINE)]
        async with open_world(mine) as stalled, open_world(theirs, ahead_s=60.0, take_over=False) as other:
            run_id = await stalled.kling()
            await halted.wait()
            assert await other.runner.take_over() == [run_id]
            view = await other.end(run_id)
            go_on.set()
            await soon(lambda: stalled.context.live_status.read(run_id) is None)
            return view, sorted(path.name for path in view.result.parent.iterdir())

    view, files = asyncio.run(story())
    assert view.state is RunState.COMPLETED
    assert view.result.read_bytes() == THEIRS, "what was measured and written down, and nothing else"
    assert files == ["image.png", "reference.mp4", "result.mp4"], "nothing half-fetched is left"


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_same_wish_carries_an_open_run_on_that_nobody_carries(open_world, make_vendor, token):
    vendor = make_vendor(statuses=[in_state("in_progress")])
    options = {"take_over": False, "token": None if token else "app-token-0123456789"}

    async def before():
        async with open_world(vendor, **options) as world:
            run_id = await world.kling(token=token)
            await world.until(run_id, RunState.IN_PROGRESS)
            return run_id

    async def after():
        vendor.statuses.append(in_state("completed"))
        async with open_world(vendor, **options) as world:  # such as the same command, typed again
            start = await world.runner.begin(world.inputs(), engine=EngineName.KLING, visitor="ann", token=token)
            return start, await world.end(start.run_id)

    run_id = asyncio.run(before())
    start, view = asyncio.run(after())
    assert (start.run_id, start.is_new, start.code) == (run_id, False, StartCode.SAME_OPEN)
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 1


def test_a_run_that_is_recovered_stands_for_its_wish_again(open_world, make_vendor):
    page = httpx.Response(200, text="<html>Sign in</html>")
    vendor = make_vendor(files=[page])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            failed = await world.end(run_id)
            vendor.statuses = [in_state("in_progress")]
            await world.runner.recover("req-1", visitor="ann")
            await world.until(run_id, RunState.IN_PROGRESS)
            return failed, run_id, await world.runner.begin(world.inputs(), engine=EngineName.KLING, visitor="ann")

    failed, run_id, start = asyncio.run(story())
    assert failed.state is RunState.FAILED
    assert (start.run_id, start.is_new) == (run_id, False)
    assert vendor.submit_count == 1


def test_a_run_that_this_process_carries_is_not_taken_from_itself(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_state("in_progress")])

    async def story():
        async with open_world(vendor, token=None) as world:
            run_id = await world.kling(token=TOKEN)
            await world.until(run_id, RunState.IN_PROGRESS)
            holder = world.context.holder
            await world.context.ledger.ask(lambda store: store.renew([run_id], holder=holder, until=1.0))  # it slept
            start = await world.runner.recover("req-1", visitor="ann", token=TOKEN)
            vendor.statuses.append(in_state("completed"))
            return start, await world.end(run_id), await world.runner.states(run_id, "ann")

    start, view, states = asyncio.run(story())
    assert start.code is StartCode.FOUND_FOLLOWED
    assert view.state is RunState.COMPLETED
    assert [state for state, _ in states].count(RunState.IN_QUEUE) == 1


def test_a_claim_from_a_clock_that_was_far_ahead_does_not_lock_a_run_up(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_state("in_progress")])
    year_s = 365 * 86_400.0

    async def story():
        async with open_world(vendor, ahead_s=year_s) as world:
            run_id = await world.kling()
            await world.until(run_id, RunState.IN_PROGRESS)
            async with open_world(
                vendor, take_over=False
            ) as later:  # the clock is right again, and the claim is a year long
                view = await later.runner.view(run_id, "ann")
                assert await later.runner.take_over() == [run_id]
                vendor.statuses.append(in_state("completed"))
                return view, await later.end(run_id)

    before, view = asyncio.run(story())
    assert before.state is RunState.IN_PROGRESS
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 1


def test_one_run_that_cannot_be_adopted_does_not_keep_the_others_waiting(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_state("in_progress")])

    async def before():
        async with open_world(vendor) as world:
            kling, preview = await world.kling(), None
            await world.until(kling, RunState.IN_PROGRESS)
            world.painter.go.clear()
            preview = await world.start(prompt="a preview")
            await world.until(preview, RunState.IN_PROGRESS)
            return kling, preview

    async def after(kling, preview):
        async with open_world(
            vendor, store_url="s3://", take_over=False
        ) as world:  # no bucket: the way to Kling cannot be opened
            assert await world.runner.take_over() == [preview]
            return await world.end(preview), await world.runner.view(kling, "ann")

    preview, kling = asyncio.run(after(*asyncio.run(before())))
    assert preview.state is RunState.COMPLETED
    assert kling.state is RunState.IN_PROGRESS


def test_a_result_whose_file_has_gone_is_fetched_again_by_its_request_id(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            first = await world.end(run_id)
            first.result.unlink()
            start = await world.runner.recover("req-1", visitor="ann")
            return first, start, await world.end(run_id), await world.runner.history("ann")

    first, start, view, history = asyncio.run(story())
    assert start.run_id == first.run_id
    assert view.state is RunState.COMPLETED
    assert view.result.is_file()
    assert len(history) == 1
    assert vendor.submit_count == 1
