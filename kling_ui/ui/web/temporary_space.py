"""What inputs and copies of all visitors together may take of the disk, and which of them go when it is too much."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kling_ui.languages import Told
from kling_ui.ui.web.uploads import DiskFloor, DiskFullError, DiskUsage

UNUSED_S = 2 * 3600.0  # what was shown or changed since then stays, however little room there is
LOW_SHARE = 0.8  # of the quota: down to this, what was used longest ago goes


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    used_at: float
    size_bytes: int


class TemporarySpace(DiskFloor):
    """Counts what is temporary, refuses more than its quota, and makes room.

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
        self._counted_bytes = 0
        self._since_bytes = 0
        self._is_wanted = asyncio.Event()

    def check(self, coming_bytes: int = 0) -> None:
        """Let something be begun that takes room.

        Args:
            coming_bytes: What it is known to take; it counts until all is counted anew.

        Raises:
            DiskFullError: There is too little room; what is counted is looked at anew at once.
        """
        super().check(coming_bytes)
        if self._counted_bytes + self._since_bytes + coming_bytes > self._max_bytes:
            self._is_wanted.set()
            raise DiskFullError(
                Told(
                    "All inputs and copies here together may take {most:g} GB, and nearly do.",
                    most=self._max_bytes / 1e9,
                ),
                advice="Room is being made: try again in a minute. Whoever runs the app can set KLING_UI_TEMPORARY_GB "
                "higher.",
            )
        self._since_bytes += coming_bytes

    async def wanted(self, timeout_s: float) -> None:
        """Wait until room is wanted, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._is_wanted.wait()

    async def sweep(self) -> dict[str, int]:
        """Count, and make room if need be.

        Returns:
            The bytes of inputs that went, by the name of the folder for which they were counted.
        """
        self._is_wanted.clear()
        since_bytes = self._since_bytes
        self._counted_bytes, freed = await asyncio.to_thread(self._sweep)
        self._since_bytes -= since_bytes
        return freed

    def _sweep(self) -> tuple[int, dict[str, int]]:
        entries = sorted(self._entries(), key=lambda entry: entry.used_at)
        size_bytes = sum(entry.size_bytes for entry in entries)
        freed: dict[str, int] = {}
        if size_bytes <= self._max_bytes * LOW_SHARE:
            return size_bytes, freed
        latest = self._clock() - UNUSED_S
        for entry in entries:
            if entry.used_at > latest or size_bytes <= self._max_bytes * LOW_SHARE:
                break
            with suppress(OSError):
                shutil.rmtree(entry.path) if entry.path.is_dir() else entry.path.unlink()
                size_bytes -= entry.size_bytes
                if entry.path.is_relative_to(self._uploads):
                    owner = entry.path.parent.name
                    freed[owner] = freed.get(owner, 0) + entry.size_bytes
        return size_bytes, freed

    def _entries(self) -> Iterator[_Entry]:
        places = [*self._uploads.glob("of-*/*"), *(path for folder in self._others for path in folder.glob("*"))]
        for path in places:
            with suppress(OSError):
                files = [inner.stat() for inner in path.rglob("*")] if path.is_dir() else []
                status = path.stat()
                used_at = max([status.st_mtime, *(inner.st_mtime for inner in files)])
                size_bytes = status.st_size + sum(inner.st_size for inner in files)
                yield _Entry(path, used_at, size_bytes)
