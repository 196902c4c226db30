"""What a proxy says of the request that it passes on: believed from proxies that the settings name, else dropped.

Everybody can send these headers. Behind this module there are none of them any more: what is believed stands where it
stands in any request, in ``Host`` and in the scope's scheme.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from starlette.datastructures import Headers
from starlette.types import Scope

from kling_ui.settings import Network
from kling_ui.ui.web.client_address import is_trusted

_PREFIX = b"x-forwarded"  # -for, -host, -port, -prefix, -proto, -server, ...
_DROPPED = frozenset(
    {
        b"forwarded",
        b"x-gradio-server",  # Gradio believes it over the host that was asked, whoever sends it
        b"x-gradio-user",
        b"x-host",
        b"x-http-host-override",
        b"x-http-method-override",
        b"x-original-host",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a trusted proxy says.

    Attributes:
        host: The host that the visitor asked, as text that nobody has checked; ``None`` when it says nothing.
        scheme: ``http`` or ``https``; ``None`` likewise.
    """

    host: str | None = None
    scheme: str | None = None

    @classmethod
    def from_scope(cls, scope: Scope, proxies: Collection[Network]) -> Self:
        """Read what the proxy says; nothing, if the request comes from no trusted one."""
        if not is_trusted((scope.get("client") or ("", 0))[0], proxies):
            return cls()
        headers = Headers(scope=scope)
        scheme = _first(headers, "x-forwarded-proto")
        return cls(_first(headers, "x-forwarded-host"), scheme if scheme in {"http", "https"} else None)

    def applied_to(self, scope: Scope) -> Scope:
        """Give the scope as if the visitor had asked without a proxy."""
        headers = [(name, value) for name, value in scope["headers"] if not _is_dropped(name)]
        if self.host is not None:
            headers = [(name, value) for name, value in headers if name != b"host"]
            headers.insert(0, (b"host", self.host.encode("latin-1")))
        return {**scope, "headers": headers, "scheme": self.scheme or scope.get("scheme", "http")}


def _first(headers: Headers, name: str) -> str | None:
    """Read a list's first entry, which the proxy that is nearest to the visitor has written, if not the visitor."""
    entries = ",".join(headers.getlist(name)).split(",")
    return entries[0].strip().lower() or None


def _is_dropped(name: bytes) -> bool:
    return name.lower().startswith(_PREFIX) or name.lower() in _DROPPED
