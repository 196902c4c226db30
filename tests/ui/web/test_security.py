import asyncio
from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from kling_ui.own_hosts import AllowedHosts, Origin
from kling_ui.ui.web.security import SecurityMiddleware, StreamShutdown

HOSTS = AllowedHosts(["demo.example.org", "app"])


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse({"url": str(request.url)} | dict(request.headers))


async def _break(request: Request) -> JSONResponse:
    raise RuntimeError(str(request.url))


def _client(*, proxies: tuple[str, ...] = (), on_space: bool = False) -> TestClient:
    routes = [Route("/broken", _break), Route("/{rest:path}", _echo, methods=["GET", "POST"])]
    guard = SecurityMiddleware(
        Starlette(routes=routes),
        stream_shutdown=StreamShutdown(),
        hosts=HOSTS,
        own_origins=[Origin.parse("https://demo.example.org")],
        proxies=[ip_network(proxy) for proxy in proxies],
        on_space=on_space,
    )
    return TestClient(guard, base_url="http://localhost", client=("10.0.0.5", 50_000), raise_server_exceptions=False)


def _answer(*headers, path="/", method="GET", client=("10.0.0.5", 1), proxies=()):
    """Ask as no client of Python's would: without Host, with two of them, with any target."""
    guard = _client(proxies=proxies).app
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    named = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    asyncio.run(guard(scope | {"headers": named, "client": client, "scheme": "http"}, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["localhost:7860"], 200),
        (["Demo.Example.org"], 200),
        (["[::1]:7860"], 200),
        (["evil.example"], 421),
        (["192.168.1.5"], 421),
        ([], 400),
        ([""], 400),
        (["localhost", "localhost"], 400),
        (["localhost", "evil.example"], 400),
        (["evil@localhost"], 400),
        (["localhost, evil.example"], 400),
        (["b\u00fccher.example"], 400),
    ],
)
def test_the_app_answers_under_its_own_names_only(hosts, status):
    found, text = _answer(*[("Host", host) for host in hosts])
    assert found == status
    assert status == 200 or "KLING_UI_HOSTS" in text
    assert status != 421 or hosts[0] in text
    assert _answer(*[("Host", host) for host in hosts], path="/health")[0] == 200  # probes


@pytest.mark.parametrize("target", ["http://localhost/", "*", "", "localhost:443"])
def test_a_target_that_is_no_path_is_refused(target):
    assert _answer(("Host", "localhost"), path=target)[0] == 400


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "http://localhost"}, 200),
        ("POST", {"Origin": "https://demo.example.org"}, 200),
        ("POST", {}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, 200),
    ],
)
def test_another_site_cannot_start_anything(method, headers, status):
    assert _client().request(method, "/inputs", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("proxies", "host", "forwarded", "status", "url"),
    [
        ((), "localhost", {"Host": "evil.example", "Proto": "https"}, 200, "http://localhost/"),
        ((), "localhost", {"Host": "demo.example.org"}, 200, "http://localhost/"),
        (("10.0.0.0/8",), "app:7860", {"Host": "demo.example.org", "Proto": "https"}, 200, "https://demo.example.org/"),
        (("10.0.0.0/8",), "app:7860", {"Proto": "https"}, 200, "https://app:7860/"),
        (("10.0.0.0/8",), "app:7860", {"Host": "evil.example"}, 421, None),
        (("10.0.0.0/8",), "evil.example", {"Host": "demo.example.org"}, 421, None),  # a proxy that hands both on
        (("10.0.0.0/8",), "app:7860", {"Host": "a@demo.example.org"}, 400, None),
        (("10.9.0.0/16",), "localhost", {"Host": "evil.example"}, 200, "http://localhost/"),
    ],
)
def test_the_forwarded_host_counts_only_behind_a_known_proxy(proxies, host, forwarded, status, url):
    said = {f"X-Forwarded-{name}": value for name, value in forwarded.items()}
    answer = _client(proxies=proxies).get("/", headers={"Host": host} | said)
    assert answer.status_code == status
    if url:
        assert answer.json()["url"] == url
        assert not [name for name in answer.json() if name.startswith("x-forwarded")]


def test_a_page_behind_a_trusted_proxy_may_write():
    said = {"Host": "app:7860", "X-Forwarded-Host": "demo.example.org:8080", "Origin": "http://demo.example.org:8080"}
    assert _client(proxies=("10.0.0.0/8",)).post("/inputs", headers=said).status_code == 200
    assert _client().post("/inputs", headers=said).status_code == 403


def test_there_is_no_websocket():
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
    asyncio.run(_client().app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/", "localhost", 200),
        ("/broken", "localhost", 500),
        ("/", "evil.test", 421),
    ],
)
def test_every_answer_carries_protective_headers(path, host, status):
    answer = _client().get(path, headers={"Host": host})
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].endswith("; frame-ancestors 'self'")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_space_may_be_framed_by_its_own_page_at_hugging_face():
    headers = _client(on_space=True).get("/").headers
    assert headers["content-security-policy"].endswith("; frame-ancestors 'self' https://huggingface.co")
    assert "x-frame-options" not in headers  # it cannot name that page


@pytest.mark.parametrize(
    ("host", "scheme", "opener"),
    [("localhost:7860", "http", True), ("demo.example.org", "https", True), ("demo.example.org", "http", False)],
)
def test_the_opener_is_kept_out_where_browsers_heed_that(host, scheme, opener):
    headers = {"Host": host, "X-Forwarded-Proto": scheme}
    answer = _client(proxies=("10.0.0.0/8",)).get("/", headers=headers)
    assert ("cross-origin-opener-policy" in answer.headers) is opener


def test_an_open_stream_ends_with_the_farewell():
    stream_shutdown = StreamShutdown()

    async def ticks():
        while True:
            yield b"tick"
            await asyncio.sleep(0.01)

    async def stream(_: Request) -> StreamingResponse:
        return StreamingResponse(ticks())

    routes = [Route("/gradio_api/queue/data", stream)]
    app = SecurityMiddleware(Starlette(routes=routes), stream_shutdown=stream_shutdown, hosts=HOSTS)
    sent = []

    async def send(message):
        sent.append(message)
        if len(sent) == 3:
            stream_shutdown.say()

    async def receive():
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/queue/data", "query_string": b""}
    asyncio.run(asyncio.wait_for(app(scope | {"headers": [(b"host", b"localhost")]}, receive, send), 5))
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
