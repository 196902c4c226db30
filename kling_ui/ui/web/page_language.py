"""The page in its visitor's language: what the server writes into it, and what its scripts and Gradio's are told."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kling_ui.languages import Language, language_of, page_words, retell, speaking, spoken

PAGE, CONFIG = "/", "/config"
_CONFIG_IN_PAGE = re.compile(rb"(window\.gradio_config = )(.*?)(;</script>)", re.DOTALL)
_LANGUAGE_OF_PAGE, _HEAD = re.compile(rb'(<html\s+lang=")en(")'), b"<head>"
# What is never words: names by which scripts and styles find things, and the scripts themselves.
_NO_WORDS = frozenset({"elem_id", "elem_classes", "name", "html_template", "css_template", "js_on_load", "component"})
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


class TranslatedPage:
    """Puts the words of the visitor's language into the page and into what Gradio reads of it again.

    Args:
        app: Gradio's application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the answer, if it is the page and not as Gradio would show it to this browser by itself."""
        is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in {PAGE, CONFIG}
        by_itself = language_of(Headers(scope=scope), {}) if is_page else Language.ENGLISH
        if not is_page or spoken() is by_itself is Language.ENGLISH:
            await self.app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                whole = _translated(bytes(body), scope["path"]) if start["status"] == 200 else bytes(body)
                MutableHeaders(raw=start["headers"])["content-length"] = str(len(whole))
                await send(start)
                await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, collect)


def _translated(body: bytes, path: str) -> bytes:
    if path == CONFIG:
        return orjson.dumps(_config_in_language(orjson.loads(body)))
    body = _LANGUAGE_OF_PAGE.sub(rb"\g<1>" + spoken().encode() + rb"\2", body, count=1)
    body = body.replace(_HEAD, _HEAD + _script(), 1)
    return _CONFIG_IN_PAGE.sub(_config_again, body, count=1) if spoken() is not Language.ENGLISH else body


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


def _config_again(found: re.Match[bytes]) -> bytes:
    return found[1] + _in_script(_config_in_language(orjson.loads(found[2]))) + found[3]


def _config_in_language(config: dict[str, Any]) -> dict[str, Any]:
    """Say the words of every component again."""
    for component in _components(config):
        component["props"] = _said_again(component.get("props"))
    return config


def _components(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (one for one in config.get("components", ()) if isinstance(one, dict))


def _said_again(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: part if name in _NO_WORDS else _said_again(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_said_again(part) for part in value]
    return retell(value) if isinstance(value, str) and _is_sentence(value) else value


def _is_sentence(text: str) -> bool:
    """Tell words from codes, which are one word in lower case."""
    return not text.islower() or " " in text
