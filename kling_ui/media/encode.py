"""Writing clips: H.264 in MP4, frame by frame, with the sound of another clip beside it."""

import contextlib
import errno
import math
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.plane import VideoPlane
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.colour import BT709, subsample
from kling_ui.media.files import atomic_file
from kling_ui.media.timestamps import MediaClock
from kling_ui.media.video import DEMUXERS, open_container, picture_track, sound_track

BIT_RATE = 128_000
PACKET_SAMPLES = 1024  # of AAC
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
RAW_AAC_CONTAINERS = frozenset({"mp4", "mov", "matroska", "webm", "flv"})  # AAC without ADTS headers: can be copied
# Near-lossless to the eye for flat, drawn-looking pictures, and fast enough to keep up with the drawing.
X264_OPTIONS = {"preset": "veryfast", "crf": "19", "profile": "high", "threads": "1"}
# Quick enough to keep up with the drawing, near-lossless to the eye.
VP9_OPTIONS = {"crf": "24", "deadline": "realtime", "cpu-used": "6", "row-mt": "1", "threads": "2", "auto-alt-ref": "0"}
WEBM_TICKS_PER_S = 1000  # WebM tells times in milliseconds
KEYFRAME_EVERY_S = 1.0  # short, so that a player can scrub
RATE_DENOMINATOR_MAX = 1001  # that of NTSC rates; averages of uneven clips are fractions too long for a time base
TICKS_PER_FRAME = 1000  # resolution of frame times, for clips whose frames are not evenly spaced
_SOUND_STEP_S = 0.04  # left between recordings that were put behind each other; the longest packets of sound take less
SOUND_OVERHANG_S = 0.1  # sound may outlast the picture by this much, as AAC frames usually do


class SoundTrack:
    """The sound track of a clip that players play, added to a file that is being written; use it as a context manager.

    A clip without sound adds nothing.

    Args:
        out: The file that is being written.
        path: The clip.
        container: What kind of file it is, as :data:`kling_ui.media.video.DEMUXERS` names it.
        span_s: Where in the clip the written file starts, and how long it is, in seconds.
    """

    def __init__(self, out: OutputContainer, path: Path, container: str, span_s: tuple[float, float]) -> None:
        self._out = out
        self._waiting: tuple[float, av.Packet | av.AudioFrame] | None = None
        self._packets: Iterator[tuple[float, av.Packet | av.AudioFrame]] = iter(())
        self._encoder: AudioStream | None = None
        self._end_s = span_s[1]
        with ExitStack() as stack:
            source = stack.enter_context(open_container(stack.enter_context(path.open("rb")), DEMUXERS[container]))
            if track := sound_track(source):
                self._connect(source, track, container, span_s[0])
            self._stack = stack.pop_all()

    def copy_until(self, time_s: float) -> None:
        """Pass on what sounds before ``time_s``, in seconds of the written file."""
        while (item := self._waiting or next(self._packets, None)) is not None:
            self._waiting = item
            if item[0] >= time_s:
                return
            self._waiting = None
            if item[0] + _length_s(item[1]) <= self._end_s + 1e-6:
                self._pass_on(item[1])

    def finish(self) -> None:
        """Pass on what the encoder still holds."""
        if self._encoder is not None:
            self._out.mux(self._encoder.encode(None))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _connect(self, source: InputContainer, track: AudioStream, container: str, start_s: float) -> None:
        zero_s = _start_s(source) + start_s
        if track.codec_context.name == "aac" and container in RAW_AAC_CONTAINERS:
            target = self._out.add_stream_from_template(track)
            self._packets = _copied(source, track, target, zero_s)
        else:
            target = self._encoder = _add_aac(self._out, track)
            self._end_s -= PACKET_SAMPLES / target.codec_context.sample_rate  # the encoder fills up its last packet
            self._packets = _resampled(source, track, target, zero_s)

    def _pass_on(self, item: av.Packet | av.AudioFrame) -> None:
        if isinstance(item, av.Packet):
            self._out.mux(item)
        elif self._encoder is not None:
            self._out.mux(self._encoder.encode(item))


def _copied(
    source: InputContainer, track: AudioStream, target: AudioStream, zero_s: float
) -> Iterator[tuple[float, av.Packet]]:
    clock = MediaClock(_SOUND_STEP_S)
    for packet in source.demux(track):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        clock.time_s(float(packet.dts * packet.time_base))
        shift = round((zero_s - clock.shift_s) / packet.time_base)
        packet.pts -= shift
        packet.dts -= shift
        if packet.pts >= 0:
            packet.stream = target
            yield float(packet.pts * packet.time_base), packet


def _resampled(
    source: InputContainer, track: AudioStream, target: AudioStream, zero_s: float
) -> Iterator[tuple[float, av.AudioFrame]]:
    context = target.codec_context
    resampler = av.AudioResampler(format="fltp", layout=context.layout, rate=context.sample_rate)
    clock = MediaClock(_SOUND_STEP_S)
    for frame in chain(source.decode(track), [None]):
        for out in resampler.resample(frame):
            if out.pts is None or not out.time_base:
                continue
            # In samples: the source's own units may be whole packets, as in AVI, which is too coarse for an encoder.
            clock.time_s(float(out.pts * out.time_base))
            out.pts = round((out.pts * out.time_base + clock.shift_s - zero_s) * out.sample_rate)
            out.time_base = Fraction(1, out.sample_rate)
            if out.pts >= 0:
                yield float(out.pts * out.time_base), out


def _add_aac(file: OutputContainer, track: AudioStream) -> AudioStream:
    rate = track.codec_context.sample_rate
    stream = file.add_stream("aac", rate=rate if rate in AAC_RATES else 48_000)
    stream.bit_rate = BIT_RATE
    stream.layout = "mono" if track.codec_context.channels == 1 else "stereo"
    return stream


def _length_s(item: av.Packet | av.AudioFrame) -> float:
    if isinstance(item, av.Packet):
        return float((item.duration or 0) * item.time_base)
    return item.samples / item.sample_rate


def _start_s(source: InputContainer) -> float:
    """When the picture starts, which is the zero of our own times."""
    video = picture_track(source)
    return float((video.start_time or 0) * video.time_base) if video is not None and video.time_base else 0.0


class ClipWriter:
    """Writes an H.264 (yuv420p, faststart) MP4; use it as a context manager.

    The file appears under its name only when everything was written; on any error nothing is left behind.

    Args:
        out: The MP4 to write.
        fps: Nominal frames per second.
        size: ``(width_px, height_px)``, both even.
        sound_from: A clip whose sound is kept in sync from its picture's start, or ``None``.
        sound_container: What kind of file ``sound_from`` is, as :data:`kling_ui.media.video.DEMUXERS` names it.
        sound_start_s: Where in that clip the first frame was shown, in seconds.
        sound_end_s: When the sound is over at the latest, in seconds from the first frame; ``None`` lets its last
            packet outlast the picture a little.
        x264_options: Options of the encoder.
        comment: What the file says of itself; most players show it somewhere.

    Attributes:
        out: The MP4.
        frames: How many were written.
        last_shown_s: How long the last frame stays, in seconds; by default as long as the nominal rate says.

    Raises:
        MediaError: The file cannot be written.
        ValueError: The size is odd or empty.
    """

    def __init__(
        self,
        out: Path,
        *,
        fps: Fraction,
        size: tuple[int, int],
        sound_from: Path | None = None,
        sound_container: str = "mp4",
        sound_start_s: float = 0.0,
        sound_end_s: float | None = None,
        x264_options: Mapping[str, str] = X264_OPTIONS,
        comment: str = "",
    ) -> None:
        if min(size) < 2 or size[0] % 2 or size[1] % 2:
            raise ValueError(f"the size must be even and not empty, not {size}")
        self.out = out
        self.frames = 0
        self.last_shown_s: float | None = None
        self._fps = fps = fps.limit_denominator(RATE_DENOMINATOR_MAX)
        self._end_s = 0.0
        self._sound: SoundTrack | None = None
        with ExitStack() as stack, _writing(out):
            part = stack.enter_context(atomic_file(out))
            options = {"movflags": "+faststart"}
            opened = av.open(os.fspath(part), "w", format="mp4", options=options)
            self._file: OutputContainer = stack.enter_context(opened)
            if comment:
                self._file.metadata["comment"] = comment
            self._video = _add_video(self._file, fps, size, x264_options)
            if sound_from is not None:
                span_s = sound_start_s, math.inf if sound_end_s is None else sound_end_s
                self._sound = stack.enter_context(SoundTrack(self._file, sound_from, sound_container, span_s))
            self._stack = stack.pop_all()

    def write(self, rgb: np.ndarray, *, time_s: float | None = None) -> None:
        """Append one frame.

        Args:
            rgb: ``(height, width, 3)`` uint8 of the writer's size.
            time_s: When it is shown, in seconds from the start; by default evenly spaced at the nominal rate.

        Raises:
            MediaError: The file cannot be written.
        """
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        self.write_frame(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709), time_s=time_s)

    def write_ycbcr(self, ycbcr: np.ndarray, *, time_s: float | None = None) -> None:
        """Append one frame that was drawn in the clip's own colours; see :mod:`kling_ui.media.colour`.

        Args:
            ycbcr: ``(height, width, 3)`` uint8 of the writer's size.
            time_s: As for :meth:`write`.

        Raises:
            MediaError: The file cannot be written.
        """
        frame = av.VideoFrame(ycbcr.shape[1], ycbcr.shape[0], "yuv420p")
        subsample(ycbcr, [_pixels(plane) for plane in frame.planes])
        self.write_frame(frame, time_s=time_s)

    def write_frame(self, frame: av.VideoFrame, *, time_s: float | None = None) -> None:
        """Append one frame that is ready to be encoded.

        Args:
            frame: yuv420p of the writer's size, BT.709, limited range; its time is set here.
            time_s: As for :meth:`write`.

        Raises:
            MediaError: The file cannot be written.
        """
        frame.time_base = 1 / self._fps / TICKS_PER_FRAME
        frame.pts = self._ticks(time_s)
        shown_s = float(frame.pts * frame.time_base)
        with _writing(self.out):
            if self._sound is not None:
                self._sound.copy_until(shown_s)
            self._file.mux(self._video.encode(frame))
        self.frames += 1
        self._end_s = shown_s + float(1 / self._fps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._abandon(error)
            return
        with _writing(self.out), self._stack:
            if not self.frames:
                raise MediaError("it would hold no picture.", path=self.out)
            self._file.mux(self._last_packets())
            if self._sound is not None:
                self._sound.copy_until(self._end_s + SOUND_OVERHANG_S)
                self._sound.finish()

    def _last_packets(self) -> list[av.Packet]:
        packets = self._video.encode(None)
        if self.last_shown_s is not None and self.last_shown_s > 0 and packets:
            last = max(packets, key=lambda packet: packet.pts or 0)
            last.duration = round(self.last_shown_s / last.time_base)
            self._end_s = float((last.pts or 0) * last.time_base) + self.last_shown_s
        return packets

    def _abandon(self, error: BaseException) -> None:
        reason = _AbandonedError(error)  # whatever happened in the body is the caller's to tell, not the file's
        with contextlib.suppress(_AbandonedError, OSError, ValueError):
            self._stack.__exit__(_AbandonedError, reason, None)

    def _ticks(self, time_s: float | None) -> int:
        even = self.frames * TICKS_PER_FRAME
        if time_s is None:
            return even
        ticks = round(time_s * float(self._fps) * TICKS_PER_FRAME)
        return even if abs(ticks - even) <= 2 else ticks  # rounding in the source's own clock


class ClearClipWriter:
    """Writes a silent WebM (VP9) whose pictures are partly transparent; use it as a context manager.

    The file appears under its name only when everything was written; on any error nothing is left behind.

    Args:
        out: The WebM to write.
        fps: Nominal frames per second.
        size: ``(width_px, height_px)``, both even.

    Raises:
        MediaError: The file cannot be written.
    """

    def __init__(self, out: Path, *, fps: Fraction, size: tuple[int, int]) -> None:
        self.out = out
        self.frames = 0
        fps = fps.limit_denominator(RATE_DENOMINATOR_MAX)
        with ExitStack() as stack, _writing(out):
            part = stack.enter_context(atomic_file(out))
            self._file: OutputContainer = stack.enter_context(av.open(os.fspath(part), "w", format="webm"))
            self._video = self._file.add_stream("libvpx-vp9", rate=fps, options=dict(VP9_OPTIONS))
            self._video.width, self._video.height = size
            self._video.pix_fmt = "yuva420p"
            self._video.bit_rate = 0  # quality decides
            context = self._video.codec_context
            context.gop_size = max(1, round(float(fps) * KEYFRAME_EVERY_S))
            context.time_base = self._video.time_base = Fraction(1, WEBM_TICKS_PER_S)
            context.color_primaries = context.color_trc = context.colorspace = BT709
            self._stack = stack.pop_all()

    def write(self, ycbcr: np.ndarray, alpha: np.ndarray, *, time_s: float) -> None:
        """Append one frame.

        Args:
            ycbcr: ``(height, width, 3)`` uint8 of the writer's size, not premultiplied.
            alpha: ``(height, width)`` uint8.
            time_s: When it is shown, in seconds from the start.

        Raises:
            MediaError: The file cannot be written.
        """
        frame = av.VideoFrame(ycbcr.shape[1], ycbcr.shape[0], "yuva420p")
        *colours, clear = (_pixels(plane) for plane in frame.planes)
        subsample(ycbcr, colours)
        clear[:] = alpha
        frame.time_base, frame.pts = Fraction(1, WEBM_TICKS_PER_S), round(time_s * WEBM_TICKS_PER_S)
        with _writing(self.out):
            self._file.mux(self._video.encode(frame))
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with contextlib.suppress(_AbandonedError, OSError, ValueError):
                self._stack.__exit__(_AbandonedError, _AbandonedError(error), None)
            return
        with _writing(self.out), self._stack:
            if not self.frames:
                raise MediaError("it would hold no picture.", path=self.out)
            self._file.mux(self._video.encode(None))


class _AbandonedError(Exception):
    pass


@contextmanager
def _writing(out: Path) -> Generator[None]:
    """Turn what libav says about a file that cannot be written into our own error."""
    try:
        yield
    except av.FFmpegError as error:
        reason = (error.strerror or "unknown reason").lower()
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        advice = "Free some space and try again." if is_full else "Save the source as another format and try again."
        raise MediaError(Told("it cannot be written ({reason}).", reason=reason), path=out, advice=advice) from error


def _pixels(plane: VideoPlane) -> np.ndarray:
    """``(height, width)`` uint8: a view of a frame's plane, without what pads its rows."""
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _add_video(
    file: OutputContainer, fps: Fraction, size: tuple[int, int], x264_options: Mapping[str, str]
) -> VideoStream:
    stream = file.add_stream("libx264", rate=fps, options=dict(x264_options))
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = 1 / fps / TICKS_PER_FRAME
    context = stream.codec_context
    context.time_base = stream.time_base
    context.gop_size = max(1, round(float(fps) * KEYFRAME_EVERY_S))
    context.color_primaries = context.color_trc = context.colorspace = BT709
    return stream
