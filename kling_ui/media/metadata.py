"""Copies of files without what these say of who made them, where and with what; pixels stay byte for byte.

Places (GPS), times, names of devices and people, serial numbers, descriptions and small pictures go; how a picture is
turned, its pixel shape and its colours stay. What is written into the coded pictures themselves stays, too.
"""

import mmap
import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media.files import atomic_file
from kling_ui.media.image import probe_image
from kling_ui.media.signatures import sniff
from kling_ui.media.video import open_clip
from kling_ui.media.video_metadata import remove_video_metadata

_EXIF_ORIENTATION = 0x0112
# A marker between the coded pixels; the others that look like one stand inside of them.
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])")
_START_OF_SCAN, _END_OF_IMAGE, _COMMENT, _APP0, _APP15 = 0xDA, 0xD9, 0xFE, 0xE0, 0xEF
# Of what applications add (ITU-T T.81, B.2.4.6) the pixels' meaning depends on these alone: pixel shape, colour
# profile, and whether the colours are YCbCr, RGB or CMYK.
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_JFIF_BYTES = 14  # without the small picture that may follow
_PNG_SIGNATURE_BYTES = 8
_ISO_MEDIA = frozenset({"mp4", "mov", "3gp"})
# Chunks that the decoding of the pixels or their colours depends on, animation included (PNG, third edition, 11.3).
# Those that start with a capital letter are needed to decode at all, and are kept, too.
_PNG_KEPT = frozenset(
    {b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi"}
    | {b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT"}
)


def copy_without_metadata(path: Path, out: Path) -> None:
    """Copy a file, and leave out its metadata if it is a JPEG, PNG, MP4 or MOV: no model is given any other kind.

    Args:
        path: The original; only read.
        out: The copy, which appears whole or not at all.

    Raises:
        MediaError: The original cannot be read, or the copy cannot be written.
    """
    name = sniff(path)
    with atomic_file(out) as part:
        if name in {"jpeg", "png"}:
            strip = without_jpeg_metadata if name == "jpeg" else without_png_metadata
            part.write_bytes(strip(path.read_bytes(), _orientation(path)))
            return
        shutil.copyfile(path, part)
        if name in _ISO_MEDIA:
            with part.open("r+b") as file, mmap.mmap(file.fileno(), 0) as clip:
                remove_video_metadata(clip)


def _orientation(path: Path) -> int:
    try:
        return probe_image(path).exif_orientation
    except MediaError:  # nobody can show it, turned or not
        return 1


def without_jpeg_metadata(coded: bytes, orientation: int) -> bytes:
    """Leave EXIF, XMP, IPTC, comments, hidden pictures and whatever follows the picture out of a JPEG.

    Args:
        coded: The file.
        orientation: How players turn it, 1-8 as in EXIF; the result says so, too.
    """
    kept = [coded[:2]]
    for number, (kind, content) in enumerate(_jpeg_parts(coded)):
        if orientation > 1 and (number == 1 if _is_jfif(coded) else number == 0):
            kept.append(_jpeg_orientation(orientation))
        if _APP0 <= kind <= _APP15:
            kept.append(_jpeg_application(kind, content))
        elif kind != _COMMENT:
            kept.append(content)
    return b"".join(kept)


def _is_jfif(coded: bytes) -> bool:
    return coded[2:4] == b"\xff\xe0"


def _jpeg_parts(coded: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the bytes of each segment, the coded pixels behind a scan's header among them."""
    at = 2
    while found := _JPEG_MARKER.search(coded, at):
        kind, size_at = found.group(1)[0], found.end()
        if kind == _END_OF_IMAGE:
            yield kind, b"\xff\xd9"
            return
        end = size_at + int.from_bytes(coded[size_at : size_at + 2], "big")
        if kind == _START_OF_SCAN:
            following = _JPEG_MARKER.search(coded, end)
            end = following.start() if following else len(coded)
        yield kind, b"\xff" + coded[size_at - 1 : end]
        at = end


def _jpeg_application(kind: int, segment: bytes) -> bytes:
    """What is kept of a segment that an application added."""
    if not segment[4:].startswith(_JPEG_KEPT.get(kind, b"\xff")):
        return b""
    if kind == _APP0:
        return b"\xff\xe0\0\x10" + segment[4 : 4 + _JFIF_BYTES - 2] + b"\0\0"
    return segment


def _jpeg_orientation(orientation: int) -> bytes:
    content = b"Exif\0\0" + _exif(orientation)
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def without_png_metadata(coded: bytes, orientation: int) -> bytes:
    """Leave texts, EXIF, times, private chunks and whatever follows the picture out of a PNG; arguments as for JPEG."""
    at, kept, is_turned = _PNG_SIGNATURE_BYTES, [coded[:_PNG_SIGNATURE_BYTES]], orientation <= 1
    while at + 8 <= len(coded):
        size, kind = int.from_bytes(coded[at : at + 4], "big"), coded[at + 4 : at + 8]
        if kind == b"IDAT" and not is_turned:
            kept.append(_png_chunk(b"eXIf", _exif(orientation)))
            is_turned = True
        if kind in _PNG_KEPT or kind[:1].isupper():
            kept.append(coded[at : at + size + 12])
        at += size + 12
        if kind == b"IEND":
            break
    return b"".join(kept)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


def read_comment(path: Path, *, container: str) -> str:
    """Return the comment that a clip's file carries; empty without one.

    Raises:
        MediaError: It cannot be opened.
    """
    with open_clip(path, container=container) as (opened, _):
        return opened.metadata.get("comment", "")
