"""Our client and our service, each written against the contract, must understand each other."""

import asyncio
from dataclasses import replace

import pytest
from pydantic import SecretStr

from kling_ui.api.client import ModelAPI
from kling_ui.api.models import MotionRequest, Price, RequestState
from kling_ui.api.polling import EMBEDDED_POLLING
from kling_ui.api.result_hosts import trusted_result_url
from kling_ui.errors import APIStatusError, AuthenticationError, MediaError, RateLimitError
from kling_ui.options import Orientation

IMAGE = "data:image/png;base64,aQ=="
VIDEO = "data:video/mp4;base64,dg=="
REQUEST = MotionRequest("p", IMAGE, VIDEO, keep_original_sound=False, character_orientation=Orientation.IMAGE)
TOKEN = SecretStr("right-token-0123456789")


async def follow(api, request_id):
    async with asyncio.timeout(10):
        return [
            status
            async for status in api.follow(request_id, polling=EMBEDDED_POLLING, sleep=lambda _: asyncio.sleep(0.01))
        ]


def test_the_whole_story(in_house):
    async def use(house):
        api = ModelAPI(house.http, token=TOKEN)
        assert await api.price() == Price(0.0, "second", "Free: rendered on this machine.")
        submission = await api.submit(REQUEST)
        seen = await follow(api, submission.request_id)
        assert seen[-1].state is RequestState.COMPLETED
        result = await api.collect(submission.request_id)
        assert (result.state, result.cost_usd, result.error) == (RequestState.COMPLETED, 0.0, None)
        assert result.created_at is not None
        assert result.finished_at is not None
        assert result.created_at <= result.finished_at
        assert result.video_url is not None
        assert trusted_result_url(result.video_url, api.base_url)
        assert (await house.http.get(result.video_url)).content == b"i+v|image|False"

    in_house(use, token=TOKEN.get_secret_value())


def test_places_in_the_queue_and_cancelling(in_house):
    async def use(house):
        api = ModelAPI(house.http)
        running, cancelled, last = [(await api.submit(REQUEST)).request_id for _ in range(3)]
        places = [(await api.status(name)).queue_position for name in (running, cancelled, last)]
        assert places == [None, 0, 1]
        cancellation = await api.cancel(cancelled)
        assert (cancellation.cancelled, cancellation.state) == (True, RequestState.CANCELLED)
        again = await api.cancel(cancelled)
        assert (again.cancelled, again.state) == (False, RequestState.CANCELLED)
        goes_on = await api.cancel(running)
        assert (goes_on.cancelled, goes_on.state) == (False, RequestState.IN_PROGRESS)
        assert (await api.status(last)).queue_position == 0
        assert [status.state for status in await follow(api, cancelled)] == [RequestState.CANCELLED]
        assert (await api.collect(cancelled)).state is RequestState.CANCELLED
        house.pool.allowed.release()
        assert (await follow(api, running))[-1].state is RequestState.COMPLETED
        assert (await api.cancel(running)).state is RequestState.COMPLETED

    in_house(use, held=True)


def test_progress_arrives(in_house, wait_for):
    async def use(house):
        api = ModelAPI(house.http)
        request_id = (await api.submit(REQUEST)).request_id
        await wait_for(lambda: house.pool.calls)
        assert (await api.status(request_id)).progress is None
        house.pool.calls[0]["progress"].write_text('{"progress": 0.75}')
        assert (await api.status(request_id)).progress == 0.75
        assert (await api.status(request_id)).frame is None
        house.pool.calls[0]["progress"].write_text('{"progress": 0.8, "frame": "/9j/4AAQ"}')
        assert (await api.status(request_id)).frame == "data:image/jpeg;base64,/9j/4AAQ"

    in_house(use, held=True)


def test_a_failure_arrives(in_house):
    def render(image, video, out, **_):
        raise MediaError("No complete upper body detected", path=image)

    async def use(house):
        api = ModelAPI(house.http)
        request_id = (await api.submit(REQUEST)).request_id
        assert (await follow(api, request_id))[-1].state is RequestState.COMPLETED, "it only says that it stopped"
        result = await api.collect(request_id)
        assert (result.state, result.video_url) == (RequestState.FAILED, None)
        assert (result.error_type, result.error) == (
            "InvalidInput",
            "image_url cannot be used: No complete upper body detected",
        )

    in_house(use, render=render)


@pytest.mark.parametrize(
    ("call", "expected", "status_code", "error_code"),
    [
        (lambda api, other: other.price(), AuthenticationError, 401, 400004),
        (lambda api, other: other.submit(REQUEST), AuthenticationError, 401, 400004),
        (lambda api, other: api.status("unknown"), APIStatusError, 404, 404001),
        (lambda api, other: api.result("unknown"), APIStatusError, 404, 404001),
        (lambda api, other: api.cancel("unknown"), APIStatusError, 404, 404001),
        (lambda api, other: api.collect("unknown"), APIStatusError, 404, 404001),
        (lambda api, other: api.submit(MotionRequest("", IMAGE, VIDEO)), APIStatusError, 422, 422001),
        (lambda api, other: api.submit(MotionRequest("p", VIDEO, VIDEO)), APIStatusError, 422, 422001),
    ],
)
def test_errors_arrive(in_house, call, expected, status_code, error_code):
    async def use(house):
        api = ModelAPI(house.http, token=TOKEN)
        with pytest.raises(expected) as caught:
            await call(api, ModelAPI(house.http, token=SecretStr("wrong")))
        assert type(caught.value) is expected
        assert (caught.value.status_code, caught.value.error_code) == (status_code, error_code)

    in_house(use, token=TOKEN.get_secret_value())


def test_an_unknown_model_arrives(in_house):
    async def use(house):
        with pytest.raises(APIStatusError, match="does not know this model"):
            await ModelAPI(house.http, model_id="kling/other").submit(REQUEST)

    in_house(use)


def test_busy_arrives_with_the_time_to_wait(in_house):
    async def use(house):
        api = ModelAPI(house.http)
        await api.submit(REQUEST)
        with pytest.raises(RateLimitError) as caught:
            await api.submit(REQUEST)
        assert caught.value.retry_after_s == 10

    in_house(use, waiting_max=1, slots=0)


def test_someone_elses_request_stays_theirs(in_house):
    async def use(house):
        request_id = (await ModelAPI(house.http, token=TOKEN).submit(REQUEST)).request_id
        with pytest.raises(AuthenticationError) as caught:
            await ModelAPI(house.http, token=SecretStr("another")).status(request_id)
        assert (caught.value.status_code, caught.value.error_code) == (403, 403001)

    in_house(use)


def test_corrections_reach_whoever_draws(in_house):
    said = {"joints": {"nose": [0.5, 0.25]}}

    async def use(house):
        api = ModelAPI(house.http)
        submission = await api.submit(replace(REQUEST, corrections=said))
        await follow(api, submission.request_id)
        result = await api.collect(submission.request_id)
        assert (await house.http.get(result.video_url)).content == b"i+v|image|False|nose"
        with pytest.raises(APIStatusError) as caught:
            await api.submit(replace(REQUEST, corrections={"joints": {"tail": [0, 0]}}))
        assert caught.value.status_code == 422

    in_house(use)
