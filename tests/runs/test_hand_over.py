"""Runs become an account's: nobody else sees them, and the same wish is known again."""

import asyncio

import httpx
import pytest

from kling_ui.errors import RunError
from kling_ui.runs.record import EngineName, RunState, StartCode, fingerprint_for

BROWSER, ACCOUNT = "v" * 43, "hf:5f0c34"


def in_progress():
    return httpx.Response(200, json={"request_id": "req-1", "status": "in_progress"})


def completed():
    return httpx.Response(200, json={"request_id": "req-1", "status": "completed"})


def test_an_open_run_goes_on_under_its_new_owner_and_is_not_paid_twice(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_progress()])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling(visitor=BROWSER)
            await world.until(run_id, RunState.IN_PROGRESS, visitor=BROWSER)
            assert await world.runner.hand_over(BROWSER, ACCOUNT) == 1
            assert await world.runner.hand_over(BROWSER, ACCOUNT) == 0
            with pytest.raises(RunError, match="not known here"):
                await world.runner.view(run_id, BROWSER)
            with pytest.raises(RunError, match="not known here"):
                await world.runner.cancel(run_id, BROWSER)
            assert await world.runner.history(BROWSER) == []
            again = await world.runner.begin(world.inputs(), engine=EngineName.KLING, visitor=ACCOUNT)
            vendor.statuses.append(completed())
            view = await world.end(run_id, ACCOUNT)
            after = await world.runner.begin(world.inputs(), engine=EngineName.KLING, visitor=ACCOUNT)
            spent = [(await world.runner.spending(visitor)).session_usd for visitor in (BROWSER, ACCOUNT)]
            return run_id, again, view, after, spent

    run_id, again, view, after, spent = asyncio.run(story())
    assert (again.run_id, again.code) == (run_id, StartCode.SAME_OPEN)
    assert view.state is RunState.COMPLETED
    assert after.run_id == run_id
    assert after.code is StartCode.SAME_PAID_RESULT
    assert spent == [0.0, pytest.approx(0.35)]
    assert vendor.submit_count == 1


def test_the_same_wish_of_both_stays_two_runs_of_which_one_stands(open_world, make_vendor):
    vendor = make_vendor(statuses=[in_progress()])

    async def story():
        async with open_world(vendor) as world:
            first, second = [await world.kling(visitor=visitor) for visitor in (ACCOUNT, BROWSER)]
            await world.runner.hand_over(BROWSER, ACCOUNT)
            again = await world.runner.begin(world.inputs(), engine=EngineName.KLING, visitor=ACCOUNT)
            vendor.statuses.append(completed())
            return first, again.run_id, [(await world.end(run_id, ACCOUNT)).state for run_id in (first, second)]

    first, again, states = asyncio.run(story())
    assert again == first
    assert states == [RunState.COMPLETED] * 2


def test_a_recovered_run_is_known_again_by_its_request(open_world, make_vendor):
    async def story():
        async with open_world(make_vendor()) as world:
            run_id = (await world.runner.recover("req-1", visitor=BROWSER)).run_id
            await world.end(run_id, BROWSER)
            await world.runner.hand_over(BROWSER, ACCOUNT)
            record = await world.context.ledger.ask(lambda store: store.get(run_id))
            return record, await world.runner.recover("req-1", visitor=ACCOUNT), run_id

    record, again, run_id = asyncio.run(story())
    assert record.fingerprint == fingerprint_for(ACCOUNT, record) != fingerprint_for(BROWSER, record)
    assert again.run_id == run_id
