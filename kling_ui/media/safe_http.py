"""Asking an address that a user gave, or downloading from it, without letting it reach into our own network.

The host's addresses are looked up here, checked, and the connection goes to exactly the checked one, so that a name
cannot change its meaning in between; every redirect is checked likewise. Nothing of ours goes along: no cookies, no
credentials. Messages name the host only: addresses may carry signatures.
"""

import asyncio
import socket
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType

import anyio
import httpx

from kling_ui.errors import MediaError
from kling_ui.media.signatures import described, sniff

REDIRECTS_MAX = 5
DEADLINE_S = 120.0  # of a download
WAIT_S = 15.0  # for a connection, or for the next bytes
_EXTENSIONS = {"jpeg": "jpg", "matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "heif": "heic", "jpeg2000": "jp2"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOTHING: Mapping[str, str] = MappingProxyType({})
# Only this part of IPv6 is given out to the public (IANA, IPv6 Global Unicast Address Assignments). Outside of it lie
# most ranges in which an IPv4 address hides (::/96, ::ffff:0:0:0/96, NAT64 of RFC 6052 and 8215), and fec0::/10.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# What the IANA IPv4 and IPv6 Special-Purpose Address Registries hold, reachable or not (relays, sinks, anycast of the
# nearest router, Teredo, 6to4, documentation), multicast, and what a cloud uses for its own machines.
_SPECIAL = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        "168.63.129.16/32",  # Azure's host answers every machine there: name service, health, secrets of extensions
    )
)

Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class SafeResponse:
    """An answer, its body not yet read.

    Attributes:
        answer: From the last server; its status may be an error.
        hosts: The hosts that were asked, one for each redirect and the last one.
    """

    answer: httpx.Response
    hosts: tuple[str, ...]


async def resolve_host(host: str, port: int) -> list[str]:
    """Look up a host's addresses with the system's resolver.

    Raises:
        OSError: It has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet, seen through every kind of embedding."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv6Address) and parsed not in _GLOBAL_UNICAST:
        return False
    return parsed.is_global and not any(parsed in special for special in _SPECIAL)


def host_of(url: str) -> str:
    """Return the host of an address, which may be told; empty when it has none."""
    try:
        return httpx.URL(url.strip()).host
    except (httpx.InvalidURL, ValueError):
        return ""


def refusal(reason: str, url: str, advice: str) -> MediaError:
    """Say why an address is not used; of the address itself only the host is told."""
    return MediaError(reason, path=Path(host_of(url) or "address"), advice=advice)


@asynccontextmanager
async def safe_request(
    url: str,
    *,
    http: httpx.AsyncClient,
    resolve: Resolve = resolve_host,
    schemes: Collection[str] = frozenset({"http", "https"}),
    allow_private: bool = False,
    headers: Mapping[str, str] = _NOTHING,
) -> AsyncGenerator[SafeResponse]:
    """Ask for what an address holds, as a stranger.

    Args:
        url: ``http`` or ``https``, without a user name or password.
        http: A client without base URL or credentials; tests hand in one with a fake transport.
        resolve: How to look up a host's addresses.
        schemes: The schemes that may be used, redirects included.
        allow_private: Also reach addresses that are not public; for a server that its user runs alone.
        headers: Sent along, such as a range.

    Raises:
        MediaError: The address cannot be used.
        httpx.HTTPError: No server answers.
    """
    target, hosts = checked_url(url, url, schemes), []
    for _ in range(REDIRECTS_MAX + 1):
        hosts.append(target.host)
        address = await _safe_address(target, url, resolve, allow_private=allow_private)
        request = _request(http, target, address, headers)
        try:
            answer = await http.send(request, stream=True, auth=None, follow_redirects=False)
        except UnicodeError as error:  # it reads where a redirect leads, even if it does not follow
            raise refusal("it redirects to no valid address.", url, "Give the address of the file itself.") from error
        http.cookies.clear()  # a stranger brings none, not even to the next redirect
        try:
            if answer.status_code not in _REDIRECTS:
                yield SafeResponse(answer, tuple(hosts))
                return
            target = checked_url(str(target.join(answer.headers.get("location", ""))), url, schemes)
        finally:
            await answer.aclose()
    raise refusal("it redirects too often.", url, "Give the address of the file itself.")


def _request(http: httpx.AsyncClient, target: httpx.URL, address: str, headers: Mapping[str, str]) -> httpx.Request:
    own = {
        "Host": target.netloc.decode("ascii"),
        "Accept": "*/*",
        "Accept-Encoding": "identity",  # a compressed answer could unfold beyond all limits
        "Connection": "close",  # never reuse a connection that was checked for another name
    }
    return http.build_request(
        "GET",
        target.copy_with(host=address, fragment=None),
        headers={**headers, **own},
        timeout=WAIT_S,
        extensions={"sni_hostname": target.raw_host.decode("ascii")},
    )


def checked_url(location: str, url: str, schemes: Collection[str] = frozenset({"http", "https"})) -> httpx.URL:
    """Return an address in parts, if it is one that could be asked; nothing is looked up yet.

    Args:
        location: The address.
        url: The one that the user gave, which may lead to it; a refusal tells its host.
        schemes: The schemes that may be used.

    Raises:
        MediaError: It cannot be used.
    """
    wanted = " or ".join(f"{scheme}://" for scheme in sorted(schemes, reverse=True))
    try:
        target = httpx.URL(location.strip())
        host = target.host  # decodes it, which finds names that are none (a ValueError)
    except (httpx.InvalidURL, ValueError) as error:
        raise refusal("this is not a valid address.", url, f"It must start with {wanted}.") from error
    if target.scheme not in {"http", "https"} or not host:
        raise refusal("this is not a web address.", url, f"It must start with {wanted}.")
    if target.scheme not in schemes:
        raise refusal(f"{target.scheme}:// addresses are not used.", url, f"It must start with {wanted}.")
    if target.userinfo:
        raise refusal("addresses with a user name or password are not used.", url, "Give a public address.")
    if not 0 < (443 if target.port is None else target.port) < 65536:
        raise refusal("the address has an impossible port.", url, "Check the address.")
    return target


async def _safe_address(target: httpx.URL, url: str, resolve: Resolve, *, allow_private: bool) -> str:
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        addresses = await resolve(target.raw_host.decode("ascii"), port)
    except (OSError, UnicodeError) as error:
        raise refusal("no server of that name can be found.", url, "Check the address.") from error
    if not addresses or not (allow_private or all(is_public(address) for address in addresses)):
        reason = "it does not lead to the public internet, so it is not fetched."
        raise refusal(reason, url, "Download the file yourself and upload it here.")
    return addresses[0]


async def download(
    url: str,
    folder: Path,
    *,
    http: httpx.AsyncClient,
    max_bytes: int,
    kinds: Collection[str],
    allow_private: bool = False,
    deadline_s: float = DEADLINE_S,
    resolve: Resolve = resolve_host,
    count: Callable[[int], Awaitable[None]] | None = None,
) -> Path:
    """Download a picture or clip and keep it under a name that says what it is.

    Args:
        url: ``http`` or ``https``, without a user name or password.
        folder: Where the file goes; nothing is left there when the download fails.
        http: A client without base URL, cookies or credentials; tests hand in one with a fake transport.
        max_bytes: Size at which the download is given up.
        kinds: Formats that are wanted, as :func:`kling_ui.media.probe.sniff` names them.
        allow_private: Also reach addresses that are not public; for a server that its user runs alone.
        deadline_s: Seconds for all of it.
        resolve: How to look up a host's addresses.
        count: Told of so many bytes before they are written; may refuse them by an error.

    Raises:
        MediaError: The address cannot be used, or what is there is not what was wanted.
    """
    part = folder / f".{uuid.uuid4().hex}.part"
    try:
        async with (
            asyncio.timeout(deadline_s),
            safe_request(url, http=http, resolve=resolve, allow_private=allow_private) as found,
        ):
            _refuse_bad(found.answer, url)
            await _save(found.answer, part, url, max_bytes, count)
        kind = _wanted(part, url, kinds)
        return part.replace(folder / f"{uuid.uuid4().hex}.{_EXTENSIONS.get(kind, kind)}")
    except TimeoutError as error:
        raise refusal(f"the download took longer than {deadline_s:.0f} s.", url, "Download it yourself.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = "Check the address, or download the file yourself and upload it here."
        raise refusal("it could not be reached.", url, advice) from error
    finally:
        part.unlink(missing_ok=True)


def _refuse_bad(answer: httpx.Response, url: str) -> None:
    advice = "Check that the address opens in a private browser window, without signing in."
    if not answer.is_success:
        raise refusal(f"the server answers with an error ({answer.status_code}).", url, advice)
    if answer.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise refusal("the server only sends it compressed.", url, "Download it yourself and upload it here.")


async def _save(
    answer: httpx.Response, part: Path, url: str, max_bytes: int, count: Callable[[int], Awaitable[None]] | None
) -> None:
    too_large = refusal(f"the file is larger than {max_bytes / 1e6:.0f} MB.", url, "Choose a smaller file.")
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    received = 0
    try:
        await anyio.Path(part.parent).mkdir(parents=True, exist_ok=True)
        async with await anyio.open_file(part, "wb") as file:
            async for chunk in answer.aiter_bytes(2**18):
                received += len(chunk)
                if received > max_bytes:
                    raise too_large
                if count is not None:
                    await count(len(chunk))
                await file.write(chunk)
    except OSError as error:
        raise refusal("the file cannot be stored.", url, "Free some space on this machine.") from error
    if announced.isdecimal() and received < int(announced):
        raise refusal("the download broke off.", url, "Try again.")


def _wanted(part: Path, url: str, kinds: Collection[str]) -> str:
    try:
        kind = sniff(part)
    except MediaError as error:
        raise refusal("there is nothing at this address.", url, "Check the address.") from error
    if kind not in kinds:
        advice = "Give the address of the file itself; opened in a browser it shows nothing else."
        raise refusal(f"what is there is {described(kind)}, not what is needed here.", url, advice)
    return kind
