"""Making a changed copy of a clip: trim, crop, scale, rate and codec in one decoding and one encoding."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from av.video.reformatter import ColorRange

from kling_ui.errors import MediaError
from kling_ui.media.encode import ClipWriter
from kling_ui.media.files import ProgressFile
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.rectangles import (
    NO_MARGINS,
    Margins,
    Rect,
    Size,
)
from kling_ui.media.signatures import VIDEO_MAX_BYTES, sniff_video
from kling_ui.media.video import (
    constant_rate_frames,
    open_clip,
    pixel_aspect,
    quarter_turns,
)

_X264 = {"preset": "veryfast", "crf": "18", "profile": "high", "threads": "0"}
_SOUND_BITS = 320_000  # a second; the most that a copied AAC track usually has
_SIZE_SHARE = 0.95  # of the size allowed: the rest is for the container
_BURST_S = 1.0  # seconds' worth of bits that the encoder may spend ahead
_BITS_MIN, _BITS_MAX = 200_000, 400_000_000
_HD_HEIGHT_PX = 720  # from here on, a clip that does not name its colours means BT.709
_TURNS = {1: ("transpose=cclock",), 2: ("hflip", "vflip"), 3: ("transpose=clock",)}
_BT709, _BT601 = 1, 5  # libavutil's numbers
_MATRICES = {_BT709: "bt709", 4: "fcc", _BT601: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}


@dataclass(frozen=True, slots=True)
class VideoTransform:
    """What to make of a clip; the result is an upright H.264 MP4 (yuv420p, faststart) of constant rate.

    Attributes:
        size: Width and height of the kept part in the result, in px.
        fps: Frames a second of the result.
        start_s: Time of the first frame to keep.
        end_s: Where the result ends, in seconds of the original.
        crop: What to keep of each frame, in px as displayed; ``None`` keeps all.
        margins: Black added around it, in px of the result; with them each side is even.
        keep_sound: Keep the sound track, cut like the picture.
        max_bytes: Size that the file must not exceed.
    """

    size: Size
    fps: Fraction
    start_s: float
    end_s: float
    crop: Rect | None = None
    margins: Margins = NO_MARGINS
    keep_sound: bool = True
    max_bytes: int = VIDEO_MAX_BYTES

    @property
    def frame_count(self) -> int:
        """Frames of the result, at least 1."""
        return max(1, round((self.end_s - self.start_s) * self.fps))

    @property
    def duration_s(self) -> float:
        """How long the result lasts."""
        return float(self.frame_count / self.fps)


def transform_video(
    path: Path, transform: VideoTransform, folder: Path, *, stem: str = "mended", progress: Path | None = None
) -> VideoFacts:
    """Write a mended copy of a clip; the original is only read.

    Args:
        path: The original, of any supported format.
        transform: What to change.
        folder: Where the copy goes, which exists.
        stem: Its name without suffix.
        progress: A file that tells how far it is, see :mod:`kling_ui.media.files`.

    Returns:
        The facts of the copy, its path among them.

    Raises:
        MediaError: The original cannot be decoded or the copy cannot be written.
    """
    container, out, progress_file = sniff_video(path), folder / f"{stem}.mp4", ProgressFile(progress)
    with (
        open_clip(path, container=container) as (opened, stream),
        ClipWriter(
            out,
            fps=transform.fps,
            size=transform.margins.around(transform.size),
            sound_from=path if transform.keep_sound else None,
            sound_container=container,
            sound_start_s=transform.start_s,
            sound_end_s=transform.duration_s,
            x264_options=_X264 | _rate_options(transform),
        ) as writer,
    ):
        painter = _Painter(transform, pixel_aspect(stream))
        frames = constant_rate_frames(
            opened, stream, start_s=transform.start_s, fps=transform.fps, count=transform.frame_count
        )
        for decoded, ticks in frames:
            painted = painter.paint(decoded)
            for _ in range(ticks):
                writer.write_frame(painted)
            progress_file.tell(writer.frames / transform.frame_count)
        if not writer.frames:
            raise MediaError("nothing in this span can be decoded.", path=path, advice="Choose another span or clip.")
    return probe_video(out)


class _Painter:
    """Turns frames as coded into frames of the result, through one filter graph for each kind of frame met."""

    def __init__(self, transform: VideoTransform, aspect: float) -> None:
        self._mend = transform
        self._aspect = aspect
        self._graphs: dict[tuple[object, ...], Graph] = {}

    def paint(self, decoded: av.VideoFrame) -> av.VideoFrame:
        turns = quarter_turns(decoded)
        _name_colours(decoded)
        kind = decoded.width, decoded.height, decoded.format.name, decoded.colorspace, decoded.color_range, turns
        graph = self._graphs.get(kind)
        if graph is None:
            graph = self._graphs[kind] = _graph(decoded, self._filters(decoded, turns))
        graph.vpush(decoded)
        return graph.vpull()

    def _filters(self, decoded: av.VideoFrame, turns: int) -> list[str]:
        transform, size = self._mend, (round(decoded.width * self._aspect), decoded.height)
        filters = list(_TURNS.get(turns, ()))
        if transform.crop:
            if self._aspect != 1:
                shown = size if turns % 2 == 0 else size[::-1]
                filters.append("scale={}:{}:flags=lanczos".format(*shown))
            width, height = transform.crop.size
            filters.append(f"crop={width}:{height}:{transform.crop.left_px}:{transform.crop.top_px}")
        matrix = "" if decoded.format.is_rgb else f":in_color_matrix={_MATRICES[decoded.colorspace]}"
        flags = f"flags=lanczos+accurate_rnd:out_color_matrix=bt709:out_range=tv{matrix}"
        filters.append(f"scale={transform.size[0]}:{transform.size[1]}:{flags}")
        if any(transform.margins):
            width, height = transform.margins.around(transform.size)
            filters.append(f"pad={width}:{height}:{transform.margins.left_px}:{transform.margins.top_px}")
        return [*filters, "setsar=1", "format=yuv420p"]


def _graph(decoded: av.VideoFrame, filters: list[str]) -> Graph:
    graph = Graph()
    shape = f"video_size={decoded.width}x{decoded.height}:pix_fmt={decoded.format.name}:pixel_aspect=1/1"
    colours = "" if decoded.format.is_rgb else f":colorspace={_MATRICES[decoded.colorspace]}"
    limits = ":range=pc" if decoded.color_range == ColorRange.JPEG else ":range=tv"
    nodes = [graph.add("buffer", f"{shape}:time_base=1/1000{colours}{limits}")]
    nodes += [graph.add(*text.partition("=")[::2]) for text in filters]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


def _name_colours(decoded: av.VideoFrame) -> None:
    """Settle what the file leaves open about colours, as players do."""
    if decoded.format.is_rgb:
        decoded.color_range = ColorRange.JPEG
        return
    if decoded.colorspace not in _MATRICES:
        decoded.colorspace = _BT709 if decoded.height >= _HD_HEIGHT_PX else _BT601
    if decoded.color_range not in {ColorRange.MPEG, ColorRange.JPEG}:
        decoded.color_range = ColorRange.JPEG if decoded.format.name.startswith("yuvj") else ColorRange.MPEG


def _rate_options(transform: VideoTransform) -> dict[str, str]:
    sound = _SOUND_BITS if transform.keep_sound else 0
    bits = int(_SIZE_SHARE * transform.max_bytes * 8 / (transform.duration_s + _BURST_S)) - sound
    bits = max(_BITS_MIN, min(_BITS_MAX, bits))
    return {"maxrate": str(bits), "bufsize": str(int(bits * _BURST_S))}
