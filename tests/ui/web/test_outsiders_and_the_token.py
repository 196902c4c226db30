"""A stranger before a public app with a token of its own: every event is sent as the page sends it, and the requests
that reach the vendor are searched for that token.
"""

from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.runner import open_runner
from kling_ui.settings import TokenFor
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.web import server

APPS, TYPED = "apps-token-0123456789", "typed-token-0123456789"
OUTSIDER = "v" * 43
ESTIMATE_USD = 0.84  # the clip lasts 12 s, at $0.07


class Vendor:
    """Takes every token; a submit may have been accepted, and requests are unknown."""

    def __init__(self):
        self.seen = []

    def __call__(self, request):
        self.seen.append(request)
        if request.method == "POST":
            return httpx.Response(502, text="<html>Bad gateway</html>")
        if request.url.path.startswith("/v1/models"):
            return httpx.Response(200, json={"base_price_usd": 0.07, "price_unit": "second"})
        return httpx.Response(404, json={"error_code": 404001, "error_message": "ResourceNotFound"})

    def sent_with(self, token):
        return [request for request in self.seen if request.headers.get("authorization") == f"Bearer {token}"]

    def submits(self):
        return [request for request in self.seen if request.method == "POST"]


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def open_app(services, vendor, url, tmp_path, monkeypatch):
    """Opens the app, with the token and changed settings, over a real ledger and before the vendor."""
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone

    def opened(address="203.0.113.7", name="my-space.hf.space", **changes):
        public = {
            "on_space": True,
            "hosts": ("my-space.hf.space",),
            "token": SecretStr(APPS),
            "api_base": "https://api.example",
            "ledger_url": url,
        }
        settings = replace(services.settings, **(public | changes))

        @asynccontextmanager
        async def opening(*_):
            remote = httpx.MockTransport(vendor)
            engines = Engines(settings, services.workers, tmp_path / "preview", remote=remote)
            async with open_runner(settings, services.workers, engines=engines, take_over=False) as runner:
                yield replace(services, settings=settings, runner=runner)

        app = server.build_app(settings, opening)
        return TestClient(app, base_url=f"https://{name}", follow_redirects=False, client=(address, 50_000))

    return opened


@pytest.fixture
def send(run_request, services):
    """Sends the event of a handler as the page does; gives all that came back."""
    clip = {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].video)}

    def sent(client, name, browser=OUTSIDER, *, prompt="In a garden", **told):
        config = client.get("/config").json()
        parts = {part["id"]: part["props"] for part in config["components"]}
        event = next(event for event in config["dependencies"] if event["api_name"] == name)
        filled = {
            "kling_ui.visitor": browser,
            "engine": "kling",
            "run-request": run_request | {"prompt": prompt},
            "video-slot": clip,
            "resolution": "720p",
            "token": told.pop("token", ""),
        }
        values = [filled.get(parts[n].get("storage_key") or parts[n].get("elem_id") or "") for n in event["inputs"]]
        body = {"data": values, "fn_index": event["id"], "session_hash": "tab", "event_data": told, "trigger_id": None}
        assert client.post("/gradio_api/queue/join", json=body).status_code == 200
        return client.get("/gradio_api/queue/data?session_hash=tab").text

    return sent


def _events(client):
    """Give the names of all events that hear of a visitor."""
    config = client.get("/config").json()
    (state,) = [part["id"] for part in config["components"] if part["props"].get("storage_key") == "kling_ui.visitor"]
    return sorted({event["api_name"] for event in config["dependencies"] if state in event["inputs"]})


def _everything(client, send, browser=OUTSIDER):
    told = [send(client, name, browser, run_id="1" * 32, request_id="req-guessed") for name in _events(client)]
    told += [send(client, "on_recover", browser, run_id="", request_id=f"req-{n}") for n in range(3)]
    return "".join(told)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"token_for": TokenFor.NOBODY, "budget_day_usd": 8.0},
        {"token_for": TokenFor.LOGGED_IN, "budget_day_usd": 8.0},
        {"token_for": TokenFor.LISTED, "token_accounts": frozenset({"ann"}), "budget_day_usd": 8.0},
        {"on_space": False, "host": "192.0.2.1"},
        {"on_space": False, "public_url": "https://demo.example.org"},
    ],
    ids=["by default", "nobody", "logged in", "listed", "another host", "public address"],
)
def test_no_event_of_a_stranger_uses_the_apps_token(open_app, send, vendor, changes):
    with open_app(**changes) as client:
        told = _everything(client, send)
    assert vendor.seen == []
    assert "needs a RunComfy token" in told
    assert "Enter the token that made it" in told
    assert "ring your" in told


def test_everybody_may_use_it_where_that_is_set_and_here(open_app, send, vendor):
    """The same events do reach the vendor where they should: what is counted above is not nothing by chance."""
    with open_app(token_for=TokenFor.EVERYBODY, budget_day_usd=8.0) as client:
        told = _everything(client, send)
    assert "Leave it empty to use the app's own." in told
    assert len(vendor.submits()) == 1
    assert len(vendor.sent_with(APPS)) == len(vendor.seen) > 1
    assert not [request for request in vendor.seen if "req-" in request.url.path], "guesses are sent for nobody"


def test_on_this_machine_its_token_pays_but_asks_for_no_request_that_it_did_not_make(open_app, send, vendor):
    with open_app("127.0.0.1", "127.0.0.1", on_space=False) as client:
        told = _everything(client, send)
    assert "Leave it empty to use the app's own." in told
    assert len(vendor.submits()) == 1
    assert len(vendor.sent_with(APPS)) == len(vendor.seen)
    assert not [request for request in vendor.seen if "req-" in request.url.path]
    assert "kling-ui recover" in told


def test_a_strangers_own_token_is_the_only_one_that_is_used_for_them(open_app, send, vendor):
    with open_app() as client:
        assert "kept_s" in send(client, "on_token", token=TYPED)
        for name in ("cost", "on_run", "on_again", "on_recover"):
            send(client, name, run_id="", request_id="req-9")
    assert len(vendor.submits()) == 1
    assert len(vendor.sent_with(TYPED)) == len(vendor.seen)
    assert [request for request in vendor.seen if "req-" in request.url.path]


def test_an_id_that_a_browser_chose_is_no_new_budget(open_app, send, vendor, url):
    """Five browsers at one address, a sixth at another."""
    budgets = {"token_for": TokenFor.EVERYBODY, "budget_day_usd": 4.0, "budget_session_usd": 5.0}
    with open_app(**budgets) as client:
        told = [send(client, "on_run", f"{n}" * 43, prompt=f"Wish {n}") for n in range(5)]
        price = send(client, "cost", "9" * 43)
    assert len(vendor.submits()) == 1, "of the share of $1.00"
    assert "each visitor today" in told[-1]
    assert "KLING_UI_BUDGET_VISITOR_USD" in told[-1]
    assert "today $0.00 of $1.00. Up to $0.84 more if the run is charged" in price
    with open_app("198.51.100.9", **budgets) as client:
        send(client, "on_run", "6" * 43, prompt="Wish 6")
    assert len(vendor.submits()) == 2
    store = Store(url)
    payers = {record.payer for record in store.of_visitor(None, 9)}
    store.close()
    assert len(payers) == 2
    assert all(payer.startswith("ip:") and "." not in payer for payer in payers)


@pytest.mark.parametrize(
    ("who", "is_admitted"),
    [
        ({"preferred_username": "Ann"}, True),
        ({"preferred_username": "bob", "name": "ann"}, False),
        ({"name": "ann"}, False),
    ],
    ids=["listed", "another one", "a name of one's own"],
)
def test_a_listed_account_is_known_by_its_username_alone(  # noqa: PLR0917  fixtures
    open_app, send, vendor, login, provider, played, who, is_admitted
):
    provider.who = {"sub": "5f0c34ann"} | who
    listed = {"token_for": TokenFor.LISTED, "token_accounts": frozenset({"ann"}), "budget_day_usd": 8.0}
    with open_app(login=login, **listed) as client:
        played.log_in(client)
        told = send(client, "on_stale_token")
        send(client, "cost")
        send(client, "on_run")
    assert ("Leave it empty" in told) is is_admitted
    assert bool(vendor.seen) is is_admitted
    assert len(vendor.sent_with(APPS)) == len(vendor.seen)


def test_what_a_browser_spent_is_its_addresss_after_a_login_too(open_app, send, vendor, login, played, url):  # noqa: PLR0917  fixtures
    open_to_all = {"token_for": TokenFor.EVERYBODY, "budget_day_usd": 8.0, "login": login}
    with open_app(**open_to_all) as client:
        send(client, "on_run")
        played.log_in(client)
        send(client, "on_arrival")
        send(client, "on_run", prompt="Another")
    store = Store(url)
    records = store.of_visitor(f"hf:{played.ANN['sub']}", 9)
    store.close()
    assert [record.state for record in records] == [RunState.UNKNOWN] * 2
    assert [record.payer.partition(":")[0] for record in records] == ["hf", "ip"]
    assert {record.engine for record in records} == {EngineName.KLING}
    assert [record.estimate_usd for record in records] == [pytest.approx(ESTIMATE_USD)] * 2
