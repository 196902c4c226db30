"""Which files the names in a manifest stand for: those of a folder, or those that somebody handed in."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class NamedFiles(Protocol):
    """Which files the names in a manifest stand for."""

    def find(self, name: str) -> Path | None:
        """Return the file, if there is one."""
        ...

    def close_to(self, name: str) -> str:
        """Return a name that may have been meant; may be empty."""
        ...


class HandedFiles:
    """Files that somebody handed in: their names, and no path, lead to them.

    Args:
        files: The files by name.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)

    def find(self, name: str) -> Path | None:
        """Return the file, if it was handed in."""
        return self._files.get(name)

    def close_to(self, name: str) -> str:
        """Return a name that may have been meant; may be empty."""
        return next(iter(difflib.get_close_matches(name, self._files, 1, 0.75)), "")


class FilesOfFolder:
    """Files on the disk: names are paths, relative to a folder.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> Path | None:
        """Return the file, if there is one."""
        path = self._folder / name
        return path if _is_file(path) else None

    def close_to(self, name: str) -> str:
        """Return the name of a file beside it that may have been meant; may be empty."""
        return _close_file(self._folder / name)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no disk takes
        return False


def _close_file(path: Path) -> str:
    """Return the name of a file beside it that may have been meant; may be empty."""
    try:
        names = [other.name for other in path.parent.iterdir() if other.is_file()]
    except (OSError, ValueError):
        return ""
    return next(iter(difflib.get_close_matches(path.name, names, 1, 0.75)), "")
