"""The version stands once; everything else that tells one reads it there."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import kling_ui

ROOT = Path(__file__).resolve().parents[2]
RELEASE = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def test_the_package_takes_its_version_from_the_code():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "kling_ui/__init__.py"
    assert importlib.metadata.version("kling-ui") == kling_ui.__version__, "run `uv sync`"


def test_the_lock_tells_no_version_of_its_own():
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (own,) = [package for package in lock["package"] if package["name"] == "kling-ui"]
    assert "version" not in own


def test_the_command_prints_it():
    done = subprocess.run(
        [sys.executable, "-m", "kling_ui", "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"kling-ui {kling_ui.__version__}\n", "")


def test_the_changelog_begins_with_what_is_unreleased_and_then_this_version():
    releases = RELEASE.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    (first, no_date), (newest, date), *older = releases
    assert (first, no_date) == ("Unreleased", "")
    assert newest == kling_ui.__version__
    assert date
    assert all(date for _, date in older)
    assert [date for _, date in releases[1:]] == sorted((date for _, date in releases[1:]), reverse=True)
