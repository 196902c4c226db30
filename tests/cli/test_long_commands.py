"""``kling-ui plan`` and ``kling-ui run-long`` as they are typed."""

import json

import pytest
from typer.testing import CliRunner

from kling_ui.cli import app


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Type a command; return its end."""
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KLING_UI_WORKERS", "1")
    monkeypatch.delenv("RUNCOMFY_API_TOKEN", raising=False)

    def command(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert "Traceback" not in done.output
        return done

    return command


def test_a_clip_within_the_limit_needs_no_plan(typed, short_dance_mp4):
    done = typed("plan", short_dance_mp4)
    assert done.exit_code == 0
    assert "so one run takes it whole" in done.stdout
    assert "Piece 1: 0.0-3.2 s" in done.stdout
    assert "It can be read with a RunComfy token." in done.stdout


def test_a_plan_as_json_says_all_that_was_chosen(typed, make_clip):
    clip = make_clip(frames=40 * 4, fps=4)  # of nobody
    done = typed("plan", clip, "--cuts", "12.5,25", "--json")
    plan = json.loads(done.stdout)
    assert (done.exit_code, plan["is_needed"], plan["duration_s"]) == (0, True, 40.0)
    assert [piece["is_sent"] for piece in plan["pieces"]] == [False] * 3
    assert [cut["at_s"] for cut in plan["cuts"]] == [12.5, 25.0]
    assert plan["cuts"][0]["reason"] == "hand"
    assert plan["lost"][0]["kind"] == "nobody"
    assert (plan["sent_s"], plan["estimate_usd"]) == (0, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cuts", "ten"], "--cuts takes seconds"),
        (["--cuts", "nan"], "--cuts takes seconds"),
        (["--cuts", "2"], "2 s is not inside"),
        (["--overlap", "3"], "overlap"),
        (["--orientation", "sideways"], "orientation"),
    ],
)
def test_what_cannot_be_meant_is_said(typed, make_clip, words, said):
    done = typed("plan", make_clip(), *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_long_run_on_kling_needs_a_limit_and_a_token(typed, person_png, short_dance_mp4, tmp_path, monkeypatch):
    words = ["run-long", person_png, short_dance_mp4, "--engine", "kling", "--out", tmp_path / "out"]
    done = typed(*words, "--max-usd", "2")
    assert (done.exit_code, "RUNCOMFY_API_TOKEN" in done.stderr) == (2, True)
    monkeypatch.setenv("RUNCOMFY_API_TOKEN", "planted-token-0123456789")
    done = typed(*words)
    assert (done.exit_code, "--max-usd takes the most" in done.stderr) == (2, True)
    done = typed("run-long", person_png, short_dance_mp4, "--next-from", "nowhere")
    assert (done.exit_code, "next_from takes picture or last-frame" in done.stderr) == (2, True)
