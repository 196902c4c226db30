"""Times of clips whose own stamps begin anew, stand still or are missing."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kling_ui.media.probe import probe_video
from kling_ui.media.timestamps import MediaClock
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
