"""Which page started a request, as its browser says: another site must not store files or start runs here."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from kling_ui.own_hosts import AllowedHosts, Authority, Origin
from kling_ui.settings import Network
from kling_ui.ui.web.client_address import SCOPE_KEY, Forwarded, address_key, client_address
from kling_ui.ui.web.gradio_requests import DATA
from kling_ui.ui.web.program_requests import CALL

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})  # not same-site: another port of localhost would be let in
_SPACE_FRAME = "https://huggingface.co"  # shows a Space in a frame of its own page
# Gradio compiles component templates in the browser, hence unsafe-eval; nothing may come from another host.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
_NO_HOST = (
    "This request does not say which host it is for, or not in a way that can be read. Ask this app under localhost, "
    "or under a name that is listed in KLING_UI_HOSTS."
)
_FOREIGN_HOST = (
    "This app does not answer under the name {host}. If the name is its own, whoever runs the app can list it in "
    "KLING_UI_HOSTS and start the app again."
)
_FOREIGN_WRITE = (
    "Refused: another site started this. If it was the page of this app, whoever runs it can set KLING_UI_PUBLIC_URL "
    "to the address that the browser shows."
)
_STREAMS = (DATA, CALL)
_HEALTH = "/health"  # probes ask it under whatever name or address they know
_POLICY_VIOLATION = 1008  # of a websocket; RFC 6455


def is_foreign_write(scope: Scope, own_origins: Collection[Origin] = ()) -> bool:
    """Tell whether a request may change something and was started by a page that is not this app's.

    Browsers say so in ``Sec-Fetch-Site``, but not to plain http addresses other than loopback; there ``Origin`` or
    ``Referer`` must fit the host that was asked. A program sends none of them and is let in: nobody's browser is being
    misused by it.

    Args:
        scope: Of the request, its host checked already.
        own_origins: Origins of pages that are this app's own, whatever host was asked.
    """
    if scope["method"] in _READS:
        return False
    headers = Headers(scope=scope)
    if sites := headers.getlist("sec-fetch-site"):
        return not _OWN_SITES.issuperset(sites)
    if pages := headers.getlist("origin") or headers.getlist("referer"):
        return not all(_is_own(page, headers.get("host", ""), own_origins) for page in pages)
    return False


def _is_own(page: str, host: str, own_origins: Collection[Origin]) -> bool:
    origin, asked = Origin.parse(page), Authority.parse(host)
    if origin is None:  # "null" among them: the page of a file, or one that a sandbox keeps apart
        return False
    return (asked is not None and origin.is_at(asked)) or any(origin.is_same(own) for own in own_origins)


def add_protection(headers: MutableHeaders, scope: Scope, *, on_space: bool) -> None:
    """Add the headers that an answer does not have yet.

    Args:
        headers: Of the answer.
        scope: Of the request.
        on_space: The app is shown in a frame of Hugging Face.
    """
    ancestors = f"'self' {_SPACE_FRAME}" if on_space else "'self'"
    policy = headers.get("Content-Security-Policy", _POLICY)
    if "frame-ancestors" not in policy:  # a file's own policy says nothing of it
        headers["Content-Security-Policy"] = f"{policy}; frame-ancestors {ancestors}"
    if not on_space:  # it cannot name another site
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # Not no-referrer: browsers would call the page's own forms and beacons of origin "null".
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if _is_trustworthy(scope):  # elsewhere browsers ignore it and complain
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")


def _is_trustworthy(scope: Scope) -> bool:
    asked = Authority.parse(Headers(scope=scope).get("host", ""))
    return scope.get("scheme") == "https" or (asked is not None and asked.is_this_machine)


class StreamShutdown:
    """Ends the streams that pages keep open, so that a server that stops need not wait for them."""

    def __init__(self) -> None:
        self._said = asyncio.Event()

    def say(self) -> None:
        """Let every open stream believe that its reader has gone."""
        self._said.set()

    @property
    def has_begun(self) -> bool:
        """The server is about to stop."""
        return self._said.is_set()

    async def listen(self, receive: Receive) -> Message:
        """Receive the next message, or the end of the connection once the farewell has been said."""
        coming, leaving = asyncio.ensure_future(receive()), asyncio.ensure_future(self._said.wait())
        try:
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else {"type": "http.disconnect"}
        finally:
            coming.cancel()
            leaving.cancel()


class SecurityMiddleware:
    """Refuses what asks under a foreign name and writes that another page started; adds headers.

    Args:
        app: The application behind.
        stream_shutdown: Ends open streams when the server stops.
        hosts: Under which hosts the app answers.
        own_origins: Origins of pages that are this app's own, whatever host was asked.
        proxies: Networks of proxies that are believed.
        secret: Makes the keys under which addresses are counted.
        on_space: The app is shown in a frame of Hugging Face.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        stream_shutdown: StreamShutdown,
        hosts: AllowedHosts,
        own_origins: Collection[Origin] = (),
        proxies: Collection[Network] = (),
        secret: bytes = b"",
        on_space: bool = False,
    ) -> None:
        self.app = app
        self.stream_shutdown = stream_shutdown
        self.hosts = hosts
        self.own_origins = tuple(own_origins)
        self.proxies = tuple(proxies)
        self._secret = secret
        self.on_space = on_space

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it here."""
        if scope["type"] == "websocket":  # this app has none
            await WebSocketClose(_POLICY_VIOLATION)(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = client_address(scope, self.proxies)
        forwarded = Forwarded.from_scope(scope, self.proxies)
        refusal = self._foreign_host(scope, forwarded)
        scope = forwarded.applied_to(scope)
        scope[SCOPE_KEY] = address_key(address, self._secret)
        sending = _Sending(send, scope, on_space=self.on_space)
        refusal = refusal or self._foreign_write(scope)
        if refusal is not None:
            await refusal(scope, receive, sending)
            return
        try:
            await self._pass_on(scope, receive, sending)
        except Exception:
            if not sending.has_begun:  # what answers it further out knows no headers of ours
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, sending)
            raise

    def _foreign_host(self, scope: Scope, forwarded: Forwarded) -> Response | None:
        if scope["path"] == _HEALTH:
            return None
        asked = Headers(scope=scope).getlist("host")
        if len(asked) != 1 or not scope["path"].startswith("/"):
            return PlainTextResponse(_NO_HOST, 400)
        for text in [*asked, *([forwarded.host] if forwarded.host else [])]:
            authority = Authority.parse(text)
            if authority is None:
                return PlainTextResponse(_NO_HOST, 400)
            if authority not in self.hosts:
                return PlainTextResponse(_FOREIGN_HOST.format(host=authority.host), 421)
        return None

    def _foreign_write(self, scope: Scope) -> Response | None:
        return PlainTextResponse(_FOREIGN_WRITE, 403) if is_foreign_write(scope, self.own_origins) else None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(_STREAMS):
            await self.app(scope, receive, send)
            return
        await self.app(scope, partial(self.stream_shutdown.listen, receive), send)
        if self.stream_shutdown.has_begun:
            with suppress(RuntimeError):  # it may have ended by itself
                await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Sending:
    """Sends an answer with the protective headers.

    Attributes:
        has_begun: Something of it was sent.
    """

    def __init__(self, send: Send, scope: Scope, *, on_space: bool) -> None:
        self._send = send
        self._scope = scope
        self._on_space = on_space
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            add_protection(MutableHeaders(scope=message), self._scope, on_space=self._on_space)
        self.has_begun = True
        await self._send(message)
