import io
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph
from field_streams import h264_frames, mpeg2_stream

from kling_ui.media.probe import probe_video
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.media.video import read_frames
from kling_ui.vision.frame_sampling import load_sampled_frames

SIDE_PX, FRAMES = 160, 24


def combs(rgb: np.ndarray) -> float:
    """How much each row differs from the mean of its neighbours."""
    rows = rgb[:, :, 0].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """A light bar that moves 8 px from field to field, over grey."""
    drawn = np.full((FRAMES, SIDE_PX, SIDE_PX), 60, np.uint8)
    for number, frame in enumerate(drawn):
        for lower in (0, 1):
            left = 8 * ((2 * number + lower) % 14)
            frame[lower::2, left : left + 40] = 200
    return list(drawn)


def mux(path: Path, packets: Sequence[bytes], *, codec: str, each_s: Fraction) -> Path:
    with av.open(io.BytesIO(b"".join(packets)), format=codec) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for number, content in enumerate(packets):
            packet = av.Packet(content)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = each_s, stream, number == 0
            packet.duration = 1
            out.mux(packet)
    return path


def check_seen_whole(path: Path, folder: Path) -> None:
    facts = probe_video(path)
    assert facts.is_interlaced
    assert (facts.frame_count, facts.fps, facts.has_variable_rate) == (FRAMES, 25, False)
    assert facts.duration_s == pytest.approx(FRAMES / 25)
    shown = list(read_frames(path, container=facts.format))
    assert [round(frame.time_s * 25) for frame in shown] == list(range(FRAMES))
    sampled = load_sampled_frames(path, container=facts.format, fps=facts.fps)
    assert max(combs(frame.rgb) for frame in (*shown, *sampled)) < 2  # 16 as coded
    wanted = VideoTransform(size=(SIDE_PX, SIDE_PX), fps=Fraction(25), start_s=0.0, end_s=facts.duration_s)
    repaired = transform_video(path, replace(wanted, keep_sound=False), folder)
    assert (repaired.is_interlaced, repaired.frame_count) == (False, FRAMES)


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "ts"])
def test_h264_of_field_pictures(frames, tmp_path, container):
    packets = list(h264_frames(frames))
    check_seen_whole(mux(tmp_path / f"a.{container}", packets, codec="h264", each_s=Fraction(1, 25)), tmp_path)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_h264_whose_packets_hold_one_field_each(frames, tmp_path, container):
    second = re.compile(rb"\x00\x00\x00\x01\x61")
    packets = []
    for content in h264_frames(frames):
        place = [found.start() for found in second.finditer(content)][-1]
        packets += [content[:place], content[place:]]
    check_seen_whole(mux(tmp_path / f"a.{container}", packets, codec="h264", each_s=Fraction(1, 50)), tmp_path)


@pytest.mark.parametrize("container", ["mp4", "mpg", "ts"])
def test_mpeg2_of_field_pictures(frames, tmp_path, container):
    stream = mpeg2_stream(frames)
    starts = [found.start() for found in re.finditer(rb"\x00\x00\x01\x00", stream)][2::2]
    packets = [stream[start:end] for start, end in zip([0, *starts], [*starts, len(stream)], strict=True)]
    check_seen_whole(mux(tmp_path / f"a.{container}", packets, codec="mpegvideo", each_s=Fraction(1, 25)), tmp_path)


@pytest.mark.parametrize(
    ("codec", "suffix", "pixels", "options"),
    [
        ("libx264", "mp4", "yuv420p", {"flags": "+ildct+ilme", "x264-params": "tff=1"}),
        ("libx264", "mov", "yuv420p", {"flags": "+ildct+ilme", "x264-params": "tff=1:fake-interlaced=1"}),
        ("mpeg2video", "mpg", "yuv420p", {"flags": "+ildct+ilme", "q": "3"}),
        ("mpeg4", "mp4", "yuv420p", {"flags": "+ildct+ilme"}),
        ("prores_ks", "mov", "yuv422p10le", {"flags": "+ildct+ilme"}),
        ("dvvideo", "avi", "yuv420p", {}),
        ("ffv1", "mkv", "yuv420p", {"flags": "+ildct+ilme", "field_order": "tt"}),
    ],
)
def test_other_interlaced_codecs(tmp_path, codec, suffix, pixels, options):
    path, (width, height), fields = tmp_path / f"fields.{suffix}", (720, 576), Graph()
    shape = f"video_size={width}x{height}:pix_fmt={pixels}:time_base=1/25"
    fields.link_nodes(
        fields.add("buffer", shape),
        fields.add("setfield", "bff" if codec == "dvvideo" else "tff"),
        fields.add("buffersink"),
    ).configure()
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=25, options=options)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, pixels, 20_000_000
        for number in range(12):
            rgb = np.full((height, width, 3), 60, np.uint8)
            for lower in (0, 1):
                left = 20 + 8 * (2 * number + lower) % 240
                rgb[lower::2, left : left + 40] = 230
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            fields.vpush(picture)
            marked = fields.vpull()
            marked.pts, marked.time_base = number, Fraction(1, 25)
            out.mux(video.encode(marked))
        out.mux(video.encode(None))
    facts = probe_video(path)
    assert facts.is_interlaced
    assert facts.frame_count == 12
    assert max(combs(frame.rgb) for frame in read_frames(path, container=facts.format)) < 2


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(1, 2)])
def test_hevc_of_field_pictures_has_its_shape(tmp_path, aspect):
    """Each field is a picture; files differ in whether the shape of pixels is that of fields or of frames."""
    path = tmp_path / "fields.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx265", rate=50, options={"x265-params": "interlace=tff:log-level=none"})
        video.width, video.height, video.pix_fmt = 320, 120, "yuv420p"
        video.codec_context.sample_aspect_ratio = aspect
        for number in range(20):
            rgb = np.full((120, 320, 3), 60, np.uint8)
            rgb[40:80, 10 * number : 10 * number + 80] = 230
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 50)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
    facts = probe_video(path)
    assert facts.is_interlaced
    assert (facts.width_px, facts.height_px, facts.frame_count) == (320, 240, 20)
    shown = [frame.rgb[:, :, 0] for frame in read_frames(path, container="mp4")]
    assert len(shown) == 20
    for number, grey in enumerate(shown):
        assert grey.shape == (240, 320)
        rows, columns = (np.flatnonzero(grey.mean(axis=axis) > 70) for axis in (1, 0))
        assert (rows[0], rows[-1]) == pytest.approx((80, 159), abs=3)
        assert columns[0] == pytest.approx(10 * number, abs=4)
