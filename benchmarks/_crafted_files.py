"""Files that claim to be what they are not, or more than they are: bombs, playlists, markup, polyglots, raw bytes.

Each maker gets whole files by suffix, as :mod:`benchmarks._hostile_files` makes them, and gives files by name.
"""

import random
import struct
import zlib
from collections.abc import Callable

WIDTH_PX, HEIGHT_PX, FRAMES = 64, 48, 12  # of the whole files


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, *before: bytes, bits: int = 8, colours: int = 2, interlaced: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, interlaced)
    rows = zlib.compress(bytes(2_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", header), *before, _chunk(b"IDAT", rows), _chunk(b"IEND", b""))
    )


def _gif(count: int, width: int, height: int, *, end: bytes = b";") -> bytes:
    canvas = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return canvas + (b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\2\x44\1\0") * count + end


def _patched(content: bytes, kind: bytes, at: int, *values: int, form: str = ">I") -> bytes:
    """Write numbers into the boxes of a kind, counted from behind its name."""
    patched, place = bytearray(content), content.find(kind)
    while place >= 0:
        start = place + len(kind) + at
        for number, value in enumerate(values):
            size = struct.calcsize(form)
            patched[start + number * size : start + (number + 1) * size] = struct.pack(form, value)
        place = content.find(kind, place + 1)
    return bytes(patched)


def _picture_bombs(whole: dict[str, bytes]) -> dict[str, bytes]:
    heap = zlib.compress(bytes(60_000_000), 9)
    frame = struct.pack(">IIIIIHHBB", 0, 20_000, 20_000, 0, 0, 0, 0, 0, 0)
    size = WIDTH_PX, HEIGHT_PX
    sof = whole["jpg"].index(b"\xff\xc0") + 5
    vp8x = b"VP8X" + struct.pack("<I", 10) + b"\x12\0\0\0" + b"\xff\xff\xff" * 2
    return {
        "65535.png": _png(65_535, 65_535),
        "2-31.png": _png(2**31 - 1, 2**31 - 1),
        "no-size.png": _png(0, 0),
        "wide.png": _png(2**31 - 1, 1),
        "largest-that-is-let-in.png": _png(10_900, 11_000, bits=1, colours=0),
        "interlaced.png": _png(10_900, 11_000, bits=1, colours=0, interlaced=1),
        "deep.png": _png(7_700, 7_700, bits=16, colours=6),
        "text.png": _png(*size, _chunk(b"zTXt", b"a\0\0" + heap)),
        "texts.png": _png(*size, *[_chunk(b"tEXt", b"a\0" + bytes(20))] * 90_000),
        "profile.png": _png(*size, _chunk(b"iCCP", b"a\0\0" + heap)),
        "exif.png": _png(*size, _chunk(b"eXIf", b"MM\0*" + bytes(8) * 100_000)),
        "frames.png": _png(20_000, 20_000, _chunk(b"acTL", struct.pack(">II", 10**9, 0)), _chunk(b"fcTL", frame)),
        "65535.gif": _gif(1, 65_535, 65_535),
        "frames.gif": _gif(100_000, 10_000, 10_000),
        "frames-of-a-clip.gif": _gif(2_000, 1_000, 1_000),
        "endless.gif": _gif(1, *size, end=b"!\xff\x0bNETSCAPE2.0" + b"\xff" * 4000),
        "65535.jpg": whole["jpg"][:sof] + b"\xff\xff\xff\xff" + whole["jpg"][sof + 4 :],
        "scans.jpg": _scans(whole["progressive.jpg"], 30_000),
        "16383.webp": whole["webp"].replace(struct.pack("<HH", *size), b"\xff\x3f\xff\x3f", 1),
        "canvas.webp": b"RIFF\xff\xff\xff\x7fWEBP" + vp8x + whole["webp"][12:],
        "65535.avif": _patched(whole["avif"], b"ispe", 4, 65_535, 65_535),
        "2-31.avif": _patched(whole["avif"], b"ispe", 4, 2**31 - 1, 2**31 - 1),
        "65535.heic": _patched(whole["heic"], b"ispe", 4, 65_535, 65_535),
        "2-31.heic": _patched(whole["heic"], b"ispe", 4, 2**31 - 1, 2**31 - 1),
        "grid.heic": whole["heic"].replace(b"hvc1", b"grid"),
        "items.heic": _patched(whole["heic"], b"iinf", 4, 65_535, form=">H"),
        "places.avif": _patched(whole["avif"], b"iloc", 6, 65_535, 65_535, form=">H"),
        "65535.jp2": _patched(whole["jp2"], b"\xff\x51", 4, 65_535, 65_535),
        "2-31.jp2": _patched(whole["jp2"], b"\xff\x51", 4, 2**31 - 1, 2**31 - 1),
        "tiles.jp2": _patched(whole["jp2"], b"\xff\x51", 20, 1, 1),
        "65535-tile.jp2": _patched(whole["jp2"], b"\xff\x51", 20, 65_535, 65_535),
        "65535.bmp": whole["bmp"][:18] + struct.pack("<ii", 65_535, 65_535) + whole["bmp"][26:],
        "runs.bmp": whole["bmp"][:18] + struct.pack("<iiHHI", 30_000, 30_000, 1, 8, 1) + whole["bmp"][34:],
        "tile.tiff": _tiff(10, 10, ((322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 8), (325, 4, 1, 2**31))),
        "65535.tiff": _tiff(65_535, 65_535),
        "strips.tiff": _tiff(8_000, 8_000, ((279, 4, 2**30, 8),)),
        "circle.tiff": _tiff(10, 10, ends=8),
    }


def _scans(progressive: bytes, count: int) -> bytes:
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    return progressive[:-2] + last * min(count, 4_000_000 // len(last)) + progressive[-2:]


def _tiff(width: int, height: int, more: tuple[tuple[int, int, int, int], ...] = (), ends: int = 0) -> bytes:
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        *more,
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", ends)


def _clip_bombs(whole: dict[str, bytes]) -> dict[str, bytes]:
    mp4, most = whole["mp4"], 2**32 - 1
    fragmented = whole["fragmented.mp4"]
    nested = b"".join(struct.pack(">I", 8 * (2_000 - depth)) + b"moov" for depth in range(2_000))
    head = mp4[: int.from_bytes(mp4[:4], "big")]
    same = _patched(mp4, b"stsz", 4, 1, 10**9)
    return {
        "10-9-frames.mp4": _patched(same, b"stts", 4, 1, 10**9, 1),
        "10-9-frames-in-chunks.mp4": _patched(_patched(same, b"stsc", 4, 1, 1, 10**9), b"stts", 4, 1, 10**9, 1),
        "10-9-of-no-size.mp4": _patched(_patched(mp4, b"stsz", 4, 0, 10**9), b"stts", 4, 1, 10**9, 0),
        "sizes.mp4": _patched(mp4, b"stsz", 8, FRAMES, *[most] * FRAMES),
        "size.mp4": _patched(mp4, b"stsz", 4, 2**31 - 1),
        "count.mp4": _patched(mp4, b"stsz", 8, most),
        "offsets.mp4": _patched(mp4, b"stco", 8, most),
        "offset-count.mp4": _patched(mp4, b"stco", 4, most),
        "into-the-index.mp4": _patched(mp4, b"stco", 8, mp4.index(b"moov")),
        "chunks.mp4": _patched(mp4, b"stsc", 4, most, 1, most, 1),
        "chunk-of-many.mp4": _patched(mp4, b"stsc", 8, 1, 2**31 - 1, 1),
        "times.mp4": _patched(mp4, b"stts", 4, most, most, most),
        "no-times.mp4": _patched(mp4, b"stts", 4, 1, FRAMES, 0),
        "long.mp4": _patched(mp4, b"stts", 4, 1, FRAMES, 2**31 - 1),
        "edits.mp4": _patched(mp4, b"elst", 4, most, most, most),
        "clock.mp4": _patched(mp4, b"mdhd", 12, 0, most),
        "quick-clock.mp4": _patched(mp4, b"mdhd", 12, most, most),
        "65535-track.mp4": _patched(mp4, b"tkhd", 76, 65_535 << 16, 65_535 << 16),
        "65535.mp4": _patched(mp4, b"avc1", 24, 65_535, 65_535, form=">H"),
        "65535.mov": _patched(whole["mov"], b"mp4v", 24, 65_535, 65_535, form=">H"),
        "aspect.mp4": _patched(mp4, b"pasp", 0, most, 1),
        "matrix.mp4": _patched(mp4, b"tkhd", 40, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        "outside.mp4": mp4.replace(b"url \0\0\0\1", b"url \0\0\0\0"),
        "alias.mov": mp4.replace(b"url \0\0\0\1", b"alis\0\0\0\0"),
        "encrypted.mp4": mp4.replace(b"avc1", b"encv"),
        "nested.mp4": head + nested,
        "endless-boxes.mp4": head + b"\0\0\0\x08free" * 200_000,
        "no-size.mp4": head + b"\0\0\0\0moov" + mp4[mp4.index(b"moov") + 4 :],
        "largest-box.mp4": head + b"\0\0\0\1moov" + b"\xff" * 8,
        "runs.mp4": _patched(fragmented, b"trun", 4, most),
        "fragment-sizes.mp4": _patched(fragmented, b"tfhd", 8, most, most),
        "defaults.mp4": _patched(fragmented, b"trex", 12, most, most),
        "fragments.mp4": fragmented + fragmented[fragmented.index(b"moof") - 4 :] * 300,
        "65535.avi": _patched(whole["avi"], b"strf", 8, 65_535, 65_535, form="<I"),
        "frames.avi": _patched(whole["avi"], b"avih", 20, most, form="<I"),
        "index.avi": _patched(whole["avi"], b"idx1", 0, 2**31 - 1, form="<I"),
        "size.mkv": whole["mkv"].replace(b"\xb0\x81\x40", b"\xb0\x82\xff"),
        "nested.mkv": whole["mkv"][:60] + b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" * 20_000,
        "lacing.mkv": whole["mkv"].replace(b"\xa3", b"\xa3\x4f\xff"),
        "tables.ts": whole["ts"][:188] * 20_000,
        "tags.flv": whole["flv"][:13] + b"\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b" * 100_000,
    }


# --- other things under a known name ---------------------------------------------------------------------------------

_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"


def _playlists(_: dict[str, bytes]) -> dict[str, bytes]:
    nested = _HLS.format("concat:playlist.m3u8|file:///etc/passwd")
    return {
        "files.mp4": _HLS.format("file:///etc/passwd").encode(),
        "addresses.mp4": _HLS.format("http://169.254.169.254/latest/meta-data/").encode(),
        "nested.mp4": nested.encode(),
        "marked.mp4": b"\xef\xbb\xbf" + nested.encode(),
        "wide.mp4": nested.encode("utf-16"),
        "late.mp4": (b"\n" * 5000) + nested.encode(),
        "keyed.m3u8": _HLS.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\n#EXTINF').encode(),
        "subfile.mp4": _HLS.format("subfile,,start,0,end,64,,:/etc/passwd").encode(),
        "concat.mp4": b"ffconcat version 1.0\nfile '/etc/passwd'\nfile 'http://127.0.0.1/'\n",
        "concat-bare.mp4": b"file '/etc/passwd'\n",
        "session.mp4": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "shoutcast.mov": b"[playlist]\nFile1=file:///etc/passwd\n",
        "dash.mp4": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
        "smooth.mov": b'<SmoothStreamingMedia MajorVersion="2"><StreamIndex Url="file:///etc/passwd"/>',
        "pictures-%d.mp4": b"",
        "script.avi": b'AVISource("/etc/passwd")\n',
    }


def _markup(_: dict[str, bytes]) -> dict[str, bytes]:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return {
        "laughs.svg": f'<!DOCTYPE svg [<!ENTITY l0 "ha">{laughs}]><svg><text>&l9;</text></svg>'.encode(),
        "entity.svg": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "script.png": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "image.jpg": b'<svg><image href="http://169.254.169.254/"/></svg>',
        "vector.svg": b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x.php?x=`id`'\n",
        "packed.svg": zlib.compress(b"<svg/>" * 1000),
        "page.gif": b"<!doctype html><script>alert(1)</script>",
        "marked.png": b"\xef\xbb\xbf  \n<SVG/>",
        "document.png": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>",
        "script.jpg": b"%!PS\n(/etc/passwd) (r) file\n",
    }


def _polyglots(whole: dict[str, bytes]) -> dict[str, bytes]:
    hls, archive = _HLS.format("file:///etc/passwd").encode(), b"PK\x03\x04" + bytes(26)
    mp4, head = whole["mp4"], whole["mp4"][: int.from_bytes(whole["mp4"][:4], "big")]
    page = b"<script>alert(1)</script>"
    return {
        "archive.jpg": whole["jpg"] + archive,
        "archive.png": archive + whole["png"],
        "page.jpg": whole["jpg"][:2] + b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page + whole["jpg"][2:],
        "script.gif": b"GIF89a/*" + page + b"*/=1;",
        "playlist.png": whole["png"] + hls,
        "playlist.mp4": head + hls,
        "playlist-in-data.mp4": head + struct.pack(">I", len(hls) + 8) + b"mdat" + hls + mp4[len(head) :],
        "page.mp4": head + struct.pack(">I", len(page) + 8) + b"free" + page + mp4[len(head) :],
        "clip.gif": b"GIF89a" + mp4,
        "clip.jpg": b"\xff\xd8\xff\xe0" + mp4,
        "picture.mp4": head + whole["png"],
        "heic.mp4": whole["heic"],
        "clip.heic": head.replace(b"isom", b"heic") + mp4[len(head) :],
        "clip.avif": head.replace(b"isom", b"avif") + mp4[len(head) :],
        "riff.webp": whole["avi"].replace(b"AVI ", b"WEBP", 1),
        "riff.avi": whole["webp"].replace(b"WEBP", b"AVI ", 1),
        "playlist.mkv": whole["mkv"][:40] + hls,
        "document.mp4": b"%PDF-1.7\n" + mp4,
        "tiff.jpg": b"II*\0" + whole["jpg"],
        "two.png": whole["png"][:-12] + whole["jpg"],
        "ogg.mp4": b"OggS" + mp4,
        "transport.mp4": whole["ts"],
        "photo.bmp": b"BM" + whole["jpg"],
    }


def _raw(whole: dict[str, bytes]) -> dict[str, bytes]:
    luck = random.Random(1)  # noqa: S311  files, not secrets
    return {
        "empty.png": b"",
        "one.jpg": b"\xff",
        "zeros.mp4": bytes(3_000_000),
        "noise.mp4": luck.randbytes(300_000),
        "noise.png": b"\x89PNG\r\n\x1a\n" + luck.randbytes(300_000),
        "noise.jpg": b"\xff\xd8\xff" + luck.randbytes(300_000),
        "noise.webp": b"RIFF\xff\xff\0\0WEBPVP8L" + luck.randbytes(60_000),
        "noise.ts": b"".join(b"G" + luck.randbytes(187) for _ in range(1000)),
        "noise.mkv": whole["mkv"][:60] + luck.randbytes(300_000),
        "noise.mpg": b"\0\0\1\xba" + luck.randbytes(300_000),
        "noise.flv": b"FLV\1" + luck.randbytes(100_000),
        "noise.asf": b"0&\xb2u\x8ef\xcf\x11" + luck.randbytes(100_000),
        "noise.ogv": b"OggS" + luck.randbytes(100_000),
        "noise.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + luck.randbytes(50_000),
        "noise.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + luck.randbytes(50_000),
        "frames.y4m": b"YUV4MPEG2 W65535 H65535 F30:1 C420\nFRAME\n" + bytes(1000),
        "planes.yuv": bytes(range(256)) * 1000,
    }


CRAFTED: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "picture bombs": _picture_bombs,
    "clip bombs": _clip_bombs,
    "playlists": _playlists,
    "markup": _markup,
    "polyglots": _polyglots,
    "raw bytes": _raw,
}
