"""Fetching a finished video: without the token, from trusted hosts only, whole or not at all."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import httpx

from kling_ui.errors import APIConnectionError, MediaError, UnexpectedResponseError
from kling_ui.media.signatures import sniff_video

RESULT_MAX_BYTES = 2 * 2**30  # 30 s of video have some ten MB; this only bounds a fault
FETCH_LIMIT_S = 600.0
REDIRECTS_MAX = 5
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class VideoFetch:
    """One video on its way here; a try that breaks off is gone on with by the next.

    Args:
        http: A client that carries no token.
        part: Where to write; whatever lies there is replaced.
        trusted: Tells whether an address may be fetched; asked again for every redirect.
        max_bytes: The largest video to take.
        limit_s: The longest time that one try may take, in seconds.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        part: Path,
        *,
        trusted: Callable[[str], bool],
        max_bytes: int = RESULT_MAX_BYTES,
        limit_s: float = FETCH_LIMIT_S,
    ) -> None:
        self._http = http
        self._part = part
        self._trusted = trusted
        self._max_bytes = max_bytes
        self._limit_s = limit_s
        self._size_bytes = 0
        self._version = ""  # the strong ETag of what is here already

    def start_over(self) -> None:
        """Take the video from its beginning with the next try; what is here already is no good."""
        self._size_bytes = 0

    async def attempt(self, url: str) -> str:
        """Fetch the video, or the rest of it.

        Args:
            url: Where the video lies; it may be a secret, so no message repeats it.

        Returns:
            The video's container by its content, such as ``"mp4"``.

        Raises:
            APIConnectionError: It did not come for a reason that may pass.
            UnexpectedResponseError: The address is not one to fetch from, or what lies there is no video.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                await self._follow(url)
            return await asyncio.to_thread(sniff_video, self._part)
        except (httpx.RequestError, TimeoutError) as error:
            raise APIConnectionError("The connection broke while the video was fetched.") from error
        except MediaError as error:
            self.start_over()
            raise UnexpectedResponseError(f"What came back is not a video: {error.reason}") from error
        except OSError as error:
            self.start_over()
            raise not_written(error) from error

    async def _follow(self, url: str) -> None:
        for _ in range(REDIRECTS_MAX + 1):
            if not self._trusted(url):
                raise UnexpectedResponseError("The video lies on a host that is not known as the engine's.")
            stream = self._http.stream("GET", url, headers=self._headers(), follow_redirects=False, timeout=_TIMEOUT)
            async with stream as response:
                if not response.is_redirect:
                    await self._take(response)
                    return
                url = urljoin(url, response.headers.get("Location", ""))
        raise UnexpectedResponseError("The video's address leads from place to place without end.")

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._size_bytes and self._version:
            headers |= {"Range": f"bytes={self._size_bytes}-", "If-Range": self._version}
        return headers

    async def _take(self, response: httpx.Response) -> None:
        if response.status_code == 206 and _range_start(response) == self._size_bytes > 0:
            pass  # the rest of what is here already
        elif response.status_code == 200:
            self._size_bytes = 0
        else:
            self._size_bytes = 0
            raise APIConnectionError(f"The video could not be fetched ({response.status_code}).")
        etag = response.headers.get("ETag", "")
        self._version = etag if etag.startswith('"') else ""
        with await asyncio.to_thread(_open_at, self._part, self._size_bytes) as file:
            async for chunk in response.aiter_bytes():  # as they come, so that every byte before a break counts
                if self._size_bytes + len(chunk) > self._max_bytes:
                    raise UnexpectedResponseError(f"The video has more than {self._max_bytes / 2**20:.0f} MiB.")
                await asyncio.to_thread(file.write, chunk)
                self._size_bytes += len(chunk)
            await asyncio.to_thread(_sync, file)


def not_written(error: OSError) -> APIConnectionError:
    """Say that a video could not be written here, which may pass."""
    reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or "the disk refused"
    return APIConnectionError(f"The video could not be written here ({reason}).")


def _open_at(path: Path, size_bytes: int) -> BinaryIO:
    if not size_bytes:
        return path.open("wb")
    file = path.open("r+b")
    file.truncate(size_bytes)
    file.seek(size_bytes)
    return file


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _range_start(response: httpx.Response) -> int | None:
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isascii() and start.isdigit() else None
