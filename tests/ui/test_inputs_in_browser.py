"""Handing in inputs as people do it: a failed replacement, files dropped beside their place, pasted addresses."""

import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from kling_ui.ui.examples import asset

pytestmark = pytest.mark.browser
READY = "#run:not([disabled])"
with Image.open(asset("examples/character-upper-body.png")) as _picture:
    UPPER_SIZE = _picture.size
DROP = """([selector, name, type]) => {
    const files = new DataTransfer();
    files.items.add(new File([window.klDropped], name, { type }));
    const place = document.querySelector(selector);
    for (const what of ["dragenter", "dragover", "drop"])
        place.dispatchEvent(new DragEvent(what, { bubbles: true, cancelable: true, dataTransfer: files }));
}"""
PASTE = """text => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData }));
}"""


def _drop(page, selector, path, kind):
    page.evaluate("bytes => { window.klDropped = new Uint8Array(bytes); }", list(path.read_bytes()))
    page.evaluate(DROP, [selector, path.name, kind])


def _shown(page, slot):
    return page.locator(f"{slot} :is(img.slot-picture, video.slot-clip):visible")


def _has(page, slot, name):
    """Wait until a place shows the facts of the other example."""
    width, height = {"gesture-upper-body.mp4": (960, 540), "character-upper-body.png": UPPER_SIZE}[name]
    expect(page.locator(f"{slot} .slot-facts")).to_contain_text(re.compile(rf"{width}\s×\s{height}"))


@pytest.mark.parametrize(
    ("slot", "name", "content"),
    [
        ("#image-slot", "drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("#image-slot", "empty.jpg", b""),
        ("#video-slot", "cut.mp4", asset("examples/dance-full-body.mp4").read_bytes()[:4000]),
        ("#video-slot", "words.mov", b"no clip at all"),
    ],
)
def test_a_replacement_that_fails_leaves_the_good_one(page, tmp_path, slot, name, content):
    before = page.locator(f"{slot} .slot-facts").inner_text()
    source = _shown(page, slot).get_attribute("src")
    (tmp_path / name).write_bytes(content)
    page.locator(f"{slot} input[type=file]").set_input_files(tmp_path / name)
    expect(page.locator(f"{slot} .slot-error")).not_to_be_empty()
    expect(_shown(page, slot)).to_have_attribute("src", source)
    assert page.locator(f"{slot} .slot-facts").inner_text() == before
    page.wait_for_selector(READY)  # what is there can be run


def test_a_bad_address_stays_to_be_mended(page):
    page.click("#video-slot [data-do=link]")
    page.fill("#video-slot .slot-link input", "https://nowhere.invalid/clip.mp4")
    page.click("#video-slot .slot-link button")
    expect(page.locator("#video-slot .slot-error")).not_to_be_empty()
    expect(page.locator("#video-slot .slot-link input")).to_have_value("https://nowhere.invalid/clip.mp4")
    expect(page.locator("#video-slot video.slot-clip")).to_be_visible()
    page.wait_for_selector(READY)


def test_a_good_one_takes_the_reason_away(page, tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    page.locator("#image-slot input[type=file]").set_input_files(tmp_path / "no.png")
    expect(page.locator("#image-slot .slot-error")).not_to_be_empty()
    page.locator("#image-slot input[type=file]").set_input_files(asset("examples/character-upper-body.png"))
    expect(page.locator("#image-slot .slot-error")).to_be_hidden()
    _has(page, "#image-slot", "character-upper-body.png")


@pytest.mark.parametrize("where", ["#image-slot .slot", "#how", "body"])
def test_a_clip_finds_its_place_wherever_it_is_dropped(page, where):
    _drop(page, where, asset("examples/gesture-upper-body.mp4"), "video/mp4")
    _has(page, "#video-slot", "gesture-upper-body.mp4")
    assert page.url.startswith("http://127.0.0.1")
    expect(page.locator("#image-slot img.slot-picture")).to_be_visible()
    expect(page.locator("#image-slot .slot-error")).to_be_hidden()


@pytest.mark.parametrize("where", ["#video-slot .slot", "#player"])
def test_a_picture_finds_its_place_wherever_it_is_dropped(page, where):
    _drop(page, where, asset("examples/character-upper-body.png"), "image/png")
    _has(page, "#image-slot", "character-upper-body.png")


@pytest.mark.parametrize(
    ("address", "slot"),
    [
        ("https://pics.example/me.PNG?size=2", "#image-slot"),
        ("https://clips.example/dance.mp4#t=3", "#video-slot"),
    ],
)
def test_a_pasted_address_is_fetched(page, address, slot):
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or "") if "queue/join" in request.url else None)
    page.evaluate(PASTE, address)
    expect(page.locator(f"{slot} .slot-error")).not_to_be_empty()  # there is no such host
    assert any(json.dumps(address)[1:-1] in body for body in sent)


def test_text_that_is_no_address_is_left_alone(page):
    page.evaluate(PASTE, "see https://clips.example/dance.mp4 and laugh")
    page.wait_for_timeout(300)
    for slot in ("#image-slot", "#video-slot"):
        expect(page.locator(f"{slot} .slot-error")).to_be_hidden()


def _animation(path):
    """A GIF of 4 s that shows the example's figure; nobody need be found in it."""
    with Image.open(asset("examples/character-full-body.png")) as figure:
        frames = [figure.convert("RGB").resize((360, 640)).rotate(turn) for turn in (0, 2, 4, 6, 4, 2, 0, 1)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=500, loop=0)
    return path


def test_a_webp_picture_is_converted_on_arrival_and_can_be_had_back(page, tmp_path):
    with Image.open(asset("examples/character-full-body.png")) as figure:
        figure.convert("RGB").save(tmp_path / "me.webp", quality=95)
    page.locator("#image-slot input[type=file]").set_input_files(tmp_path / "me.webp")
    repaired, facts = page.locator("#image-slot .slot-repaired"), page.locator("#image-slot .slot-facts")
    expect(repaired.locator(".repaired-labels")).to_contain_text("Convert to JPEG")
    expect(facts).to_contain_text("JPEG")
    expect(page.locator("#headline")).to_contain_text("Ready")
    page.wait_for_selector(READY)  # no click was needed
    page.reload()
    expect(repaired.locator(".repaired-labels")).to_contain_text("Convert to JPEG")
    repaired.locator("[data-do=undo]").click()
    expect(facts).to_contain_text("WebP")
    expect(repaired).to_be_hidden()
    expect(page.locator("#headline")).to_contain_text("Would fail")


def test_an_animated_gif_becomes_a_clip_on_arrival(page, tmp_path):
    page.locator("#video-slot input[type=file]").set_input_files(_animation(tmp_path / "dance.gif"))
    repaired = page.locator("#video-slot .slot-repaired")
    expect(repaired.locator(".repaired-labels")).to_contain_text("Convert")
    expect(page.locator("#video-slot .slot-facts")).to_contain_text("MP4")
    expect(page.locator("#findings")).not_to_contain_text("GIF")


def test_an_event_that_gets_lost_is_sent_again(page):
    page.evaluate(
        """() => {
            const real = window.setTimeout;
            window.setTimeout = (call, ms, ...more) => real(call, ms === 25000 ? 1500 : ms, ...more);
        }"""
    )
    lost = []

    def lose(route):
        body = route.request.post_data or ""
        if '"seq"' in body and not lost:
            lost.append(body)
            route.fulfill(json={"event_id": "0" * 32})  # taken, and never answered
        else:
            route.continue_()

    page.route("**/queue/join*", lose)
    page.locator("#video-slot input[type=file]").set_input_files(asset("examples/gesture-upper-body.mp4"))
    _has(page, "#video-slot", "gesture-upper-body.mp4")
    expect(page.locator("#video-slot .slot")).to_have_attribute("aria-busy", "false")
    assert len(lost) == 1


def test_the_request_is_edited_as_json(page):
    text, said = page.locator(".code-text"), page.locator(".code-said")
    page.click(".code > summary")
    page.click(".code [data-do=edit]")
    area = page.get_by_label("The request as JSON")
    area.fill('{"orientation": "left"}')
    page.click(".code [type=submit]")
    expect(said).to_contain_text('orientation takes "video", "image".')
    area.fill('{"prompt": "Under the sea", "character_orientation": "image", "keep_original_sound": false}')
    page.click(".code [type=submit]")
    expect(page.locator("#prompt textarea")).to_have_value("Under the sea")
    expect(page.locator("#orientation input >> nth=1")).to_be_checked()
    expect(page.locator("#keep-sound input")).not_to_be_checked()
    expect(area).to_be_hidden()
    expect(said).to_have_text("Taken over.")
    expect(text).to_contain_text("Under the sea")  # the checks have passed it on
    expect(page.locator(".code [data-do=edit]")).to_be_focused()
