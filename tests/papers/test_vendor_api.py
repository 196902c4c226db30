"""The page about the vendor's API is complete, and whoever cites a section of it finds it."""

import re
from pathlib import Path

import pytest

from kling_ui.api.models import Cancellation, MotionRequest, RequestState
from kling_ui.preview.catalog import MotionInput, card

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "vendor_api.md").read_text(encoding="utf-8")
CITATION = re.compile(r"docs/vendor_api\.md(?:, section (\d+))?")
OWN = Path(__file__).resolve()


def sections(page: str) -> dict[str, str]:
    """What stands under each number."""
    parts = re.split(r"^## (\d+)\. ", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def sources(*folders: str) -> list[Path]:
    """The project's own text files that may cite the page."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".js", ".css"}]
    files = [path for path in files if "node_modules" not in path.parts]
    return [path for path in [*files, ROOT / "README.md"] if path != OWN]


def wrong_citations(text: str, numbers: set[str]) -> list[str]:
    """Citations of a section that is not there, and of what the page was before it was here."""
    unknown = [found[0] for found in CITATION.finditer(text) if found[1] and found[1] not in numbers]
    return unknown + re.findall(r"CONTRACT\b(?:\.md)?(?: section \d)?", text)


def test_sections_are_numbered_from_1_to_9():
    assert list(sections(PAGE)) == [str(number) for number in range(1, 10)]


def test_every_citation_leads_to_a_section():
    files = sources("kling_ui", "tests", "assets", "benchmarks")
    cited = [path for path in files if CITATION.search(path.read_text(encoding="utf-8"))]
    assert len(cited) >= 5
    wrong = {path.name: wrong_citations(path.read_text(encoding="utf-8"), set(sections(PAGE))) for path in files}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("see docs/vendor_api.md, section 9", []),
        ("see docs/vendor_api.md, section 10", ["docs/vendor_api.md, section 10"]),
        ("see CONTRACT section 1", ["CONTRACT section 1"]),
        ("see CONTRACT.md", ["CONTRACT.md"]),
    ],
)
def test_a_wrong_citation_is_found(text, wrong):
    assert wrong_citations(text, {str(number) for number in range(1, 10)}) == wrong


def missing(page: str) -> list[str]:
    """What the code sends, reads or answers and the page does not tell in its place."""
    told = sections(page)
    fields = [("2", name) for name in {*MotionInput.model_fields, *MotionRequest.__dataclass_fields__}]
    fields += [("3", state.value) for state in RequestState if state is not RequestState.FAILED]
    fields += [("5", name) for name in (*Cancellation.__dataclass_fields__, "not_cancellable") if name != "state"]
    fields += [("6", name) for name in card("")]
    code = "".join(
        path.read_text() for folder in ("api", "preview") for path in (ROOT / "kling_ui" / folder).glob("*.py")
    )
    wanted = [("7", number) for number in set(re.findall(r"\b[45]\d\d00\d\b", code))]
    lacking = [f"{name} in section {number}" for number, name in fields if f"`{name}`" not in told[number]]
    return lacking + [f"{name} in section {number}" for number, name in wanted if name not in told[number]]


def test_the_page_tells_every_field_state_and_code():
    assert missing(PAGE) == []


@pytest.mark.parametrize(
    "name", ["`video_url`", "`in_queue`", "`not_cancellable`", "`base_price_usd`", "422001", "`resolution`"]
)
def test_what_the_page_leaves_out_is_found(name):
    assert any(name.strip("`") in fault for fault in missing(PAGE.replace(name, "")))
