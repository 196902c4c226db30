"""Requests that no browser sends: each is answered, none with an error of the server, and nothing is said of them."""

import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.settings import Settings, SpaceLogin
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web import server
from kling_ui.ui.web.login import COOKIE
from kling_ui.ui.web.signed_files import open_signed_files

SPACE = "ann-space.hf.space"
CONTENT = bytes(range(256)) * 40
DIGITS = "9" * 5000  # more than Python turns into a number


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The whole app as a Space runs it, whose provider of logins does not answer; and the address of a file."""

    class Store:
        async def sweep(self, *_):
            return None

    @asynccontextmanager
    async def opening(*_):
        yield SimpleNamespace(tokens=TokenStore(), store=Store())

    folder = tmp_path_factory.mktemp("data")
    login = SpaceLogin(SPACE, "client", SecretStr("secret"), "http://127.0.0.1:9")
    settings = Settings(data_dir=folder, space_host=SPACE, hosts=(SPACE,), login=login, on_space=True)
    signed_files = open_signed_files(folder)
    (folder / "uploads" / "x").mkdir(parents=True)
    clip, empty = folder / "uploads" / "x" / "clip.mp4", folder / "uploads" / "x" / "empty.mp4"
    clip.write_bytes(CONTENT)
    empty.touch()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
            patch.setenv(name, "")  # so that what the server sets is undone
        app = server.build_app(settings, opening)
        with TestClient(app, base_url=f"https://{SPACE}", follow_redirects=False) as client:
            yield client, [f"/{signed_files.url(path)}" for path in (clip, empty)]


@pytest.fixture
def client(served, caplog, capfd):
    """Asks; at the end nothing may have been said that tells of a fault."""
    yield served[0]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-0",
        "bytes=99999999999999999999-",
        f"bytes={DIGITS}-",
        f"bytes=-{DIGITS}",
        f"bytes=0-{DIGITS}",
        "bytes=-0",
        "bytes=-99999999999",
        "bytes=5-1",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1_0-2_0",
        "bytes=\xb2-",
        "bytes 0-1",
        "bits=0-1",
        "bytes=0-0,1-1",
        "bytes=0-1,-",
        "bytes=" + ",".join(f"{number}-{number}" for number in range(1000)),
        "bytes=" + ",".join(f"{2 * number}-{2 * number}" for number in range(1000)),
        "bytes=" + ",".join("0-" for _ in range(1000)),
        "bytes=" + "," * 5000,
    ],
)
def test_a_range_of_any_kind_is_answered(client, served, asked):
    for url in served[1]:
        for method in ("GET", "HEAD"):
            for more in ({}, {"If-Range": "x"}, {"If-Range": "\xe9"}, {"If-Range": ""}, {"If-Modified-Since": "never"}):
                headers = {name: value.encode("latin-1") for name, value in ({"Range": asked} | more).items()}
                answer = client.request(method, url, headers=headers)
                assert answer.status_code in {200, 206, 400, 416}
                assert len(answer.content) < 60 * len(CONTENT)
                assert "frame-ancestors" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/files/"),
        ("GET", "/files/%00"),
        ("GET", "/files/a/%00"),
        ("GET", "/files/%ff/%fe"),
        ("GET", "/files/%ED%A0%80/%ED%A0%80"),
        ("GET", f"/files/{'a' * 50_000}"),
        ("GET", "/files/..%2f..%2f..%2fetc/passwd"),
        ("POST", "/files/x/y"),
        ("GET", "/lent/a/b?expires=x&signature=%ED%A0%80"),
        ("GET", f"/lent/a/b?expires={DIGITS}&signature=y"),
        ("PUT", "/inputs"),
        ("GET", "/inputs"),
        ("OPTIONS", "/inputs"),
        ("POST", "/health"),
        ("POST", "/logout"),
        ("GET", "/logout"),
        ("GET", "/login/huggingface"),
        ("GET", "/login/callback"),
        ("GET", "/login/callback?state=%00&code=%ED%A0%80"),
        ("GET", f"/login/callback?error={'x' * 5000}"),
        ("GET", "/login/callback?state=a&state=b&code=c"),
        ("GET", "/%00"),
        ("GET", "/?%ff=%00&login=%ED%A0%80"),
        ("GET", "/nothing/%ED%A0%80"),
        ("GET", "/assets/%00"),
        ("GET", "/static/%00"),
        ("GET", "/static/..%2f..%2fx"),
        ("TRACE", "/"),
        ("NONSENSE", "/"),
    ],
)
def test_an_address_of_any_kind_is_answered(client, method, path):
    answer = client.request(method, path)
    assert answer.status_code < 500
    assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Cookie", f"{COOKIE}=%%%"),
        ("Cookie", f"{COOKIE}=\xff"),
        ("Cookie", f"{COOKIE}=e30=.x.y"),
        ("Cookie", f"{COOKIE}=; {COOKIE}=;;;==="),
        ("Cookie", "a" * 5000),
        ("Accept", "\xff"),
        ("Accept-Language", "\xff;q=x"),
        ("Accept-Encoding", "br;q=\xff"),
        ("X-Forwarded-For", "\xff, ::, 1.2.3.4.5"),
        ("X-Forwarded-Proto", "\xff"),
        ("Origin", "http://[::1"),
        ("Sec-Fetch-Site", "\xff"),
        ("Content-Type", "multipart/form-data; boundary=\xff"),
    ],
)
def test_a_header_of_any_kind_is_answered(client, name, value):
    for method, path in (("GET", "/"), ("GET", "/config"), ("GET", "/login/huggingface"), ("POST", "/logout")):
        assert client.request(method, path, headers={name: value.encode("latin-1")}).status_code < 500
