import asyncio
import json
import traceback

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.api.client import ModelAPI, open_api
from kling_ui.api.models import MotionRequest, RequestState
from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AuthenticationError,
    InsufficientBalanceError,
    RateLimitError,
    SettingsError,
    SubmissionUnknownError,
    UnexpectedResponseError,
)
from kling_ui.options import Orientation

TOKEN = "planted-token-0123456789"
SIGNED = "https://bucket.example/clip.mp4?X-Amz-Signature=planted-signature"
REQUEST = MotionRequest("a dancer", "https://x.example/i.png", SIGNED, False, Orientation.IMAGE)
READS = {
    "status": lambda api: api.status("r-1"),
    "result": lambda api: api.result("r-1"),
    "cancel": lambda api: api.cancel("r-1"),
    "price": lambda api: api.price(),
}


def refusal(status, code=None, **body):
    content = {"error_code": code, "error_message": "their words", **body} if code is not None else body
    return httpx.Response(status, json=content)


async def hang(_request):
    await asyncio.sleep(3600)
    raise AssertionError


def test_submit_sends_the_contract(script):
    play = script({"request_id": "r-1", "status_url": "https://elsewhere.example/steal"})
    assert play.play(lambda api: api.submit(REQUEST)).request_id == "r-1"
    (sent,) = play.requests
    assert sent.method == "POST"
    assert str(sent.url) == "https://api.example/v1/models/kling/kling-2-6/motion-control-standard"
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.read()) == {
        "prompt": "a dancer",
        "image_url": "https://x.example/i.png",
        "video_url": SIGNED,
        "keep_original_sound": False,
        "character_orientation": "image",
    }


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(httpx.ConnectError("refused"), APIConnectionError, id="connect refused"),
        pytest.param(httpx.ConnectTimeout("slow"), APIConnectionError, id="connect timeout"),
        pytest.param(httpx.PoolTimeout("full"), APIConnectionError, id="no free connection"),
        pytest.param(httpx.ProxyError("no"), APIConnectionError, id="proxy refused"),
        pytest.param(refusal(401), AuthenticationError, id="401"),
        pytest.param(refusal(402), InsufficientBalanceError, id="402"),
        pytest.param(refusal(403), AuthenticationError, id="403"),
        pytest.param(refusal(404), APIStatusError, id="404"),
        pytest.param(refusal(409), APIStatusError, id="409"),
        pytest.param(refusal(413), APIStatusError, id="413"),
        pytest.param(refusal(422, 422001, detail=["x"]), APIStatusError, id="422"),
        pytest.param(refusal(429), RateLimitError, id="429"),
        pytest.param(httpx.Response(400, text="<html>"), APIStatusError, id="400 HTML"),
        pytest.param(httpx.Response(308, headers={"location": "https://x.example"}), APIStatusError, id="moved"),
        pytest.param(refusal(200, 400004), AuthenticationError, id="200 with a refusal's code"),
        pytest.param(refusal(200, "400002"), InsufficientBalanceError, id="200 with the code as text"),
        pytest.param(refusal(500, 422001), APIStatusError, id="500 with a refusal's code"),
        pytest.param(httpx.ReadTimeout("slow"), SubmissionUnknownError, id="timeout after send"),
        pytest.param(httpx.WriteTimeout("slow"), SubmissionUnknownError, id="timeout while sending"),
        pytest.param(httpx.ReadError("reset"), SubmissionUnknownError, id="reset"),
        pytest.param(httpx.RemoteProtocolError("gone"), SubmissionUnknownError, id="closed without an answer"),
        pytest.param(hang, SubmissionUnknownError, id="hangs"),
        pytest.param(refusal(500), SubmissionUnknownError, id="500"),
        pytest.param(httpx.Response(502, text="<html>bad gateway"), SubmissionUnknownError, id="502 HTML"),
        pytest.param(refusal(503), SubmissionUnknownError, id="503"),
        pytest.param(refusal(200, 500001), SubmissionUnknownError, id="200 with a fault's code"),
        pytest.param(refusal(200, 7), SubmissionUnknownError, id="200 with an unknown code"),
        pytest.param(refusal(200, 0), SubmissionUnknownError, id="200 with code 0, which is not null"),
        pytest.param(refusal(400, 500001), SubmissionUnknownError, id="400 with a fault's code"),
        pytest.param(httpx.Response(200), SubmissionUnknownError, id="empty 200"),
        pytest.param(httpx.Response(200, text="<html>"), SubmissionUnknownError, id="200 HTML"),
        pytest.param(httpx.Response(200, json=["r-1"]), SubmissionUnknownError, id="200 list"),
        pytest.param(httpx.Response(200, content=b"[" * 100_000), SubmissionUnknownError, id="200 nested for ever"),
        pytest.param(httpx.Response(200, content=b'{"request_id": "\xff"}'), SubmissionUnknownError, id="bad UTF-8"),
        pytest.param({}, SubmissionUnknownError, id="no id"),
        pytest.param({"request_id": 5}, SubmissionUnknownError, id="id is a number"),
        pytest.param({"request_id": "../x"}, SubmissionUnknownError, id="id is a path"),
        pytest.param({"request_id": "r" * 129}, SubmissionUnknownError, id="id too long"),
        pytest.param(httpx.Response(303, headers={"location": "/x"}), SubmissionUnknownError, id="see other"),
    ],
)
def test_submit_tells_refused_from_unclear_and_sends_once(script, step, expected):
    play = script(step)
    with pytest.raises(APIError) as caught:
        play.play(lambda api: api.submit(REQUEST), submit_limit_s=0.05)
    assert type(caught.value) is expected
    assert len(play.requests) == 1
    assert caught.value.message
    assert caught.value.advice or expected is APIStatusError


def test_submit_is_unclear_when_the_answer_breaks_off(script, breaking_body):
    play = script(breaking_body(b'{"request_'))
    with pytest.raises(SubmissionUnknownError):
        play.play(lambda api: api.submit(REQUEST))


def test_an_answer_longer_than_any_is_not_read_to_its_end(script, breaking_body):
    play = script(breaking_body(*[b" " * 1024**2] * 64))
    with pytest.raises(UnexpectedResponseError):
        play.play(lambda api: api.status("r-1"))


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(httpx.ConnectError("refused"), APIConnectionError, id="refused"),
        pytest.param(httpx.ReadTimeout("slow"), APIConnectionError, id="timeout"),
        pytest.param(httpx.ReadError("reset"), APIConnectionError, id="reset"),
        pytest.param(hang, APIConnectionError, id="hangs"),
        pytest.param(refusal(401, 400004), AuthenticationError, id="401"),
        pytest.param(refusal(402), InsufficientBalanceError, id="402"),
        pytest.param(refusal(403, 403001), AuthenticationError, id="403"),
        pytest.param(refusal(400, 404001), APIStatusError, id="404"),
        pytest.param(refusal(429), RateLimitError, id="429"),
        pytest.param(httpx.Response(502, text="<html>"), APIStatusError, id="502"),
        pytest.param(httpx.Response(302, headers={"location": "https://x.example"}), APIStatusError, id="redirect"),
        pytest.param({"error_code": 404001, "status": "completed"}, APIStatusError, id="200 with error_code"),
        pytest.param(httpx.Response(200), UnexpectedResponseError, id="empty"),
        pytest.param(httpx.Response(200, text="null"), UnexpectedResponseError, id="null"),
        pytest.param(httpx.Response(200, text='{"status": '), UnexpectedResponseError, id="cut"),
        pytest.param({"status": 5, "base_price_usd": "0.07"}, UnexpectedResponseError, id="wrong types"),
        pytest.param({"status": "", "base_price_usd": -1, "price_unit": "second"}, UnexpectedResponseError, id="empty"),
    ],
)
def test_reads_translate_every_failure(script, name, step, expected):
    play = script(step)
    with pytest.raises(APIError) as caught:
        play.play(READS[name], read_limit_s=0.05)
    assert type(caught.value) is expected
    assert len(play.requests) == 1, "a single read is not repeated, nor redirected"


def test_a_broken_body_of_a_read_is_no_answer(script, breaking_body):
    play = script(breaking_body(b'{"status": "comp'))
    with pytest.raises(APIConnectionError):
        play.play(lambda api: api.status("r-1"))


def test_an_error_keeps_what_is_known(script):
    play = script(httpx.Response(429, headers={"retry-after": "7"}, json={"error_message": f"see {SIGNED}"}))
    with pytest.raises(RateLimitError) as caught:
        play.play(lambda api: api.status("r-1"))
    error = caught.value
    assert (error.status_code, error.error_code, error.request_id, error.retry_after_s) == (429, None, "r-1", 7.0)
    assert error.detail == "see https://bucket.example/clip.mp4?..."


def test_paths_and_query(script):
    play = script({"status": "in_queue", "outcome": "not_cancellable", "base_price_usd": 0.07, "price_unit": "second"})

    async def use(api):
        await api.status("r-1")
        await api.result("r-1")
        await api.result("r-1", include_cost=True)
        await api.cancel("r-1")
        return await api.price()

    price = play.play(use)
    assert (price.amount_usd, price.unit, price.note) == (0.07, "second", "")
    assert [(sent.method, sent.url.raw_path.decode()) for sent in play.requests] == [
        ("GET", "/v1/requests/r-1/status"),
        ("GET", "/v1/requests/r-1/result"),
        ("GET", "/v1/requests/r-1/result?include_cost=true"),
        ("POST", "/v1/requests/r-1/cancel"),
        ("GET", "/v1/models/kling/kling-2-6/motion-control-standard"),
    ]
    assert all(sent.headers["authorization"] == f"Bearer {TOKEN}" for sent in play.requests)


@pytest.mark.parametrize("request_id", ["", "a/b", "..", "a?b", "r 1", "é", "r" * 129, "r\n"])
def test_a_request_id_is_checked_before_it_becomes_a_path(script, request_id):
    play = script({"status": "completed"})
    with pytest.raises(APIError, match="not a request id"):
        play.play(lambda api: api.status(request_id))
    with pytest.raises(APIError, match="not a request id"):
        play.play(lambda api: api.collect(request_id, deadline_s=5))
    assert play.requests == []


@pytest.mark.parametrize("prompt", ["half a \ud83d smile", "\udcff", "a\x00b", "\x1b[2J", "a\x7f"])
def test_a_prompt_that_is_no_text_is_not_even_asked_for(prompt):
    with pytest.raises(APIError, match=r"cannot be sent \(U\+"):
        MotionRequest(prompt, "https://x.example/i", "https://x.example/v")


@pytest.mark.parametrize(
    "prompt", ["two\nlines\r\n\tand a tab", "\U0001f469\u200d\U0001f4bb at the \u043c\u043e\u0440\u0435"]
)
def test_a_prompt_in_any_language_is_sent_as_it_is(script, prompt):
    play = script({"request_id": "r-1"})
    play.play(lambda api: api.submit(MotionRequest(prompt, "https://x.example/i", "https://x.example/v")))
    assert json.loads(play.requests[0].read())["prompt"] == prompt


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "é", "", "t" * 4097])
def test_an_impossible_token_is_refused_without_showing_it(token):
    with pytest.raises(SettingsError) as caught:
        ModelAPI(httpx.AsyncClient(), token=SecretStr(token))
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("model_id", ["", "a//b", "../x", "a/..", "a b", "a?b", "/a"])
def test_an_impossible_model_id_is_refused(model_id):
    with pytest.raises(SettingsError):
        ModelAPI(httpx.AsyncClient(), model_id=model_id)


@pytest.mark.parametrize(
    "step",
    [
        httpx.Response(401, json={"error_code": 400004, "error_message": f"bad token {TOKEN} Bearer {TOKEN}"}),
        httpx.Response(
            422, json={"error_code": 422001, "detail": {"input": SIGNED, "also": "data:video/mp4;base64,AAA"}}
        ),
        httpx.Response(500, text=f"{TOKEN} {SIGNED}"),
        httpx.ReadError("reset"),
    ],
)
@pytest.mark.parametrize("name", ["submit", *READS])
def test_no_error_tells_a_secret(script, name, step):
    use = READS.get(name, lambda api: api.submit(REQUEST))
    with pytest.raises(APIError) as caught:
        script(step).play(use)
    error = caught.value
    seen = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error)) + str(error.__cause__)
    assert TOKEN not in seen
    assert "planted-signature" not in seen
    assert "base64," not in seen


def test_reprs_tell_no_secret(script):
    answer = {"status": "completed", "output": {"video": SIGNED}, "error": None}
    result = script(answer).play(lambda api: api.result("r-1"))
    assert result.video_url == SIGNED
    assert "planted-signature" not in repr(result) + repr(REQUEST)


def test_an_echoed_token_does_not_reach_the_result(script):
    answer = {"status": "failed", "error": {"type": "X", "message": f"no luck with {TOKEN}"}}
    assert script(answer).play(lambda api: api.result("r-1")).error == "no luck with ***"


def test_without_a_token_no_header_is_sent(script):
    play = script({"status": "in_queue"})
    play.play(lambda api: api.status("r-1"), token=None)
    assert "authorization" not in play.requests[0].headers


def test_open_api_talks_through_the_given_transport(script):
    play = script({"status": "in_queue", "queue_position": 2})

    async def run():
        async with open_api("https://api.example/prefix", transport=play) as api:
            return api.base_url, await api.status("r-1")

    base_url, status = asyncio.run(run())
    assert (status.state, status.queue_position) == (RequestState.IN_QUEUE, 2)
    assert str(play.requests[0].url) == "https://api.example/prefix/v1/requests/r-1/status"
    assert base_url == "https://api.example/prefix/"
