"""In which language a person is answered, and the words of that language.

Every sentence stands in the code in English and is found by that English in the catalogues of the other languages,
gettext files in ``assets/languages``: ``server.po`` holds what Python says, ``page.po`` what the page's scripts say.
Whatever has no translation is said in English. Nothing but what a person reads on a page is translated: what is stored,
logged, exported or told to programs stays English, because nobody knows who will read it.

A sentence that is made where nobody knows its reader, such as an error's, is :class:`Told` in English and remembers
what it was made of, so that :func:`retell` can say it again to whoever reads it.
"""

import inspect
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from enum import StrEnum
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

COOKIE = "kling_ui_language"
_CHINESE = ("zh", "yue", "wuu", "cmn")  # primary tags of readers who read Chinese before English
KNOWN_BY_CHARS = 10  # of its own that a sentence needs to be known by in a text that was kept
KNOWN_TO_CHARS = 3000  # no sentence that was kept is longer; what an engine said has 2000 at most
_FULL_WIDTH = re.compile(r"(?<=[。！？；，：、]) +")  # such marks bring their own room
_PLACE = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
_PACKAGE = Path(__file__).resolve().parent


class Language(StrEnum):
    """A language that the page speaks; the value is its tag in HTML."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
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


def english() -> Context:
    """Return a context in which English is spoken, for a task that goes on when nobody is being answered any more."""
    context = copy_context()
    context.run(_spoken.set, Language.ENGLISH)
    return context


def in_english(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function speak English whoever is being answered: what it makes is stored, or told to programs.

    Args:
        function: A function or a coroutine function.
    """
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def waiting(*args: P.args, **kwargs: P.kwargs) -> Any:
            with speaking(Language.ENGLISH):
                return await function(*args, **kwargs)

        return cast("Callable[P, R]", waiting)

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with speaking(Language.ENGLISH):
            return function(*args, **kwargs)

    return wrapped


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
        values: What stands in the places; none where they are still to be filled.
    """

    __slots__ = ("sentence", "values")
    sentence: str
    values: dict[str, Any]

    def __new__(cls, sentence: str, /, **values: Any) -> "Told":
        """Put the values into the sentence."""
        told = super().__new__(cls, sentence.format(**values) if values else sentence)
        told.sentence, told.values = str.__str__(sentence), values
        return told

    def __reduce__(self) -> tuple[Any, ...]:
        return _told_again, (self.sentence, self.values)  # errors cross from worker processes

    def __str__(self) -> str:
        return self


def _told_again(sentence: str, values: dict[str, Any]) -> Told:
    return Told(sentence, **values)


def told(words: T) -> T:
    """Mark the sentences of a constant or a table as ones that are told to people, so that they are translated.

    Args:
        words: A sentence, or a table whose values are sentences, or tuples and lists of them.
    """
    match words:
        case Told():
            return words
        case StrEnum():
            return words
        case str():
            return cast("T", Told(words))
        case dict():
            return cast("T", {key: told(value) for key, value in words.items()})
        case tuple() | list():
            return cast("T", type(words)(told(one) for one in words))
        case _:
            return words


def say(sentence: str, /, **values: Any) -> str:
    """Say a sentence in the language of who is being answered; in English it remembers what it was made of.

    Args:
        sentence: In English, with places in braces, as of :meth:`str.format`.
        values: What stands in the places; those that are :class:`Told` are said in the same language.
    """
    if spoken() is Language.ENGLISH:
        return Told(sentence, **values)
    return _filled(template_of(sentence), values)


def say_many(one: str, many: str, /, count: int, **values: Any) -> str:
    """Say a sentence about a number of things, which stands at ``{count}``.

    Args:
        one: For a single thing.
        many: For any other number.
        count: How many.
        values: What stands in the other places.
    """
    return say(one if count == 1 else many, count=count, **values)


def say_all(*sentences: str) -> str:
    """Say sentences one after the other; empty ones are left out."""
    return joined(" ", filter(None, sentences))


def retell(text: str) -> str:
    """Say a text again in the language of who is being answered: one that was told, or is in the catalogue as it is."""
    if isinstance(text, Told) and text.values:
        return text if spoken() is Language.ENGLISH else _filled(template_of(text.sentence), text.values)
    return template_of(text)


def retell_stored(text: str) -> str:
    """Say a text again that was kept in English; what stood in its places is found by the catalogue's sentences."""
    said = retell(text)
    if spoken() is Language.ENGLISH or said != text or len(text) > KNOWN_TO_CHARS:
        return said
    return _recognised(spoken(), text) or text


@lru_cache(maxsize=4096)
def _recognised(language: Language, text: str) -> str:
    words = _catalogue(language, "server")
    for sentence, names, parts in _known_by_words(language):
        if found := _between(text, parts):
            values = {
                name: words.get(value, _recognised(language, value)) or value
                for name, value in zip(names, found, strict=True)
            }
            return _PLACE.sub(lambda place, values=values: values[place[1]], words[sentence])
    return ""


def _between(text: str, parts: list[str]) -> list[str]:
    """Find what stands between parts that follow one another from the beginning of a text to its end, if they do.

    Each part is taken where it comes first, in one pass: a text may be of others, and of any length.
    """
    found, start = [], len(parts[0])
    for part in parts[1:-1]:
        at = text.find(part, start + 1)
        if at < 0:
            return []
        found.append(text[start:at])
        start = at + len(part)
    end = len(text) - len(parts[-1])
    fits = text.startswith(parts[0]) and text.endswith(parts[-1]) and end > start
    return [*found, text[start:end]] if fits else []


@cache
def _known_by_words(language: Language) -> list[tuple[str, list[str], list[str]]]:
    """Return each sentence that has places, and enough words of its own to be known by, with its places and parts."""
    found = []
    for sentence in _catalogue(language, "server"):
        names, parts = [place[1] for place in _PLACE.finditer(sentence)], _PLACE.split(sentence)[::2]
        own_chars = sum(map(len, parts))
        if names and len(set(names)) == len(names) and own_chars >= KNOWN_BY_CHARS:
            found.append((own_chars, sentence, names, parts))
    return [(sentence, names, parts) for _, sentence, names, parts in sorted(found, key=lambda one: -one[0])]


def retell_all(value: Any) -> Any:
    """Say again whatever was :class:`Told` in a value that is about to be shown; all else stays as it is."""
    match value:
        case Told():
            return retell(value)
        case dict():
            return {key: retell_all(part) for key, part in value.items()}
        case list():
            return [retell_all(part) for part in value]
        case tuple() if type(value) is tuple:
            return tuple(retell_all(part) for part in value)
        case _:
            return value


def template_of(sentence: str) -> str:
    """Return a sentence in the language of who is being answered, its places not filled yet."""
    language = spoken()
    return sentence if language is Language.ENGLISH else _server_words(language).get(sentence, sentence)


def _filled(template: str, values: dict[str, Any]) -> str:
    said = template.format(**{name: retell_all(value) for name, value in values.items()}) if values else template
    return _FULL_WIDTH.sub("", said) if spoken() is Language.CHINESE else said


def joined(between: str, parts: Iterable[str]) -> str:
    """Say parts one after the other, with something between them that has its own form in each language."""
    named = {f"part_{number}": part for number, part in enumerate(parts)}
    return say("{between}".join(f"{{{name}}}" for name in named), **named, between=told(between)) if named else ""


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
                words.update((str(one), str(said)) for one in ids)
    return words


def _languages_folder() -> Path:
    folders = (_PACKAGE / "assets" / "languages", _PACKAGE.parent / "assets" / "languages")
    return next(folder for folder in folders if folder.is_dir())
