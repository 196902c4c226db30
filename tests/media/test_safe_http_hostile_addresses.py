"""Addresses that try to reach into the network that this app runs in, by every way of writing and leading there."""

import asyncio
import socket
from ipaddress import ip_address

import httpx
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.safe_http import download, is_public
from kling_ui.media.signatures import IMAGE_FORMATS
from kling_ui.runs.publishing.url_probe import UrlProbe

PUBLIC = "93.184.215.14"
# What a resolver that some attacker runs, or a hosts file, might answer.
NAMES = {
    "public.example": [PUBLIC],
    "loopback.example": ["127.0.0.1"],
    "private.example": ["10.0.0.7"],
    "metadata.example": ["169.254.169.254"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "local.example": ["fe80::1%eth0"],
    "unique.example": ["fd00:ec2::254"],
    "second.example": [PUBLIC, "192.168.0.1"],
    "nothing.example": [],
    "azure.example": ["168.63.129.16"],
    "carrier.example": ["100.100.100.200"],
}


async def resolve(host: str, port: int) -> list[str]:
    """Read numbers as ``getaddrinfo`` does, in all of their old ways of writing, and look names up in the table."""
    name = host.rstrip(".")
    if name in {"localhost", "localhost.localdomain"} or name.endswith(".localhost"):
        return ["127.0.0.1", "::1"]
    if name in NAMES:
        return NAMES[name]
    try:
        return [str(ip_address(name.strip("[]")))]
    except ValueError:
        pass
    try:
        return [socket.inet_ntoa(socket.inet_aton(name))]  # decimal, octal, hexadecimal, shortened
    except OSError:
        raise socket.gaierror(socket.EAI_NONAME, "unknown") from None


WRITTEN = [
    # loopback and private addresses, plain and in disguise
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://127.127.127.127:8080/",
    "http://10.0.0.1/",
    "http://0xa.0.0.1/",
    "http://167772161/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://3232235777/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://168.63.129.16/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    # IPv6, and IPv4 inside of it
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    # names that lead inside
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://app.localhost/",
    "http://127.0.0.1./",
    "http://loopback.example/",
    "http://private.example./",
    "http://metadata.example/",
    "http://six.example/",
    "http://mapped.example/",
    "http://nat64.example/",
    "http://local.example/",
    "http://unique.example/",
    "http://second.example/",
    "http://azure.example/",
    "http://carrier.example/",
    "http://nothing.example/",
    # digits and dots of other scripts, which names are brought into ASCII from
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    # who one might be taken for, and other doors
    "http://public.example@127.0.0.1/",
    "http://public.example:80@169.254.169.254/",
    "http://user:pa55word@public.example/",
    "http://127.0.0.1#@public.example/",
    "http://127.0.0.1?@public.example/",
    "http://127.0.0.1\\@public.example/",
    "http://127.0.0.1%2f@public.example/",
    "http://public.example:0/",
    "http://public.example:65536/",
    "http://public.example:-1/",
    "http://public.example%00.inside/",
    "http://[::1/",
    "http:///127.0.0.1/",
    "http://127.0.0.1%09/",
    # other schemes
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stats",
    "data:image/png;base64,AAAA",
    "jar:http://127.0.0.1!/",
    "//127.0.0.1/",
    "javascript:alert(1)",
    "concat:http://127.0.0.1/",
    "unix:/var/run/docker.sock",
]


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url.host} was asked")


def refused(url, folder, answer=never, resolve=resolve):
    """Try an address as an upload and as what RunComfy is to be given; return what a person is told."""

    async def run() -> list[str]:
        told = []
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            for ask in (
                download(url, folder, http=http, max_bytes=10_000, kinds=IMAGE_FORMATS, resolve=resolve),
                UrlProbe(http, resolve=resolve, takes_http=True).probe(url),
            ):
                with pytest.raises(MediaError) as caught:
                    await ask
                told.append(str(caught.value))
        return told

    told = asyncio.run(run())
    assert not list(folder.iterdir())
    return told


def test_there_are_enough():
    assert len(WRITTEN) >= 60
    assert len(set(WRITTEN)) == len(WRITTEN)


@pytest.mark.parametrize("url", WRITTEN)
def test_nothing_is_asked_of_an_address_that_leads_inside(tmp_path, url):
    for told in refused(url, tmp_path):
        assert "pa55word" not in told
        assert "meta-data" not in told


# The others are paths on the same host when a redirect names them.
LOCATIONS = [url for url in WRITTEN if url.partition("//")[0] != url and not url.startswith("http:///")]


@pytest.mark.parametrize("url", LOCATIONS)
@pytest.mark.parametrize("status", [301, 307])
def test_nothing_is_asked_of_it_after_a_redirect_either(tmp_path, url, status):
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["host"] == "public.example"
        assert request.url.host == PUBLIC
        assert request.url.path == "/first"
        return httpx.Response(status, headers={"location": url.encode()})

    refused("http://public.example/first", tmp_path, answer)


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
def test_a_name_that_changes_its_meaning_is_asked_where_it_was_checked(tmp_path, inside):
    """A name is looked up once for each request, and the connection goes to what was found and checked."""
    answers = iter([[PUBLIC], [inside], [inside]])
    asked = []

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": "http://rebinding.example/again"})

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            with pytest.raises(MediaError, match="public internet"):
                await download(
                    "http://rebinding.example/",
                    tmp_path,
                    http=http,
                    max_bytes=1000,
                    kinds=IMAGE_FORMATS,
                    resolve=rebinding,
                )

    asyncio.run(run())
    assert asked == [PUBLIC]
    assert not is_public(inside)
