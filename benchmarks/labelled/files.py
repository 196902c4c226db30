"""Saving drawn pictures and clips in every format that people upload."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from figure import tune
from PIL import Image, ImageCms

from benchmarks.labelled.reel import Reel

SAMPLE_RATE = 44_100
TICKS = 1000  # of a frame's time, for clips whose rate varies
_EXIF_ORIENTATION = 0x0112
_HLG, _BT2020 = 18, 9  # ITU-T H.273
_HLG_WHITE = 0.26496  # scene light of white in an HLG clip, 0-1
_BT709_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


@dataclass(frozen=True, slots=True)
class Encoding:
    """How something is saved.

    Attributes:
        suffix: Of the file's name; with PyAV or Pillow it also means the container.
        codec: Of a clip.
        pixels: A clip's pixel format, or a picture's mode.
        options: For the encoder.
        sound: A clip has a sound track.
        is_uneven: A clip's frames are not evenly timed.
        is_hlg: A clip says that it is HDR (HLG, BT.2020).
        turns: The second half of a clip has its sides the other way round.
        size_bytes: Pad the file to this size.
        lost: So many coded pictures in the middle are written over.
        is_noise: What is lost is random bytes, as of a failing disk, and not zeros, as of a download.
    """

    suffix: str
    codec: str = "libx264"
    pixels: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    sound: bool = False
    is_uneven: bool = False
    is_hlg: bool = False
    turns: bool = False
    size_bytes: int = 0
    lost: int = 0
    is_noise: bool = False


PNG, MP4 = Encoding("png"), Encoding("mp4")


def save_picture(rgb: np.ndarray, path: Path, encoding: Encoding) -> None:
    """Write a picture.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        path: Where to.
        encoding: ``options`` go to Pillow; ``exif`` there is the orientation's number, ``frames`` makes it move, and
            ``clear`` is the share of the width that is transparent from the left.
    """
    picture, options = Image.fromarray(rgb), dict(encoding.options)
    if "clear" in options:
        alpha = np.full(rgb.shape[:2], 255, np.uint8)
        alpha[:, : round(options.pop("clear") * rgb.shape[1])] = 0
        picture.putalpha(Image.fromarray(alpha))
    if "exif" in options:
        exif = Image.Exif()
        exif[_EXIF_ORIENTATION] = options["exif"]
        options["exif"] = exif
    if "frames" in options:
        options |= {"save_all": True, "append_images": [picture.rotate(turn) for turn in range(options.pop("frames"))]}
    picture = picture.convert(encoding.pixels) if encoding.pixels else picture
    picture.save(path, **options)
    _pad(path, encoding)


def usual_profile() -> bytes:
    """The colour profile sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def other_profile() -> bytes:
    """A colour profile that nobody can take for sRGB: red and blue have changed places."""
    return usual_profile().replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


def save_reel(reel: Reel, path: Path, encoding: Encoding) -> None:
    """Write a clip; its size is rounded down to even numbers."""
    if not encoding.turns:
        return _save(reel, path, encoding)
    half_s, height, width = reel.duration_s / 2, *reel.frames.shape[1:3]
    halves = reel.part(0, half_s), reel.part(half_s, reel.duration_s).scaled(height, width)
    for number, half in enumerate(halves):  # transport streams may just be put behind each other
        _save(half, path.with_name(f"{number}-{path.name}"), encoding, first=number * len(halves[0].frames))
    parts = [path.with_name(f"{number}-{path.name}") for number in range(2)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return None


def _save(reel: Reel, path: Path, encoding: Encoding, first: int = 0) -> None:
    height, width = (side // 2 * 2 for side in reel.frames.shape[1:3])
    with av.open(str(path), "w") as container:
        options = {"crf": "23", "preset": "veryfast"} | dict(encoding.options)
        video = cast(VideoStream, container.add_stream(encoding.codec, rate=reel.fps, options=options))
        video.width, video.height, video.pix_fmt = width, height, encoding.pixels or "yuv420p"
        video.thread_count = 1
        if encoding.is_hlg:
            video.codec_context.color_trc, video.codec_context.color_primaries = _HLG, _BT2020
            video.codec_context.colorspace = _BT2020
        video.codec_context.time_base = Fraction(1, reel.fps * TICKS if encoding.is_uneven else reel.fps)
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if encoding.sound else None
        for frame, place in zip(reel.frames, _times(len(reel.frames), is_uneven=encoding.is_uneven), strict=True):
            shown = np.ascontiguousarray(frame[:height, :width])
            if encoding.is_hlg:
                picture = _as_hlg(shown, video.pix_fmt)
            else:
                picture = av.VideoFrame.from_ndarray(shown, format="rgb24")
            picture.pts, picture.time_base = first + place, video.codec_context.time_base
            container.mux(video.encode(picture))
        container.mux(video.encode())
        if audio is not None:
            _add_sound(container, audio, reel.duration_s)
    _pad(path, encoding)
    if encoding.lost:
        _lose(path, encoding)


def _lose(path: Path, encoding: Encoding) -> None:
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content, middle = bytearray(path.read_bytes()), len(packets) // 2
    for packet in packets[middle : middle + encoding.lost]:
        start, size = content.index(packet), len(packet)
        content[start : start + size] = np.random.default_rng(size).bytes(size) if encoding.is_noise else bytes(size)
    path.write_bytes(content)


def _as_hlg(rgb: np.ndarray, pixel_format: str) -> av.VideoFrame:
    """The frame of an HLG clip that shows what these pixels show: ITU-R BT.2087-0 and BT.2100-2, white at 75 %."""
    level = rgb / 255.0
    light = np.where(level < 0.081, level / 4.5, ((level + 0.099) / 1.099) ** (1 / 0.45)) @ _BT709_TO_BT2020.T
    scene = _HLG_WHITE * light.clip(0)
    signal = np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log((12 * scene - 0.28466892).clip(1e-9)) + 0.55991073
    )
    deep = av.VideoFrame.from_ndarray((signal * 65535 + 0.5).astype(np.uint16), format="rgb48le")
    return deep.reformat(format=pixel_format, dst_colorspace=_BT2020, dst_color_range=ColorRange.MPEG)


def _times(count: int, *, is_uneven: bool) -> Iterator[int]:
    for place in range(count):
        late = round(TICKS * 0.45 * np.sin(place * 2.3)) if place else 0
        yield place * TICKS + late if is_uneven else place


def _add_sound(container: OutputContainer, audio: av.AudioStream, duration_s: float) -> None:
    samples = np.clip(tune(duration_s), -1, 1).astype(np.float32)
    for at in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def _pad(path: Path, encoding: Encoding) -> None:
    """Add what readers skip: a "free" box to an MP4, plain bytes behind a picture's end; as holes, not on disk."""
    missing = encoding.size_bytes - path.stat().st_size
    if encoding.size_bytes <= 0:
        return
    with path.open("r+b") as file:
        file.seek(0, 2)
        if encoding.suffix == "mp4":
            file.write(struct.pack(">I4s", missing, b"free"))
        file.truncate(encoding.size_bytes)
