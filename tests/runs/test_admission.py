"""What is let in: quotas of the day and the pause, over a real ledger, with many at once and in several processes."""

import asyncio
import threading

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.pauses import Pause, PausedError, PauseScope
from kling_ui.quotas import (
    DailyQuota,
    DailyQuotaError,
    DailyQuotas,
    QuotaKeys,
    QuotaMeasure,
    QuotaScope,
    Usage,
    UsageClaim,
)
from kling_ui.runs.admission import BLOCK_BYTES, Admission, read_pause, set_pause
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, RunState, Terms

ANN, BOB, EVE = (QuotaKeys(f"hf:{name}", f"ip:{address}") for name, address in (("ann", 1), ("bob", 1), ("eve", 2)))
NOON = 20_000 * 86_400.0 + 43_200.0
MIDNIGHT = 20_001 * 86_400.0
TYPED = SecretStr("typed-token-0123456789")
PREVIEW = Usage(previews=1)


def terms(keys=ANN, **more):
    return Terms(payer=keys.visitor, address=keys.address.removeprefix("ip:"), **more)


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A ledger on each of the databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return request.getfixturevalue("new_postgresql")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admitting(url, clock):
    """Runs a test with what several processes hold against the same ledger."""

    def run(work, *, count=1, pause=None, **quotas):
        async def opened():
            ledgers = [Ledger(url) for _ in range(count)]
            try:
                await work(*(Admission(ledger, DailyQuotas(**quotas), pause, clock) for ledger in ledgers))
            finally:
                for ledger in ledgers:
                    await ledger.aclose()

        asyncio.run(opened())

    return run


# --- counting ---------------------------------------------------------------------------------------------------------


def test_of_many_at_once_in_several_processes_just_so_many_are_let_in(url):
    Store(url).close()
    claim = UsageClaim(keys=ANN, asked=PREVIEW, quotas=DailyQuotas(visitor=DailyQuota(previews=25)))
    let_in, refused, gate = [], [], threading.Barrier(8)

    def ask():
        store = Store(url)
        gate.wait()
        for _ in range(8):
            try:
                with store.usage() as usage:
                    usage.take(claim, NOON)
                let_in.append(1)
            except DailyQuotaError:
                refused.append(1)
        store.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(let_in), len(refused)) == (25, 39)


@pytest.mark.parametrize(
    ("scope", "let_in"),
    [
        (QuotaScope.VISITOR, [True, True, False, True, True]),
        (QuotaScope.ADDRESS, [True, True, False, False, True]),
        (QuotaScope.TOTAL, [True, True, False, False, False]),
    ],
)
def test_each_scope_counts_its_own(admitting, scope, let_in):
    async def work(admission):
        refusals = []
        for keys in (ANN, ANN, ANN, BOB, EVE):
            refusals.append(await admission.refusal(keys, PREVIEW))
            if refusals[-1] is None:
                await admission.take(keys, PREVIEW)
        assert [refusal is None for refusal in refusals] == let_in
        assert {refusal.refusal.scope for refusal in refusals if refusal} == {scope}

    admitting(work, **{scope.value: DailyQuota(previews=2)})


def test_what_one_process_took_the_others_know_and_a_restart_forgets_nothing(admitting):
    quotas = {"visitor": DailyQuota(uploads=2)}

    async def together(one, other):
        await one.take(ANN, Usage(uploads=1))
        await other.take(ANN, Usage(uploads=1))
        assert isinstance(await one.refusal(ANN, Usage(uploads=1)), DailyQuotaError)

    async def afterwards(admission):
        with pytest.raises(DailyQuotaError):
            await admission.take(ANN, Usage(uploads=1))
        assert await admission.refusal(BOB, Usage(uploads=1)) is None

    admitting(together, count=2, **quotas)
    admitting(afterwards, **quotas)


def test_at_midnight_utc_the_day_begins_anew_and_old_days_are_forgotten(admitting, clock, url):
    async def work(admission):
        clock.now = MIDNIGHT - 1
        await admission.take(ANN, PREVIEW)
        refusal = await admission.refusal(ANN, PREVIEW)
        assert refusal.refusal.lifts_in_s == 1.0
        clock.now = MIDNIGHT
        await admission.take(ANN, PREVIEW)
        assert len(_rows(url)) == 2, "clocks of two processes differ"
        clock.now = MIDNIGHT + 86_400
        await admission.forget()
        assert [row[0] for row in _rows(url)] == [20_001]

    admitting(work, visitor=DailyQuota(previews=1))


def _rows(url):
    store = Store(url)
    with store._database.begin() as connection:
        rows = connection.exec_driver_sql("SELECT day, visitor, address FROM usage ORDER BY day").all()
    store.close()
    return rows


def test_nothing_is_written_where_nothing_is_limited(admitting, url):
    async def work(admission):
        await admission.take(ANN, PREVIEW)
        async with admission.upload(ANN, 100) as allowance:
            await allowance.take(100)
        assert _rows(url) == []

    admitting(work)


def test_what_a_day_takes_is_one_row_for_each_visitor_and_address(admitting, url):
    async def work(admission):
        for _ in range(3):
            await admission.take(ANN, PREVIEW)
            await admission.take(BOB, Usage(uploads=1))
        assert [(row[1], row[2]) for row in sorted(_rows(url))] == [("hf:ann", "ip:1"), ("hf:bob", "ip:1")]

    admitting(work, total=DailyQuota(runs=1))


# --- uploads ----------------------------------------------------------------------------------------------------------


def test_what_was_announced_and_did_not_come_is_given_back(admitting):
    async def work(admission):
        async with admission.upload(ANN, 800) as allowance:
            await allowance.take(300)
            assert isinstance(await admission.refusal(ANN, Usage(size_bytes=300)), DailyQuotaError), "it is reserved"
        assert await admission.refusal(ANN, Usage(size_bytes=700)) is None
        refusal = await admission.refusal(ANN, Usage(size_bytes=701))
        assert (refusal.refusal.measure, refusal.refusal.used) == (QuotaMeasure.SIZE_BYTES, 300)
        assert isinstance(await admission.refusal(ANN, Usage(uploads=2)), DailyQuotaError), "it counts as one"

    admitting(work, visitor=DailyQuota(size_bytes=1000, uploads=2))


def test_an_upload_that_was_refused_before_anything_came_is_not_counted(admitting):
    async def work(admission):
        with pytest.raises(ZeroDivisionError):
            async with admission.upload(ANN, 800):
                raise ZeroDivisionError
        assert await admission.refusal(ANN, Usage(uploads=1, size_bytes=1000)) is None

    admitting(work, visitor=DailyQuota(size_bytes=1000, uploads=1))


def test_an_upload_that_announced_nothing_is_counted_while_it_comes(admitting):
    async def work(admission):
        async with admission.upload(ANN, 0) as allowance:
            await allowance.take(BLOCK_BYTES)
            await allowance.take(BLOCK_BYTES)
            with pytest.raises(DailyQuotaError):
                await allowance.take(BLOCK_BYTES)
        assert allowance.came_bytes == 2 * BLOCK_BYTES
        assert isinstance(await admission.refusal(ANN, Usage(size_bytes=BLOCK_BYTES)), DailyQuotaError)

    admitting(work, visitor=DailyQuota(size_bytes=2.5 * BLOCK_BYTES))


def test_the_last_bytes_of_a_day_can_be_had(admitting):
    async def work(admission):
        async with admission.upload(ANN, 0) as allowance:
            await allowance.take(1000)
            with pytest.raises(DailyQuotaError):
                await allowance.take(1)

    admitting(work, visitor=DailyQuota(size_bytes=1000))


# --- the pause --------------------------------------------------------------------------------------------------------


def test_a_pause_holds_at_once_in_every_process_until_it_is_ended(admitting, url):
    async def work(one, other):
        ledger = Ledger(url)
        assert await read_pause(ledger) is None
        await set_pause(ledger, Pause(PauseScope.PAID, "Back on Monday."))
        for admission in (one, other):
            refusal = await admission.refusal(ANN, Usage(runs=1), is_paid=True)
            assert refusal.pause.message == "Back on Monday."
            assert await admission.refusal(ANN, PREVIEW) is None
        await set_pause(ledger, Pause(PauseScope.ALL))
        with pytest.raises(PausedError):
            await one.take(ANN, PREVIEW)
        await set_pause(ledger, None)
        await other.take(ANN, PREVIEW)
        await ledger.aclose()

    admitting(work, count=2)


def test_a_pause_with_an_end_ends_by_itself(admitting, clock, url):
    async def work(admission):
        ledger = Ledger(url)
        await set_pause(ledger, Pause(PauseScope.ALL, until=NOON + 60))
        assert (await admission.refusal(ANN, PREVIEW)).ends_in_s == 60.0
        clock.now += 60
        assert await admission.refusal(ANN, PREVIEW) is None
        await ledger.aclose()

    admitting(work)


def test_the_setting_holds_whatever_the_ledger_says(admitting):
    async def work(admission):
        assert isinstance(await admission.refusal(ANN, PREVIEW), PausedError)

    admitting(work, pause=Pause(PauseScope.ALL))


# --- runs -------------------------------------------------------------------------------------------------------------


def quotas(**limits):
    return DailyQuotas(visitor=DailyQuota(**limits))


def test_previews_are_counted_as_they_are_begun_and_found_ones_are_not(open_world):
    async def story():
        async with open_world(quotas=quotas(previews=2)) as world:
            first = await world.start(terms=terms())
            assert await world.start(terms=terms()) == first, "the same preview"
            await world.start(terms=terms(), prompt="Another")
            with pytest.raises(DailyQuotaError):
                await world.start(terms=terms(), prompt="A third")
            assert await world.start(terms=terms()) == first, "what is there is still found"
            await world.start(terms=terms(EVE), visitor="eve")
            kept = [folder for folder in (world.folder / "data" / "runs").iterdir() if folder.name[0] != "."]
            assert len(kept) == 3, "nothing of a refused one is left"

    asyncio.run(story())


def test_many_paid_runs_at_once_never_pass_the_quota(open_world, make_vendor):
    async def story():
        vendor = make_vendor()
        async with open_world(vendor, quotas=quotas(runs=3)) as world:
            asked = [world.kling(terms=terms(), prompt=f"Number {number}") for number in range(10)]
            came = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(one) for one in came if isinstance(one, Exception)] == [DailyQuotaError] * 7
            for run_id in [one for one in came if isinstance(one, str)]:
                await world.end(run_id)
            assert vendor.submit_count == 3

    asyncio.run(story())


def test_another_id_of_the_browser_has_no_quota_of_its_own(open_world):
    async def story():
        async with open_world(quotas=quotas(runs=1)) as world:
            await world.kling(terms=terms(), visitor="ann")
            with pytest.raises(DailyQuotaError):
                await world.kling(terms=terms(), visitor="made up")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("limits", "measure"),
    [({"seconds": 9}, QuotaMeasure.SECONDS), ({"usd": 0.69}, QuotaMeasure.USD)],
    ids=["seconds", "dollars"],
)
def test_seconds_and_dollars_of_the_app_are_counted(open_world, limits, measure):
    async def story():
        async with open_world(quotas=quotas(**limits)) as world:  # a run takes 5 s and $0.35
            await world.kling(terms=terms())
            with pytest.raises(DailyQuotaError) as refused:
                await world.kling(terms=terms(), prompt="Another")
            assert refused.value.refusal.measure is measure

    asyncio.run(story())


def test_what_visitors_pay_themselves_takes_none_of_the_apps_dollars(open_world):
    async def story():
        async with open_world(quotas=quotas(usd=0, seconds=100)) as world:
            await world.kling(terms=terms(), token=TYPED)
            with pytest.raises(DailyQuotaError):
                await world.kling(terms=terms(), prompt="Another")

    asyncio.run(story())


def test_dollars_that_were_not_charged_are_free_again(open_world, make_vendor):
    async def story():
        vendor = make_vendor()
        vendor.submits.insert(0, httpx.Response(422, json={"error_message": "no"}))
        async with open_world(vendor, quotas=quotas(usd=0.4)) as world:
            view = await world.end(await world.kling(terms=terms()))
            assert view.state is RunState.FAILED
            await world.kling(terms=terms(), prompt="Another")
            with pytest.raises(DailyQuotaError):
                await world.kling(terms=terms(), prompt="A third")

    asyncio.run(story())


def test_a_price_that_is_not_known_keeps_a_quota_in_dollars_shut(open_world, make_vendor):
    async def story():
        vendor = make_vendor(prices=[httpx.Response(503)])
        async with open_world(vendor, quotas=quotas(usd=5)) as world:
            with pytest.raises(DailyQuotaError) as refused:
                await world.kling(terms=terms())
            assert refused.value.refusal.asked is None
            assert vendor.submit_count == 0

    asyncio.run(story())


def test_the_next_day_more_runs_may_be_begun(open_world):
    async def story():
        async with open_world(quotas=quotas(runs=1)) as world:
            await world.kling(terms=terms())
        async with open_world(quotas=quotas(runs=1), ahead_s=86_400.0) as tomorrow:
            await tomorrow.kling(terms=terms(), prompt="Another")

    asyncio.run(story())


def test_a_pause_stops_what_is_new_and_what_was_begun_goes_on(open_world, make_vendor):
    async def story():
        vendor = make_vendor()
        async with open_world(vendor) as world:
            world.painter.go.clear()
            preview, paid = await world.start(), await world.kling()
            await set_pause(world.context.ledger, Pause(PauseScope.ALL))
            for engine in EngineName:
                with pytest.raises(PausedError):
                    await world.start(engine, prompt="Another")
            assert await world.kling() == paid, "the same run is found"
            world.painter.go.set()
            for run_id in (preview, paid):
                view = await world.end(run_id)
                assert view.state is RunState.COMPLETED
                assert view.result.is_file()
            assert vendor.submit_count == 1
            await set_pause(world.context.ledger, None)
            await world.start(prompt="Another")

    asyncio.run(story())


def test_a_pause_of_paid_runs_stops_those_with_a_token_of_ones_own_too(open_world, make_vendor):
    async def story():
        vendor = make_vendor()
        async with open_world(vendor, pause=Pause(PauseScope.PAID)) as world:
            for token in (None, TYPED):
                with pytest.raises(PausedError):
                    await world.kling(token=token)
            await world.start()
            assert vendor.submit_count == 0

    asyncio.run(story())


def test_whoever_has_the_machine_is_one_visitor(open_world):
    async def story():
        async with open_world(quotas=quotas(previews=1)) as world:
            await world.start(visitor="the page")
            with pytest.raises(RunError):
                await world.start(visitor="the command line")

    asyncio.run(story())
