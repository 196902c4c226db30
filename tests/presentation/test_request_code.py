"""The code that the page shows makes the request that it shows."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.presentation.request_code import CodeRequest, snippets
from kling_ui.runs.record import EngineName

PROMPTS = ["At the sea", "", 'It\'s "quoted" $HOME `id` \\n %s {x} ${y} </script>', "zwei\nZeilen ☂ \u2028"]
BODY = {"keep_original_sound": False, "character_orientation": "image"}


def _asked(**changes):
    usual = {
        "engine": EngineName.KLING,
        "image": "it's me.png",
        "video": "dance.mp4",
        "image_url": None,
        "video_url": "https://pics.example/a.mp4?x=1&y='2'",
        "choice": TransferOptions("At the sea", Orientation.IMAGE, False),
        "max_usd": 0.28,
        "api_base": "https://model-api.runcomfy.net",
        "model_id": "kling/kling-2-6/motion-control-standard",
        "app_url": "http://127.0.0.1:7860",
    }
    return CodeRequest(**(usual | changes))


def _code(**changes):
    return {snippet.label: snippet.text for snippet in snippets(_asked(**changes))}


def _with_prompt(prompt, **changes):
    return _code(choice=TransferOptions(prompt, Orientation.IMAGE, False), **changes)


def test_json_is_what_is_sent_with_files_by_name():
    assert (
        json.loads(_code()["JSON"])
        == {
            "prompt": "At the sea",
            "image_url": "data:image/png;base64,<it's me.png>",
            "video_url": "https://pics.example/a.mp4?x=1&y='2'",
        }
        | BODY
    )
    large = TransferOptions("At the sea", Orientation.VIDEO, True, Resolution.P1080)
    assert json.loads(_code(engine=EngineName.PREVIEW, choice=large)["JSON"]) == {
        "image": "<upload of it's me.png>",
        "video": "https://pics.example/a.mp4?x=1&y='2'",
        "engine": "preview",
        "prompt": "At the sea",
        "orientation": "video",
        "keep_sound": True,
        "resolution": "1080p",
    }


@pytest.mark.parametrize("engine", EngineName)
def test_the_token_is_a_variable_of_the_environment(engine):
    for label, text in _code(engine=engine).items():
        is_needed = engine is EngineName.KLING and label != "JSON"
        assert ("RUNCOMFY_API_TOKEN" in text) is is_needed
    assert "max_price_usd=0.28," in _code()["Python, kling_ui"]


FAL = "fal-ai/kling-video/v3/pro/motion-control"
WITH_FAL = {"model_id": FAL, "choice": TransferOptions("At the sea", Orientation.IMAGE, False, model=FAL)}


def test_through_fal_its_queue_is_asked_with_its_key():
    code, usual = _code(**WITH_FAL), _code()
    assert code["JSON"] == usual["JSON"], "both take the same flat body"
    for label in ("curl", "Python, httpx", "JavaScript"):
        for word in (
            "https://queue.fal.run",
            f"/{FAL}",
            "/fal-ai/kling-video/requests/",
            "Key ",
            "FAL_KEY",
            "COMPLETED",
        ):
            assert word in code[label], (label, word)
        assert "x-fal-no-retry" in code[label], "else fal would run failed work again by itself"
        assert "RUNCOMFY" not in code[label]
        assert "fal." not in usual[label]
    assert f'model="{FAL}",' in code["Python, kling_ui"]
    assert "KLING_UI_FAL_KEY" in code["Python, kling_ui"]
    assert "model=" not in usual["Python, kling_ui"]


QUEUE = """
import httpx
def answer(request):
    print(request.method, request.url, request.headers["authorization"], request.headers.get("x-fal-no-retry"))
    is_result = request.method == "GET" and not request.url.path.endswith("/status")
    return httpx.Response(200, json={"video": 1} if is_result else {"request_id": "r1", "status": "COMPLETED"})
usual = httpx.Client
httpx.Client = lambda **given: usual(**given, transport=httpx.MockTransport(answer))
"""


def test_python_submits_once_to_fal_and_reads_the_result(tmp_path):
    (tmp_path / "it's me.png").write_bytes(b"picture")
    (tmp_path / "asked.py").write_text(QUEUE + _code(**WITH_FAL)["Python, httpx"], "utf-8")
    env = {**os.environ, "FAL_KEY": "id:secret"}
    told = subprocess.run(
        [sys.executable, "asked.py"], cwd=tmp_path, env=env, check=True, timeout=30, capture_output=True, text=True
    ).stdout.splitlines()
    request = "https://queue.fal.run/fal-ai/kling-video/requests/r1"
    assert told == [
        f"POST https://queue.fal.run/{FAL} Key id:secret 1",
        f"GET {request}/status Key id:secret None",
        f"GET {request} Key id:secret None",
        "{'video': 1}",
    ]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("engine", EngineName)
def test_python_can_be_read_and_says_the_same(engine, prompt):
    code = _with_prompt(prompt, engine=engine)
    called = next(node for node in ast.walk(ast.parse(code["Python, kling_ui"])) if isinstance(node, ast.Call))
    told = {keyword.arg: ast.literal_eval(keyword.value) for keyword in called.keywords}
    assert [ast.literal_eval(argument) for argument in called.args] == ["it's me.png", "dance.mp4"]
    assert (told["prompt"], told["engine"], told["orientation"]) == (prompt, engine.value, "image")
    request = next(
        node.value
        for node in ast.walk(ast.parse(code["Python, httpx"]))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    said = {ast.literal_eval(key): value for key, value in zip(request.keys, request.values, strict=True)}
    assert ast.literal_eval(said["prompt"]) == prompt
    assert isinstance(said["image_url" if engine is EngineName.KLING else "image"], ast.Call)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("engine", EngineName)
def test_the_shell_sends_exactly_the_body(engine, prompt, tmp_path):
    """The program that would send it is replaced by one that keeps what it is given."""
    code = _with_prompt(prompt, engine=engine)
    (tmp_path / "it's me.png").write_bytes(bytes(range(256)) * 2000)
    (tmp_path / "curl").write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '  *--data-binary*) [ -e body ] || cat > body; echo \'{"request_id": "r1", "event_id":"e1"}\';;\n'
        "  *upload*) echo '[\"up/me.png\"]';;\n"
        '  *) echo \'data: [{"status": "completed", "is_final": true, "handle": "h"}]\';;\n'
        "esac\n"
    )
    (tmp_path / "curl").chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RUNCOMFY_API_TOKEN": "t"}
    subprocess.run(["sh", "-c", code["curl"]], cwd=tmp_path, env=env, check=True, timeout=30, capture_output=True)
    sent = json.loads((tmp_path / "body").read_text())
    assert sent["prompt"] == prompt
    if engine is EngineName.KLING:
        assert sent["image_url"].startswith("data:image/png;base64,AAECAwQF")
        assert len(sent["image_url"]) > 680_000
        assert sent["video_url"] == "https://pics.example/a.mp4?x=1&y='2'"
        assert BODY.items() <= sent.items()
    else:
        assert (sent["image"], sent["orientation"], sent["keep_sound"]) == ("up/me.png", "image", False)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("engine", EngineName)
def test_javascript_can_be_read(engine, tmp_path):
    for number, prompt in enumerate(PROMPTS):
        file = tmp_path / f"{number}.mjs"
        file.write_text(_with_prompt(prompt, engine=engine)["JavaScript"], "utf-8")
        subprocess.run(["node", "--check", file], check=True, timeout=30)
    (file := tmp_path / "fal.mjs").write_text(_code(**WITH_FAL)["JavaScript"], "utf-8")
    subprocess.run(["node", "--check", file], check=True, timeout=30)


class _SlowApp(BaseHTTPRequestHandler):
    """Answers as the app's endpoints do while they take longer than 15 s, after which Gradio sends signs of life."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.rsplit("/", 1)[1]
        self._answer(json.dumps(["up/me.png"] if name == "upload" else {"event_id": "e1"}, separators=(",", ":")))

    def do_GET(self):
        told = [{"handle": "h1", "is_final": True, "video": f"of {self.path.split('/')[-2]}"}]
        self._answer("event: heartbeat\ndata: null\n\n" * 2 + f"event: complete\ndata: {json.dumps(told)}\n\n")

    def _answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def slow_app() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _SlowApp)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("label", ["curl", "Python, httpx", "JavaScript"])
def test_a_call_that_takes_long_is_answered_by_its_last_event(label, slow_app, tmp_path):
    for name in ("it's me.png", "dance.mp4"):
        (tmp_path / name).write_bytes(b"content")
    text = _code(engine=EngineName.PREVIEW, app_url=slow_app, video_url=None)[label]
    (tmp_path / "code.mjs").write_text(text, "utf-8")
    command = {"curl": ["sh", "-c", text], "Python, httpx": [sys.executable, "-c", text]}
    command = command.get(label, ["node", "code.mjs"])
    if shutil.which(command[0] if label != "curl" else "curl") is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True)
    assert "of result" in done.stdout
    assert "null" not in done.stdout
