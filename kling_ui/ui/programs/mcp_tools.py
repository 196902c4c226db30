"""The endpoints as tools of the Model Context Protocol (MCP), over streamable HTTP, for agents.

Gradio's own MCP server calls the app over the network from the app itself, so that all callers would be one; here a
call keeps the address that it came from, and its limits. The SDK that speaks the protocol comes with the extra ``mcp``.
"""

import asyncio
import inspect
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import gradio as gr
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kling_ui.ui.event_payload import error_text
from kling_ui.ui.fair_share import BusyError, FairShare
from kling_ui.ui.programs.calls import TELLING
from kling_ui.ui.programs.endpoints import NAMES, PARAMETERS, Endpoints, File, call_of, parameters_of
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import share_keys
from kling_ui.ui.web.gradio_requests import RefusedBodyError, receive_body, replay
from kling_ui.ui.web.program_requests import ProgramCall

AT_ONCE_MAX = 16  # of one caller
INSTRUCTIONS = (
    "Transfers the motion of a clip to a character image. First check and repair the inputs, then run. A preview is "
    "free and needs nothing; engine kling COSTS MONEY: it needs the user's own RunComfy token and max_usd, and the "
    "user's word after price. run answers at once with a handle; ask status with wait_s until is_final is true, then "
    "result. Files are https addresses, refs from earlier answers, or what a POST of a form with one file to ../upload "
    "answers."
)
_TITLES = {
    "check": "Check the inputs (free)",
    "repair": "Repair the inputs (free)",
    "run": "Transfer the motion (free as a preview; costs money on Kling)",
    "status": "Follow a run (free)",
    "result": "Get the video of a run (free)",
    "cancel": "Cancel a run (what Kling has begun may be charged)",
    "forget": "Delete a run and its files here (free; cannot be undone)",
    "score": "Score how well a clip follows another (free)",
    "sheet": "Draw characters with clips side by side (free)",
    "batch": "Make many runs as one batch, or ask after one (free as previews; costs money on Kling)",
    "plan": "Plan how a clip beyond the limit becomes several runs (free)",
    "run_long": "Run a clip beyond the limit in pieces and join them (free as previews; costs money on Kling)",
    "price": "Read the price of a run on Kling (free)",
    "models": "List the models of Kling with their prices (free)",
}
_READS = {"check", "status", "result", "score", "price", "models", "plan"}
_FINAL = {"run", "cancel", "forget", "batch", "run_long"}  # spends what cannot be taken back, ends it, or deletes it
_REACHES_OUT = {
    "check",
    "repair",
    "run",
    "score",
    "price",
    "sheet",
    "batch",
    "models",
    "plan",
    "run_long",
}  # fetches files, or asks the vendor


class McpTools:
    """The tools, and the application that answers for them.

    Args:
        services: Gives what the tools work with; it is open only while the server runs.
        max_bytes: Size of one request.
        is_public: Others than the person at this machine can reach the app.
    """

    def __init__(self, services: Callable[[], Services], *, max_bytes: int, is_public: bool) -> None:
        endpoints = Endpoints(services)
        self._methods = {name: getattr(endpoints, name) for name in NAMES}
        self._tools = [tool_of(name, method) for name, method in self._methods.items()]
        self._max_bytes = max_bytes
        self._is_public = is_public
        self._at_once = FairShare(AT_ONCE_MAX, waiting_each_max=0, what="calls")
        self._server: Server[Any, Request] = Server("kling-ui", version("kling-ui"), INSTRUCTIONS)
        self._server.list_tools()(self._list)
        self._server.call_tool(validate_input=False)(self._call)  # its words would repeat what was sent
        self._sessions = StreamableHTTPSessionManager(self._server, stateless=True)
        _keep_quiet()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Answer while this is open."""
        async with self._sessions.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":  # no stream is kept open, and there is no session to end
            await JSONResponse({"detail": "Only POST is answered."}, 405, {"Allow": "POST"})(scope, receive, send)
            return
        try:
            body = await receive_body(scope, receive, max_bytes=self._max_bytes)
            if body is None:
                return
            async with self._at_once.turn(share_keys(scope, is_public=self._is_public)[-1]):
                await self._sessions.handle_request(scope, replay(body, receive), send)
        except RefusedBodyError as refusal:
            await JSONResponse({"detail": refusal.words}, refusal.status)(scope, receive, send)
        except BusyError as error:
            await JSONResponse({"detail": str(error)}, 429)(scope, receive, send)

    async def _list(self) -> list[types.Tool]:
        return self._tools

    async def _call(self, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        try:
            if name not in self._methods:
                return _failed("There is no such tool.")
            answer = await self._answer(self._methods[name], call_of(name, self._methods[name]), arguments)
        except ValueError as error:  # a parameter is missing, or unknown
            return _failed(str(error))
        except Exception as error:  # noqa: BLE001  told in words
            return _failed(str(error_text(error)))
        return types.CallToolResult(content=_content(answer), structuredContent=answer)

    async def _answer(self, method: Callable[..., Any], call: ProgramCall, arguments: dict[str, Any]) -> dict[str, Any]:
        context = self._server.request_context
        given = call.values(arguments)
        if "request" in inspect.signature(method).parameters:
            given.insert(0, gr.Request(context.request))
        async with _told(context):
            return await method(*given)


@asynccontextmanager
async def _told(context: Any) -> AsyncGenerator[None]:
    """Tell a client that asked for it what is being done."""
    token = None if context.meta is None else context.meta.progressToken
    if token is None:
        yield
        return
    news: asyncio.Queue[tuple[str, float | None] | None] = asyncio.Queue()

    async def send() -> None:
        count = 0
        while (told := await news.get()) is not None:
            count += 1  # a later one must be higher, and not all shares are known
            words, share = told
            said = words if share is None else f"{words} {share:.0%}"
            await context.session.send_progress_notification(
                token, count, message=said, related_request_id=str(context.request_id)
            )

    sending = asyncio.create_task(send())
    before = TELLING.set(lambda words, share: news.put_nowait((words, share)))
    try:
        yield
    finally:
        TELLING.reset(before)
        news.put_nowait(None)
        await asyncio.gather(sending, return_exceptions=True)


def tool_of(name: str, method: Callable[..., Any]) -> types.Tool:
    """Describe a method as a tool."""
    known = parameters_of(method)
    schema = {
        "type": "object",
        "properties": {one.name: _schema(one) for one in known},
        "required": [one.name for one in known if one.default is inspect.Parameter.empty],
        "additionalProperties": False,
    }
    hints = types.ToolAnnotations(
        title=_TITLES[name],
        readOnlyHint=name in _READS,
        destructiveHint=name in _FINAL,
        idempotentHint=name in _READS | {"cancel", "forget"},
        openWorldHint=name in _REACHES_OUT,
    )
    words = " ".join((method.__doc__ or "").split())
    return types.Tool(name=name, title=_TITLES[name], description=words, inputSchema=schema, annotations=hints)


def _schema(parameter: inspect.Parameter) -> dict[str, Any]:
    is_file, is_list = parameter.annotation == File, parameter.annotation in {list[File], list[File] | None}
    texts = {"type": "array", "items": {"type": "string"}} if is_list else {"type": "string"}
    schema = texts if is_file or is_list else TypeAdapter(parameter.annotation).json_schema()
    has_default = parameter.default not in {inspect.Parameter.empty, None}
    default = {"default": parameter.default} if has_default else {}
    words = PARAMETERS[parameter.name]
    if is_file:
        words = words.replace("an upload,", "what an upload answered,")
    return schema | default | {"description": words}


def _content(answer: dict[str, Any]) -> list[types.ContentBlock]:
    said: list[types.ContentBlock] = [types.TextContent(type="text", text=json.dumps(answer))]
    files = [file for file in map(answer.get, ("image", "video", "sheet")) if isinstance(file, dict)]
    return said + [types.ResourceLink(type="resource_link", name=file["name"], uri=file["url"]) for file in files]


def _failed(words: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=words)], isError=True)


def _keep_quiet() -> None:
    """Keep what the SDK would log out of the log: it may quote requests, tokens and all, and answers with handles."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    logging.getLogger("sse_starlette").setLevel(logging.WARNING)  # writes each answer at DEBUG
    root = logging.getLogger()
    if _is_not_of_sdk not in root.filters:
        root.addFilter(_is_not_of_sdk)


def _is_not_of_sdk(record: logging.LogRecord) -> bool:
    return not record.pathname.endswith("/mcp/shared/session.py")
