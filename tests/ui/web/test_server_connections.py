import socket
import threading
import time
from contextlib import closing, contextmanager
from http.client import HTTPResponse

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from kling_ui.ui.web.server import TimedConnection

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class HastyConnection(TimedConnection):
    head_s = 0.2


async def _answer(_):
    return PlainTextResponse("here")


@contextmanager
def _served(protocol):
    app = Starlette(routes=[Route("/", _answer)])
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = uvicorn.Config(app, http=protocol, log_level="warning", lifespan="off", timeout_keep_alive=60)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(20)


def _read_answer(opened):
    """Read one answer to its end: head and body may come apart."""
    answer = HTTPResponse(opened)
    answer.begin()
    return answer.read()


def _is_closed(opened, within_s):
    opened.settimeout(within_s)
    try:
        return opened.recv(100) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "], ids=["silent", "half a head"])
def test_a_connection_that_brings_no_request_is_closed(begun):
    with _served(HastyConnection) as address, closing(socket.create_connection(address)) as opened:
        opened.sendall(begun)
        assert _is_closed(opened, 20)


def test_a_next_request_must_come_in_time_too():
    with _served(HastyConnection) as address, closing(socket.create_connection(address)) as opened:
        opened.sendall(GET)
        assert _read_answer(opened) == b"here"
        opened.sendall(b"GET / HT")
        assert _is_closed(opened, 20)


def test_a_connection_whose_requests_come_in_time_stays():
    with _served(TimedConnection) as address, closing(socket.create_connection(address)) as opened:
        for _ in range(3):
            opened.sendall(GET)
            assert _read_answer(opened) == b"here"
            time.sleep(0.05)
        assert not _is_closed(opened, 0.3)
