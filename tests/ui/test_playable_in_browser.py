"""Clips and pictures that this browser cannot show: a copy takes their place, in step with the original."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SLOT, PANE = "#video-slot video.slot-clip", "#player [data-pane=reference] video"
FRAMES, FPS = 80, 20
IS_SHOWN = """selector => {
    const clip = document.querySelector(selector);
    return clip.src.endsWith('-video.mp4') && clip.videoWidth && clip.readyState >= 2;
}"""
# The picture that a clip shows carries its number in eight fields, see the fixture numbered_clip.
NUMBER = """selector => {
    const clip = document.querySelector(selector);
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 192 });
    const pen = canvas.getContext('2d');
    pen.drawImage(clip, 0, 0, 320, 192);
    return [0, 1, 2, 3, 4, 5, 6, 7].reduce((number, place) => {
        const [level] = pen.getImageData(80 * (place % 4) + 40, 96 * Math.floor(place / 4) + 48, 1, 1).data;
        return number + (level > 125 ? 1 << place : 0);
    }, 0);
}"""
SHOWS = f"([selector, number]) => ({NUMBER})(selector) === number"


def _shows(page, selector, number):
    page.wait_for_function(SHOWS, arg=[selector, number])


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.mp4", "libx265", "yuv420p"), ("b.mov", "mjpeg", "yuvj420p")])
def test_a_clip_that_no_browser_plays_is_shown_by_a_copy_frame_by_frame(page, numbered_clip, name, codec, pixels):
    clip = numbered_clip(name, codec, pixels, times=list(range(FRAMES)), fps=FPS)
    page.locator("#video-slot input[type=file]").set_input_files(clip)
    for place in (SLOT, PANE):
        page.wait_for_function(IS_SHOWN, arg=place)
        assert page.eval_on_selector(place, "clip => clip.duration") == pytest.approx(FRAMES / FPS, abs=0.01)
        _shows(page, place, 0)
    expect(page.locator("#video-slot .slot-copy")).to_be_hidden()
    expect(page.locator("#video-slot .slot-facts")).to_contain_text(re.compile("HEVC|Motion JPEG"))  # the original's
    forward, back = (page.locator(f"#player [data-do={way}]") for way in ("forward", "back"))
    for number in (1, 2, 3):
        forward.click()
        _shows(page, PANE, number)
    back.click()
    _shows(page, PANE, 2)
    for number in (FRAMES - 1, 41, 17):  # anywhere: what stands at a time of the original stands there in the copy
        page.eval_on_selector(SLOT, "(clip, time) => { clip.currentTime = time; }", (number + 0.5) / FPS)
        _shows(page, SLOT, number)
    page.locator("#player [data-do=play]").click()
    page.wait_for_function("selector => document.querySelector(selector).currentTime > 0.5", arg=PANE)


def test_the_words_and_the_poster_stay_when_there_can_be_no_copy(page, numbered_clip):
    clip = numbered_clip("long.mkv", "libx264", times=[0, 24, 200 * 24])
    page.locator("#video-slot input[type=file]").set_input_files(clip)
    words = "A playable copy could not be made: it is longer than 3 minutes."
    expect(page.locator("#video-slot .slot-copy")).to_have_text(words)
    expect(page.locator(SLOT)).to_have_attribute("poster", re.compile(r"-video-poster\.jpg$"))
    expect(page.locator(SLOT)).to_be_visible()
    expect(page.locator("#video-slot .slot-play")).to_be_hidden()
    expect(page.locator("#player [data-pane=reference] .pane-copy")).to_have_text(words)


def test_a_picture_that_the_browser_does_not_show_is_shown_by_a_copy(page, person_png, tmp_path):
    with Image.open(person_png) as picture:
        picture.convert("CMYK").save(tmp_path / "person.jpg")  # a TIFF would be converted as it arrives
    page.locator("#image-slot input[type=file]").set_input_files(tmp_path / "person.jpg")
    for place in ("#player [data-pane=image] img", "#image-slot img.slot-picture"):
        if "slot" in place:
            page.locator("#image-slot [data-do=evidence]").click()  # the picture itself
        page.wait_for_function(
            "selector => { const node = document.querySelector(selector);"
            " return node.src.endsWith('-image.jpg') && node.naturalWidth === 540; }",
            arg=place,
        )
    expect(page.locator("#image-slot .slot-copy")).to_be_hidden()
