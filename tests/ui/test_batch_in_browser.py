"""The batch area as a person uses it: files, plan, ticks, runs, report."""

import io
import re
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"
RUN_MS = 240_000
IMAGE, VIDEO = EXAMPLES / "character-upper-body.png", EXAMPLES / "gesture-upper-body.mp4"


@pytest.fixture
def batch(page: Page) -> Page:
    """The page with the area opened."""
    page.click(".batch > summary")
    return page


def _say(page: Page) -> str:
    return page.locator(".batch-said").inner_text()


def test_a_grid_is_planned_ticked_started_and_reported(batch: Page) -> None:
    page = batch
    expect(page.locator("[data-do=batch-plan]")).to_be_disabled()
    page.set_input_files(".batch input[type=file]", [IMAGE, VIDEO])
    page.fill("[data-do=batch-prompts]", "At the sea\n\n<b>In snow</b>\n")
    page.click("[data-do=batch-plan]:not([disabled])")
    expect(page.locator(".batch-said")).to_have_text("2 of 2 will run; 8 s of clips; free.")
    rows = page.locator(".batch tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("<b>In snow</b>")
    rows.nth(0).locator("input").uncheck()
    page.click("[data-do=batch-start]")
    expect(rows.nth(1)).to_contain_text("Finished", timeout=RUN_MS)
    expect(rows.nth(0)).to_contain_text("Not chosen")
    expect(page.locator(".batch-said")).to_have_text("1 of 1 finished.")
    page.click("[data-do=batch-report]")
    link = page.locator(".batch-link")
    expect(link).to_be_visible(timeout=60_000)
    archive = zipfile.ZipFile(io.BytesIO(httpx.get(urljoin(page.url, str(link.get_attribute("href")))).content))
    names = archive.namelist()
    assert {"report.html", "cells.csv", "contact-sheet.png"} <= set(names)
    assert any(name.startswith("results/") and name.endswith(".mp4") for name in names)
    assert "<b>In snow" not in archive.read("report.html").decode()

    page.reload()
    page.click(".batch > summary")
    expect(rows.nth(1)).to_contain_text("Finished")
    rows.nth(1).locator(".batch-open").click()
    expect(page.get_by_role("link", name="Download the result")).to_be_visible()


def test_a_manifest_names_the_files_that_were_dropped_and_no_others(batch: Page) -> None:
    page = batch
    manifest = {"name": "m.csv", "mimeType": "text/csv", "buffer": b"image,video\n/etc/passwd,x.mp4\n"}
    page.set_input_files(".batch input[type=file]", files=[manifest])
    expect(page.locator(".batch-grid")).to_be_hidden()
    page.click("[data-do=batch-plan]:not([disabled])")
    expect(page.locator(".batch-said")).to_contain_text("Row 1 (line 2), image: There is no file /etc/passwd.")
    expect(page.locator(".batch-said")).to_contain_text("Row 1 (line 2), video: There is no file x.mp4.")
    page.set_input_files(".batch input[type=file]", [IMAGE, VIDEO])
    good = f"image,video,name\n{IMAGE.name},{VIDEO.name},one\n"
    page.set_input_files(
        ".batch input[type=file]", files=[{"name": "m.csv", "mimeType": "text/csv", "buffer": good.encode()}]
    )
    expect(page.locator(".batch-files li")).to_have_count(3)
    page.click("[data-do=batch-plan]:not([disabled])")
    expect(page.locator(".batch tbody tr")).to_have_count(1)
    assert "1 of 1" in _say(page)


def test_kling_needs_a_limit(batch: Page) -> None:
    page = batch
    page.click("#engine label:has-text('Kling')")
    page.set_input_files(".batch input[type=file]", [IMAGE, VIDEO])
    page.click("[data-do=batch-plan]:not([disabled])")
    expect(page.locator(".batch-said")).to_contain_text("Enter the most that it may cost")


def test_a_batch_goes_on_after_a_restart_of_the_app(serve, chromium, tmp_path) -> None:
    tab = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    rows, said = tab.locator(".batch tbody tr"), tab.locator(".batch-said")
    with serve(tmp_path) as (app, address):
        tab.goto(address)
        tab.wait_for_selector("#run:not([disabled])")
        tab.click(".batch > summary")
        tab.set_input_files(".batch input[type=file]", [IMAGE, VIDEO])
        tab.fill("[data-do=batch-prompts]", "one\ntwo\nthree\nfour\nfive")
        tab.click("[data-do=batch-plan]:not([disabled])")
        expect(rows).to_have_count(5)
        app.kill()
    with serve(tmp_path, KLING_UI_PORT=str(urlsplit(address).port)) as (app, _):
        tab.goto(address)
        tab.wait_for_selector("#run:not([disabled])")
        tab.click(".batch > summary")
        expect(said).to_contain_text(
            re.compile(r"^5 of 5 will run; .* before the app was restarted; nothing was started")
        )
        rows.nth(4).locator("input").uncheck()
        tab.click("[data-do=batch-start]")
        expect(rows.nth(0)).to_contain_text("Finished", timeout=RUN_MS)
        app.kill()
    with serve(tmp_path, KLING_UI_PORT=str(urlsplit(address).port)):
        tab.goto(address)
        tab.wait_for_selector("#run:not([disabled])")
        tab.click(".batch > summary")
        expect(said).to_contain_text(re.compile(r"Stopped by a restart after \d of 4; .* nothing is sent twice\."))
        expect(rows.nth(0)).to_contain_text("Finished")
        expect(rows.nth(4).locator("input")).not_to_be_checked()
        tab.click("[data-do=batch-start]:not([disabled])")
        for number in range(4):
            expect(rows.nth(number)).to_contain_text("Finished", timeout=RUN_MS)
        expect(rows.nth(4)).to_contain_text("Not chosen")
        expect(said).to_have_text("4 of 4 finished.")
        tab.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as ledger:
        made = ledger.execute("SELECT cell, count(*) FROM batch_cells GROUP BY cell").fetchall()
        runs = ledger.execute("SELECT count(*) FROM runs").fetchone()
    assert sorted(count for _, count in made) == [1, 1, 1, 1]
    assert runs == (4,)
