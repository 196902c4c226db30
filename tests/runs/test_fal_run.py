"""Runs through fal, against a server that speaks its documented queue and platform API."""

import asyncio
import json
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.api import fal
from kling_ui.errors import RunError, SettingsError
from kling_ui.options import TransferOptions
from kling_ui.presentation.model_sentences import engine_label
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.runs.outcomes import CancelCode
from kling_ui.runs.record import EngineName, RunInputs, RunState, Terms

KEY = "fal-key-id:fal-key-secret-0123456789"
MODEL = "fal-ai/kling-video/v3/pro/motion-control"
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(range(256)) * 40
FIELDS = {
    "prompt": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "image_url": {"type": "string"},
    "video_url": {"type": "string"},
    "keep_original_sound": {"type": "boolean"},
    "character_orientation": {"type": "string", "enum": ["image", "video"]},
}
ELEMENTS = {"elements": {"type": "array", "items": {"$ref": "#/components/schemas/Element"}}}


def answer(code=200, /, **body):
    return httpx.Response(code, json=body)


@dataclass
class FalServer(httpx.AsyncBaseTransport):
    """Plays fal; every list of answers is used up, its last one repeats."""

    submits: list = field(default_factory=lambda: [answer(request_id="fal-1", status="IN_QUEUE", queue_position=1)])
    statuses: list = field(
        default_factory=lambda: [
            answer(202, status="IN_QUEUE", queue_position=2),
            answer(202, status="IN_PROGRESS", logs=None),
            answer(status="COMPLETED", metrics={"inference_time": 61.0}),
        ]
    )
    results: list = field(
        default_factory=lambda: [answer(video={"url": "https://v3b.fal.media/files/b/out.mp4", "file_size": 1})]
    )
    cancels: list = field(default_factory=lambda: [answer(202, status="CANCELLATION_REQUESTED")])
    fields: dict = field(default_factory=lambda: dict(FIELDS))
    required: list = field(default_factory=lambda: ["image_url", "video_url", "character_orientation"])
    currency: str = "USD"
    seen: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request):
        await request.aread()
        self.seen.append(request)
        found = self.answer(request)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    def answer(self, request):
        host, path = request.url.host, request.url.path
        if host == "v3b.fal.media":
            return httpx.Response(200, content=VIDEO)
        if host == "api.fal.ai":
            return self.platform(path, request.url.params.get_list("endpoint_id"))
        assert host == "queue.fal.run", f"{host} was asked"
        if request.method == "POST":
            return _next(self.submits)
        assert path.startswith("/fal-ai/kling-video/requests/fal-1"), path
        if request.method == "PUT":
            assert path.endswith("/cancel")
            return _next(self.cancels)
        return _next(self.statuses if path.endswith("/status") else self.results)

    def platform(self, path, ids):
        if path == "/v1/models/pricing":
            rate = {"unit_price": 0.126, "unit": "seconds", "currency": self.currency}
            return answer(prices=[{"endpoint_id": name} | rate for name in ids], has_more=False)
        return answer(models=[self.card(name) for name in ids], has_more=False)

    def card(self, name):
        schemas = {
            "MotionInput": {"type": "object", "properties": self.fields, "required": self.required},
            "Element": {"type": "object"},
            "Other": {"type": "object"},
        }
        body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/MotionInput"}}}}
        openapi = {"paths": {f"/{name}": {"post": {"requestBody": body}}}, "components": {"schemas": schemas}}
        return {"endpoint_id": name, "metadata": {"display_name": "Kling Motion Control"}, "openapi": openapi}

    @property
    def submits_seen(self):
        return [request for request in self.seen if request.method == "POST"]


def _next(answers):
    return answers.pop(0) if len(answers) > 1 else answers[0]


async def started(world, *, model=MODEL, **more):
    inputs = RunInputs(image=world.image, video=world.video, choice=TransferOptions("A robot", model=model))
    return await world.runner.start(inputs, engine=EngineName.KLING, visitor="ann", **more)


def run_once(open_world, server, **more):
    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            return await world.end(await started(world, **more))

    return asyncio.run(story())


def test_a_run_through_fal_from_two_files_to_a_kept_result(open_world):
    server = FalServer()
    view = run_once(open_world, server)
    assert (view.state, view.request_id, view.estimate_usd) == (RunState.COMPLETED, "fal-1", pytest.approx(0.63))
    assert view.result.read_bytes() == VIDEO
    assert engine_label(view.engine, view.choice) == f"Kling, {MODEL}, through fal"
    assert "fal did not say what it cost" in run_words(view).cost
    [submit] = server.submits_seen
    assert str(submit.url) == f"https://queue.fal.run/{MODEL}"
    assert submit.headers["x-fal-no-retry"] == "1"
    body = json.loads(submit.content)
    assert (body["prompt"], body["character_orientation"], body["keep_original_sound"]) == ("A robot", "video", True)
    assert body["image_url"].startswith("data:image/png;base64,")
    keys = {request.headers.get("Authorization") for request in server.seen if request.url.host != "v3b.fal.media"}
    assert keys == {f"Key {KEY}"}
    assert "Authorization" not in server.seen[-1].headers
    assert view.schema_sha256


def test_no_token_of_a_visitor_reaches_fal_and_the_apps_key_is_counted_as_the_apps_money(open_world):
    server, typed = FalServer(), SecretStr("visitor-token-0123456789")

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            run_id = await started(world, token=typed)
            await world.end(run_id)
            with pytest.raises(RunError, match="does not pay"):
                await started(world, token=typed, again=True, terms=Terms(app_token=False))
            record = await world.context.ledger.ask(lambda store: store.get(run_id))
            return record.visitor_pays, record.own_token, await world.runner.spending("ann")

    pays, own, spending = asyncio.run(story())
    assert (pays, own, spending.session_usd) == (False, False, pytest.approx(0.63))
    assert all(typed.get_secret_value() not in str(request.headers) for request in server.seen)


def test_without_a_key_nothing_is_sent(open_world):
    server = FalServer()

    async def story():
        async with open_world(server) as world:
            with pytest.raises(RunError, match="KLING_UI_FAL_KEY"):
                await started(world)

    asyncio.run(story())
    assert server.seen == []


@pytest.mark.parametrize("model", ["fal-ai/flux/dev", "fal-ai/kling-video/v2.6/pro/image-to-video", "x/y", "../x"])
def test_only_models_of_motion_control_are_taken(open_world, model):
    server = FalServer()

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            with pytest.raises(SettingsError):
                await started(world, model=model)

    asyncio.run(story())
    assert server.seen == []


@pytest.mark.parametrize(
    ("submit", "state", "words"),
    [
        (httpx.ConnectError("refused"), RunState.FAILED, "No connection"),
        (httpx.ReadTimeout("slow"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.ReadError("reset"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.Response(502, text="<html>"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.Response(408, json={}), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.Response(200, text="x"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (answer(401, detail="Invalid Key"), RunState.FAILED, "did not accept the token"),
        (answer(403, detail="User is locked. Reason: Exhausted balance."), RunState.FAILED, "no balance"),
        (answer(422, detail=[{"loc": ["body"], "msg": "odd", "type": "x"}]), RunState.FAILED, ""),
        (answer(429, detail="Too many"), RunState.FAILED, "busy"),
    ],
)
def test_a_submit_is_never_repeated_and_a_doubtful_one_is_called_so(open_world, submit, state, words):
    server = FalServer(submits=[submit])
    view = run_once(open_world, server)
    assert view.state is state
    assert words in f"{run_words(view).sentence} {view.raw_error}"
    assert len(server.submits_seen) == 1
    assert KEY not in f"{run_words(view)} {view.raw_error}"


def test_a_doubtful_run_is_settled_by_its_request_id(open_world):
    server = FalServer(submits=[httpx.ReadTimeout("slow")])

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            run_id = await started(world)
            await world.end(run_id)
            start = await world.runner.recover("fal-1", visitor="ann", run_id=run_id)
            assert start.run_id == run_id
            return await world.end(run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED
    assert len(server.submits_seen) == 1


def test_a_run_that_a_process_left_is_followed_on_and_never_sent_again(open_world):
    server = FalServer(statuses=[answer(202, status="IN_PROGRESS")])

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            run_id = await started(world)
            await world.until(run_id, RunState.IN_PROGRESS)
        server.statuses = [answer(status="COMPLETED")]
        async with open_world(server, fal_key=SecretStr(KEY), ahead_s=60.0) as world:
            await world.runner.take_over()
            return await world.end(run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED
    assert len(server.submits_seen) == 1


@pytest.mark.parametrize(
    ("changes", "raw"),
    [
        (
            {"statuses": [answer(status="COMPLETED", error="Runner died", error_type="runner_disconnected")]},
            "Runner died",
        ),
        (
            {"results": [answer(422, detail=[{"loc": ["body", "image_url"], "msg": "No person", "input": "secret"}])]},
            "No",
        ),
        ({"results": [answer(detail="Failure to pass the risk control system")]}, "risk control"),
    ],
)
def test_a_failure_is_told_in_fals_own_words(open_world, changes, raw):
    view = run_once(open_world, FalServer(**changes))
    assert view.state is RunState.FAILED
    assert raw in view.raw_error
    assert "secret" not in view.raw_error
    assert "RunComfy" not in str(run_words(view))


def test_reads_that_fail_for_now_are_repeated(open_world):
    statuses = [httpx.ReadError("reset"), answer(503), answer(202, status="IN_PROGRESS"), answer(status="COMPLETED")]
    results = [answer(503), answer(video={"url": "https://v3b.fal.media/files/b/out.mp4"})]
    assert run_once(open_world, FalServer(statuses=statuses, results=results)).state is RunState.COMPLETED


def test_a_result_on_a_foreign_host_is_not_fetched(open_world):
    server = FalServer(results=[answer(video={"url": "https://fal.media.evil.example/x.mp4"})])
    view = run_once(open_world, server)
    assert view.state is RunState.FAILED
    assert "evil" not in str([request.url for request in server.seen])


@pytest.mark.parametrize(
    ("cancel", "code"),
    [
        (answer(202, status="CANCELLATION_REQUESTED"), CancelCode.GOES_ON),
        (answer(400, status="ALREADY_COMPLETED"), CancelCode.ENDED_AT_ENGINE),
        (answer(404, status="NOT_FOUND"), CancelCode.NOT_KNOWN),
    ],
)
def test_a_cancel_says_no_more_than_is_known(open_world, cancel, code):
    server = FalServer(statuses=[answer(202, status="IN_PROGRESS")], cancels=[cancel])

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            run_id = await started(world)
            await world.until(run_id, RunState.IN_PROGRESS)
            return (await world.runner.cancel(run_id, "ann")).code

    assert asyncio.run(story()) is code


def test_a_request_that_never_ran_is_cancelled(open_world):
    server = FalServer(statuses=[answer(202, status="IN_QUEUE", queue_position=3)], cancels=[answer(status="OK")])

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            run_id = await started(world)
            await world.until(run_id, RunState.IN_QUEUE)
            await world.runner.cancel(run_id, "ann")
            return await world.end(run_id)

    assert asyncio.run(story()).state is RunState.CANCELLED


def test_fals_models_are_listed_beside_those_of_runcomfy_and_a_new_field_is_shown(open_world):
    server = FalServer(fields=FIELDS | ELEMENTS)
    vendor = server.answer

    def both(request):
        if request.url.host == "api.example":
            return answer(base_price_usd=0.07, price_unit="second")
        return vendor(request)

    server.answer = both

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            offers = await world.runner.models()
            await world.end(await started(world))
            return offers, await world.runner.models()

    offers, later = asyncio.run(story())
    assert [offer.model_id for offer in offers] == ["kling/kling-2-6/motion-control-standard", *fal.MODELS]
    assert [offer.quote.rate_usd for offer in offers] == [0.07, *[0.126] * 4]
    told = next(offer for offer in offers if offer.model_id == MODEL).quote
    assert [(change.name, change.stops) for change in told.changes] == [("elements", False)]
    assert list(told.schema.fields["components"]["schemas"]) == ["Element"]
    assert next(offer for offer in later if offer.model_id == MODEL).quote.changes == ()


def test_a_field_that_has_become_required_stops_a_run_before_money_is_spent(open_world):
    server = FalServer(fields=FIELDS | ELEMENTS, required=["elements"])

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY)) as world:
            with pytest.raises(RunError) as refused:
                await started(world)
            return str(in_words(refused.value)), await world.runner.history("ann")

    words, runs = asyncio.run(story())
    assert "“elements” is new (array) and required" in words
    assert "Nothing was sent." in words
    assert (runs, server.submits_seen) == ([], [])


def test_a_price_in_another_currency_is_none(open_world):
    server = FalServer(currency="EUR")

    async def story():
        async with open_world(server, fal_key=SecretStr(KEY), budget_day_usd=5.0) as world:
            with pytest.raises(RunError):
                await started(world)

    asyncio.run(story())
    assert server.submits_seen == []
