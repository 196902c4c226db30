"""What a person reads, before and after a click, while the app is paused from the command line."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
READY = "#run:not([disabled])"
WORDS = "Whoever runs this app has paused new"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("paused")


@pytest.fixture(scope="module")
def address(serve, folder):
    with serve(folder) as (_, address):
        yield address


@pytest.fixture
def typed(folder):
    """Type a command while the app runs."""

    def command(*words):
        env = os.environ | {"KLING_UI_DATA_DIR": str(folder)}
        subprocess.run(
            [sys.executable, "-m", "kling_ui", *words], env=env, check=True, capture_output=True, timeout=120
        )

    return command


def test_a_pause_is_told_at_the_next_click_and_from_then_on_before_it(chromium, address, typed, tmp_path):
    typed("resume")  # should the test be tried again
    tab = chromium.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    tab.goto(address)
    tab.wait_for_selector(READY)
    stop, way = tab.locator("#cost .cost-stop-words"), tab.locator("#cost [data-do=preview]")
    expect(stop).to_be_hidden()
    typed("pause", "all", "--message", "Back on Monday")
    tab.click("#run")
    expect(tab.locator("#status")).to_contain_text(f"{WORDS} uploads, previews and runs until they end it.")
    expect(stop).to_contain_text("Back on Monday.")
    expect(way).to_be_hidden()
    picture = tmp_path / "me.png"
    picture.write_bytes(b"x")
    tab.locator("#image-slot input[type=file]").set_input_files(picture)
    expect(tab.locator("#image-slot .slot-error")).to_contain_text(f"{WORDS} uploads")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    typed("pause", "paid")
    tab.reload()
    tab.wait_for_selector(READY)
    expect(stop).to_be_hidden()
    tab.click('#engine input[value="kling"]')
    expect(stop).to_contain_text(f"{WORDS} runs on Kling")
    expect(way).to_be_visible()
    typed("resume")
    tab.reload()
    tab.wait_for_selector(READY)
    tab.click('#engine input[value="kling"]')
    expect(tab.locator("#cost .cost-words")).to_contain_text("Kling needs a RunComfy token")
    expect(stop).to_be_hidden()
    tab.close()
