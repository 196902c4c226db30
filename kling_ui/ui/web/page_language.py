"""The page in its visitor's language: what the server writes into it, and what its scripts and Gradio's are told."""

import copy
import re
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from kling_ui.languages import Language, language_of, page_words, retell, retell_all, speaking, spoken

_LANGUAGE_OF_PAGE, _HEAD = re.compile(rb'(<html\s+lang=")en(")'), b"<head>"
_ESCAPED = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026"}  # so that nothing in a script ends it


def language_of_scope(scope: Scope) -> Language:
    """Tell which language to speak to whoever sent a request."""
    asked = HTTPConnection(scope)
    return language_of(asked.headers, asked.cookies)


class SpokenLanguage:
    """Has every request answered in its visitor's language.

    Args:
        app: The application behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with speaking(language_of_scope(scope)):
            await self.app(scope, receive, send)


def translated_page(page: bytes, headers: Headers) -> bytes:
    """Put the words of the visitor's language into the page, unless Gradio would show it to this browser so by itself.

    Args:
        page: Its HTML, as Gradio wrote it.
        headers: Of the request.
    """
    if spoken() is language_of(headers, {}) is Language.ENGLISH:
        return page
    page = _LANGUAGE_OF_PAGE.sub(rb"\g<1>" + spoken().encode() + rb"\2", page, count=1)
    return page.replace(_HEAD, _HEAD + _script(), 1)


def _script() -> bytes:
    """Write what the page's scripts read: the words, and the language by which Gradio's own choose theirs."""
    words = page_words(spoken())
    told = b"window.klingWords=" + _in_script(words) + b";" if words else b""
    tag = _in_script(spoken().value)
    told += b"for(const[n,v]of[['language'," + tag + b"],['languages',[" + tag + b"]]])"
    return b"<script>" + told + b"Object.defineProperty(navigator,n,{get:()=>v})</script>"


def _in_script(value: object) -> bytes:
    written = orjson.dumps(value)
    for char, escaped in _ESCAPED.items():
        written = written.replace(char, escaped)
    return written


class SpokenProps(dict[str, Any]):
    """What Gradio tells a browser of a component, said in the language of whoever asks.

    Gradio keeps one description of the page and gives each visitor a copy of it.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """Copy it for somebody."""
        return retell_all(copy.deepcopy(dict(self), memo))


class SpokenTitle(str):
    """The page's title, said in the language of whoever asks."""

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> str:
        """Copy it for somebody."""
        return retell(self)


def translate_config(config: Any) -> None:
    """Have the components of a page told to each visitor in their language.

    Args:
        config: Gradio's description of the page.
    """
    config["title"] = SpokenTitle(config["title"])
    for component in config["components"]:
        component["props"] = SpokenProps(component["props"])
