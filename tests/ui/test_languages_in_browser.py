"""A visitor whose browser reads Chinese: on arrival, after a check with a finding, after a preview; and the switch."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
NAMES = "English Motion Control API JPEG PNG WebP GIF ZIP MP4 H.264 h264 JSON curl Python JavaScript kling_ui Kling"
NAMES += " RunComfy fps kB MB min"
# What can be read and is neither a name, nor a unit, nor the visitor's own; code is left out, too.
ENGLISH_LEFT = r"""(names) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), left = new Set();
    while (texts.nextNode()) {
        const node = texts.currentNode, place = node.parentElement;
        const words = names.split(" ").reduce((rest, name) => rest.replaceAll(name, ""), node.data);
        const isCode = place.closest("script, style, pre, code, kbd, textarea, noscript");
        if (!isCode && place.checkVisibility() && /[A-Za-z]{3,}/.test(words)) left.add(node.data.trim());
    }
    return [...left];
}"""


def english_left(tab: Page) -> list[str]:
    return tab.evaluate(ENGLISH_LEFT, NAMES)


@pytest.fixture
def open_chinese(chromium: Browser, page_address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page in a browser that reads Chinese; at the end no tab must have thrown anything."""
    thrown: list[str] = []
    contexts = []

    def _open(**how: Any) -> Page:
        how = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", "locale": "zh-CN"} | how
        contexts.append(chromium.new_context(**how))
        tab = contexts[-1].new_page()
        tab.on("pageerror", lambda error: thrown.append(str(error)))
        tab.goto(page_address)
        tab.wait_for_selector("#run:not([disabled])")
        return tab

    yield _open
    for context in contexts:
        context.close()
    assert thrown == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")], ids=str)
def test_a_chinese_visitor_finds_a_chinese_page(open_chinese, width, scheme):
    tab = open_chinese(viewport={"width": width, "height": 900}, color_scheme=scheme)
    expect(tab).to_have_title("Motion Control 体验场")
    expect(tab.locator("#title h1")).to_have_text("Motion Control 体验场")
    expect(tab.locator("#image-slot .slot-found")).to_contain_text("角色占图片的")
    expect(tab.locator("#run")).to_have_text("迁移动作")
    expect(tab.locator("#headline")).to_contain_text("可以运行。")
    expect(tab.locator(".language [aria-pressed=true]")).to_have_text("中文")
    assert tab.evaluate("document.documentElement.lang") == "zh-CN"
    assert english_left(tab) == []
    assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_english_that_is_left_would_be_noticed(open_chinese):
    tab = open_chinese()
    tab.evaluate("document.querySelector('#title').append('Left over')")
    assert english_left(tab) == ["Left over"]


def test_the_switch_is_reached_by_keyboard_and_stays_chosen(open_chinese):
    tab = open_chinese(viewport={"width": 390, "height": 900})
    tab.fill("#prompt textarea", "On a quiet street")
    tab.locator("#prompt textarea").blur()
    tab.wait_for_timeout(2000)  # the browser keeps it by itself
    english = tab.locator(".language [data-language=en]")
    english.focus()
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    for _ in range(2):
        tab.wait_for_selector("#run:not([disabled])")
        expect(tab.locator("#run")).to_have_text("Transfer the motion")
        expect(tab.locator("#image-slot .slot-found")).to_contain_text("The character covers")
        expect(tab.locator("#image-slot [data-do=choose]")).to_have_text("Choose a file")
        expect(tab.locator("#prompt textarea")).to_have_value("On a quiet street")
        assert tab.evaluate("document.documentElement.lang") == "en"
        tab.reload()
    (cookie,) = [one for one in tab.context.cookies() if one["name"] == "kling_ui_language"]
    assert (cookie["value"], cookie["sameSite"], cookie["secure"]) == ("en", "Lax", False)
    with tab.expect_navigation():
        tab.click(".language [data-language=zh-CN]")
    expect(tab.locator("#run")).to_have_text("迁移动作")


@pytest.mark.slow
def test_findings_repairs_and_a_preview_are_told_in_chinese(open_chinese, tmp_path: Path):
    small = tmp_path / "small.webp"
    with Image.open("assets/examples/character-upper-body.png") as picture:
        picture.convert("RGB").resize((240, 240 * picture.height // picture.width)).save(small)
    tab = open_chinese()
    tab.set_input_files("#image-slot input[type=file]", small)
    expect(tab.locator("#headline")).to_contain_text("会失败：图片为 240 x")
    expect(tab.locator("#findings")).to_contain_text("请放大，或选择更大的图片。")
    expect(tab.locator("#findings")).to_contain_text("个问题会阻止运行")
    expect(tab.locator("#image-slot .repaired-labels")).to_have_text("转换为 JPEG")
    assert english_left(tab) == []
    tab.locator("#findings button:visible", has_text="放大到").first.click()
    expect(tab.locator("#findings")).to_contain_text("已完成：放大到")
    tab.click("#run:not([disabled])")
    expect(tab.locator("[data-link=download]")).to_be_visible(timeout=240_000)
    expect(tab.locator("#player")).to_contain_text("预览，由本应用生成，并非 Kling")
    expect(tab.locator(".gallery-list .tile").first).to_contain_text("已完成")
    tab.click(".about > summary")
    expect(tab.locator(".about")).to_contain_text("图片：转换为 JPEG、放大到")
    assert english_left(tab) == []
