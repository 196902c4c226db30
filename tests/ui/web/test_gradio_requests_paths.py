"""Every address that Gradio has is asked for; only those that the page uses answer."""

import os
import re
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from kling_ui.settings import Settings
from kling_ui.ui.programs.endpoints import NAMES
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web import server
from kling_ui.ui.web.gradio_requests import DATA, JOIN, OPEN_FOLDERS, OPEN_PATHS, is_open
from kling_ui.ui.web.program_requests import UPLOAD

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


@asynccontextmanager
async def _nothing_open(*_):
    yield SimpleNamespace(tokens=TokenStore())


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GRADIO_")]:
            patch.delenv(name)
        settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
        with TestClient(server.build_app(settings, _nothing_open), base_url="http://127.0.0.1") as opened:
            yield opened


def _gradio(client):
    return next(route.app for route in client.app.routes if hasattr(getattr(route, "app", None), "state_holder"))


def _paths(routes, prefix=""):
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if hasattr(route, "path") and hasattr(route, "endpoint"):
            yield prefix + route.path
        elif hasattr(inner, "routes"):
            yield from _paths(inner.routes, prefix + getattr(route, "path", ""))


@pytest.mark.parametrize(
    ("method", "path", "opens"),
    [
        ("GET", "/", True),
        ("POST", "/", False),
        ("POST", JOIN, True),
        ("GET", JOIN, False),
        ("POST", f"{JOIN}/", False),
        ("GET", DATA, True),
        ("POST", DATA, False),
        ("GET", "/assets/index.js", True),
        ("POST", "/assets/index.js", False),
        ("GET", "/assets", False),
        ("GET", "//config", False),
        ("GET", "/config/", False),
        ("GET", "/gradio_api/../config", False),
        ("GET", "/GRADIO_API/queue/data", False),
        ("GET", "/theme.css", True),
        ("GET", "/gradio_api/info", True),
        ("POST", "/gradio_api/info", False),
        ("POST", "/gradio_api/call/run", True),
        ("POST", "/gradio_api/call/v2/run", True),
        ("POST", "/gradio_api/call/v2/v2/run", False),
        ("POST", "/gradio_api/call/run/", False),
        ("GET", "/gradio_api/call/run", False),
        ("GET", f"/gradio_api/call/run/{'0' * 32}", True),
        ("POST", f"/gradio_api/call/run/{'0' * 32}", False),
        ("GET", f"/gradio_api/call/run/{'0' * 31}", False),
        ("POST", "/gradio_api/run/run", False),
    ],
)
def test_what_the_page_uses_is_open(method, path, opens):
    assert is_open(method, path) is opens


def test_every_other_address_of_gradio_answers_404(client):
    """Also those that a later Gradio adds: its own list of routes is walked."""
    paths = {re.sub(r"\{[^}]*\}", "x", path) for path in _paths(_gradio(client).routes)}
    assert {"/gradio_api/call/x", "/gradio_api/stream/x", "/gradio_api/file=x", "/login"} <= paths
    for path in sorted(paths):
        for method in METHODS:
            if not is_open(method, path) and path not in {"/health", "/inputs"} and (method, path) != ("POST", UPLOAD):
                assert client.request(method, path, json={"data": []}).status_code == 404, (method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/openapi.json",
        "/openapi.json",
        "/gradio_api/startup-events",
        "/gradio_api/heartbeat/abc",
        "/gradio_api/stream/abc",
        "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file%3D/etc/passwd",
        "/gradio_api/file=https://example.org/",
        "/gradio_api/proxy=https://example.org/",
        "/gradio_api/custom_component/x/client/component/index.js",
        "/gradio_api/dev/reload",
        "/gradio_api/user",
        "/gradio_api/token",
        "/gradio_api/login_check",
        "/gradio_api/mcp/",
        "/login",
        "/logout",
        "/login_check",
        "/custom_component/x/client/component/index.js",
        "/dev/reload",
        "/svelte/x",
        "/manifest.json",
        "/pwa_icon",
        "/monitoring",
        "/monitoring/summary",
    ],
)
def test_what_stays_shut_by_name(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path, json={}).status_code == 404


def test_no_event_of_the_page_can_be_called_directly(client):
    """Named or not: a direct call knows neither the queue nor the limits."""
    events = [one for one in client.get("/config").json()["dependencies"] if one["api_visibility"] != "public"]
    names = {name for event in events for name in (event["api_name"], str(event["id"])) if name}
    assert {"judge", "on_run", "on_token", "on_arrival"} <= names
    for name in sorted(names):
        for call in ("call", "call/v2", "run", "api"):
            for path in (f"/gradio_api/{call}/{name}", f"/gradio_api/{call}/{name}/", f"/{call}/{name}"):
                body = {"data": [None], "fn_index": 36, "session_hash": "direct"}
                assert client.post(path, json=body).status_code in {400, 404}, path


def test_info_tells_of_the_endpoints_for_programs_alone(client):
    for query in ("", "?all_endpoints=1", "?serialize=False"):
        told = client.get(f"/gradio_api/info{query}").json()
        assert set(told["named_endpoints"]) == {f"/{name}" for name in NAMES}
        assert told["unnamed_endpoints"] == {}


@pytest.mark.parametrize("path", [path for path, methods in OPEN_PATHS.items() if "GET" in methods and path != DATA])
def test_what_is_open_answers(client, path):
    assert client.get(path).status_code == 200


def test_folders_are_those_of_the_package(client):
    assert set(OPEN_FOLDERS) == {"/assets/", "/static/"}
    for folder in OPEN_FOLDERS:
        assert client.get(f"{folder}../routes.py").status_code == 404
        assert client.get(f"{folder}%2e%2e/%2e%2e/routes.py").status_code in {403, 404}


@pytest.mark.parametrize(("takes", "sent_as"), [("gzip", "gzip"), ("identity", None)])
def test_the_page_has_words_of_ours_before_gradios_and_waits_for_no_styles(client, takes, sent_as):
    answer = client.get("/", headers={"Accept-Encoding": takes})
    assert answer.headers.get("content-encoding") == sent_as
    assert "accept-encoding" in answer.headers["vary"].lower()
    page = answer.text
    assert 0 < page.index("The page is loading.") < page.index("<gradio-app")
    styles = re.findall(r'<link rel="stylesheet"[^>]*>', page)
    assert styles
    assert all('media="print"' in link and "this.media='all'" in link for link in styles)


def test_other_answers_are_left_as_they_are(client):
    answer = client.get("/config", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.json()["version"]
