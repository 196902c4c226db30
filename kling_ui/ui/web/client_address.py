"""From which network address a request comes, how that is counted, and which forwarding headers are believed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Self

from starlette.datastructures import Headers
from starlette.types import Scope

from kling_ui.settings import Network, Settings
from kling_ui.signing import keyed_hash

SCOPE_KEY = "kling_ui.address"  # where the middleware leaves the key of the address
IPV6_NETWORK_BITS = 64  # one household or server has as many addresses as it likes below that
_KEY_CHARS = 32  # 128 bits
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


def is_trusted(address: str, proxies: Collection[Network]) -> bool:
    """Tell whether a request that comes straight from ``address`` comes from a proxy that is believed."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in proxies)


def client_address(scope: Scope, proxies: Collection[Network]) -> str:
    """Give the address of whoever asks; IPv6 addresses are given as their /64 network.

    ``X-Forwarded-For`` is read from its end, where the nearest proxy has written: the first address that is no trusted
    proxy's is whoever asks. What stands before it was only claimed.

    Args:
        scope: Of the request.
        proxies: Networks of trusted proxies.

    Returns:
        The address, or an empty text when it cannot be told.
    """
    peer = (scope.get("client") or ("", 0))[0]
    if not is_trusted(peer, proxies):
        return _whole(peer)
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    for claimed in reversed([text.strip() for text in forwarded if text.strip()]):
        if _parsed(claimed) is None:
            break
        peer = claimed
        if not is_trusted(claimed, proxies):
            break
    return _whole(peer)


def app_url_of(settings: Settings, scope: Mapping[str, Any] | None) -> str:
    """Give the address of this app, without a slash at its end, as whoever asks knows it.

    Args:
        settings: May say it.
        scope: Of a request whose host was checked; ``None`` when there is none.
    """
    known = scope or {}
    host = Headers(raw=list(known.get("headers", ()))).get("host", "")
    return settings.public_url or f"{known.get('scheme', 'http')}://{host}"


def address_key(address: str, secret: bytes) -> str:
    """Make the key under which an address is counted and remembered: it does not tell the address.

    Args:
        address: As :func:`client_address` gives it.
        secret: Of this installation.
    """
    if not address:
        return ""
    return keyed_hash(keyed_hash(secret, "kling_ui client address"), address).hex()[:_KEY_CHARS]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    host, port = text.rpartition(":")[::2] if text.count(":") == 1 or "]:" in text else (text, "")
    try:
        found = ip_address((host if port else text).strip("[]").partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _whole(text: str) -> str:
    parsed = _parsed(text)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> (128 - IPV6_NETWORK_BITS) << (128 - IPV6_NETWORK_BITS)))
    return "" if parsed is None else str(parsed)


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
