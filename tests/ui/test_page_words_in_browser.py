"""The page in Chinese, as its scripts and templates say it: on arrival, in the player and in the gallery."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
CATALOGUE = Path(__file__).parents[2] / "assets/languages/zh_CN/page.po"
LETTERS_MIN = 4  # of a sentence without its values: those with fewer are found in any other
# What can be seen or heard of the widgets, but for what Python says there and the names of keys.
SAID = """() => {
    const said = [], names = ['aria-label', 'title', 'alt', 'placeholder'];
    const own = (node) => !node.closest('.about-rows, .slot-facts, .player-facts, .score-figures, kbd, .code-text');
    for (const widget of document.querySelectorAll('.kl')) {
        const texts = document.createTreeWalker(widget, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const node = texts.currentNode;
            if (node.data.trim() && own(node.parentElement)) said.push(node.data.trim());
        }
        for (const node of widget.querySelectorAll('*')) for (const name of names)
            if (node.getAttribute(name) && own(node)) said.push(node.getAttribute(name));
    }
    return said;
}"""


@pytest.fixture(scope="module")
def words() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


@pytest.fixture
def open_chinese(chromium: Browser, words: dict[str, str]) -> Iterator[Callable[..., Page]]:
    """Opens a tab whose page has the words; at the end no tab must have thrown anything."""
    thrown: list[str] = []
    contexts = []

    def _open(**how: Any) -> Page:
        how = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"} | how
        context = chromium.new_context(**how)
        context.add_init_script(f"window.klingWords = {json.dumps(words)}")
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: thrown.append(str(error)))
        return tab

    yield _open
    for context in contexts:
        context.close()
    assert thrown == []


def english_left(tab: Page, words: dict[str, str]) -> list[str]:
    """Texts of the widgets that are one of the English sentences, with whatever values."""
    patterns = []
    for sentence, translated in words.items():
        told = [re.escape(part) for part in re.split(r"\{\w+\}", sentence)]
        if sentence != translated and len(re.findall("[A-Za-z]", "".join(told))) >= LETTERS_MIN:
            patterns.append(".{1,40}".join(told))
    english = re.compile("|".join(patterns))
    return [text for text in tab.evaluate(SAID) if english.fullmatch(text)]


def test_english_that_is_left_would_be_noticed(open_chinese, words, serve_player, tmp_path):
    tab = open_chinese()
    tab.goto(serve_player(tmp_path))
    assert english_left(tab, words) == []
    tab.evaluate("document.querySelector('.player-note').textContent = 'Sound: nobody'")
    tab.evaluate("document.querySelector('.pane-name').title = 'Enlarge'")
    assert english_left(tab, words) == ["Sound: nobody", "Enlarge"]


def test_the_player_speaks_chinese(open_chinese, words, serve_player, numbered_clip, tmp_path):
    numbered_clip("reference.mp4", times=list(range(40)), fps=20)
    numbered_clip("result.mp4", times=list(range(20)), fps=10)
    moments = {"name": "最差时刻", "moments": [{"at_s": 1.0, "words": "左前臂"}], "words": ""}
    strip = {"kind": "faces", "name": "脸", "url": "", "times_s": [0.5], "tile_px": [1, 1], "beside": "", "words": ""}
    answers = {"shots/reference.mp4": {"cuts_s": [1.0]}, "closer/result.mp4": {"strips": [strip], "worst": moments}}
    tab = open_chinese(viewport={"width": 900, "height": 1400})
    tab.goto(serve_player(tmp_path, answers))
    results = [
        {"run_id": name, "label": label, "src": "files/result.mp4", "offset": 0.2, "fps": 10, "score": 80}
        for name, label in (("r0", ""), ("r1", ""))
    ]
    score = {"words": "", "pieces": [{"at_s": 0.5, "score": 30}], "step_s": 1, "missing": [], "limbs": []}
    value = {"run_id": "r0", "image": "files/none.png", "reference": "files/reference.mp4", "results": results[:1]}
    value |= {"result": "files/result.mp4", "score": score}
    tab.evaluate("value => show(value)", value)
    expect(tab.locator(".transport-sound option")).to_have_text(["静音", "声音：参考视频", "声音：结果"])
    expect(tab.locator("[data-do=weakest]")).to_have_text("最弱时刻：0.5 s")
    expect(tab.locator("[data-pane=result] .pane-mark")).to_have_text("从 0.2\N{NO-BREAK SPACE}s 开始")
    tab.click("[data-view=wipe]")
    expect(tab.locator("[data-pane=reference] .pane-name")).to_have_text("左：参考视频")
    tab.click(".closer summary")
    expect(tab.locator(".closer-moments button")).to_have_text("1.0 s：左前臂")
    tab.click("[data-do=large]")
    expect(tab.locator("[data-do=large]")).to_have_text("关闭")
    assert english_left(tab, words) == []
    tab.click("[data-do=large]")
    tab.evaluate("value => show(value)", value | {"results": results})
    expect(tab.locator("[data-pane=result-2] .pane-name")).to_have_text("右：结果 2，匹配度 80")
    tab.click("[data-do=blind]")
    expect(tab.locator(".blind-choices button")).to_have_text(["A 更好", "B 更好", "没有差别"])
    assert english_left(tab, words) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_speaks_chinese_on_arrival_and_nothing_is_cut_off(open_chinese, words, page_address, width):
    tab = open_chinese(viewport={"width": width, "height": 900})
    tab.goto(page_address)
    tab.wait_for_selector("#run:not([disabled])")
    expect(tab.locator("#image-slot [data-do=choose]")).to_have_text("选择文件")
    tab.evaluate("document.querySelectorAll('.kl details, details.kl').forEach((fold) => { fold.open = true; })")
    assert english_left(tab, words) == []
    assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")
    cut = """[...document.querySelectorAll('.kl :is(button, summary, label, select)')].filter((node) =>
        node.offsetWidth && !node.closest('.unseen') && node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 1)
        .map((node) => node.textContent)"""
    assert tab.evaluate(cut) == []


@pytest.mark.slow
def test_the_gallery_speaks_chinese_and_leaves_what_people_wrote(open_chinese, words, page_address):
    tab = open_chinese()
    tab.goto(page_address)
    tab.fill("#prompt textarea", "Compare")
    tab.click("#run:not([disabled])")
    expect(tab.locator(".status-time")).to_contain_text("已用 ")
    expect(tab.locator("[data-link=download]")).to_have_text("下载结果")
    expect(tab.locator("[data-link=download]")).to_be_visible(timeout=180_000)
    tab.click(".about > summary")
    tab.fill(".about-name input", "Delete it")
    tab.click(".about-name button")
    tile = tab.locator(".gallery-list .tile").first
    expect(tile.locator(".past-title")).to_have_text("Delete it")
    expect(tab.locator(".about > summary")).to_have_text("关于“Delete it”")
    expect(tile.locator(".tile-choose")).to_have_text("对比 Delete it")
    expect(tile.get_by_role("button", name="删除 Delete it", exact=True)).to_be_visible()
    assert set(english_left(tab, words)) <= {"Delete it", "Finished"}  # a name, and what Python says
    tab.click(".about [data-do=delete]")
    tab.click(".about [data-do=sure]")
    expect(tab.locator(".gallery-trash button").first).to_have_text("撤销")


def test_what_stands_there_before_the_scripts_is_chinese_too(open_chinese, words, page_address):
    tab = open_chinese()
    tab.route("**/*.js", lambda route: route.abort())  # Gradio's own, so that the page stays as it came
    tab.goto(page_address)
    expect(tab.locator("#kl-wait")).to_contain_text("页面正在加载。")
    assert not set(words) & {text.strip() for text in tab.locator("#kl-wait").inner_text().splitlines()}
