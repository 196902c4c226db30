"""Fetching a job's inputs from their addresses."""

from pathlib import Path

import httpx

from kling_ui.errors import MediaError
from kling_ui.media.fetch import download
from kling_ui.media.signatures import IMAGE_FORMATS, VIDEO_FORMATS
from kling_ui.media.visit import Resolve, resolve_host
from kling_ui.preview.inputs import Kind

# The vendor's recommended limits (docs/vendor_api.md, section 8), decimal megabytes.
MAX_BYTES = {Kind.IMAGE: 50_000_000, Kind.VIDEO: 100_000_000}
_FORMATS = {Kind.IMAGE: IMAGE_FORMATS, Kind.VIDEO: VIDEO_FORMATS}


class InputFetch:
    """Downloads a job's inputs as a stranger would: no cookies, no credentials, public addresses only.

    Args:
        allow_private: Also take private addresses; for development only.
        transport: Another way to the network, for tests.
        resolve: Another way to look up hosts, for tests.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve = resolve_host,
    ) -> None:
        self._allow_private = allow_private
        self._transport = transport
        self._resolve = resolve

    async def __call__(self, url: str, folder: Path, *, kind: Kind) -> Path:
        """Download one input; see :class:`kling_ui.preview.inputs.Fetch`.

        Raises:
            MediaError: It may not or cannot be fetched; the reason names the input, not the address.
        """
        try:
            async with httpx.AsyncClient(transport=self._transport) as http:
                return await download(
                    url,
                    folder,
                    http=http,
                    max_bytes=MAX_BYTES[kind],
                    kinds=_FORMATS[kind],
                    allow_private=self._allow_private,
                    resolve=self._resolve,
                )
        except MediaError as error:
            raise MediaError(f"{kind.field_name} could not be fetched: {error.reason}", path=error.path) from error
