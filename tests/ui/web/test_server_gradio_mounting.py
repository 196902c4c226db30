"""What Gradio leaves to launching, item by item as in ``docs/gradio_mounting.md``.

The sets below are what Gradio 6.31 has. When an upgrade changes one of them, read what is new, add it to that page with
how it is set here, and only then to the set.
"""

import asyncio
import inspect
import json
import os
import re
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.data_classes import PredictBody
from gradio.state_holder import SessionState, StateHolder
from starlette.testclient import TestClient

from kling_ui.settings import Settings
from kling_ui.ui.page import build_page
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web import server
from kling_ui.ui.web.gradio_requests import DATA, JOIN
from kling_ui.ui.web.gradio_shortcuts import LeanState, NoStates
from kling_ui.ui.web.signed_files import SignedFiles

PAPER = Path(__file__).parents[3] / "docs" / "gradio_mounting.md"
LAUNCH_PARAMETERS = """
    _app _frontend allowed_paths app_kwargs auth auth_dependency auth_message blocked_paths css css_paths debug
    enable_monitoring favicon_path footer_links head head_paths height i18n inbrowser inline js max_file_size
    max_threads mcp_server node_port node_server_name num_workers prevent_thread_lock pwa quiet root_path run_history
    self server_name server_port share share_server_address share_server_protocol share_server_tls_certificate
    show_error ssl_certfile ssl_keyfile ssl_keyfile_password ssl_verify ssr_mode state_session_capacity strict_cors
    theme width
"""
MOUNT_PARAMETERS = """
    allowed_paths app app_kwargs auth auth_dependency auth_message blocked_paths blocks css css_paths enable_monitoring
    favicon_path footer_links head head_paths i18n js max_file_size mcp_server node_port node_server_name path pwa
    root_path run_history server_name server_port show_error ssr_mode theme
"""
SET_BY_LAUNCH = """
    _node_is_proxy _queue.max_thread_count _ssr_degraded _static_worker_pool allowed_paths app artifact auth
    auth_message blocked_paths config css css_paths enable_monitoring favicon_path footer_links has_launched head
    head_paths height i18n_instance is_colab is_hosted_notebook is_running js local_api_url local_url max_file_size
    max_threads mcp_server_obj._local_url node_path node_port node_process node_server_name protocol pwa root_path
    run_history server server_app server_name server_port share share_server_address share_server_protocol
    share_server_tls_certificate share_url show_error ssl_verify ssr_mode state_session_capacity theme width
"""
READ_AFTER_LAUNCH = {
    "has_launched": {"processing_utils.py": 1, "blocks.py": 2, "utils.py": 1},
    "is_running": {"processing_utils.py": 2, "interface.py": 1, "routes.py": 1, "blocks.py": 7, "utils.py": 1},
}
EVENT_FIELDS = "batched data event_data event_id fn_index oauth_token session_hash simple_format trigger_id"
STATE_ATTRIBUTES = "STATE_TTL_WHEN_CLOSED _state_ttl blocks_config config_values is_closed state_data"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GRADIO_")]:
            patch.delenv(name)
        yield _built(tmp_path_factory.mktemp("data"))


def _built(data_dir):
    @asynccontextmanager
    async def opening(_, signed_files: SignedFiles):
        yield SimpleNamespace(tokens=TokenStore(), signed_files=signed_files)

    return server.build_app(Settings(data_dir=data_dir, public_url="https://app.example"), opening)


def _gradio(app):
    return next(route.app for route in app.routes if hasattr(getattr(route, "app", None), "state_holder"))


SET_HERE = {
    "has_launched": True,
    "is_running": False,
    "allowed_paths": [],
    "blocked_paths": [],
    "auth": None,
    "max_file_size": 100 * 1024**2,
    "api_open": False,
    "max_threads": 500,
    "show_error": False,
    "run_history": False,
    "enable_monitoring": False,
    "analytics_enabled": False,
    "pwa": False,
    "ssr_mode": False,
    "mcp_server": False,
    "mcp_server_obj": None,
    "footer_links": ["api"],
    "share": False,
    "share_url": None,
    "root_path": "https://app.example",
    "dev_mode": False,
    "vibe_mode": False,
    "proxy_urls": set(),
}
QUEUE_HERE = {
    "max_size": 1000,
    "max_thread_count": 500,
    "default_concurrency_limit": None,
    "ANALYTICS_MAX_EVENTS": 100,
    "ANAYLTICS_CACHE_FREQUENCY": 1_000_000,
    "sleep_when_free": 0.005,
    "progress_update_sleep_when_free": 0.05,
}


@pytest.mark.parametrize("name", SET_HERE)
def test_what_launching_would_set_is_set(app, name):
    assert getattr(_gradio(app).get_blocks(), name) == SET_HERE[name]


@pytest.mark.parametrize("name", QUEUE_HERE)
def test_the_queue_is_set(app, name):
    assert getattr(_gradio(app).get_blocks()._queue, name) == QUEUE_HERE[name]


def test_no_login_of_gradios_is_there(app):
    assert _gradio(app).auth is None
    assert _gradio(app).auth_dependency is None


def test_what_is_kept_of_sessions_is_ours(app):
    gradio = _gradio(app)
    assert type(gradio.state_holder) is NoStates
    assert gradio.get_blocks().state_holder is gradio.state_holder
    assert type(gradio.state_holder["tab"]) is LeanState


def test_gradios_own_cors_is_off(app):
    """It would let any site read what a visitor sees."""
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.get("/config", headers={"Origin": "https://evil.example", "Host": "app.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_launching_takes_what_it_took():
    assert set(inspect.signature(gr.Blocks.launch).parameters) == set(LAUNCH_PARAMETERS.split())


def test_mounting_takes_what_it_took():
    assert set(inspect.signature(gr.mount_gradio_app).parameters) == set(MOUNT_PARAMETERS.split())


def test_launching_sets_what_it_set():
    lines = re.findall(r"(?m)^\s+((?:self\.[\w.]+(?:: [^=\n]+)?\s*=\s*)+)(?!=)", inspect.getsource(gr.Blocks.launch))
    assert set(re.findall(r"self\.(\w+(?:\.\w+)?)", " ".join(lines))) == set(SET_BY_LAUNCH.split())


@pytest.mark.parametrize("flag", READ_AFTER_LAUNCH)
def test_what_launching_has_set_is_read_where_it_was(flag):
    root = Path(gr.__file__).parent
    found = {
        str(path.relative_to(root)): len(re.findall(rf"\b{flag}\b", path.read_text())) for path in root.rglob("*.py")
    }
    assert {path: count for path, count in found.items() if count} == READ_AFTER_LAUNCH[flag]


def test_an_event_has_the_fields_it_had():
    assert set(PredictBody.model_fields) == set(EVENT_FIELDS.split())


def test_a_session_has_the_attributes_it_had(app):
    page = _gradio(app).get_blocks()
    assert set(vars(SessionState(page))) == set(STATE_ATTRIBUTES.split())
    assert set(vars(LeanState(page))) == set(STATE_ATTRIBUTES.split()) - {"STATE_TTL_WHEN_CLOSED"}
    assert set(vars(StateHolder())) == {"capacity", "session_data", "time_last_used", "lock"}


def test_the_paper_names_all_of_it():
    """Each parameter of launching has its place in the list, and each test that the list names is there."""
    paper = PAPER.read_text()
    families = {"ssl_": "ssl_*", "share_server": "share_*", "node_": "node"}
    plain = {"theme", "css", "css_paths", "js", "head", "head_paths", "i18n", "favicon_path", "auth_message"}  # looks
    plain |= {"self", "_app", "_frontend", "app_kwargs"}
    for name in set(LAUNCH_PARAMETERS.split()) - plain:
        known = next((family for start, family in families.items() if name.startswith(start)), name)
        assert known in paper, name
    tests = "".join(path.read_text() for path in (PAPER.parents[1] / "tests" / "ui").rglob("test_*.py"))
    for name in set(re.findall(r"`(test_\w+)`", paper)):
        assert f"def {name}(" in tests, name
    for name in set(re.findall(r"`(test_\w+\.py)`", paper)):
        assert list((PAPER.parents[1] / "tests" / "ui").rglob(name)), name


def _file_event(path):
    page = build_page(lambda: None, example_pairs=[])
    number = next(number for number, event in page.fns.items() if event.api_name == "on_undo_image")
    value = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    return {"data": [value], "fn_index": number, "session_hash": "tab", "trigger_id": None, "event_data": None}


def _copies(data_dir):
    return [path for path in (data_dir / "gradio").rglob("*") if path.is_file()]


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("nobody may copy this")
    return path


@pytest.mark.parametrize(
    "path", [JOIN, "/gradio_api/call/on_arrival", "/gradio_api/run/on_arrival", "/gradio_api/api/x"]
)
def test_no_file_is_opened_or_copied(secret, tmp_path, monkeypatch, path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    with TestClient(_built(tmp_path / "data"), base_url="http://127.0.0.1") as client:
        for target in (secret, "/dev/zero", "/proc/self/environ", tmp_path / "data" / "files.key"):
            assert client.post(path, json=_file_event(target)).status_code in {400, 404}
        assert _copies(tmp_path / "data") == []


def test_gradio_itself_refuses_files_that_were_not_uploaded(secret, tmp_path, monkeypatch):
    """What stands before Gradio is taken away; for lack of ``has_launched`` the file would be copied."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    app = _built(tmp_path / "data")
    ours = ("OpenPaths", "EventBodies", "SessionLimits")
    gradio = _gradio(app)
    gradio.user_middleware = [layer for layer in gradio.user_middleware if layer.cls.__name__ not in ours]
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.post(JOIN, json=_file_event(secret)).status_code == 200
        told = client.get(DATA, params={"session_hash": "tab"}).text
    (ended,) = [message for message in _messages(told) if message["msg"] == "process_completed"]
    assert ended["success"] is False
    assert _copies(tmp_path / "data") == []


def _messages(text):
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]


def test_the_server_forgets_silent_tabs(app):
    app_sessions = app.state.sessions
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert any("keep_forgetting" in repr(task) for task in client.portal.call(_tasks))
    assert app_sessions is app.state.sessions


async def _tasks():
    return asyncio.all_tasks()
