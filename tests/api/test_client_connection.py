"""The client on a real connection of this machine: what breaks there must be told apart as the scripts say."""

import asyncio
import socket

import pytest

from kling_ui.api.client import open_api
from kling_ui.api.models import MotionRequest
from kling_ui.errors import APIConnectionError, SubmissionUnknownError

REQUEST = MotionRequest("p", "https://x.example/i.png", "https://x.example/v.mp4")


def submit_to(port):
    async def run():
        async with open_api(f"http://127.0.0.1:{port}") as api:
            await api.submit(REQUEST)

    return run()


def test_nobody_listens():
    with socket.socket() as taken:  # bound, never listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(APIConnectionError):
            asyncio.run(submit_to(taken.getsockname()[1]))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed without an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="cut in the headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", id="cut in the body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip", id="broken compression"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="not HTTP"),
    ],
)
def test_the_connection_breaks_after_the_request(answer):
    seen = []

    async def serve(reader, writer):
        seen.append(await reader.readuntil(b"}"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            with pytest.raises(SubmissionUnknownError):
                await submit_to(server.sockets[0].getsockname()[1])

    asyncio.run(run())
    assert len(seen) == 1
