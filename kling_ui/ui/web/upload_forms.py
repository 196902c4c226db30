"""A file in a form, as Gradio's clients and curl send it: read while it comes, so that nothing is kept of it twice."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from typing import TYPE_CHECKING, Any, Self

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from kling_ui.errors import KlingUIError
from kling_ui.media.files import clean_name
from kling_ui.presentation.runs import in_words
from kling_ui.ui.web.gradio_requests import TOO_SLOW
from kling_ui.ui.web.program_requests import UPLOAD
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.ui.web.uploads import UploadIntake, status_of

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

HEAD_S = 30.0
HEAD_MAX_BYTES = 64_000  # before the file; what a form says of a file takes a few hundred


class _Parts:
    """What has been read of a form: the heads of its parts, and the bytes that wait to be taken."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.waiting = bytearray()
        self.is_whole = False
        self._field, self._value = bytearray(), bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_head,
            "on_part_data": lambda data, start, end: self.waiting.extend(data[start:end]),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if self.name is not None:
            raise _not_one_file()

    def _end_header(self) -> None:
        if bytes(self._field).lower() == b"content-disposition":
            options = parse_options_header(bytes(self._value))[1]
            if b"filename" in options:
                self.name = clean_name(options[b"filename"].decode("utf-8", "replace"), "input")
        self._field, self._value = bytearray(), bytearray()

    def _end_head(self) -> None:
        if self.name is None:
            raise _not_one_file()

    def _end(self) -> None:
        self.is_whole = True


class FormFile:
    """The one file of a form; :meth:`begin` reads up to its first byte.

    Attributes:
        name: What it is called, made harmless.
        scope: Of the request.
        headers: Of the request; the length that they announce is the form's, which is a little more than the file's.
    """

    def __init__(self, request: Request, parser: MultipartParser, parts: _Parts) -> None:
        self.name = ""
        self._parser = parser
        self._parts = parts
        self._coming: AsyncIterator[bytes] = request.stream()
        self.scope: MutableMapping[str, Any] = request.scope
        self.headers: Headers = request.headers

    @classmethod
    async def begin(cls, request: Request) -> Self:
        """Read what stands before the file.

        Raises:
            KlingUIError: The request is no form with one file.
            ClientDisconnect: It broke off.
        """
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise _not_one_file()
        parts = _Parts()
        file = cls(request, MultipartParser(boundary, parts.callbacks()), parts)
        read_bytes = 0
        while parts.name is None:
            chunk = await anext(file._coming, b"")
            read_bytes += len(chunk)
            if not chunk or read_bytes > HEAD_MAX_BYTES + len(chunk):
                raise _not_one_file()
            file._read(chunk)
        file.name = parts.name
        return file

    async def stream(self) -> AsyncGenerator[bytes]:
        """Yield the file.

        Raises:
            KlingUIError: The form is broken, or holds more than one file.
        """
        yield self._taken()
        async for chunk in self._coming:
            self._read(chunk)
            yield self._taken()
        if not self._parts.is_whole:
            raise _not_one_file()

    def _read(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _not_one_file() from None

    def _taken(self) -> bytes:
        taken = bytes(self._parts.waiting)
        self._parts.waiting.clear()
        return taken


def add_forms_route(app: FastAPI, signed_files: SignedFiles, intake: UploadIntake) -> None:
    """Add the route by which programs upload; it must come before Gradio is mounted on the root.

    Args:
        app: The application.
        signed_files: Signs files.
        intake: Takes uploads in.
    """

    @app.post(UPLOAD)
    async def upload_of_program(request: Request) -> Response:
        """Take a file as Gradio's clients send it; they hand its path in again when they call an endpoint."""
        try:
            async with asyncio.timeout(HEAD_S):
                form = await FormFile.begin(request)
            path = await intake.take(form, form.name)
        except TimeoutError:
            return PlainTextResponse(TOO_SLOW, 408, {"Connection": "close"})
        except KlingUIError as error:
            return PlainTextResponse(str(in_words(error)), status_of(error), {"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return JSONResponse([signed_files.sign(path)])


def _not_one_file() -> KlingUIError:
    return KlingUIError(
        "This is no form with one file in it.", advice="Send multipart/form-data with one field, files."
    )
