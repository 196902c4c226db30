"""What happens before a paid run is sent: the price, the budget, the same wish found again."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import AuthenticationError, InsufficientBalanceError, RunError
from kling_ui.presentation.price_sentences import price_sentence
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.runs.outcomes import REFUSALS_MAX
from kling_ui.runs.pricing import BudgetError, BudgetLimit, Charge, PriceRisenError, Spending
from kling_ui.runs.record import EngineName, RunState, StartCode

VISITORS = SecretStr("visitor-token-0123456789")


def price(usd, unit="second"):
    return httpx.Response(200, json={"base_price_usd": usd, "price_unit": unit})


def refused(http_status, code):
    return httpx.Response(http_status, json={"error_code": code, "error_message": "no"})


async def begin(world, prompt="A robot", **more):
    return await world.runner.begin(world.inputs(prompt), engine=EngineName.KLING, visitor="ann", **more)


def test_the_price_is_read_for_each_run_and_the_cost_stands_beside_it(open_world, make_vendor):
    vendor = make_vendor(prices=[price(0.07), price(0.10)])

    async def story():
        async with open_world(vendor) as world:
            views = [await world.end(await world.kling(prompt=name)) for name in ("one", "two")]
            return views, await world.runner.spending("ann")

    (first, second), spending = asyncio.run(story())
    assert run_words(first).price == "About $0.35: 5.0 s at $0.07 a second. The vendor publishes no quote."
    assert run_words(first).cost == "It cost $0.35; about $0.35 was expected."
    assert second.estimate_usd == pytest.approx(0.50)
    assert run_words(second).cost == "It cost $0.35; about $0.50 was expected."
    assert (first.charge, spending.session_usd, spending.day_usd) == (Charge.YES, 0.7, 0.7)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(502, text="<html>"),
        httpx.Response(200, json={}),
        refused(403, 403001),
        refused(429, 429001),
    ],
)
def test_a_price_that_cannot_be_read_is_said_and_never_invented(open_world, make_vendor, answer):
    vendor = make_vendor(prices=[answer])

    async def story():
        async with open_world(vendor) as world:
            quote = await world.runner.quote(5.0)
            return quote, await world.end(await world.kling())

    quote, view = asyncio.run(story())
    assert (quote.rate_usd, quote.estimate_usd) == (None, None)
    assert run_words(view).price == price_sentence(quote)
    assert run_words(view).price.startswith("The price is not available at the moment.")
    assert view.estimate_usd is None
    assert run_words(view).cost == "It cost $0.35."


@pytest.mark.parametrize(
    ("answer", "error"),
    [(refused(401, 400004), AuthenticationError), (refused(402, 400002), InsufficientBalanceError)],
)
def test_what_the_price_already_tells_stops_the_run(open_world, make_vendor, answer, error):
    vendor = make_vendor(prices=[answer])

    async def story():
        async with open_world(vendor) as world:
            with pytest.raises(error):
                await world.kling()
            return await world.runner.history("ann"), list((world.folder / "data" / "runs").iterdir())

    assert asyncio.run(story()) == ([], [])
    assert vendor.submit_count == 0


def test_a_price_that_has_risen_since_it_was_shown_is_told_first(open_world, make_vendor):
    vendor = make_vendor(prices=[price(0.07), price(0.09)])

    async def story():
        async with open_world(vendor) as world:
            shown = (await world.runner.quote(5.0)).rate_usd
            with pytest.raises(PriceRisenError) as caught:
                await begin(world, shown_rate_usd=shown)
            assert (caught.value.shown_rate_usd, caught.value.quote.rate_usd) == (0.07, 0.09)
            assert vendor.submit_count == 0
            start = await begin(world, shown_rate_usd=0.09)
            await world.end(start.run_id)

    asyncio.run(story())
    assert vendor.submit_count == 1


def test_without_a_token_there_is_no_price(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor, token=None) as world:
            return await world.runner.quote(5.0)

    assert asyncio.run(story()).needs_token
    assert vendor.seen == []


def test_the_length_is_taken_from_what_is_known_before_it_is_measured(open_world):
    async def story():
        async with open_world() as world:
            inputs = world.inputs()
            found = {"video": {"facts": {"duration_s": 10.0}}}
            known = replace(inputs, findings=found), replace(inputs, duration_s=2.0, findings=found)
            starts = [
                await world.runner.begin(known[0], engine=EngineName.KLING, visitor="ann"),
                await world.runner.begin(known[1], engine=EngineName.KLING, visitor="ben"),
            ]
            return await world.end(starts[0].run_id), await world.end(starts[1].run_id, "ben")

    first, second = asyncio.run(story())
    assert (first.estimate_usd, second.estimate_usd) == (pytest.approx(0.7), pytest.approx(0.14))


def test_a_budget_blocks_before_anything_is_sent(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor, budget_session_usd=1.0) as world:
            for name in ("one", "two"):
                await world.end(await world.kling(prompt=name))
            with pytest.raises(BudgetError) as caught:
                await world.kling(prompt="three")
            refusal = caught.value.refusal
            assert (refusal.limit, refusal.limit_usd) == (BudgetLimit.SESSION, 1.0)
            assert (refusal.estimate_usd, refusal.left_usd) == (pytest.approx(0.35), pytest.approx(0.3))
            preview = await world.end(await world.start(prompt="three"))
            other = await world.end(await world.kling(prompt="three", visitor="ben"), "ben")
            return preview, other, await world.runner.history("ann")

    preview, other, history = asyncio.run(story())
    assert preview.state is other.state is RunState.COMPLETED
    assert [view.choice.prompt for view in history] == ["three", "two", "one"]
    assert vendor.submit_count == 3


def test_the_day_is_everybodys_and_runs_at_once_cannot_overdraw_it(open_world, make_vendor):
    vendor = make_vendor(statuses=[httpx.Response(200, json={"request_id": "req-1", "status": "in_progress"})])

    async def story():
        async with open_world(vendor, budget_day_usd=1.0) as world:
            requests = [world.kling(prompt=f"wish {n}", visitor=f"visitor {n}") for n in range(6)]
            outcomes = await asyncio.gather(*requests, return_exceptions=True)
            for n, run_id in enumerate(outcomes):
                if isinstance(run_id, str):
                    await world.until(run_id, RunState.IN_PROGRESS, visitor=f"visitor {n}")
            return [outcome for outcome in outcomes if isinstance(outcome, RunError)]

    refusals = asyncio.run(story())
    assert len(refusals) == 4
    assert {in_words(error).message for error in refusals} == {
        "This run would cost about $0.35, but of the budget of $1.00 for today $0.30 is left. Nothing was sent."
    }
    assert vendor.submit_count == 2


def test_a_run_of_unknown_outcome_counts_with_its_estimate(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")])

    async def story():
        async with open_world(vendor, budget_day_usd=0.5) as world:
            view = await world.end(await world.kling())
            with pytest.raises(BudgetError):
                await world.kling(prompt="another")
            return view, await world.runner.spending("ann")

    view, spending = asyncio.run(story())
    assert view.state is RunState.UNKNOWN
    assert run_words(view).cost == "It is not known whether it is charged; about $0.35 was expected."
    assert spending.day_usd == pytest.approx(0.35)


def test_with_a_budget_a_run_of_unknown_price_is_not_sent(open_world, make_vendor):
    vendor = make_vendor(prices=[httpx.Response(503)])

    async def story():
        async with open_world(vendor, budget_day_usd=5.0) as world:
            with pytest.raises(BudgetError) as caught:
                await world.kling()
            assert caught.value.refusal.limit is BudgetLimit.NO_PRICE

    asyncio.run(story())
    assert vendor.submit_count == 0


def test_the_same_inputs_again_give_the_result_that_is_there(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            assert await world.runner.already(world.inputs(), engine=EngineName.KLING, visitor="ann") is None
            first = await begin(world)
            under_way = await begin(world)
            await world.end(first.run_id)
            found = await world.runner.already(world.inputs(), engine=EngineName.KLING, visitor="ann")
            second = await begin(world)
            other = await world.runner.already(world.inputs("else"), engine=EngineName.KLING, visitor="ann")
            again = await begin(world, again=True)
            await world.end(again.run_id)
            (world.folder / "data" / "runs" / again.run_id / "result.mp4").unlink()
            (world.folder / "data" / "runs" / first.run_id / "result.mp4").unlink()
            anew = await begin(world)
            await world.end(anew.run_id)
            return first, under_way, found, second, other, again, anew

    first, under_way, found, second, other, again, anew = asyncio.run(story())
    assert first.is_new
    assert (under_way.run_id, under_way.is_new) == (first.run_id, False)
    assert under_way.code is StartCode.SAME_OPEN
    assert found.run_id == second.run_id == first.run_id
    assert second.code is StartCode.SAME_PAID_RESULT
    assert other is None
    assert again.is_new
    assert anew.is_new, "a result that is gone is no result"
    assert len({first.run_id, again.run_id, anew.run_id}) == 3
    assert vendor.submit_count == 3


def test_the_same_inputs_after_an_unknown_outcome_are_not_sent_by_themselves(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow"), httpx.Response(200, json={"request_id": "req-2"})])

    async def story():
        async with open_world(vendor) as world:
            first = await begin(world)
            await world.end(first.run_id)
            second = await begin(world)
            both = await asyncio.gather(begin(world, again=True), begin(world, again=True))
            return first, second, both

    first, second, both = asyncio.run(story())
    assert second.run_id == first.run_id
    assert second.code is StartCode.SAME_UNKNOWN
    assert both[0].run_id == both[1].run_id != first.run_id
    assert sorted(start.is_new for start in both) == [False, True], "a double click on run again makes one run"


def test_a_run_is_paid_with_the_token_that_it_was_sent_with_whoever_follows_it_on(open_world, make_vendor):
    in_progress = httpx.Response(200, json={"request_id": "req-1", "status": "in_progress"})
    done = httpx.Response(200, json={"request_id": "req-1", "status": "completed"})
    vendor = make_vendor(statuses=[in_progress, *[refused(401, 400004)] * (REFUSALS_MAX + 1), done])

    async def story():
        async with open_world(vendor, budget_day_usd=0.5) as world:
            waiting = await world.end(await world.kling())
            payers = [await world.runner.spending("ann")]
            with pytest.raises(BudgetError) as caught:
                await world.kling(prompt="another", visitor="ben")
            assert caught.value.refusal.left_usd == pytest.approx(0.15)
            assert await world.runner.resume("ann", VISITORS) == [waiting.run_id]
            view = await world.end(waiting.run_id)
            payers.append(await world.runner.spending("ann"))
            return waiting, view, payers, await world.runner.spending("ann", own_token=True)

    waiting, view, payers, own = asyncio.run(story())
    assert waiting.needs_token
    assert view.state is RunState.COMPLETED
    assert [payer.payer_day_usd for payer in payers] == [pytest.approx(0.35)] * 2
    assert own == Spending()


@pytest.mark.parametrize("sent_with", [None, VISITORS], ids=["the app's token", "the visitor's"])
def test_a_run_that_is_recovered_with_another_token_counts_with_its_own(open_world, make_vendor, sent_with):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling(token=sent_with)
            await world.end(run_id)
            await world.runner.recover("req-1", visitor="ann", run_id=run_id, token=None if sent_with else VISITORS)
            view = await world.end(run_id)
            return view, [(await world.runner.spending("ann", own_token=own)).day_usd for own in (False, True)]

    view, spent = asyncio.run(story())
    assert view.state is RunState.COMPLETED
    assert spent == ([0.0, pytest.approx(0.35)] if sent_with else [pytest.approx(0.35), 0.0])


def test_a_run_on_the_apps_token_is_not_followed_with_a_visitors_while_that_will_do(open_world, make_vendor):
    in_progress = httpx.Response(200, json={"request_id": "req-1", "status": "in_progress"})
    vendor = make_vendor(statuses=[in_progress])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            await world.until(run_id, RunState.IN_PROGRESS)
        vendor.statuses.append(httpx.Response(200, json={"request_id": "req-1", "status": "completed"}))
        async with open_world(vendor, take_over=False) as world:
            seen = len(vendor.seen)
            assert await world.runner.resume("ann", VISITORS) == [run_id]
            await world.end(run_id)
            return [request.headers.get("authorization", "") for request in vendor.seen[seen:]]

    assert not any(VISITORS.get_secret_value() in sent for sent in asyncio.run(story()))
