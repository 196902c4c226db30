import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kling_ui.errors import WorkError
from kling_ui.vision import detector


def test_mediapipe_is_loaded_without_matplotlib_and_leaves_no_stand_in_behind():
    code = (
        "import sys; from kling_ui.vision.detector import FaceDetector; FaceDetector();"
        "print([name for name in sys.modules if name.startswith('matplotlib')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_matplotlib_that_is_loaded_already_stays():
    code = (
        "import sys, types; sys.modules['matplotlib'] = real = types.ModuleType('matplotlib');"
        "sys.modules['matplotlib.pyplot'] = real.pyplot = types.ModuleType('matplotlib.pyplot');"
        "from kling_ui.vision.detector import load_library; load_library();"
        "print(sys.modules['matplotlib'] is real)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_without_mediapipe_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(WorkError, match="mediapipe is not installed") as raised:
        detector.PoseTracker(connected=True, score_min=0.5)
    assert raised.value.advice.endswith("pip install --no-deps mediapipe==0.10.21")


def test_the_version_to_install_is_the_one_that_is_locked():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert detector.INSTALLING.split()[-1] in project["dependencies"]
