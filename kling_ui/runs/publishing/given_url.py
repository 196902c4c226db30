"""Files that need no place of ours: the visitor's own address, tried first, or data inside the request."""

import asyncio
import base64
import math
import time
from collections.abc import Callable
from pathlib import Path

from kling_ui.checks.report import Severity
from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.safe_http import host_of
from kling_ui.media.signatures import HEAD_BYTES, described, signature
from kling_ui.options import InputKind
from kling_ui.runs.publishing.protocol import (
    AddressFinding,
    Channel,
    Delivery,
    InputFile,
    NoPublisherError,
    PublishedFile,
)
from kling_ui.runs.publishing.url_probe import CheckedCopy, UrlProbe, judge_address

# What the vendor's own ComfyUI nodes send inside a request (docs/vendor_api.md, section 8); unconfirmed for this model.
# Together they stay below the 64 MiB that those nodes allow for a whole request.
MAX_BYTES = {InputKind.IMAGE: 6 * 2**20, InputKind.VIDEO: 32 * 2**20}

MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "matroska": "video/x-matroska",
}


async def examine(
    url: str, role: InputKind, *, probe: UrlProbe, now: float, copy: CheckedCopy | None = None
) -> tuple[AddressFinding, ...]:
    """Try an address as an engine would, and tell everything that is wrong with it.

    Args:
        url: The address.
        role: What should be there.
        probe: Tries it.
        now: Seconds since 1970.
        copy: What was checked here, if it came from there.

    Returns:
        Findings, what matters most first; a block means that the engine cannot use the address.
    """
    try:
        facts = await probe.probe(url)
    except MediaError as error:
        message = Told("The address of the {role} cannot be used: {reason}", role=role, reason=error.reason)
        return (AddressFinding("address.reach", Severity.BLOCK, None, message, error.advice),)
    return judge_address(facts, role, copy, now)


class GivenUrlPublisher:
    """Passes on the public address that the visitor gave.

    Args:
        probe: Tries it first.
        clock: Seconds since 1970.
    """

    def __init__(self, probe: UrlProbe, *, clock: Callable[[], float] = time.time) -> None:
        self._probe = probe
        self._clock = clock

    async def publish(self, source: InputFile, role: InputKind) -> PublishedFile | None:
        """Try the address and pass it on as it is.

        Raises:
            NoPublisherError: A stranger does not find the file there.
        """
        if source.url is None:
            return None
        copy = await asyncio.to_thread(CheckedCopy.of, source.path)
        findings = await examine(source.url, role, probe=self._probe, now=self._clock(), copy=copy)
        blocks = [finding.message for finding in findings if finding.severity is Severity.BLOCK]
        if blocks:
            raise NoPublisherError(" ".join(blocks))
        delivery = Delivery(Channel.GIVEN_ADDRESS, host_of(source.url), findings=findings)
        return PublishedFile(source.url, delivery)

    async def foresee(self, source: InputFile, role: InputKind) -> Delivery | None:  # noqa: ARG002  all are asked alike
        """Tell that RunComfy would be given the address, if there is one."""
        return None if source.url is None else Delivery(Channel.GIVEN_ADDRESS, host_of(source.url))

    async def take_back(self, source: InputFile) -> None:
        """Do nothing: the file is not ours."""


class DataUriPublisher:
    """Puts small files into the request."""

    async def publish(self, source: InputFile, role: InputKind) -> PublishedFile:
        """Turn the file into a ``data:`` URI.

        Raises:
            NoPublisherError: It is too large, or of no kind that can travel so.
        """
        uri = await asyncio.to_thread(data_uri, source.path, role, MAX_BYTES[role])
        return PublishedFile(uri, Delivery(Channel.INLINE))

    async def foresee(self, source: InputFile, role: InputKind) -> Delivery:
        """Tell that the file would be part of the request.

        Raises:
            NoPublisherError: It is too large, or of no kind that can travel so.
        """
        await asyncio.to_thread(inline_type, source.path, role, MAX_BYTES[role])
        return Delivery(Channel.INLINE)

    async def take_back(self, source: InputFile) -> None:
        """Do nothing: the file has gone along."""


def media_type_of(head: bytes, role: InputKind) -> str:
    """Return the media type of a file that begins so.

    Raises:
        NoPublisherError: It is no kind that RunComfy can be given.
    """
    name = signature(head)
    media_type = MEDIA_TYPES.get(name, "")
    if not media_type.startswith(f"{role}/"):
        raise NoPublisherError(
            Told("The {role} is {described}, which RunComfy cannot be given.", role=role, described=described(name))
        )
    return media_type


def inline_type(path: Path, role: InputKind, max_bytes: int) -> str:
    """Return the media type of a file that may travel inside a request; blocking.

    Args:
        path: The file.
        role: Which of the two it is.
        max_bytes: The largest file that may travel so.

    Raises:
        NoPublisherError: It is larger, or no kind of file that can travel so.
    """
    size_bytes = path.stat().st_size
    if size_bytes > max_bytes:
        size_mib = math.ceil(size_bytes / 2**20 * 10) / 10  # never shown as small as the limit
        limit = Told("at most {max_bytes:.0f} MiB can travel inside a request", max_bytes=max_bytes / 2**20)
        raise NoPublisherError(
            Told("The {role} has {size_mib:.1f} MiB; {limit}.", role=role, size_mib=size_mib, limit=limit)
        )
    with path.open("rb") as file:
        return media_type_of(file.read(HEAD_BYTES), role)


def data_uri(path: Path, role: InputKind, max_bytes: int) -> str:
    """Return a file as a ``data:`` URI; blocking. Arguments and errors as for :func:`inline_type`."""
    media_type = inline_type(path, role, max_bytes)
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
