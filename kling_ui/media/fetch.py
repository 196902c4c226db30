"""Downloading a file from an address that a user gave, without letting it reach into our own network.

The host's addresses are looked up here, checked, and the connection goes to exactly the checked one, so that a name
cannot change its meaning in between; every redirect is checked likewise. Messages name the host only: addresses may
carry signatures.
"""

import asyncio
import socket
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import anyio
import httpx

from kling_ui.errors import MediaError
from kling_ui.media.signatures import described, sniff

REDIRECTS_MAX = 5
DEADLINE_S = 120.0
_WAIT_S = 15.0  # for a connection, or for the next bytes
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXTENSIONS = {"jpeg": "jpg", "matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "heif": "heic"}
# Ranges in which an IPv4 address hides inside an IPv6 one: NAT64 (RFC 6052, 8215) and 6to4.
_TUNNELS = tuple(ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve_host(host: str, port: int) -> list[str]:
    """Look up a host's addresses with the system's resolver.

    Raises:
        OSError: It has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


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

    Raises:
        MediaError: The address cannot be used, or what is there is not what was wanted.
    """
    name = Path(_host_of(url) or "address")
    part = folder / f".{uuid.uuid4().hex}.part"
    try:
        async with (
            asyncio.timeout(deadline_s),
            _answer(url, name, http, resolve, allow_private=allow_private) as answer,
        ):
            await _save(answer, part, name, max_bytes)
        kind = _wanted(part, name, kinds)
        return part.replace(folder / f"{uuid.uuid4().hex}.{_EXTENSIONS.get(kind, kind)}")
    except TimeoutError as error:
        raise _failure(f"the download took longer than {deadline_s:.0f} s.", name, "Download it yourself.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = "Check the address, or download the file yourself and upload it here."
        raise _failure("it could not be reached.", name, advice) from error
    finally:
        part.unlink(missing_ok=True)


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet, seen through every kind of embedding."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not parsed.is_multicast
    return parsed.is_global and not parsed.is_multicast and not any(parsed in tunnel for tunnel in _TUNNELS)


@asynccontextmanager
async def _answer(
    url: str, name: Path, http: httpx.AsyncClient, resolve: Resolve, *, allow_private: bool
) -> AsyncGenerator[httpx.Response]:
    target = _checked(url, name)
    for _ in range(REDIRECTS_MAX + 1):
        address = await _safe_address(target, name, resolve, allow_private=allow_private)
        answer = await http.send(_request(http, target, address), stream=True, auth=None, follow_redirects=False)
        try:
            if answer.status_code not in _REDIRECTS:
                _refuse_bad(answer, name)
                yield answer
                return
            target = _checked(str(target.join(answer.headers.get("location", ""))), name)
        finally:
            await answer.aclose()
    raise _failure("it redirects too often.", name, "Give the address of the file itself.")


def _request(http: httpx.AsyncClient, target: httpx.URL, address: str) -> httpx.Request:
    return http.build_request(
        "GET",
        target.copy_with(host=address, fragment=None),
        headers={
            "Host": target.netloc.decode("ascii"),
            "Accept": "*/*",
            "Accept-Encoding": "identity",  # a compressed answer could unfold beyond all limits
            "Connection": "close",  # never reuse a connection that was checked for another name
        },
        timeout=_WAIT_S,
        extensions={"sni_hostname": target.raw_host.decode("ascii")},
    )


def _checked(url: str, name: Path) -> httpx.URL:
    try:
        target = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise _failure("this is not a valid address.", name, "It must start with https:// or http://.") from error
    if target.scheme not in {"http", "https"} or not target.host:
        raise _failure("this is not a web address.", name, "It must start with https:// or http://.")
    if target.userinfo:
        raise _failure("addresses with a user name or password are not used.", name, "Give a public address.")
    if not 0 < (target.port or 443) < 65536:
        raise _failure("the address has an impossible port.", name, "Check the address.")
    return target


async def _safe_address(target: httpx.URL, name: Path, resolve: Resolve, *, allow_private: bool) -> str:
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        addresses = await resolve(target.raw_host.decode("ascii"), port)
    except (OSError, UnicodeError) as error:
        raise _failure("no server of that name can be found.", name, "Check the address.") from error
    if not addresses or not (allow_private or all(is_public(address) for address in addresses)):
        reason = "it does not lead to the public internet, so it is not fetched."
        raise _failure(reason, name, "Download the file yourself and upload it here.")
    return addresses[0]


def _refuse_bad(answer: httpx.Response, name: Path) -> None:
    advice = "Check that the address opens in a private browser window, without signing in."
    if not answer.is_success:
        raise _failure(f"the server answers with an error ({answer.status_code}).", name, advice)
    if answer.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise _failure("the server only sends it compressed.", name, "Download it yourself and upload it here.")


async def _save(answer: httpx.Response, part: Path, name: Path, max_bytes: int) -> None:
    too_large = _failure(f"the file is larger than {max_bytes / 1e6:.0f} MB.", name, "Choose a smaller file.")
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
                await file.write(chunk)
    except OSError as error:
        raise _failure("the file cannot be stored.", name, "Free some space on this machine.") from error
    if announced.isdecimal() and received < int(announced):
        raise _failure("the download broke off.", name, "Try again.")


def _wanted(part: Path, name: Path, kinds: Collection[str]) -> str:
    try:
        kind = sniff(part)
    except MediaError as error:
        raise _failure("there is nothing at this address.", name, "Check the address.") from error
    if kind not in kinds:
        advice = "Give the address of the file itself; opened in a browser it shows nothing else."
        raise _failure(f"what is there is {described(kind)}, not what is needed here.", name, advice)
    return kind


def _failure(reason: str, name: Path, advice: str) -> MediaError:
    return MediaError(reason, path=name, advice=advice)


def _host_of(url: str) -> str:
    try:
        return httpx.URL(url.strip()).host
    except httpx.InvalidURL:
        return ""
