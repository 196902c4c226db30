"""``/metrics``: closed to strangers, and what it tells those who bring the token."""

import asyncio
import re
import time
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from kling_ui.errors import SettingsError, WorkTimeoutError
from kling_ui.runs.ledger.statements import LedgerTally
from kling_ui.settings import Settings
from kling_ui.ui.fair_share import FairShare
from kling_ui.ui.web.metrics import add_metrics_route
from kling_ui.ui.web.page_sessions import Latency
from kling_ui.workers import Workers, WorkTally

TOKEN = "prometheus-0123456789"
pytest.importorskip("prometheus_client", reason="the extra metrics is not installed: uv sync brings it")


class Played:
    """Stands for uploads and tabs."""

    taken_bytes, refused = 12_345, 2

    def __init__(self):
        self.latency = Latency()

    def __len__(self):
        return 7


@pytest.fixture
def client(services, runner):
    async def tally():
        return LedgerTally({("preview", "completed"): 3, ("kling", "in_queue"): 1}, 1.5, 0.25)

    runner.tally = tally
    services.workers.tally = WorkTally()
    services.workers.tally.note("render_preview", "done", 2.5)
    services.workers.tally.note("analyse_image", "lost", 1.0)
    app = FastAPI()
    app.state.services = replace(services, checks=FairShare(1))
    app.state.services.checks.refused = 4
    played = Played()
    played.latency.note(0.04)
    played.latency.note(3.0)
    add_metrics_route(app, SecretStr(TOKEN), played, lambda: played)
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}],
)
def test_without_the_token_nothing_is_told(client, headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "kling_ui_runs" not in answer.text


def test_what_is_under_way_is_told(client):
    told = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert told.status_code == 200
    assert told.headers["content-type"].startswith("text/plain")
    expected = {
        'kling_ui_runs{engine="preview",state="completed"} 3.0',
        'kling_ui_runs{engine="kling",state="in_queue"} 1.0',
        'kling_ui_spent_usd{token="app"} 1.5',
        'kling_ui_spent_usd{token="visitor"} 0.25',
        'kling_ui_waiting{line="checks"} 0.0',
        'kling_ui_jobs_total{outcome="done",work="render_preview"} 1.0',
        'kling_ui_job_seconds_total{work="render_preview"} 2.5',
        "kling_ui_worker_restarts_total 1.0",
        "kling_ui_tabs 7.0",
        "kling_ui_upload_bytes_total 12345.0",
        'kling_ui_refusals_total{what="checks"} 4.0',
        'kling_ui_event_seconds_bucket{le="0.05"} 1.0',
        'kling_ui_event_seconds_bucket{le="+Inf"} 2.0',
        "kling_ui_event_seconds_sum 3.04",
    }
    assert expected - set(told.text.splitlines()) == set()
    assert re.search(r"^process_resident_memory_bytes ", told.text, re.MULTILINE)


def test_a_short_token_is_refused_and_a_long_one_is_never_shown():
    with pytest.raises(SettingsError, match="at least 16"):
        Settings.from_env({"KLING_UI_METRICS_TOKEN": "short"})
    assert TOKEN not in repr(Settings.from_env({"KLING_UI_METRICS_TOKEN": TOKEN}))


def _fail():
    raise ValueError("no")


def _take_long():
    time.sleep(60)


def test_what_workers_do_is_counted_by_how_it_ended():
    async def story(workers):
        await workers.run(max, 1, 2)
        with pytest.raises(ValueError, match="no"):
            await workers.run(_fail)
        with pytest.raises(WorkTimeoutError):
            await workers.run(_take_long, timeout_s=0.2)

    with Workers(1) as workers:
        asyncio.run(story(workers))
    assert workers.tally.jobs == {("max", "done"): 1, ("_fail", "failed"): 1, ("_take_long", "lost"): 1}
    assert workers.tally.lost == 1
    assert set(workers.tally.seconds) == {"max", "_fail", "_take_long"}
