import asyncio

import httpx
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.safe_http import (
    host_of,
    is_public,
    resolve_host,
    safe_request,
)

PUBLIC = "93.184.215.14"


async def look_up(host: str, port: int) -> list[str]:
    return [PUBLIC]


def ask(url, answer, **options):
    async def run():
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
            safe_request(url, http=http, resolve=look_up, **options) as found,
        ):
            return found.hosts, found.answer.status_code, await found.answer.aread(), dict(http.cookies)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
        ("words", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(address) is public


def test_cookies_are_never_brought_along_and_headers_are():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        headers = {"set-cookie": "session=1; Path=/", "location": "/b"}
        return httpx.Response(302 if len(seen) == 1 else 206, headers=headers, content=b"ab")

    hosts, status, content, cookies = ask("https://example.org/a", answer, headers={"Range": "bytes=0-1"})
    assert (hosts, status, content, cookies) == (("example.org", "example.org"), 206, b"ab", {})
    assert [headers["range"] for headers in seen] == ["bytes=0-1"] * 2
    assert not any({"cookie", "authorization"} & set(headers) for headers in seen)


def test_an_error_of_the_server_is_an_answer_too():
    assert ask("https://example.org/a", lambda _: httpx.Response(403))[1] == 403


@pytest.mark.parametrize("url", ["http://example.org/a?secret", "https://example.org/a?secret"])
def test_schemes_that_are_not_wanted_are_never_asked_also_after_a_redirect(url):
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        return httpx.Response(302, headers={"location": "http://example.org/b?secret"})

    with pytest.raises(MediaError, match="http:// addresses are not used") as caught:
        ask(url, answer, schemes={"https"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host"), [(" https://A.example:8/x?y", "a.example"), ("https://a b", "a%20b"), ("words", ""), ("", "")]
)
def test_the_host_of_an_address(url, host):
    assert host_of(url) == host


def test_the_systems_resolver_knows_this_machine():
    assert set(asyncio.run(resolve_host("127.0.0.1", 80))) == {"127.0.0.1"}
