"""Keyboard and connection: what has the focus is seen, radios are groups, and a server that is gone is said."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
FOCUSED = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    const bar = document.querySelector('#action');
    const above = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const isHidden = !bar.contains(one) && Boolean(above) && bar.contains(above);
    return [one.tagName, one.name || one.id, isHidden];
}"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 620), (390, 844)])
def test_nothing_that_has_the_focus_is_behind_the_bar(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        page.wait_for_timeout(30)
        tag, name, is_hidden = page.evaluate(FOCUSED)
        assert not is_hidden, (tag, name, seen)
        if tag == "BODY":
            break
        seen.append(name)
    assert len(seen) > 15
    for group in ("engine", "orientation"):
        assert seen.count(group) == 1  # one stop a group


def test_radios_answer_arrow_keys(page):
    page.locator("#orientation input[value=video]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#orientation input[value=image]")).to_be_checked()
    expect(page.locator("#orientation input[value=image]")).to_be_focused()
    expect(page.locator("#orientation label.selected")).to_contain_text("Image")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#orientation input[value=video]")).to_be_checked()


@pytest.mark.slow
def test_a_server_that_is_gone_is_said_and_what_the_click_started(page):
    gone = page.locator(".headline-gone")
    expect(gone).to_be_hidden()
    page.route("**/*", lambda route: route.abort())
    page.click("#run")
    expect(gone).to_contain_text("does not answer")
    page.click("#run", force=True)
    page.unroute("**/*")
    expect(gone).to_contain_text("started nothing")
    page.wait_for_selector("#run:not([disabled])")
    page.click("#run")
    expect(gone).to_be_hidden()
    expect(page.locator("[data-link=download]")).to_be_visible(timeout=180_000)


def test_the_footer_leads_to_the_endpoints_and_says_nothing_else(page):
    expect(page.locator("footer button:visible")).to_have_count(1)
    assert page.locator("footer").inner_text().strip() == "Use via API"
