"""An upload that a reload cuts off goes on by itself, as after a lost connection; what arrived leaves nothing."""

import os
import re

import pytest
from playwright.sync_api import expect

from kling_ui.ui.examples import asset

pytestmark = pytest.mark.browser
READY = "#run:not([disabled])"
SLOW_BYTES_PER_S = 750_000
AGAIN = "sent once more"
WAITING = """async () => {
    const base = await new Promise((done) => {
        const opening = indexedDB.open('kling_ui.uploads', 1);
        opening.onupgradeneeded = () => opening.result.createObjectStore('files');
        opening.onsuccess = () => done(opening.result);
    });
    const count = base.transaction('files').objectStore('files').count();
    await new Promise((done) => { count.onsuccess = done; });
    base.close();
    return count.result;
}"""


@pytest.fixture
def large_mp4(tmp_path):
    """A clip that takes ten seconds to be sent; what follows its end is no part of it."""
    path = tmp_path / "large.mp4"
    path.write_bytes(asset("examples/gesture-upper-body.mp4").read_bytes() + os.urandom(8_000_000))
    return path


@pytest.fixture
def network(page):
    """Slows the network down, and makes it fast again."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def set_speed(upload):
        conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        session.send("Network.emulateNetworkConditions", conditions)

    return set_speed


def _begin(page, network, file):
    network(SLOW_BYTES_PER_S)
    page.set_input_files("#video-slot input[type=file]", file)
    expect(page.locator("#video-slot .slot-busy-words")).to_contain_text(re.compile(r"Uploading, \d\d %"))
    page.wait_for_function(f"({WAITING})()")


def test_a_reload_in_mid_upload_sends_the_file_again(page, network, large_mp4):
    before = page.locator("#video-slot .slot-facts").inner_text()
    _begin(page, network, large_mp4)
    page.reload()
    expect(page.locator("#video-slot .slot-found")).to_contain_text(AGAIN)
    network(-1)
    expect(page.locator("#video-slot .slot-found")).not_to_contain_text(AGAIN)
    expect(page.locator("#video-slot .slot-facts")).to_contain_text("8.")  # its size in MB
    assert page.locator("#video-slot .slot-facts").inner_text() != before
    page.wait_for_function(f"async () => await ({WAITING})() === 0")
    page.reload()
    page.wait_for_selector(READY)
    expect(page.locator("#video-slot .slot-facts")).to_contain_text("8.")
    page.wait_for_timeout(1000)
    expect(page.locator("#video-slot .slot-busy")).to_be_hidden()
