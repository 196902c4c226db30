import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import kling_ui

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
    assert len(list((tmp_path / "examples").iterdir())) == 8
