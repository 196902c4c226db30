"""Uploads: counted, fast enough, kept within each visitor's share, swept by age."""

import asyncio
import math
import re
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Collection, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from starlette.datastructures import Headers

from kling_ui.errors import KlingUIError
from kling_ui.languages import Told
from kling_ui.pauses import PausedError
from kling_ui.quotas import DailyQuotaError, QuotaKeys
from kling_ui.runs.admission import Admission, UploadAllowance
from kling_ui.signing import keyed_hash
from kling_ui.ui.fair_share import BusyError, FairShare
from kling_ui.ui.visitors import share_keys
from kling_ui.ui.web.signed_files import UPLOAD_MAX_BYTES, receive, refuse_large
from kling_ui.ui.web.temporary_space import DiskFloor, DiskFullError

IDLE_S = 30.0  # for which nothing of an upload may come
GRACE_S = 30.0  # after which its rate counts
BYTES_PER_S_MIN = 8000.0  # a modem of 64 kbit/s
ENTRY_MIN_BYTES = 100_000  # what a tiny file counts: each takes a folder, and is looked at when all are counted
FLOOR_CHECK_BYTES = 16 * 10**6  # the disk is looked at again after so much
_OWNER = re.compile(r"of-[0-9a-f]{32}")
COUNTED_FOR_S = 30.0  # another process may have kept or removed some since then
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


class QuotaError(KlingUIError):
    """A visitor keeps as much as one may."""


@dataclass(slots=True)
class _Account:
    """What one visitor keeps.

    Attributes:
        kept_bytes: What lies in their folder, whichever process put it there, but for what is being written here.
        counted_at: When that was counted, in seconds of :func:`time.monotonic`.
        coming_bytes: What is being written here.
        coming: The names of the folders that it is written to.
        counting: Held while it is counted.
    """

    kept_bytes: int = 0
    counted_at: float = -math.inf
    coming_bytes: int = 0
    coming: set[str] = field(default_factory=set)
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def claim(self, size_bytes: int, max_bytes: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            QuotaError: It is too much.
        """
        if self.kept_bytes + self.coming_bytes + size_bytes > max_bytes:
            raise QuotaError(
                Told(
                    "Your inputs here would take more than {max_bytes:g} GB, the most that is kept at a time.",
                    max_bytes=max_bytes / 1e9,
                ),
                advice="They are removed a day after they came. Choose a smaller file, or come back later.",
            )
        self.coming_bytes += size_bytes


class Room:
    """Room for one input, with what belongs to it, while it is written.

    Attributes:
        folder: A folder of its own; it does not exist yet.
        size_bytes: What has been taken.
    """

    def __init__(self, folder: Path, claim: Callable[[int], None], check_floor: Callable[[], None]) -> None:
        self.folder = folder
        self.size_bytes = 0
        self._claim = claim
        self._check_floor = check_floor
        self._written_bytes = 0
        self._checked_bytes = 0

    @property
    def written_bytes(self) -> int:
        """What was written."""
        return self._written_bytes

    def take(self, size_bytes: int) -> None:
        """Take so many bytes before anything is written.

        Raises:
            QuotaError: The visitor would keep more than one may.
        """
        self._claim(size_bytes)
        self.size_bytes += size_bytes

    def write(self, size_bytes: int) -> None:
        """Count bytes before they are written; what was taken is used up first.

        Raises:
            QuotaError: The visitor would keep more than one may.
            KlingUIError: The disk is nearly full.
        """
        self._written_bytes += size_bytes
        if (more_bytes := self._written_bytes - self.size_bytes) > 0:
            self.take(more_bytes)
        if self._written_bytes - self._checked_bytes >= FLOOR_CHECK_BYTES:
            self._checked_bytes = self._written_bytes
            self._check_floor()


class UploadStore:
    """Keeps inputs, each visitor's in a folder of their own, and no more of them than one visitor may have.

    What somebody keeps is counted in their folder every now and then, so that several processes with one folder hold
    one limit; what another process is still writing counts as far as it is there. Reading and removing folders is done
    in threads, all else on one event loop.

    Args:
        root: Where they lie; what lies there directly is from an earlier version, and is counted as nobody's.
        secret: Makes the names of visitors' folders, which tell nothing of them.
        each_bytes: What one visitor may keep at a time.
        floor: Refuses all of it while the disk is nearly full.
        counted_for_s: Seconds after which what somebody keeps is counted anew, when something comes.
    """

    def __init__(
        self, root: Path, secret: bytes, *, each_bytes: int, floor: DiskFloor, counted_for_s: float = COUNTED_FOR_S
    ) -> None:
        self.root = root
        self.floor = floor
        self._secret = keyed_hash(secret, "kling_ui uploads")
        self._each_bytes = each_bytes
        self._counted_for_s = counted_for_s
        self._accounts: dict[str, _Account] = {}

    @asynccontextmanager
    async def room(self, who: str, expected_bytes: int = 0) -> AsyncGenerator[Room]:
        """Give room for one input; if that fails, what was written of it is removed again.

        Args:
            who: Under which name it is counted.
            expected_bytes: What is reserved for it from the beginning; what it really takes is counted at the end.

        Raises:
            QuotaError: They keep as much as one may.
            KlingUIError: The disk is nearly full.
        """
        await asyncio.to_thread(self.floor.check, expected_bytes)
        self._forget_counted()
        name = self.folder_name(who)
        account = self._accounts.setdefault(name, _Account())
        folder = self.root / name / secrets.token_urlsafe(12)
        account.coming.add(folder.name)
        room = Room(folder, partial(account.claim, max_bytes=self._each_bytes), self.floor.check)
        try:
            await self._count(account, folder.parent)
            room.take(max(expected_bytes, ENTRY_MIN_BYTES))
            yield room
            async with account.counting:
                account.kept_bytes += await asyncio.to_thread(_counted_bytes, folder)
                account.coming.discard(folder.name)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
            raise
        finally:
            account.coming_bytes -= room.size_bytes
            account.coming.discard(folder.name)

    async def sweep(self, max_age_s: float) -> None:
        """Remove inputs that are older than ``max_age_s``; runs keep copies of their own."""
        await asyncio.to_thread(_sweep, self.root, time.time() - max_age_s)
        self.count_anew()

    def count_anew(self) -> None:
        """Count what everybody keeps when they send something next: some of it was removed."""
        for account in self._accounts.values():
            account.counted_at = -math.inf

    async def _count(self, account: _Account, folder: Path) -> None:
        """Find out what a visitor keeps, unless that has just been counted."""
        async with account.counting:
            if time.monotonic() - account.counted_at >= self._counted_for_s:
                account.counted_at = time.monotonic()
                account.kept_bytes = await asyncio.to_thread(_counted_all, folder, frozenset(account.coming))

    def _forget_counted(self) -> None:
        """Forget visitors of whom nothing is being written and who would be counted anew."""
        latest = time.monotonic() - self._counted_for_s
        for name, account in list(self._accounts.items()):
            if not account.coming and account.counted_at <= latest:
                del self._accounts[name]

    def folder_name(self, who: str) -> str:
        """Return the name of the folder of whoever inputs are counted for."""
        return f"of-{keyed_hash(self._secret, who).hex()[:32]}"


def _counted_all(folder: Path, but: Collection[str]) -> int:
    return sum(_counted_bytes(entry) for entry in folder.glob("*") if entry.name not in but)


def _counted_bytes(entry: Path) -> int:
    """Say what an input counts, with what was made of it; blocking."""
    size_bytes = 0
    for path in entry.rglob("*"):
        with suppress(OSError):
            size_bytes += path.stat().st_size
    return max(ENTRY_MIN_BYTES, size_bytes)


def _sweep(root: Path, oldest: float) -> None:
    """Remove what came before ``oldest``; blocking."""
    for folder in root.glob("*"):
        if not _OWNER.fullmatch(folder.name):
            _remove_if_old(folder, oldest)
            continue
        for entry in folder.glob("*"):
            _remove_if_old(entry, oldest)
        with suppress(OSError):
            if folder.stat().st_mtime < oldest:
                folder.rmdir()  # only if nothing is in it


def _remove_if_old(entry: Path, oldest: float) -> None:
    with suppress(OSError):
        if entry.stat().st_mtime < oldest:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


_STATUS = {
    BusyError: HTTPStatus.TOO_MANY_REQUESTS,
    DailyQuotaError: HTTPStatus.TOO_MANY_REQUESTS,
    PausedError: HTTPStatus.SERVICE_UNAVAILABLE,
    TooSlowError: HTTPStatus.REQUEST_TIMEOUT,
    QuotaError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    DiskFullError: HTTPStatus.INSUFFICIENT_STORAGE,
}


class Upload(Protocol):
    """A request that brings a file."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """Who sends it."""
        ...

    @property
    def headers(self) -> Headers:
        """What was announced."""
        ...

    def stream(self) -> AsyncGenerator[bytes]:
        """Give its bytes."""
        ...


class UploadIntake:
    """Takes uploads in.

    Args:
        store: Gives what keeps them; it is open only while the server runs.
        rate: How fast they must come.
        is_public: Others than the person at this machine can reach the app.
        at_once_max: How many may come from one address at once.
        max_bytes: The largest one.
        admission: Counts them; without it they are not.
    """

    def __init__(
        self,
        store: Callable[[], UploadStore],
        *,
        rate: UploadRate,
        admission: Callable[[], Admission] | None = None,
        is_public: bool = False,
        at_once_max: int = AT_ONCE_MAX,
        max_bytes: int = UPLOAD_MAX_BYTES,
    ) -> None:
        self._store = store
        self._admission = admission
        self._rate = rate
        self._is_public = is_public
        self._max_bytes = max_bytes
        self._at_once = FairShare(at_once_max, waiting_each_max=0, what="uploads")
        self.taken_bytes = self.refused = 0

    async def take(self, request: Upload, name: str) -> Path:
        """Keep the body of a request as a file.

        Args:
            request: The request, or the file in the form that it brings.
            name: A harmless name for the file.

        Raises:
            KlingUIError: It cannot be kept; nothing of it is left.
            ClientDisconnect: It broke off; likewise.
        """
        keys = share_keys(request.scope, is_public=self._is_public)
        async with self._at_once.turn(keys[-1]):
            chunks = paced(request.stream(), self._rate)
            try:
                return await self._keep(chunks, QuotaKeys(keys[0], keys[-1]), name, _announced_bytes(request))
            except TooSlowError:
                self.refused += 1
                raise
            except KlingUIError:
                self.refused += 1
                await self._read_off(chunks)
                raise
            finally:
                await chunks.aclose()

    async def _keep(self, chunks: AsyncIterator[bytes], keys: QuotaKeys, name: str, announced_bytes: int) -> Path:
        refuse_large(announced_bytes, self._max_bytes)
        async with AsyncExitStack() as stack:
            if self._admission is not None:
                allowance = await stack.enter_async_context(self._admission().upload(keys, announced_bytes))
                chunks = _allowed(chunks, allowance)
            room = await stack.enter_async_context(self._store().room(keys.visitor, announced_bytes))
            path = await receive(_counted(chunks, room), room.folder, name, self._max_bytes)
            self.taken_bytes += room.written_bytes
            return path

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


async def _allowed(chunks: AsyncIterator[bytes], allowance: UploadAllowance) -> AsyncGenerator[bytes]:
    async for chunk in chunks:
        await allowance.take(len(chunk))
        yield chunk


def _announced_bytes(request: Upload) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0


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
            Told("The file did not arrive within {limit_s:g} min.", limit_s=rate.limit_s / 60),
            advice="Choose a smaller one, or try again.",
        )
    return TooSlowError("The file arrived too slowly, or stopped coming.", advice="Check the connection and try again.")
