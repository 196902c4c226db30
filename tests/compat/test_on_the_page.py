"""The page opens addresses, cookies and browser values of version 0.1.0, and goes on with what that version left."""

import sqlite3
import time


def states(data):
    """Give the state of each run, as the ledger has it."""
    with sqlite3.connect(data / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT run_id, state FROM runs").fetchall()
    connection.close()
    return dict(rows)


def log_in(client, kept, monkeypatch):
    """Come back with the cookie, a minute after it was given."""
    shift_s, now = kept["oauth"]["signed_at"] + 60 - time.time(), time.time
    monkeypatch.setattr(time, "time", lambda: now() + shift_s)
    client.cookies.set(kept["oauth"]["cookie_name"], kept["oauth"]["cookie"])


def test_addresses_of_files_are_opened(client, kept, data):
    assert len(kept["references"]) == 9
    for name, ref in kept["references"].items():
        path = ref.partition("/")[2]
        assert client.get(f"/files/{ref}").content == (data / path).read_bytes(), name
        assert client.get(f"/files/{'x' * 32}/{path}").status_code == 404, name
    for name, ref in {"image": "unknown image", "reference": "waiting reference"}.items():
        answer = client.get(kept["lent"][ref])
        place = kept["lent"][ref].partition("?")[0].removeprefix("/lent/")
        assert (answer.status_code, answer.content) == (200, (data / "runs" / place).read_bytes()), name
        assert client.get(kept["lent"][ref].replace("signature=", "signature=x")).status_code == 404
    for name in ("completed image", "expired"):
        assert client.get(kept["lent"][name]).status_code == 404, name


def test_the_cookie_is_a_login_whose_runs_are_shown_and_found(client, doors, kept, data, monkeypatch):
    assert doors.send(client, "account", {}) == [{}]
    log_in(client, kept, monkeypatch)
    assert doors.send(client, "account", {}) == [{"name": kept["account_name"]}]
    run_id = kept["runs"]["account"]
    _, player, history = doors.send(client, "return", kept["browser"])
    assert (player["run_id"], [run["run_id"] for run in history["runs"]]) == (run_id, [run_id])
    assert player["result"].endswith(kept["references"]["account result"])

    before = states(data)
    wanted = {"run-request": kept["wish"], "engine": "preview", "resolution": "720p"} | kept["browser"]
    status, player, _ = doors.send(client, "run", wanted)
    assert (status["run_id"], status["state"], player["run_id"]) == (run_id, "standing", run_id)
    assert states(data) == before


def test_what_the_browser_keeps_comes_back(client, doors, kept, data):
    parts = client.get("/config").json()["components"]
    stores = {part["props"]["storage_key"]: part["props"] for part in parts if part["type"] == "browserstate"}
    assert stores.keys() == kept["browser"].keys()
    assert {store["secret"] for store in stores.values()} == {kept["browser_scramble"]}

    inputs = kept["browser"]["kling_ui.inputs"]
    choice = [inputs["orientation"], inputs["keep_sound"], inputs["prompt"], "720p"]  # no size was kept then
    assert doors.send(client, "kept choice", kept["browser"]) == choice
    image, video = doors.send(client, "first look", kept["browser"])
    for shown, before in ((image, inputs["image"]), (video, inputs["video"])):
        assert shown["ref"] == before["ref"]
        assert {name: shown["current"][name] for name in before["current"]} == before["current"]
        assert [{name: past[name] for name in before["past"][0]} for past in shown["past"]] == before["past"]


def test_a_run_waits_for_its_token_and_others_are_gone_on_with(client, doors, kept, data):
    runs = kept["runs"]
    status, _, history = doors.send(client, "return", kept["browser"])
    assert (status["run_id"], status["state"]) == (runs["waiting"], "in_queue")
    assert [action["do"] for action in status["actions"]] == ["token"]
    assert len(history["runs"]) == 6

    before = states(data)
    client.portal.call(doors.look_after, client.app)
    changed = {runs["preparing"]: "failed", runs["submitting"]: "unknown", runs["scoring"]: "completed"}
    assert states(data) == before | changed


def test_a_later_process_deletes_what_a_store_still_holds(doors, data, kept):
    assert doors.take_back(data, kept["runs"]["unknown"], kept["objects"]) == []
