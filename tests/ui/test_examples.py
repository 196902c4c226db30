import asyncio
import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import make_examples
import numpy as np
import pytest

import kling_ui
from kling_ui.media.files import content_sha256
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.scoring.compare import match_clips
from kling_ui.scoring.match import MotionMatch
from kling_ui.ui.examples import EXAMPLES, PREPARED, asset, keep_examples, prepared_result
from kling_ui.ui.views.result import prepared_value
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.analysis import VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_an_installed_package_finds_what_its_wheel_carries(tmp_path):
    """Laid out as the wheel is: no checkout around the package, the assets inside it."""
    package = tmp_path / "kling_ui"
    shutil.copytree(Path(kling_ui.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for source, target in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        shutil.copytree(ROOT / source, tmp_path / target)
    code = (
        "from pathlib import Path; from kling_ui.ui.examples import asset, keep_analyses, keep_examples;"
        "keep_examples(Path('examples')); keep_analyses(Path('analyses')); print(asset('ui/wait.html'))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(package / "assets" / "ui" / "wait.html")
    assert len(list((tmp_path / "examples").iterdir())) == 9


RENEW = "run `uv run assets/make_examples.py --prepared`"


def test_the_prepared_result_was_made_of_todays_example_by_todays_measures():
    kept = json.loads(asset(f"examples/{PREPARED}").read_text())
    prepared = prepared_result()
    example = prepared.example
    assert example is EXAMPLES[0], "it is the one that a first visitor finds"
    assert kept["image_sha256"] == content_sha256(asset(f"examples/{example.image}")), RENEW
    assert kept["reference_sha256"] == content_sha256(asset(f"examples/{example.video}")), RENEW
    assert kept["analyses"] == VERSION, RENEW
    assert {field.name for field in fields(MotionMatch)} <= kept["motion"].keys(), RENEW
    result = asset(f"examples/{prepared.result}")
    assert kept["result_sha256"] == content_sha256(result), RENEW
    facts, reference = probe_video(result), probe_video(asset(f"examples/{example.video}"))
    assert (facts.width_px, facts.height_px, facts.fps) == (prepared.width_px, prepared.height_px, prepared.fps)
    assert facts.duration_s == pytest.approx(reference.duration_s, abs=0.05)
    assert facts.has_audio == example.choice.keep_sound
    assert result.stat().st_size < 300_000


@pytest.mark.slow
def test_the_prepared_result_is_what_would_be_drawn_and_measured_today(tmp_path):
    prepared, fresh = prepared_result(), tmp_path / "fresh.mp4"
    make_examples.draw_preview(fresh)
    shown = asset(f"examples/{prepared.result}")
    pairs = zip(read_frames(shown, container="mp4"), read_frames(fresh, container="mp4"), strict=True)
    apart = [float(np.abs(one.rgb.astype(int) - other.rgb).mean()) for one, other in pairs]
    assert len(apart) == round(prepared.duration_s * prepared.fps)
    assert max(apart) < 2.0, RENEW  # grey levels; a step of one pixel to the side makes 3
    reference = asset(f"examples/{prepared.example.video}")
    orientation = prepared.example.choice.orientation
    match = asyncio.run(match_clips(make_examples.Here(), reference, fresh, orientation=orientation))
    assert match.score == pytest.approx(prepared.motion["score"], abs=0.5), RENEW


def test_the_page_is_told_that_the_prepared_result_is_nobodys_run(tmp_path):
    keep_examples(tmp_path / "examples")
    signed_files = SignedFiles(tmp_path, b"secret")
    value = prepared_value(signed_files, tmp_path / "examples", prepared_result())
    assert "run_id" not in value
    assert "file_name" not in value
    assert value["label"].startswith("Prepared")
    assert "no run of yours" in value["remark"]
    assert value["facts"][0][1] == f"{prepared_result().motion['score']:.0f} of 100"
    assert len(value["score"]["limbs"]) == len(prepared_result().motion["limbs"]) > 0
    for pane in ("image", "reference", "result"):
        assert signed_files.open(value[pane].removeprefix("files/")), pane
