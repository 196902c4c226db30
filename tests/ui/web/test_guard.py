import asyncio
from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from kling_ui.ui.web.guard import Farewell, Guard


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse(dict(request.headers))


def _client(*, proxies: tuple[str, ...] = ()) -> TestClient:
    app = Starlette(routes=[Route("/{rest:path}", _echo, methods=["GET", "POST"])])
    guard = Guard(app, farewell=Farewell(), proxies=[ip_network(proxy) for proxy in proxies])
    return TestClient(guard, client=("10.0.0.5", 50_000))


@pytest.mark.parametrize(
    ("method", "site", "status"),
    [
        ("POST", "cross-site", 403),
        ("POST", "same-origin", 200),
        ("POST", None, 200),
        ("GET", "cross-site", 200),
    ],
)
def test_another_site_cannot_start_anything(method, site, status):
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert _client().request(method, "/inputs", headers=headers).status_code == status


@pytest.mark.parametrize(("proxies", "seen"), [((), None), (("10.0.0.0/8",), "evil.example")])
def test_the_forwarded_host_counts_only_behind_a_known_proxy(proxies, seen):
    answer = _client(proxies=proxies).get("/", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.json().get("x-forwarded-host") == seen


def test_answers_carry_protective_headers():
    headers = _client().get("/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "connect-src 'self'" in headers["content-security-policy"]


def test_an_open_stream_ends_with_the_farewell():
    farewell = Farewell()

    async def ticks():
        while True:
            yield b"tick"
            await asyncio.sleep(0.01)

    async def stream(_: Request) -> StreamingResponse:
        return StreamingResponse(ticks())

    app = Guard(Starlette(routes=[Route("/gradio_api/queue/data", stream)]), farewell=farewell)
    sent = []

    async def send(message):
        sent.append(message)
        if len(sent) == 3:
            farewell.say()

    async def receive():
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/queue/data", "headers": [], "query_string": b""}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 5))
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
