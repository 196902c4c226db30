"""The page on a slow network, or on one that goes away: words at once, uploads that say how far they are."""

import os
import re

import httpx
import pytest
from playwright.sync_api import expect

from kling_ui.ui.examples import asset

pytestmark = pytest.mark.browser
READY = "#run:not([disabled])"
BYTES_PER_S = 750_000 / 8
SLOW = {"offline": False, "latency": 100, "downloadThroughput": BYTES_PER_S, "uploadThroughput": BYTES_PER_S}


@pytest.fixture
def large_mp4(tmp_path):
    """A clip that takes more than a minute to be sent; what follows its end is no part of it."""
    path = tmp_path / "large.mp4"
    path.write_bytes(asset("examples/dance-full-body.mp4").read_bytes() + os.urandom(8_000_000))
    return path


def _slow_down(page):
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW)
    return network


@pytest.mark.parametrize("height", [900, 844])
def test_words_are_there_before_any_script_has_come(chromium, page_address, height):
    width = {900: 1440, 844: 390}[height]
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.route(re.compile(r"/(assets|static)/|theme\.css"), lambda _: None)  # they never come
    page.goto(page_address, wait_until="commit")
    words = page.locator("#kl-wait")
    expect(words).to_contain_text("The page is loading.")
    expect(words).to_be_visible()
    page.unroute_all()
    page.reload()
    page.wait_for_selector(READY)
    expect(words).to_be_hidden()
    context.close()


def test_what_must_come_before_the_words_takes_no_four_seconds(page_address):
    with httpx.stream("GET", page_address, headers={"Accept-Encoding": "gzip"}) as answer:
        sent = sum(len(part) for part in answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert sent < 2 * BYTES_PER_S  # half of it is left for the connection


def test_an_upload_says_how_far_it_is_and_can_be_cancelled(page, large_mp4):
    before = page.locator("#video-slot .slot-facts").inner_text()
    _slow_down(page)
    page.set_input_files("#video-slot input[type=file]", large_mp4)
    expect(page.locator("#video-slot .slot-busy-words")).to_contain_text(re.compile(r"Uploading, \d+ %"))
    expect(page.locator(".headline-words")).to_contain_text("Uploading the clip")
    expect(page.locator("#run")).to_be_disabled()
    page.click("#video-slot [data-do=cancel-upload]")
    expect(page.locator("#video-slot .slot-busy")).to_be_hidden()
    assert page.locator("#video-slot .slot-facts").inner_text() == before
    expect(page.locator("#video-slot video.slot-clip")).to_be_visible()
    expect(page.locator("#video-slot .slot-error")).to_be_hidden()
    page.wait_for_selector(READY)
    expect(page.locator(".headline-words")).to_contain_text("Ready")


@pytest.mark.slow
def test_a_server_that_goes_during_an_upload_is_said(chromium, serve, tmp_path, large_mp4):
    context = chromium.new_context()
    page = context.new_page()
    with serve(tmp_path) as (app, address):
        page.goto(address)
        page.wait_for_selector(READY)
        _slow_down(page)
        page.set_input_files("#video-slot input[type=file]", large_mp4)
        expect(page.locator("#video-slot .slot-busy-words")).to_contain_text(re.compile(r"Uploading, \d+ %"))
        app.kill()
        expect(page.locator("#video-slot .slot-error")).to_contain_text("The upload broke off")
        expect(page.locator("#video-slot video.slot-clip")).to_be_visible()  # what was here before
        expect(page.locator(".headline-gone")).to_contain_text("does not answer")
    context.close()
