"""Secrets are planted in a served app, and everything is driven that could repeat them; then all that it has written
and answered is searched.

The app logs all that its libraries would say, at the lowest level.
"""

import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "assets" / "examples"
TYPED = "vendor-token-0123456789"  # the played vendor takes this one alone
PLANTED = {
    "the app's token": "planted-apps-token-11aa22bb",
    "a visitor's token": TYPED,
    "a refused token": "planted-refused-token-33cc44dd",
    "the key of the store": "PLANTEDACCESSKEY55EE",
    "the secret of the store": "planted/store+secret/66ff77aa",
    "the secret of the login": "planted-login-secret-88bb99cc",
    "a visitor's id": f"{'planted-visitor':-<43}",
}
# Whose a run is stands in the ledger; it is no secret from whoever has that.
IN_LEDGER = {"a visitor's id"}
KEYS = ("files.key", "lending.key")
NOISE = "import logging\nlogging.basicConfig(level=logging.DEBUG)\n"
CONTROL = "planted-control-00dd11ee"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store():
    """An S3 server on this machine."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  takes a second

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.put(f"http://{host}:{port}/bucket")
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def driven(serve, vendor, store, tmp_path_factory):
    """Everything is driven once; gives the data folder, all answers, and the addresses that the vendor was sent."""
    folder, noisy = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("noisy")
    (noisy / "sitecustomize.py").write_text(NOISE)
    env = {
        "PYTHONPATH": os.pathsep.join([str(noisy), os.environ.get("PYTHONPATH", "")]),
        "KLING_UI_API_BASE": vendor.address,
        "RUNCOMFY_API_TOKEN": PLANTED["the app's token"],
        "KLING_UI_TOKEN_FOR": "everybody",
        "KLING_UI_BUDGET_DAY_USD": "100",
        "KLING_UI_MCP": str(int(find_spec("mcp") is not None)),
        "KLING_UI_STORE_URL": "s3://bucket/inputs",
        "AWS_ENDPOINT_URL": store,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": PLANTED["the key of the store"],
        "AWS_SECRET_ACCESS_KEY": PLANTED["the secret of the store"],
        "SPACE_ID": "ann/demo",
        "SPACE_HOST": "ann-demo.hf.space",
        "OAUTH_CLIENT_ID": "client-id",
        "OAUTH_CLIENT_SECRET": PLANTED["the secret of the login"],
        "OPENID_PROVIDER_URL": "https://127.0.0.1:1",
    }
    fresh = httpx.Limits(max_keepalive_connections=0)  # the server closes what is idle, which may cross a request
    with serve(folder, **env) as (_, address), httpx.Client(base_url=address, timeout=120, limits=fresh) as http:
        drive = _Drive(http)
        drive.everything()
        exported = _exported(folder, env | {"KLING_UI_DATA_DIR": str(folder)})
    sent = [job.sent[name] for job in vendor.vendor.jobs.values() for name in ("image_url", "video_url")]
    return folder, drive.told | exported, sent


class _Drive:
    """Asks for everything, and keeps what was answered."""

    def __init__(self, http):
        self.told = {}
        self._http = http
        self._config = http.get("/config").json()
        self._inputs = {}

    def everything(self):
        self._get("/", "/config", "/gradio_api/info", "/gradio_api/app_id", "/theme.css", "/health")
        self._get("/gradio_api/openapi.json", "/login/huggingface", "/login/callback?state=x&code=y")
        self._hand_in()
        self._page()
        self._endpoints()
        self._tools()

    def _get(self, *paths):
        for path in paths:
            answer = self._http.get(path)
            self.told[path] = f"{answer.headers}\n{answer.text}"

    def _hand_in(self):
        for kind, name in (("image", "character-upper-body.png"), ("video", "gesture-upper-body.mp4")):
            content = (EXAMPLES / name).read_bytes()
            self._inputs[kind] = self._http.post("/inputs", content=content, headers={"X-File-Name": name}).json()[
                "ref"
            ]

    def _page(self):
        asked = self._inputs | {"orientation": "video", "keep_sound": True, "accepted": True}
        for prompt in ("it fails", "by the sea"):
            self._event("on_token", token=PLANTED["a visitor's token"])
            self._event("cost")
            self._event("on_run", run_request=asked | {"prompt": prompt})
        self._event("on_token", token=PLANTED["a refused token"])
        self._event("on_run", run_request=asked | {"prompt": "with a refused token"})
        self._event("on_recover", {"request_id": "req-unknown"})
        for name in ("on_return", "on_stale_token", "on_forget", "on_account"):  # on_arrival gives the id
            self._event(name)
        self._event("on_run", run_request=asked | {"prompt": "with the token of the app"})

    def _event(self, name, told=None, **filled):
        event = next(event for event in self._config["dependencies"] if event["api_name"] == name)
        parts = {part["id"]: part["props"] for part in self._config["components"]}
        known = {"kling_ui.visitor": PLANTED["a visitor's id"], "engine": "kling", "resolution": "720p"}
        known |= {"video-slot": {"ref": self._inputs["video"]}} | {key.replace("_", "-"): filled[key] for key in filled}
        values = [known.get(parts[n].get("storage_key") or parts[n].get("elem_id") or "") for n in event["inputs"]]
        session = secrets.token_hex(6)
        body = {"data": values, "fn_index": event["id"], "session_hash": session, "event_data": told}
        assert self._http.post("/gradio_api/queue/join", json=body).is_success
        answer = self._http.get("/gradio_api/queue/data", params={"session_hash": session}).text
        self.told[f"{name} {filled.get('run_request', {}).get('prompt', '')} {len(self.told)}"] = answer

    def _endpoints(self):
        paid = {"engine": "kling", "max_usd": 1.0} | self._inputs
        run = self._call("run", token=TYPED, prompt="by a program", **paid)
        handle = re.search(r'"handle": "([^"]+)"', run)[1]
        self._call("status", handle=handle, token=TYPED, wait_s=30)
        self._call("result", handle=handle)
        self._call("run", token=TYPED, prompt="it fails for a program", **paid)
        for token in (PLANTED["a refused token"], [PLANTED["a refused token"]], f"{PLANTED['a refused token']} x"):
            self._call("run", token=token, prompt="refused", **paid)
            self._call("price", token=token)
        self._call("check", **self._inputs, details=True)
        self._call("check", image=PLANTED["a refused token"])

    def _call(self, name, **values):
        begun = self._http.post(f"/gradio_api/call/v2/{name}", json=values)
        address = f"/gradio_api/call/{name}/{begun.json().get('event_id')}"
        self.told[f"{name} {len(self.told)}"] = told = begun.text + self._http.get(address).text
        return told

    def _tools(self):
        accepted = {"Accept": "application/json, text/event-stream"}
        paid = {"engine": "kling", "max_usd": 1.0, "prompt": "by an agent"} | self._inputs
        for name, arguments in (
            ("run", {"token": TYPED} | paid),
            ("run", {"token": PLANTED["a refused token"]} | paid),
            ("price", {"token": [PLANTED["a refused token"]]}),
            ("price", PLANTED["a refused token"]),
        ):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
            answer = self._http.post("/gradio_api/mcp", json=body, headers=accepted)
            self.told[f"tool {name} {len(self.told)}"] = answer.text


def _exported(folder, env):
    """Take everything away with the command line, and look at it there."""
    told, away = {}, folder.parent / "exported"
    for command in (["runs", "--json", "--all"], ["export", str(away), "--all"]):
        done = subprocess.run(
            [sys.executable, "-m", "kling_ui", *command],
            cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told[" ".join(command[:2])] = done.stdout + done.stderr
    files = [path for path in away.rglob("*") if path.is_file()]
    assert files
    return told | {f"exported {path.name}": path.read_bytes().decode("latin-1") for path in files}


def _forms(secret):
    """Give the ways in which a secret could stand somewhere."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    forms = {raw, raw.hex().encode(), b64encode(raw).rstrip(b"="), urlsafe_b64encode(raw).rstrip(b"=")}
    return (
        forms
        if isinstance(secret, bytes)
        else forms | {quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    )


def _places_of(secret, folder, told, *, but=()):
    """Give the places where a secret stands: names of answers, and of files of the data folder, the log among them."""
    forms = _forms(secret)
    found = [name for name, text in told.items() if any(form.decode("latin-1") in text for form in forms)]
    for path in [path for path in folder.rglob("*") if path.is_file() and path.name not in but]:
        content = path.read_bytes()
        found += [path.name for form in forms if form in content]
    return found


def _is_of_ledger(name):
    return name.startswith("ledger.sqlite")


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_is_nowhere(driven, what):
    folder, told, _ = driven
    found = _places_of(PLANTED[what], folder, told)
    assert [place for place in found if not (what in IN_LEDGER and _is_of_ledger(place))] == []


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_signatures_is_in_its_file_alone(driven, name):
    folder, told, _ = driven
    key = (folder / name).read_bytes()
    assert _places_of(key, folder, told) == [name]


def test_no_signed_address_that_the_vendor_was_sent_is_anywhere(driven):
    folder, told, sent = driven
    signatures = {parse_qs(urlsplit(url).query)["X-Amz-Signature"][0] for url in sent}
    assert len(signatures) == len(sent) > 4
    for signature in signatures:
        assert _places_of(signature, folder, told) == []
    for url in sent:
        assert _places_of(urlsplit(url).path.rpartition("/")[2], folder, told) == []


def test_handles_are_told_once_and_not_written(driven):
    folder, told, _ = driven
    handles = {handle for text in told.values() for handle in re.findall(r'"handle": ?"([^"]+)"', text)}
    assert len(handles) > 1
    for handle in handles:
        assert len(_places_of(handle, folder, told)) == 1


def test_all_of_it_was_driven(driven):
    """Paid runs have ended well and badly, the log is full, and a secret that stands somewhere is found there."""
    folder, told, sent = driven
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        states = [row[0] for row in ledger.execute("SELECT state FROM runs WHERE engine = 'kling'")]
    assert {"completed", "failed"} <= set(states)
    assert len(sent) > 4
    log = (folder / "said.txt").read_text()
    assert "DEBUG" in log
    assert "Traceback" not in log
    assert any("did not accept the token" in text for text in told.values())
    (folder / "runs" / "control.txt").write_text(f"x {quote(CONTROL)} x")
    try:
        assert _places_of(CONTROL, folder, told | {"control": CONTROL}) == ["control", "control.txt"]
        assert _places_of(CONTROL, folder, {"control": b64encode(CONTROL.encode()).decode()})[0] == "control"
    finally:
        (folder / "runs" / "control.txt").unlink()
