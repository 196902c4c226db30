"""What pip installs in a Space: ``requirements.txt`` with all that it names, then one wheel with nothing that it names.

Both files are exported from uv.lock; the dependencies are read from what is installed here, so no network is needed.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PINNED = ROOT / "requirements.txt"
NO_DEPS = ROOT / "requirements-no-deps.txt"
EXPORT = ["--frozen", "--offline", "--no-dev", "--no-emit-project", "--no-annotate", "--no-header", "--quiet"]


def export(*options: str) -> str:
    uv = os.environ.get("UV") or shutil.which("uv") or shutil.which("uv", path=ROOT / ".tools/bin")
    if uv is None:
        pytest.skip("uv is not installed; `make test` brings it")
    command = [uv, "export", *EXPORT, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def pins(path: Path) -> dict[str, Requirement]:
    """The lines of a file that hold for this Python and system, by name."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    found = [Requirement(line.split(" --hash")[0]) for line in lines if line]
    here = [pin for pin in found if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): pin for pin in here}


def version(pin: Requirement) -> str:
    return str(pin.specifier).removeprefix("==")


def needs(name: str, extras: set[str]) -> list[Requirement]:
    """What an installed package names for this Python and system."""
    try:
        named = [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        pytest.fail(f"{name} is in requirements.txt, but not installed: run `uv sync`")
    holds = [{"extra": extra} for extra in extras or {""}]
    return [one for one in named if one.marker is None or any(one.marker.evaluate(extra) for extra in holds)]


def followed(path: Path) -> dict[str, list[Requirement]]:
    """All that pip would install for a file, by name, with every condition that something sets for it."""
    waiting = [*pins(path).values()]
    found: dict[str, list[Requirement]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        found.setdefault(name, []).append(one)
        if (key := (name, frozenset(one.extras))) not in seen:
            seen.add(key)
            waiting += needs(name, set(one.extras))
    return found


def test_requirements_txt_is_what_the_lock_says():
    assert PINNED.read_text() == export("--no-hashes", "--no-emit-package", "mediapipe"), "run `make lock`"


def test_what_is_installed_without_dependencies_is_what_the_lock_says():
    text = NO_DEPS.read_text()
    assert text in export(), "run `make lock`"
    assert text.startswith("mediapipe==")
    assert text.count("mediapipe") == text.count("==") == 1
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 4  # Linux and macOS, for two versions of Python


def test_pip_installs_nothing_that_requirements_txt_does_not_pin():
    pinned = pins(PINNED)
    for name, conditions in followed(PINNED).items():
        assert name in pinned, f"pip would also install {name}, because {conditions[0]}"
        for one in conditions:
            assert one.specifier.contains(version(pinned[name])), f"pip would refuse {pinned[name]}: {one}"


def test_pip_installs_one_opencv_and_no_jax():
    everything = {*followed(PINNED), *pins(NO_DEPS)}
    assert [name for name in everything if name.startswith("opencv")] == ["opencv-contrib-python-headless"]
    assert everything.isdisjoint({"jax", "jaxlib", "scipy", "matplotlib", "torch"})


def test_mediapipe_finds_what_it_does_import():
    left_out = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["exclude-dependencies"])
    pinned = pins(PINNED)
    for one in needs("mediapipe", set()):
        if (name := canonicalize_name(one.name)) not in left_out:
            assert one.specifier.contains(version(pinned[name])), f"mediapipe takes {one}"


def test_the_following_notices_a_package_that_names_more(tmp_path):
    (tmp_path / "requirements.txt").write_text("mediapipe==0.10.21\nopencv-contrib-python-headless==4.11.0.86\n")
    named = [canonicalize_name(one.name) for one in needs("mediapipe", set())]
    assert {"jax", "opencv-contrib-python"} <= set(named)
    with pytest.raises(pytest.fail.Exception, match="not installed"):  # it goes on to what they name, and they are not
        followed(tmp_path / "requirements.txt")


@pytest.fixture
def start(tmp_path):
    """A function that starts a copy of app.py in a Python without mediapipe, whose pip does what it is told to."""

    def run(pip: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        (tmp_path / "app.py").write_text((ROOT / "app.py").read_text())
        (tmp_path / "pip.py").write_text(f"import sys, pathlib\nprint(*sys.argv[1:], sep='\\n')\n{pip}")
        code = "import app, importlib.util as u; print(app.bring_pose_models(), u.find_spec('mediapipe') is not None)"
        command = [sys.executable, "-S", "-c", code]  # -S: nothing that is installed is found
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done, done.stdout.splitlines()

    return run


def test_the_start_brings_mediapipe_where_it_is_missing(start):
    done, said = start("pathlib.Path('mediapipe.py').touch()")
    assert {"install", "--no-deps", "--require-hashes"} <= set(said)
    assert Path(said[-2]).name == NO_DEPS.name
    assert said[-1] == "True True"
    assert "once" in done.stderr


def test_the_start_says_what_to_do_when_it_cannot(start):
    done, said = start("sys.exit(1)")
    assert said[-1] == "False False"
    assert "pip install --no-deps -r requirements-no-deps.txt" in done.stderr


def test_the_start_leaves_alone_what_is_there(start, tmp_path):
    (tmp_path / "mediapipe.py").touch()
    _, said = start("sys.exit(1)")
    assert said == ["True True"]
