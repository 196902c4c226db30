"""A visitor's token goes through every event that takes one, as the browser sends it; then all that is served and
written is searched for it.
"""

import logging
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.errors import AuthenticationError
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.web import server

PLANTED = "visitors-planted-token-0123456789"
SESSION, VISITOR = "planted", "v" * 43
# The last two are shut on purpose; they would tell all values of a session.
SERVED = (
    "/",
    "/config",
    "/gradio_api/info",
    "/gradio_api/queue/status",
    "/gradio_api/startup-events",
    "/manifest.json",
    "/monitoring/summary",
    f"/gradio_api/deep_link?session_hash={SESSION}",
    "/gradio_api/runs",
)


def _set_up(monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone


def _opening(services):
    @asynccontextmanager
    async def opening(*_):
        yield services

    return opening


@pytest.fixture
def client(services, runner, run_of, monkeypatch):
    _set_up(monkeypatch)
    runner.views = [run_of(engine=EngineName.KLING, state=RunState.UNKNOWN)]
    runner.refusal = AuthenticationError("The model API did not accept the token.", status_code=401)
    with TestClient(server.build_app(services.settings, _opening(services)), base_url="http://localhost") as opened:
        yield opened


def test_a_visitors_token_is_neither_served_nor_written(client, services, caplog):
    caplog.set_level(logging.DEBUG)
    config = client.get("/config").json()
    told = [_send(client, config, event) for event in _events(config, "token")]
    assert told  # it was read, and is kept
    assert services.tokens.use(VISITOR) == SecretStr(PLANTED)
    told += [_send(client, config, event) for event in _events(config, "visitor")]  # it is used: price, run, recovery
    assert any("did not accept the token" in text for text in told)
    served = [client.get(path).text for path in SERVED]
    files = [path.read_bytes().decode("latin-1") for path in services.settings.data_dir.rglob("*") if path.is_file()]
    logged = [caplog.handler.format(record) for record in caplog.records]
    remembered = [repr(values) for values in _sessions(client)]  # Gradio would keep a session's last values
    found = {"told": told, "served": served, "files": files, "logged": logged, "remembered": remembered}
    for name, texts in found.items():
        assert not any(PLANTED in text for text in texts), name


def test_a_token_ends_with_the_server(services, monkeypatch):
    _set_up(monkeypatch)
    with TestClient(server.build_app(services.settings, _opening(services))):
        services.tokens.keep(VISITOR, SecretStr(PLANTED))
    assert not services.tokens.holds(VISITOR)


def _events(config, reads):
    """Give the events that read a component: the token's field, or the visitor's id."""
    reader = _id_of(config, reads)
    return [event for event in config["dependencies"] if reader in event["inputs"] and event["backend_fn"]]


def _id_of(config, name):
    parts = config["components"]
    if name == "token":
        return next(part["id"] for part in parts if part["props"].get("elem_id") == "token")
    return next(part["id"] for part in parts if part["props"].get("storage_key") == "kling_ui.visitor")


def _send(client, config, event):
    """Send an event as the browser does, the token in its field, and read all that comes back."""
    filled = {_id_of(config, "token"): PLANTED, _id_of(config, "visitor"): VISITOR}
    filled |= {part["id"]: "kling" for part in config["components"] if part["props"].get("elem_id") == "engine"}
    data = [filled.get(part) for part in event["inputs"]]
    body = {"data": data, "fn_index": event["id"], "session_hash": SESSION, "event_data": None, "trigger_id": None}
    joined = client.post("/gradio_api/queue/join", json=body)
    assert joined.status_code == 200, joined.text
    told = client.get(f"/gradio_api/queue/data?session_hash={SESSION}").text
    assert "process_completed" in told
    return told


def _sessions(client):
    """Give what Gradio remembers of each session."""
    page = next(route.app for route in client.app.routes if hasattr(getattr(route, "app", None), "state_holder"))
    queue = page.get_blocks()._queue
    yield vars(page.state_holder)
    yield from (vars(box) for box in queue.pending_messages_per_session.values())
