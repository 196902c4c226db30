"""One job of the embedded engine: what was asked, where it stands, what came of it, and the folder it works in."""

import json
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kling_ui.errors import KlingUIError, MediaError, WorkTimeoutError
from kling_ui.options import InputKind
from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job_inputs import field_name

INTERNAL_ERROR = "The preview could not be rendered."


try:
    import fcntl
except ImportError:  # not on Windows; leftovers of a crash stay there
    fcntl = None

_SETTLE_S = 0.05
_NEWBORN_S = 60.0  # a process that is just opening its lock does not hold it yet


class Scratch:
    """Makes the folder, and removes those that ended processes left behind.

    Whoever holds the lock on ``<folder>.lock`` is alive; the system drops a dead process's locks.

    Args:
        parent: The shared folder; made when it does not exist.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(parent)
        self.path = parent / f"jobs-{secrets.token_hex(8)}"
        newborn = self.path.with_suffix(".new")
        self._lock = newborn.open("wb")
        if fcntl is not None:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path.mkdir(mode=0o700)
        newborn.rename(self._lock_path)  # nobody sees the lock before it is held

    @property
    def _lock_path(self) -> Path:
        return self.path.with_suffix(".lock")

    def remove(self, *, timeout_s: float = 2.0) -> None:
        """Remove the folder and all in it; blocks while an ending worker still writes there. May be called twice."""
        for _ in range(max(1, int(timeout_s / _SETTLE_S))):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
            time.sleep(_SETTLE_S)
        self._lock.close()
        self._lock_path.unlink(missing_ok=True)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders that processes left which were killed; blocking."""
    newborn = [lock for lock in parent.glob("jobs-*.new") if _is_older(lock, _NEWBORN_S)]
    for lock in [*parent.glob("jobs-*.lock"), *newborn]:
        if _abandoned(lock):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)


def _is_older(path: Path, age_s: float) -> bool:
    with suppress(OSError):
        return path.stat().st_mtime < time.time() - age_s
    return False


def _abandoned(lock: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class JobState(StrEnum):
    """Where a job stands."""

    IN_QUEUE = "in_queue"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed.

    Attributes:
        kind: Class of the failure.
        message: In words, without file names or addresses.
    """

    kind: str
    message: str

    @classmethod
    def of(cls, error: Exception, inputs: Path | None = None) -> "Failure":
        """Tell a caller about ``error``; one that is not ours stays in the log.

        Args:
            error: What went wrong.
            inputs: The folder of the job's own input files; of a file that lies there it is told which input it is.
        """
        if isinstance(error, MediaError):
            named = {inputs / kind.value: field_name(kind) for kind in InputKind} if inputs is not None else {}
            field = named.get(error.path)
            return cls("InvalidInput", f"{field} cannot be used: {error.reason}" if field else error.reason)
        if isinstance(error, WorkTimeoutError):
            return cls("Timeout", error.message)
        if isinstance(error, KlingUIError):
            return cls("RenderError", error.message)
        return cls("InternalError", INTERNAL_ERROR)


@dataclass(slots=True, eq=False)
class Job:
    """A job; only the queue changes it.

    Attributes:
        asked: The input; its addresses are dropped when the job ends.
        owner: Who asked, as the service tells callers apart.
        folder: The job's own folder.
        created_at: Seconds since 1970.
        request_id: Its name for its owner.
        file_key: The unguessable name of its result.
        state: Where it stands.
        is_ready: Its inputs are here, so that it can start.
        finished_at: Seconds since 1970, once it has ended.
        failure: Why it failed, if it did.
        notes: What of the character was moved as one piece, values of :class:`kling_ui.options.RigNote`.
    """

    asked: MotionInput
    owner: str
    folder: Path
    created_at: float
    request_id: str = field(default_factory=lambda: secrets.token_hex(16))
    file_key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    state: JobState = JobState.IN_QUEUE
    is_ready: bool = True
    finished_at: float | None = None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()

    @property
    def output(self) -> Path:
        """Where the result is or will be."""
        return self.folder / "out" / "result.mp4"

    @property
    def inputs(self) -> Path:
        """Where files that came with the request, or were fetched for it, are kept until it ends."""
        return self.folder / "in"

    @property
    def progress_file(self) -> Path:
        """Where the worker writes how far it is and what was drawn last: ``{"progress": 0.5, "frame": "..."}``."""
        return self.output.with_name("progress.json")

    def progress(self) -> float | None:
        """Return the share done, 0-1, while the job runs and has told any."""
        try:
            return min(1.0, max(0.0, float(self._told()["progress"])))
        except (ValueError, TypeError, KeyError):
            return None

    def frame(self) -> str | None:
        """Return the last picture that was drawn, as a ``data:`` address, while the job runs and has told one."""
        frame = self._told().get("frame")
        return f"data:image/jpeg;base64,{frame}" if isinstance(frame, str) else None

    def _told(self) -> dict[str, Any]:
        if self.state is not JobState.IN_PROGRESS:
            return {}
        try:
            told = json.loads(self.progress_file.read_bytes())
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def make_folders(self) -> None:
        """Make the job's folders."""
        self.inputs.mkdir(parents=True)
        self.output.parent.mkdir()

    def finish(self, state: JobState, at: float, failure: Failure | None = None) -> None:
        """Note how it ended, and let go of its inputs, and of what there is of a result that was not finished."""
        self.state, self.finished_at, self.failure = state, at, failure
        self.asked = self.asked.model_copy(update={"image_url": "", "video_url": "", "corrections": {}})
        shutil.rmtree(self.inputs, ignore_errors=True)
        if state is not JobState.SUCCEEDED:
            shutil.rmtree(self.output.parent, ignore_errors=True)

    def remove(self) -> None:
        """Remove all its files."""
        shutil.rmtree(self.folder, ignore_errors=True)
