"""Erasing what a visitor left: rows, files of runs, and what was found in or made of contents that only they used."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from kling_ui.errors import MediaError
from kling_ui.media.files import KEY_CHARS, content_sha256
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.run_files import RunFolders

End = Callable[[str, str | None], Awaitable[None]]


async def _end_nothing(_run_id: str, _request_id: str | None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents of files that are gone, by which other files of the same content can be told.

    Attributes:
        sha256: Of each.
        sizes: Sizes in bytes; a file of another size holds none of them.
    """

    sha256: frozenset[str] = frozenset()
    sizes: frozenset[int] = frozenset()

    def __or__(self, other: Self) -> "Contents":
        return Contents(self.sha256 | other.sha256, self.sizes | other.sizes)

    def held_by(self, paths: Iterable[Path]) -> set[str]:
        """Return the SHA-256 of those that one of some files holds; blocking."""
        found: set[str] = set()
        for path in paths:
            with suppress(OSError, MediaError):
                if path.stat().st_size in self.sizes:
                    found.add(content_sha256(path))
        return found & self.sha256


@dataclass(frozen=True, slots=True)
class ErasedData:
    """What was erased of a visitor, and what was not.

    Attributes:
        runs: Runs that are gone.
        inputs: Inputs that are gone.
        under_way: Paid runs that were kept, because they have not ended.
        with_money: Of the runs, those that are left as a date and an amount, because the app's token paid for them.
        at_vendor: Of the runs, those of which the vendor may have a copy.
        contents: What these files held.
    """

    runs: int = 0
    inputs: int = 0
    under_way: int = 0
    with_money: int = 0
    at_vendor: int = 0
    contents: Contents = field(default_factory=Contents, repr=False)


class RunErasure:
    """Erases runs with their files.

    Args:
        ledger: Knows the runs.
        folders: Keeps their files.
        end: Ends a preview at once, given the ids of run and request, and has its engine forget it.
    """

    def __init__(self, ledger: Ledger, folders: RunFolders, end: End = _end_nothing) -> None:
        self._ledger = ledger
        self._folders = folders
        self._end = end

    async def erase(self, visitors: Collection[str], *, now: float, run_id: str | None = None) -> ErasedData:
        """Erase the runs of some visitors; previews under way are ended first, paid ones under way are left alone.

        Args:
            visitors: Whose runs.
            now: Seconds since 1970.
            run_id: Only this one of theirs.

        Raises:
            LedgerError: The ledger cannot be read or written; nothing is gone.
        """
        owners = [visitor for visitor in visitors if visitor]
        for free_id, request_id in await self._ledger.ask(lambda store: store.free_runs_of(owners, run_id)):
            await self._end(free_id, request_id)
        rows = await self._ledger.ask(lambda store: store.erase(owners, now=now, run_id=run_id))
        files = await asyncio.to_thread(self._remove, rows.run_ids)
        return ErasedData(
            runs=len(rows.run_ids),
            under_way=len(rows.under_way),
            with_money=rows.with_money,
            at_vendor=rows.at_vendor,
            contents=Contents(rows.contents) | files,
        )

    async def unused(self, contents: Contents, elsewhere: Iterable[Path]) -> set[str]:
        """Return the SHA-256 of those contents that neither a run nor one of some other files holds."""
        used = await self._ledger.ask(lambda store: store.used_contents(contents.sha256))
        held = await asyncio.to_thread(lambda: contents.held_by(elsewhere))
        return set(contents.sha256) - used - held

    def _remove(self, run_ids: Iterable[str]) -> Contents:
        """Remove folders of runs and return what the ledger does not know of what lay there; blocking.

        These are all sizes, and the contents of what was joined from several runs, with the clip that it follows.
        """
        sizes: set[int] = set()
        joined: set[str] = set()
        for run_id in run_ids:
            folder = self._folders.of(run_id)
            for path in folder.rglob("*"):
                with suppress(OSError, MediaError):
                    sizes.add(path.stat().st_size)
                    if path.is_file() and path.parent != folder:
                        joined.add(content_sha256(path))
            self._folders.remove(run_id)
        return Contents(frozenset(joined), frozenset(sizes))


def remove_contents(folders: Iterable[Path], sha256: Collection[str]) -> None:
    """Remove the files whose names begin with one of these contents, or with as much of it as names have; blocking."""
    keys = {*sha256, *(content[:KEY_CHARS] for content in sha256)}
    for folder in folders:
        for path in folder.glob("*"):
            if path.name.partition("-")[0] in keys:
                with suppress(OSError):
                    path.unlink()
