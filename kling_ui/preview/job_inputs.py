"""Where a job's two files come from: offered by this process, inline in the request, or fetched from an address."""

import base64
import binascii
import secrets
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes, urlsplit

import httpx

from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.safe_http import Resolve, download, resolve_host
from kling_ui.media.signatures import IMAGE_FORMATS, IMAGE_MAX_BYTES, VIDEO_FORMATS, VIDEO_MAX_BYTES
from kling_ui.options import InputKind
from kling_ui.own_hosts import Origin
from kling_ui.preview.service_errors import invalid_field

OFFERS_ORIGIN = "http://preview.localhost"  # never leaves this process
OFFERS_PATH = "/v1/inputs/"


class Fetch(Protocol):
    """Downloads what an address holds into a folder, and refuses what must not be asked for."""

    async def __call__(self, url: str, folder: Path, *, kind: InputKind) -> Path:
        """Return the file.

        Raises:
            KlingUIError: It may not or cannot be fetched.
        """
        ...


class Inputs:
    """The inputs of all jobs.

    Args:
        fetch: Downloads addresses.
        origin: Under which this process puts its offers; the same path elsewhere is an address like any other.
    """

    def __init__(self, fetch: Fetch, origin: str = OFFERS_ORIGIN) -> None:
        self._fetch = fetch
        self._origin = Origin.parse(origin)
        self._offered: dict[str, Path] = {}

    def offer(self, path: Path) -> str:
        """Let jobs read a local file of any size.

        Returns:
            A path to put behind the origin. Only this process can make one, and nobody can guess it.
        """
        address = OFFERS_PATH + secrets.token_urlsafe(24)
        self._offered[address] = path
        return address

    def withdraw(self, address: str) -> None:
        """Take an offer back; jobs that have not begun lose the file."""
        self._offered.pop(address, None)

    def store_inline(self, url: str, kind: InputKind, folder: Path) -> str:
        """Turn a data URI into a file in ``folder``; other addresses need nothing yet. Blocks for large ones.

        Returns:
            What :meth:`fetch` and :meth:`open` take: nothing for what is in the folder.

        Raises:
            ServiceError: The data URI holds no base64 data of this kind.
        """
        if url[:5].lower() != "data:":
            return url
        header, _, data = url.partition(",")
        if not header[5:].lower().startswith(f"{kind}/"):
            raise invalid_field(field_name(kind), f"must be a data URI of type {kind}/...")
        try:
            content = base64.b64decode(unquote_to_bytes(data) if "%" in data else data, validate=True)
        except (binascii.Error, ValueError):
            raise invalid_field(field_name(kind), "is not valid base64") from None
        if not content:
            raise invalid_field(field_name(kind), "holds no data")
        (folder / kind.value).write_bytes(content)
        return ""

    def is_elsewhere(self, url: str) -> bool:
        """Tell whether an input has to be fetched before it can be opened."""
        return bool(url) and self._offer_in(url) is None

    async def fetch(self, url: str, kind: InputKind, folder: Path) -> str:
        """Bring an input that is elsewhere into ``folder``.

        Returns:
            What :meth:`open` takes.

        Raises:
            KlingUIError: It cannot be had.
        """
        if not self.is_elsewhere(url):
            return url
        (await self._fetch(url, folder, kind=kind)).replace(folder / kind.value)
        return ""

    def open(self, url: str, kind: InputKind, folder: Path) -> Path:
        """Return the file behind what :meth:`fetch` returned.

        Raises:
            MediaError: It is not there any more.
        """
        if not url:
            return folder / kind.value
        path = self._offered.get(self._offer_in(url) or "")
        if path is None or not path.is_file():
            raise MediaError("The file is no longer there.", path=Path(kind.value))
        return path

    def _offer_in(self, url: str) -> str | None:
        path = urlsplit(url).path
        if self._origin is None or not path.startswith(OFFERS_PATH) or (found := Origin.parse(url)) is None:
            return None
        return path if found.is_same(self._origin) else None


MAX_BYTES = {InputKind.IMAGE: IMAGE_MAX_BYTES, InputKind.VIDEO: VIDEO_MAX_BYTES}
_FORMATS = {InputKind.IMAGE: IMAGE_FORMATS, InputKind.VIDEO: VIDEO_FORMATS}


class InputFetch:
    """Downloads a job's inputs as anybody could: no cookies, no credentials, public addresses only.

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

    async def __call__(self, url: str, folder: Path, *, kind: InputKind) -> Path:
        """Download one input; see :class:`kling_ui.preview.job_inputs.Fetch`.

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
            raise MediaError(
                Told("{field_name} could not be fetched: {reason}", field_name=field_name(kind), reason=error.reason),
                path=error.path,
            ) from error


def field_name(kind: InputKind) -> str:
    """Name the input as the contract does."""
    return f"{kind}_url"
