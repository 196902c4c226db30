"""This app itself as the place where the engine fetches a run's files, by signed addresses that expire."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from kling_ui import signing
from kling_ui.errors import KlingUIError
from kling_ui.languages import Told
from kling_ui.media.safe_http import host_of
from kling_ui.media.signatures import sniff
from kling_ui.options import InputKind
from kling_ui.runs.publishing.given_url import MEDIA_TYPES
from kling_ui.runs.publishing.protocol import Channel, Delivery, InputFile, NoPublisherError, PublishedFile
from kling_ui.runs.publishing.url_probe import UrlProbe, confirm

KEY_FILE = "lending.key"
PATH = "/lent"
_PLACE = re.compile(r"[0-9a-f]{32}/(?:image|reference)(?:-sent)?\.[a-z0-9]{1,8}")  # as RunFolders names them, or a copy
_UNTIL = re.compile(r"[0-9]{1,12}")
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class PublicFiles:
    """Signs addresses of runs' inputs and opens only what it signed.

    Args:
        runs: The folder that holds one folder a run.
        key: Behind the signatures.
    """

    def __init__(self, runs: Path, key: bytes) -> None:
        self._runs = runs.resolve()
        self._key = key

    def sign(self, path: Path, until: int) -> str:
        """Make the address of an input, to go on after the app's own.

        Args:
            path: One of a run's two inputs, in the run's folder.
            until: When the address stops working, seconds since 1970.

        Raises:
            ValueError: The path is nothing of that kind.
        """
        place = path.resolve().relative_to(self._runs).as_posix()
        if not _PLACE.fullmatch(place):
            raise ValueError("Only the inputs of runs can be published.")
        return f"{PATH}/{place}?expires={until}&signature={self._signature(place, str(until))}"

    def open(self, place: str, until: str, signature: str, now: float) -> Path | None:
        """Return the file of an address, or ``None`` when it was not signed here, has expired or holds nothing.

        Args:
            place: Run and file name, as in the address.
            until: When it stops working, as in the address.
            signature: As in the address.
            now: Seconds since 1970.
        """
        if not signing.is_same(signature, self._signature(place, until)):
            return None
        if not _PLACE.fullmatch(place) or not _UNTIL.fullmatch(until) or int(until) <= now:
            return None
        path = (self._runs / place).resolve()
        return path if path.is_relative_to(self._runs) and path.is_file() else None

    def _signature(self, place: str, until: str) -> str:
        return signing.signature(self._key, PATH, place, until)


class PublicFilesPublisher:
    """Publishes files at this app's own public address.

    Args:
        files: Signs the addresses.
        outside_url: Where the outside world reaches this app.
        probe: Tries an address before it is used: the app may be private after all.
        publish_hours: For how long an address works at most.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        files: PublicFiles,
        outside_url: str,
        probe: UrlProbe,
        *,
        publish_hours: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files = files
        self._outside_url = outside_url
        self._probe = probe
        self._publish_hours = publish_hours
        self._clock = clock

    async def publish(self, source: InputFile, role: InputKind) -> PublishedFile:
        """Sign an address of the file.

        Raises:
            NoPublisherError: The outside world cannot fetch it from there.
        """
        now = self._clock()
        url = self._outside_url + self._files.sign(source.path, int(now) + self._publish_hours * 3600)
        host = host_of(url)
        try:
            await confirm(url, source, role, probe=self._probe, now=now)
        except NoPublisherError as error:
            raise NoPublisherError(
                Told("This app cannot be reached from outside at {host}: {message}", host=host, message=error.message)
            ) from None
        return PublishedFile(url, Delivery(Channel.APP_ADDRESS, host, self._publish_hours))

    async def foresee(self, source: InputFile, role: InputKind) -> Delivery:  # noqa: ARG002  all are asked alike
        """Tell that RunComfy would fetch the file from this app."""
        return Delivery(Channel.APP_ADDRESS, host_of(self._outside_url), self._publish_hours)

    async def take_back(self, source: InputFile) -> None:
        """Do nothing: the address stops working with the run."""


def published_files_route(
    files: PublicFiles, may_be_fetched: Callable[[str], Awaitable[bool]], *, clock: Callable[[], float] = time.time
) -> Route:
    """Make the route that serves signed addresses, byte ranges included; everything else is "Not found".

    Args:
        files: Opens what it signed.
        may_be_fetched: Tells of a run's id whether its engine may need the files at the moment.
        clock: Seconds since 1970.
    """

    async def published(request: Request) -> Response:
        query: Any = request.query_params
        place = f"{request.path_params['run_id']}/{request.path_params['name']}"
        until, signature = query.get("expires", ""), query.get("signature", "")
        path = await asyncio.to_thread(files.open, place, until, signature, clock())
        try:
            if path is None or not await may_be_fetched(path.parent.name):
                return PlainTextResponse("Not found", 404, _HEADERS)
            media_type = MEDIA_TYPES.get(await asyncio.to_thread(sniff, path), "application/octet-stream")
        except KlingUIError:
            return PlainTextResponse("Try again", 503, {**_HEADERS, "Retry-After": "5"})
        return FileResponse(path, media_type=media_type, headers=_HEADERS)

    return Route(f"{PATH}/{{run_id}}/{{name}}", published, methods=["GET", "HEAD"])
