"""Finds the sentences that the page's templates show, for the catalogue of what the page's scripts say."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import IO, Any

WORDED = ("aria-label", "alt", "placeholder", "title")  # attributes that people read or hear, as in ui/words.js
UNWORDED = frozenset({"style", "script", "noscript", "kbd"})  # what no script translates; keys have the names they bear
_WORDS = re.compile(r"[A-Za-z]{2}")


class TemplateWords(HTMLParser):
    """Reads one template.

    Attributes:
        found: Each sentence with the number of its line, in order.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the attributes of an element."""
        for name, value in attrs:
            if name in WORDED:
                self._take(value or "")
        if tag in UNWORDED:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Take a text between two tags."""
        if not self._inside:
            self._take(data)

    def _take(self, text: str) -> None:
        if _WORDS.search(text) and "://" not in text:
            self.found.append((self.getpos()[0], text.strip()))


def extract(
    fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Give Babel the sentences of a template.

    Args:
        fileobj: The template.
        keywords: Not used: all texts of a template are words.
        comment_tags: Not used.
        options: Not used.

    Yields:
        The line, no name of a function, the sentence, and no comments.
    """
    del keywords, comment_tags, options
    template = TemplateWords()
    template.feed(fileobj.read().decode("utf-8"))
    template.close()
    yield from ((line, "", text, []) for line, text in template.found)
