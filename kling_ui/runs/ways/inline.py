"""Files that travel inside the request itself, as ``data:`` URIs."""

import asyncio
import base64
import math
from pathlib import Path

from kling_ui.media.signatures import HEAD_BYTES, described, signature
from kling_ui.runs.publish import Loan, NoWayError, Role, Source

# What the vendor's own ComfyUI nodes send inside a request (docs/vendor_api.md, section 8); unconfirmed for this model.
# Together they stay below the 64 MiB that those nodes allow for a whole request.
MAX_BYTES = {Role.IMAGE: 6 * 2**20, Role.VIDEO: 32 * 2**20}
WORDS = "inside the request itself. RunComfy's own nodes send files so, but it is not confirmed for this model."

MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "matroska": "video/x-matroska",
}


class InlineWay:
    """Puts small files into the request."""

    async def lend(self, source: Source, role: Role) -> Loan:
        """Turn the file into a ``data:`` URI.

        Raises:
            NoWayError: It is too large, or of no kind that can travel so.
        """
        return Loan(await asyncio.to_thread(data_uri, source.path, role, MAX_BYTES[role]), WORDS)

    async def take_back(self, source: Source) -> None:
        """Do nothing: the file has gone along."""


def media_type_of(head: bytes, role: Role) -> str:
    """Return the media type of a file that begins so.

    Raises:
        NoWayError: It is no kind that RunComfy can be given.
    """
    name = signature(head)
    media_type = MEDIA_TYPES.get(name, "")
    if not media_type.startswith(f"{role}/"):
        raise NoWayError(f"The {role} is {described(name)}, which RunComfy cannot be given.")
    return media_type


def data_uri(path: Path, role: Role, max_bytes: int) -> str:
    """Return a file as a ``data:`` URI; blocking.

    Args:
        path: The file.
        role: Which of the two it is.
        max_bytes: The largest file that may travel so.

    Raises:
        NoWayError: It is larger, or no kind of file that can travel so.
    """
    size_bytes = path.stat().st_size
    if size_bytes > max_bytes:
        size_mib = math.ceil(size_bytes / 2**20 * 10) / 10  # never shown as small as the limit
        limit = f"at most {max_bytes / 2**20:.0f} MiB can travel inside a request"
        raise NoWayError(f"The {role} has {size_mib:.1f} MiB; {limit}.")
    content = path.read_bytes()
    media_type = media_type_of(content[:HEAD_BYTES], role)
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
