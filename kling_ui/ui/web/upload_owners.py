"""Whose uploads are: noted beside each input by the visitors who have it on their page, so that they can erase it.

Inputs are counted by account or network address, which several visitors may share; a visitor is another thing.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kling_ui.errors import MediaError
from kling_ui.media.files import content_sha256
from kling_ui.runs.erasure import Contents
from kling_ui.signing import keyed_hash

_MARK = ".whose-"
_HASH_CHARS = 32


@dataclass(frozen=True, slots=True)
class ErasedUploads:
    """Inputs that are gone.

    Attributes:
        count: How many.
        contents: What they held.
    """

    count: int = 0
    contents: Contents = field(default_factory=Contents)


class UploadOwners:
    """Notes who has an input, and erases what nobody else has; all of it blocks.

    Args:
        root: Where inputs lie: a folder for each account or address, and in it one for each input.
        secret: Hides in the names of the notes whose they are.
    """

    def __init__(self, root: Path, secret: bytes) -> None:
        self._root = root.resolve()
        self._secret = keyed_hash(secret, "kling_ui owners of uploads")

    def note(self, paths: Collection[Path], owner: str) -> None:
        """Note that a visitor has these inputs; paths of other files are passed over."""
        if not owner:
            return
        for entry in {self._entry(path) for path in paths} - {None}:
            if entry is not None and entry.is_dir():
                with suppress(OSError):
                    (entry / self._mark(owner)).touch()
                    os.utime(entry)  # it was used, and is kept for a day from now

    def erase(
        self, owners: Collection[str], *, nobodys_in: str = "", nobodys_contents: Contents | None = None
    ) -> ErasedUploads:
        """Remove the inputs of some visitors that no other visitor has.

        Args:
            owners: Whose.
            nobodys_in: The folder in which inputs that are noted as nobody's are theirs, too; empty for none.
            nobodys_contents: Of those, only inputs that hold one of these; ``None`` takes all.
        """
        marks = {self._mark(owner) for owner in owners if owner}
        sha256: set[str] = set()
        sizes: set[int] = set()
        theirs = [entry for entry in self._entries() if self._is_theirs(entry, marks, nobodys_in, nobodys_contents)]
        for entry in theirs:
            for path in self._files_of(entry):
                with suppress(OSError, MediaError):
                    size_bytes = path.stat().st_size
                    sha256.add(content_sha256(path))
                    sizes.add(size_bytes)
            shutil.rmtree(entry, ignore_errors=True)
        return ErasedUploads(len(theirs), Contents(frozenset(sha256), frozenset(sizes)))

    def left(self) -> Iterator[Path]:
        """Give the files of all inputs that are there."""
        for entry in self._entries():
            yield from self._files_of(entry)

    def _is_theirs(self, entry: Path, marks: set[str], nobodys_in: str, nobodys_contents: Contents | None) -> bool:
        """Tell whether an input is of nobody but them; of one that others have, too, only the note goes."""
        noted = {path.name for path in entry.glob(f"{_MARK}*")}
        if not noted:
            is_near = entry.parent.name == nobodys_in
            return is_near and (nobodys_contents is None or bool(nobodys_contents.held_by(self._files_of(entry))))
        if noted <= marks:
            return True
        for name in noted & marks:
            (entry / name).unlink(missing_ok=True)
        return False

    def _entries(self) -> list[Path]:
        return [entry for entry in self._root.glob("of-*/*") if entry.is_dir()]

    def _files_of(self, entry: Path) -> Iterator[Path]:
        for path in entry.rglob("*"):
            if path.is_file() and not path.name.startswith(_MARK):
                yield path

    def _entry(self, path: Path) -> Path | None:
        place = path.resolve()
        if not place.is_relative_to(self._root) or len(place.relative_to(self._root).parts) < 3:
            return None
        return self._root.joinpath(*place.relative_to(self._root).parts[:2])

    def _mark(self, owner: str) -> str:
        return f"{_MARK}{keyed_hash(self._secret, owner).hex()[:_HASH_CHARS]}"
