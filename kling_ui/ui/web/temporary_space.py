"""What inputs and copies of all may take of the disk, what of it must stay free, and which go when it is too much."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol

from kling_ui.errors import KlingUIError
from kling_ui.languages import Told

try:
    import fcntl
except ImportError:  # not on Windows, where one process serves a folder
    fcntl = None

UNUSED_S = 2 * 3600.0  # what was shown or changed since then stays, however little room there is
LOW_SHARE = 0.8  # of the quota: down to this, what was used longest ago goes


class DiskUsage(Protocol):
    """What :func:`shutil.disk_usage` tells, in bytes."""

    @property
    def total(self) -> int:
        """Size of the disk."""
        ...

    @property
    def free(self) -> int:
        """What is free of it."""
        ...


class DiskFullError(KlingUIError):
    """There is too little room on the disk."""


class DiskFloor:
    """Refuses what takes room while little of it is left.

    Args:
        folder: A folder on the disk in question; it need not exist yet.
        floor_bytes: The free space to leave; 0 refuses nothing.
        usage: Tells how full a disk is.
    """

    def __init__(
        self, folder: Path, floor_bytes: int, *, usage: Callable[[Path], DiskUsage] = shutil.disk_usage
    ) -> None:
        self._folder = folder
        self._floor_bytes = floor_bytes
        self._usage = usage

    def check(self, coming_bytes: int = 0) -> None:
        """Let something be begun that takes room.

        Args:
            coming_bytes: What it is known to take.

        Raises:
            DiskFullError: There is too little room.
        """
        if not self._floor_bytes:
            return
        try:
            free = self._usage(self._folder).free
        except OSError:
            return  # writing there will tell what is wrong
        if free - coming_bytes < self._floor_bytes:
            raise DiskFullError(
                Told(
                    "The disk of this app is nearly full: {free:.1f} GB are free, and {floor:g} GB must stay free.",
                    free=free / 1e9,
                    floor=self._floor_bytes / 1e9,
                ),
                advice="What is here can still be seen and saved. Whoever runs the app can make room, or set "
                "KLING_UI_FREE_DISK_GB lower.",
            )


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    used_at: float
    size_bytes: int


@dataclass(slots=True)
class _Counts:
    """What all processes with one folder know of it.

    Attributes:
        counted_bytes: What lay there when it was counted last.
        since_bytes: What was begun since then.
    """

    counted_bytes: int = 0
    since_bytes: int = 0

    @classmethod
    def read(cls, text: str) -> "_Counts":
        """Read what :func:`_shared_counts` wrote; whatever else is there counts nothing."""
        try:
            told = json.loads(text)
            return cls(int(told["counted_bytes"]), int(told["since_bytes"]))
        except (ValueError, TypeError, KeyError):
            return cls()


def _lock(file: IO[str]) -> None:
    """Wait until no other process has the file locked; closing it unlocks it."""
    if fcntl is not None:
        with suppress(OSError):  # some network disks know no locks
            fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def _shared_counts(path: Path) -> Generator[_Counts]:
    """Give what is counted, and keep what becomes of it; every other process that wants it waits meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        _lock(file)
        file.seek(0)
        counts = _Counts.read(file.read(1000))
        yield counts
        file.truncate(0)
        json.dump(asdict(counts), file)


class TemporarySpace(DiskFloor):
    """Counts what is temporary, refuses more than its quota, and makes room.

    It is about a disk, so all that lies there counts, whichever process put it there: several with one data folder hold
    one quota. What they know of it stands in ``temporary.json`` beside the uploads. What is being written while it is
    counted anew counts as far as it is there.

    Args:
        uploads: Holds a folder for each account or address, in which each input has a folder.
        others: Folders of other things that may be made again.
        max_bytes: The quota.
        floor_bytes: The free space of the disk to leave; 0 leaves none.
        usage: Tells how full a disk is.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        uploads: Path,
        others: Iterable[Path],
        *,
        max_bytes: int,
        floor_bytes: int = 0,
        usage: Callable[[Path], DiskUsage] = shutil.disk_usage,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(uploads.parent, floor_bytes, usage=usage)
        self._uploads = uploads
        self._others = tuple(others)
        self._max_bytes = max_bytes
        self._clock = clock
        self._counts = uploads.parent / "temporary.json"
        self._known_bytes = 0
        self._is_wanted, self._woken = False, asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # of who waits until room is wanted

    def check(self, coming_bytes: int = 0) -> None:
        """Let something be begun that takes room; with ``coming_bytes`` it reads and writes a file.

        Args:
            coming_bytes: What it is known to take; it counts until all is counted anew. Where nothing is known, what
                this process knew last decides.

        Raises:
            DiskFullError: There is too little room; what is counted is looked at anew at once.
        """
        super().check(coming_bytes)
        if not coming_bytes:
            self._refuse_too_much(self._known_bytes)
            return
        # A disk that does not take a few bytes will tell so when the file itself is written.
        with suppress(OSError), _shared_counts(self._counts) as counts:
            self._known_bytes = counts.counted_bytes + counts.since_bytes
            self._refuse_too_much(self._known_bytes + coming_bytes)
            counts.since_bytes += coming_bytes
            self._known_bytes += coming_bytes

    def _refuse_too_much(self, size_bytes: int) -> None:
        if size_bytes <= self._max_bytes:
            return
        self._is_wanted = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)
        raise DiskFullError(
            Told(
                "All inputs and copies here together may take {most:g} GB, and nearly do.", most=self._max_bytes / 1e9
            ),
            advice="Room is being made: try again in a minute. Whoever runs the app can set KLING_UI_TEMPORARY_GB "
            "higher.",
        )

    async def wanted(self, timeout_s: float) -> None:
        """Wait until room is wanted, at most so long."""
        self._loop = asyncio.get_running_loop()
        if self._is_wanted:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()

    async def sweep(self) -> None:
        """Count, and make room if need be; one process after the other."""
        self._is_wanted = False
        self._woken.clear()
        await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        with self._counts.with_suffix(".lock").open("a") as lock:
            _lock(lock)
            with _shared_counts(self._counts) as counts:
                since_bytes = counts.since_bytes
            counted_bytes = self._make_room()
            with _shared_counts(self._counts) as counts:
                counts.counted_bytes = counted_bytes
                counts.since_bytes -= since_bytes
                self._known_bytes = counts.counted_bytes + counts.since_bytes

    def _make_room(self) -> int:
        """Remove what was used longest ago, if there is too much; return the bytes that are left."""
        entries = sorted(self._entries(), key=lambda entry: entry.used_at)
        size_bytes = sum(entry.size_bytes for entry in entries)
        latest = self._clock() - UNUSED_S
        for entry in entries:
            if entry.used_at > latest or size_bytes <= self._max_bytes * LOW_SHARE:
                break
            with suppress(OSError):
                shutil.rmtree(entry.path) if entry.path.is_dir() else entry.path.unlink()
                size_bytes -= entry.size_bytes
        return size_bytes

    def _entries(self) -> Iterator[_Entry]:
        places = [*self._uploads.glob("of-*/*"), *(path for folder in self._others for path in folder.glob("*"))]
        for path in places:
            with suppress(OSError):
                files = [inner.stat() for inner in path.rglob("*")] if path.is_dir() else []
                status = path.stat()
                used_at = max([status.st_mtime, *(inner.st_mtime for inner in files)])
                size_bytes = status.st_size + sum(inner.st_size for inner in files)
                yield _Entry(path, used_at, size_bytes)
