"""Work that was asked for by keyboard gives the focus back, lists close by themselves, and the bar covers no result."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
READY = "#run:not([disabled])"
DONE_MS = 120_000


def test_a_turn_and_its_undo_give_the_focus_back(page):
    turn, undo = page.locator("#image-slot [data-adjust=left]"), page.locator("#image-slot [data-do=undo]")
    turn.press("Enter")
    expect(undo).to_be_visible(timeout=DONE_MS)
    expect(turn).to_be_focused(timeout=DONE_MS)
    undo.press("Enter")
    expect(undo).to_be_hidden(timeout=DONE_MS)
    expect(page.locator("#image-slot [data-adjust=crop]").first).to_be_focused(timeout=DONE_MS)


def test_closing_the_camera_goes_back_to_its_button(page):
    record = page.locator("#video-slot [data-do=record]")
    record.press("Enter")
    expect(page.locator("[data-do=start]")).to_be_focused()
    page.locator("[data-do=stop-camera]").press("Enter")
    expect(record).to_be_focused()


def test_a_list_over_the_page_goes_with_escape_and_with_a_press_elsewhere(page):
    keys = page.locator(".player-keys")
    keys.locator("summary").press("Enter")
    expect(keys).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(keys).not_to_have_attribute("open", "")
    expect(keys.locator("summary")).to_be_focused()
    for leave in (lambda: page.mouse.click(720, 20), lambda: page.keyboard.press("Tab")):
        keys.locator("summary").press("Enter")
        expect(keys).to_have_attribute("open", "")
        leave()
        expect(keys).not_to_have_attribute("open", "")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (720, 450)])  # a phone, and 200 %
def test_the_bar_stands_above_the_inputs_only(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    bar = page.locator("#action")
    expect(page.locator("#run")).to_be_in_viewport(ratio=1)
    page.locator("#player").evaluate("player => player.scrollIntoView()")
    expect(bar).not_to_be_in_viewport()
    page.locator(".language").evaluate("words => words.scrollIntoView()")
    expect(page.locator("#run")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
