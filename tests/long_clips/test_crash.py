"""The process that makes a long clip is killed: the next one finds what was sent, and sends nothing twice."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kling_ui import Settings, run_long

CHILD = """
import sys
from kling_ui import run_long
image, video, out = sys.argv[1:]
run_long(image, video, engine="kling", orientation="image", max_price_usd=1.0, out=out)
"""


@pytest.fixture
def pair(person_png, long_clip) -> tuple[Path, Path]:
    """A character and a clip that is too long for one run."""
    return person_png, long_clip


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        ("submit", 1, "unknown"),  # the first piece arrives, and nobody hears what became of it
        ("video", 2, "completed"),
    ],
    ids=lambda case: case[0],
)
def test_killed_at_a_moment_nothing_is_sent_twice(case, echo_vendor, pair, tmp_path, numbered):
    point, count, end = case
    seen: list[str] = []
    child: list[subprocess.Popen] = []

    def on_request(what: str) -> None:
        seen.append(what)
        if child and what == point and seen.count(point) == count:
            os.killpg(child[0].pid, signal.SIGKILL)
            child[0].wait(10)

    echo_vendor.on_request = on_request
    environ = {
        "KLING_UI_DATA_DIR": str(tmp_path / "data"),
        "KLING_UI_WORKERS": "1",
        "RUNCOMFY_API_TOKEN": "planted-token-0123456789",
        "KLING_UI_API_BASE": echo_vendor.url,
    }
    command = [sys.executable, "-c", CHILD, *pair, tmp_path / "out"]
    child.append(subprocess.Popen(command, start_new_session=True, env=os.environ | environ, stderr=subprocess.DEVNULL))
    child[0].wait(240)
    assert child.pop().returncode == -signal.SIGKILL
    sent = len(echo_vendor.videos)
    ledger = sqlite3.connect(tmp_path / "data" / "ledger.sqlite")
    with ledger:  # as if the claims had lapsed, which takes 20 s
        ledger.execute("UPDATE runs SET held_until = 0")
    ledger.close()
    how = {"engine": "kling", "orientation": "image", "max_price_usd": 1.0, "out": tmp_path / "out"}
    result = run_long(*pair, settings=Settings.from_env(environ), **how)
    assert result.state == end
    assert len(set(echo_vendor.videos)) == len(echo_vendor.videos) >= sent, "no piece is sent twice"
    if end == "completed":
        assert numbered.numbers(result.video) == list(range(150))
