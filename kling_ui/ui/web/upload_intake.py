"""Taking uploads in: a few at a time, at a decent pace, and no more than their visitor may keep."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request

from kling_ui.errors import KlingUIError
from kling_ui.ui.fair_share import BusyError, FairShare
from kling_ui.ui.visitors import share_keys
from kling_ui.ui.web.disk_floor import DiskFullError
from kling_ui.ui.web.files import UPLOAD_MAX_BYTES, receive, refuse_large
from kling_ui.ui.web.upload_pace import TooSlowError, UploadPace, paced
from kling_ui.ui.web.upload_store import QuotaError, Room, UploadStore

AT_ONCE_MAX = 6  # a browser opens no more connections to one host
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
        pace: How fast they must come.
        is_public: Others than the person at this machine can reach the app.
        at_once_max: How many may come from one address at once.
        max_bytes: The largest one.
    """

    def __init__(
        self,
        store: Callable[[], UploadStore],
        *,
        pace: UploadPace,
        is_public: bool = False,
        at_once_max: int = AT_ONCE_MAX,
        max_bytes: int = UPLOAD_MAX_BYTES,
    ) -> None:
        self._store = store
        self._pace = pace
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
            chunks = paced(request.stream(), self._pace)
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
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0
