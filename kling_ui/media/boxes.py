"""The outermost boxes of an MP4 or MOV file: enough to tell a broken-off file from a whole one."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_BOXES_MAX = 100_000  # a fragmented clip has a few per second
_MOVIE_BYTES_MAX = 64 * 2**20
_CARRIERS = frozenset({"moov", "moof", "mdat"})
# A first sample entry of protected pictures: ISO/IEC 23001-7, and older FairPlay.
_PROTECTED = re.compile(rb"stsd.{12}(?:encv|drmi)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Box:
    """One outermost box.

    Attributes:
        kind: Its four letters, such as ``moov``.
        start_byte: Where its header starts.
        size_bytes: Length that it announces, header included.
        missing_bytes: How much of that lies behind the end of the file.
    """

    kind: str
    start_byte: int
    size_bytes: int
    missing_bytes: int


def read_boxes(file: BinaryIO) -> list[Box]:
    """List the outermost boxes of an open file; whatever makes no sense ends the list."""
    return list(_walk(file, file.seek(0, os.SEEK_END)))


def broken_off(boxes: list[Box]) -> str:
    """Say in words what is missing of a file with these boxes; empty when nothing is."""
    if not any(box.kind == "moov" for box in boxes):
        return "its index (the moov box) is missing, as in an upload or recording that broke off"
    missing = sum(box.missing_bytes for box in boxes if box.kind in _CARRIERS)
    amount = f"{missing / 1e6:.1f} MB" if missing >= 100_000 else f"{missing} bytes"
    return f"it breaks off; its last {amount} are missing" if missing else ""


def is_encrypted(file: BinaryIO, boxes: list[Box]) -> bool:
    """Tell whether the movie's index announces protected pictures."""
    for box in boxes:
        if box.kind == "moov":
            file.seek(box.start_byte)
            movie = file.read(min(box.size_bytes, _MOVIE_BYTES_MAX))
            return _PROTECTED.search(movie) is not None
    return False


def _walk(file: BinaryIO, end: int) -> Iterator[Box]:
    start = 0
    for _ in range(_BOXES_MAX):
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1:  # a 64-bit length follows
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:  # reaches to the end of the file
            size = end - start
        if size < 8 or not all(32 <= letter < 127 or letter == 0xA9 for letter in kind):
            return
        yield Box(kind.decode("latin-1"), start, size, max(0, start + size - end))
        start += size
