"""The boxes of MP4 and MOV files (ISO/IEC 14496-12), as far as they say what libavformat does not."""

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
_SAMPLE_COUNT = re.compile(rb"stsz.{8}(.{4})", re.DOTALL)
# How a track is in Dolby Vision ("Dolby Vision Streams Within the ISO Base Media File Format", version 2.1.2, 3.2): two
# bytes of version, seven bits of profile, six of level, three flags, four bits that tell with what its pictures are
# compatible without Dolby's data.
_DOLBY_VISION = re.compile(rb"dv[cvw]C[\x01-\x04].(..)(.)", re.DOTALL)
_OWN_PROFILES = frozenset({5, 10, 20})  # those that need not be compatible with anything
DOLBY_VISION = "Dolby Vision"


@dataclass(frozen=True, slots=True)
class MP4Box:
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


def read_boxes(file: BinaryIO) -> list[MP4Box]:
    """List the outermost boxes of an open file; whatever makes no sense ends the list."""
    return list(_walk(file, file.seek(0, os.SEEK_END)))


def broken_off(boxes: list[MP4Box]) -> str:
    """Say in words what is missing of a file with these boxes; empty when nothing is."""
    if not any(box.kind == "moov" for box in boxes):
        return "its index (the moov box) is missing, as in an upload or recording that broke off"
    missing = sum(box.missing_bytes for box in boxes if box.kind in _CARRIERS)
    amount = f"{missing / 1e6:.1f} MB" if missing >= 100_000 else f"{missing} bytes"
    return f"it breaks off; its last {amount} are missing" if missing else ""


def read_index(file: BinaryIO, boxes: list[MP4Box]) -> bytes:
    """Read the movie's index, as far as it is needed here; empty without one."""
    for box in boxes:
        if box.kind == "moov":
            file.seek(box.start_byte)
            return file.read(min(box.size_bytes, _MOVIE_BYTES_MAX))
    return b""


def is_encrypted(index: bytes) -> bool:
    """Tell whether the movie's index announces protected pictures."""
    return _PROTECTED.search(index) is not None


def sample_count(index: bytes) -> int:
    """Tell how many samples the movie's index announces for its longest track."""
    return max((int.from_bytes(found.group(1), "big") for found in _SAMPLE_COUNT.finditer(index)), default=0)


def _walk(file: BinaryIO, end: int) -> Iterator[MP4Box]:
    start = 0
    for _ in range(_BOXES_MAX):
        if start >= end:  # far behind it, perhaps: a size may have 64 bits
            return
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
        yield MP4Box(kind.decode("latin-1"), start, size, max(0, start + size - end))
        start += size


def has_own_colours(index: bytes) -> bool:
    """Tell whether pictures are in Dolby's own colours (IPT-PQ-c2), which others than its players show in green."""
    found = _DOLBY_VISION.search(index)
    if found is None:
        return False
    profile, compatible_with = int.from_bytes(found.group(1), "big") >> 9, found.group(2)[0] >> 4
    return profile in _OWN_PROFILES and not compatible_with
