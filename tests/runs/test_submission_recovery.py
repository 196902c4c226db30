"""A request that is at the vendor is found again by its id."""

import asyncio
import time
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import APIStatusError, RunError
from kling_ui.presentation.runs import run_words
from kling_ui.runs.record import EngineName, RunState, StartCode

TOKEN = SecretStr("visitor-token-0123456789")


def ok(**body):
    return httpx.Response(200, json=body)


def done(request_id="req-1", **more):
    video = {"video": "https://files.runcomfy.net/v.mp4"}
    return ok(request_id=request_id, status="succeeded", output=video, cost=0.35, **more)


def made(ago_s):
    return datetime.fromtimestamp(time.time() - ago_s, UTC).isoformat()


def test_a_run_of_unknown_outcome_finds_its_request_and_keeps_the_result(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")], results=[done(created_at=made(0))])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            unknown = await world.end(run_id)
            start = await world.runner.recover(" req-1 ", visitor="ann")
            view = await world.end(start.run_id)
            again = await world.runner.recover("req-1", visitor="ann")
            return run_id, unknown, start, view, again, await world.runner.states(run_id, "ann")

    run_id, unknown, start, view, again, states = asyncio.run(story())
    assert unknown.can_recover
    assert "kling-ui recover" in run_words(unknown).advice
    assert (start.run_id, start.is_new, start.code) == (run_id, False, StartCode.FOUND)
    assert (view.state, view.request_id, view.cost_usd) == (RunState.COMPLETED, "req-1", 0.35)
    assert (view.motion_match, view.outcome, view.can_recover) == (91.5, None, False)
    assert again.code is StartCode.FOUND_HERE
    assert RunState.UNKNOWN in [state for state, _ in states]
    assert vendor.submit_count == 1


def test_of_several_runs_the_one_that_was_sent_when_the_request_was_made_is_taken(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")], results=[done(created_at=made(-4000))])

    async def story():
        async with open_world(vendor) as world:
            early = await world.kling(prompt="early")
            await world.end(early)
        async with open_world(vendor, ahead_s=4000) as world:
            late = await world.kling(prompt="late")
            await world.end(late)
            return early, late, await world.runner.recover("req-1", visitor="ann")

    early, late, start = asyncio.run(story())
    assert start.run_id == late != early


def test_a_request_from_another_time_makes_a_run_of_its_own(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")], results=[done(created_at=made(7200))])

    async def story():
        async with open_world(vendor) as world:
            unknown = await world.kling()
            await world.end(unknown)
            starts = await asyncio.gather(*(world.runner.recover("req-1", visitor="ann") for _ in range(3)))
            view = await world.end(starts[0].run_id)
            chosen = await world.runner.recover("req-1", visitor="ann", run_id=unknown)
            return unknown, starts, view, chosen, await world.runner.history("ann")

    unknown, starts, view, chosen, history = asyncio.run(story())
    assert len({start.run_id for start in starts}) == 1
    assert sorted(start.is_new for start in starts) == [False, False, True]
    assert starts[0].run_id != unknown
    assert view.state is RunState.COMPLETED
    assert (view.image, view.reference, view.motion_match) == (None, None, None)
    assert view.result.is_file()
    assert run_words(view).cost == "It cost $0.35."
    assert view.created_at == pytest.approx(time.time() - 7200, abs=60)
    assert chosen.run_id == view.run_id, "it has its run already"
    assert len(history) == 2


def test_the_visitor_may_say_which_run_it_is(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")], results=[done(created_at=made(7200))])

    async def story():
        async with open_world(vendor) as world:
            unknown = await world.kling()
            await world.end(unknown)
            with pytest.raises(RunError, match="does not wait"):
                await world.runner.recover("req-1", visitor="ben", run_id=unknown)
            start = await world.runner.recover("req-1", visitor="ann", run_id=unknown)
            return unknown, start, await world.end(start.run_id)

    unknown, start, view = asyncio.run(story())
    assert start.run_id == unknown
    assert view.state is RunState.COMPLETED


def test_nobody_recovers_the_runs_of_others(open_world, make_vendor):
    vendor = make_vendor(results=[done()])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            await world.end(run_id)
            with pytest.raises(RunError, match="not known here"):
                await world.runner.recover("req-1", visitor="ben")
            owner = await world.runner.recover("req-1", visitor="cli", everybody=True)
            # whoever has the token that made a request may see it at the vendor, too
            mine = await world.runner.recover("req-1", visitor="ben", token=TOKEN)
            return run_id, owner, mine, await world.end(mine.run_id, "ben")

    run_id, owner, mine, view = asyncio.run(story())
    assert owner.run_id == run_id
    assert mine.run_id != run_id
    assert view.state is RunState.COMPLETED


@pytest.mark.parametrize("request_id", ["", "two words", "x" * 129, "../status"])
def test_what_is_no_request_id_is_told(open_world, make_vendor, request_id):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            with pytest.raises(RunError, match="not a request id"):
                await world.runner.recover(request_id, visitor="ann")

    asyncio.run(story())
    assert vendor.seen == []


def test_a_request_that_the_vendor_does_not_know_makes_no_run(open_world, make_vendor):
    vendor = make_vendor(results=[httpx.Response(404, json={"error_code": 404001, "error_message": "no"})])

    async def story():
        async with open_world(vendor) as world:
            with pytest.raises(APIStatusError, match="does not know this request"):
                await world.runner.recover("req-1", visitor="ann")
            assert await world.runner.history("ann") == []
        async with open_world(vendor, token=None) as world:
            with pytest.raises(RunError, match="needs a RunComfy token"):
                await world.runner.recover("req-1", visitor="ann")

    asyncio.run(story())


def test_a_result_that_could_not_be_kept_is_tried_again(open_world, make_vendor):
    vendor = make_vendor(files=[httpx.Response(200, text="<html>Sign in</html>")])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            failed = await world.end(run_id)
            vendor.files = [httpx.Response(200, content=world.video.read_bytes())]
            await world.runner.recover("req-1", visitor="ann")
            return failed, await world.end(run_id)

    failed, view = asyncio.run(story())
    assert failed.state is RunState.FAILED
    assert failed.can_recover
    assert "a web page" in run_words(failed).sentence
    assert "about 7 days" in run_words(failed).expiry
    assert view.state is RunState.COMPLETED
    assert run_words(view).expiry == ""


def test_a_run_whose_process_died_is_taken_up_when_its_claim_has_lapsed(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(request_id="req-1", status="in_progress")], results=[done()])

    async def story():
        async with open_world(vendor) as stalled:
            run_id = await stalled.kling()
            await stalled.until(run_id, RunState.IN_PROGRESS)
            async with open_world(vendor) as other:
                start = await other.runner.recover("req-1", visitor="ann")
                assert start.code is StartCode.FOUND_FOLLOWED
            vendor.statuses.append(ok(request_id="req-1", status="completed"))
            return await stalled.end(run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED


def test_a_recovered_run_survives_the_process(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(request_id="req-1", status="in_progress")], results=[done()])

    async def before():
        async with open_world(vendor) as world:
            start = await world.runner.recover("req-1", visitor="ann", token=TOKEN)
            await world.until(start.run_id, RunState.IN_PROGRESS)
            return start.run_id

    async def after(run_id):
        vendor.statuses.append(ok(request_id="req-1", status="completed"))
        async with open_world(vendor) as world:
            waiting = await world.runner.view(run_id, "ann")
            assert await world.runner.resume("ann", TOKEN) == [run_id]
            return waiting, await world.end(run_id)

    waiting, view = asyncio.run(after(asyncio.run(before())))
    assert waiting.needs_token
    assert run_words(waiting).expiry.startswith("Its video may expire at RunComfy in about")
    assert view.state is RunState.COMPLETED
    assert view.engine is EngineName.KLING
