"""The files of runs: one folder a run, holding its two inputs and, later, its result."""

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.signatures import sniff

CHUNK_BYTES = 2**20
_SUFFIXES = {"jpeg": ".jpg", "matroska": ".mkv", "mpegts": ".ts", "mpeg": ".mpg", "heif": ".heic"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A run's two inputs, copied into its folder.

    Attributes:
        run_id: The id of the run, unguessable.
        image_name: File name of the image's copy.
        image_sha256: Its content.
        reference_name: File name of the reference's copy.
        reference_sha256: Its content.
    """

    run_id: str
    image_name: str
    image_sha256: str
    reference_name: str
    reference_sha256: str


class RunFolders:
    """Where the files of runs lie.

    Args:
        root: A folder of its own; it is made when needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder of all of them."""
        return self._root

    def of(self, run_id: str) -> Path:
        """Return a run's folder."""
        return self._root / run_id

    def keep(self, image: Path, reference: Path) -> Kept:
        """Copy two files into the folder of a new run, and hash them on the way; blocking.

        Raises:
            MediaError: One of them cannot be read.
            KlingUIError: There is no room for the copies.
        """
        run_id = secrets.token_hex(16)
        folder = self.of(run_id)
        image_name, reference_name = f"image{_suffix(image)}", f"reference{_suffix(reference)}"
        try:
            folder.mkdir(parents=True)
            image_sha256 = _copy(image, folder / image_name)
            return Kept(run_id, image_name, image_sha256, reference_name, _copy(reference, folder / reference_name))
        except KlingUIError:
            self.remove(run_id)
            raise
        except OSError as error:
            self.remove(run_id)
            raise KlingUIError(
                f"The files of the run could not be kept ({error.strerror or 'the disk refused'}).",
                advice="See that KLING_UI_DATA_DIR has room and can be written to.",
            ) from error

    def make(self, run_id: str) -> Path:
        """Return a run's folder, made if need be: a recovered run has kept nothing before; blocking.

        Raises:
            OSError: It cannot be made.
        """
        folder = self.of(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def note_use(self, run_id: str) -> None:
        """Remember, over restarts, that somebody opens a run: its files are kept for longer; blocking."""
        with suppress(OSError):  # they may have been removed, and nothing depends on it
            os.utime(self.of(run_id))

    def remove(self, run_id: str) -> None:
        """Remove a run's files; blocking."""
        shutil.rmtree(self.of(run_id), ignore_errors=True)


def _suffix(path: Path) -> str:
    name = sniff(path)
    return _SUFFIXES.get(name, f".{name}")


def _copy(source: Path, target: Path) -> str:
    """Copy a file and return the SHA-256 of exactly what was copied."""
    digest = hashlib.sha256()
    try:
        reader = source.open("rb")
    except OSError as error:
        raise MediaError("it cannot be opened.", path=source, advice="Choose another file.") from error
    with reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content; blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
