from fractions import Fraction

import av
import numpy as np
import pytest

from kling_ui.media.damage import damaged_spans, is_whole, length_bytes
from kling_ui.media.probe import probe_video
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.media.video import read_frames

NOISE = np.random.default_rng(1).bytes


def spoil(path, places, bytes_of):
    """Write over the pictures at these places, in the order in which they are coded; say when they are shown."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as opened:
        packets = [packet for packet in opened.demux(video=0) if packet.size]
        spoiled = [(bytes(packets[place]), float(packets[place].pts * packets[place].time_base)) for place in places]
    for coded, _ in spoiled:
        start = content.index(coded)
        content[start : start + len(coded)] = bytes_of(len(coded))
    path.write_bytes(content)
    return tuple(sorted(time_s for _, time_s in spoiled))


@pytest.mark.parametrize("bytes_of", [bytes, NOISE], ids=["a hole", "noise"])
@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.mp4", "mp4", "libx264"),
        ("a.mov", "mov", "libx264"),
        ("a.mp4", "mp4", "libx265"),
        ("a.mkv", "matroska", "libx264"),
    ],
)
def test_pictures_that_were_written_over_are_found(make_clip, name, container, codec, bytes_of):
    clip = make_clip(name, container=container, codec=codec, frames=36)
    assert probe_video(clip).damaged_s == ()
    shown_s = spoil(clip, (14, 15, 16), bytes_of)
    assert probe_video(clip).damaged_s == pytest.approx(shown_s, abs=1e-3)


def test_codecs_and_containers_without_lengths_are_not_looked_at(make_clip):
    for name, container, codec in (("a.ts", "mpegts", "libx264"), ("a.webm", "webm", "libvpx-vp9")):
        clip = make_clip(name, container=container, codec=codec)
        with av.open(str(clip)) as opened:
            assert length_bytes(opened.streams.video[0]) == 0
        assert probe_video(clip).damaged_s == ()


@pytest.mark.parametrize(
    ("packet", "whole"),
    [
        (b"\0\0\0\3\x65ab\0\0\0\1\x01", True),
        (b"\0\0\0\3\x65ab\0\0\0\0", True),
        (b"\0\0\0\3\x65ab\0", True),
        (b"\0\0\0\4\x65ab", False),
        (b"\0\0\0\3\xe5ab", False),
        (b"\0\0\0\0\0\0\0\0", False),
        (b"\0\0\0\3\x65abcde", False),
        (b"\xff\xff\xff\xff\x65ab", False),
    ],
    ids=["two parts", "filled up", "filled up a little", "too long", "no header", "zeros", "something behind", "far"],
)
def test_lengths_have_to_lead_to_the_end(packet, whole):
    assert is_whole(packet, "h264", 4) is whole
    assert is_whole(memoryview(packet), "h264", 4) is whole


@pytest.mark.parametrize(
    ("damaged_s", "spans"),
    [
        ((), []),
        ((0.2,), [(0.2, 1.0)]),
        ((0.2, 0.3), [(0.2, 1.0)]),
        ((0.2, 1.0, 1.1), [(0.2, 2.0)]),
        ((0.2, 2.5), [(0.2, 1.0), (2.5, 3.0)]),
    ],
)
def test_pictures_are_wrong_until_the_next_one_that_builds_on_no_other(damaged_s, spans):
    assert damaged_spans(damaged_s, (0.0, 1.0, 2.0), 3.0) == spans


def test_a_repaired_clip_keeps_its_time_and_every_picture_that_can_be_read(make_clip, tmp_path):
    clip = make_clip("hurt.mp4", frames=36)
    spoil(clip, range(12, 24), bytes)  # all that are shown from 0.5 to 1 s
    transform = VideoTransform((320, 180), Fraction(24), 0.0, 1.5)
    facts = transform_video(clip, transform, tmp_path, stem="whole")
    assert (facts.frame_count, facts.duration_s, facts.damaged_s) == (36, 1.5, ())
    shown = [frame.rgb[-40:, 280:320].mean() for frame in read_frames(facts.path, container="mp4")]
    numbers = [round((level - 10) * 35 / 200) for level in shown]
    assert numbers == [*range(12), *[11] * 12, *range(24, 36)]
