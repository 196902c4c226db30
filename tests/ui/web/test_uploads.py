"""Uploads as they come over a socket: dripping, breaking off, too many, too much."""

import os
import socket
import threading
import time
from collections import namedtuple
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from ipaddress import ip_network
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from kling_ui.own_hosts import AllowedHosts
from kling_ui.settings import Settings
from kling_ui.ui.services import open_store
from kling_ui.ui.visitors import Account, share_keys
from kling_ui.ui.web.client_address import SCOPE_KEY
from kling_ui.ui.web.file_routes import add_routes
from kling_ui.ui.web.security import SecurityMiddleware, StreamShutdown
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.ui.web.temporary_space import DiskFloor
from kling_ui.ui.web.uploads import UploadIntake, UploadRate, UploadStore

Disk = namedtuple("Disk", "total free")
HASTY = UploadRate(limit_s=60.0, idle_s=0.2, grace_s=0.4, bytes_per_s_min=8000.0)
PATIENT = UploadRate(limit_s=60.0)


@dataclass
class House:
    """The routes, and what lies behind them."""

    app: FastAPI
    store: UploadStore

    @property
    def files(self) -> list[Path]:
        return [Path(folder, name) for folder, _, names in os.walk(self.store.root) for name in names]


@pytest.fixture
def house_of(tmp_path):
    def make(pace=PATIENT, *, is_public=False, store=None, **more):
        signed_files, app = SignedFiles(tmp_path, b"secret"), FastAPI()
        kept = store or open_store(Settings(data_dir=tmp_path), signed_files)
        add_routes(app, signed_files, UploadIntake(lambda: kept, rate=pace, is_public=is_public, **more))
        app.add_middleware(
            SecurityMiddleware,
            stream_shutdown=StreamShutdown(),
            hosts=AllowedHosts.from_settings(Settings(hosts=("testserver",))),
            proxies=[ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8")],
            secret=b"s",
        )
        return House(app, kept)

    return make


@contextmanager
def _served(app):
    """Serve on a port; what the server says goes to the test's log."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", proxy_headers=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(20)


def _begin(address, length, who="203.0.113.9"):
    opened = socket.create_connection(address, 20)
    opened.sendall(
        f"POST /inputs HTTP/1.1\r\nHost: testserver\r\nX-File-Name: clip.mp4\r\nX-Forwarded-For: {who}\r\n"
        f"Content-Length: {length}\r\n\r\n".encode()
    )
    return opened


def _answer(opened):
    answer = HTTPResponse(opened)
    answer.begin()
    return answer.status, answer.read().decode()


def _wait_for(condition):
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


def _drip(opened, every_s):
    """Send a byte now and then, until the other side has closed."""
    with suppress(OSError):
        for _ in range(2000):
            opened.sendall(b"x")
            time.sleep(every_s)


@pytest.mark.parametrize(
    ("pace", "every_s", "words"),
    [
        (HASTY, 0.05, "too slowly"),
        (UploadRate(limit_s=0.3, idle_s=5.0, grace_s=5.0), 0.05, "did not arrive within 0.005 min"),
    ],
    ids=["a byte now and then", "for longer than one may"],
)
def test_an_upload_that_drips_is_ended_and_leaves_nothing(house_of, pace, every_s, words):
    house = house_of(pace)
    with _served(house.app) as address, closing(_begin(address, 10**8)) as opened:
        dripping = threading.Thread(target=_drip, args=(opened, every_s))
        dripping.start()
        status, body = _answer(opened)
        assert status == 408
        assert words in body
        assert "advice" in body
        dripping.join(20)  # the connection was closed, too
        assert not dripping.is_alive()
        assert house.files == []


def test_an_upload_that_stops_coming_is_ended(house_of):
    house = house_of(HASTY)
    with _served(house.app) as address, closing(_begin(address, 10**8)) as opened:
        opened.sendall(bytes(10**5))
        assert _answer(opened)[0] == 408
        assert house.files == []


def test_a_hundred_drips_are_all_ended(house_of):
    house = house_of(HASTY, at_once_max=100)
    with _served(house.app) as address:
        opened = [_begin(address, 10**6) for _ in range(100)]
        assert {_answer(one)[0] for one in opened} == {408}
        for one in opened:
            one.close()
        assert house.files == []


def test_an_upload_that_breaks_off_leaves_nothing_and_says_nothing(house_of, caplog, capfd):
    house = house_of()
    with _served(house.app) as address:
        opened = _begin(address, 10**6)
        opened.sendall(bytes(10**5))
        _wait_for(lambda: house.files)
        opened.close()
        _wait_for(lambda: not house.files)
        with closing(_begin(address, 4)) as healthy:
            healthy.sendall(b"clip")
            assert _answer(healthy)[0] == 200
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "kling_ui"))] == []
    assert "Traceback" not in "".join(capfd.readouterr())


def test_only_a_few_uploads_of_one_address_at_once(house_of):
    house = house_of(is_public=True, at_once_max=2)
    with _served(house.app) as address:
        first = [_begin(address, 100) for _ in range(2)]
        for one in first:
            one.sendall(b"x")
        _wait_for(lambda: len(house.files) == 2)
        with closing(_begin(address, 100)) as third, closing(_begin(address, 4, "203.0.113.77")) as other:
            assert _answer(third)[0] == 429
            other.sendall(b"clip")
            assert _answer(other)[0] == 200
        for one in first:
            one.sendall(b"x" * 99)
            assert _answer(one)[0] == 200
            one.close()
        with closing(_begin(address, 4)) as later:
            later.sendall(b"clip")
            assert _answer(later)[0] == 200


def _send(client, content, who="203.0.113.9"):
    return client.post("/inputs", content=content, headers={"X-File-Name": "a.mp4", "X-Forwarded-For": who})


@pytest.mark.parametrize("announced", [True, False])
def test_more_than_one_may_keep_is_refused_in_words_after_the_whole_file_was_sent(house_of, tmp_path, announced):
    store = UploadStore(tmp_path / "uploads", b"s", each_bytes=250_000, floor=DiskFloor(tmp_path, 0))
    client = TestClient(house_of(store=store, is_public=True).app, client=("10.0.0.5", 50_000))
    content = bytes(150_000)
    assert _send(client, content).status_code == 200
    answer = _send(client, content if announced else iter([content[:50_000]] * 3))
    assert answer.status_code == 413
    assert answer.json() == {
        "error": "Your inputs here would take more than 0.00025 GB, the most that is kept at a time.",
        "advice": "They are removed a day after they came. Choose a smaller file, or come back later.",
    }
    assert _send(client, content, "203.0.113.77").status_code == 200


def test_below_the_floor_of_free_disk_uploads_are_refused(house_of, tmp_path):
    floor = DiskFloor(tmp_path, 10**9, usage=lambda _: Disk(10**12, 10**8))
    house = house_of(store=UploadStore(tmp_path / "uploads", b"s", each_bytes=10**9, floor=floor))
    answer = _send(TestClient(house.app), b"clip")
    assert answer.status_code == 507
    assert "disk of this app is nearly full" in answer.json()["error"]
    assert house.files == []


def test_a_file_larger_than_any_is_refused_by_what_it_announces(house_of):
    house = house_of(max_bytes=1000)
    answer = _send(TestClient(house.app), bytes(1001))
    assert answer.status_code == 422
    assert "larger than" in answer.json()["error"]
    assert house.files == []


def test_a_name_that_no_disk_takes_is_refused_in_words(house_of):
    house = house_of()
    client = TestClient(house.app)
    answer = client.post("/inputs", content=b"x", headers={"X-File-Name": "%F0%9F%8E%AC" * 90 + ".mp4"})
    assert answer.status_code in {200, 422}
    assert all(path.stat().st_size for path in house.files)


@pytest.mark.parametrize(
    ("size_bytes", "last_s", "until_s"),
    [
        (0, 0.0, 30.0),  # nothing yet
        (1, 25.0, 30.0),  # a drip
        (8000 * 60, 50.0, 60.0),  # at the lowest rate: no longer than that
        (10**9, 50.0, 80.0),  # quick, then idle
        (10**9, 590.0, 600.0),  # the longest wait
    ],
)
def test_until_when_the_next_bytes_must_come(size_bytes, last_s, until_s):
    assert UploadRate(limit_s=600.0).timeout_s(size_bytes, last_s) == until_s


ANN = Account("5f0c34ann", "ann", time.time() + 1000, "k")


@pytest.mark.parametrize(
    ("scope", "is_public", "keys"),
    [
        (None, False, ("local",)),
        ({SCOPE_KEY: "a1", "session": {"account": ANN.to_session()}}, False, ("local",)),
        ({SCOPE_KEY: "a1"}, True, ("ip:a1",)),
        ({SCOPE_KEY: "a1", "session": {"account": ANN.to_session()}}, True, ("hf:5f0c34ann", "ip:a1")),
        ({SCOPE_KEY: "a1", "session": {"account": {"sub": "forged"}}}, True, ("ip:a1",)),
        ({}, True, ("ip:",)),
        (None, True, ("ip:",)),
    ],
)
def test_whose_share_it_is(scope, is_public, keys):
    assert share_keys(scope, is_public=is_public) == keys
