"""A network of a few hosts, and a stranger who looks at what they serve."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kling_ui.runs.publishing.protocol import InputFile
from kling_ui.runs.publishing.url_probe import UrlProbe

Answer = Callable[[httpx.Request], httpx.Response]


class Body(httpx.AsyncByteStream):
    """Content in small pieces; knows how much of it was taken."""

    def __init__(self, content: bytes, piece_bytes: int = 1000) -> None:
        self.content, self.piece_bytes, self.taken_bytes = content, piece_bytes, 0

    async def __aiter__(self):
        for start in range(0, len(self.content), self.piece_bytes):
            self.taken_bytes += self.piece_bytes
            yield self.content[start : start + self.piece_bytes]


class Net:
    """What the tests of ways need of the world.

    Attributes:
        asked: Every request that a stranger has sent.
    """

    run_id = "0123456789abcdef" * 2
    now = 1_800_000_000.0
    png = b"\x89PNG\r\n\x1a\n\0\0\x28\0IDAT" + bytes(range(256)) * 40 + b"crc.\0\0\0\0IENDcrc."
    mp4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\0\0\x50\x08mdat" + bytes(range(256)) * 80
    body = Body

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(work)

    def probe(self, answer: Answer | httpx.AsyncBaseTransport, **options: Any) -> UrlProbe:
        """Make a stranger in a network where every host answers so."""

        if isinstance(answer, httpx.AsyncBaseTransport):
            transport = answer
        else:
            transport = httpx.MockTransport(lambda request: self.asked.append(request) or answer(request))
        return UrlProbe(httpx.AsyncClient(transport=transport), resolve=_look_up, **options)

    def ranged(self, content: bytes, request: httpx.Request, **headers: str) -> httpx.Response:
        """Answer a range of some content, as a good server does."""
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1]
        described = {"content-range": f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"}
        return httpx.Response(206, headers=described | headers, content=part)


async def _look_up(host: str, port: int) -> list[str]:
    if host == "nowhere.example":
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return [{"inside.example": "10.0.0.7", "127.0.0.1": "127.0.0.1"}.get(host, "93.184.215.14")]


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def image(tmp_path: Path, net: Net) -> InputFile:
    """The image of a run, in the run's folder."""
    return _kept(tmp_path / "runs" / net.run_id / "image.png", net.png)


@pytest.fixture
def video(tmp_path: Path, net: Net) -> InputFile:
    """The reference of the same run."""
    return _kept(tmp_path / "runs" / net.run_id / "reference.mp4", net.mp4)


def _kept(path: Path, content: bytes) -> InputFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return InputFile(path)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server on this machine."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  takes a second

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket on that server, and the environment that leads to it; returns the server's address."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    with httpx.Client(base_url=s3_server, verify=False) as http:
        assert http.post("/moto-api/reset").status_code == 200
        assert http.put("/bucket").status_code == 200
    return s3_server
