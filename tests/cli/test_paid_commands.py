"""Paid runs as they are typed, against a vendor that is played on a port of this machine."""

import csv
import json

import pytest
from typer.testing import CliRunner

from kling_ui.cli import app

TOKEN = "planted-token-0123456789"


@pytest.fixture
def typed(paid_vendor, tmp_path, monkeypatch):
    """Type a command; return its end."""
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KLING_UI_API_BASE", paid_vendor.url)
    monkeypatch.setenv("KLING_UI_WORKERS", "1")
    monkeypatch.setenv("RUNCOMFY_API_TOKEN", TOKEN)
    monkeypatch.setenv("KLING_UI_BUDGET_DAY_USD", "0.40")

    def command(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert "Traceback" not in done.output
        assert TOKEN not in done.output
        assert "s3cret" not in done.output
        return done

    return command


def test_without_runs_there_is_nothing_to_list(typed, tmp_path):
    done = typed("runs")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "No runs were started here yet" in done.stderr
    assert "Spent on Kling: this session $0.00, today $0.00 of $0.40." in done.stderr
    assert json.loads(typed("runs", "--json").stdout)["runs"] == []
    done = typed("show", "abc")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "There is no such run." in done.stderr


def test_a_request_can_only_be_recovered_with_a_token(typed, monkeypatch, tmp_path):
    done = typed("recover", "not an id", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 1
    assert "not a request id" in json.loads(done.stdout)["error"]["message"]
    monkeypatch.delenv("RUNCOMFY_API_TOKEN")
    done = typed("recover", "req-9", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "RUNCOMFY_API_TOKEN" in done.stderr


@pytest.mark.slow
def test_a_paid_run_its_repetition_its_budget_and_its_history(
    typed, paid_vendor, person_png, short_dance_mp4, tmp_path
):
    out = tmp_path / "out"
    run = ["run", person_png, short_dance_mp4, "--engine", "kling", "--out", out]
    first = typed(*run, "--json")
    assert first.exit_code == 0, first.stderr
    outcome = json.loads(first.stdout)
    assert (outcome["status"], outcome["request_id"], outcome["charge"]) == ("completed", "req-1", "yes")
    assert (outcome["cost_usd"], outcome["estimate_usd"]) == (0.25, pytest.approx(0.2275, abs=0.01))
    assert "The vendor publishes no quote." in first.stderr

    second = typed(*run)
    assert second.exit_code == 0
    assert (
        "You already have this result. Run it again for another one, which is charged again. (--again)" in second.stderr
    )
    assert "It cost $0.25; about $0.23 was expected." in second.stderr
    assert paid_vendor.submits == 1

    refused = typed(*run, "--again")
    assert refused.exit_code == 1
    assert "of the budget of $0.40 for today $0.15 is left. Nothing was sent." in refused.stderr
    assert paid_vendor.submits == 1
    assert len(list(out.iterdir())) == 2, "nothing is overwritten"

    recovered = typed("recover", "req-77", "--out", out, "--json")
    assert recovered.exit_code == 0, recovered.stderr
    assert json.loads(recovered.stdout)["video"] == str(out / "recovered-req-77.mp4")

    listed = json.loads(typed("runs", "--json").stdout)
    assert [run["request_id"] for run in listed["runs"]] == ["req-77", "req-1"]
    assert listed["spending"]["day_usd"] == pytest.approx(0.5)
    assert typed("runs").stdout.count("$0.25") == 2
    shown = typed("show", outcome["run_id"][:12])
    assert "Request: req-1" in shown.stdout
    assert "completed" in shown.stdout
    assert json.loads(typed("show", outcome["run_id"], "--json").stdout)["findings"]["verdict"]

    exported = typed("export", tmp_path / "export")
    assert (exported.exit_code, exported.stdout) == (0, f"{tmp_path / 'export'}\n")
    with (tmp_path / "export" / "runs.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert len(list((tmp_path / "export" / "files").rglob("result.mp4"))) == 2
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN.encode() not in written
    assert b"s3cret" not in written
