"""Trying an address as the engine will: from outside, knowing nothing; and what is wrong with it."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx

from kling_ui.checks.report import Severity
from kling_ui.errors import MediaError
from kling_ui.languages import Told, told
from kling_ui.media.safe_http import Resolve, host_of, is_public, refusal, resolve_host, safe_request
from kling_ui.media.signatures import HEAD_BYTES, IMAGE_FORMATS, VIDEO_FORMATS, described, signature
from kling_ui.options import InputKind
from kling_ui.runs.publishing.protocol import AddressFinding, InputFile, NoPublisherError

_SIGNERS = ("x-amz-", "x-goog-", "x-oss-")  # signature version 4 of S3, and its likenesses at Google and Alibaba
_SECONDS = ("expires", "exp", "expiry")  # S3 version 2, CloudFront, this app, and many a home-made scheme
_PLAUSIBLE_S = range(10**9, 10**11)  # seconds since 1970 from 2001 on; anything else means something else
PROBE_LIMIT_S = 20.0
_INSIDE = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
_TOTAL = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]{1,15})")
_REFUSED = {401: "it asks for a sign-in", 403: "it refuses strangers", 404: "nothing is there", 410: "nothing is there"}
# Nobody documents when RunComfy fetches; these are ours. A request may wait in the queue first.
EXPIRY_MIN_S = 15 * 60.0
EXPIRY_SAFE_S = 6 * 3600.0

_FORMATS = {InputKind.IMAGE: IMAGE_FORMATS, InputKind.VIDEO: VIDEO_FORMATS}
_NEEDED = {InputKind.IMAGE: "a picture", InputKind.VIDEO: "a video"}
_ANOTHER = "Give another address, or upload the file."


def expires_at(url: str) -> float | None:
    """Read when an address stops working.

    Args:
        url: Any address; only its query is looked at.

    Returns:
        Seconds since 1970, the earliest of all hints; ``None`` when there is none.
    """
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    readings = [
        *(_from_date_and_length(query, signer) for signer in _SIGNERS),
        *(_from_seconds(query.get(name, "")) for name in _SECONDS),
        _from_azure(query),
        _from_discord(query),
    ]
    return min((reading for reading in readings if reading is not None), default=None)


def _from_date_and_length(query: Mapping[str, str], signer: str) -> float | None:
    with suppress(ValueError, OverflowError):
        start = datetime.strptime(query.get(f"{signer}date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return (start + timedelta(seconds=int(query.get(f"{signer}expires", "")))).timestamp()
    return None


def _from_seconds(text: str) -> float | None:
    is_time = text.isascii() and text.isdigit() and len(text) <= 11 and int(text) in _PLAUSIBLE_S
    return float(text) if is_time else None


def _from_azure(query: Mapping[str, str]) -> float | None:
    if "sig" not in query:
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(query.get("se", ""))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _from_discord(query: Mapping[str, str]) -> float | None:
    if not {"is", "hm"} <= query.keys():
        return None
    with suppress(ValueError):
        return float(int(query.get("ex", ""), 16))
    return None


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


class UrlProbe:
    """Asks for the beginning of what an address holds: no cookies, no credentials, a plain GET for a range.

    It is a GET because presigned addresses answer nothing else, and a range because nothing more is needed.

    Args:
        http: A client without base URL or credentials.
        resolve: How to look up hosts.
        takes_http: The engine also takes ``http``: only a stand-in for the vendor does.
        limit_s: Seconds that one probe may take.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        resolve: Resolve = resolve_host,
        takes_http: bool = False,
        limit_s: float = PROBE_LIMIT_S,
    ) -> None:
        self._http = http
        self._resolve = resolve
        self._schemes = {"https", "http"} if takes_http else {"https"}
        self._limit_s = limit_s

    async def probe(self, url: str, *, ours: bool = False) -> AddressFacts:
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
                safe_request(
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


@dataclass(frozen=True, slots=True)
class CheckedCopy:
    """The file that was checked here.

    Attributes:
        size_bytes: Its size.
        head: Its first bytes, at most :data:`kling_ui.media.signatures.HEAD_BYTES`.
    """

    size_bytes: int
    head: bytes = field(repr=False)

    @classmethod
    def of(cls, path: Path) -> "CheckedCopy":
        """Read what is compared; blocking."""
        with path.open("rb") as file:
            return cls(path.stat().st_size, file.read(HEAD_BYTES))


def judge_address(
    facts: AddressFacts, role: InputKind, copy: CheckedCopy | None, now: float
) -> tuple[AddressFinding, ...]:
    """Judge an address by what a stranger found there.

    Args:
        facts: What was found.
        role: Which of the two files it should be.
        copy: The file that was checked here, if it came from there.
        now: Seconds since 1970.
    """
    found = (*_content(facts, role, copy), *_expiry(facts, role, now), *_manners(facts, role))
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def _content(facts: AddressFacts, role: InputKind, copy: CheckedCopy | None) -> Iterator[AddressFinding]:
    if facts.format not in _FORMATS[role]:
        message = Told(
            "The address of the {role} leads to {described}, not to {needed}.",
            role=role,
            described=described(facts.format),
            needed=_NEEDED[role],
        )
        yield AddressFinding("address.content", Severity.BLOCK, facts.format, message, _ANOTHER)
    elif copy is not None and not _same(facts, copy):
        message = Told("The address of the {role} holds another file now than the one that was checked.", role=role)
        yield AddressFinding("address.changed", Severity.BLOCK, facts.size_bytes, message, "Load it again.")


def _same(facts: AddressFacts, copy: CheckedCopy) -> bool:
    if facts.size_bytes is not None and facts.size_bytes != copy.size_bytes:
        return False
    return len(facts.head) > 0 and copy.head.startswith(facts.head)


def _expiry(facts: AddressFacts, role: InputKind, now: float) -> Iterator[AddressFinding]:
    if facts.expires_at is None or (left_s := facts.expires_at - now) >= EXPIRY_SAFE_S:
        return
    if left_s < EXPIRY_MIN_S:
        state = "has expired" if left_s <= 0 else "expires within minutes"
        message = Told("The address of the {role} {state}.", role=role, state=told(state))
        yield AddressFinding("address.expiry", Severity.BLOCK, round(left_s), message, _ANOTHER)
    else:
        left = f"{left_s / 60:.0f} minutes" if left_s < 2 * 3600 else f"{left_s / 3600:.0f} hours"
        message = Told(
            "The address of the {role} works for {left} only, and a run may wait longer than that.",
            role=role,
            left=left,
        )
        yield AddressFinding("address.expiry", Severity.WARN, round(left_s), message, _ANOTHER)


def _manners(facts: AddressFacts, role: InputKind) -> Iterator[AddressFinding]:
    if not facts.media_type.startswith(f"{role}/"):
        vague = facts.media_type in {"", "application/octet-stream", "binary/octet-stream"}
        severity = Severity.HINT if vague else Severity.WARN
        message = Told(
            "The server of the {role} calls it {kind}, not {role}/..., and may be believed.",
            role=role,
            kind=facts.media_type or "nothing",
        )
        yield AddressFinding("address.type", severity, facts.media_type, message, "Upload the file instead.")
    if len(facts.hosts) > 1:
        message = Told(
            "The address of the {role} leads on to {host}; RunComfy does not say that it follows.",
            role=role,
            host=facts.hosts[-1],
        )
        advice = "Give the address that it leads to, if that one lasts."
        yield AddressFinding("address.redirect", Severity.HINT, len(facts.hosts) - 1, message, advice)


async def confirm(url: str, source: InputFile, role: InputKind, *, probe: UrlProbe, now: float) -> None:
    """Make sure that an address that we made leads a stranger to exactly this file.

    Args:
        url: The address.
        source: The file.
        role: Which of the two it is.
        probe: Tries it.
        now: Seconds since 1970.

    Raises:
        NoPublisherError: It does not; the message is the reason alone.
    """
    try:
        facts = await probe.probe(url, ours=True)
    except MediaError as error:
        raise NoPublisherError(error.reason) from None
    copy = await asyncio.to_thread(CheckedCopy.of, source.path)
    blocks = [found.message for found in judge_address(facts, role, copy, now) if found.severity is Severity.BLOCK]
    if blocks:
        raise NoPublisherError(" ".join(blocks))
