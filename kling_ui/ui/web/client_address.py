"""From which network address a request comes, and the key under which that is counted.

A browser's id is its own choice: whoever wants to look like a hundred visitors makes up a hundred ids. Limits and the
app's money are therefore counted by account, else by address. Where a proxy stands in front, the address is what the
proxy says, if it is one that the settings name; anybody else may say what they like and is not believed.
"""

import hashlib
import hmac
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from kling_ui.settings import Network

SCOPE_KEY = "kling_ui.address"  # where the middleware leaves the key of the address
IPV6_NETWORK_BITS = 64  # one household or server has as many addresses as it likes below that
_KEY_CHARS = 32  # 128 bits


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


def address_key(address: str, secret: bytes) -> str:
    """Make the key under which an address is counted and remembered: it does not tell the address.

    Args:
        address: As :func:`client_address` gives it.
        secret: Of this installation.
    """
    if not address:
        return ""
    own_key = hmac.digest(secret, b"kling_ui client address", hashlib.sha256)
    return hmac.new(own_key, address.encode(), hashlib.sha256).hexdigest()[:_KEY_CHARS]


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
