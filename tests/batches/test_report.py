"""The report opens from disk, and what people wrote stays text in it."""

import csv
import re
from dataclasses import replace
from html import unescape
from urllib.parse import unquote

import pytest

from kling_ui.runs.batch_runs import CellState

pytestmark = pytest.mark.anyio
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
async def reported(open_batch_world):
    """A batch of three cells, one of which fails, with hostile names."""
    async with open_batch_world() as world:
        rows = world.rows(HOSTILE, "refuse this", "=1+1")
        rows = (replace(rows[0], name="a #1 %41 <b>"), *rows[1:])
        yield await world.whole(rows)


async def test_nothing_in_it_is_markup_that_people_wrote(reported):
    page = reported.report.page.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert HOSTILE in unescape(page)
    assert "default-src 'none'" in page


async def test_every_link_leads_to_a_file_beside_it(reported):
    page = reported.report.page.read_text(encoding="utf-8")
    links = [unquote(unescape(link)) for link in re.findall(r'(?:href|src)="([^"]+)"', page)]
    files = [link for link in links if not link.startswith("#")]
    assert len(files) == 6, "the table, a sheet, and two results as players and links"
    assert all((reported.folder / file).is_file() and not file.startswith("/") for file in files)
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= anchors


async def test_it_tells_states_scores_costs_and_reasons(reported):
    page = unescape(reported.report.page.read_text(encoding="utf-8"))
    assert "2 of 3 finished, 1 without a video; about $1.00 spent; up to $0.50 more may be charged." in page
    assert "motion match 90" in page
    assert "$0.50" in page
    assert "content moderation" in page


async def test_the_table_is_one_for_spreadsheets_and_asks_to_be_ticked(reported):
    with reported.report.table.open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert [cell["state"] for cell in cells] == [CellState.COMPLETED, CellState.FAILED, CellState.COMPLETED]
    assert [cell["chosen"] for cell in cells] == ["", "", ""]
    assert cells[2]["prompt"] == "'=1+1", "a spreadsheet must not calculate with it"
    assert cells[0]["cost_usd"] == "0.5"
    assert (reported.folder / cells[0]["result"]).is_file()


async def test_the_contact_sheet_is_a_picture(reported):
    (sheet,) = reported.report.sheets
    assert sheet.read_bytes().startswith(b"\x89PNG")
