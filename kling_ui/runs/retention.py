"""Removing files of free runs and of checks that are old, or take too much of the disk; what was paid for stays.

The rows of runs stay in the ledger: they say that the files are no longer kept.
"""

import asyncio
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import KeptRun

DAY_S = 86_400.0
SAFE_S = DAY_S  # what was used within the last day is never removed
_RUN = re.compile(r"[0-9a-f]{32}")
_CONTENT = re.compile(r"[0-9a-f]{64}")
_REMOVED = ".removed-"
_PART = re.compile(r"\..*\.part(?:\.[a-z0-9]+)?|result-.*\.part")

log = logging.getLogger(__name__)


class DiskSize(Protocol):
    """What :func:`shutil.disk_usage` tells, in bytes."""

    @property
    def total(self) -> int:
        """Size of the disk."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """Files that are removed together.

    Attributes:
        paths: The files, or one folder.
        used_at: When they were last used, seconds since 1970.
        size_bytes: What they take.
        is_removable: They may be removed at all.
    """

    paths: tuple[Path, ...]
    used_at: float
    size_bytes: int
    is_removable: bool


class Retention:
    """Keeps the files of runs and of checks within bounds.

    A run is used whenever somebody opens it, a check's files whenever they are found again.

    Args:
        ledger: Knows the runs.
        runs: The folder that holds a folder a run.
        analyses: The folder that holds what checks found.
        pieces: The folder of pieces that long clips were cut into, each a file.
        keep_days: Days after which unused files are removed; ``None`` keeps them whatever their age.
        disk_percent: Percent of the disk that these folders may take; the files that were used longest ago go first.
        shown: Gives the runs that somebody watches at the moment.
        in_memory: Gives the SHA-256 of contents whose checks are remembered, so that their pictures may be shown.
        clock: Seconds since 1970.
        usage: Tells how large a disk is.
    """

    def __init__(
        self,
        ledger: Ledger,
        runs: Path,
        analyses: Path,
        *,
        keep_days: int | None,
        disk_percent: int,
        pieces: Path | None = None,
        shown: Callable[[], Collection[str]] = tuple,
        in_memory: Callable[[], Collection[str]] = tuple,
        clock: Callable[[], float] = time.time,
        usage: Callable[[Path], DiskSize] = shutil.disk_usage,
    ) -> None:
        self._ledger = ledger
        self._runs = runs
        self._analyses = analyses
        self._pieces = pieces
        self._keep_s = None if keep_days is None else keep_days * DAY_S
        self._disk_percent = disk_percent
        self._shown = shown
        self._in_memory = in_memory
        self._clock = clock
        self._usage = usage

    async def sweep(self) -> int:
        """Remove what is no longer kept; return the bytes that freed.

        Raises:
            LedgerError: The ledger cannot be read, so that nothing is removed.
        """
        await self._ledger.ask(lambda store: store.forget_payers(self._clock()))
        known = await self._ledger.ask(lambda store: store.kept_runs())
        freed_bytes = await asyncio.to_thread(self._sweep, known, set(self._shown()), set(self._in_memory()))
        if freed_bytes:
            log.info("%.1f MB of files of free runs and of checks were removed.", freed_bytes / 1e6)
        return freed_bytes

    def _sweep(self, known: Mapping[str, KeptRun], shown: Collection[str], in_memory: Collection[str]) -> int:
        now = self._clock()
        deleted = [self._runs / run_id for run_id, run in known.items() if run.is_deleted]
        for left in (*self._runs.glob(f"{_REMOVED}*"), *deleted):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        for part in self._half_written(known, now):  # likewise
            used_at = part.parent.stat()
            part.unlink(missing_ok=True)
            os.utime(part.parent, ns=(used_at.st_atime_ns, used_at.st_mtime_ns))  # this is no use of the run
        entries = [*self._of_runs(known, shown, now), *self._of_analyses(in_memory, now), *self._of_pieces(now)]
        return sum(entry.size_bytes for entry in self._chosen(entries, now) if _remove(entry))

    def _half_written(self, known: Mapping[str, KeptRun], now: float) -> Iterator[Path]:
        """Give files whose writing broke off long ago, but for those of runs that have not ended."""
        unfinished = {run_id for run_id, run in known.items() if not run.state.is_final}
        for folder in (*self._runs.glob("*"), self._analyses):
            if folder.name not in unfinished and folder.is_dir() and not folder.is_symlink():
                for path in folder.glob("*"):
                    with suppress(OSError):
                        if _PART.fullmatch(path.name) and now - path.stat().st_mtime > SAFE_S and path.is_file():
                            yield path

    def _chosen(self, entries: Iterable[_Entry], now: float) -> Iterator[_Entry]:
        """Choose what is removed, what was used longest ago first."""
        oldest_first = sorted(entries, key=lambda entry: entry.used_at)
        surplus_bytes = sum(entry.size_bytes for entry in oldest_first) - self._room_bytes()
        for entry in oldest_first:
            is_old = self._keep_s is not None and now - entry.used_at > self._keep_s
            if entry.is_removable and (is_old or surplus_bytes > 0):
                surplus_bytes -= entry.size_bytes
                yield entry

    def _room_bytes(self) -> float:
        try:
            return self._usage(self._runs.parent).total * self._disk_percent / 100
        except OSError:
            return float("inf")

    def _of_runs(self, known: Mapping[str, KeptRun], shown: Collection[str], now: float) -> Iterator[_Entry]:
        for folder in self._runs.glob("*"):
            with suppress(OSError):
                if not _RUN.fullmatch(folder.name) or folder.is_symlink():
                    continue
                run, opened_at = known.get(folder.name), folder.stat().st_mtime
                used_at = opened_at if run is None else max(run.changed_at, opened_at)
                # What the ledger has never heard of was left by a crash, unless it holds a result, perhaps of
                # another ledger's run that was paid for.
                may_go = run.may_lose_its_files if run is not None else not any(folder.glob("result.*"))
                is_removable = may_go and folder.name not in shown and now - used_at > SAFE_S
                yield _Entry((folder,), used_at, _size_bytes(folder.rglob("*")), is_removable)

    def _of_analyses(self, in_memory: Collection[str], now: float) -> Iterator[_Entry]:
        """Give what was found about one content after the other; parts of writes that broke off stand alone."""
        found: dict[str, list[Path]] = {}
        for path in self._analyses.glob("*"):
            content = path.name.partition("-")[0]
            if _CONTENT.fullmatch(content) or (path.name.startswith(".") and path.suffix == ".part"):
                found.setdefault(content, []).append(path)
        for content, paths in found.items():
            with suppress(OSError):
                used_at = max(max(status.st_atime, status.st_mtime) for status in map(Path.stat, paths))
                is_removable = content not in in_memory and now - used_at > SAFE_S
                yield _Entry(tuple(paths), used_at, _size_bytes(paths), is_removable)

    def _of_pieces(self, now: float) -> Iterator[_Entry]:
        """Give each piece of a long clip: it can be cut again, unless it is about to be sent."""
        for path in () if self._pieces is None else self._pieces.glob("*"):
            with suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    used_at = path.stat().st_mtime
                    yield _Entry((path,), used_at, path.stat().st_size, now - used_at > SAFE_S)


def _size_bytes(paths: Iterable[Path]) -> int:
    size_bytes = 0
    for path in paths:
        with suppress(OSError):
            size_bytes += path.stat().st_size
    return size_bytes


def _remove(entry: _Entry) -> bool:
    """Remove files; a folder disappears as a whole, so that nobody finds half of it."""
    with suppress(OSError):
        for path in entry.paths:
            if path.is_dir():
                aside = path.with_name(f"{_REMOVED}{path.name}")
                path.rename(aside)
                shutil.rmtree(aside, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return True
    return False
