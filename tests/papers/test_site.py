"""The site of the documentation: its guide knows every rule, its limits are the code's, its pictures are there."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from kling_ui.checks.report import FindingCode

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
PICTURE_MAX_BYTES = 150_000
MOVING_MAX_BYTES = 2_000_000


@pytest.fixture(scope="module")
def make_limits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_limits", ROOT / "assets" / "make_limits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks there
    spec.loader.exec_module(module)
    return module


def test_the_guide_tells_of_every_rule_once():
    titles = [line.removeprefix("### `").removesuffix("`") for line in GUIDE.splitlines() if line.startswith("### `")]
    assert sorted(titles) == sorted({code.rule for code in FindingCode})


def test_the_page_of_limits_is_what_the_code_says(make_limits):
    assert make_limits.PAGE.read_text("utf-8") == make_limits.page()


def test_no_documented_limit_is_missing_on_the_page(make_limits):
    shown = [id(row.limit) for rows in make_limits.ROWS.values() for row in rows]
    documented = list(make_limits.documented())
    assert len(documented) > 10
    assert {id(limit) for limit in documented} == set(shown)


def test_a_changed_limit_changes_the_page(make_limits, monkeypatch):
    rows = make_limits.ROWS["The prompt"]
    other = make_limits.Row(rows[0].rule, rows[0].words, make_limits.Limit(99, rows[0].limit.source), rows[0].unit)
    monkeypatch.setitem(make_limits.ROWS, "The prompt", [other])
    assert "at most 99 characters" in make_limits.page()
    assert make_limits.PAGE.read_text("utf-8") != make_limits.page()


def test_pictures_are_small_and_shown():
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.webp"))
    assert pictures
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert {path.name for path in pictures if f"pictures/{path.name}" not in pages} == set()
    assert all(path.stat().st_size <= PICTURE_MAX_BYTES for path in pictures)


def test_the_readme_opens_with_a_moving_picture():
    path = ROOT / "assets" / "result.webp"
    assert "assets/result.webp" in (ROOT / "README.md").read_text("utf-8")[:3000]
    assert path.stat().st_size <= MOVING_MAX_BYTES
    with Image.open(path) as picture:
        assert picture.n_frames >= 20
