"""What the page's scripts and templates say has a Chinese translation, and nothing that people read goes without."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(ROOT.glob("assets/ui/*.js"))
CALL = re.compile(r"(?<![\w.$])t\(")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')
HOLE = re.compile(r"\{(\w+)\}")
# A sentence or a name: it begins with a capital, or has two words. Selectors, addresses and attributes have neither.
WORDS = re.compile(r"^[^A-Za-z\[.#]*[A-Z][a-z]|^[^\[.#:>=<]*[a-z]{2,} [a-z]{2,}[^\[.#:>=<]*$|^, [a-z]|^ [a-z]+ $")
KEYS = {"ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Backspace", "Delete", "End", "Enter", "Escape", "Home"}
NAMES = {"PageDown", "PageUp", "NotAllowedError", "X-File-Name", "left wrist", "under way", "quiet strong"}
ATTRIBUTES = {"aria-label alt placeholder title", "SameSite=Lax", "SameSite=None; Partitioned", "; Secure"}


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"assets/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = _load("page_sentences")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (ROOT / "assets/languages/zh_CN/page.po").open("rb") as file:
        return read_po(file, locale="zh_CN")


def test_the_catalogue_holds_what_is_said_and_nothing_else(catalogue):
    sentences = set(page.page_sentences())
    known = {message.id for message in catalogue if message.id}
    assert sentences - known == set()
    assert known - sentences == set()
    assert not catalogue.obsolete


def test_every_sentence_is_translated_with_its_values(catalogue):
    for message in catalogue:
        assert message.string, message.id
        if message.id:
            assert not message.fuzzy, message.id
            assert sorted(HOLE.findall(message.id)) == sorted(HOLE.findall(message.string)), message.id


def test_sentences_end_as_chinese_ones_do(catalogue):
    for message in catalogue:
        if message.id:
            assert not re.search(r"[\u4e00-\u9fff][,.;:!?]", message.string), message.string
            assert (message.id[-1] in ".?") is (message.string[-1] in "。？"), message.id


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_call_for_words_is_found(script):
    called = len(CALL.findall(_code(script)))
    if script.stem == "words":  # it tells what the call does, and calls for what stands in a template
        called -= 3
    assert len(list(page.said_by(script))) == called


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_nothing_that_people_read_stands_outside_of_a_call_for_words(script):
    assert [words for words in _unworded(_code(script)) if words not in KEYS | NAMES | ATTRIBUTES] == []


def test_texts_and_worded_attributes_of_a_template_are_found(tmp_path):
    template = tmp_path / "some.html"
    template.write_text(
        """<p title="Go there" class="Not this">Read <b>this</b> with <kbd>Esc</kbd>.</p>
        <input placeholder="https://" aria-label="An address"><style>p { color: red }</style><i>2×</i>
        <b lang="en">English</b>"""
    )
    assert list(page.shown_by(template)) == ["Go there", "Read", "this", "with", "An address"]


def test_words_outside_of_a_call_would_be_noticed():
    code = """node.textContent = "Try again."; say(`${count} runs chosen`); find(".a .b[data-x=y]"); t("Known.");
    note(isVideo ? "one clip" : t("A picture")); line.append(` became `); rows.join(", match ");"""
    assert list(_unworded(code)) == ["Try again.", " runs chosen", "one clip", " became ", ", match "]


def _code(script: Path) -> str:
    """A script without its comments."""
    return re.sub(r"(?m)^\s*//.*$| // .*$|/\* .*? \*/", "", script.read_text("utf-8"))


def _unworded(code: str) -> Iterator[str]:
    """Literals that read like words, but for the first argument of a call for words."""
    for found in LITERAL.finditer(code):
        text = found[1] if found[1] is not None else re.sub(r"\$\{.*?\}", "", found[2])
        is_class = " is-" in text
        if WORDS.search(text) and not is_class and not CALL.search(code[max(0, found.start() - 3) : found.start()]):
            yield text
