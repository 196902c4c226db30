"""What the tests have workers do; importable where a job runs."""

import os
import time
import uuid
from pathlib import Path

from kling_ui.errors import MediaError


def double(path: Path, out: Path) -> tuple[Path, Path, tuple[int, str]]:
    """Write a file, and tell which process did it, and which time."""
    out.write_bytes(path.read_bytes() * 2)
    return path, out, (os.getpid(), uuid.uuid4().hex)


def fill(folder: Path, count: int) -> list[Path]:
    paths = [folder / "inside" / f"{number}.txt" for number in range(count)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(path.stem)
    return paths


def refuse(path: Path) -> None:
    raise MediaError("it is no clip.", path=path, advice="Choose another.")


def slowly(path: Path, seconds: float, *, progress: Path | None = None) -> int:
    """Sleep, having told a third of it."""
    if progress is not None:
        progress.write_text('{"progress": 0.33}')
    time.sleep(seconds)
    return len(path.read_bytes())


def die() -> None:
    os._exit(7)
