import json

import pytest
from typer.testing import CliRunner

from kling_ui.cli import app


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Type a command."""
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(tmp_path))
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_pause_is_set_told_and_ended(typed):
    done = typed("pause", "--message", "Back\non Monday.")
    assert done.exit_code == 0
    assert "paused new runs on Kling until they end it. Back on Monday." in done.stderr
    assert json.loads(typed("pause", "all", "--hours", "1.5", "--json").stdout)["pause"]["scope"] == "all"
    assert "The pause is over." in typed("resume").stderr
    assert json.loads(typed("resume", "--json").stdout) == {"pause": None, "setting": None}


def test_that_the_setting_holds_besides_is_said(typed, monkeypatch):
    monkeypatch.setenv("KLING_UI_PAUSE", "paid")
    assert "KLING_UI_PAUSE is set besides" in typed("resume").stderr


@pytest.mark.parametrize("words", [("pause", "everything"), ("pause", "--hours", "0"), ("resume", "now")])
def test_a_wrong_use_ends_with_2(typed, words):
    assert typed(*words).exit_code == 2
