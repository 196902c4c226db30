"""A cache of analyses: files in a folder, named by the hash of the analysed content."""

import hashlib
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from kling_ui.errors import MediaError
from kling_ui.vision.pose import PoseTrack

_KINDS_MAX = 8  # dataclasses that are kept here; there are fewer
VERSION = 4  # raise it whenever an analysis finds something else than before in the same file

T = TypeVar("T")


def content_sha256(path: Path) -> str:
    """Compute the SHA-256 of a file's content.

    Raises:
        MediaError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(f"it cannot be read ({reason}).", path=path, advice="Choose another file.") from error


@dataclass(frozen=True, slots=True)
class AnalysisCache:
    """A folder of files named ``<sha256>-v<version>-<what>``; each appears whole or not at all.

    Attributes:
        folder: Where they are kept; it is made on the first write.
    """

    folder: Path

    def place(self, sha256: str, what: str) -> Path:
        """Give the path of the file that keeps one result (``what``) about a content."""
        return self.folder / f"{sha256}-v{VERSION}-{what}"

    def read(self, sha256: str, what: str, kind: type[T]) -> T | None:
        """Read the dataclass that :meth:`write` kept; ``None`` when there is nothing usable.

        Its access time is set, so that files that nobody uses any more can be recognised.
        """
        place = self.place(sha256, what)
        try:
            found = _adapter(kind).validate_json(place.read_bytes())
        except (OSError, ValidationError):
            return None
        with suppress(OSError):
            os.utime(place, ns=(time.time_ns(), place.stat().st_mtime_ns))  # not every disk does so by itself
        return found

    def read_track(self, sha256: str, what: str) -> PoseTrack | None:
        """Read what :meth:`write_track` kept; ``None`` when there is nothing usable."""
        try:
            with np.load(self.place(sha256, what), allow_pickle=False) as kept:
                return PoseTrack(kept["times_s"], kept["landmarks"], kept["world_m"], float(kept["aspect"]))
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def write(self, sha256: str, what: str, found: object) -> None:
        """Keep a dataclass of plain values and paths as JSON."""
        self.write_bytes(sha256, what, _adapter(type(found)).dump_json(found))

    def write_bytes(self, sha256: str, what: str, content: bytes) -> Path:
        """Keep bytes, such as a picture."""
        return self._write(self.place(sha256, what), lambda file: file.write(content))

    def write_track(self, sha256: str, what: str, track: PoseTrack) -> None:
        """Keep a pose track."""
        arrays = {"times_s": track.times_s, "landmarks": track.landmarks, "world_m": track.world_m}
        self._write(self.place(sha256, what), lambda file: np.savez(file, aspect=track.aspect, **arrays))

    def _write(self, place: Path, write: Callable[[BinaryIO], object]) -> Path:
        part = place.with_name(f".{uuid.uuid4().hex}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:
                    write(file)
                os.replace(part, place)  # noqa: PTH105  reads better beside its twin below
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            advice = "Free some space, or set KLING_UI_DATA_DIR to another folder."
            raise MediaError(f"it cannot be written ({reason}).", path=place, advice=advice) from error
        return place


@lru_cache(maxsize=_KINDS_MAX)
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)
