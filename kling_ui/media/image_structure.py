"""How a picture's file is built, read from its blocks alone: how many pictures it holds, and whether it is a bomb.

A file of a few kilobytes can claim thousands of huge pictures, or hold a million tiny parts; whatever decodes it, or
just counts its pictures one by one, is busy for minutes. So its blocks are walked through first; nothing is decoded.
"""

import mmap
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kling_ui.errors import MediaError
from kling_ui.languages import Told, told

# Pictures times pixels of each: half a minute of full HD at 30 a second. It takes a worker a few seconds to decode.
ALL_PIXELS_MAX = 2_000_000_000
# Blocks, chunks, segments or pages. An encoder makes parts of at least some kilobytes; each costs a reader a few
# microseconds, whatever it holds.
PARTS_MAX = 100_000
# The smallest parts of a GIF hold at most 255 bytes, so that a file of the largest size that can be sent has so many.
GIF_PARTS_MAX = 2_500_000
# Descriptions beside the pixels: colour profiles, EXIF, XMP. Editors that keep a history write some megabytes.
METADATA_MAX_BYTES = 16_000_000
_COLOURS_WITHIN_BYTES = 1_000_000  # from the beginning of a file, where its properties stand before the pixels
# A tile is decoded as a whole, even if the picture is a small part of it.
TILE_PIXELS_MAX = 64_000_000

_ADVICE = "Export one picture of it as JPEG or PNG, or the whole of it as an MP4 clip."
_PLAIN_ADVICE = "Export it again as JPEG or PNG, or choose another picture."
_Walk = Callable[[mmap.mmap, Path], int]
_Part = TypeVar("_Part")


def count_pictures(path: Path, name: str) -> int | None:
    """Count a file's pictures, or how often a decoder passes over its only one, without decoding any.

    Args:
        path: The file.
        name: Its format, as :func:`kling_ui.media.signatures.sniff` tells it.

    Returns:
        The number, or ``None`` for formats whose headers tell it to whoever opens them.

    Raises:
        MediaError: It has more parts or more to tell about itself than any picture has.
    """
    walk = _WALKS.get(name)
    if walk is None:
        return None
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return walk(data, path)
    except ValueError:  # it is empty, which whoever decodes it says
        return None
    except OSError as error:
        raise MediaError("it cannot be read.", path=path, advice="Choose another file.") from error


def refuse_too_many(path: Path, count: int, width_px: int, height_px: int, *, noun: str = "pictures of") -> None:
    """Refuse a file whose pictures are too many for their size.

    Args:
        path: The file.
        count: How many there are, or how often a decoder passes over the only one.
        width_px: Of each.
        height_px: Of each.
        noun: What is counted.

    Raises:
        MediaError: All of them have more than :data:`ALL_PIXELS_MAX` pixels.
    """
    if count > 1 and count * width_px * height_px > ALL_PIXELS_MAX:
        raise MediaError(
            Told(
                "it holds {count} {noun} {width_px} x {height_px} px; at most {most} million pixels "
                "in all can be decoded safely.",
                count=count,
                noun=told(noun),
                width_px=width_px,
                height_px=height_px,
                most=ALL_PIXELS_MAX // 1_000_000,
            ),
            path=path,
            advice=_ADVICE,
        )


def refuse_gif_bomb(path: Path) -> None:
    """Refuse a GIF whose pictures are too many for their size, before it is decoded as a clip.

    Raises:
        MediaError: As :func:`count_pictures` and :func:`refuse_too_many`.
    """
    with path.open("rb") as file:
        head = file.read(10)
    count = count_pictures(path, "gif")
    if count is not None and len(head) == 10:
        refuse_too_many(path, count, *struct.unpack_from("<HH", head, 6))


def jp2_profile(path: Path) -> bytes | None:
    """Return the ICC profile that the header of a JPEG 2000 picture carries, which Pillow does not read.

    It stands in a box ``colr`` of method 2 or 3, within ``jp2h`` (ISO/IEC 15444-1, I.5.3.3).
    """
    with path.open("rb") as file:
        data = file.read(METADATA_MAX_BYTES)
    header = next((body for kind, body in _boxes(data) if kind == b"jp2h"), b"")
    colours = (body for kind, body in _boxes(header) if kind == b"colr")
    return next((body[3:] for body in colours if body[:1] in {b"\2", b"\3"} and len(body) > 3), None)


def named_colours(path: Path, name: str) -> list[tuple[int, int]]:
    """List the primaries and transfers (numbers of ITU-T H.273) that a picture's file names.

    In AVIF and HEIC that is a box ``colr`` of kind ``nclx`` for each part that has one (ISO/IEC 23008-12, 6.5.5), in
    PNG the chunk ``cICP``; other formats name none.
    """
    if name not in {"avif", "heif", "png"}:
        return []
    with path.open("rb") as file:
        data = file.read(_COLOURS_WITHIN_BYTES)
    if name == "png":
        at = data.find(b"cICP", 8, data.find(b"IDAT"))
        return [(data[at + 4], data[at + 5])] if 0 < at < len(data) - 5 else []
    for kind, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        data = next((body[skipped:] for found, body in _boxes(data) if found == kind), b"")
    colours = (body for kind, body in _boxes(data) if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 8)
    return [(int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big")) for body in colours]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk through the boxes of JPEG 2000, AVIF or HEIC as far as they are whole: kind and content of each."""
    at = 0
    while at + 8 <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or len(data) - at  # 0: up to the end of the file
        if size < head:
            return
        yield data[at + 4 : at + 8], data[at + head : at + size]
        at += size


def _counted(parts: Iterator[_Part], path: Path, most: int) -> Iterator[_Part]:
    for number, part in enumerate(parts):
        if number >= most:
            raise MediaError(Told("it is made of more than {most} parts.", most=most), path=path, advice=_PLAIN_ADVICE)
        yield part


def _refuse_metadata(size_bytes: int, path: Path) -> None:
    if size_bytes > METADATA_MAX_BYTES:
        reason = Told(
            "it holds more than {most_mb} MB of descriptions beside the picture.",
            most_mb=METADATA_MAX_BYTES // 1_000_000,
        )
        raise MediaError(reason, path=path, advice=_PLAIN_ADVICE)


# --- GIF -------------------------------------------------------------------------------------------------------------


def _gif(data: mmap.mmap, path: Path) -> int:
    return sum(_counted(_gif_parts(data), path, GIF_PARTS_MAX))


def _gif_parts(data: mmap.mmap) -> Iterator[int]:
    """Yield 1 for each picture, 0 for each smaller part."""
    size = len(data)
    at = 13 + _colours_bytes(data[10]) if size > 10 else size
    while at < size and data[at] != 0x3B:
        kind = data[at]
        yield int(kind == 0x2C)
        if kind == 0x2C:
            at += 11 + (_colours_bytes(data[at + 9]) if at + 9 < size else 0)
        elif kind == 0x21:
            at += 2
        else:  # readers pass over what they do not know
            at += 1
            continue
        while at < size and data[at]:
            at += 1 + data[at]
            yield 0
        at += 1


def _colours_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


# --- PNG -------------------------------------------------------------------------------------------------------------


def _png(data: mmap.mmap, path: Path) -> int:
    described, pictures = 0, 1
    for kind, size, content in _counted(_png_chunks(data), path, PARTS_MAX):
        if kind not in {b"IDAT", b"fdAT"}:
            described += size
        if kind == b"acTL":
            pictures = int.from_bytes(content, "big")
    _refuse_metadata(described, path)
    return max(1, pictures)


def _png_chunks(data: mmap.mmap) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield the kind of each chunk, its size in bytes and its first four bytes, up to the picture's end."""
    at, kind = 8, b""
    while at + 8 <= len(data) and kind != b"IEND":
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield kind, min(size, len(data)), data[at + 8 : at + 12]
        at += size + 12


# --- JPEG ------------------------------------------------------------------------------------------------------------

_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # the others stand in the pixels' own data
_SCAN, _END, _DESCRIPTIONS_FROM = 0xDA, 0xD9, 0xE0


def _jpeg(data: mmap.mmap, path: Path) -> int:
    """Count the passes over a progressive picture."""
    scans = described = 0
    for kind, size in _counted(_jpeg_segments(data), path, PARTS_MAX):
        scans += kind == _SCAN
        described += size if kind >= _DESCRIPTIONS_FROM else 0
    _refuse_metadata(described, path)
    return max(1, scans)


def _jpeg_segments(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield the kind of each segment and its size in bytes, up to the picture's end."""
    at = 2
    while found := _JPEG_MARKER.search(data, at):
        kind = data[found.end() - 1]
        if kind == _END:
            return
        size = int.from_bytes(data[found.end() : found.end() + 2], "big")
        yield kind, size
        at = found.end() + size


# --- TIFF ------------------------------------------------------------------------------------------------------------

_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TILE_WIDTH, _TILE_HEIGHT = 322, 323


def _tiff(data: mmap.mmap, path: Path) -> int:
    return sum(1 for _ in _counted(_tiff_pages(data, path), path, PARTS_MAX))


def _tiff_pages(data: mmap.mmap, path: Path) -> Iterator[int]:
    """Yield where each page's directory begins; a chain that bites its tail, or breaks off, ends there."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = b"+" in data[2:4]
    count, entry_bytes, link = (
        struct.Struct(f"{order}{'Q' if is_big else 'H'}"),
        20 if is_big else 12,
        8 if is_big else 4,
    )
    at, seen = _number(data, 8 if is_big else 4, link, order), set[int]()
    while 0 < at <= len(data) - count.size and at not in seen:
        seen.add(at)
        begin, (entries,) = at + count.size, count.unpack_from(data, at)
        if len(seen) == 1:
            _check_first_page(data[begin : begin + entries * entry_bytes], order, is_big=is_big, path=path)
        yield at
        at = _number(data, begin + entries * entry_bytes, link, order)


def _number(data: mmap.mmap, at: int, size: int, order: str) -> int:
    return int.from_bytes(data[at : at + size], "little" if order == "<" else "big")


def _check_first_page(directory: bytes, order: str, *, is_big: bool, path: Path) -> None:
    """Refuse what would be read or decoded in vain: only the first page ever is."""
    entry = struct.Struct(f"{order}HH{'QQ' if is_big else 'II'}")
    whole = len(directory) // entry.size
    if whole > PARTS_MAX:
        raise MediaError(Told("it is made of more than {most} parts.", most=PARTS_MAX), path=path, advice=_PLAIN_ADVICE)
    described, tile = 0, {_TILE_WIDTH: 1, _TILE_HEIGHT: 1}
    for tag, kind, count, value in entry.iter_unpack(directory[: whole * entry.size]):
        described += _VALUE_BYTES.get(kind, 1) * count
        if tag in tile:
            tile[tag] = value if kind != 3 or order == "<" else value >> (48 if is_big else 16)
    _refuse_metadata(described, path)
    if tile[_TILE_WIDTH] * tile[_TILE_HEIGHT] > TILE_PIXELS_MAX:
        reason = Told(
            "it is cut into tiles of {tile_width} x {tile_height} px, too large to be decoded safely.",
            tile_width=tile[_TILE_WIDTH],
            tile_height=tile[_TILE_HEIGHT],
        )
        raise MediaError(reason, path=path, advice=_PLAIN_ADVICE)


_WALKS: dict[str, _Walk] = {"gif": _gif, "png": _png, "jpeg": _jpeg, "tiff": _tiff}
