"""MP4 and MOV clips without what their files say of who filmed them, where and with what.

Nothing is moved: what goes is overwritten in place and its boxes become free space (ISO/IEC 14496-12, 8.1.2), so that
coded pictures, times, turns and colours stay byte for byte what they were.
"""

import bisect
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_BOXES_MAX = 100_000
_DEPTH_MAX = 8
_OUTERMOST = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx", b"ssix", b"mfra", b"pdin"})
_KEPT_IN = {
    b"moov": frozenset({b"mvhd", b"trak", b"mvex", b"iods", b"pssh"}),
    b"trak": frozenset({b"tkhd", b"edts", b"mdia", b"tapt", b"clip", b"matt", b"load"}),
    b"mdia": frozenset({b"mdhd", b"hdlr", b"minf", b"elng"}),
}
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"moof", b"traf"})
_NEVER_KEPT = frozenset({b"udta", b"meta", b"uuid", b"free", b"skip"})
_SHOWN = frozenset({b"vide", b"soun"})  # other tracks: places, times, texts
_DATED = frozenset({b"mvhd", b"tkhd", b"mdhd"})
# Sample entries whose field for the compressor's name is only a name; of older ones decoders read it.
_NAMED = frozenset({b"avc1", b"avc3", b"hvc1", b"hev1", b"dvh1", b"dvhe", b"dva1", b"av01", b"vp09", b"mp4v"})
_COMPRESSOR_AT, _COMPRESSOR_BYTES = 50, 32


class _Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class _Tracks:
    """Which tracks of a clip go.

    Attributes:
        gone: Their ids.
        sizes: What each says of the sizes of its samples in fragments, in bytes.
        data: Where samples lie.
    """

    gone: frozenset[int]
    sizes: dict[int, int]
    data: tuple[_Box, ...]

    def zero(self, clip: mmap.mmap, start: int, size: int) -> None:
        """Overwrite samples, but nothing else that a file may call so."""
        place = bisect.bisect_right(self.data, start, key=lambda box: box.body) - 1
        if place >= 0:
            _zero(clip, start, min(start + size, self.data[place].end))


def remove_video_metadata(clip: mmap.mmap) -> None:
    """Overwrite places, times, names of devices and people, and tracks that hold neither pictures nor sound.

    Args:
        clip: An MP4 or MOV file, writable; it keeps its size.
    """
    tracks = _tracks(clip)
    for box in _boxes(clip, 0, len(clip)):
        if box.kind == b"moof":
            _blank_fragment(clip, box, tracks)
    for box in _boxes(clip, 0, len(clip)):
        if box.kind not in _OUTERMOST:
            _blank(clip, box)
        elif box.kind in _CONTAINERS:
            _clean(clip, box, 0, tracks)


def _clean(clip: mmap.mmap, container: _Box, depth: int, tracks: _Tracks) -> None:
    allowed = _KEPT_IN.get(container.kind)
    for box in _boxes(clip, container.body, container.end):
        if box.kind in _NEVER_KEPT or (allowed is not None and box.kind not in allowed):
            _blank(clip, box)
        elif box.kind == b"trak" and _track_id(clip, box) in tracks.gone:
            for start, size in _samples(clip, box):
                tracks.zero(clip, start, size)
            _blank(clip, box)
        elif box.kind in _CONTAINERS and depth < _DEPTH_MAX:
            _clean(clip, box, depth + 1, tracks)
        else:
            _clean_values(clip, box)


def _clean_values(clip: mmap.mmap, box: _Box) -> None:
    if box.kind in _DATED:
        _zero(clip, box.body + 4, min(box.end, box.body + (20 if clip[box.body : box.body + 1] == b"\1" else 12)))
    elif box.kind == b"hdlr":
        _zero(clip, box.body + 24, box.end)  # a name; what comes before is decoded
    elif box.kind == b"stsd":
        for entry in _boxes(clip, box.body + 8, box.end):
            if entry.kind in _NAMED and entry.start + _COMPRESSOR_AT + _COMPRESSOR_BYTES <= entry.end:
                _zero(clip, entry.start + _COMPRESSOR_AT, entry.start + _COMPRESSOR_AT + _COMPRESSOR_BYTES)
    elif box.kind == b"dref":
        for entry in _boxes(clip, box.body + 8, box.end):
            _zero(clip, entry.body + 4, entry.end)  # names of disks and folders


def _boxes(clip: mmap.mmap, at: int, end: int) -> Iterator[_Box]:
    """Yield the boxes of a stretch of a file; whatever makes no sense ends them."""
    for _ in range(_BOXES_MAX):
        if at + 8 > end:
            return
        size, kind, body = int.from_bytes(clip[at : at + 4], "big"), clip[at + 4 : at + 8], at + 8
        if size == 1:
            size, body = int.from_bytes(clip[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < body - at:
            return
        yield _Box(kind, at, body, min(end, at + size))
        at += size


def _inside(clip: mmap.mmap, box: _Box, *kinds: bytes) -> _Box | None:
    """Find the first box on a path of kinds below a box."""
    found: _Box | None = box
    for kind in kinds:
        if found is None:
            return None
        found = next((child for child in _boxes(clip, found.body, found.end) if child.kind == kind), None)
    return found


def _blank(clip: mmap.mmap, box: _Box) -> None:
    clip[box.start + 4 : box.start + 8] = b"free"
    _zero(clip, box.body, box.end)


def _zero(clip: mmap.mmap, start: int, end: int) -> None:
    start, end = max(0, start), min(end, len(clip))
    if end > start:
        clip[start:end] = bytes(end - start)


# --- tracks that go --------------------------------------------------------------------------------------------------


def _tracks(clip: mmap.mmap) -> _Tracks:
    gone, sizes = set[int](), dict[int, int]()
    for movie in (box for box in _boxes(clip, 0, len(clip)) if box.kind == b"moov"):
        for box in _boxes(clip, movie.body, movie.end):
            handler = _inside(clip, box, b"mdia", b"hdlr") if box.kind == b"trak" else None
            if handler and clip[handler.body + 8 : handler.body + 12] not in _SHOWN:
                gone.add(_track_id(clip, box))
        if extends := _inside(clip, movie, b"mvex"):
            for box in _boxes(clip, extends.body, extends.end):
                if box.kind == b"trex":
                    sizes[_number(clip, box.body + 4)] = _number(clip, box.body + 16)
    data = tuple(box for box in _boxes(clip, 0, len(clip)) if box.kind == b"mdat")
    return _Tracks(frozenset(gone), sizes, data)


def _track_id(clip: mmap.mmap, track: _Box) -> int:
    header = _inside(clip, track, b"tkhd")
    return _number(clip, header.body + (20 if clip[header.body : header.body + 1] == b"\1" else 12)) if header else -1


def _number(clip: mmap.mmap, at: int, size: int = 4) -> int:
    return int.from_bytes(clip[at : at + size], "big")


def _samples(clip: mmap.mmap, track: _Box) -> Iterator[tuple[int, int]]:
    """Yield where the chunks of a track lie, and their sizes in bytes."""
    table = _inside(clip, track, b"mdia", b"minf", b"stbl")
    boxes = {box.kind: box for box in _boxes(clip, table.body, table.end)} if table else {}
    offsets, runs, sizes = boxes.get(b"stco") or boxes.get(b"co64"), boxes.get(b"stsc"), boxes.get(b"stsz")
    if offsets is None or runs is None or sizes is None:
        return
    width = 8 if offsets.kind == b"co64" else 4
    chunks = min(_number(clip, offsets.body + 4), (offsets.end - offsets.body - 8) // width)
    same, at = _number(clip, sizes.body + 4), sizes.body + 12
    for chunk, count in enumerate(_chunk_counts(clip, runs, chunks)):
        size = same * count
        if not same:
            until = min(sizes.end, at + 4 * count)
            size = sum(_number(clip, place) for place in range(at, until - 3, 4))
            at = until
        yield _number(clip, offsets.body + 8 + chunk * width, width), size


def _chunk_counts(clip: mmap.mmap, box: _Box, chunks: int) -> Iterator[int]:
    """Yield how many samples each chunk holds."""
    runs = min(_number(clip, box.body + 4), (box.end - box.body - 8) // 12)
    firsts = [struct.unpack(">II", clip[box.body + 8 + 12 * run : box.body + 16 + 12 * run]) for run in range(runs)]
    run = -1
    for chunk in range(1, chunks + 1):
        while run + 1 < runs and firsts[run + 1][0] <= chunk:
            run += 1
        yield firsts[run][1] if run >= 0 else 0


# --- fragments -------------------------------------------------------------------------------------------------------


def _blank_fragment(clip: mmap.mmap, fragment: _Box, tracks: _Tracks) -> None:
    for box in _boxes(clip, fragment.body, fragment.end):
        header = _inside(clip, box, b"tfhd") if box.kind == b"traf" else None
        if header is None or _number(clip, header.body + 4) not in tracks.gone:
            continue
        flags, field = _number(clip, header.body) & 0xFFFFFF, header.body + 8
        base, usual = fragment.start, tracks.sizes.get(_number(clip, header.body + 4), 0)
        for flag, width in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4)):
            if flags & flag:
                base = _number(clip, field, 8) if flag == 0x1 else base
                usual = _number(clip, field) if flag == 0x10 else usual
                field += width
        at = base
        for run in _boxes(clip, box.body, box.end):
            if run.kind == b"trun":
                for start, size in _run_samples(clip, run, at, base, usual):
                    tracks.zero(clip, start, size)
                    at = start + size
        _blank(clip, box)


def _run_samples(clip: mmap.mmap, run: _Box, at: int, base: int, usual: int) -> Iterator[tuple[int, int]]:
    """Yield where the samples of a run lie, and their sizes in bytes.

    Args:
        clip: The file.
        run: The ``trun`` box.
        at: Where they lie unless the run says otherwise.
        base: What it counts from if it does.
        usual: The size of samples that tell none, in bytes.
    """
    flags, count, entry = _number(clip, run.body) & 0xFFFFFF, _number(clip, run.body + 4), run.body + 8
    if flags & 0x1:
        at, entry = base + struct.unpack(">i", clip[entry : entry + 4])[0], entry + 4
    entry += 4 if flags & 0x4 else 0
    before, width = 4 * bool(flags & 0x100), 4 * (flags >> 8 & 0xF).bit_count()
    for number in range(min(count, _BOXES_MAX)):
        size = _number(clip, entry + number * width + before) if flags & 0x200 else usual
        yield at, size
        at += size
