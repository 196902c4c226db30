"""On whose terms a run is asked for: the app's token is used for nobody else, and its money is counted by payer."""

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.options import TransferOptions
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.runs.record import OWNER, EngineName, RunRecord, RunState, Terms

APPS = "app-token-0123456789"  # the one that `open_world` sets
OWN = SecretStr("visitor-token-0123456789")
OUTSIDER = Terms(app_token=False, any_request=False, payer="ip:a")
ADMITTED = Terms(any_request=False, payer="ip:a", share_usd=0.8)


def ok(**body):
    return httpx.Response(200, json=body)


def made_now(**body):
    video = {"video": "https://files.runcomfy.net/v.mp4"}
    made = {"status": "succeeded", "output": video, "created_at": datetime.now(UTC).isoformat()}
    return ok(**(made | {"cost": 0.35} | body))


def sent_with(vendor, token=APPS):
    """Give the paths of the requests that carried a token."""
    return [request.url.path for request in vendor.seen if token in request.headers.get("authorization", "")]


async def refused(asking):
    with pytest.raises(RunError) as caught:
        await asking
    return caught.value


async def kling(world, terms, visitor="ann", prompt="A robot", **more):
    start = await world.runner.begin(
        world.inputs(prompt), engine=EngineName.KLING, visitor=visitor, terms=terms, **more
    )
    return start.run_id


def paid(**changes):
    now = time.time()
    fields = {
        "run_id": "1" * 32,
        "visitor": "ann",
        "engine": EngineName.KLING,
        "state": RunState.PREPARING,
        "created_at": now,
        "changed_at": now,
        "fingerprint": "f" * 64,
        "image_name": "image.png",
        "image_sha256": "a" * 64,
        "reference_name": "reference.mp4",
        "reference_sha256": "b" * 64,
        "choice": TransferOptions("A robot"),
    }
    return RunRecord(**(fields | changes))


def test_nothing_is_sent_with_the_apps_token_for_a_stranger(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            runner = world.runner
            starts = [await refused(kling(world, OUTSIDER, again=again)) for again in (False, True)]
            quote = await runner.quote(5.0, terms=OUTSIDER)
            recovering = {"visitor": "ann", "terms": OUTSIDER}
            lost = [await refused(runner.recover("req-1", **recovering, run_id=run_id)) for run_id in (None, "1" * 32)]
            await runner.already(world.inputs(), engine=EngineName.KLING, visitor="ann")
            await runner.spending("ann", terms=OUTSIDER)
            return starts, quote, lost, await runner.history("ann")

    starts, quote, lost, history = asyncio.run(story())
    assert vendor.seen == []
    assert {error.message for error in starts} == {"A run on Kling needs a RunComfy token."}
    assert all("Bring your own" in error.advice for error in starts)
    assert quote.rate_usd is None
    assert all("Enter the token that made it" in error.advice and "kling-ui recover" in error.advice for error in lost)
    assert history == []


def test_a_stranger_runs_and_recovers_with_their_own_token_alone(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(status="completed")], results=[made_now()])

    async def story():
        async with open_world(vendor) as world:
            assert (await world.runner.quote(5.0, token=OWN, terms=OUTSIDER)).rate_usd == 0.07
            run_id = await kling(world, OUTSIDER, token=OWN)
            view = await world.end(run_id)
            found = await world.runner.recover("req-2", visitor="ann", token=OWN, terms=OUTSIDER)
            await world.end(found.run_id)
            return view, [
                await world.context.ledger.ask(lambda store, r=r: store.get(r)) for r in (run_id, found.run_id)
            ]

    view, records = asyncio.run(story())
    assert view.state is RunState.COMPLETED
    assert sent_with(vendor) == []
    assert sent_with(vendor, OWN.get_secret_value())
    assert [record.payer for record in records] == [None, None], "their own money is nobody else's to count"


def test_a_run_that_was_entered_and_not_sent_is_not_sent_after_a_restart(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor, take_over=False) as world:
            await world.context.ledger.ask(lambda store: store.add(paid(payer="ip:a", estimate_usd=0.35)))
            await world.runner.take_over()
            view = await world.runner.view("1" * 32, "ann")
            assert await world.runner.resume("ann", OWN) == []
            return view, await world.runner.spending("ann", terms=OUTSIDER)

    view, spending = asyncio.run(story())
    assert view.state is RunState.FAILED
    assert "before this run was sent" in run_words(view).sentence
    assert spending.day_usd == 0.0
    assert vendor.seen == []


def test_a_run_that_was_sent_with_the_apps_token_is_followed_on_whoever_may_use_it_now(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(status="in_progress")])

    async def story():
        async with open_world(vendor) as world:
            run_id = await kling(world, ADMITTED)
            await world.until(run_id, RunState.IN_PROGRESS)
        vendor.statuses.append(ok(status="completed"))
        async with open_world(vendor, take_over=False) as world:
            assert await world.runner.take_over() == [run_id]
            return await world.end(run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED
    assert vendor.submit_count == 1


def test_another_browsers_id_is_no_new_session_and_no_new_share(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(status="in_progress")])

    async def story(terms, **budgets):
        async with open_world(vendor, **budgets) as world:
            before = vendor.submit_count
            for n in range(5):
                try:
                    run_id = await kling(world, terms, visitor=f"id {terms.payer} {n}")
                    await world.until(run_id, RunState.IN_PROGRESS, visitor=f"id {terms.payer} {n}")
                except RunError as error:
                    refusal = error
            return vendor.submit_count - before, refusal

    sent, refusal = asyncio.run(story(replace(ADMITTED, share_usd=None), budget_session_usd=0.8))
    assert (sent, "for this session $0.10 is left" in in_words(refusal).message) == (2, True)
    sent, refusal = asyncio.run(story(replace(ADMITTED, payer="ip:b"), budget_day_usd=8.0))
    assert (sent, "for each visitor today $0.10 is left" in in_words(refusal).message) == (2, True)
    assert "KLING_UI_BUDGET_VISITOR_USD" in in_words(refusal).advice


def test_two_processes_at_once_cannot_overdraw_a_share_and_leave_the_day_to_others(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(status="in_progress")])

    async def story():
        budgets = {"budget_day_usd": 1.1, "budget_session_usd": 5.0}
        async with open_world(vendor, **budgets) as one, open_world(vendor, **budgets) as other:
            requests = [kling(world, ADMITTED, visitor=f"{n}") for n in range(6) for world in (one, other)]
            outcomes = await asyncio.gather(*requests, return_exceptions=True)
            for n, run_id in enumerate(outcomes):
                if isinstance(run_id, str):
                    await (one, other)[n % 2].until(run_id, RunState.IN_PROGRESS, visitor=f"{n // 2}")
            sent = vendor.submit_count
            late = await kling(other, replace(ADMITTED, payer="ip:b"), visitor="ben", prompt="Another")
            await other.until(late, RunState.IN_PROGRESS, visitor="ben")
            everybody = await refused(kling(one, replace(ADMITTED, payer="ip:c"), visitor="eve", prompt="Another"))
            spent = [
                await world.runner.spending("anybody", terms=replace(ADMITTED, payer=payer))
                for world, payer in ((one, "ip:a"), (other, "ip:b"), (other, "ip:c"))
            ]
            return sent, everybody, [(spending.day_usd, spending.payer_day_usd) for spending in spent]

    sent, everybody, spent = asyncio.run(story())
    assert sent == 2
    assert "$1.10 for today $0.05 is left" in in_words(everybody).message
    assert spent == [pytest.approx(pair) for pair in ((0.7, 1.05), (0.35, 1.05), (0.0, 1.05))]


@pytest.mark.parametrize(
    ("how", "is_passed_on"),
    [
        ({"terms": ADMITTED}, False),
        ({"terms": ADMITTED, "token": OWN}, True),
        ({"terms": OWNER}, True),
    ],
    ids=["the app pays", "their own money", "the owner"],
)
def test_with_the_apps_money_no_address_is_passed_on_behind_which_another_file_may_wait(
    open_world, make_vendor, tmp_path, how, is_passed_on
):
    """What was checked and priced is a copy; a server may hand something longer to the engine."""
    vendor = make_vendor(statuses=[ok(status="completed")], results=[made_now()])
    address = "https://pics.example/a.png"
    outside = httpx.MockTransport(lambda _: httpx.Response(200, content=(tmp_path / "in.png").read_bytes()))

    async def story():
        async with open_world(vendor, outside=outside) as world:
            inputs = replace(world.inputs(), image_url=address)
            start = await world.runner.begin(inputs, engine=EngineName.KLING, visitor="ann", **how)
            await world.end(start.run_id)

    asyncio.run(story())
    body = json.loads(vendor.submits_seen[0].content)
    assert (body["image_url"] == address) is is_passed_on
    assert body["image_url"].startswith(("data:image/", address))


def test_a_share_is_of_the_apps_money_and_not_of_ones_own(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            for n in range(4):
                await world.end(await kling(world, ADMITTED, token=OWN, prompt=f"wish {n}"))
            return await world.runner.spending("ann", terms=ADMITTED)

    assert asyncio.run(story()).day_usd == 0.0
    assert vendor.submit_count == 4


def test_what_the_apps_money_was_spent_on_is_not_told_by_another_account(open_world, make_vendor):
    """Else a cheap request of one's own would stand for the one that the app paid."""
    vendor = make_vendor(
        submits=[httpx.ReadTimeout("slow")], statuses=[ok(status="completed")], results=[made_now(cost=0.0)]
    )

    async def story():
        async with open_world(vendor) as world:
            run_id = await kling(world, ADMITTED)
            await world.end(run_id)
            chosen = await refused(
                world.runner.recover("req-1", visitor="ann", token=OWN, run_id=run_id, terms=ADMITTED)
            )
            found = await world.runner.recover("req-1", visitor="ann", token=OWN, terms=ADMITTED)
            await world.end(found.run_id)
            spending = await world.runner.spending("ann", terms=ADMITTED)
            owner = await world.runner.recover("req-2", visitor="cli", run_id=run_id, everybody=True)
            return run_id, chosen, found, spending, owner

    run_id, chosen, found, spending, owner = asyncio.run(story())
    assert "app's token" in chosen.message
    assert "kling-ui recover" in chosen.advice
    assert found.run_id != run_id
    assert spending.day_usd == pytest.approx(0.35)
    assert owner.run_id == run_id


def test_the_owner_recovers_on_the_page_with_the_apps_own_token_typed(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")], results=[made_now()])

    async def story():
        async with open_world(vendor) as world:
            run_id = await kling(world, ADMITTED)
            await world.end(run_id)
            with_id = {"visitor": "ann", "run_id": run_id, "terms": ADMITTED}
            without = await refused(world.runner.recover("req-1", **with_id))
            await world.runner.recover("req-1", **with_id, token=SecretStr(APPS))
            return without, await world.end(run_id)

    without, view = asyncio.run(story())
    assert "Enter the token" in without.advice
    assert (view.state, view.cost_usd) == (RunState.COMPLETED, 0.35)


def test_what_the_apps_token_made_for_a_visitor_is_looked_for_again_with_it(open_world, make_vendor):
    vendor = make_vendor(files=[httpx.Response(200, text="<html>Sign in</html>")])

    async def story():
        async with open_world(vendor) as world:
            run_id = await kling(world, ADMITTED)
            failed = await world.end(run_id)
            vendor.files = [httpx.Response(200, content=world.video.read_bytes())]
            others = await refused(world.runner.recover("req-1", visitor="ben", terms=OUTSIDER))
            unknown = await refused(world.runner.recover("req-2", visitor="ben", terms=OUTSIDER))
            seen = len(vendor.seen)
            await world.runner.recover("req-1", visitor="ann", terms=OUTSIDER)
            return failed, await world.end(run_id), others, unknown, seen

    failed, view, others, unknown, seen = asyncio.run(story())
    assert (failed.state, view.state) == (RunState.FAILED, RunState.COMPLETED)
    assert str(others) == str(unknown), "nobody is told which requests are known here"
    assert not any("req-2" in path for path in sent_with(vendor))
    assert seen < len(vendor.seen)


@pytest.mark.parametrize("made_with", [{"visitor_pays": True, "own_token": True}, {"own_token": True}])
def test_what_another_token_made_or_follows_is_not_asked_for_with_the_apps(open_world, make_vendor, made_with):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor, take_over=False) as world:
            run = paid(state=RunState.FAILED, request_id="req-1", **made_with)
            await world.context.ledger.ask(lambda store: store.add(run))
            await refused(world.runner.recover("req-1", visitor="ann", terms=ADMITTED))

    asyncio.run(story())
    assert vendor.seen == []


def test_nobody_owns_nothing(open_world, make_vendor):
    """Rows of an empty owner may be left from when recovery did not ask who recovers."""
    vendor = make_vendor()

    async def story():
        async with open_world(vendor, take_over=False) as world:
            runner = world.runner
            run = paid(visitor="", state=RunState.IN_QUEUE, request_id="req-1", own_token=True)
            await world.context.ledger.ask(lambda store: store.add(run))
            await refused(runner.view(run.run_id, ""))
            await refused(runner.states(run.run_id, ""))
            await refused(runner.cancel(run.run_id, ""))
            async with aclosing(runner.watch(run.run_id, "")) as views:
                await refused(anext(views))
            for terms in (OWNER, OUTSIDER):
                await refused(runner.recover("req-1", visitor="", token=OWN, terms=terms))
                await refused(runner.recover("req-2", visitor="", token=OWN, terms=terms))
                await refused(kling(world, terms, visitor="", token=OWN))
            assert await runner.history("") == []
            assert await runner.resume("", OWN) == []
            assert await runner.hand_over("", "hf:1") == 0
            return await runner.view(run.run_id, None)

    assert asyncio.run(story()).run_id == "1" * 32
    assert vendor.seen == []
