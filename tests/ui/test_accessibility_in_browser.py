"""What people without a mouse, with poor sight or a small screen meet: axe's rules, focus, zoom, a page that stays."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from kling_ui.ui.examples import asset

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What hides the element that has the focus, if anything does: another element that lies over its middle.
COVERED = """() => {
    const focused = document.activeElement, box = focused.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const inside = x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
    const there = inside ? document.elementFromPoint(x, y) : null;
    const label = there && there.closest('label');
    const own = there && (focused.contains(there) || there.contains(focused) || (label && label.contains(focused)));
    return {name: focused.tagName + '.' + focused.className + ' ' + focused.textContent.trim().slice(0, 30),
            top: box.top + scrollY, size: box.width * box.height,
            by: own ? '' : inside ? there.className || there.tagName : 'the edge'};
}"""
SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({type: 'layout-shift', buffered: true});
}"""


@pytest.fixture
def visit(chromium: Browser, page_address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page as a first visitor with this screen and look."""
    contexts = []

    def open_page(width: int = 1440, height: int = 900, *, script: str = "", **options: Any) -> Page:
        viewport = {"width": width, "height": height}
        context = chromium.new_context(viewport=viewport, reduced_motion="reduce", **options)
        contexts.append(context)
        if script:
            context.add_init_script(f"({script})()")
        page = context.new_page()
        page.goto(page_address)
        page.wait_for_selector("#run:not([disabled])")
        page.wait_for_timeout(500)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['impact']} {one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_on_arrival_and_beside_findings(visit, look, width, too_small_png):
    page = visit(width, color_scheme=look)
    assert _violations(page) == []
    page.set_input_files("#image-slot input[type=file]", too_small_png)
    page.wait_for_selector("[data-repair]")
    for gone in (".code > summary", ".score-more > summary"):  # of the prepared run: this pair has none yet
        expect(page.locator(gone)).to_be_hidden()
    for folded in page.locator("summary:visible").all():
        folded.click()
    page.wait_for_timeout(300)
    assert _violations(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_in_a_result_and_in_earlier_runs(visit, look):
    page = visit(color_scheme=look)
    page.click("#run")
    expect(page.locator("[data-link=download]")).to_be_visible(timeout=180_000)
    expect(page.locator(".player-facts")).to_contain_text("Motion match")
    for folded in page.locator("summary:visible").all():
        folded.click()
    page.wait_for_timeout(500)
    assert _violations(page) == []


def test_axe_would_find_something(visit, violations):
    page = visit()
    page.evaluate("document.querySelector('#run').innerHTML = '<img src=data:,>'")
    page.add_style_tag(content=".dark h2, .dark p { color: #333 !important }")
    assert any("image-alt" in violation for violation in _violations(page))
    found = violations(page)
    assert any("light 1440: image-alt" in violation for violation in found)
    assert any("dark 390: color-contrast" in violation for violation in found)


def test_axe_finds_nothing_in_what_opens_around_the_inputs(visit, violations):
    page = visit()
    page.click(".code > summary")
    page.click(".code [data-do=edit]")
    page.click(".batch > summary")
    pair = [asset(f"examples/{name}") for name in ("character-upper-body.png", "gesture-upper-body.mp4")]
    page.set_input_files(".batch input[type=file]", pair)
    page.fill("[data-do=batch-prompts]", "At the sea\nIn snow")
    page.click("[data-do=batch-plan]:not([disabled])")
    expect(page.locator(".batch tbody tr")).to_have_count(2)
    page.click("#image-slot [data-do=link]")
    page.click("#image-slot [data-adjust=crop] >> nth=0")
    end = page.locator("#video-slot .trim-handle.is-end")
    end.press("Shift+ArrowLeft")
    page.click("#engine label >> nth=1")
    expect(page.locator("#token input")).to_be_visible()
    assert violations(page) == []
    page.click("#image-slot .slot-correct")
    for mode in ("outline", "joints"):
        page.click(f"#image-slot [data-mode={mode}]")
        assert violations(page) == []
    page.click("#image-slot [data-edit=cancel]")
    page.click("[data-language='zh-CN']")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#run")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_what_unfolds_is_a_target_of_24_px_in_a_font_of_flat_lines_too(visit, width):
    page = visit(width)
    page.add_style_tag(content="summary { font: 12px/1 monospace !important }")
    heights = page.evaluate("""() => [...document.querySelectorAll('summary')]
        .filter((summary) => summary.checkVisibility())
        .map((summary) => [summary.textContent.trim(), summary.getBoundingClientRect().height])""")
    assert len(heights) >= 4
    assert [(text, height) for text, height in heights if height < 24] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_what_has_the_focus_is_never_covered(visit, width):
    page = visit(width)
    stops = []
    for _ in range(80):
        page.keyboard.press("Tab")
        page.wait_for_timeout(30)
        if page.evaluate("document.activeElement === document.body"):
            break
        stops.append(page.evaluate(COVERED))
    shown = [stop for stop in stops if stop["size"] > 4]  # skips what is for screen readers only
    assert len(shown) > 15
    assert [(stop["name"], stop["by"]) for stop in shown if stop["by"]] == []


@pytest.mark.parametrize(("width", "height"), [(720, 450), (360, 225), (320, 640)])
def test_at_200_and_400_percent_nothing_is_cut_off(visit, width, height):
    page = visit(width, height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, textarea, summary')]
            .filter((node) => node.checkVisibility() && node.offsetWidth > 2)
            .map((node) => [node.textContent.trim() || node.id, node.getBoundingClientRect()])
            .filter(([, box]) => box.left < -1 || box.right > innerWidth + 1).map(([name]) => name)"""
    )
    assert cut == []


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_stays_put_while_it_loads(visit, width):
    page = visit(width, script=SHIFTS)
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shifted") < 0.1  # what web.dev calls good
