"""The endpoints of a served app, as programs call them: with Gradio's client, curl and JavaScript."""

import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from kling_ui.options import TransferOptions
from kling_ui.presentation.request_code import CodeRequest, snippets
from kling_ui.runs.record import EngineName
from kling_ui.settings import MODEL_ID

ROOT = Path(__file__).resolve().parents[3]
PAPER = ROOT / "docs" / "programs.md"
EXAMPLES = ROOT / "assets" / "examples"
JAVASCRIPT = Path(__file__).with_name("javascript") / "node_modules"
TOKEN = "vendor-token-0123456789"
OWNER_TOKEN = "owner-token-9876543210"
UNKNOWN = "No run is known under this handle. It is told once, in the answer to run."

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def address(serve, vendor, folder):
    """An app that others can reach, with a token of its own that would pay for everybody on the page."""
    env = {
        "KLING_UI_API_BASE": vendor.address,
        "KLING_UI_HOST": "0.0.0.0",
        "RUNCOMFY_API_TOKEN": OWNER_TOKEN,
        "KLING_UI_TOKEN_FOR": "everybody",
        "KLING_UI_BUDGET_DAY_USD": "100",
        "KLING_UI_BUDGET_SESSION_USD": "0.60",
    }
    with serve(folder, **env) as (_, address):
        yield address


@pytest.fixture(scope="module")
def app(address):
    return Client(address, verbose=False, download_files=False)


@pytest.fixture(scope="module")
def inputs(app):
    """Both inputs, as an app that was asked to repair them names them."""
    image, video = EXAMPLES / "character-upper-body.png", EXAMPLES / "gesture-upper-body.mp4"
    mended = app.predict(image=handle_file(image), video=handle_file(video), api_name="/repair")
    return {"image": mended["image"]["ref"], "video": mended["video"]["ref"]}


@pytest.fixture
def beside(tmp_path):
    """A folder with what the examples of the paper name."""
    shutil.copy(EXAMPLES / "character-upper-body.png", tmp_path / "me.png")
    shutil.copy(EXAMPLES / "gesture-upper-body.mp4", tmp_path / "dance.mp4")
    return tmp_path


def _refused(app, name, **values):
    with pytest.raises(AppError) as refused:
        app.predict(api_name=f"/{name}", **values)
    return str(refused.value)


def _blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAPER.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def _said(command, beside, address):
    env = os.environ | {"APP_URL": address.rstrip("/"), "RUNCOMFY_API_TOKEN": TOKEN}
    done = subprocess.run(command, cwd=beside, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- what the paper shows ---------------------------------------------------------------------------------------------


def test_the_examples_in_python_run(beside, address, vendor):
    code = "\n".join(_blocks("python"))
    said = _said([sys.executable, "-c", code], beside, address)
    assert said.startswith("pass - Ready.")
    assert re.search(r"http://127.0.0.1:\d+/files/\S+/result.mp4 \d\d", said)
    assert "About $0.28: 4.0 s at $0.07 a second." in said
    assert len(vendor.vendor.jobs) == 1


def test_the_example_in_curl_runs(beside, address):
    said = _said(["sh", "-c", "\n".join(_blocks("sh"))], beside, address).splitlines()
    checked, result = (json.loads(line)[0] for line in said)
    assert checked["verdict"] == "pass"
    assert result["state"] == "completed"
    assert httpx.get(result["video"]["url"]).headers["content-type"] == "video/mp4"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_example_in_javascript_with_gradios_client_runs(beside, address):
    if not (JAVASCRIPT / "@gradio" / "client").is_dir():
        pytest.skip("@gradio/client is not installed: make javascript")
    (beside / "node_modules").symlink_to(JAVASCRIPT)
    (beside / "example.mjs").write_text(_blocks("js")[0])
    said = _said(["node", "example.mjs"], beside, address)
    assert said.startswith("pass - Ready.")
    assert re.search(r"/result.mp4 \d\d", said)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_example_in_javascript_without_a_package_runs(beside, address):
    (beside / "example.mjs").write_text(_blocks("js")[1])
    said = _said(["node", "example.mjs"], beside, address)
    assert said.startswith("pass - Ready.")
    assert re.search(r"/result.mp4 \d\d", said)


@pytest.mark.parametrize("label", ["curl", "Python, httpx", "JavaScript"])
@pytest.mark.parametrize("engine", EngineName)
def test_the_code_that_the_page_shows_runs(beside, address, vendor, engine, label):
    asked = CodeRequest(
        engine=engine,
        image="me.png",
        video="dance.mp4",
        image_url=None,
        video_url=None,
        choice=TransferOptions(f'It\'s "code" in {label}'),
        max_usd=1.0,
        api_base=vendor.address,
        model_id=MODEL_ID,
        app_url=address.rstrip("/"),
    )
    text = next(snippet.text for snippet in snippets(asked) if snippet.label == label)
    (beside / "code.mjs").write_text(text)
    command = {
        "curl": ["sh", "-c", text],
        "Python, httpx": [sys.executable, "-c", text],
        "JavaScript": ["node", "code.mjs"],
    }
    if shutil.which(command[label][0]) is None:
        pytest.skip(f"{command[label][0]} is not installed")
    before = len(vendor.vendor.jobs)
    said = _said(command[label], beside, address)
    assert "video" in said
    if engine is EngineName.KLING:
        assert len(vendor.vendor.jobs) == before + 1
        assert f"{vendor.address}/v1/files/video.mp4" in said
    else:
        assert "/result.mp4" in said


def test_a_sheet_shows_every_pair_and_says_what_was_not_drawn(app):
    names = ("character-upper-body.png", "character-full-body.png")
    images = [handle_file(EXAMPLES / name) for name in names]
    drawn = app.predict(images=images, videos=[handle_file(EXAMPLES / "gesture-upper-body.mp4")], api_name="/sheet")
    assert [cell["image"] for cell in drawn["cells"]] == list(names)
    assert drawn["cells"][0] == {
        "image": names[0],
        "video": "gesture-upper-body.mp4",
        "message": "Ready.",
        "is_done": True,
    }
    picture = httpx.get(drawn["sheet"]["url"])
    assert picture.headers["content-type"] == "image/png"
    assert len(picture.content) > 50_000


@pytest.mark.parametrize(
    ("images", "videos", "words"),
    [
        ([], ["x"], "images takes a list of at least one file."),
        ("x", ["x"], "images takes a list of at least one file."),
        (["x"] * 7, ["x"] * 2, "A sheet holds at most 12 pairs here."),
        (["/etc/passwd"], ["x"], "No file is known here"),
        ([""], [""], "A sheet takes one image and one video at least."),
    ],
)
def test_what_is_no_sheet_is_refused_in_words(app, images, videos, words):
    assert words in _refused(app, "sheet", images=images, videos=videos)


# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "A run on Kling costs money and needs a RunComfy token."),
        ({"max_usd": 1}, "A run on Kling costs money and needs a RunComfy token."),
        ({"token": TOKEN}, "A run on Kling costs money, and no limit was given for it."),
        ({"token": TOKEN, "max_usd": 0}, "A run on Kling costs money, and no limit was given for it."),
        ({"token": TOKEN, "max_usd": -1}, "A run on Kling costs money, and no limit was given for it."),
        ({"token": TOKEN, "max_usd": True}, "A run on Kling costs money, and no limit was given for it."),
        ({"token": TOKEN, "max_usd": "1"}, "A run on Kling costs money, and no limit was given for it."),
        ({"token": "two words", "max_usd": 1}, "This cannot be a RunComfy token."),
        ({"token": TOKEN, "max_usd": 0.27}, "This run would cost about $0.28, but it may cost $0.27 at most."),
        ({"token": "wrong-token", "max_usd": 1}, "The model API did not accept the token."),
    ],
)
def test_nothing_is_bought_without_leave(app, inputs, vendor, values, words):
    before = len(vendor.vendor.jobs)
    assert words in _refused(app, "run", engine="kling", prompt="nothing bought", **inputs, **values)
    assert len(vendor.vendor.jobs) == before


def test_a_paid_run_is_made_once_and_budgets_of_the_owner_hold(app, inputs, vendor):
    asked = {"engine": "kling", "prompt": "it waits", "token": TOKEN, "max_usd": 0.28} | inputs
    before = len(vendor.vendor.jobs)
    one = app.predict(api_name="/run", **asked)
    two = app.predict(api_name="/run", **asked)
    assert len(vendor.vendor.jobs) <= before + 1
    assert (one["is_new"], two["is_new"]) == (True, False)
    assert one["handle"] != two["handle"]
    assert app.predict(two["handle"], api_name="/status")["estimate_usd"] == pytest.approx(0.28)
    refused = _refused(app, "run", **(asked | {"prompt": "another one"}))
    assert "of the budget of $0.60" in refused
    assert "KLING_UI_BUDGET_SESSION_USD" in refused
    assert app.predict(api_name="/price", token=TOKEN, video=inputs["video"])["refusal"]
    app.predict(one["handle"], api_name="/cancel")


def test_tokens_are_nowhere(app, folder):
    """Read after the calls above, two of which were made with them."""
    _refused(app, "price", token=f"{TOKEN}-planted")
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        text = file.read_bytes()
        assert TOKEN.encode() not in text, file
        assert OWNER_TOKEN.encode() not in text, file


def test_a_call_repeated_with_the_handle_that_it_chose_makes_one_run(app, inputs, folder):
    asked = inputs | {"prompt": "repeated", "handle": str(uuid.uuid4()), "again": True}
    jobs = [app.submit(api_name="/run", **asked) for _ in range(3)]
    told = [job.result(timeout=60) for job in jobs]
    assert {one["handle"] for one in told} == {asked["handle"]}
    assert sorted(one["is_new"] for one in told) == [False, False, True]
    app.predict(asked["handle"], api_name="/cancel")
    assert app.predict(api_name="/run", **asked)["handle"] == asked["handle"], (
        "it does not begin anew when it has ended"
    )
    refused = _refused(app, "run", **(asked | {"prompt": "repeated, but another"}))
    assert "Another run was started with this handle. Choose one for each run." in refused
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        (runs,) = ledger.execute("SELECT count(*) FROM runs WHERE choice LIKE '%repeated%'").fetchone()
    assert runs == 1


@pytest.mark.parametrize("name", ["run", "batch", "run_long"])
@pytest.mark.parametrize("handle", ["guessable", "x" * 21, "x" * 129])
def test_a_handle_that_others_could_guess_is_refused(app, inputs, name, handle):
    given = {"images": [inputs["image"]], "videos": [inputs["video"]]} if name == "batch" else inputs
    assert "handle takes 22 to 128 characters that nobody can guess." in _refused(app, name, **given, handle=handle)


# --- isolation --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(app, inputs):
    return app.predict(api_name="/run", prompt="isolated", **inputs)


@pytest.fixture(scope="module")
def run_id(run, folder):
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        (found,) = ledger.execute("SELECT run_id FROM runs WHERE choice LIKE '%isolated%'").fetchone()
    return found


@pytest.mark.parametrize("name", ["status", "result", "cancel", "forget"])
def test_what_is_no_handle_is_answered_alike(app, run, run_id, folder, name):
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        kept = [row[0] for row in ledger.execute("SELECT handle_sha256 FROM handles")]
        owners = [row[0] for row in ledger.execute("SELECT visitor FROM runs")]
    handle = run["handle"]
    guesses = [secrets.token_urlsafe(32), "", "x", run_id, handle[:-1], handle.swapcase(), f"{handle}=", f"../{handle}"]
    guesses += [f"files/runs/{run_id}/result.mp4", f"runs/{run_id}", "%", "' OR 1=1 --", *kept, *owners]
    assert {_refused(app, name, handle=guess) for guess in guesses} == {UNKNOWN}


def test_a_run_is_nobodys_on_the_page(address, run_id, folder):
    """Neither its id nor the name of its owner opens it there; a page cannot be that owner."""
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        (owner,) = ledger.execute("SELECT visitor FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    assert "This run is not known here." in _opened_on_page(address, "v" * 43, run_id)
    assert "The page was not ready yet." in _opened_on_page(address, owner, run_id)
    for path in (f"files/runs/{run_id}/result.mp4", f"files/{'x' * 32}/runs/{run_id}/image.png"):
        assert httpx.get(f"{address}{path}").status_code == 404


def _opened_on_page(address, visitor, run_id):
    events = httpx.get(f"{address}config").json()["dependencies"]
    number = next(event["id"] for event in events if event["api_name"] == "on_open")
    body = {
        "data": [visitor],
        "fn_index": number,
        "session_hash": secrets.token_hex(8),
        "event_data": {"run_id": run_id},
    }
    assert httpx.post(f"{address}gradio_api/queue/join", json=body).is_success
    return httpx.get(f"{address}gradio_api/queue/data", params={"session_hash": body["session_hash"]}, timeout=60).text


@pytest.mark.parametrize(
    "given",
    [
        "ledger.sqlite",
        "/etc/passwd",
        "files/ledger.sqlite",
        "../../etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:1/x.png",
        "https://127.0.0.1:1/x.png",
        "https://localhost/x.png",
        "https://169.254.169.254/latest/meta-data",
        "https://user:pass@example.org/x.png",
        f"{'x' * 32}/files.key",
    ],
)
def test_no_file_but_those_of_the_caller_is_read(app, given):
    said = _refused(app, "check", image=given)
    assert "Traceback" not in said
    assert re.search("No file is known here|not fetched|cannot be used|user name", said), said


def test_gradio_reads_no_file_for_an_endpoint(app, address, folder):
    """Its own mark for files does not make it open, copy or hash one."""
    body = {"image": {"path": str(folder / "files.key"), "meta": {"_type": "gradio.FileData"}}}
    started = httpx.post(f"{address}gradio_api/call/v2/check", json=body).json()
    told = httpx.get(f"{address}gradio_api/call/check/{started['event_id']}").text
    assert "No file is known here under what was given as image." in told
    assert not list((folder / "gradio").rglob("files.key"))


def test_an_answer_is_read_once_and_by_nobody_else(address):
    started = httpx.post(f"{address}gradio_api/call/status", json={"data": ["x"]}).json()
    url = f"{address}gradio_api/call/status/{started['event_id']}"
    assert httpx.get(f"{address}gradio_api/call/status/{'0' * 32}").status_code == 404
    assert "No run is known" in httpx.get(url).text
    assert httpx.get(url).status_code == 404


def test_another_site_cannot_call(address):
    for path in ("gradio_api/call/v2/status", "gradio_api/upload"):
        answer = httpx.post(f"{address}{path}", json={"handle": "x"}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403


def test_previews_of_programs_have_the_share_of_visitors(app, inputs):
    started = []
    refused = ""
    for number in range(4):
        try:
            started.append(
                app.predict(api_name="/run", prompt=f"share {number}", orientation="image", **inputs)["handle"]
            )
        except AppError as error:
            refused = str(error)
    for handle in started:
        assert app.predict(handle, api_name="/cancel")["note"]
    assert len(started) <= 2
    assert "from your network address" in refused


def test_a_run_is_forgotten_with_its_files_and_its_handles(app, inputs, folder):
    asked = {"prompt": "to be forgotten", "orientation": "image"} | inputs
    handles = [app.predict(api_name="/run", **asked)["handle"] for _ in range(2)]
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        found = ledger.execute("SELECT run_id FROM runs WHERE choice LIKE '%to be forgotten%'").fetchall()
    answer = app.predict(handles[0], api_name="/forget")
    assert answer["runs"] == 1
    assert answer["note"].startswith("Deleted: 1 run and ")
    assert _refused(app, "status", handle=handles[0]) == UNKNOWN
    assert not (folder / "runs" / found[0][0]).exists()


def test_no_traceback_is_logged(folder, address):
    said = (folder / "said.txt").read_text()
    assert "Traceback" not in said
