from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.probe import probe_video


def reason_of(path: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe_video(path)
    assert path.name in str(caught.value)
    assert caught.value.advice
    return caught.value


def test_facts_of_a_plain_clip(make_clip):
    facts = probe_video(make_clip(sound=True, frames=36))
    assert (facts.format, facts.codec, facts.pixel_format) == ("mp4", "h264", "yuv420p")
    assert (facts.width_px, facts.height_px, facts.rotation_deg) == (320, 180, 0)
    assert (facts.frame_count, facts.fps, facts.duration_s) == (36, 24, 1.5)
    assert (facts.has_audio, facts.audio_codec) == (True, "aac")
    assert not facts.has_variable_rate
    assert facts.keyframe_times_s == (0.0, 0.5, 1.0)


def test_a_silent_clip_says_so(make_clip):
    facts = probe_video(make_clip())
    assert (facts.has_audio, facts.audio_codec) == (False, "")


@pytest.mark.parametrize(
    ("rotation", "size", "clockwise"),
    [(90, (180, 320), 270), (-90, (180, 320), 90), (180, (320, 180), 180), (37, (320, 180), 0)],
    ids=["left", "right", "upside down", "an absurd angle counts as the nearest quarter"],
)
def test_size_is_as_displayed(make_clip, rotation, size, clockwise):
    facts = probe_video(make_clip(rotation=rotation))
    assert (facts.width_px, facts.height_px) == size
    assert facts.rotation_deg == clockwise


def test_wide_pixels_count_as_displayed(make_clip):
    facts = probe_video(make_clip(pixel_aspect=Fraction(4, 3)))
    assert (facts.width_px, facts.height_px) == (427, 180)


@pytest.mark.parametrize(
    ("name", "container", "codec", "expected"),
    [
        ("a.mov", "mov", "libx264", ("mov", "h264")),
        ("misnamed.mp4", "matroska", "libx264", ("matroska", "h264")),
        ("misnamed.avi", "mp4", "libx264", ("mp4", "h264")),
        ("a.webm", "webm", "libvpx-vp9", ("webm", "vp9")),
        ("a.avi", "avi", "mpeg4", ("avi", "mpeg4")),
        ("a.ts", "mpegts", "libx264", ("mpegts", "h264")),
        ("a.3gp", "3gp", "libx264", ("3gp", "h264")),
        ("a.flv", "flv", "libx264", ("flv", "h264")),
    ],
)
def test_content_decides_the_format(make_clip, name, container, codec, expected):
    facts = probe_video(make_clip(name, container=container, codec=codec))
    assert (facts.format, facts.codec) == expected
    assert facts.duration_s == pytest.approx(1.0, abs=0.05)
    assert facts.fps == pytest.approx(24, abs=1.2)


def test_uneven_times_are_noticed(make_clip):
    facts = probe_video(make_clip(frames=12, pts=[0, 1, 2, 3, 10, 11, 12, 20, 21, 22, 30, 31]))
    assert facts.has_variable_rate
    assert facts.frame_count == 12
    assert facts.duration_s == pytest.approx(32 / 24, abs=0.01)


@pytest.mark.parametrize("announced_s", [0, 3600])
def test_a_lie_about_the_duration_is_not_believed(make_clip, announced_s):
    path = make_clip()
    content = bytearray(path.read_bytes())
    for kind, offset in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 24)):  # versions 0: 32-bit durations
        place = content.index(kind) + 4 + offset
        content[place : place + 4] = (announced_s * 1000).to_bytes(4, "big")
    path.write_bytes(content)
    facts = probe_video(path)
    assert facts.duration_s == pytest.approx(1.0, abs=0.05)
    assert facts.fps == pytest.approx(24, abs=1.2)


def test_nonsense_times_fall_back_on_an_even_rate(make_clip):
    far = 10**9
    facts = probe_video(make_clip("far.ts", frames=3, pts=[0, 1, far]))
    assert facts.frame_count == 3
    assert facts.duration_s == pytest.approx(3 / 24, rel=0.1)


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "empty" in reason_of(path).message


def test_a_missing_file(tmp_path):
    assert "no such file" in reason_of(tmp_path / "none.mp4").message


def test_a_folder(tmp_path):
    assert "cannot be opened" in reason_of(tmp_path).message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Dear all, here is the clip.", "text"),
        ("#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/hostname\n", "playlist"),
        ("ffconcat version 1.0\nfile '/etc/hostname'\n", "playlist"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "playlist"),
        ("<!DOCTYPE html><html></html>", "web page"),
    ],
)
def test_words_dressed_as_a_clip(tmp_path, text, word):
    path = tmp_path / "clip.mp4"
    path.write_text(text)
    assert word in reason_of(path).message


def test_a_picture_is_no_clip(person_png):
    assert "a PNG picture, not a video" in reason_of(person_png).message


def test_an_index_lost_at_the_end(make_clip):
    path = make_clip()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "index" in reason_of(path).message


def test_pictures_lost_at_the_end(make_clip):
    path = make_clip(faststart=True)
    path.write_bytes(path.read_bytes()[:-900])
    assert "last 900 bytes" in reason_of(path).message


def test_sound_alone(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        audio = out.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        out.mux([*audio.encode(frame), *audio.encode(None)])
    assert "no video track" in reason_of(path).message


def test_not_one_picture(make_clip):
    path = make_clip()
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    reason_of(path)


def test_copy_protection(make_clip):
    path = make_clip()
    content = path.read_bytes()
    place = content.index(b"avc1", content.index(b"stsd"))
    path.write_bytes(content[:place] + b"encv" + content[place + 4 :])
    assert "encrypted" in reason_of(path).message


def test_a_codec_box_of_noise(make_clip):
    path = make_clip()
    content = bytearray(path.read_bytes())
    place = content.index(b"avc1", content.index(b"stsd"))
    content[place : place + 4] = b"zzzz"
    path.write_bytes(content)
    reason_of(path)


def test_a_head_and_nothing_else(tmp_path):
    path = tmp_path / "head.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + np.random.default_rng(7).bytes(5000))
    reason_of(path)


def test_a_frame_beyond_all_measure(tmp_path):
    path = tmp_path / "huge.mov"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mjpeg", rate=24)
        video.width, video.height, video.pix_fmt = 8192, 4500, "yuvj420p"
        out.mux([*video.encode(av.VideoFrame(8192, 4500, "yuvj420p")), *video.encode(None)])
    assert "more than 36 million pixels" in reason_of(path).message
