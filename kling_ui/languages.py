"""In which language a person is answered, and the words of that language.

Every sentence stands in the code in English and is found by that English in the catalogues of the other languages,
gettext files in ``assets/languages``: ``server.po`` holds what Python says, ``page.po`` what the page's scripts say.
Whatever has no translation is said in English. Nothing but what a person reads on a page is translated: what is stored,
logged, exported or told to programs stays English, because nobody knows who will read it.

A sentence that is made where nobody knows its reader, such as an error's, is :class:`Told` in English and remembers
what it was made of, so that :func:`retell` can say it again to whoever reads it.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

COOKIE = "kling_ui_language"
_CHINESE = ("zh", "yue", "wuu", "cmn")  # primary tags of readers who read Chinese before English
_PACKAGE = Path(__file__).resolve().parent


class Language(StrEnum):
    """A language that the page speaks; the value is its tag in HTML."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


_CATALOGUES = {Language.CHINESE: "zh_CN"}
_spoken: ContextVar[Language] = ContextVar("spoken_language", default=Language.ENGLISH)


def spoken() -> Language:
    """Return the language in which whoever is being answered is spoken to."""
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Generator[None]:
    """Speak a language within the block, and in the tasks and threads that are started there."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def language_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> Language:
    """Tell which language to speak to whoever sent a request: the one that was chosen, or else the browser's.

    Args:
        headers: Of the request, their names in lower case or found in any case.
        cookies: Of the request.
    """
    chosen = cookies.get(COOKIE, "")
    if chosen in set(Language):
        return Language(chosen)
    wanted = sorted(_accepted(headers.get("accept-language") or ""), key=lambda tag: -tag[1])
    for tag, share in wanted:
        primary = tag.partition("-")[0]
        if share > 0 and primary in _CHINESE:
            return Language.CHINESE
        if share > 0 and primary in {"en", "*"}:
            return Language.ENGLISH
    return Language.ENGLISH


def _accepted(header: str) -> list[tuple[str, float]]:
    """Read ``Accept-Language``: tags in lower case with their quality, 0-1; an odd quality counts as none."""
    found = []
    for part in header.split(","):
        tag, _, parameter = part.strip().lower().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            share = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            share = 0.0
        if tag.strip():
            found.append((tag.strip(), share))
    return found


class Told(str):
    """An English sentence that remembers what it was made of.

    Attributes:
        sentence: The sentence with its places in braces.
        values: What stands in the places.
    """

    __slots__ = ("sentence", "values")
    sentence: str
    values: dict[str, Any]

    def __new__(cls, sentence: str, /, **values: Any) -> "Told":
        """Put the values into the sentence."""
        told = super().__new__(cls, sentence.format(**values))
        told.sentence, told.values = sentence, values
        return told

    def __reduce__(self) -> tuple[Any, ...]:
        return _told_again, (self.sentence, self.values)  # errors cross from worker processes


def _told_again(sentence: str, values: dict[str, Any]) -> Told:
    return Told(sentence, **values)


def say(sentence: str, /, **values: Any) -> str:
    """Say a sentence in the language of who is being answered.

    Args:
        sentence: In English, with places in braces, as of :meth:`str.format`.
        values: What stands in the places; those that are :class:`Told` are said in the same language.
    """
    return _filled(sentence, template_of(sentence), values)


def say_many(one: str, many: str, /, count: int, **values: Any) -> str:
    """Say a sentence about a number of things, which stands at ``{count}``.

    Args:
        one: For a single thing.
        many: For any other number.
        count: How many.
        values: What stands in the other places.
    """
    sentence = one if count == 1 else many
    return _filled(sentence, template_of(sentence), {"count": count, **values})


def retell(text: str) -> str:
    """Say a text again in the language of who is being answered: one that was told, or is in the catalogue as it is."""
    if isinstance(text, Told):
        return say(text.sentence, **text.values)
    return template_of(text)


def template_of(sentence: str) -> str:
    """Return a sentence in the language of who is being answered, its places not filled yet."""
    language = spoken()
    return sentence if language is Language.ENGLISH else _server_words(language).get(sentence, sentence)


def _filled(sentence: str, template: str, values: dict[str, Any]) -> str:
    if not values:
        return template.format() if "{" in template else template
    if template is not sentence:
        values = {name: retell(value) if isinstance(value, Told) else value for name, value in values.items()}
    return template.format(**values)


def page_words(language: Language) -> dict[str, str]:
    """Return what the page's scripts say: the English sentence and that of the language; empty for English.

    A sentence about a number is found by its singular and by its plural.
    """
    return {} if language is Language.ENGLISH else _catalogue(language, "page")


def _server_words(language: Language) -> dict[str, str]:
    return _catalogue(language, "server")


@cache
def _catalogue(language: Language, name: str) -> dict[str, str]:
    from babel.messages.pofile import read_po  # noqa: PLC0415  only those who do not read English need it

    path = _languages_folder() / _CATALOGUES[language] / f"{name}.po"
    words: dict[str, str] = {}
    with path.open("rb") as file:
        for message in read_po(file):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string[0] if isinstance(message.string, tuple) else message.string
            if said and ids[0] and not message.fuzzy:
                words.update(dict.fromkeys(ids, said))
    return words


def _languages_folder() -> Path:
    folders = (_PACKAGE / "assets" / "languages", _PACKAGE.parent / "assets" / "languages")
    return next(folder for folder in folders if folder.is_dir())
