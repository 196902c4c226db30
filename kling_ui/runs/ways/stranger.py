"""Looking at an address as the engine will: from outside, knowing nothing, bringing nothing."""

import asyncio
import re
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpx

from kling_ui.media.signatures import HEAD_BYTES, signature
from kling_ui.media.visit import Resolve, host_of, is_public, refusal, resolve_host, visit
from kling_ui.runs.ways.expiry import expires_at

LOOK_LIMIT_S = 20.0
_INSIDE = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
_TOTAL = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]{1,15})")
_REFUSED = {401: "it asks for a sign-in", 403: "it refuses strangers", 404: "nothing is there", 410: "nothing is there"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFacts:
    """What a stranger finds at an address.

    Attributes:
        hosts: The hosts that were asked: one for each redirect, then the one that answered.
        media_type: What the server calls it, in lower case without parameters; empty when it says nothing.
        size_bytes: Its whole size, when the server tells.
        head: Its first bytes, at most :data:`kling_ui.media.signatures.HEAD_BYTES`.
        expires_at: When the address stops working, seconds since 1970, if it says so.
    """

    hosts: tuple[str, ...]
    media_type: str
    size_bytes: int | None
    head: bytes = field(repr=False)
    expires_at: float | None = None

    @property
    def format(self) -> str:
        """What it is by its first bytes; see :func:`kling_ui.media.signatures.signature`."""
        return signature(self.head)


class Stranger:
    """Asks for the beginning of what an address holds: no cookies, no credentials, a plain GET for a range.

    It is a GET because presigned addresses answer nothing else, and a range because nothing more is needed.

    Args:
        http: A client without base URL or credentials.
        resolve: How to look up hosts.
        takes_http: The engine also takes ``http``: only a stand-in for the vendor does.
        limit_s: Seconds that one look may take.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        resolve: Resolve = resolve_host,
        takes_http: bool = False,
        limit_s: float = LOOK_LIMIT_S,
    ) -> None:
        self._http = http
        self._resolve = resolve
        self._schemes = {"https", "http"} if takes_http else {"https"}
        self._limit_s = limit_s

    async def look(self, url: str, *, ours: bool = False) -> AddressFacts:
        """Look at an address.

        Args:
            url: The address; no message repeats more of it than the host.
            ours: Whoever runs this app chose the address, so it may lead into our own network: seen from inside,
                names can mean other machines than seen from outside.

        Raises:
            MediaError: A stranger gets nothing there; its ``reason`` says why.
        """
        if ours and "http" not in self._schemes and is_inside(host_of(url)):
            raise refusal("it is the address of a private network.", url, "Set one that the outside world can reach.")
        ranged = {"Range": f"bytes=0-{HEAD_BYTES - 1}"}
        try:
            async with (
                asyncio.timeout(self._limit_s),
                visit(
                    url,
                    http=self._http,
                    resolve=self._resolve,
                    schemes=self._schemes,
                    allow_private=ours,
                    headers=ranged,
                ) as found,
            ):
                _refuse(found.answer, url)
                return AddressFacts(
                    hosts=found.hosts,
                    media_type=found.answer.headers.get("content-type", "").partition(";")[0].strip().lower(),
                    size_bytes=_size_bytes(found.answer),
                    head=await _head(found.answer),
                    expires_at=expires_at(url),
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            # the error itself knows the whole address, so it is not kept as the cause
            raise refusal("it could not be reached.", url, "Check the address.") from None


def is_inside(host: str) -> bool:
    """Tell whether a host is plainly one of a private network, without looking it up."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_INSIDE)
    return not is_public(host)


def _refuse(answer: httpx.Response, url: str) -> None:
    status = answer.status_code
    if status not in {200, 206}:
        reason = f"{_REFUSED.get(status, 'the server answers with an error')} ({status})."
        raise refusal(reason, url, "Try it in a private browser window, without signing in.")
    if answer.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise refusal("the server only sends it compressed.", url, "Upload the file instead.")


def _size_bytes(answer: httpx.Response) -> int | None:
    if answer.status_code == 206:
        total = _TOTAL.fullmatch(answer.headers.get("content-range", "").strip())
        return int(total.group(1)) if total else None
    length = answer.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


async def _head(answer: httpx.Response) -> bytes:
    head = b""
    async for chunk in answer.aiter_bytes():
        head += chunk
        if len(head) >= HEAD_BYTES:  # a server that ignores ranges would go on
            break
    return head[:HEAD_BYTES]
