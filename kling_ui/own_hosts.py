"""Under which hosts a server answers, and whether the page that started a request is its own.

Anybody can let a name of theirs point to this machine (DNS rebinding): for the browser a page under that name is then
the same site as the app behind it, whatever network the app stands in. Hence a server answers under known names only.
Literal addresses are another matter: nobody can point them elsewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self
from urllib.parse import urlsplit

from kling_ui.settings import Settings, is_loopback

_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,255}))(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Authority:
    """A host and perhaps a port, as in a ``Host`` header.

    Attributes:
        host: In lower case without a dot at the end; addresses in their shortest spelling, without brackets.
        port: 0-65535, or ``None`` where it is the usual one of the scheme.
    """

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read ``example.org:8080`` or ``[::1]:8080``; ``None`` for anything else, user names included."""
        found = _AUTHORITY.fullmatch(text)
        if found is None:
            return None
        name, ipv6, port = found["name"], found["ipv6"], found["port"]
        try:
            host = str(IPv6Address(ipv6)) if ipv6 else name.lower().removesuffix(".")
        except ValueError:
            return None
        if not host or (port and int(port) > 65535):
            return None
        return cls(host, int(port) if port else None)

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host, if it is a literal address and no name."""
        return _literal_address(self.host)

    @property
    def is_this_machine(self) -> bool:
        """The host is a name or an address that never leads to another machine."""
        if self.address is not None:
            return self.address.is_loopback
        return self.host == "localhost" or self.host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a page comes from.

    Attributes:
        scheme: ``http`` or ``https``.
        authority: Its host and port.
    """

    scheme: str
    authority: Authority

    @classmethod
    def parse(cls, url: str) -> Self | None:
        """Read the origin of an address, or an ``Origin`` header; ``None`` for ``null`` and all that is no web page."""
        try:
            parts = urlsplit(url)
            place = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        except ValueError:
            return None
        authority = Authority.parse(place)
        return None if authority is None or parts.scheme not in _DEFAULT_PORTS else cls(parts.scheme, authority)

    @property
    def port(self) -> int:
        """The port, also where it is the usual one."""
        return _DEFAULT_PORTS[self.scheme] if self.authority.port is None else self.authority.port

    def is_at(self, asked: Authority) -> bool:
        """Tell whether the page stands under a host and port that was asked.

        A proxy may have ended https, so that the scheme of the request says nothing; that of the page counts.
        """
        return self.authority.host == asked.host and self.port == Origin(self.scheme, asked).port

    def is_same(self, other: "Origin") -> bool:
        """Tell whether both are one origin."""
        return self.scheme == other.scheme and self.is_at(other.authority)


class AllowedHosts:
    """The hosts under which a server answers: this machine's own names always, at any port, and those that are named.

    Args:
        names: More hosts, names or literal addresses, without ports.
        listening: The address that the server listens on; where others can reach it, any literal address will do.
    """

    def __init__(self, names: Iterable[str] = (), *, listening: str = "127.0.0.1") -> None:
        self._any_address = not is_loopback(listening)
        spelled = (*names, _spelled(listening))
        self._hosts = {parsed.host for name in spelled if (parsed := Authority.parse(name)) is not None}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Give the hosts under which the app answers."""
        names = [*settings.hosts, settings.space_host or "", settings.login.host if settings.login else ""]
        if (public := Origin.parse(settings.public_url or "")) is not None:
            names.append(_spelled(public.authority.host))
        return cls(names, listening=settings.host)

    def __contains__(self, asked: Authority | None) -> bool:
        """Tell whether the server answers under a host; never under none."""
        if asked is None:
            return False
        known = asked.is_this_machine or asked.host in self._hosts
        return known or (self._any_address and asked.address is not None)


@lru_cache(maxsize=256)  # each request asks, mostly for the same few
def _literal_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _spelled(host: str) -> str:
    return f"[{host}]" if ":" in host else host
