"""A visitor's token goes through every event that takes one, as the browser sends it; then all that is served and
written is searched for it.
"""

import logging
from contextlib import asynccontextmanager

import pytest
from starlette.testclient import TestClient

from kling_ui.errors import AuthenticationError
from kling_ui.ui import server

PLANTED = "visitors-planted-token-0123456789"
SESSION = "planted"
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


@pytest.fixture
def client(services, runner, monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone
    runner.refusal = AuthenticationError("The model API did not accept the token.", status_code=401)

    @asynccontextmanager
    async def opening(*_):
        yield services

    with TestClient(server.build_app(services.settings, opening)) as opened:
        yield opened


def test_a_visitors_token_is_neither_served_nor_written(client, services, caplog):
    caplog.set_level(logging.DEBUG)
    told = [_send(client, event, field) for event, field in _events_with_token(client.get("/config").json())]
    assert len(told) >= 3  # price, run, the runs that wait for it
    served = [client.get(path).text for path in SERVED]
    files = [path.read_bytes().decode("latin-1") for path in services.settings.data_dir.rglob("*") if path.is_file()]
    logged = [caplog.handler.format(record) for record in caplog.records]
    for name, texts in {"told": told, "served": served, "files": files, "logged": logged}.items():
        assert not any(PLANTED in text for text in texts), name


def _events_with_token(config):
    field = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "token")
    return [(event, field) for event in config["dependencies"] if field in event["inputs"] and event["backend_fn"]]


def _send(client, event, field):
    """Send an event as the browser does, the token in its field, and read all that comes back."""
    data = [PLANTED if part == field else None for part in event["inputs"]]
    body = {"data": data, "fn_index": event["id"], "session_hash": SESSION, "event_data": None, "trigger_id": None}
    joined = client.post("/gradio_api/queue/join", json=body)
    assert joined.status_code == 200, joined.text
    told = client.get(f"/gradio_api/queue/data?session_hash={SESSION}").text
    assert "process_completed" in told
    return told
