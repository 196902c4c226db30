"""What is dragged by a finger on a phone: it moves, the page stays where it is, and the target is large enough."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
LEAST_PX = 24  # of a target, each way: WCAG 2.2, success criterion 2.5.8
ZOOM = "Number(getComputedStyle(document.querySelector('.panes')).getPropertyValue('--zoom') || 1)"
PAN_X = "parseFloat(getComputedStyle(document.querySelector('.panes')).getPropertyValue('--pan-x') || 0)"
Places = list[tuple[float, float]]


class Hand:
    """Fingers on the screen of a page, which the browser takes for real ones.

    Args:
        page: The page.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def drag(self, *fingers: Places) -> None:
        """Put fingers down, lead each along its places, in px of the window, and lift them; the page must not move."""
        before = self._page.evaluate("scrollY")
        self.swipe(*fingers)
        assert self._page.evaluate("scrollY") == before, "the page scrolled away under the finger"

    def swipe(self, *fingers: Places) -> None:
        """The same, but the page may move."""
        for place, points in enumerate(zip(*fingers, strict=True)):
            self._touch("touchMove" if place else "touchStart", list(points))
        self._touch("touchEnd", [])
        self._page.wait_for_timeout(60)  # a page that scrolls does so in its next frames

    def _touch(self, kind: str, points: Places) -> None:
        touches = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def _line(start: tuple[float, float], by_x: float, by_y: float, steps: int = 8) -> Places:
    return [(start[0] + by_x * step / steps, start[1] + by_y * step / steps) for step in range(steps + 1)]


def _middle(node: Locator) -> tuple[float, float]:
    """The middle of an element, which is brought to the middle of the window, clear of the bar at its foot."""
    node.evaluate("node => node.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = node.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _is_large_enough(node: Locator) -> None:
    box = node.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= LEAST_PX, box


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone's browser."""
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def player(phone: BrowserContext, numbered_clip: Callable[..., Any], serve_player: Any, tmp_path: Any) -> Page:
    """The player with two clips of 3 s, in a page that is long enough to scroll."""
    for name, fps in (("reference.mp4", 20), ("result.mp4", 10)):
        numbered_clip(name, times=list(range(3 * fps)), fps=fps)
    page = phone.new_page()
    page.goto(serve_player(tmp_path, {"shown/reference.mp4": {"fps": 20}, "shots/reference.mp4": {"cuts_s": [2.0]}}))
    page.add_style_tag(content="main { padding: 500px 0 !important }")
    result = {"run_id": "r0", "label": "", "src": "files/result.mp4", "offset": 0, "fps": 10}
    shown = {"run_id": "r0", "image": "files/none.png", "reference": "files/reference.mp4", "results": [result]}
    page.evaluate("value => show(value)", shown)
    page.wait_for_function("[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)")
    return page


def test_a_finger_scrolls_what_is_not_dragged(player: Page) -> None:
    hand, start = Hand(player), _middle(player.locator("[data-pane=result] .pane-box"))
    before = player.evaluate("scrollY")
    hand.swipe(_line(start, 0, -150))
    assert player.evaluate("scrollY") > before + 50  # the others can fail, and a picture is no trap


def test_line_loop_and_panes_are_moved_by_fingers(player: Page) -> None:
    page, hand = player, Hand(player)
    page.locator("button[data-view=wipe]").tap()
    line, share = page.locator(".wipe-line"), page.locator(".player-blend input")
    start = _middle(line)
    _is_large_enough(line)
    hand.drag(_line(start, -60, -90))  # no finger moves straight
    assert int(share.input_value()) < 40

    box = page.locator(".timeline-box")
    x, y = _middle(box)
    hand.drag(_line((x - 100, y), 80, 6))
    loop = page.locator(".timeline-loop")
    expect(loop).to_be_visible()
    words = loop.inner_text()
    x, y = _middle(box)
    hand.drag(_line((x - 20, y), 50, 6))  # by the end of what is looped
    expect(loop).not_to_have_text(words)
    assert loop.inner_text().split("–")[0] == words.split("–")[0], "its other end stays"
    _is_large_enough(page.locator(".timeline-shot"))

    page.locator("button[data-view=side]").tap()
    pane = page.locator("[data-pane=result] .pane-box")
    x, y = _middle(pane)
    hand.drag(_line((x - 15, y), -40, 0), _line((x + 15, y), 40, 0))
    page.wait_for_function(f"{ZOOM} > 2")
    before = page.evaluate(PAN_X)
    hand.drag(_line(_middle(pane), 40, 60))
    assert page.evaluate(PAN_X) > before
    assert page.evaluate("!document.querySelector('.player.is-large')"), "a drag is no tap"
    assert page.evaluate("visualViewport.scale") == 1, "the panes are zoomed, not the page"


def test_trim_crop_and_joints_are_moved_by_fingers(phone: BrowserContext, page_address: str) -> None:
    page = phone.new_page()
    page.goto(page_address)
    page.wait_for_selector("#run:not([disabled])")
    hand = Hand(page)
    end = page.locator("#video-slot .trim-handle.is-end")
    start = _middle(end)
    _is_large_enough(end)
    hand.drag(_line(start, -90, 30))
    assert float(end.get_attribute("aria-valuenow") or 0) < 5
    page.locator("[data-adjust=reset-trim]").tap()

    page.locator("#image-slot [data-adjust=crop]").first.tap()
    frame, corner = page.locator("#image-slot .crop-box"), page.locator("#image-slot .crop-corner.is-bottom.is-right")
    before = frame.bounding_box()
    start = _middle(corner)
    _is_large_enough(corner)
    hand.drag(_line(start, -30, -60))
    small = frame.bounding_box()
    assert before
    assert small
    assert small["height"] < before["height"] - 30
    hand.drag(_line(_middle(frame), 4, 40))
    assert frame.evaluate("node => parseFloat(node.style.top)") > 12
    page.locator("#image-slot .crop-tools [data-adjust=crop]").tap()

    page.locator("#image-slot .slot-correct").tap()
    joint = page.locator(".editor[open] [data-joint='left wrist'], .editor[open] .editor-joint").first
    said = joint.get_attribute("aria-label")
    box = joint.bounding_box()
    assert box
    _is_large_enough(joint)
    hand.drag(_line((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), 20, 40))
    assert joint.get_attribute("aria-label") != said
