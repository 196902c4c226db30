import numpy as np
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.video import open_clip, read_frames, sample_frames

RED = (220, 30, 30)


def test_every_frame_once_at_its_time(make_clip):
    frames = list(read_frames(make_clip(), container="mp4"))
    assert [frame.index for frame in frames] == list(range(24))
    assert [frame.time_s for frame in frames] == pytest.approx([n / 24 for n in range(24)])
    assert frames[0].rgb.shape == (180, 320, 3)


def test_a_span_of_frames(make_clip):
    frames = list(read_frames(make_clip(), container="mp4", start_s=0.25, end_s=0.5))
    assert [frame.time_s for frame in frames] == pytest.approx([n / 24 for n in range(6, 12)])
    assert frames[0].index == 0


def test_every_third_frame_keeps_its_index_and_time(make_clip):
    path = make_clip()
    every = list(read_frames(path, container="mp4"))
    some = list(read_frames(path, container="mp4", every=3))
    assert [frame.index for frame in some] == list(range(0, 24, 3))
    assert [frame.time_s for frame in some] == [frame.time_s for frame in every[::3]]
    assert all((frame.rgb == every[frame.index].rgb).all() for frame in some)


@pytest.mark.parametrize(
    ("rotation", "shape", "red_at"),
    [(0, (180, 320), (5, 5)), (90, (320, 180), (-5, 5)), (180, (180, 320), (-5, -5)), (270, (320, 180), (5, -5))],
)
def test_frames_stand_upright(make_clip, rotation, shape, red_at):
    frame = next(read_frames(make_clip(rotation=rotation), container="mp4"))
    assert frame.rgb.shape == (*shape, 3)
    assert (np.abs(frame.rgb[red_at].astype(int) - RED) < 25).all()


def test_scaling_limits_the_longer_side(make_clip):
    frame = next(read_frames(make_clip(rotation=90), container="mp4", long_side_px=160))
    assert frame.rgb.shape == (160, 90, 3)


@pytest.mark.parametrize("keyframe_times_s", [(0.0,), (0.0, 0.5)], ids=["reading on", "jumping"])
def test_samples_are_the_frames_at_their_times(make_clip, keyframe_times_s):
    path = make_clip()
    every = list(read_frames(path, container="mp4"))
    wanted = [0.0, 0.1, 0.3, 0.52, 0.95]
    samples = list(sample_frames(path, container="mp4", times_s=wanted, keyframe_times_s=keyframe_times_s))
    expected = [next(frame for frame in every if frame.time_s >= time_s) for time_s in wanted]
    assert [sample.time_s for sample in samples] == [frame.time_s for frame in expected]
    assert [sample.index for sample in samples] == list(range(5))
    for sample, frame in zip(samples, expected, strict=True):
        assert np.array_equal(sample.rgb, frame.rgb)


def test_samples_behind_the_end_are_the_last_frame_once(make_clip):
    samples = list(sample_frames(make_clip(), container="mp4", times_s=[0.0, 0.5, 2.0, 3.0]))
    assert [sample.time_s for sample in samples] == pytest.approx([0.0, 0.5, 23 / 24])


def test_inexact_samples_are_a_few_frames_off_at_most(dance_mp4):
    wanted = [0.0, 0.4, 0.8, 1.2]
    samples = list(sample_frames(dance_mp4, container="mp4", times_s=wanted, exact=False))
    assert [sample.time_s for sample in samples] == pytest.approx(wanted, abs=5 / 16)
    assert samples[0].time_s == 0


def test_damage_in_the_middle_costs_only_what_it_hits(make_clip):
    path = make_clip(gop=4)
    content = bytearray(path.read_bytes())
    middle = (content.index(b"mdat") + content.index(b"moov")) // 2
    content[middle : middle + 60] = b"\xff" * 60
    path.write_bytes(content)
    times = [frame.time_s for frame in read_frames(path, container="mp4")]
    assert len(times) >= 16
    assert times[-1] == pytest.approx(23 / 24)


def test_an_error_of_the_caller_stays_the_callers(make_clip, tmp_path):
    with pytest.raises(FileNotFoundError), open_clip(make_clip(), container="mp4"):
        (tmp_path / "none").read_bytes()


def test_the_wrong_container_is_refused(make_clip):
    with pytest.raises(MediaError, match="cannot be decoded"):
        list(read_frames(make_clip(), container="matroska"))


def test_an_unknown_container_is_refused(make_clip):
    with pytest.raises(MediaError, match="hls is not a video format"):
        list(read_frames(make_clip(), container="hls"))
