"""How far a worker is, told through a small file that the waiting side reads."""

import json
from pathlib import Path

_STEPS = 100


class ProgressFile:
    """Written by the worker, never more often than there is news.

    Args:
        path: Where to; ``None`` tells nobody.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._told = -1

    def tell(self, share: float) -> None:
        """Say how much is done, 0-1."""
        step = int(max(0.0, min(1.0, share)) * _STEPS)
        if self._path is None or step == self._told:
            return
        self._told = step
        part = self._path.with_name(f".{self._path.name}.part")
        part.write_text(json.dumps({"progress": step / _STEPS}))
        part.replace(self._path)


def read_progress(path: Path) -> float | None:
    """Read how much is done, 0-1; ``None`` when nothing was told yet."""
    try:
        return float(json.loads(path.read_bytes())["progress"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
