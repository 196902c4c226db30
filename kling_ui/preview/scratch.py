"""A folder of this process's own, inside one that several processes may share."""

import secrets
import shutil
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows; leftovers of a crash stay there
    fcntl = None

_SETTLE_S = 0.05


class Scratch:
    """Makes the folder, and removes those that ended processes left behind.

    Whoever holds the lock on ``<folder>.lock`` is alive; the system drops a dead process's locks.

    Args:
        parent: The shared folder; made when it does not exist.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
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

    def remove(self, *, patience_s: float = 2.0) -> None:
        """Remove the folder and all in it; blocks while an ending worker still writes there. May be called twice."""
        for _ in range(max(1, int(patience_s / _SETTLE_S))):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
            time.sleep(_SETTLE_S)
        self._lock.close()
        self._lock_path.unlink(missing_ok=True)


def _sweep(parent: Path) -> None:
    for lock in parent.glob("jobs-*.lock"):
        if _abandoned(lock):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)


def _abandoned(lock: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
