"""Findings, repairs and the timeline as a person meets them, with all real parts."""

import re
import time
from pathlib import Path

import pytest
from figure import Actor, Camera, Scene, dance, write_clip, write_still
from figure.cast import DANCER, MAYA, THEO
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

RUN, HEADLINE, MENDING = "#run", ".headline-words", ".repairing-words"
IMAGE, VIDEO = "#image-slot", "#video-slot"
MEND_MS = 120_000
STOP_AT_ONCE = """(repair) => {
    document.querySelector(repair).click();
    document.querySelector("[data-do=stop]").click();
}"""
STICKING_OUT = """[...document.querySelectorAll("#left *")]
    .filter((node) => node.offsetParent && !node.closest(".examples, .unseen"))
    .filter((node) => node.getBoundingClientRect().right > 391)
    .map((node) => node.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def small_webp(person_png: Path, media_dir: Path) -> Path:
    """A character who covers too little of too wide a WebP picture."""
    figure = Image.open(person_png).convert("RGB")
    wide = Image.new("RGB", (2000, 700), figure.getpixel((4, 4)))
    wide.paste(figure.resize((270, 480)), (1200, 160))
    path = media_dir / "small.webp"
    wide.save(path, quality=90)
    return path


@pytest.fixture(scope="module")
def cut_mp4(media_dir: Path) -> Path:
    """A dance of 4 s, then, after a cut, 1.5 s of an empty hall."""

    def scene(time_s: float) -> Scene:
        is_here = time_s < 4
        return Scene(
            (Actor(DANCER, dance(time_s), x_m=0 if is_here else 40),), backdrop="terrace" if is_here else "hall"
        )

    return write_clip(media_dir / "cut.mp4", scene, duration_s=5.5, fps=8, width_px=360, height_px=640).path


@pytest.fixture
def bad_pair(page: Page, small_webp: Path, cut_mp4: Path) -> Page:
    """The page with both of them."""
    _hand_in(page, IMAGE, small_webp)
    _hand_in(page, VIDEO, cut_mp4)
    expect(page.locator(HEADLINE)).to_contain_text("Would fail")
    return page


def _hand_in(page: Page, slot: str, path: Path) -> None:
    page.set_input_files(f"{slot} input[type=file]", path)  # the slot is busy when this returns
    expect(page.locator(f"{slot} .slot")).to_have_attribute("aria-busy", "false")


def _facts(page: Page, slot: str) -> Locator:
    return page.locator(f"{slot} .slot-facts")


def _mended(page: Page) -> None:
    expect(page.locator(".repairing")).to_have_attribute("data-state", "done", timeout=MEND_MS)


@pytest.mark.slow
def test_repair_all_mends_the_pair_and_can_be_undone(bad_pair: Page):
    expect(bad_pair.locator(RUN)).to_be_disabled()
    bad_pair.dblclick("[data-do=all]")
    expect(bad_pair.locator("[data-do=all]")).to_be_disabled()
    _mended(bad_pair)
    expect(_facts(bad_pair, IMAGE)).to_contain_text("JPEG")
    expect(_facts(bad_pair, VIDEO)).to_contain_text("4.0")
    expect(bad_pair.locator(RUN)).to_be_enabled()
    expect(bad_pair.locator(HEADLINE)).not_to_contain_text("Would fail")
    for slot in (IMAGE, VIDEO):
        expect(bad_pair.locator(f"{slot} .repaired-labels")).not_to_be_empty()
        bad_pair.wait_for_function(f"document.querySelector('{slot} .slot-repaired img').naturalWidth > 0")
    expect(bad_pair.locator(f"{IMAGE} .slot-repaired dl")).to_contain_text("WebP became  → JPEG")

    bad_pair.click(".repairing [data-do=undo]")
    expect(_facts(bad_pair, IMAGE)).to_contain_text("2000")
    expect(_facts(bad_pair, VIDEO)).to_contain_text("5.5")
    expect(bad_pair.locator(f"{IMAGE} .repaired-labels")).to_have_text("Convert to JPEG")  # as on arrival
    expect(bad_pair.locator(f"{VIDEO} .slot-repaired")).to_be_hidden()
    expect(bad_pair.locator(".repairing")).to_be_hidden()
    expect(bad_pair.locator("[data-do=all]")).to_be_enabled()


def test_one_repair_stands_beside_its_finding_and_survives_a_reload(page: Page, small_webp: Path):
    _hand_in(page, IMAGE, small_webp)
    finding = page.locator("[data-rule='image.coverage']")
    finding.locator("[data-repair='image.crop-around-character']").click()
    _mended(page)
    expect(finding).to_have_count(0)
    page.fill("#prompt textarea", "In a park at night")
    page.wait_for_timeout(2000)
    page.reload()
    expect(page.locator(f"{IMAGE} .repaired-labels")).to_contain_text("Crop around the character")
    expect(page.locator("#prompt textarea")).to_have_value("In a park at night")
    page.click(f"{IMAGE} [data-do=undo]")
    expect(_facts(page, IMAGE)).to_contain_text("2000")


@pytest.mark.parametrize("by_keyboard", [False, True], ids=["pressed", "by keyboard"])
def test_somebody_in_the_picture_can_be_pressed_to_be_kept_alone(page: Page, media_dir: Path, by_keyboard: bool):
    scene = Scene((Actor(MAYA, x_m=-1.0), Actor(THEO, x_m=1.0)), Camera(y_m=0.95, height_m=2.2), "hall")
    two = write_still(media_dir / "two.png", scene, width_px=1600, height_px=900, supersample=1).path
    _hand_in(page, IMAGE, two)
    finding = page.locator("[data-rule='image.people']")
    if not finding.locator("details").evaluate("node => node.open"):
        finding.locator("summary").click()
    person = finding.locator("[data-keep='image.keep-person-2']")
    expect(person).to_have_attribute("aria-label", "Keep the person on the right")
    if by_keyboard:
        person.focus()
        page.keyboard.press("Enter")
    else:
        person.click()
    _mended(page)
    expect(finding).to_have_count(0)
    expect(page.locator(f"{IMAGE} .repaired-labels")).to_have_text("Keep the person on the right")


@pytest.mark.slow
def test_a_repair_can_be_stopped_and_a_new_file_meanwhile_wins(bad_pair: Page, person_png: Path):
    expect(bad_pair.locator("[data-repair='video.trim']").first).to_be_attached()
    bad_pair.evaluate(STOP_AT_ONCE, "[data-repair='video.trim']")
    expect(bad_pair.locator(MENDING)).to_have_text("Stopped. Nothing was changed.")
    expect(_facts(bad_pair, VIDEO)).to_contain_text("5.5")

    bad_pair.click("[data-do=all]")
    expect(bad_pair.locator(".repairing")).to_have_attribute("data-state", "running")
    _hand_in(bad_pair, IMAGE, person_png)
    _mended(bad_pair)
    expect(_facts(bad_pair, IMAGE)).to_contain_text("540")
    expect(_facts(bad_pair, VIDEO)).to_contain_text("4.0")
    expect(bad_pair.locator(f"{IMAGE} .slot-repaired")).to_be_hidden()


def test_the_timeline_plays_its_parts_by_keyboard(page: Page, cut_mp4: Path):
    _hand_in(page, VIDEO, cut_mp4)
    expect(page.locator(".reel-words")).to_contain_text("Kling charges for 5.5 s; about 4.0 s are likely to come back")
    expect(page.locator(".reel-legend")).to_contain_text("Good")
    expect(page.locator(".reel-legend")).to_contain_text("Nobody in view")
    parts = page.locator(".part")
    parts.first.focus()
    page.keyboard.press("End")
    expect(parts.last).to_be_focused()
    expect(parts.last).to_have_attribute("aria-label", re.compile(r"^Nobody in view, 4\.\d–5\.5.s\. Play it\.$"))
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#video-slot .slot-clip').currentTime > 4")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator(".reel-chosen")).to_contain_text("Good, 0.0–4.0")
    expect(page.locator(".reel-chosen button")).to_be_visible()


def test_a_finding_shows_what_was_seen(page: Page, cut_mp4: Path):
    _hand_in(page, VIDEO, cut_mp4)
    cut = page.locator("[data-rule='video.cuts']")
    expect(cut).to_be_attached()
    cut.evaluate(
        "node => { for (let up = node; up; up = up.parentElement) if (up.tagName === 'DETAILS') up.open = true; }"
    )
    cut.locator("summary").press("Enter")
    picture = cut.locator("img.evidence-picture")
    expect(picture).to_have_attribute("src", re.compile("^files/"))
    picture.evaluate("image => image.decode()")
    cut.locator(".evidence-spans button").first.click()
    page.wait_for_function("document.querySelector('#video-slot .slot-clip').currentTime > 2.5")
    expect(cut.locator(".finding-source")).to_contain_text("Source")


def test_the_advised_orientation_is_one_click_away(page: Page):
    page.click("#orientation label >> nth=1")
    page.click(".advice button")
    expect(page.locator("#orientation input >> nth=0")).to_be_checked()
    expect(page.locator(".advice button")).to_be_hidden()


def test_a_page_that_nobody_touches_falls_silent(page: Page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "queue/join" in request.url else None)
    page.click(".example >> nth=1")
    expect(page.locator(RUN)).to_be_enabled()
    until = time.monotonic() + 60  # a busy machine takes its time to look; a page that loops is never silent
    while time.monotonic() < until:
        before = len(asked)
        page.wait_for_timeout(3000)
        if asked and len(asked) == before:
            return
    pytest.fail("the page went on asking")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_findings_fit_a_phone(chromium: Browser, page_address: str, small_webp: Path, cut_mp4: Path, scheme: str):
    tab = chromium.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce", color_scheme=scheme)
    tab.goto(f"{page_address}?__theme={scheme}")
    tab.wait_for_selector(f"{RUN}:not([disabled])")
    _hand_in(tab, IMAGE, small_webp)
    _hand_in(tab, VIDEO, cut_mp4)
    expect(tab.locator("[data-do=all]")).to_be_visible()
    tab.evaluate("for (const node of document.querySelectorAll('#findings details')) node.open = true")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.evaluate(STICKING_OUT) == []
    tab.close()


def test_a_clip_is_trimmed_cropped_and_turned_in_place_and_all_of_it_undone(page: Page):
    end, words = page.locator(".trim-handle.is-end"), page.locator(".trim-words")
    end.press("Shift+ArrowLeft")  # a whole second
    end.press("ArrowLeft")
    expect(words).to_contain_text("0.0\N{EN DASH}4.9")
    expect(words).to_contain_text("likely to come back")
    start = page.locator(".trim-handle.is-start")
    row, at = page.locator(".reel-row").bounding_box(), start.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(row["x"] + row["width"] / 6, at["y"] + at["height"] / 2, steps=3)
    page.mouse.up()
    expect(words).to_contain_text(re.compile(r"^1\.0"))
    page.click("[data-adjust=keep-trim]")
    expect(_facts(page, VIDEO)).to_contain_text("3.9", timeout=MEND_MS)
    expect(page.locator(f"{VIDEO} .repaired-labels")).to_contain_text("Kept 1.0")

    page.click(f"{VIDEO} .adjust > .adjust-row:first-child [data-adjust=crop]")
    page.select_option(f"{VIDEO} .crop-shape", "own")
    page.locator(f"{VIDEO} .crop-corner.is-bottom.is-right").press("Shift+ArrowUp")
    page.locator(f"{VIDEO} .crop-box").press("ArrowRight")
    size = page.locator(f"{VIDEO} .crop-size").text_content()
    page.click(f"{VIDEO} [data-adjust=keep-crop]")
    expect(page.locator(f"{VIDEO} .repaired-labels")).to_contain_text("Cropped to", timeout=MEND_MS)
    assert size

    page.click(f"{VIDEO} [data-adjust=left]")
    expect(page.locator(f"{VIDEO} .repaired-labels")).to_contain_text("Turned left", timeout=MEND_MS)
    expect(page.locator(HEADLINE)).to_contain_text("side")  # what the checks say follows

    for left in ("Cropped to", "Kept 1.0"):
        page.click(f"{VIDEO} [data-do=undo]")
        expect(page.locator(f"{VIDEO} .repaired-labels")).to_have_text(re.compile(f"{left}[^;]*$"))
    page.click(f"{VIDEO} [data-do=undo]")
    expect(_facts(page, VIDEO)).to_contain_text("6.0")
    expect(page.locator(f"{VIDEO} .slot-repaired")).to_be_hidden()


def test_a_crop_that_is_too_small_cannot_be_kept(page: Page):
    page.click(f"{IMAGE} .adjust > .adjust-row:first-child [data-adjust=crop]")
    corner = page.locator(f"{IMAGE} .crop-corner.is-top.is-left")
    for _ in range(12):
        corner.press("Shift+ArrowRight")
    expect(page.locator(f"{IMAGE} .crop-size")).to_contain_text("too small")
    expect(page.locator(f"{IMAGE} [data-adjust=keep-crop]")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.locator(f"{IMAGE} .crop")).to_be_hidden()
