"""Files that want to crash, stall or fill whatever opens them, made from seeds: the same seed makes the same files."""

import io
import itertools
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import pillow_heif
from PIL import Image

from benchmarks._crafted_files import CRAFTED, FRAMES, HEIGHT_PX, WIDTH_PX

FPS = 12
_CODED = {"libx264": {"preset": "ultrafast", "threads": "1", "rc-lookahead": "0"}}  # with more it varies by some bits
CLIPS = {  # suffix: container, codec, sound, options of the container
    "mp4": ("mp4", "libx264", "aac", {}),
    "fragmented.mp4": ("mp4", "libx264", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    "mov": ("mov", "mpeg4", "aac", {}),
    "mkv": ("matroska", "libx264", "aac", {}),
    "webm": ("webm", "libvpx-vp9", "libopus", {}),
    "avi": ("avi", "mpeg4", "mp3", {}),
    "ts": ("mpegts", "libx264", "aac", {}),
    "flv": ("flv", "flv", "mp3", {}),
    "mpg": ("mpeg", "mpeg1video", "mp2", {}),
    "ogv": ("ogg", "libvpx", "libopus", {}),
}
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"iprp", b"ipco"})


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One file.

    Attributes:
        kind: What was done to it, such as ``bit flips``.
        name: File name, with the suffix of what it claims to be.
        content: Its bytes.
    """

    kind: str
    name: str
    content: bytes = field(repr=False)


def hostile_files(seed: int = 0) -> Iterator[HostileFile]:
    """Make all of them, about 700; the largest takes 4 MB."""
    whole = dict(itertools.chain(_pictures(), _clips()))
    for suffix, content in whole.items():
        for kind, damage, times in _DAMAGES:
            for number in range(times):
                luck = random.Random(f"{seed} {suffix} {kind} {number}")  # noqa: S311  files, not secrets
                yield HostileFile(kind, f"{kind.replace(' ', '-')}-{number}.{suffix}", damage(content, luck))
    for kind, make in CRAFTED.items():
        for name, content in make(whole).items():
            yield HostileFile(kind, name, content)


# --- whole files -----------------------------------------------------------------------------------------------------


def _picture(shift: int = 0, mode: str = "RGB") -> Image.Image:
    across, down = np.meshgrid(np.arange(WIDTH_PX), np.arange(HEIGHT_PX))
    rgb = np.stack([across * 4, down * 5, (across + down) * 2 + shift], axis=2).astype(np.uint8)
    return Image.fromarray(rgb).convert(mode)


def _pictures() -> Iterator[tuple[str, bytes]]:
    pillow_heif.register_heif_opener()
    moving: dict[str, Any] = {"save_all": True, "append_images": [_picture(shift) for shift in (40, 80)]}
    yield "png", _saved("PNG")
    yield "rgba.png", _saved("PNG", mode="RGBA")
    yield "moving.png", _saved("PNG", **moving)
    yield "jpg", _saved("JPEG", quality=90)
    yield "progressive.jpg", _saved("JPEG", progressive=True)
    yield "gif", _saved("GIF", **moving)
    yield "webp", _saved("WEBP")
    yield "moving.webp", _saved("WEBP", **moving)
    yield "bmp", _saved("BMP")
    yield "tiff", _saved("TIFF", compression="tiff_deflate")
    yield "jp2", _saved("JPEG2000")
    yield "avif", _saved("AVIF", speed=10)
    yield "heic", _saved("HEIF")


def _saved(name: str, *, mode: str = "RGB", **options: Any) -> bytes:
    made = io.BytesIO()
    _picture(mode=mode).save(made, name, **options)
    return made.getvalue()


def _clips() -> Iterator[tuple[str, bytes]]:
    with TemporaryDirectory() as folder:
        for suffix, (container, codec, sound, options) in CLIPS.items():
            path = Path(folder) / f"clip.{suffix}"
            _write_clip(path, container, codec, sound, options)
            yield suffix, path.read_bytes()


def _write_clip(path: Path, container: str, codec: str, sound: str, options: dict[str, str]) -> None:
    rate = 25 if container == "mpeg" else FPS
    with av.open(str(path), "w", format=container, options={"fflags": "+bitexact", **options}) as out:
        video: Any = out.add_stream(codec, rate=rate, options=_CODED.get(codec, {}))
        audio: Any = out.add_stream(sound, rate=48_000 if "opus" in sound else 44_100)
        video.width, video.height, video.pix_fmt, video.time_base = WIDTH_PX, HEIGHT_PX, "yuv420p", Fraction(1, rate)
        for number in range(FRAMES):
            frame = av.VideoFrame.from_image(_picture(number * 20))
            frame.pts = number
            out.mux(video.encode(frame))
        for number in range(20):
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), "s16", "stereo")
            heard.sample_rate, heard.pts = audio.rate, number * 1152
            out.mux(audio.encode(heard))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


# --- damage ----------------------------------------------------------------------------------------------------------


def _flip(content: bytes, luck: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(luck.choice((1, 8, 64, 400))):
        damaged[luck.randrange(len(damaged))] ^= 1 << luck.randrange(8)
    return bytes(damaged)


def _flip_head(content: bytes, luck: random.Random) -> bytes:
    """Damage what is read first, and with MP4 and its kin what is read last: sizes, counts and kinds."""
    damaged = bytearray(content)
    front = range(4, min(400, len(damaged)))
    index = content.rfind(b"moov")
    places = front if index < 0 else range(index, min(index + 1500, len(damaged)))
    for _ in range(luck.choice((1, 2, 4, 12))):
        damaged[luck.choice(places)] = luck.choice((0, 1, 0x7F, 0x80, 0xFF, luck.randrange(256)))
    return bytes(damaged)


def _truncate(content: bytes, luck: random.Random) -> bytes:
    return content[: luck.randrange(1, len(content))]


def _operate(content: bytes, luck: random.Random) -> bytes:
    """Drop, double, swap or resize a box, chunk or segment; where there are none, a stretch of bytes."""
    parts = list(_parts(content)) or [tuple(sorted(luck.sample(range(len(content)), 2))) for _ in range(2)]
    start, end = luck.choice(parts)
    other_start, other_end = luck.choice(parts)
    how = luck.choice(("drop", "double", "swap", "resize", "nest"))
    if how == "drop":
        return content[:start] + content[end:]
    if how == "double":
        return content[:end] + content[start:end] * luck.choice((1, 3, 200)) + content[end:]
    if how == "swap":
        return content[:start] + content[other_start:other_end] + content[end:]
    if how == "nest":
        return content[: start + 8] + content[start:end] + content[start + 8 :]
    size = luck.choice((0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF, end - start + 1, max(0, end - start - 1)))
    return content[:start] + struct.pack(luck.choice((">I", "<I")), size) + content[start + 4 :]


def _parts(content: bytes) -> Iterator[tuple[int, int]]:
    if content.startswith(b"\x89PNG"):
        yield from _walk(content, 8, len(content), head=12, order="big")
    elif content.startswith(b"RIFF"):
        yield from ((start, end) for start, end in _riff(content))
    elif content[4:8] == b"ftyp" or content[4:8] in {b"wide", b"free", b"mdat"}:
        yield from _walk(content, 0, len(content), head=0, order="big")


def _walk(content: bytes, at: int, end: int, *, head: int, order: str) -> Iterator[tuple[int, int]]:
    while at + 8 <= end:
        size = int.from_bytes(content[at : at + 4], "big") + head
        if size < 8 or at + size > end:
            return
        yield at, at + size
        if content[at + 4 : at + 8] in _CONTAINERS:
            yield from _walk(content, at + 8, at + size, head=head, order=order)
        at += size


def _riff(content: bytes) -> Iterator[tuple[int, int]]:
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        yield at + 4, min(len(content), at + 8 + size + size % 2)
        at += 8 + size + size % 2


_Damage = Callable[[bytes, random.Random], bytes]
_DAMAGES: tuple[tuple[str, _Damage, int], ...] = (
    ("bit flips", _flip, 6),
    ("damaged index", _flip_head, 8),
    ("broken off", _truncate, 4),
    ("box surgery", _operate, 8),
)
