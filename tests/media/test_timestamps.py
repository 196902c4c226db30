"""Times of clips whose own stamps begin anew, stand still or are missing."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kling_ui.media.probe import probe_video
from kling_ui.media.timestamps import MediaClock, without_wild_stamps
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.media.video import read_frames


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 1, 2, 5, 5.5], [0, 1, 2, 5, 5.5]),
        ([3, 4, None, 6], [3, 4, 5, 6]),
        ([None, None, 0, 1], [0, 1, 2, 3]),
        ([0, 1, 1, 3], [0, 1, 1.5, 3]),
        ([0, 0, 0, 0], [0, 0.5, 1.5, 2.5]),
        ([0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2, -9, -8], [0, 1, 2, 3, 4]),
        ([0, 1, 0.9, 2], [0, 1, 1.0001, 2]),
    ],
    ids=["rising", "one missing", "first missing", "a pair", "all alike", "anew", "anew, negative", "a little back"],
)
def test_times_rise_whatever_the_stamps_do(stamps, times):
    clock = MediaClock(1.0)
    assert [clock.time_s(stamp) for stamp in stamps] == pytest.approx(times)


def brightness(path: Path, container: str) -> list[int]:
    return [int(frame.rgb[100, 250].mean()) for frame in read_frames(path, container=container)]


def unstamped(path: Path) -> Path:
    """Copy a clip into a Matroska file in which every picture has the same stamp."""
    out = path.with_name("unstamped.mkv")
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream, packet.pts, packet.dts = stream, 0, 0
                target.mux(packet)
    return out


def test_a_clip_whose_pictures_have_one_stamp_keeps_its_rate(make_clip, tmp_path):
    plain = make_clip()
    path = unstamped(plain)
    facts = probe_video(path)
    assert (facts.fps, facts.frame_count) == (24, 24)
    times_s = [frame.time_s for frame in read_frames(path, container="matroska")]
    assert times_s == pytest.approx(np.arange(24) / 24, abs=1 / 24)
    repaired = transform_video(path, VideoTransform((320, 180), Fraction(24), 0.0, 1.0), tmp_path)
    assert brightness(repaired.path, "mp4") == pytest.approx(brightness(plain, "mp4"), abs=6)


def test_recordings_put_behind_each_other_are_one_clip(make_clip, tmp_path):
    part = make_clip("part.ts", container="mpegts", sound=True).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part + part)
    facts = probe_video(path)
    assert (facts.fps, facts.frame_count, facts.duration_s) == (pytest.approx(24, abs=0.1), 48, pytest.approx(2))
    assert facts.keyframe_times_s == ()
    levels = brightness(path, "mpegts")
    assert levels[24:] == pytest.approx(levels[:24], abs=6)
    repaired = transform_video(path, VideoTransform((320, 180), Fraction(24), 0.0, 2.0), tmp_path)
    assert repaired.has_audio
    assert brightness(repaired.path, "mp4") == pytest.approx(levels, abs=6)
    with av.open(str(repaired.path)) as opened:
        heard_s = sum(frame.samples / frame.sample_rate for frame in opened.decode(audio=0))
    assert heard_s == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 1, 9000, 3, 4], [0, 1, 2, 3, 4]),
        ([0, 1, -9000, 3, 4], [0, 1, 2, 3, 4]),
        ([0, 1, 9000, 3, 9000, 5], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 60, 61, 62], [0, 1, 60, 61, 62]),  # a still picture for a minute
        ([0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 4, 5]),  # another recording
        ([0, 1, 2, 0.5, 1.5], [0, 1, 2, 3, 4]),
        ([0, 1, None, 3], [0, 1, 2, 3]),
        ([5], [5]),
        ([], []),
    ],
)
def test_a_single_wild_stamp_shifts_nothing(stamps, times):
    clock = MediaClock(1.0)
    tamed = without_wild_stamps((stamp, place) for place, stamp in enumerate(stamps))
    told = [(clock.time_s(stamp), place) for stamp, place in tamed]
    assert [place for _, place in told] == list(range(len(stamps)))
    assert [time_s for time_s, _ in told] == pytest.approx(times)


def with_wild_stamp(clip: Path, path: Path, *, place: int, by_s: float) -> Path:
    """Copy a clip into a Matroska file, and move the stamp of one picture: of a block, it lies before its content."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        streams = {one.index: target.add_stream_from_template(one) for one in source.streams}
        pictures = []
        for packet in source.demux():
            if packet.size:
                if packet.stream.type == "video":
                    pictures.append(bytes(packet))
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    content = bytearray(path.read_bytes())
    assert content.count(pictures[place]) == 1
    begin = content.index(pictures[place]) - 3  # two bytes of milliseconds since the cluster's own time, one of flags
    stamp = int.from_bytes(content[begin : begin + 2], "big", signed=True) + round(by_s * 1000)
    content[begin : begin + 2] = stamp.to_bytes(2, "big", signed=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("by_s", [25, -25])
@pytest.mark.parametrize("place", [9, 12])
def test_a_clip_with_a_wild_stamp_keeps_picture_and_sound_in_step(make_clip, tmp_path, by_s, place):
    plain = make_clip(sound=True)
    path = with_wild_stamp(plain, tmp_path / "wild.mkv", place=place, by_s=by_s)
    facts = probe_video(path)
    assert (facts.frame_count, facts.duration_s) == (24, pytest.approx(1, abs=0.05))
    assert not facts.has_variable_rate
    times_s = [frame.time_s for frame in read_frames(path, container="matroska")]
    assert times_s == pytest.approx(np.arange(24) / 24, abs=1.1 / 24)
    repaired = transform_video(path, VideoTransform((320, 180), Fraction(24), 0.0, 1.0), tmp_path)
    assert repaired.has_audio
    assert brightness(repaired.path, "mp4") == pytest.approx(brightness(plain, "mp4"), abs=6)
