"""The sentences that the page's scripts and templates say, for the catalogue of their translations."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.extract import extract

UI = Path(__file__).parent / "ui"
WORDED = ("aria-label", "alt", "placeholder", "title")  # attributes that people read or hear, as in ui/words.js
UNWORDED = frozenset({"style", "script", "noscript", "kbd"})  # what no script translates; keys have the names they bear
_WORDS = re.compile(r"[A-Za-z]{2}")


class _Template(HTMLParser):
    """Reads the texts of a template and of its worded attributes; what names its own language stays in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in WORDED and value]
        if tag in UNWORDED or "lang" in dict(attrs):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data.strip())


def shown_by(template: Path) -> Iterator[str]:
    """Yield the sentences of a template, in their order."""
    reader = _Template()
    reader.feed(template.read_text("utf-8"))
    reader.close()
    yield from (text for text in reader.found if _WORDS.search(text) and "://" not in text)


def said_by(script: Path) -> Iterator[str]:
    """Yield the sentences that a script says by ``t``, in their order."""
    with script.open("rb") as file:
        found = extract("javascript", file, keywords={"t": None}, options={"parse_template_string": "true"})
        yield from (str(sentence) for _, sentence, *_ in found)


def page_sentences() -> list[str]:
    """Return all that the page's scripts and templates say, each sentence once, in the order of their files."""
    found: dict[str, None] = {}
    for path in sorted([*UI.glob("*.js"), *UI.glob("*.html")]):
        found |= dict.fromkeys(said_by(path) if path.suffix == ".js" else shown_by(path))
    return list(found)
