"""``kling-ui batch`` as it is typed: on the free engine, and on a vendor that is played on a port of this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from kling_ui.cli import app

TOKEN = "planted-token-0123456789"


@pytest.fixture
def environ(paid_vendor, tmp_path):
    return {
        "KLING_UI_DATA_DIR": str(tmp_path / "data"),
        "KLING_UI_API_BASE": paid_vendor.url,
        "KLING_UI_WORKERS": "1",
        "RUNCOMFY_API_TOKEN": TOKEN,
    }


@pytest.fixture
def typed(environ, monkeypatch):
    """Type a command; return its end."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def command(*words):
        done = CliRunner().invoke(app, ["batch", *map(str, words)])
        assert "Traceback" not in done.output
        assert TOKEN not in done.output
        return done

    return command


@pytest.fixture
def manifest(tmp_path, person_png, short_dance_mp4):
    """Two prompts of one character and clip, and a row whose clip is a picture."""
    shutil.copyfile(person_png, tmp_path / "me.png")
    shutil.copyfile(short_dance_mp4, tmp_path / "dance.mp4")
    path = tmp_path / "batch.csv"
    path.write_text("image,video,prompt\nme.png,dance.mp4,a\nme.png,dance.mp4,b\nme.png,me.png,c\n")
    return path


def test_what_cannot_be_meant_is_said_before_any_work(typed, tmp_path, monkeypatch):
    path = tmp_path / "batch.csv"
    path.write_text("image,video,engine\nnone.png,none.mp4,pro\n")
    done = typed(path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "Row 1 (line 2), engine: It takes preview or kling" in done.stderr
    assert "Row 1 (line 2), image: There is no file none.png." in done.stderr
    assert typed("--out", tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--engine", "kling"], "max_usd takes the most"),
        (["--engine", "kling", "--max-usd", "0"], "max_usd takes the most"),
        (["--cells", "9"], "the cells are 1 to 3"),
        (["--repair-only", "image.polish"], "repair takes ids of repairs"),
        (["--cells", "1", "--only", "x.csv"], "cells or only, not both"),
        (["--image", "x.png"], "a manifest, or images and videos, not both"),
    ],
)
def test_wrong_use_ends_with_2(typed, manifest, tmp_path, more, said):
    done = typed(manifest, "--out", tmp_path / "out", *more)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.slow
def test_plan_then_pay_for_what_is_ticked_then_go_on(typed, manifest, paid_vendor, tmp_path):
    out = tmp_path / "out"
    planned = typed(manifest, "--out", out, "--engine", "kling", "--max-usd", "0.30", "--plan-only", "--json")
    assert planned.exit_code == 1, "one fits, one does not, one cannot be read"
    told = json.loads(planned.stdout)
    assert [cell["state"] for cell in told["cells"]] == ["ready", "too dear", "unreadable"]
    assert told["plan"]["sentence"].startswith("1 of 3 will run; 3 s of clips; about $0.2")
    assert paid_vendor.submits == 0

    only = tmp_path / "chosen.csv"
    only.write_text("cell,chosen\n1,\n2,x\n")
    paid = typed(manifest, "--out", out, "--engine", "kling", "--max-usd", "0.30", "--only", only, "--json")
    assert paid.exit_code == 0, paid.stderr
    assert paid_vendor.submits == 1
    cells = json.loads(paid.stdout)["cells"]
    assert [cell["state"] for cell in cells] == ["left out", "completed", "left out"]
    assert cells[1]["cost_usd"] == 0.25

    refused = typed(manifest, "--out", out, "--engine", "kling", "--max-usd", "0.30")
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    more = typed(manifest, "--out", out, "--engine", "kling", "--max-usd", "0.30", "--resume")
    assert more.exit_code == 1
    assert paid_vendor.submits == 1, "the limit is the batch's, over all calls"
    more = typed(manifest, "--out", out, "--engine", "kling", "--max-usd", "0.60", "--cells", "1-2", "--resume")
    assert (more.exit_code, paid_vendor.submits) == (0, 2)
    assert len(list((out / "results").iterdir())) == 2
    assert (out / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_finishes_what_runs_and_resume_goes_on(environ, manifest, tmp_path):
    command = [sys.executable, "-m", "kling_ui", "batch", str(manifest), "--out", str(tmp_path / "out")]
    command += ["--cells", "1-2", "--jobs", "1"]
    with subprocess.Popen(
        command, env=os.environ | environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as work:
        assert work.stdout
        assert work.stderr
        for line in work.stderr:
            if "under way" in line:
                work.send_signal(signal.SIGINT)
                break
        said = work.stderr.read()
        work.stdout.read()
    assert work.returncode == 130, said
    assert "Pausing" in said
    assert "1 of 2 finished, 1 not started" in said
    assert "Traceback" not in said
    done = subprocess.run(
        [*command, "--resume", "--json"], env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [cell["state"] for cell in json.loads(done.stdout)["cells"]] == ["completed", "completed", "left out"]
