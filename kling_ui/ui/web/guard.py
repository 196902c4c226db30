"""What stands before every request: headers that protect the visitor, and no writes that another site started.

Which addresses of Gradio are open stands in ``gradio_paths``.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kling_ui.settings import Network
from kling_ui.ui.web.client_address import SCOPE_KEY, address_key, client_address, is_trusted
from kling_ui.ui.web.gradio_paths import DATA

_STREAMS = (DATA,)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
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


class Farewell:
    """Ends the streams that pages keep open, so that a server that stops need not wait for them."""

    def __init__(self) -> None:
        self._said = asyncio.Event()

    def say(self) -> None:
        """Let every open stream believe that its reader has gone."""
        self._said.set()

    @property
    def is_said(self) -> bool:
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


class Guard:
    """Refuses writes that another site started, and adds protective headers.

    Args:
        app: The application behind.
        farewell: Ends open streams when the server stops.
        proxies: Networks of proxies that are believed.
        secret: Makes the keys under which addresses are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        farewell: Farewell,
        proxies: Collection[Network] = (),
        secret: bytes = b"",
    ) -> None:
        self.app = app
        self.proxies = tuple(proxies)
        self._secret = secret
        self.farewell = farewell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE_METHODS and headers.get("sec-fetch-site") == "cross-site":
            await PlainTextResponse("Refused: another site started this.", 403)(scope, receive, send)
        else:
            scope = self._without_forwarded(scope)
            scope[SCOPE_KEY] = address_key(client_address(scope, self.proxies), self._secret)
            await self._pass_on(scope, receive, _adding_headers(send))

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(_STREAMS):
            await self.app(scope, receive, send)
            return
        await self.app(scope, partial(self.farewell.listen, receive), send)
        if self.farewell.is_said:
            with suppress(RuntimeError):  # it may have ended by itself
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _without_forwarded(self, scope: Scope) -> Scope:
        if is_trusted((scope.get("client") or ("", 0))[0], self.proxies):
            return {**scope}
        kept = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-forwarded-host")]
        return {**scope, "headers": kept}


def _adding_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "no-referrer")
            headers.setdefault("Content-Security-Policy", _POLICY)
        await send(message)

    return send_with_headers
