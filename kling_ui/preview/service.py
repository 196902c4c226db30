"""The vendor's HTTP contract (docs/vendor_api.md), answered by this process: submit, status, result and cancel."""

import asyncio
import hashlib
import hmac
import re
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from kling_ui.errors import KlingUIError
from kling_ui.languages import Told
from kling_ui.own_hosts import AllowedHosts, Authority
from kling_ui.preview.catalog import CATEGORIES, card, listing, parse_input
from kling_ui.preview.job import Job, JobState
from kling_ui.preview.job_inputs import InputFetch
from kling_ui.preview.queue import JobQueue
from kling_ui.preview.service_errors import (
    ServiceError,
    bad_token,
    foreign_host,
    foreign_request,
    invalid_body,
    outside_of_file,
    server_fault,
    too_large,
    unknown_model,
    unknown_request,
)
from kling_ui.settings import MODEL_ID, is_loopback
from kling_ui.workers import Workers

MAX_BODY_BYTES = 64 * 1024**2  # what the vendor's own nodes send at most

_BYTE_RANGE = re.compile(r"[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18}")
# The status only tells that a job stopped; how it went is told by the result.
_STATUS_WORDS = {JobState.SUCCEEDED: "completed", JobState.FAILED: "completed"}
SHUTDOWN_S = 3


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body.

    Any content type will do, except from a web page: a page may send plain text to every address that its
    visitor can reach, but must ask before it sends JSON, and is never allowed to.

    Raises:
        ServiceError: It is larger than ``limit_bytes``, or comes from a web page and is not JSON.
    """
    is_json = request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"
    if "origin" in request.headers and not is_json:
        detail = [{"loc": ["header", "content-type"], "msg": "must be application/json", "type": "value_error"}]
        raise invalid_body("The body is not JSON.", detail)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise too_large(limit_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
    return bytes(body)


def build_service(
    queue: JobQueue,
    *,
    token: str | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    hosts: AllowedHosts | None = None,
) -> Starlette:
    """Build the service.

    Args:
        queue: Its jobs; closed when the service shuts down.
        token: The only bearer token that is let in; ``None`` lets in everybody, each seeing their own requests.
        max_body_bytes: Larger bodies are refused.
        hosts: Under which the service answers; ``None`` sets no limit, for callers in this process or a network.
    """
    return _Service(queue, token, max_body_bytes, hosts).app()


class _Service:
    def __init__(self, queue: JobQueue, token: str | None, max_body_bytes: int, hosts: AllowedHosts | None) -> None:
        self._queue = queue
        self._admitted = None if token is None else _fingerprint(token)
        self._max_body_bytes = max_body_bytes
        self._hosts = hosts

    def app(self) -> Starlette:
        request_path = "/v1/requests/{request_id}"
        return Starlette(
            routes=[
                Route("/v1/models", self.list_models),
                _FixedRoute("/v1/models/categories", self.list_categories),
                Route("/v1/models/{model_id:path}", self.model, methods=["GET", "POST"]),
                Route(f"{request_path}/status", self.status),
                Route(f"{request_path}/result", self.result),
                Route(f"{request_path}/cancel", self.cancel, methods=["POST"]),
                Route("/v1/files/{file_key}.mp4", self.file),
            ],
            exception_handlers={
                ServiceError: _on_fault,
                HTTPException: _on_http_error,
                ClientDisconnect: _on_disconnect,
                Exception: _on_bug,
            },
            lifespan=self._lifespan,
        )

    async def list_models(self, request: Request) -> Response:
        self._caller(request)
        return _json(listing(request.query_params, _origin(request)))

    async def list_categories(self, request: Request) -> Response:
        self._caller(request)
        return _json({"categories": list(CATEGORIES)})

    async def model(self, request: Request) -> Response:
        owner = self._caller(request)
        if request.path_params["model_id"] != MODEL_ID:
            raise unknown_model()
        return await self._submit(request, owner) if request.method == "POST" else _json(card(_origin(request)))

    async def _submit(self, request: Request, owner: str) -> Response:
        body = await read_body(request, self._max_body_bytes)
        asked = await asyncio.to_thread(parse_input, body)
        job = await self._queue.submit(asked, owner)
        return _json({"request_id": job.request_id} | _addresses(request, job))

    async def status(self, request: Request) -> Response:
        job = self._job(request)
        addresses = _addresses(request, job)
        answer: dict[str, object] = {
            "request_id": job.request_id,
            "status": _STATUS_WORDS.get(job.state, job.state.value),
            "status_url": addresses["status_url"],
            "result_url": addresses["result_url"],
        }
        optional = {"queue_position": self._queue.position(job), "progress": job.progress(), "frame": job.frame()}
        return _json(answer | {name: value for name, value in optional.items() if value is not None})

    async def result(self, request: Request) -> Response:
        job = self._job(request)
        answer: dict[str, object] = {
            "request_id": job.request_id,
            "status": job.state.value,
            "model_id": MODEL_ID,
            "created_at": _rfc3339(job.created_at),
            "finished_at": _rfc3339(job.finished_at),
        }
        if job.state is JobState.SUCCEEDED:
            answer["output"] = {"video": f"{_origin(request)}/v1/files/{job.file_key}.mp4"}
            if job.notes:
                answer["notes"] = list(job.notes)
        if job.failure is not None:
            answer["error"] = {"type": job.failure.kind, "message": job.failure.message}
        if request.query_params.get("include_cost", "").lower() in {"true", "1"}:
            answer["cost"] = 0.0
        return _json(answer)

    async def cancel(self, request: Request) -> Response:
        job = self._job(request)
        outcome = "cancelled" if self._queue.cancel(job) else "not_cancellable"
        status = _STATUS_WORDS.get(job.state, job.state.value)
        answer = {"request_id": job.request_id, "status": status, "outcome": outcome}
        return _json(answer, HTTPStatus.ACCEPTED)

    async def file(self, request: Request) -> Response:
        """Serve a result without a token: who knows the address was given it by the result."""
        job = self._queue.find_file(request.path_params["file_key"])
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return await asyncio.to_thread(_ResultFile, job.output, headers)

    def _caller(self, request: Request) -> str:
        """Return who asks: the fingerprint of their token, empty without one."""
        if self._hosts is not None and Authority.parse(request.headers.get("host", "")) not in self._hosts:
            raise foreign_host()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        caller = _fingerprint(token.strip()) if scheme.lower() == "bearer" and token.strip() else ""
        if self._admitted is not None and not hmac.compare_digest(caller, self._admitted):
            raise bad_token()
        return caller

    def _job(self, request: Request) -> Job:
        caller = self._caller(request)
        job = self._queue.find(request.path_params["request_id"])
        if not hmac.compare_digest(job.owner, caller):
            raise foreign_request()
        return job

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._queue.aclose()


class _FixedRoute(Route):
    """A path that no later route answers, by whatever method it is called."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return (Match.NONE if match is Match.NONE else Match.FULL), child_scope


class _ResultFile(FileResponse):
    """A file in ranges as RFC 9110 has them: what is no range of bytes is ignored; one outside is refused as JSON.

    Args:
        path: The file; its size is read here.
    """

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        self._size_bytes = (found := path.stat()).st_size
        super().__init__(
            path,
            headers=headers,
            media_type="video/mp4",
            filename="preview.mp4",
            content_disposition_type="inline",
            stat_result=found,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope)
        is_current = asked.get("if-range", self.headers["etag"]) in {
            self.headers["etag"],
            self.headers["last-modified"],
        }
        wanted = satisfiable_range(asked.get("range", ""), self._size_bytes) if is_current else ""
        kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]
        if wanted:
            kept.append((b"range", wanted.encode()))
        await super().__call__({**scope, "headers": kept}, receive, send)


def satisfiable_range(header: str, size_bytes: int) -> str:
    """Return the part of a ``Range`` header that a file can satisfy; empty where the whole file answers it.

    Raises:
        ServiceError: Nothing of what is asked for lies in the file.
    """
    unit, _, listed = header.partition("=")
    ranges = [text.strip() for text in listed.split(",") if text.strip()]
    if unit.lower() != "bytes" or not ranges or not all(map(_BYTE_RANGE.fullmatch, ranges)):
        return ""
    usable = []
    for start, _, end in (text.partition("-") for text in ranges):
        if start and end and int(end) < int(start):
            return ""  # it is no range, so that the whole header is none
        if int(start) < size_bytes if start else int(end) and size_bytes:
            usable.append(f"{start}-{end}")
    if not usable:
        raise outside_of_file(size_bytes)
    return f"bytes={','.join(usable)}"


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> JSONResponse:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _origin(request: Request) -> str:
    """The caller's own scheme and host (and mount point), so that the addresses work for them."""
    return str(request.base_url).rstrip("/")


def _addresses(request: Request, job: Job) -> dict[str, str]:
    base = f"{_origin(request)}/v1/requests/{job.request_id}"
    return {f"{name}_url": f"{base}/{name}" for name in ("status", "result", "cancel")}


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _rfc3339(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refuse(fault: ServiceError) -> Response:
    return JSONResponse(fault.to_json(), fault.status, headers={"Cache-Control": "no-store"} | fault.headers)


def _on_fault(_request: Request, error: Exception) -> Response:
    return _refuse(error if isinstance(error, ServiceError) else server_fault())


def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what routing found: nothing there, or not with this method."""
    if not isinstance(error, HTTPException):
        return _refuse(server_fault())
    headers = dict(error.headers or {})
    if request.method == "OPTIONS" and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _refuse(unknown_request())
    return _refuse(
        ServiceError(HTTPStatus(error.status_code), error.status_code * 1000 + 1, error.detail, headers=headers)
    )


def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it


def _on_bug(_request: Request, _error: Exception) -> Response:
    return _refuse(server_fault())


def serve_preview(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: SecretStr | None = None,
    slots: int = 1,
    allow_private: bool = False,
    names: Collection[str] = (),
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until interrupted or terminated; then end running jobs and remove their files.

    Args:
        folder: Where jobs keep their files; several servers may share it.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        token: The only bearer token that is let in; ``None`` lets in everybody.
        slots: Jobs that run at the same time.
        allow_private: Also fetch inputs from private addresses; for development only.
        names: More names under which it answers, where only this machine can reach it: otherwise any page in a browser
            here could ask it by a name that leads here.
        on_ready: Told the service's address, as soon as connections are taken.

    Raises:
        KlingUIError: The address cannot be listened on.
    """
    import uvicorn  # noqa: PLC0415  only needed here

    listener = _listen(host, port)
    shown_host = f"[{host}]" if ":" in host else host
    on_ready(f"http://{shown_host}:{listener.getsockname()[1]}")
    # uvicorn raises the signal again once it has shut down; the workers still have to be ended then
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Workers(slots) as workers:
            queue = JobQueue(folder, workers, fetch=InputFetch(allow_private=allow_private), slots=slots)
            service = build_service(
                queue,
                token=token.get_secret_value() if token else None,
                hosts=AllowedHosts(names) if is_loopback(host) else None,
            )
            config = uvicorn.Config(
                service,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # the usual way to end it
    finally:
        signal.signal(signal.SIGTERM, before)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise KlingUIError(
            Told("It is not possible to listen on {host}, port {port}.", host=host, port=port),
            advice="Choose another port, or another address.",
        ) from error
