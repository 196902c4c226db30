"""The folder of a batch: its id, its repaired inputs, its results and its report."""

import filecmp
import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kling_ui.batches.manifest import BatchRow
from kling_ui.errors import SettingsError
from kling_ui.media.files import atomic_file, cut, plain
from kling_ui.runs.record import EngineName

STATE = "batch.json"
RESULTS, REPAIRED = "results", "repaired"
_STEM_MAX_BYTES = 60
_KEY_CHARS = 6


@dataclass
class BatchFolder:
    """A folder that holds one batch.

    Attributes:
        path: Where it is.
        batch: The batch's id, as the ledger knows it.
        is_started: Runs of it may have been started.
        repaired: Names of repaired copies, by what they were made of and how.
    """

    path: Path
    batch: str
    is_started: bool = False
    repaired: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, *, resume: bool) -> "BatchFolder":
        """Open a folder, which is made where it is not there.

        Args:
            path: The folder.
            resume: Go on with the batch that it holds.

        Raises:
            SettingsError: It cannot be written to, holds a batch that was started, or its file is damaged.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            kept = json.loads((path / STATE).read_text(encoding="utf-8")) if (path / STATE).exists() else None
        except OSError as error:
            raise SettingsError("out takes a folder that can be written to.") from error
        except ValueError as error:
            raise _damaged() from error
        if kept is None:
            return cls(path, secrets.token_hex(16))
        folder = cls._of(path, kept)
        if folder.is_started and not resume:
            raise SettingsError(
                "This folder holds a batch that was started.",
                advice="Go on with it by --resume, which starts nothing twice, or name another folder.",
            )
        return folder

    @classmethod
    def _of(cls, path: Path, kept: Any) -> "BatchFolder":
        try:
            repaired = {str(key): Path(str(name)).name for key, name in kept["repaired"].items()}
            return cls(path, str(kept["batch"]), kept["is_started"] is True, repaired)
        except (KeyError, TypeError, AttributeError) as error:
            raise _damaged() from error

    def keep(self) -> None:
        """Write down what is not in the ledger; blocking.

        Raises:
            MediaError: It cannot be written.
        """
        values = {"version": 1, "batch": self.batch, "is_started": self.is_started, "repaired": self.repaired}
        with atomic_file(self.path / STATE) as unfinished:
            unfinished.write_text(json.dumps(values, indent=2), encoding="utf-8")

    def repaired_copy(self, made_of: str) -> Path | None:
        """Return a copy that was made before of the same content in the same way, if it is still here."""
        name = self.repaired.get(made_of)
        path = self.path / REPAIRED / name if name else None
        return path if path is not None and path.is_file() else None

    def note_repaired(self, made_of: str, copy: Path) -> None:
        """Remember what a copy was made of; blocking.

        Raises:
            MediaError: It cannot be written.
        """
        self.repaired[made_of] = copy.name
        self.keep()

    def result(self, row: BatchRow, key: str, engine: EngineName, suffix: str = ".mp4") -> Path:
        """Return where the result of a cell belongs."""
        stem = cut(plain(row.name or f"{row.image.stem}-{row.video.stem}"), _STEM_MAX_BYTES).strip(" .-") or "video"
        return self.path / RESULTS / f"{row.number:03d}-{stem}-{engine.value}-{key[:_KEY_CHARS]}{suffix}"

    def keep_result(self, video: Path, place: Path) -> Path:
        """Copy a result to its place, unless it is there; blocking.

        Raises:
            MediaError: It cannot be written.
        """
        if place.is_file() and filecmp.cmp(place, video, shallow=False):
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(place) as unfinished:
            shutil.copyfile(video, unfinished)
        return place

    def relative(self, path: Path) -> str:
        """Return how a file in it is linked to from its report."""
        return path.relative_to(self.path).as_posix()


def made_of(sha256: str, how: object) -> str:
    """Name what a copy is made of: the content of the original, and what is done to it."""
    return hashlib.sha256(f"{sha256} {how!r}".encode()).hexdigest()[:32]


def _damaged() -> SettingsError:
    return SettingsError(f"{STATE} in this folder is damaged.", advice="Name another folder.")
