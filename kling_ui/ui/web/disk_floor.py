"""The free disk that is left alone: below it nothing that takes room is begun."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kling_ui.errors import KlingUIError


class Usage(Protocol):
    """What :func:`shutil.disk_usage` tells, in bytes."""

    @property
    def total(self) -> int:
        """Size of the disk."""
        ...

    @property
    def free(self) -> int:
        """What is free of it."""
        ...


class DiskFullError(KlingUIError):
    """There is too little room on the disk."""


class DiskFloor:
    """Refuses what takes room while little of it is left.

    Args:
        folder: A folder on the disk in question; it need not exist yet.
        floor_bytes: The free space to leave; 0 refuses nothing.
        usage: Tells how full a disk is.
    """

    def __init__(self, folder: Path, floor_bytes: int, *, usage: Callable[[Path], Usage] = shutil.disk_usage) -> None:
        self._folder = folder
        self._floor_bytes = floor_bytes
        self._usage = usage

    def check(self, coming_bytes: int = 0) -> None:
        """Let something be begun that takes room.

        Args:
            coming_bytes: What it is known to take.

        Raises:
            DiskFullError: There is too little room.
        """
        if not self._floor_bytes:
            return
        try:
            free = self._usage(self._folder).free
        except OSError:
            return  # writing there will tell what is wrong
        if free - coming_bytes < self._floor_bytes:
            raise DiskFullError(
                f"The disk of this app is nearly full: {free / 1e9:.1f} GB are free, "
                f"and {self._floor_bytes / 1e9:g} GB must stay free.",
                advice="What is here can still be seen and saved. Whoever runs the app can make room, or set "
                "KLING_UI_FREE_DISK_GB lower.",
            )
