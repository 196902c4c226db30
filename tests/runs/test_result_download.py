import asyncio
import errno

import httpx
import pytest

from kling_ui.errors import APIConnectionError, UnexpectedResponseError
from kling_ui.runs.result_download import VideoDownload

URL = "https://files.example/v.mp4"
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(range(256)) * 12_000  # about 3 MB: several chunks


class Broken(httpx.AsyncByteStream):
    """Breaks off after so many bytes."""

    def __init__(self, content):
        self.content = content

    async def __aiter__(self):
        for start in range(0, len(self.content), 2**16):
            yield self.content[start : start + 2**16]
        raise httpx.ReadError("cut")


class Host(httpx.AsyncBaseTransport):
    """Serves one video, with ranges; the first answers may be others."""

    def __init__(self, *answers, etag='"1"'):
        self.answers = list(answers)
        self.etag = etag
        self.seen = []

    async def handle_async_request(self, request):
        self.seen.append(request)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        headers = {"ETag": self.etag, "Content-Type": "video/mp4"}
        start = request.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        if start and request.headers.get("If-Range") == self.etag:
            headers["Content-Range"] = f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"
            return httpx.Response(206, headers=headers, content=VIDEO[int(start) :])
        return httpx.Response(200, headers=headers, content=VIDEO)


def fetch(host, path, tries=1, **options):
    """Try so often; return what the last try gave."""

    async def story():
        async with httpx.AsyncClient(transport=host) as http:
            video = VideoDownload(http, path, trusted=lambda url: url.startswith("https://files.example/"), **options)
            for _ in range(tries - 1):
                with pytest.raises(APIConnectionError):
                    await video.attempt(URL)
            return await video.attempt(URL)

    return asyncio.run(story())


def test_a_video_is_fetched_whole(tmp_path):
    path = tmp_path / "part"
    path.write_bytes(b"something old and longer" * 200_000)
    assert fetch(Host(), path) == "mp4"
    assert path.read_bytes() == VIDEO


@pytest.mark.parametrize("at", [0, 1, 28, 2**16, 2**21 + 5, len(VIDEO) - 1, len(VIDEO)])
def test_a_video_that_breaks_off_at_any_byte_is_gone_on_with_from_there(tmp_path, at):
    cut = httpx.Response(200, headers={"ETag": '"1"'}, stream=Broken(VIDEO[:at]))
    host = Host(cut)
    assert fetch(host, tmp_path / "part", tries=2) == "mp4"
    assert (tmp_path / "part").read_bytes() == VIDEO
    assert host.seen[1].headers.get("Range") == (f"bytes={at}-" if at else None)


def test_a_connection_that_breaks_again_and_again_still_gets_on(tmp_path):
    answers = [httpx.Response(200, headers={"ETag": '"1"'}, stream=Broken(VIDEO[:700_000]))]
    for start in range(700_000, 4 * 700_000, 700_000):
        headers = {"ETag": '"1"', "Content-Range": f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"}
        answers.append(httpx.Response(206, headers=headers, stream=Broken(VIDEO[start : start + 700_000])))
    host = Host(*answers)
    assert fetch(host, tmp_path / "part", tries=5) == "mp4"
    assert (tmp_path / "part").read_bytes() == VIDEO


@pytest.mark.parametrize("etag", ['"2"', 'W/"1"', ""])
def test_another_video_at_the_same_address_is_not_glued_to_the_first(tmp_path, etag):
    cut = httpx.Response(200, headers={"ETag": etag}, stream=Broken(VIDEO[: 2**20 + 5][::-1]))
    assert fetch(Host(cut, etag='"1"'), tmp_path / "part", tries=2) == "mp4"
    assert (tmp_path / "part").read_bytes() == VIDEO


def test_redirects_are_followed_only_to_trusted_hosts(tmp_path):
    good = httpx.Response(302, headers={"Location": "/other.mp4"})
    host = Host(good)
    assert fetch(host, tmp_path / "part") == "mp4"
    assert str(host.seen[1].url) == "https://files.example/other.mp4"
    bad = Host(httpx.Response(302, headers={"Location": "https://evil.example/v.mp4?sig=s3cret"}))
    with pytest.raises(UnexpectedResponseError, match="not known as the engine's") as caught:
        fetch(bad, tmp_path / "part")
    assert "s3cret" not in str(caught.value)
    assert len(bad.seen) == 1
    circle = [httpx.Response(302, headers={"Location": "/again.mp4"}) for _ in range(9)]
    with pytest.raises(UnexpectedResponseError, match="without end"):
        fetch(Host(*circle), tmp_path / "part")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.ConnectError("x"), APIConnectionError, "broke"),
        (httpx.Response(404), APIConnectionError, "404"),
        (httpx.Response(503), APIConnectionError, "503"),
        (httpx.Response(206, headers={"Content-Range": "bytes 7-9/10"}), APIConnectionError, "206"),
        (OSError(errno.ENOSPC, "No space left"), APIConnectionError, "disk is full"),
        (httpx.Response(200, text="<html>"), UnexpectedResponseError, "a web page"),
        (httpx.Response(200, content=b""), UnexpectedResponseError, "empty"),
    ],
)
def test_what_cannot_be_kept_is_told(tmp_path, answer, error, words):
    with pytest.raises(error, match=words):
        fetch(Host(answer), tmp_path / "part")


def test_a_video_without_end_is_not_taken(tmp_path):
    with pytest.raises(UnexpectedResponseError, match="more than 1 MiB"):
        fetch(Host(), tmp_path / "part", max_bytes=2**20)
    assert (tmp_path / "part").stat().st_size <= 2**20
