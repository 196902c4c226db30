"""Uploads of a day, counted by who sends them and not by what they say of themselves."""

import asyncio
from ipaddress import ip_network

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from kling_ui.own_hosts import AllowedHosts
from kling_ui.pauses import Pause, PauseScope
from kling_ui.quotas import DailyQuota, DailyQuotas
from kling_ui.runs.admission import Admission, set_pause
from kling_ui.runs.ledger import Ledger
from kling_ui.settings import Settings
from kling_ui.ui.services import open_store
from kling_ui.ui.web.client_address import address_key
from kling_ui.ui.web.file_routes import add_routes
from kling_ui.ui.web.security import SecurityMiddleware, StreamShutdown
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.ui.web.upload_forms import add_forms_route
from kling_ui.ui.web.uploads import UploadIntake, UploadRate

NOON = 20_000 * 86_400.0 + 43_200.0
LIFTS = "more from 00:00 UTC (in 12 h 00 min)."
OUTSIDER, PROXY = "203.0.113.9", "10.0.0.1"


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    asyncio.run(opened.aclose())


@pytest.fixture
def app_of(tmp_path, ledger):
    """Makes a public app with these quotas, which believes what its proxy says."""

    def make(**quotas):
        signed_files, app = SignedFiles(tmp_path, b"secret"), FastAPI()
        store = open_store(Settings(data_dir=tmp_path), signed_files)
        admission = Admission(ledger, DailyQuotas(**quotas), None, lambda: NOON)
        rate = UploadRate(limit_s=60.0)
        intake = UploadIntake(lambda: store, rate=rate, is_public=True, admission=lambda: admission)
        add_routes(app, signed_files, intake)
        add_forms_route(app, signed_files, intake)
        app.add_middleware(
            SecurityMiddleware,
            stream_shutdown=StreamShutdown(),
            hosts=AllowedHosts.from_settings(Settings(hosts=("testserver",))),
            proxies=[ip_network("10.0.0.0/8")],
            secret=b"s",
        )
        return app

    return make


def send(app, content=b"x" * 100, *, peer=OUTSIDER, forwarded=None):
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    with TestClient(app, client=(peer, 50_000)) as client:
        return client.post("/inputs", content=content, headers=headers)


def send_form(app, content=b"x" * 100):
    with TestClient(app, client=(OUTSIDER, 50_000)) as client:
        return client.post("/gradio_api/upload", files={"files": ("clip.mp4", content)})


def files_in(folder):
    return [path for path in (folder / "uploads").rglob("*") if path.is_file()]


def test_one_too_many_is_refused_in_words_and_nothing_of_it_is_kept(app_of, tmp_path):
    app = app_of(visitor=DailyQuota(uploads=2))
    assert [send(app).status_code, send_form(app).status_code] == [200, 200]
    refused, as_form = send(app), send_form(app)
    words = f"You have handed in 2 of 2 files today; {LIFTS}"
    assert (refused.status_code, refused.json()["error"]) == (429, words)
    assert (as_form.status_code, as_form.text.startswith(words)) == (429, True)
    assert len(files_in(tmp_path)) == 2


def test_bytes_are_counted_whether_they_are_announced_or_not(app_of):
    app = app_of(visitor=DailyQuota(size_bytes=2_500_000))
    assert send(app, b"x" * 1_000_000).status_code == 200
    assert send(app, iter([b"x" * 400_000] * 3)).status_code == 200  # comes in chunks
    refused = send(app, b"x" * 400_000)
    assert refused.status_code == 429
    assert refused.json()["error"].startswith("You have handed in 0.0022 of 0.0025 GB of files today")
    assert send(app, b"x" * 200_000).status_code == 200


def test_a_forged_header_makes_nobody_another_address(app_of):
    app = app_of(address=DailyQuota(uploads=1))
    assert send(app, forwarded="198.51.100.1").status_code == 200
    refused = send(app, forwarded="198.51.100.2")
    assert refused.status_code == 429
    assert refused.json()["error"].startswith("From your network address you and others have handed in 1 of 1 files")
    behind = [send(app, peer=PROXY, forwarded=f"198.51.100.{number}, 203.0.113.77") for number in range(3)]
    assert [answer.status_code for answer in behind] == [200, 429, 429], "what stands before was only claimed"
    assert send(app, peer=PROXY, forwarded="203.0.113.78").status_code == 200, "the proxy says who asks"


def test_an_address_is_kept_as_a_keyed_hash(app_of, tmp_path, ledger):
    send(app_of(visitor=DailyQuota(uploads=9)))
    asyncio.run(ledger.ask(lambda store: store.close()))
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
    assert OUTSIDER.encode() not in kept
    assert address_key(OUTSIDER, b"s").encode() in kept


def test_a_pause_of_everything_stops_uploads_until_it_is_over(app_of, ledger):
    app = app_of()
    assert send(app).status_code == 200
    asyncio.run(set_pause(ledger, Pause(PauseScope.ALL, "Back on Monday.")))
    refused = send(app)
    assert (refused.status_code, "Back on Monday." in refused.json()["error"]) == (503, True)
    asyncio.run(set_pause(ledger, Pause(PauseScope.PAID)))
    assert send(app).status_code == 200
