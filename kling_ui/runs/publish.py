"""From a local file to an address that an engine can fetch.

The way out of this machine is chosen before anything is sent, so that a file that cannot travel costs nothing.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from kling_ui.errors import MediaError
from kling_ui.media.signatures import HEAD_BYTES, signature

# What the vendor's own ComfyUI nodes send inside a request (CONTRACT section 8); unconfirmed for this model.
DATA_URI_IMAGE_MAX_BYTES = 6 * 2**20
DATA_URI_VIDEO_MAX_BYTES = 32 * 2**20

MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "matroska": "video/x-matroska",
}
DATA_URI_NOTE = (
    "The files travel inside the request itself. The vendor's own nodes do the same, "
    "but it is not confirmed for this model."
)


@dataclass(frozen=True, slots=True)
class Source:
    """One of a run's two files.

    Attributes:
        path: The copy kept with the run.
        url: A public address of exactly this file, when its visitor gave one.
    """

    path: Path
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Published:
    """Where an engine finds the two files; the addresses may be secrets and are never written down.

    Attributes:
        image_url: Of the character image.
        video_url: Of the reference video.
        note: What a person should know about the way the files travel; may be empty.
        close: Takes the files back, once the engine no longer needs them.
    """

    image_url: str = field(repr=False)
    video_url: str = field(repr=False)
    note: str = ""
    close: Callable[[], None] = field(default=lambda: None, repr=False)


class Publisher(Protocol):
    """A way for files to reach an engine."""

    async def publish(self, image: Source, reference: Source) -> Published:
        """Make both files fetchable.

        Raises:
            KlingUIError: There is no way for one of them; nothing has been sent.
        """
        ...


class Offers(Protocol):
    """A service in this very process that reads local files."""

    def offer(self, path: Path) -> str:
        """Take a file and return the path of an address that only the service understands."""
        ...

    def withdraw(self, address: str) -> None:
        """Forget such an address."""
        ...


class OfferPublisher:
    """Hands local files to a service in this very process.

    Args:
        offers: The service.
        origin: Its scheme and host.
    """

    def __init__(self, offers: Offers, origin: str) -> None:
        self._offers = offers
        self._origin = origin

    async def publish(self, image: Source, reference: Source) -> Published:
        """Offer both files."""
        addresses = self._offers.offer(image.path), self._offers.offer(reference.path)

        def close() -> None:
            for address in addresses:
                self._offers.withdraw(address)

        return Published(self._origin + addresses[0], self._origin + addresses[1], close=close)


class InlinePublisher:
    """Passes a visitor's public address on; a local file travels inside the request as a ``data:`` URI."""

    async def publish(self, image: Source, reference: Source) -> Published:
        """Choose the way of each file.

        Raises:
            MediaError: A file is too large to travel inside the request.
        """
        image_url = await self._address(image, DATA_URI_IMAGE_MAX_BYTES)
        video_url = await self._address(reference, DATA_URI_VIDEO_MAX_BYTES)
        is_inline = image_url.startswith("data:") or video_url.startswith("data:")
        return Published(image_url, video_url, note=DATA_URI_NOTE if is_inline else "")

    async def _address(self, source: Source, max_bytes: int) -> str:
        if source.url is not None and urlsplit(source.url).scheme == "https":  # the vendor takes nothing else
            return source.url
        return await asyncio.to_thread(data_uri, source.path, max_bytes)


def data_uri(path: Path, max_bytes: int) -> str:
    """Return a file as a ``data:`` URI.

    Args:
        path: A file whose content is one of :data:`MEDIA_TYPES`.
        max_bytes: The largest file that may travel so.

    Raises:
        MediaError: It is larger, or no kind of file that can travel so.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise MediaError(
            f"it has {size / 2**20:.1f} MiB; at most {max_bytes / 2**20:.0f} MiB can travel inside a request "
            "to RunComfy. Nothing was sent.",
            path=path,
            advice="Use a smaller file, or give the public https address of the file instead.",
        )
    content = path.read_bytes()
    media_type = MEDIA_TYPES.get(signature(content[:HEAD_BYTES]))
    if media_type is None:
        raise MediaError(
            "RunComfy cannot be given a file of this kind. Nothing was sent.",
            path=path,
            advice="Choose a JPEG or PNG image and an MP4 or MOV video.",
        )
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
