"""Which of Gradio's addresses the page uses, and what may be sent to them; all else is refused before Gradio."""

import asyncio
import gzip
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kling_ui.languages import Told, retell, told
from kling_ui.ui.web.page_language import translated_page
from kling_ui.ui.web.program_requests import CallPath, FileMark, ProgramCall, UploadedFile, as_text, file_of

JOIN = "/gradio_api/queue/join"  # starts an event
DATA = "/gradio_api/queue/data"  # brings the answers to all events of one open tab
INFO = "/gradio_api/info"  # which endpoints there are for programs

READ = ("GET", "HEAD")
OPEN_PATHS: dict[str, tuple[str, ...]] = {
    "/": READ,
    "/theme.css": READ,
    "/favicon.ico": READ,
    "/robots.txt": READ,
    "/config": READ,  # with the next, read again by a page that has lost its server for a while
    "/gradio_api/app_id": READ,
    JOIN: ("POST",),
    DATA: ("GET",),
    INFO: READ,
}
OPEN_FOLDERS: dict[str, tuple[str, ...]] = {"/assets/": READ, "/static/": READ}  # of Gradio's own package
SCOPE_KEY = "kling_ui.event"  # where the middleware leaves whose event it is, and how large
BODY_S = 30.0
# The page's own events have 8 levels and 140 values; each value costs Python far more memory than it has characters.
DEPTH_MAX, VALUES_MAX = 32, 10_000
_INTEGER_MAX = 2**63 - 1  # no browser writes a larger one, and no answer could carry it
_INTEGER_MAX_CHARS = 20
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE_TYPE = "gradio."
_FILE_NAMES = frozenset({"meta", "url", "orig_name", "mime_type", "is_stream", "is_file"})
_STYLES = re.compile(rb'<link rel="stylesheet"([^>]*)>')
_READ_METHODS = {"GET", "HEAD", "OPTIONS"}

OUTDATED = told("This page is not up to date any more. Reload it.")
NOT_JSON = "This is no event of the page: it is not JSON."
NO_FILES = "Files are not taken in this way."
NO_NUMBER = "A number in this event is too large."
TOO_MANY = told("There is too much in this event.")
TOO_SLOW = told("The event took too long to arrive.")


def is_open(method: str, path: str) -> bool:
    """Tell whether the page, or a program that calls an endpoint, uses an address of Gradio's in this way.

    Args:
        method: ``GET``, ``POST`` and so on.
        path: The path of the request, decoded.
    """
    if (call := CallPath.of(path)) is not None:
        return method == ("GET" if call.event_id else "POST")
    folder = next((methods for start, methods in OPEN_FOLDERS.items() if path.startswith(start)), ())
    return method in OPEN_PATHS.get(path, folder)


class OpenPaths:
    """Stands before Gradio and answers 404 to whatever the page does not use.

    Args:
        app: Gradio's application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "http" and not is_open(scope["method"], scope["path"]):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class QuickPage:
    """Puts words of ours into the page, to be read before Gradio's scripts have come, and sends it compressed.

    They, and those of the page's scripts, are in the visitor's language.

    On a slow network the page alone, most of it a description for Gradio, would take seconds, and stay blank.

    Args:
        app: Gradio's application, whose only HTML is the page.
        words: HTML that stands in the page until Gradio has drawn it.
    """

    def __init__(self, app: ASGIApp, *, words: str) -> None:
        self.app = app
        self._words = words.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the answer, if it is the page."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._answer(scope, start, bytes(body), send)
            else:
                await send(message)

        await self.app(scope, receive, collect)

    async def _answer(self, scope: Scope, start: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(raw=start["headers"])
        if headers.get("content-type", "").startswith("text/html"):
            head, app, rest = translated_page(body, Headers(scope=scope)).partition(b"<gradio-app")
            # Styles for another medium do not hold back what is shown; they keep their place among the others.
            head = _STYLES.sub(rb"""<link rel="stylesheet" media="print" onload="this.media='all'"\1>""", head)
            body = head + self._words + app + rest
            if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
                body = await asyncio.to_thread(gzip.compress, body, 6)
                headers["content-encoding"] = "gzip"
            headers.add_vary_header("accept-encoding")
            headers["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class EventShape:
    """What belongs to one event of the page.

    Attributes:
        inputs: How many values it carries.
        call: What it is for programs, if it is one of their endpoints: only these take files.
    """

    inputs: int
    call: ProgramCall | None = None


@dataclass(frozen=True, slots=True)
class EventRequest:
    """An event that has been read.

    Attributes:
        session: Of the open tab it comes from, as that calls itself.
        size_bytes: Of what is handed on, and of what was said along with it.
    """

    session: str
    size_bytes: int


class RefusedBodyError(Exception):
    """A body that is not handed on.

    Attributes:
        status: Of the answer.
        words: What the page shows.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class EventBodies:
    """Reads and checks what is sent to Gradio, and hands on only that.

    Args:
        app: Gradio's application.
        shapes: The events of the page by their number.
        blocks: Numbers of the elements of the page.
        max_bytes: Size of one body.
        deadline_s: Seconds within which it must have arrived.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        shapes: Mapping[int, EventShape],
        blocks: Collection[int],
        max_bytes: int,
        deadline_s: float = BODY_S,
    ) -> None:
        self.app = app
        self._shapes = shapes
        self._calls = {shape.call.name: shape.call for shape in shapes.values() if shape.call is not None}
        self._blocks = blocks
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on, or refuse it with words that the page shows."""
        if scope["type"] != "http" or scope["method"] in _READ_METHODS:
            await self.app(scope, receive, send)
            return
        try:
            body = await receive_body(scope, receive, max_bytes=self._max_bytes, deadline_s=self._deadline_s)
            if body is None:
                return  # the browser has gone
            event, checked = self._read(scope, body)
        except RefusedBodyError as refusal:
            # What the browser goes on sending is not listened to: the connection ends with the answer.
            answer = JSONResponse({"detail": retell(refusal.words)}, refusal.status, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        if event is not None:
            scope = {**scope, "path": JOIN, "raw_path": JOIN.encode(), SCOPE_KEY: event}
        await self.app(_with_body(scope, checked), replay(checked, receive), send)

    def _read(self, scope: Scope, body: bytes) -> tuple[EventRequest | None, bytes]:
        call = CallPath.of(scope["path"])
        if call is None and scope["path"] != JOIN:
            return None, _written(read_json(body))
        value = self._value(body, is_call=call is not None)
        fields = self._fields(value if call is None else self._called(call, value))
        checked = _written(fields)
        return EventRequest(fields["session_hash"], len(checked) + _said_bytes(scope)), checked

    def _value(self, body: bytes, *, is_call: bool) -> Any:
        """Read a body; with files in it only if it is a program's, who may hand in what it has uploaded."""
        try:
            return read_json(body)
        except RefusedBodyError as refusal:
            if refusal.words != NO_FILES:
                raise
            value = read_json(body, takes_files=True)
            shape = self._shape(value.get("fn_index")) if isinstance(value, dict) else None
            if not is_call and (shape is None or shape.call is None):
                raise
            return value

    def _shape(self, number: object) -> EventShape | None:
        return self._shapes.get(number) if isinstance(number, int) and _is_whole(number) else None

    def _called(self, call: CallPath, value: object) -> dict[str, Any]:
        try:
            return call.as_event(value, self._calls)
        except ValueError as error:
            raise RefusedBodyError(400, str(error)) from None

    def _fields(self, value: object) -> dict[str, Any]:
        """Give the fields of an event that Gradio is to see."""
        given = value if isinstance(value, dict) else {}
        session, number, data = given.get("session_hash"), given.get("fn_index"), given.get("data")
        trigger, event_data = given.get("trigger_id"), given.get("event_data")
        if not (isinstance(session, str) and _SESSION.fullmatch(session)):
            raise RefusedBodyError(400, OUTDATED)
        shape = self._shape(number)
        if shape is not None and shape.call is not None and isinstance(data, list):
            data = [[as_text(part) for part in one] if isinstance(one, list) else as_text(one) for one in data]
        _refuse_files([data, event_data])
        if shape is None or not isinstance(data, list) or len(data) != shape.inputs:
            raise RefusedBodyError(400, OUTDATED)
        if trigger is not None and not (_is_whole(trigger) and trigger in self._blocks):
            raise RefusedBodyError(400, OUTDATED)
        return {
            "data": data,
            "event_data": event_data,
            "fn_index": number,
            "trigger_id": trigger,
            "session_hash": session,
        }


async def receive_body(scope: Scope, receive: Receive, *, max_bytes: int, deadline_s: float = BODY_S) -> bytes | None:
    """Receive all of a body, or ``None`` when whoever sends it has gone.

    Raises:
        RefusedBodyError: It is larger than it may be, or took too long.
    """
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > max_bytes):
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(deadline_s):
            return await _gather(receive, max_bytes)
    except TimeoutError:
        raise RefusedBodyError(408, TOO_SLOW) from None


async def _gather(receive: Receive, max_bytes: int) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(max_bytes: int) -> RefusedBodyError:
    return RefusedBodyError(
        413, Told("An event of the page may have {max_bytes} kB; this one has more.", max_bytes=max_bytes // 1000)
    )


def read_json(body: bytes, *, takes_files: bool = False) -> Any:
    """Read JSON that somebody sent.

    Args:
        body: What was sent.
        takes_files: Give files of Gradio's as :class:`UploadedFile`, in place of refusing them; whoever asks for that
            must see where they stand.

    Raises:
        RefusedBodyError: It is no JSON, holds numbers that cannot be used, is nested too deeply, or names a file in a
            way that Gradio would follow.
    """
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_object_or_file if takes_files else _object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError):
        raise RefusedBodyError(400, NOT_JSON) from None
    _refuse_much(value)
    return value


def _object_or_file(pairs: list[tuple[str, Any]]) -> Any:
    return file_of(pairs) or _object(pairs)


def _refuse_files(value: object) -> None:
    """Refuse what holds a file, or half of one."""
    level = [value]
    while level:
        if any(isinstance(part, UploadedFile | FileMark) for part in level):
            raise RefusedBodyError(400, NO_FILES)
        level = [part for whole in level for part in _parts(whole)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Look at every pair, also at those that a later one of the same name would hide."""
    names = {name for name, _ in pairs}
    if "path" in names and names & _FILE_NAMES:
        raise RefusedBodyError(400, NO_FILES)
    if any(_is_gradios(name, value) for name, value in pairs):
        raise RefusedBodyError(400, NO_FILES)
    return dict(pairs)


def _is_gradios(name: str, value: object) -> bool:
    """Tell whether Gradio would take an object with this pair for one of its own files or changes of an element."""
    return name == "__type__" or (name == "_type" and isinstance(value, str) and value.startswith(_FILE_TYPE))


def _integer(text: str) -> int:
    if len(text) > _INTEGER_MAX_CHARS or abs(int(text)) > _INTEGER_MAX:
        raise RefusedBodyError(400, NO_NUMBER)
    return int(text)


def _decimal(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise RefusedBodyError(400, NO_NUMBER)
    return value


def _no_number(_: str) -> NoReturn:
    raise RefusedBodyError(400, NOT_JSON)


def _refuse_much(value: object) -> None:
    """Refuse what is nested too deeply or has too many parts; what is nested is looked at level by level."""
    level, count = [value], 0
    for _ in range(DEPTH_MAX):
        count += len(level)
        if count > VALUES_MAX:
            break
        level = [part for whole in level for part in _parts(whole)]
        if not level:
            return
    raise RefusedBodyError(400, TOO_MANY)


def _parts(value: object) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _written(value: object) -> bytes:
    """Write JSON in UTF-8; half a character, which that cannot hold, becomes the sign for an unreadable one."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _said_bytes(scope: Scope) -> int:
    """Measure the headers and the query of a request: Gradio keeps them as long as the event lasts."""
    return len(scope["query_string"]) + sum(len(name) + len(value) for name, value in scope["headers"])


def _with_body(scope: Scope, body: bytes) -> Scope:
    """Say what is handed on: JSON of this length, whatever the browser said."""
    ours = {b"content-length", b"content-type", b"transfer-encoding", b"content-encoding"}
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in ours]
    declared = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return {**scope, "headers": [*kept, *declared]}


def replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body on once, then go on with what the connection says."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed
