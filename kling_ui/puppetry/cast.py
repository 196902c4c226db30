"""The cut-out figure of a picture, kept for the next clip: people try one picture with many."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from kling_ui.puppetry.cutting.character import Character, find_character
from kling_ui.puppetry.puppet import Puppet

KEPT = 1  # figures; one takes some tens of megabytes


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays.

    Attributes:
        character: The person in the picture.
        puppet: The same, cut out; drawing does not change it.
    """

    character: Character
    puppet: Puppet


@dataclass(frozen=True, slots=True)
class _Content:
    """A picture's content, wherever it lies."""

    digest: bytes
    path: Path = field(compare=False)


def cast(path: Path, *, sides_px: tuple[int, int]) -> Cast:
    """Find and cut out the person in a picture, or give what this process found in it the last time.

    Args:
        path: The picture.
        sides_px: As for :func:`kling_ui.puppetry.cutting.character.find_character`.

    Raises:
        MediaError: It cannot be read, or nobody is found in it.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return _find(path, sides_px)  # which says what is the matter
    return _cut(_Content(digest, path), sides_px)


def forget() -> None:
    """Keep nothing."""
    _cut.cache_clear()


@lru_cache(maxsize=KEPT)
def _cut(content: _Content, sides_px: tuple[int, int]) -> Cast:
    return _find(content.path, sides_px)


def _find(path: Path, sides_px: tuple[int, int]) -> Cast:
    character = find_character(path, sides_px=sides_px)
    return Cast(character, Puppet(character))
