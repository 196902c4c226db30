import asyncio
import io
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from kling_ui.errors import MediaError, RunError
from kling_ui.media.safe_http import download
from kling_ui.media.signatures import IMAGE_FORMATS

PUBLIC = "93.184.215.14"
HOSTS = {
    "example.org": [PUBLIC],
    "other.example": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "inside.example": ["10.0.0.7"],
    "both.example": [PUBLIC, "127.0.0.1"],
    "169.254.169.254": ["169.254.169.254"],
}
Answer = Callable[[httpx.Request], httpx.Response]


def png(side: int = 8) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (side, side)).save(content, "PNG")
    return content.getvalue()


async def look_up(host: str, port: int) -> list[str]:
    if host not in HOSTS:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return HOSTS[host]


def fetch(url: str, folder: Path, answer: Answer, **options: object) -> Path:
    async def run() -> Path:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            settings = {"max_bytes": 10_000, "kinds": IMAGE_FORMATS, "resolve": look_up} | options
            return await download(url, folder, http=http, **settings)

    return asyncio.run(run())


def refused(url: str, folder: Path, answer: Answer, **options: object) -> str:
    with pytest.raises(MediaError) as caught:
        fetch(url, folder, answer, **options)
    assert not folder.exists() or not list(folder.iterdir())
    assert "secret" not in str(caught.value)
    assert caught.value.advice
    return caught.value.message


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing may be asked of {request.url.host}")


def test_a_picture_is_kept_under_what_it_is(tmp_path):
    path = fetch("https://example.org/a.mp4?sig=secret", tmp_path / "in", lambda _: httpx.Response(200, content=png()))
    assert path.suffix == ".png"
    assert path.read_bytes() == png()
    assert list((tmp_path / "in").iterdir()) == [path]


def test_whoever_counts_may_refuse_and_nothing_is_left(tmp_path):
    counted: list[int] = []

    async def count(size_bytes: int) -> None:
        counted.append(size_bytes)
        raise RunError("That is enough for today.")

    with pytest.raises(RunError, match="enough"):
        fetch("https://example.org/a", tmp_path / "in", lambda _: httpx.Response(200, content=png()), count=count)
    assert counted == [len(png())]
    assert list((tmp_path / "in").iterdir()) == []


def test_the_connection_goes_to_the_checked_address_under_the_asked_name(tmp_path):
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=png())

    fetch("https://example.org:8443/a/b.png?x=1#top", tmp_path, answer)
    (request,) = seen
    assert str(request.url) == f"https://{PUBLIC}:8443/a/b.png?x=1"
    assert request.headers["host"] == "example.org:8443"
    assert request.extensions["sni_hostname"] == "example.org"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.org/a.png", "not a web address"),
        ("file:///etc/hostname", "not a web address"),
        ("/a.png", "not a web address"),
        ("", "not a web address"),
        ("https://", "not a web address"),
        ("https://example.org:99999/a", "port"),
        ("https://user:secret@example.org/a.png", "user name or password"),
        ("https://nowhere.example/a.png", "no server of that name"),
        ("http://inside.example/a.png", "public internet"),
        ("http://both.example/a.png", "public internet"),
        ("http://169.254.169.254/latest/meta-data?secret", "public internet"),
        ("http://exa mple.org/", "no server of that name"),
    ],
)
def test_addresses_that_are_never_asked(tmp_path, url, words):
    assert words in refused(url, tmp_path / "in", never)


def test_private_addresses_when_allowed(tmp_path):
    path = fetch(
        "http://inside.example/a.png", tmp_path, lambda _: httpx.Response(200, content=png()), allow_private=True
    )
    assert path.read_bytes() == png()


def test_a_redirect_is_followed_to_another_public_host(tmp_path):
    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["host"] == "example.org":
            return httpx.Response(302, headers={"location": "//other.example/b?sig=1"})
        assert request.url.host == HOSTS["other.example"][0]
        return httpx.Response(200, content=png())

    assert fetch("https://example.org/a", tmp_path, answer).read_bytes() == png()


@pytest.mark.parametrize(
    "location",
    ["http://inside.example/", "http://169.254.169.254/", "file:///etc/hostname", "https://u:secret@other.example/"],
)
def test_a_redirect_is_checked_like_the_first_address(tmp_path, location):
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["host"] == "example.org"
        return httpx.Response(301, headers={"location": location})

    refused("https://example.org/a", tmp_path / "in", answer)


def test_a_redirect_that_never_ends(tmp_path):
    message = refused(
        "https://example.org/a", tmp_path / "in", lambda _: httpx.Response(307, headers={"location": "/a"})
    )
    assert "redirects too often" in message


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_an_error_of_the_server(tmp_path, status):
    message = refused("https://example.org/a?secret", tmp_path / "in", lambda _: httpx.Response(status))
    assert message.startswith("example.org")
    assert str(status) in message


def test_no_connection(tmp_path):
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("secret details")

    assert "could not be reached" in refused("https://example.org/a", tmp_path / "in", answer)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<!DOCTYPE html><html>", "a web page"), (b"", "nothing"), (b"\0\0\0\x18ftypisom", "an MP4 video")],
)
def test_something_else_than_a_picture(tmp_path, content, words):
    assert words in refused("https://example.org/a", tmp_path / "in", lambda _: httpx.Response(200, content=content))


def test_a_file_that_is_announced_too_large(tmp_path):
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-length": "10001"}, content=endless())

    assert "larger than" in refused("https://example.org/a", tmp_path / "in", answer)


def test_a_file_that_turns_out_too_large(tmp_path):
    message = refused("https://example.org/a", tmp_path / "in", lambda _: httpx.Response(200, content=endless()))
    assert "larger than" in message


def test_exactly_the_limit_is_taken(tmp_path):
    content = png().ljust(10_000, b"\0")
    assert (
        fetch("https://example.org/a", tmp_path, lambda _: httpx.Response(200, content=content)).stat().st_size
        == 10_000
    )


def test_a_download_that_breaks_off(tmp_path):
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-length": "9000"}, content=a_little())

    assert "broke off" in refused("https://example.org/a", tmp_path / "in", answer)


def test_a_compressed_answer_is_not_unfolded(tmp_path):
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=a_little())

    assert "compressed" in refused("https://example.org/a", tmp_path / "in", answer)


def test_a_server_that_dawdles(tmp_path):
    message = refused(
        "https://example.org/a", tmp_path / "in", lambda _: httpx.Response(200, content=dawdling()), deadline_s=0.2
    )
    assert "took longer" in message


async def endless():
    while True:
        yield bytes(1000)


async def a_little():
    yield png()


async def dawdling():
    yield png()
    await asyncio.sleep(60)
