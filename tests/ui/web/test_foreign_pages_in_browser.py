"""What pages of other sites can do to the app in a real browser: nothing; and its own page goes on working."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
SERVE = """
import sys, uvicorn
from kling_ui.settings import Settings
from kling_ui.ui.web.server import build_app
uvicorn.run(build_app(Settings.from_env()), port=int(sys.argv[1]), proxy_headers=False, timeout_graceful_shutdown=3)
"""
PLAIN_NAME = "box.test"  # reached by http, so that the browser says nothing of the site a request comes from
JOIN = '{"data":[],"fn_index":0,"session_hash":"foreign"}'
# Each tries one way to write; a page cannot read what is answered, so the test reads the server's own log.
FORM = "document.body.innerHTML = `<form method=post action=${to} enctype=$KIND>$FIELD</form>`;"
WAYS = {
    "fetch": "fetch(to, {method: 'POST', body}).catch(() => 0)",
    "fetch without cors": "fetch(to, {method: 'POST', mode: 'no-cors', body}).catch(() => 0)",
    "fetch without referrer": "fetch(to, {method: 'POST', mode: 'no-cors', body, referrerPolicy: 'no-referrer'})",
    "fetch of no type": "fetch(to, {method: 'POST', mode: 'no-cors', body: new TextEncoder().encode(body)})",
    "beacon": "navigator.sendBeacon(to, body)",
    "form": FORM.replace("$KIND", "text/plain").replace("$FIELD", "<input name=x>")
    + "document.querySelector('input').value = body; document.querySelector('form').submit();",
    "form with a file": FORM.replace("$KIND", "multipart/form-data").replace("$FIELD", "<input type=file name=f>")
    + """const list = new DataTransfer(); list.items.add(new File([body], 'a.png'));
    document.querySelector('input').files = list.files; document.querySelector('form').submit();""",
    "sandboxed frame": """const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts';
    frame.srcdoc = `<script>fetch('${to}', {method: 'POST', mode: 'no-cors', body: 'x'})</` + `script>`;
    document.body.append(frame);""",
}


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Another site</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """The port of another site's page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The app's folder, with a log of all requests in it, and its port; it also answers under a plain name."""
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    env = os.environ | {"KLING_UI_DATA_DIR": str(folder), "KLING_UI_WORKERS": "1", "KLING_UI_HOSTS": PLAIN_NAME}
    command = [sys.executable, "-c", SERVE, str(port)]
    with (folder / "said.txt").open("w") as said, subprocess.Popen(command, cwd=ROOT, env=env, stdout=said) as served:
        until = time.monotonic() + 120
        while time.monotonic() < until and served.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield folder, port
        served.terminate()
        served.wait(30)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A browser for which every name under .test leads to this machine."""
    switches = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    switches += ["--disable-features=LocalNetworkAccessChecks"]  # not every browser has them
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=switches)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that knows nothing yet."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    yield page
    context.close()


def _uploads(folder: Path) -> set[Path]:
    files = {path for path in (folder / "uploads").rglob("*") if path.is_file()}
    return {path for path in files if not path.name.startswith(".whose-")}  # notes on whose they are


@pytest.mark.parametrize(
    ("foreign", "own"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", id="another port"),
        pytest.param("localhost", "127.0.0.1", id="another name of this machine"),
        pytest.param("evil.test", "127.0.0.1", id="another site"),
        pytest.param("evil.test", PLAIN_NAME, id="another site, and the browser says nothing"),
        pytest.param(PLAIN_NAME, PLAIN_NAME, id="another port, and the browser says nothing"),
    ],
)
def test_another_page_can_neither_store_a_file_nor_join_an_event(tab: Page, app, foreign_port, foreign, own):
    folder, port = app
    uploads, answers = _uploads(folder), len(_answers(folder))
    for path, body in (("inputs", "abc"), ("gradio_api/queue/join", JOIN)):
        for script in WAYS.values():
            page, seen = tab.context.new_page(), len(_answers(folder))
            page.goto(f"http://{foreign}:{foreign_port}/")
            page.evaluate(f"([to, body]) => {{ {script} }}", [f"http://{own}:{port}/{path}", body])
            _wait_for(lambda seen=seen: len(_answers(folder)) > seen)
    assert set(_answers(folder)[answers:]) == {("/inputs", "403"), ("/gradio_api/queue/join", "403")}
    assert _uploads(folder) == uploads


def _answers(folder: Path) -> list[tuple[str, str]]:
    """Read what was answered to writes: path and status."""
    return re.findall(r'"POST (\S+) HTTP/1.1" (\d+)', (folder / "said.txt").read_text())


def _wait_for(true: Any) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "the browser did not even ask"
        time.sleep(0.02)


def test_a_name_that_was_pointed_here_shows_nothing_of_the_app(tab: Page, app):
    answer = tab.goto(f"http://rebound.test:{app[1]}/config")
    assert answer.status == 421
    assert "KLING_UI_HOSTS" in answer.text()


@pytest.mark.parametrize("foreign", ["127.0.0.1", "evil.test"])
def test_no_other_page_may_frame_the_app(tab: Page, app, foreign_port, foreign):
    tab.goto(f"http://{foreign}:{foreign_port}/")
    for path in ("", "config", "theme.css", "nothing/here", "files/x"):
        with tab.expect_console_message(lambda message: "frame-ancestors" in message.text):
            tab.evaluate(
                """to => { const frame = document.createElement('iframe'); frame.src = to;
                document.body.append(frame); }""",
                f"http://127.0.0.1:{app[1]}/{path}",
            )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", PLAIN_NAME])
@pytest.mark.parametrize("framed", [False, True], ids=["alone", "in a frame of its own origin"])
def test_the_own_page_works(tab: Page, app, person_png: Path, host, framed):
    folder, port = app
    before, said = _uploads(folder), []
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.goto(f"http://{host}:{port}/{'health' if framed else ''}")
    if framed:
        tab.evaluate("document.body.innerHTML = '<iframe src=\"/\" width=1200 height=800></iframe>'")
    page: Any = tab.frame_locator("iframe") if framed else tab
    expect(page.locator("#run")).to_be_enabled()
    page.locator("#image-slot input[type=file]").set_input_files(person_png)
    expect(page.locator("#image-slot .slot-found")).to_contain_text("The character covers")
    assert {path.name for path in _uploads(folder) - before} == {person_png.name}
    assert said == []
