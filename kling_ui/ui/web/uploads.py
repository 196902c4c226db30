"""Receiving an upload: by whom, how many at once, in what time, and at what pace."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request

from kling_ui.errors import KlingUIError
from kling_ui.ui.fair_share import BusyError, FairShare
from kling_ui.ui.visitors import share_keys
from kling_ui.ui.web.signed_files import UPLOAD_MAX_BYTES, receive, refuse_large
from kling_ui.ui.web.upload_store import (
    DiskFullError,
    QuotaError,
    Room,
    UploadStore,
)

IDLE_S = 30.0
GRACE_S = 30.0
BYTES_PER_S_MIN = 8000.0  # a modem of 64 kbit/s
AT_ONCE_MAX = 6  # a browser opens no more connections to one host


class TooSlowError(KlingUIError):
    """An upload does not come in fast enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRate:
    """What is expected of an upload.

    Attributes:
        limit_s: Seconds that all of it may take.
        idle_s: Seconds for which nothing may come.
        grace_s: Seconds after which the rate counts.
        bytes_per_s_min: The average rate, from the beginning, below which it is ended.
    """

    limit_s: float
    idle_s: float = IDLE_S
    grace_s: float = GRACE_S
    bytes_per_s_min: float = BYTES_PER_S_MIN

    def timeout_s(self, size_bytes: int, last_s: float) -> float:
        """Say until when the next bytes must come, in seconds since the beginning.

        Args:
            size_bytes: What has come.
            last_s: When the last of it came.
        """
        return min(last_s + self.idle_s, self.limit_s, max(self.grace_s, size_bytes / self.bytes_per_s_min))


async def paced(chunks: AsyncIterable[bytes], rate: UploadRate) -> AsyncGenerator[bytes]:
    """Pass an upload on as long as it keeps up with the pace.

    Raises:
        TooSlowError: It does not.
    """
    loop, coming = asyncio.get_running_loop(), aiter(chunks)
    began_s = loop.time()
    size_bytes, last_s = 0, 0.0
    while True:
        try:
            async with asyncio.timeout_at(began_s + rate.timeout_s(size_bytes, last_s)):
                chunk = await anext(coming)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise _too_slow(rate, loop.time() - began_s) from error
        last_s, size_bytes = loop.time() - began_s, size_bytes + len(chunk)
        if last_s > rate.timeout_s(size_bytes, last_s):
            raise _too_slow(rate, last_s)
        yield chunk


def _too_slow(rate: UploadRate, elapsed_s: float) -> TooSlowError:
    if elapsed_s >= rate.limit_s:
        return TooSlowError(
            f"The file did not arrive within {rate.limit_s / 60:g} min.", advice="Choose a smaller one, or try again."
        )
    return TooSlowError("The file arrived too slowly, or stopped coming.", advice="Check the connection and try again.")


_STATUS = {
    BusyError: HTTPStatus.TOO_MANY_REQUESTS,
    TooSlowError: HTTPStatus.REQUEST_TIMEOUT,
    QuotaError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    DiskFullError: HTTPStatus.INSUFFICIENT_STORAGE,
}


class UploadIntake:
    """Takes uploads in.

    Args:
        store: Gives what keeps them; it is open only while the server runs.
        rate: How fast they must come.
        is_public: Others than the person at this machine can reach the app.
        at_once_max: How many may come from one address at once.
        max_bytes: The largest one.
    """

    def __init__(
        self,
        store: Callable[[], UploadStore],
        *,
        rate: UploadRate,
        is_public: bool = False,
        at_once_max: int = AT_ONCE_MAX,
        max_bytes: int = UPLOAD_MAX_BYTES,
    ) -> None:
        self._store = store
        self._rate = rate
        self._is_public = is_public
        self._max_bytes = max_bytes
        self._at_once = FairShare(at_once_max, waiting_each_max=0, what="uploads")

    async def take(self, request: Request, name: str) -> Path:
        """Keep the body of a request as a file.

        Args:
            request: The request.
            name: A harmless name for the file.

        Raises:
            KlingUIError: It cannot be kept; nothing of it is left.
            ClientDisconnect: It broke off; likewise.
        """
        keys = share_keys(request.scope, is_public=self._is_public)
        async with self._at_once.turn(keys[-1]):
            chunks = paced(request.stream(), self._rate)
            try:
                return await self._keep(chunks, keys[0], name, _announced_bytes(request))
            except TooSlowError:
                raise
            except KlingUIError:
                await self._read_off(chunks)
                raise
            finally:
                await chunks.aclose()

    async def _keep(self, chunks: AsyncIterator[bytes], owner: str, name: str, announced_bytes: int) -> Path:
        refuse_large(announced_bytes, self._max_bytes)
        async with self._store().room(owner, announced_bytes) as room:
            return await receive(_counted(chunks, room), room.folder, name, self._max_bytes)

    async def _read_off(self, chunks: AsyncIterator[bytes]) -> None:
        """Let the rest of a refused file come, at its pace: a browser reads no answer before it has sent everything."""
        size_bytes = 0
        try:
            async for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > self._max_bytes:
                    return
        except TooSlowError:
            return


def status_of(error: KlingUIError) -> HTTPStatus:
    """Say with which status an upload is refused."""
    return _STATUS.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)


async def _counted(chunks: AsyncIterator[bytes], room: Room) -> AsyncGenerator[bytes]:
    async for chunk in chunks:
        room.write(len(chunk))
        yield chunk


def _announced_bytes(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0
