"""Deleting what the app keeps of a visitor: runs, inputs, corrections, tokens, and what was found in their files."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kling_ui.corrections import CorrectionStore
from kling_ui.errors import MediaError
from kling_ui.long_clips.piece_files import PieceFiles
from kling_ui.media.files import content_sha256
from kling_ui.runs.erasure import Contents, ErasedData, RunErasure, remove_contents
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import Visitor
from kling_ui.ui.web.upload_owners import UploadOwners


def _forget_nothing(_contents: Collection[str]) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class VisitorErasure:
    """Erases visitors.

    Attributes:
        runs: Erases runs.
        uploads: Knows whose inputs are.
        corrections: Keeps corrections.
        caches: Folders of what is kept by content: what was found in files, copies that browsers show, and pieces of
            long clips.
        pieces: The last of these; a piece, or a picture from a result, is also what a run was made of.
        examples: Where the shipped examples lie, of which everything is kept.
        forget: Makes the checks of this process forget contents.
    """

    runs: RunErasure
    uploads: UploadOwners
    corrections: CorrectionStore
    caches: Collection[Path]
    pieces: Path
    examples: Path
    forget: Callable[[Collection[str]], None] = _forget_nothing

    @classmethod
    def of(cls, services: Services) -> "VisitorErasure":
        """Erase what a running app keeps."""
        pieces = PieceFiles(services.settings.data_dir).folder
        return cls(
            runs=services.runner.erasure,
            uploads=services.upload_owners,
            corrections=services.corrections,
            caches=(services.preflight.folder, services.settings.playable_folder, pieces),
            pieces=pieces,
            examples=services.examples,
            forget=services.preflight.forget,
        )

    async def erase(
        self,
        visitors: Collection[str],
        *,
        run_id: str | None = None,
        nobodys_in: str = "",
        is_whole: bool = True,
    ) -> ErasedData:
        """Erase what is kept of some visitors; what others use, too, stays for them.

        Args:
            visitors: Under which ids the person is known.
            run_id: Erase only this run of theirs, and the inputs that are noted as nobody's and hold what it was
                made of.
            nobodys_in: The folder in which inputs that are noted as nobody's are theirs; empty for none.
            is_whole: All of those go; else only those that hold what a run was made of.

        Returns:
            What was erased.

        Raises:
            LedgerError: The ledger cannot be read or written; nothing is gone.
        """
        data = await self.runs.erase(visitors, now=time.time(), run_id=run_id)
        owners = [] if run_id is not None else list(visitors)
        of_runs = None if is_whole and run_id is None else data.contents
        uploads = await asyncio.to_thread(
            lambda: self.uploads.erase(owners, nobodys_in=nobodys_in, nobodys_contents=of_runs)
        )
        corrected = await asyncio.to_thread(lambda: [self.corrections.erase(owner) for owner in owners])
        contents = data.contents | uploads.contents | Contents(frozenset().union(*corrected))
        gone = await self.runs.unused(contents, self._left())
        await asyncio.to_thread(remove_contents, self.caches, gone)
        await asyncio.to_thread(self._remove_pieces, contents.sizes, gone)
        self.forget(gone)
        return replace(data, inputs=uploads.count, contents=contents)

    def _remove_pieces(self, sizes: Collection[int], gone: Collection[str]) -> None:
        """Remove pieces that runs were made of, with all others of the same clip: they can be cut again; blocking."""
        keys: set[str] = set()
        for path in self.pieces.glob("*"):
            with suppress(OSError, MediaError):
                if path.stat().st_size in sizes and content_sha256(path) in gone:
                    keys.add(path.name.partition("-")[0])
        remove_contents((self.pieces,), keys)

    def _left(self) -> Iterator[Path]:
        yield from self.uploads.left()
        yield from self.examples.glob("*")


async def erase_visitor(services: Services, who: Visitor, browser: str) -> ErasedData:
    """Erase what is kept of whoever asks on the page, and forget their tokens.

    Args:
        services: For this request.
        who: Who asks.
        browser: The id that their browser kept, under which they were known before a login.
    """
    for key in {who.token_key, browser} - {""}:
        services.tokens.wipe(key)
    await _stop_work(services, {who.owner, browser} - {""})
    is_alone = who.account is not None or not services.settings.is_public  # an address may be shared with others
    nobodys_in = services.store.folder_name(services.share[0]) if is_alone else ""
    erasure = VisitorErasure.of(services)
    return await erasure.erase([who.owner, browser], nobodys_in=nobodys_in)


async def _stop_work(services: Services, visitors: Collection[str]) -> None:
    """Stop what would make more runs of what is deleted."""
    for visitor in visitors:
        for work in (services.long_runs, services.batches):
            await work.drop(visitor)


async def erase_program_run(services: Services, visitor: str, run_id: str | None) -> ErasedData:
    """Erase what is kept of a program: a run, or all that were paid with one token, and the inputs that it was made of.

    Args:
        services: For this request.
        visitor: Whose the runs are.
        run_id: Only this one.
    """
    if run_id is None:
        await _stop_work(services, {visitor})
    nobodys_in = services.store.folder_name(services.share[0])
    erasure = VisitorErasure.of(services)
    return await erasure.erase([visitor], run_id=run_id, nobodys_in=nobodys_in, is_whole=False)
