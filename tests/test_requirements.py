import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_requirements_txt_is_what_the_lock_says():
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed; `make test` brings it")
    command = [uv, "export", "--frozen", "--offline", "--no-dev", "--no-hashes"]
    command += ["--no-emit-project", "--no-annotate", "--no-header", "--quiet"]
    exported = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "requirements.txt").read_text() == exported, "run `make lock`"
