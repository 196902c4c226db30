"""A clip beyond the limit as a person runs it: offered in pieces, cut elsewhere, rehearsed, joined, found again."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from figure import Actor, Scene, dance, write_clip
from figure.cast import DANCER
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN_MS = 400_000


@pytest.fixture(scope="session")
def long_mp4(media_dir: Path) -> Path:
    """A dance that is too long for orientation image: 12.5 s, 8 frames a second, 360 x 640."""
    clip = write_clip(
        media_dir / "too-long.mp4",
        lambda t: Scene((Actor(DANCER, dance(t)),)),
        duration_s=12.5,
        fps=8,
        width_px=360,
        height_px=640,
    )
    return clip.path


@pytest.fixture
def planned(page: Page, long_mp4: Path) -> Page:
    """The page with the long clip and its pieces shown."""
    page.click("#orientation label:has-text('Image')")
    page.set_input_files("#video-slot input[type=file]", long_mp4)
    area = page.locator(".long-clip")
    expect(area.locator(".long-clip-offer")).to_contain_text("The clip lasts 12.5")
    page.get_by_role("button", name="Run it in 2 pieces").click()
    expect(area.locator(".long-clip-cut")).to_have_count(1)
    return page


def _cut_s(page: Page, place: int = 0) -> float:
    return float(str(page.locator(".long-clip-cut").nth(place).get_attribute("aria-valuenow")))


def test_cuts_are_moved_added_and_removed_by_keyboard_and_mouse(
    planned: Page, violations: Callable[[Page], list[str]]
) -> None:
    page, told = planned, planned.locator(".long-clip-told")
    assert violations(page) == []
    start, cut = page.locator("[data-do=long-start]"), page.locator(".long-clip-cut")
    expect(page.locator(".long-clip-cuts li")).to_contain_text("Cut at")
    expect(start).to_have_text("Run 2 pieces and join them")
    expect(page.locator(".long-clip-price")).to_contain_text("free")
    suggested = _cut_s(page)
    cut.first.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert suggested - 1 < _cut_s(page) < suggested - 0.8  # a second back, a frame on
    expect(page.locator(".long-clip-cuts li")).to_contain_text("you said so")
    expect(start).to_be_enabled()

    page.keyboard.press("Delete")
    expect(cut).to_have_count(0)
    expect(told).to_contain_text("a run takes 10 s at most")
    expect(start).to_be_disabled()
    page.click("[data-do=long-add]")
    expect(cut).to_have_count(1)
    expect(told).to_have_text("")
    expect(start).to_be_enabled()

    box = page.locator(".long-clip-track").bounding_box()
    assert box
    x, y = box["x"] + box["width"] * _cut_s(page) / 12.5, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, y, steps=5)
    page.mouse.up()
    expect(page.locator(".long-clip-cuts li")).to_contain_text("Cut at 5.0")
    page.click("[data-do=long-back]")
    expect(page.locator(".long-clip-cuts li")).not_to_contain_text("you said so")
    assert _cut_s(page) == pytest.approx(suggested)


def test_pieces_are_rehearsed_joined_and_found_again_after_the_tab_was_closed(planned: Page) -> None:
    page = planned
    page.click("[data-do=long-start]")
    expect(page.locator(".long-clip-words")).to_contain_text(re.compile("Piece 1 of 2"), timeout=RUN_MS)
    address, browser_tab = page.url, page.context.new_page()
    page.close()
    page = browser_tab
    page.goto(address)
    expect(page.locator(".long-clip-pieces li")).to_have_count(2)
    expect(page.locator(".long-clip-words")).to_contain_text("2 pieces joined to 12.5", timeout=RUN_MS)
    _shot(page, "joined")
    expect(page.locator(".player-label")).to_have_text("Joined from 2 pieces")
    expect(page.locator(".player-facts")).to_contain_text("12.5")
    expect(page.locator(".player-drift img")).to_be_visible()
    expect(page.locator("[data-link=download]")).to_have_attribute("download", re.compile("joined-preview"))
    lengths = page.evaluate(
        "() => ['reference', 'result'].map((name) => document.querySelector(`[data-pane=${name}] video`)?.duration)"
    )
    assert lengths == [pytest.approx(12.5, abs=0.1)] * 2

    page.reload()
    expect(page.locator(".player-label")).to_have_text("Joined from 2 pieces")


def _shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
