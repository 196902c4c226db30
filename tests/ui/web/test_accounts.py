"""Whose runs are seen once somebody has logged in: the whole app over a real ledger, before a played provider."""

import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from run_records import a_run
from starlette.testclient import TestClient

from kling_ui.options import TransferOptions
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.runner import open_runner
from kling_ui.ui.web import server

BROWSER, OTHER = "v" * 43, "w" * 43
TOKEN = "typed-token-0123456789"


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def open_app(services, url, played, monkeypatch):
    """Opens the app over a real ledger; ``changes`` are services that are played."""
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone

    def opened(login, **changes):
        settings = replace(services.settings, login=login, ledger_url=url, hosts=(played.SPACE,))

        @asynccontextmanager
        async def opening(*_):
            async with open_runner(settings, services.workers, take_over=False) as runner:
                yield replace(services, **{"settings": settings, "runner": runner} | changes)

        app = server.build_app(settings, opening)
        return TestClient(app, base_url=f"https://{played.SPACE}", follow_redirects=False)

    return opened


@pytest.fixture
def client(open_app, login):
    with open_app(login) as opened:
        yield opened


def _send(client, name, browser=BROWSER, data=None, session="tab"):
    """Send the event of a handler as the page does; give all that came back."""
    config = client.get("/config").json()
    known = {part["id"]: part["props"] for part in config["components"]}
    event = next(event for event in config["dependencies"] if event["api_name"] == name)
    filled = {"kling_ui.visitor": browser, "engine": "kling"} | (data or {})
    values = [
        filled.get(known[part].get("storage_key") or known[part].get("elem_id") or "", None) for part in event["inputs"]
    ]
    told = {"run_id": "1" * 32, "request_id": "req-9"}
    body = {"data": values, "fn_index": event["id"], "session_hash": session, "event_data": told, "trigger_id": None}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    return client.get(f"/gradio_api/queue/data?session_hash={session}").text


def _run(run_id="1" * 32, visitor=BROWSER, prompt="By the sea"):
    return a_run(
        run_id=run_id,
        visitor=visitor,
        state=RunState.FAILED,
        created_at=time.time(),
        changed_at=time.time(),
        fingerprint=run_id,
        choice=TransferOptions(prompt),
        error=f"Failed: {prompt}.",
    )


def _sees(client, browser=BROWSER):
    """Tell whether a browser that comes back sees the run, in its history and by its id."""
    _send(client, "on_arrival", browser)
    by_itself, by_id = _send(client, "on_return", browser), _send(client, "on_open", browser)
    assert ("Failed: By the sea." in by_itself) is ("Failed: By the sea." in by_id)
    return "Failed: By the sea." in by_itself


def test_where_it_is_not_configured_there_is_no_login(open_app):
    with open_app(None) as client:
        assert client.get("/login/huggingface").status_code == 404
        assert client.get("/login/callback?code=x&state=y").status_code == 404
        assert client.post("/logout").status_code in {404, 405}
        parts = client.get("/config").json()["components"]
        assert not [part for part in parts if part["props"].get("elem_id") == "account"]
        assert "on_account" not in client.get("/config").text


def test_runs_from_before_the_login_become_the_accounts_and_nobody_elses(client, url, provider, played):
    store = Store(url)
    store.add(_run())
    assert _sees(client)
    played.log_in(client)
    assert _sees(client)
    assert store.get("1" * 32).visitor == f"hf:{played.ANN['sub']}"
    assert _sees(client, OTHER)  # the same account in another browser
    client.post("/logout")
    assert played.session_of(client) == {}
    assert not _sees(client)  # not even where they were made
    provider.who = played.BOB
    played.log_in(client)
    assert not _sees(client)
    assert store.get("1" * 32).visitor == f"hf:{played.ANN['sub']}"
    store.close()


@pytest.mark.parametrize("claimed", ["hf:5f0c34ann", "hf_5f0c34ann".ljust(40, "0")])
def test_what_a_browser_says_of_itself_opens_no_account(client, url, played, claimed):
    store = Store(url)
    store.add(_run(visitor=f"hf:{played.ANN['sub']}"))
    store.close()
    assert not _sees(client, claimed)


def test_a_token_ends_with_its_login_and_is_no_other_browsers(open_app, login, services, played):
    with open_app(login) as client, open_app(login) as other:
        _send(client, "on_token", data={"token": "before-the-login-0123456789"})
        played.log_in(client)
        _send(client, "on_arrival")
        assert not services.tokens.holds(BROWSER)
        _send(client, "on_token", data={"token": TOKEN})
        played.log_in(other)
        assert "kept_s" in _send(client, "on_stale_token")
        assert "kept_s" not in _send(other, "on_stale_token")
        assert "kept_s" not in _send(other, "on_stale_token", OTHER)
        client.post("/logout")
        assert "kept_s" not in _send(client, "on_stale_token")
        assert repr(services.tokens) == "<TokenStore with 0 tokens>"


def test_another_site_cannot_log_anybody_out(client, played):
    played.log_in(client)
    assert client.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    client.get("/logout")  # Gradio's own, which knows no accounts of ours
    assert played.session_of(client)
    client.post("/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert played.session_of(client) == {}


class Spy:
    """Passes everything on, and remembers what it was asked with."""

    def __init__(self, inner):
        self.inner, self.asked = inner, []

    def __getattr__(self, name):
        value = getattr(self.inner, name)
        if not callable(value):
            return value

        def asking(*args, **kwargs):
            self.asked.append((name, *args, *kwargs.values()))
            return value(*args, **kwargs)

        return asking


def test_no_event_takes_the_browsers_word_once_somebody_has_logged_in(open_app, login, services, run_of, played):
    services.runner.views = [run_of(engine=EngineName.KLING, state=RunState.FAILED)]
    spies = {"runner": Spy(services.runner), "tokens": Spy(services.tokens)}
    with open_app(login, **spies) as client:
        played.log_in(client)
        config = client.get("/config").json()
        (state,) = [
            part["id"] for part in config["components"] if part["props"].get("storage_key") == "kling_ui.visitor"
        ]
        names = {event["api_name"] for event in config["dependencies"] if state in event["inputs"]}
        own = ("on_arrival", "on_erase")  # what this browser made before the login is claimed, and deleted, with it
        for name in sorted(name for name in names if not name.startswith(own)):
            _send(client, name, data={"token": TOKEN})
    asked = [values for spy in spies.values() for values in spy.asked]
    assert {name for name, *_ in asked} >= {"keep", "use", "holds", "wipe", "view", "watch", "history", "cancel"}
    whose = {value for _, *values in asked for value in values if isinstance(value, str)}
    assert BROWSER not in whose
    assert f"hf:{played.ANN['sub']}" in whose
