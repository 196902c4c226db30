"""The page in Firefox, which plays, draws and uploads by other means than Chromium: a visit, from start to gallery."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE = Path(__file__).with_name("firefox")
NODE, FIREFOX = shutil.which("node"), shutil.which("firefox") or shutil.which("firefox-esr")


@pytest.mark.skipif(NODE is None or FIREFOX is None, reason="node or Firefox is not installed")
def test_a_visit_in_firefox_from_upload_to_gallery(page_address, person_png, three_seconds_mp4, tmp_path):
    if not (HERE / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip("puppeteer-core is not installed: make javascript")
    given = [NODE, HERE / "visit.mjs", FIREFOX, page_address, person_png, three_seconds_mp4, tmp_path]
    visit = subprocess.run([*map(str, given)], capture_output=True, text=True, timeout=600, check=False)
    assert visit.returncode == 0, visit.stderr
    seen = json.loads(visit.stdout)
    assert seen["faults"] == []
    assert set(seen["views"].values()) == {"true"}
    assert re.search(r"Motion match\s*\d+ of 100", seen["facts"])
    assert seen["past"] == 1
    assert set(seen["overflows_px"].values()) == {0}
