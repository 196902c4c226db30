"""Deleting one's data on the page: asked twice, told what went, and the page is as it was for a first visitor."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RUN, PICTURE = "#run", "#image-slot .slot-picture"


def test_my_data_is_deleted_after_a_second_press(page: Page, person_png, three_seconds_mp4):
    expect(page.locator(RUN)).to_be_enabled()
    expect(page.locator(PICTURE)).to_have_attribute("src", re.compile("-overlay"))
    example = page.locator(PICTURE).get_attribute("src").rpartition("/")[2]
    page.set_input_files("#image-slot input[type=file]", person_png)
    expect(page.locator("#image-slot .slot")).to_have_attribute("aria-busy", "false")
    expect(page.locator(PICTURE)).not_to_have_attribute("src", re.compile(re.escape(example)))
    page.locator(".history-erase summary").click()
    sure = page.get_by_role("button", name="Delete all of it")
    expect(sure).to_be_hidden()
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Keep it").last.click()
    expect(sure).to_be_hidden()
    before = page.evaluate("localStorage.getItem('kling_ui.visitor')")
    page.get_by_role("button", name="Delete my data").click()
    sure.click()
    expect(page.locator(".erase-note")).to_contain_text(re.compile(r"Deleted: 0 runs and [1-9]\d* inputs?\."))
    expect(page.locator("#image-slot .slot-found")).to_contain_text("The character covers")
    expect(page.locator(PICTURE)).to_have_attribute("src", re.compile(re.escape(example)))
    assert page.evaluate("localStorage.getItem('kling_ui.visitor')") != before
