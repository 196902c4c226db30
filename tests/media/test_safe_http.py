import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_network

import httpx
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.safe_http import host_of, is_public, resolve_host, safe_request

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
        ("::ffff:168.63.129.16", False),
        ("words", False),
        ("", False),
        ("1.1.1.1", True),
        ("192.0.1.1", True),
        ("198.17.255.255", True),
        ("198.20.0.0", True),
        ("223.255.255.255", True),
        ("168.63.129.15", True),
        ("168.63.129.17", True),
        ("2001:200::", True),
        ("2003::1", True),
        ("2a00:1450:4001:830::200e", True),
        ("3ffe:ffff::", True),
    ],
)
def test_public_addresses(address, public):
    assert is_public(address) is public


# The IANA IPv4 and IPv6 Special-Purpose Address Registries, multicast, deprecated ranges, and what clouds keep.
SPECIAL = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/31", "192.0.2.0/24"),
    *("192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32"),
    *("::/128", "::1/128", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
    *("2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32"),
    *("2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16"),
    *("2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fd00:ec2::254/128", "fe80::/10", "fec0::/10"),
    *("ff00::/8", "4000::/3", "e000::/4"),
]


@pytest.mark.parametrize("network", SPECIAL)
def test_no_special_range_is_public(network):
    found = ip_network(network)
    for address in (found[0], found[found.num_addresses // 2], found[-1]):
        assert not is_public(str(address))


def _teredo(ipv4):
    return IPv6Address(0x20010000 << 96 | int(IPv4Address("93.184.215.14")) << 64 | int(ipv4) ^ 0xFFFFFFFF)


HIDDEN_IN = {
    "mapped": lambda ipv4: IPv6Address(0xFFFF << 32 | int(ipv4)),
    "compatible": lambda ipv4: IPv6Address(int(ipv4)),
    "translated": lambda ipv4: IPv6Address(0xFFFF << 48 | int(ipv4)),
    "NAT64": lambda ipv4: IPv6Address(int(IPv6Address("64:ff9b::")) | int(ipv4)),
    "local NAT64": lambda ipv4: IPv6Address(int(IPv6Address("64:ff9b:1::")) | int(ipv4)),
    "6to4": lambda ipv4: IPv6Address(0x2002 << 112 | int(ipv4) << 80 | 1),
    "Teredo": _teredo,
}


@pytest.mark.parametrize("way", HIDDEN_IN)
@pytest.mark.parametrize(
    "ipv4",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16"],
)
def test_a_private_address_hidden_in_another_is_seen(way, ipv4):
    assert not is_public(str(HIDDEN_IN[way](IPv4Address(ipv4))))


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "http://[zz]/", "http://xn--/", "http://x.example:0/", "http://u:p@x.example/", "//[zz]/"],
)
@pytest.mark.parametrize("is_redirect", [False, True])
def test_what_is_no_address_is_refused_in_words(location, is_redirect):
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": location})

    with pytest.raises((MediaError, httpx.RemoteProtocolError)):
        ask("https://example.org/a" if is_redirect else location, answer)


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
