"""The files of runs: one folder a run, holding its two inputs and its result, and what is measured of it."""

import asyncio
import hashlib
import logging
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.corrections import Corrections, write_corrections
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import Told
from kling_ui.media.signatures import sniff
from kling_ui.options import Orientation
from kling_ui.runs.record import CORRECTIONS_NAME, ResultFacts
from kling_ui.workers import Workers

CHUNK_BYTES = 2**20
_SUFFIXES = {"jpeg": ".jpg", "matroska": ".mkv", "mpegts": ".ts", "mpeg": ".mpg", "heif": ".heic"}
PROBE_LIMIT_S = 60.0
MOTION_LIMIT_S = 180.0  # two pose passes over at most 30 s of video, on a busy machine

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredInputs:
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

    def keep(self, image: Path, reference: Path, corrections: Corrections | None = None) -> StoredInputs:
        """Copy two files into the folder of a new run, and hash them on the way; blocking.

        Args:
            image: The character image.
            reference: The reference video.
            corrections: What a person says of the character; kept beside them.

        Raises:
            MediaError: One of them cannot be read.
            KlingUIError: There is no room for the copies.
        """
        run_id = secrets.token_hex(16)
        folder = self.of(run_id)
        image_name, reference_name = f"image{_suffix(image)}", f"reference{_suffix(reference)}"
        try:
            folder.mkdir(parents=True)
            if corrections:
                write_corrections(corrections, folder / CORRECTIONS_NAME)
            image_sha256 = _copy(image, folder / image_name)
            return StoredInputs(
                run_id, image_name, image_sha256, reference_name, _copy(reference, folder / reference_name)
            )
        except KlingUIError:
            self.remove(run_id)
            raise
        except OSError as error:
            self.remove(run_id)
            raise KlingUIError(
                Told("The files of the run could not be kept ({reason}).", reason=error.strerror or "the disk refused"),
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


@dataclass(frozen=True, slots=True)
class Measured:
    """What one look at a video found.

    Attributes:
        sha256: Its content.
        facts: Its measures, if they could be taken.
        damage: Why it cannot be played; empty when nothing speaks against it.
    """

    sha256: str
    facts: ResultFacts | None
    damage: str = ""


class Measurer:
    """Measures results.

    Args:
        workers: Where clips are watched.
        folder: Where what is found in them is kept by content; ``None`` keeps nothing.
    """

    def __init__(self, workers: Workers, folder: Path | None = None) -> None:
        self._workers = workers
        self._folder = folder
        self._ahead: asyncio.Task[object] | None = None
        self._ahead_hash: asyncio.Task[str] | None = None  # of the reference that is watched ahead

    def watch_ahead(self, reference: Path) -> None:
        """Watch a reference in the background, so that nobody waits for that once a result is there; one at a time."""
        if self._folder is not None and (self._ahead is None or self._ahead.done()):
            self._ahead_hash = asyncio.create_task(asyncio.to_thread(sha256_of, reference))
            self._ahead = asyncio.create_task(self._watch(reference, self._folder))

    async def _watch(self, reference: Path, folder: Path) -> None:
        from kling_ui.scoring.compare import track_in_workers  # noqa: PLC0415  loads numpy, only where used

        try:
            await track_in_workers(self._workers, reference, folder=folder, timeout_s=MOTION_LIMIT_S)
        except KlingUIError as error:  # whoever needs it is told when they do
            log.info("A reference could not be watched ahead: %s", error)

    async def _until_watched(self, reference: Path) -> None:
        """Wait while this very content is watched ahead, so that it is not watched twice at once."""
        if self._ahead is None or self._ahead_hash is None or self._ahead.done():
            return
        hashing = self._ahead_hash, asyncio.to_thread(sha256_of, reference)
        ahead, wanted = await asyncio.gather(*hashing, return_exceptions=True)
        if ahead == wanted:
            await asyncio.wait([self._ahead])

    async def aclose(self) -> None:
        """End what is done in the background."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)

    async def facts(self, video: Path) -> Measured:
        """Measure a video file; one that cannot be measured for a reason of this machine is not called damaged."""
        sha256 = await asyncio.to_thread(sha256_of, video)
        try:
            return Measured(sha256, await self._workers.run(facts_of, video, timeout_s=PROBE_LIMIT_S))
        except MediaError as error:
            return Measured(sha256, None, damage=error.reason)
        except KlingUIError as error:
            log.warning("A result could not be measured: %s", error)
            return Measured(sha256, None)

    async def motion(
        self, reference: Path, result: Path, orientation: Orientation = Orientation.VIDEO
    ) -> Mapping[str, Any] | None:
        """Measure how well ``result`` follows ``reference``.

        Returns:
            The measures with ``score``, 0-100 or ``None``, or ``None`` where they could not be taken.
        """
        from kling_ui.scoring.compare import match_clips  # noqa: PLC0415  loads numpy, only where used

        limit_s = MOTION_LIMIT_S
        try:
            await self._until_watched(reference)
            match = await match_clips(
                self._workers, reference, result, orientation=orientation, folder=self._folder, timeout_s=limit_s
            )
            return match.to_json()
        except KlingUIError as error:
            log.info("The motion of a result could not be measured: %s", error)
        except Exception:
            log.exception("The motion of a result could not be measured.")
        return None


def facts_of(video: Path) -> ResultFacts:
    """Probe a video; runs in a worker.

    Raises:
        MediaError: It cannot be played.
    """
    from kling_ui.media.probe import probe_video  # noqa: PLC0415  loads codecs, in the worker only

    facts = probe_video(video)
    return ResultFacts(
        duration_s=facts.duration_s,
        fps=facts.fps,
        frame_count=facts.frame_count,
        width_px=facts.width_px,
        height_px=facts.height_px,
        has_audio=facts.has_audio,
        size_bytes=facts.size_bytes,
    )
