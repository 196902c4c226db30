"""The sound of one clip on its way into another: copied when it is plain AAC, else encoded as AAC."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from kling_ui.media.video import DEMUXERS

BIT_RATE = 128_000
PACKET_SAMPLES = 1024  # of AAC
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
RAW_AAC_CONTAINERS = frozenset({"mp4", "mov", "matroska", "webm", "flv"})  # AAC without ADTS headers: can be copied


class SoundTrack:
    """The first sound track of a clip, added to a file that is being written; use it as a context manager.

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
            source = stack.enter_context(av.open(stack.enter_context(path.open("rb")), "r", format=DEMUXERS[container]))
            if source.streams.audio:
                self._connect(source, container, span_s[0])
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

    def _connect(self, source: InputContainer, container: str, start_s: float) -> None:
        track = source.streams.audio[0]
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
    for packet in source.demux(track):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        shift = round(zero_s / packet.time_base)
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
    for frame in chain(source.decode(track), [None]):
        for out in resampler.resample(frame):
            if out.pts is None or not out.time_base:
                continue
            # In samples: the source's own units may be whole packets, as in AVI, which is too coarse for an encoder.
            out.pts = round((out.pts * out.time_base - zero_s) * out.sample_rate)
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
    if not source.streams.video:
        return 0.0
    video = source.streams.video[0]
    return float((video.start_time or 0) * video.time_base) if video.time_base else 0.0
