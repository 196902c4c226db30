"""Which browser asks, told by a cookie: whoever only knows what another's open tab calls itself cannot read along.

The name of a tab (Gradio's session hash) stands in addresses, which proxies log, and Gradio's script draws it with no
cryptographic care. The cookie stands in no address, and no script can read it.
"""

import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "kling_ui_browser"
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_KEPT_S = 365 * 86_400


def browser_of(scope: Scope) -> str:
    """Give the secret that a browser keeps; empty where it keeps none, as programs do and some browsers in a frame.

    Args:
        scope: Of a request.
    """
    value = HTTPConnection(scope).cookies.get(COOKIE, "")
    return value if _VALUE.fullmatch(value) else ""


class BrowserCookie:
    """Gives a browser that opens the page its secret, if it has none.

    Args:
        app: The application behind, whose page stands at ``/``.
        on_space: The page may stand in a frame of Hugging Face, where browsers keep only cookies that say so.
    """

    def __init__(self, app: ASGIApp, *, on_space: bool) -> None:
        self.app = app
        self._on_space = on_space

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
        if not is_page or browser_of(scope):
            await self.app(scope, receive, send)
            return

        async def giving(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", self._cookie())
            await send(message)

        await self.app(scope, receive, giving)

    def _cookie(self) -> str:
        # Lax, not Strict: else whoever comes by a link would get another one, and lose the tabs that are open.
        where = "SameSite=None; Secure; Partitioned" if self._on_space else "SameSite=Lax"
        return f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; Max-Age={_KEPT_S}; HttpOnly; {where}"
