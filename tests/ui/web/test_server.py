import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.corrections import CorrectionStore
from kling_ui.errors import SettingsError
from kling_ui.quotas import DailyQuotas, MachineLimits
from kling_ui.runs.admission import Admission
from kling_ui.settings import Settings
from kling_ui.ui.services import open_store
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web import server, sweeping

ROOT = Path(__file__).parents[3]
HOME = "http://localhost:7860"


@asynccontextmanager
async def _nothing_open(settings, signed_files):
    store = open_store(settings, signed_files)
    corrections = CorrectionStore(settings.data_dir / "corrections", b"secret")
    parts = {"tokens": TokenStore(), "settings": settings, "store": store, "corrections": corrections}
    runner = SimpleNamespace(admission=Admission(AsyncMock(), DailyQuotas(), None, time.time))  # nothing is limited
    yield SimpleNamespace(**parts, retention=None, runner=runner)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = Settings(token=SecretStr("planted-token"), data_dir=tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
            patch.setenv(name, "")  # so that what the server sets is undone
        with TestClient(server.build_app(settings, _nothing_open), base_url=HOME) as opened:
            yield opened


def test_the_page_answers(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Motion Control playground" in answer.text


def test_the_apps_token_is_nowhere_in_the_page(client):
    assert "planted-token" not in client.get("/").text + client.get("/config").text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/deep_link?session_hash=x"),
        ("GET", "/gradio_api/file=/etc/hostname"),
        ("GET", "/gradio_api/proxy=https://example.org"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/monitoring/summary"),
        ("POST", "/gradio_api/run/judge"),
        ("POST", "/gradio_api/component_server"),
    ],
)
def test_no_side_doors(client, method, path):
    assert client.request(method, path, json={"data": []}).status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:7861", "http://127.0.0.1:7860", "null"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/config"),
        ("GET", "/theme.css"),
        ("GET", "/health"),
        ("GET", "/files/x/y.png"),
        ("GET", "/nothing/here"),
        ("GET", "/gradio_api/nothing"),
        ("OPTIONS", "/inputs"),
        ("OPTIONS", "/gradio_api/queue/join"),
        ("POST", "/inputs"),
        ("POST", "/shown/video/x/a.mp4"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/logout"),
    ],
)
def test_other_origins_may_neither_read_nor_write(client, method, path, origin):
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers
    assert method == "GET" or answer.status_code in {400, 403}


FORGED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil.example",
    "X-Gradio-Server": "https://evil.example",
    "Forwarded": "host=evil.example;proto=https",
    "X-Original-URL": "/evil.example",
    "X-Rewrite-URL": "/evil.example",
}


@pytest.mark.parametrize(
    "path", ["/", "/config", "/logout", "/login/", "/gradio_api/info", "/gradio_api/startup-events"]
)
def test_a_forged_host_does_not_reach_the_page(client, path):
    for headers in [FORGED, *({name: value} for name, value in FORGED.items())]:
        answer = client.get(path, headers=headers, follow_redirects=False)
        assert "evil.example" not in answer.text + str(answer.headers)
        assert "https://localhost" not in answer.text + str(answer.headers)
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_the_page_knows_itself_by_the_name_that_was_asked(client):
    for host in ("localhost:7860", "127.0.0.1:7860", "[::1]:9"):
        assert client.get("/config", headers={"Host": host}).json()["root"] == f"http://{host}"


def test_behind_a_spaces_proxy_the_page_knows_itself_by_https(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    env = {"SPACE_ID": "ann/space", "SPACE_HOST": "ann-space.hf.space", "KLING_UI_DATA_DIR": str(tmp_path)}
    app = server.build_app(Settings.from_env(env), _nothing_open)
    with TestClient(app, base_url="http://ann-space.hf.space", client=("10.16.3.2", 1)) as space:
        said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ann-space.hf.space"}
        config = space.get("/config", headers=said | {"X-Gradio-Server": "https://evil.example"})
        assert config.json()["root"] == "https://ann-space.hf.space"
        assert config.headers["content-security-policy"].endswith("frame-ancestors 'self' https://huggingface.co")
        assert space.get("/config", headers={"X-Forwarded-Proto": "https"}).json()["root"].startswith("https://ann-")
        assert space.get("/config", headers=said | {"X-Forwarded-Host": "evil.example"}).status_code == 421
        assert space.get("/health", headers={"Host": "probe.internal"}).status_code == 200


@pytest.mark.parametrize("is_lasting", [True, False])
def test_a_space_can_be_duplicated_and_says_when_it_keeps_nothing(tmp_path, monkeypatch, is_lasting):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    (tmp_path / "mounts").write_text(f"/dev/vdb {tmp_path if is_lasting else '/elsewhere'} ext4 rw 0 0\n")
    env = {"SPACE_ID": "ann/space", "SPACE_HOST": "ann-space.hf.space", "KLING_UI_DATA_DIR": str(tmp_path)}
    app = server.build_app(Settings.from_env(env, mounts=tmp_path / "mounts"), _nothing_open)
    with TestClient(app, base_url="http://ann-space.hf.space", client=("10.16.3.2", 1)) as space:
        config = space.get("/config").text
    assert "https://huggingface.co/spaces/ann/space?duplicate=true" in config
    assert ("keeps no files over a restart" in config) is not is_lasting


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "takes an address"),
        ("postgresql://ann:secret@host/ledger", "uv sync --extra postgres"),
        ("nosuch://host/ledger", "takes an address"),
    ],
)
def test_a_ledger_that_cannot_be_used_stops_the_start(tmp_path, monkeypatch, url, words):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match="KLING_UI_LEDGER_URL") as raised:
        server.prepare(Settings(data_dir=tmp_path, ledger_url=url, port=1))
    assert words in str(raised.value)
    assert "secret" not in str(raised.value)


def test_elsewhere_there_is_nothing_to_duplicate(client):
    config = client.get("/config").text
    assert "duplicate=true" not in config
    assert "keeps no files" not in config


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", "/static/img/logo.svg", "/files/x", "/nothing/at/all"])
def test_no_other_site_may_frame_an_answer(client, path):
    headers = client.get(path).headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_nothing_is_recorded_or_reported(client):
    config = client.get("/config").json()
    assert config["run_history"] is False
    assert config["analytics_enabled"] is False


def test_a_taken_port_is_said_with_a_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"Port {port} .* KLING_UI_PORT to a free one, such as \d+\."):
            server.listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_said():
    with pytest.raises(SettingsError, match="KLING_UI_HOST"):
        server.listen("no-such-host.invalid", 7860)


def test_a_wrong_setting_ends_the_start_with_one_line():
    env = os.environ | {"KLING_UI_PORT": "many"}
    ended = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "KLING_UI_PORT takes a whole number from 1 to 65535.\n"


def test_worker_processes_can_import_the_entry_point_lightly():
    """They import it again, each time one starts."""
    heavy = "import app, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "app" in ended.stdout.split()
    assert not {"gradio", "kling_ui", "fastapi", "numpy"} & set(ended.stdout.split())


@pytest.mark.slow
def test_the_app_ends_quickly_and_quietly_when_told_to(serve, tmp_path):
    with serve(tmp_path) as (app, address):
        told = time.monotonic()
        app.send_signal(signal.SIGTERM)
        app.wait(30)
    assert time.monotonic() - told < 10
    assert (tmp_path / "said.txt").read_text().startswith(f"kling_ui answers at {address.rstrip('/')} ")
    assert len((tmp_path / "said.txt").read_text().splitlines()) == 1


class Sweeping:
    """Fails the first time."""

    def __init__(self):
        self.asked = 0

    async def sweep(self):
        self.asked += 1
        if self.asked == 1:
            raise OSError("the disk is away")


def test_what_is_no_longer_kept_is_removed_again_and_again_whatever_goes_wrong(tmp_path, monkeypatch, caplog):
    retention = Sweeping()

    @asynccontextmanager
    async def opening(settings, signed_files):
        async with _nothing_open(settings, signed_files) as services:
            services.retention = retention
            yield services

    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(sweeping, "SWEEP_EVERY_S", 0.01)
    old = tmp_path / "uploads" / "abcdefghijklmnop"
    old.mkdir(parents=True)
    os.utime(old, (1, 1))
    with TestClient(server.build_app(Settings(data_dir=tmp_path), opening)):
        until = time.monotonic() + 20
        while retention.asked < 3 and time.monotonic() < until:
            time.sleep(0.01)
    assert retention.asked >= 3
    assert not old.exists()
    assert caplog.text.count("could not be removed") == 1


def test_the_settings_reach_the_uploads(tmp_path, monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")
    settings = Settings(data_dir=tmp_path, limits=MachineLimits(free_disk_gb=100_000))
    with TestClient(server.build_app(settings, _nothing_open), base_url=HOME) as client:
        answer = client.post("/inputs", content=b"x", headers={"X-File-Name": "a.png"})
    assert answer.status_code == 507
    assert "100000 GB must stay free" in answer.json()["error"]
