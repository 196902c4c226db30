"""Copies that every browser shows: of which files they are made, and that pictures and times are the same."""

import os
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media.image import ImageFacts, probe_image
from kling_ui.media.playable import is_shown_everywhere, write_poster, write_shown_clip, write_shown_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.transform_video import write_played_copy
from kling_ui.media.video import read_frames

PLAIN = VideoFacts(Path("a.mp4"), "mp4", 1000, 1280, 720, 3.0, 24.0, 72, "h264", "yuv420p", 0, True, "aac")
PICTURE = ImageFacts(Path("a.png"), "png", 1000, 640, 480, 1, "RGB", has_alpha=False, frame_count=1)
WEBM = {"format": "webm", "codec": "vp9", "audio_codec": "opus"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"format": "mov"},
        {"audio_codec": "", "has_audio": False},
        {"audio_codec": "mp3"},
        {"pixel_format": "yuvj420p"},
        {"rotation_deg": 90},
        {"has_variable_rate": True},
        WEBM,
        WEBM | {"codec": "vp8", "audio_codec": "vorbis"},
    ],
    ids=str,
)
def test_clips_that_every_browser_plays(changes):
    assert is_shown_everywhere(replace(PLAIN, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"codec": "hevc"},
        {"codec": "prores", "format": "mov", "pixel_format": "yuv422p10le"},
        {"codec": "mjpeg", "format": "avi"},
        {"codec": "mpeg2video", "format": "mpeg"},
        {"codec": "gif", "format": "gif"},
        {"codec": "av1"},
        {"codec": "vp9"},
        {"format": "matroska"},
        {"format": "mpegts"},
        {"format": "3gp"},
        {"pixel_format": "yuv420p10le"},
        {"pixel_format": "yuv422p"},
        {"pixel_format": "yuv444p"},
        {"hdr": "HLG"},
        {"is_interlaced": True},
        {"is_mirrored": True},
        {"audio_codec": "pcm_s16le"},
        {"audio_codec": "ac3"},
        WEBM | {"codec": "av1"},
        WEBM | {"pixel_format": "yuva420p"},
    ],
    ids=str,
)
def test_clips_that_some_browser_does_not_play(changes):
    assert not is_shown_everywhere(replace(PLAIN, **changes))


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [
        ({}, True),
        ({"mode": "RGBA"}, True),
        ({"format": "jpeg", "mode": "L"}, True),
        ({"format": "avif"}, True),
        ({"format": "tiff"}, False),
        ({"format": "heif"}, False),
        ({"mode": "I;16"}, False),
        ({"format": "jpeg", "mode": "CMYK"}, False),
    ],
    ids=str,
)
def test_pictures_that_every_browser_shows(changes, is_shown):
    assert is_shown_everywhere(replace(PICTURE, **changes)) is is_shown


VARIANTS = {
    "hevc.mp4": ("libx265", "yuv420p", {"sound": "aac"}),
    "ten-bits.mp4": ("libx265", "yuv420p10le", {}),
    "prores.mov": ("prores_ks", "yuv422p10le", {"sound": "pcm_s16le"}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {"sound": "mp3"}),
    "h264.mkv": ("libx264", "yuv420p", {"sound": "ac3"}),
    "422.mp4": ("libx264", "yuv422p", {}),
    "444.mp4": ("libx264", "yuv444p", {}),
    "gif.gif": ("gif", "rgb8", {"fps": 25}),
    "mpeg2.ts": ("mpeg2video", "yuv420p", {"sound": "mp2"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "vp9.mkv": ("libvpx-vp9", "yuv420p", {}),
    "vp8.mkv": ("libvpx", "yuv420p", {}),
    "uneven.mkv": ("libx264", "yuv420p", {"times": [0, 1, 2, 4, 6, 7, 10, 12, 13, 14, 18, 20, 22, 23, 40]}),
    "59.94.mp4": ("libx265", "yuv420p", {"fps": 60}),
}


def numbers(path: Path, container: str) -> tuple[list[float], list[int]]:
    """The times of a clip's pictures and the numbers that they carry."""
    times, found = [], []
    for frame in read_frames(path, container=container):
        height, width = frame.rgb.shape[0] // 2, frame.rgb.shape[1] // 4
        fields = frame.rgb[: 2 * height, : 4 * width, 0].reshape(2, height, 4, width).mean((1, 3)).ravel()
        times.append(frame.time_s)
        found.append(int(sum(1 << place for place, level in enumerate(fields) if level > 125)))
    return times, found


@pytest.mark.parametrize("name", VARIANTS)
def test_a_copy_shows_the_same_pictures_at_the_same_times(numbered_clip, tmp_path, name):
    codec, pixel_format, how = VARIANTS[name]
    facts = probe_video(numbered_clip(name, codec, pixel_format, **how))
    copy = probe_video(write_played_copy(facts, tmp_path / "played.mp4"))
    assert is_shown_everywhere(copy)
    assert not is_shown_everywhere(facts) or name == "59.94.mp4"
    (times, found), (copied_times, copied) = numbers(facts.path, facts.format), numbers(copy.path, "mp4")
    assert copied == found == list(range(len(how.get("times") or range(36))))
    assert copied_times == pytest.approx(times, abs=2e-4)
    assert copy.duration_s == pytest.approx(facts.duration_s, abs=2e-3)
    assert copy.frame_count == facts.frame_count
    assert copy.audio_codec == ("aac" if facts.has_audio else "")


def test_a_copy_can_be_stepped_through_without_an_edit_list(numbered_clip, tmp_path):
    facts = probe_video(numbered_clip("hevc.mp4", "libx265"))
    path = write_played_copy(facts, tmp_path / "played.mp4")
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before all of it has come
    with av.open(str(path)) as opened:
        packets = [packet for packet in opened.demux(video=0) if packet.size]
    assert [packet.dts for packet in packets] == [packet.pts for packet in packets]


@pytest.mark.parametrize(
    ("size", "copied"), [((1920, 1080), (1280, 720)), ((1080, 1920), (720, 1280)), ((330, 186), (330, 186))]
)
def test_a_copy_has_at_most_720_rows_or_columns(make_clip, tmp_path, size, copied):
    facts = probe_video(make_clip("big.mkv", size=size, frames=2))
    copy = probe_video(write_played_copy(facts, tmp_path / "played.mp4"))
    assert (copy.width_px, copy.height_px) == copied


def test_a_clip_that_breaks_leaves_nothing(make_clip, tmp_path):
    path = make_clip("cut.mkv")
    facts = probe_video(path)
    path.write_bytes(path.read_bytes()[:600])
    (tmp_path / "out").mkdir()
    with pytest.raises(MediaError):
        write_played_copy(facts, tmp_path / "out" / "played.mp4")
    assert list((tmp_path / "out").iterdir()) == []


def test_copying_gives_way_and_leaves_the_worker_as_it_was(make_clip, tmp_path):
    before = os.nice(0)
    write_shown_clip(probe_video(make_clip("a.mkv", frames=2)), tmp_path / "played.mp4")
    assert os.nice(0) == before


def test_a_poster_is_the_first_picture(numbered_clip, tmp_path):
    facts = probe_video(numbered_clip("hevc.mp4", "libx265"))
    with Image.open(write_poster(facts, tmp_path / "poster.jpg")) as poster:
        assert poster.size == (320, 192)
        assert np.asarray(poster.convert("L")).max() < 60  # number 0


@pytest.mark.parametrize(("name", "mode"), [("a.tif", "RGB"), ("b.jpg", "CMYK"), ("c.png", "I;16")])
def test_a_picture_is_copied_as_every_browser_shows_it(tmp_path, name, mode):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    picture = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    picture.save(tmp_path / name)
    facts = probe_image(tmp_path / name)
    assert not is_shown_everywhere(facts)
    copy = probe_image(write_shown_picture(facts, tmp_path / "copy.jpg"))
    assert is_shown_everywhere(copy)
    with Image.open(copy.path) as shown:
        assert np.abs(np.asarray(shown.convert("L")).astype(int) - grey).mean() < 4
