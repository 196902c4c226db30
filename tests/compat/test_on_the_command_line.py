"""The command line reads what version 0.1.0 wrote, and says what that version said."""

import csv
import json
import re
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kling_ui.media.metadata import copy_without_metadata

WORDED = {"sentence"}  # may be put into other words; all else is data
COMMANDS = {
    "check": "--image --video --prompt --orientation --sound --no-sound --accept --json",
    "repair": "--image --video --orientation --sound --no-sound --out --json",
    "run": "--prompt --orientation --sound --no-sound --resolution --engine --out --accept --again --json",
    "score": "--orientation --json",
    "runs": "--limit --all --json",
    "show": "--json",
    "recover": "--run --out --json",
    "export": "--all --files --no-files --json",
    "preview-server": "--host --port --token --allow-private",
    "app": "",
}
WRONG_SETTINGS = {
    "RUNCOMFY_API_TOKEN": "two words",
    "RUNCOMFY_TOKEN": "two words",
    "KLING_UI_API_BASE": "nonsense",
    "KLING_UI_MODEL_ID": "a b",
    "KLING_UI_PORT": "0",
    "KLING_UI_PUBLIC_URL": "nonsense",
    "KLING_UI_STORE_URL": "nonsense",
    "KLING_UI_LEND_HOURS": "169",
    "KLING_UI_WORKERS": "0",
    "KLING_UI_BUDGET_SESSION_USD": "-1",
    "KLING_UI_BUDGET_DAY_USD": "-1",
}


def missing(before, now, place=""):
    """Name the keys that were there before and are not there now, and those whose value is of another type."""
    if isinstance(before, dict) and isinstance(now, dict):
        gone = [f"{place}.{key}" for key in before.keys() - now.keys()]
        both = before.keys() & now.keys()
        return gone + [at for key in both for at in missing(before[key], now[key], f"{place}.{key}")]
    if isinstance(before, list) and isinstance(now, list):
        return missing(before[0], now[0], f"{place}[]") if before and now else []
    return [] if before is None or now is None or type(before) is type(now) else [place]


def as_before(before, now):
    """Give the part of today's answer that was there before, and words as they were if there still are any."""
    return {key: before[key] if key in WORDED and now.get(key) else now.get(key, "gone") for key in before}


def all_as_before(before, now):
    """Give the same of rows."""
    return [as_before(*pair) for pair in zip(before, now, strict=True)]


def test_commands_and_settings_have_their_names(typed, doors, data, tmp_path):
    elsewhere = tmp_path / "elsewhere.sqlite"
    (data / "ledger.sqlite").rename(elsewhere)
    helps = [[command, "--help"] for command in COMMANDS]
    *helped, listed, unknown, wrong = typed(
        *helps, ["runs", "--all", "--json"], ["show", "x"], ["nonsense"], KLING_UI_LEDGER_URL=f"sqlite:///{elsewhere}"
    )
    for options, one in zip(COMMANDS.values(), helped, strict=True):
        assert one.code == 0
        assert set(options.split()) <= set(re.findall(r"--[a-z-]+", one.stdout)), one.stdout
    assert len(json.loads(listed.stdout)["runs"]) == 13
    assert (unknown.code, wrong.code) == (1, 2)
    for name, value in WRONG_SETTINGS.items():
        assert doors.complaint({name: value}).startswith(f"{name} "), name


def test_runs_are_listed_as_they_were(told, said):
    before, now = said["runs"], json.loads(told.everybodys)
    assert all_as_before(before["runs"], now["runs"]) == before["runs"]
    assert as_before(before["spending"], now["spending"]) == before["spending"]
    assert [run["run_id"] for run in json.loads(told.own)["runs"]] == said["own runs"]
    # $1.19 in the session and $0.84 today, of which $0.70 are of runs whose outcome is not known
    spent_and_left = {"$0.49", "$0.14", "$0.70", "$17.55"}
    assert spent_and_left <= set(re.findall(r"\$[0-9.]*[0-9]", told.budget_words))


def test_one_run_is_shown_as_it_was(told, said, kept):
    assert as_before(said["show"], json.loads(told.shown)) == said["show"]
    assert kept["runs"]["preview"] in told.found


def test_an_export_holds_what_it_held(told, exported):
    assert json.loads(told.export) == {"runs": 6, "folder": str(told.out)}
    before, now = (json.loads((folder / "runs.json").read_text("utf-8"))["runs"] for folder in (exported, told.out))
    assert all_as_before(before, now) == before
    names = [name for run in now for name in run["files"]]
    assert len(names) == 13
    for name in names:
        kept = told.data / "runs" / name.removeprefix("files/")
        if not kept.name.startswith("result"):  # inputs leave without their metadata
            copy_without_metadata(kept, told.out / "kept")
            kept = told.out / "kept"
        assert (told.out / name).read_bytes() == kept.read_bytes()
    before, now = (rows_of(folder / "runs.csv") for folder in (exported, told.out))
    assert all_as_before(before, now) == before


def rows_of(table):
    """Read a table."""
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_was_spent_is_what_was_spent(doors, data, kept):
    visitors = kept["visitors"]
    for who, name in {"command line": "command line", "other": "other", "own token": "other"}.items():
        summed = doors.spent(data, visitors[name], kept["now"], own_token=who == "own token")
        assert summed == pytest.approx(kept["spending"][who]), who


def test_inputs_are_judged_in_the_same_form_and_find_their_run(typed, said, kept, data):
    out = data.parent / "out"
    image, video = (data / kept["references"][name].partition("/")[2] for name in ("image", "video"))
    looked = ["check", "--image", image, "--video", video, "--prompt", "At the window", "--json"]
    same = ["run", image, video, "--prompt", "In a bright room", "--resolution", "1080p", "--out", out, "--json"]
    checked, ran = typed(looked, same)
    assert (checked.code, ran.code) == (0, 0), ran.stderr

    before, now, outcome = said["check"], json.loads(checked.stdout), json.loads(ran.stdout)
    assert missing(before, now) == missing(before, outcome["check"]) == []
    for kind in ("image", "video", "pair"):
        for fact, value in before[kind]["facts"].items():
            expected = pytest.approx(value, rel=0.02) if isinstance(value, float) else value
            assert now[kind]["facts"][fact] == expected, fact
        assert {one["rule"] for one in before[kind]["findings"]} <= {one["rule"] for one in now[kind]["findings"]}

    assert (outcome["run_id"], outcome["status"]) == (kept["runs"]["preview"], "completed")
    (delivered,) = out.iterdir()
    assert delivered.read_bytes() == (data / "runs" / kept["runs"]["preview"] / "result.mp4").read_bytes()
    assert len(list((data / "runs").iterdir())) == len(kept["runs"])


class Vendor(BaseHTTPRequestHandler):
    """Knows every request, and has failed with it; takes no new one."""

    def do_GET(self):
        self.tell({"request_id": self.path.split("/")[3], "status": "failed", "error": {"message": "Out of memory"}})

    def do_POST(self):
        raise AssertionError("nothing is sent again")

    def tell(self, body):
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def vendor():
    with ThreadingHTTPServer(("127.0.0.1", 0), Vendor) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_requests_are_recovered(typed, vendor, kept, data, tmp_path):
    here, found = typed(
        ["recover", "req-recovered", "--out", tmp_path, "--json"],
        ["recover", "req-found", "--run", kept["runs"]["unknown"], "--out", tmp_path, "--json"],
        RUNCOMFY_API_TOKEN="token-of-a-test",
        KLING_UI_API_BASE=vendor,
    )
    outcome = json.loads(here.stdout)
    assert (here.code, outcome["run_id"], outcome["cost_usd"]) == (0, kept["runs"]["recovered"], 0.14)
    result = data / "runs" / kept["runs"]["recovered"] / "result.mp4"
    assert (tmp_path / outcome["video"]).read_bytes() == result.read_bytes()

    outcome = json.loads(found.stdout)
    assert (found.code, outcome["run_id"], outcome["request_id"]) == (1, kept["runs"]["unknown"], "req-found")
    assert (outcome["status"], outcome["error"]["raw"]) == ("failed", "Out of memory")
    with sqlite3.connect(data / "ledger.sqlite") as connection:
        row = "SELECT state, request_id, raw_error FROM runs WHERE run_id = ?"
        assert connection.execute(row, [kept["runs"]["unknown"]]).fetchone() == ("failed", "req-found", "Out of memory")
    connection.close()
