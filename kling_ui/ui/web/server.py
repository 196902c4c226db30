"""The web server: the page, files, uploads and health behind the security rules, and Gradio mounted safely."""

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.http.h11_impl import H11Protocol

from kling_ui.errors import SettingsError
from kling_ui.interrupts import INTERRUPTED, interruptible
from kling_ui.logs import write_json_lines
from kling_ui.own_hosts import AllowedHosts, Origin
from kling_ui.presentation.wording import NOT_LASTING, keeping_words
from kling_ui.runs.engines import open_public_files
from kling_ui.runs.publishing.public_files import published_files_route
from kling_ui.settings import Settings
from kling_ui.ui.examples import asset, example_pairs, keep_analyses, keep_examples, prepared_result
from kling_ui.ui.programs.endpoints import calls_of
from kling_ui.ui.services import Services, open_services
from kling_ui.ui.views.result import prepared_value
from kling_ui.ui.web.browser_cookie import BrowserCookie
from kling_ui.ui.web.closer_looks import add_closer_routes
from kling_ui.ui.web.file_routes import add_copies_route, add_posters_route, add_routes
from kling_ui.ui.web.gradio_requests import EventBodies, EventShape, OpenPaths, QuickPage
from kling_ui.ui.web.gradio_shortcuts import NoStates, look_less_often, take_shortcuts
from kling_ui.ui.web.login import add_login, login_url
from kling_ui.ui.web.metrics import add_metrics_route
from kling_ui.ui.web.page_language import SpokenLanguage, translate_config
from kling_ui.ui.web.page_sessions import PageSessions, SessionLimits
from kling_ui.ui.web.security import SecurityMiddleware, StreamShutdown
from kling_ui.ui.web.signed_files import SignedFiles, open_signed_files
from kling_ui.ui.web.sweeping import keep_clean
from kling_ui.ui.web.upload_forms import add_forms_route
from kling_ui.ui.web.uploads import UploadIntake, UploadRate

if TYPE_CHECKING:
    from kling_ui.ui.programs.mcp_tools import McpTools

# So many objects more than were freed let it look at the youngest; so many looks at those, at what outlived one; and
# so many of these, at everything. Python's own are 700, 10 and 10.
GC_THRESHOLDS = (2_000, 20, 50)
HEAD_S = 30.0  # for the head of a request: far longer than any browser or program takes, on any network
MAX_THREADS = 500  # Gradio counts watching generators too; its default of 40 would be 40 visitors
QUEUE_MAX = 1000
STOP_WITHIN_S = 3
MCP_PATHS = ("/gradio_api/mcp", "/gradio_api/mcp/")
MAX_UPLOAD = "100mb"  # Gradio's own upload is shut anyway

log = logging.getLogger(__name__)

Opening = Callable[[Settings, SignedFiles], AbstractAsyncContextManager[Services]]


def finish_mounting(app: FastAPI, page: gr.Blocks, settings: Settings) -> PageSessions:
    """Set what launching would have set, and put the limits before Gradio.

    Args:
        app: The application, on which the page has just been mounted.
        page: The page.
        settings: What the product was told.

    Returns:
        The open tabs; somebody must call :meth:`PageSessions.keep_forgetting`.
    """
    mounted: Any = _gradio_app(app)
    # Without it Gradio takes any readable path for a file that it may copy. ``is_running`` stays off: it would let
    # every stream leave a task behind that goes on for ever, and all that it brings is an empty message now and then.
    page.has_launched = True
    translate_config(page.config)
    mounted.state_holder = NoStates()
    mounted.state_holder.set_blocks(page)
    sessions = PageSessions(
        page._queue,
        sessions_max=settings.limits.sessions_max,
        silent_s=settings.limits.session_minutes * 60.0,
        counts_addresses=settings.is_public,
    )
    # The last one added stands in front.
    mounted.add_middleware(SessionLimits, sessions=sessions)
    calls = calls_of(page)
    known = {number: event for number, event in page.fns.items() if event.fn is not None}
    mounted.add_middleware(
        EventBodies,
        shapes={number: EventShape(len(event.inputs), calls.get(number)) for number, event in known.items()},
        blocks=frozenset({page._id, *page.blocks}),  # a loading page triggers events itself
        max_bytes=settings.limits.event_kb * 1000,
    )
    mounted.add_middleware(QuickPage, words=asset("ui/wait.html").read_text("utf-8"))
    mounted.add_middleware(BrowserCookie, on_space=settings.on_space)
    mounted.add_middleware(OpenPaths)
    return sessions


def _gradio_app(app: FastAPI) -> Any:
    mount = app.router.routes[-1]
    if not isinstance(mount, Mount):
        raise TypeError("Gradio is not mounted as it was.")
    return mount.app


class Server(uvicorn.Server):
    """Settles in when it has started, and ends the streams of open pages before it waits for them.

    Args:
        config: Of the server.
        stream_shutdown: Ends the streams.
    """

    def __init__(self, config: uvicorn.Config, stream_shutdown: StreamShutdown) -> None:
        super().__init__(config)
        self._stream_shutdown = stream_shutdown

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, then let the garbage collector be content with all that was made for it."""
        await super().startup(sockets)
        settle_garbage_collector()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say farewell, then stop as usual."""
        self._stream_shutdown.say()
        await super().shutdown(sockets)


def build_app(
    settings: Settings, opening: Opening = open_services, *, stream_shutdown: StreamShutdown | None = None
) -> FastAPI:
    """Put the application together; nothing runs yet.

    Args:
        settings: What the product was told.
        opening: Opens what the page works with while the server runs.
        stream_shutdown: Ends the streams of open pages.
    """
    _tell_gradio(settings.data_dir)
    take_shortcuts()
    signed_files = open_signed_files(settings.data_dir)
    examples = signed_files.root / "examples"
    keep_examples(examples)
    keep_analyses(settings.analyses_folder)

    tools = open_tools(settings, lambda: app.state.services) if settings.mcp else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with opening(settings, signed_files) as services, tools.running() if tools else nullcontext():
            app.state.services = services
            sweeping = asyncio.create_task(keep_clean(services))
            wiping = asyncio.create_task(services.tokens.keep_wiping())
            forgetting = asyncio.create_task(app.state.sessions.keep_forgetting())
            yield
            sweeping.cancel()
            wiping.cancel()
            forgetting.cancel()
            await asyncio.gather(sweeping, wiping, forgetting, return_exceptions=True)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=[_origin(settings.public_url)] if settings.public_url else [])
    intake = UploadIntake(
        lambda: app.state.services.store,
        admission=lambda: app.state.services.runner.admission,
        rate=UploadRate(limit_s=settings.limits.upload_minutes * 60),
        is_public=settings.is_public,
    )
    add_routes(app, signed_files, intake)
    add_forms_route(app, signed_files, intake)
    add_copies_route(app, signed_files)
    add_closer_routes(app, signed_files)
    add_posters_route(app, signed_files)
    if settings.metrics_token is not None:
        add_metrics_route(app, settings.metrics_token, intake, lambda: app.state.sessions)
    if tools is not None:
        app.router.routes.extend(Route(path, tools) for path in MCP_PATHS)
    if settings.login:
        add_login(app, settings.login, lambda: app.state.services.tokens)
    app.add_middleware(SpokenLanguage)
    _add_security(app, settings, stream_shutdown or StreamShutdown(), signed_files.secret)
    if settings.outside_url:
        _publish_inputs(app, settings.data_dir)
    shown = prepared_value(signed_files, examples, prepared_result())
    _mount_page(app, settings, example_pairs(signed_files, examples), shown)
    return app


def prepare(settings: Settings) -> Callable[[], None]:
    """Put everything together; until it serves there is nothing to tidy up.

    Returns:
        Serves the application until it is told to stop.

    Raises:
        SettingsError: The address cannot be listened on, or the ledger's is none that can be used.
    """
    if not settings.ledger_url.startswith("sqlite:"):  # those need no driver, and SQLAlchemy takes a moment to load
        from kling_ui.runs.ledger.schema import connect  # noqa: PLC0415

        connect(settings.ledger_url).dispose()
    if settings.log_json:
        write_json_lines()
    for words in keeping_words(settings):
        log.warning(words) if settings.log_json else sys.stderr.write(f"{words}\n")
    listening = listen(settings.host, settings.port)
    stream_shutdown = StreamShutdown()
    app = build_app(settings, stream_shutdown=stream_shutdown)
    # proxy_headers would believe X-Forwarded-For from anybody on this machine; see client_address and forwarding
    config = uvicorn.Config(
        app,
        http=TimedConnection,
        log_level="warning",
        log_config=None if settings.log_json else LOGGING_CONFIG,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    shown = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  only words
    sys.stdout.write(f"kling_ui answers at http://{shown}:{settings.port} in a moment. Ctrl+C stops it.\n")
    sys.stdout.flush()
    return partial(Server(config, stream_shutdown).run, sockets=[listening])


def main() -> int:
    """Start the page with the settings of the environment; a wrong one is said in one line."""
    try:
        serving = prepare(Settings.from_env())
        with interruptible():
            serving()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Take the port, or say which one is free.

    Raises:
        SettingsError: It is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"KLING_UI_HOST takes an address of this machine; {host} is none.") from error
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(address)
        taken.listen()
    except OSError as error:
        taken.close()
        raise SettingsError(
            f"Port {port} of {host} cannot be used ({(error.strerror or 'refused').lower()}).",
            advice=f"Set KLING_UI_PORT to a free one, such as {_free_port(family)}.",
        ) from error
    return taken


def _free_port(family: int) -> int:
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.bind(("", 0))
        return trial.getsockname()[1]


def _tell_gradio(data_dir: Path) -> None:
    """Gradio reads these when it is imported or builds a page."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(data_dir / "gradio")
    os.environ.setdefault("GRADIO_SSR_MODE", "False")
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")  # no pandas after every event
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")  # kept of past events; nobody may look at them


def _mount_page(app: FastAPI, settings: Settings, pairs: list[dict[str, str]], prepared: dict[str, Any]) -> None:
    import gradio as gr  # noqa: PLC0415  only now, see _tell_gradio

    from kling_ui.ui.page import build_page  # noqa: PLC0415
    from kling_ui.ui.widgets import STYLES, page_theme  # noqa: PLC0415

    page = build_page(
        lambda: app.state.services,
        example_pairs=pairs,
        prepared=prepared,
        login_url=login_url(settings.login) if settings.login else "",
        is_public=settings.is_public,
        space_id=settings.space_id or "",
        notice="" if settings.is_lasting else NOT_LASTING,
    )
    page.max_threads = MAX_THREADS  # before queue(), which takes it over
    page.queue(default_concurrency_limit=None, max_size=QUEUE_MAX, api_open=False)
    look_less_often(page._queue)
    gr.mount_gradio_app(
        app,
        page,
        "/",
        root_path=settings.public_url,
        theme=page_theme(),
        css_paths=[asset(f"ui/{name}") for name in STYLES],
        favicon_path=str(asset("ui/favicon.svg")),
        footer_links=["api"],
        run_history=False,
        show_error=False,
        enable_monitoring=False,
        max_file_size=MAX_UPLOAD,
        allowed_paths=[],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )
    app.state.sessions = finish_mounting(app, page, settings)


def _add_security(app: FastAPI, settings: Settings, stream_shutdown: StreamShutdown, secret: bytes) -> None:
    """Let the checks stand before everything else that is added to the app, logins too."""
    own = Origin.parse(settings.public_url or "")
    app.add_middleware(
        SecurityMiddleware,
        stream_shutdown=stream_shutdown,
        hosts=AllowedHosts.from_settings(settings),
        own_origins=[own] if own else [],
        proxies=settings.trusted_proxies,
        secret=secret,
        on_space=settings.on_space,
    )


def _publish_inputs(app: FastAPI, data_dir: Path) -> None:
    """Let the remote engine fetch the inputs of open runs from here, by signed addresses."""

    async def may_be_fetched(run_id: str) -> bool:
        return await app.state.services.runner.may_be_fetched(run_id)

    app.router.routes.append(published_files_route(open_public_files(data_dir), may_be_fetched))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def open_tools(settings: Settings, services: Callable[[], Services]) -> "McpTools":
    """Open the same endpoints as tools for agents.

    Args:
        settings: Limits of requests.
        services: Gives what the tools work with; it is asked only while the server runs.

    Raises:
        SettingsError: What they need is not installed.
    """
    try:
        from kling_ui.ui.programs.mcp_tools import McpTools  # noqa: PLC0415  an extra brings what it needs
    except ModuleNotFoundError as error:
        raise SettingsError("KLING_UI_MCP takes 0 where the extra mcp is not installed.") from error
    return McpTools(services, max_bytes=settings.limits.event_kb * 1000, is_public=settings.is_public)


class TimedConnection(H11Protocol):
    """An HTTP connection that waits for the head of a request only so long.

    By itself uvicorn waits for ever once a first byte has come, or as long as none has: whoever opens connections and
    says nothing holds all that the process may open.
    """

    head_s = HEAD_S
    _timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._check_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _check_later(self) -> None:
        self._timer = self.loop.call_later(self.head_s, self._check, self.cycle)

    def _check(self, before: Any) -> None:
        """Close the connection unless a request is being answered, or one has come since the last look."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.cycle is before:
            self.transport.close()
        else:
            self._check_later()


def settle_garbage_collector() -> None:
    """Look at none of the objects that there are by now again, and more rarely at later ones, in all of this process.

    What the app is made of, 200,000 objects and more, stays as long as the process. To look at all of it again and
    again took 0.3 s each time on two busy cores. Whoever makes and drops whole apps in one process does not call this.

    While the app is made nothing need be looked at, which takes a fifth of a start: ``app.py`` switches the collector
    off until then. The 8,000 dropped objects that are kept by that take 4 MB.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
