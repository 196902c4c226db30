"""What RunComfy's listing and its live schemas decide, against the scripted vendor."""

import asyncio
import json

import httpx
import pytest

from kling_ui.errors import AuthenticationError, RunError
from kling_ui.options import TransferOptions
from kling_ui.presentation.model_sentences import offer_words
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.runs.record import EngineName, RunInputs, RunState

STANDARD, PRO = (f"kling/kling-2-6/motion-control-{tier}" for tier in ("standard", "pro"))
TEXT = {"type": "string"}
FIELDS = {"prompt": TEXT, "image_url": TEXT, "video_url": TEXT, "character_orientation": TEXT}
FIELDS |= {"keep_original_sound": {"type": "boolean"}}


def card(model_id=STANDARD, rate=0.07, fields=FIELDS, required=("prompt",)):
    schema = {"type": "object", "properties": fields, "required": list(required)}
    about = {"model_id": model_id, "display_name": model_id.rpartition("-")[2].title(), "input_schema": schema}
    return about | {"base_price_usd": rate, "price_unit": "second"}


def ok(body):
    return httpx.Response(200, json=body)


def listing(*cards):
    other = card("other/text-to-video")
    return ok({"models": [other, *cards, {"model_id": 3}, None], "total": 2, "limit": 100, "offset": 0})


async def started(world, model="", **more):
    inputs = RunInputs(image=world.image, video=world.video, choice=TransferOptions("A robot", model=model))
    return await world.runner.start(inputs, engine=EngineName.KLING, visitor="ann", **more)


def offers_of(open_world, vendor, **more):
    async def story():
        async with open_world(vendor) as world:
            return await world.runner.models(**more)

    return asyncio.run(story())


def test_standard_and_pro_stand_beside_each_other_with_their_prices(open_world, make_vendor):
    vendor = make_vendor(prices=[listing(card(PRO, 0.112), card())])
    offers = offers_of(open_world, vendor)
    assert [(one.model_id, one.name, one.quote.rate_usd) for one in offers] == [
        (STANDARD, "Standard", 0.07),
        (PRO, "Pro", 0.112),
    ]
    assert [one.is_usual for one in offers] == [True, False]
    assert offer_words(offers[1]) == f"{PRO}: Pro, through RunComfy, $0.11 a second."
    [asked] = vendor.seen
    assert (asked.url.path, asked.url.params["search"]) == ("/v1/models", "motion-control")


def test_a_listing_without_prices_is_filled_from_the_cards(open_world, make_vendor):
    vendor = make_vendor(prices=[listing({"model_id": PRO}), ok(card()), ok(card(PRO, 0.112))])
    assert [one.quote.rate_usd for one in offers_of(open_world, vendor)] == [0.07, 0.112]


@pytest.mark.parametrize("answer", [httpx.Response(404, json={"error_code": 404001}), ok({"models": "x"}), ok({})])
def test_where_nothing_is_listed_the_usual_model_is_offered(open_world, make_vendor, answer):
    vendor = make_vendor(prices=[answer, ok(card())])
    assert [one.model_id for one in offers_of(open_world, vendor)] == [STANDARD]


def test_a_wrong_token_is_told(open_world, make_vendor):
    with pytest.raises(AuthenticationError):
        offers_of(open_world, make_vendor(prices=[httpx.Response(401, json={"error_code": 400004})]))


def test_a_run_on_pro_goes_there_and_is_another_run_than_one_on_standard(open_world, make_vendor):
    vendor = make_vendor(prices=[ok(card(PRO, 0.112)), ok(card())])

    async def story():
        async with open_world(vendor) as world:
            pro = await world.end(await started(world, PRO))
            standard = await world.end(await started(world, STANDARD))
            same = await started(world)
            records = [
                await world.context.ledger.ask(lambda store, run=run: store.get(run.run_id)) for run in (pro, standard)
            ]
            return pro, standard, same, records

    pro, standard, same, records = asyncio.run(story())
    assert [request.url.path for request in vendor.submits_seen] == [f"/v1/models/{PRO}", f"/v1/models/{STANDARD}"]
    assert (pro.state, pro.estimate_usd) == (RunState.COMPLETED, pytest.approx(0.56))
    assert same == standard.run_id, "the usual model by its name is the same request as without"
    assert [record.choice.model for record in records] == [PRO, ""]
    assert records[0].schema_sha256 == records[1].schema_sha256 == pro.schema_sha256
    assert len(pro.schema_sha256) == 64


def test_a_new_field_is_told_before_the_run_and_is_known_after_it(open_world, make_vendor):
    vendor = make_vendor(prices=[ok(card(fields=FIELDS | {"mode": TEXT}))])

    async def story():
        async with open_world(vendor) as world:
            before = await world.runner.quote(5.0)
            view = await world.end(await started(world))
            return before, view, await world.runner.quote(5.0)

    before, view, after = asyncio.run(story())
    assert [(change.name, change.stops) for change in before.changes] == [("mode", False)]
    assert "“mode” is new (string); this app does not send it." in run_words(view).price
    assert "mode" not in json.loads(vendor.submits_seen[0].content)
    assert after.changes == ()


def test_what_changes_after_a_run_is_told_against_that_run(open_world, make_vendor):
    gone = {name: told for name, told in FIELDS.items() if name != "keep_original_sound"}
    vendor = make_vendor(
        prices=[ok(card()), ok(card(fields=FIELDS | {"prompt": {"type": ["string", "null"]}})), ok(card(fields=gone))]
    )

    async def story():
        async with open_world(vendor) as world:
            await world.end(await started(world))
            quote = await world.runner.quote(5.0)
            with pytest.raises(RunError) as refused:
                await started(world, again=True)
            return quote, str(in_words(refused.value))

    quote, words = asyncio.run(story())
    assert [(change.name, change.was, change.now) for change in quote.changes] == [("prompt", "string", "null, string")]
    assert "“keep_original_sound” is gone" in words
    assert vendor.submit_count == 1


def test_a_card_without_a_schema_stops_nobody(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            return await world.end(await started(world))

    view = asyncio.run(story())
    assert (view.state, view.schema_sha256) == (RunState.COMPLETED, "")
