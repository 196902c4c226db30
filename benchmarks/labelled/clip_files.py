"""The labelled clips whose files matter: formats, codecs, sizes, lengths, sound."""

from collections.abc import Callable

from benchmarks.labelled.case import BLOCK, HINT, WARN, Clip
from benchmarks.labelled.files import Encoding
from benchmarks.labelled.footage import plain
from benchmarks.labelled.reel import Reel
from kling_ui.options import Orientation, TransferOptions

AS_IMAGE = TransferOptions(orientation=Orientation.IMAGE, keep_sound=False)
VIDEO = Orientation.VIDEO


def lasting(duration_s: float) -> Callable[[Reel], Reel]:
    """The dance in a loop, in portrait format."""
    return lambda dance: dance.looped(duration_s).portrait()


def sized(width: int, height: int) -> Callable[[Reel], Reel]:
    """The talk at a size."""
    return lambda talk: talk.part(0, 3).scaled(width, height)


FORMAT_CLIPS = [
    Clip(name="mov", takes=("dance",), make=plain, encoding=Encoding("mov")),
    Clip(name="mkv", takes=("dance",), make=plain, encoding=Encoding("mkv"), must={"video.format": BLOCK}),
    Clip(
        name="webm-vp9",
        takes=("talk",),
        make=lambda talk: talk.part(0, 3.5),
        encoding=Encoding("webm", "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
        must={"video.format": BLOCK, "video.codec": WARN},
    ),
    Clip(
        name="avi-mpeg4",
        takes=("dance",),
        make=plain,
        encoding=Encoding("avi", "mpeg4", options={"qscale": "3", "b": "4M"}),
        must={"video.format": BLOCK, "video.codec": WARN},
    ),
    Clip(
        name="gif",
        takes=("talk",),
        make=lambda talk: talk.part(0, 3.5).scaled(640, 360),
        encoding=Encoding("gif", "gif", pixels="rgb8"),
        must={"video.format": BLOCK, "video.codec": WARN},
        may={"video.speed": "few colours leave hard or soft edges"},
    ),
    Clip(
        name="hevc",
        takes=("dance",),
        make=plain,
        encoding=Encoding("mp4", "libx265", options={"x265-params": "log-level=none"}),
        must={"video.codec": WARN},
    ),
    Clip(
        name="yuv444",
        takes=("talk",),
        make=lambda talk: talk,
        encoding=Encoding("mp4", pixels="yuv444p"),
        must={"video.codec": WARN},
    ),
    Clip(
        name="uneven-frames",
        takes=("dance",),
        make=plain,
        encoding=Encoding("mp4", is_uneven=True),
        must={"video.codec": HINT},
    ),
    Clip(
        name="hlg",
        takes=("talk",),
        make=lambda talk: talk,
        encoding=Encoding("mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none"}, is_hlg=True),
        must={"video.codec": WARN, "video.hdr": WARN},
    ),
    Clip(
        name="interlaced",
        takes=("dance",),
        make=plain,
        encoding=Encoding("mp4", options={"flags": "+ildct+ilme", "x264-params": "tff=1"}),
        must={"video.interlaced": WARN},
    ),
    Clip(
        name="turned-in-the-middle",
        takes=("dance",),
        make=plain,
        encoding=Encoding("ts", turns=True),
        must={"video.format": BLOCK, "video.size-changes": WARN},
        may={"video.cuts": "the picture jumps", "video.usable": "the picture jumps", "video.camera": "it jumps"},
    ),
    Clip(
        name="sound-is-there",
        takes=("dance",),
        make=plain,
        encoding=Encoding("mp4", sound=True),
        choice=TransferOptions(keep_sound=True),
    ),
    Clip(
        name="sound-is-missing",
        takes=("talk",),
        make=lambda talk: talk,
        choice=TransferOptions(keep_sound=True),
        must={"video.sound": HINT},
    ),
]

SIZE_CLIPS = [
    Clip(
        name="file-all-wrong",
        takes=("talk",),
        make=lambda talk: talk.part(0, 2.92).scaled(600, 338),
        encoding=Encoding("mkv", "libx265", options={"x265-params": "log-level=none"}),
        choice=TransferOptions(keep_sound=True),
        must={
            "video.format": BLOCK,
            "video.codec": WARN,
            "video.side": BLOCK,
            "video.duration": BLOCK,
            "video.sound": HINT,
        },
    ),
    Clip(name="99.9-mb", takes=("dance",), make=plain, encoding=Encoding("mp4", size_bytes=99_900_000)),
    Clip(
        name="100.1-mb",
        takes=("dance",),
        make=plain,
        encoding=Encoding("mp4", size_bytes=100_100_000),
        must={"video.size": BLOCK},
    ),
    Clip(name="side-340", takes=("talk",), make=sized(604, 340)),
    Clip(name="side-338", takes=("talk",), make=sized(600, 338), must={"video.side": BLOCK}),
    Clip(name="side-3850", takes=("talk",), make=sized(3850, 1080)),
    Clip(name="side-3852", takes=("talk",), make=sized(3852, 1080), must={"video.side": BLOCK}),
    Clip(name="2.9-s", takes=("dance",), make=lasting(2.92), must={"video.duration": BLOCK}),
    Clip(name="3.0-s", takes=("dance",), make=lasting(3.0)),
    Clip(name="10.0-s-image", takes=("dance",), make=lasting(10.0), choice=AS_IMAGE),
    Clip(
        name="10.2-s-image",
        takes=("dance",),
        make=lasting(10.25),
        choice=AS_IMAGE,
        must={"video.duration": BLOCK},
        orientation=VIDEO,
    ),
    Clip(name="10.2-s-video", takes=("dance",), make=lasting(10.25), orientation=VIDEO),
    Clip(name="30.0-s-video", takes=("dance",), make=lasting(30.0), orientation=VIDEO),
    Clip(
        name="30.2-s-video",
        takes=("dance",),
        make=lasting(30.25),
        must={"video.duration": BLOCK},
        orientation=VIDEO,
    ),
]
