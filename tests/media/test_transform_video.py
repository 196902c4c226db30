from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.files import read_progress
from kling_ui.media.levels import brighten, deepen
from kling_ui.media.probe import probe_video
from kling_ui.media.rectangles import Margins, Rect
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.media.video import read_frames

WHOLE = VideoTransform((320, 180), Fraction(24), 0.0, 1.0)


def numbers(path: Path, frames: int = 24, *, right_px: int = 320) -> list[int]:
    """Which of the original's frames a clip shows, told by their brightness at the bottom right."""
    shown = [frame.rgb[-40:, right_px - 40 : right_px].mean() for frame in read_frames(path, container="mp4")]
    return [round((level - 10) * (frames - 1) / 200) for level in shown]


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("a.webm", ("webm", "libvpx-vp9", "yuv420p")),
        ("a.mkv", ("matroska", "libsvtav1", "yuv420p")),
        ("a.mp4", ("mp4", "libx265", "yuv420p10le")),
        ("a.avi", ("avi", "mpeg4", "yuv420p")),
        ("a.mov", ("mov", "libx264", "yuv444p")),
        ("a.ts", ("mpegts", "libx264", "yuv420p")),
        ("a.gif", ("gif", "gif", "rgb8")),
        ("a.flv", ("flv", "libx264", "yuv420p")),
    ],
)
def test_every_kind_of_clip_becomes_a_plain_mp4(make_clip, tmp_path, name, coded):
    container, codec, pixel_format = coded
    source = make_clip(name, container=container, codec=codec, pixel_format=pixel_format, fps=25, frames=25)
    facts = transform_video(source, replace(WHOLE, fps=Fraction(25)), tmp_path)
    assert (facts.format, facts.codec, facts.pixel_format) == ("mp4", "h264", "yuv420p")
    assert (facts.width_px, facts.height_px, facts.rotation_deg) == (320, 180, 0)
    assert (facts.fps, facts.frame_count, facts.has_variable_rate) == (25, 25, False)
    content = facts.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # faststart


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "mpegts"])
@pytest.mark.parametrize(("first", "last"), [(0, 23), (1, 12), (7, 7), (13, 23)])
def test_a_cut_is_exact_to_the_frame(make_clip, tmp_path, container, first, last):
    source = make_clip("clip", container=container)
    transform = replace(WHOLE, start_s=first / 24, end_s=(last + 1) / 24)
    facts = transform_video(source, transform, tmp_path, stem="cut")
    assert numbers(facts.path) == list(range(first, last + 1))
    assert facts.duration_s == pytest.approx((last + 1 - first) / 24, abs=1e-4)


def test_an_uneven_clip_becomes_even_and_stays_in_time(make_clip, tmp_path):
    shown_at = [0, 1, 2, 3, 10, 11, 12, 20, 21, 22, 30, 31]
    source = make_clip(frames=12, pts=shown_at)
    facts = transform_video(source, replace(WHOLE, end_s=32 / 24), tmp_path)
    assert not facts.has_variable_rate
    assert numbers(facts.path, 12) == [sum(at <= tick for at in shown_at) - 1 for tick in range(32)]


def test_a_fast_clip_loses_frames_and_a_slow_one_repeats_them(make_clip, tmp_path):
    facts = transform_video(make_clip(), replace(WHOLE, fps=Fraction(12)), tmp_path, stem="slower")
    assert numbers(facts.path) == list(range(0, 24, 2))
    facts = transform_video(make_clip(), replace(WHOLE, fps=Fraction(48)), tmp_path, stem="faster")
    assert numbers(facts.path) == [n // 2 for n in range(48)]


@pytest.mark.parametrize(
    ("rotation", "size", "mark"),
    [
        (None, (320, 180), "top left"),
        (90, (180, 320), "bottom left"),
        (-90, (180, 320), "top right"),
        (180, (320, 180), "bottom right"),
    ],
)
def test_the_result_is_upright(make_clip, tmp_path, rotation, size, mark):
    facts = transform_video(make_clip(rotation=rotation), replace(WHOLE, size=size), tmp_path)
    assert (facts.width_px, facts.height_px, facts.rotation_deg) == (*size, 0)
    rgb = next(iter(read_frames(facts.path, container="mp4"))).rgb.astype(int)
    redness = rgb[:, :, 0] - rgb[:, :, 1]
    across, down = np.array_split(redness, 3, axis=1), np.array_split(redness, 3, axis=0)
    found = ("top" if down[0].mean() > down[2].mean() else "bottom", "left")
    assert " ".join((found[0], "left" if across[0].mean() > across[2].mean() else "right")) == mark


def test_wide_pixels_become_square(make_clip, tmp_path):
    source = make_clip(pixel_aspect=Fraction(4, 3))
    facts = transform_video(source, replace(WHOLE, size=(426, 180)), tmp_path)
    assert (facts.width_px, facts.height_px) == (426, 180)
    cropped = transform_video(
        source, replace(WHOLE, size=(140, 60), crop=Rect(0, 0, 140, 60)), tmp_path, stem="cropped"
    )
    rgb = next(iter(read_frames(cropped.path, container="mp4"))).rgb
    assert np.abs(rgb[5:-5, 5:-5].astype(int) - (220, 30, 30)).max() < 20  # the mark reaches to 142 x 60


def test_crop_scale_and_bars_in_one_pass(make_clip, tmp_path):
    transform = replace(WHOLE, crop=Rect(0, 0, 100, 50), size=(200, 100), margins=Margins(0, 20, 0, 20))
    facts = transform_video(make_clip(), transform, tmp_path)
    assert (facts.width_px, facts.height_px) == (200, 140)
    rgb = next(iter(read_frames(facts.path, container="mp4"))).rgb.astype(int)
    assert rgb[:15].max() < 25
    assert np.abs(rgb[30:110] - (220, 30, 30)).max() < 20


@pytest.mark.parametrize("matrix", [None, 1, 5, 6, 9])
def test_colours_stay_whatever_the_file_says_about_them(tmp_path, matrix):
    source, colours = tmp_path / "colours.mp4", np.array([[220, 30, 30], [30, 200, 40], [30, 40, 220], [200, 180, 40]])
    rgb = colours.repeat(80, axis=0)[None].repeat(180, axis=0).astype(np.uint8)
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", rate=24, options={"crf": "5"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        if matrix:
            video.codec_context.colorspace = matrix
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace={None: 5, 1: 1, 5: 5, 6: 5, 9: 9}[matrix])
        out.mux(video.encode(frame))
        out.mux(video.encode(None))
    facts = transform_video(source, replace(WHOLE, end_s=1 / 24), tmp_path)
    seen = next(iter(read_frames(facts.path, container="mp4"))).rgb
    assert np.abs(seen[90, 40::80].astype(int) - colours).max() < 12


def clicks(path: Path) -> tuple[list[float], float]:
    """When the sound of a clip clicks, in seconds after its first picture, and when it ends."""
    with av.open(str(path)) as opened:
        track, start = opened.streams.audio[0], float(opened.streams.video[0].start_time or 0)
        frames = [(frame.time or 0.0, frame.to_ndarray()[0]) for frame in opened.decode(track)]
        rate = track.codec_context.sample_rate
    times = np.concatenate([at + np.arange(len(samples)) / rate for at, samples in frames]) - start
    loud = times[np.abs(np.concatenate([samples for _, samples in frames])) > 0.4]
    starts = loud[np.concatenate(([True], np.diff(loud) > 0.1))]
    return [float(time_s) for time_s in starts], float(times[-1])


def clicking(path: Path, *, sound: str, rate: int, seconds: float = 4.0) -> Path:
    """Write a clip that clicks at every full second."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264" if path.suffix != ".webm" else "libvpx-vp9", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio: Any = out.add_stream(sound, rate=rate)
        audio.layout = "mono"
        for n in range(int(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * n, np.uint8), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 10)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        samples = np.zeros((1, int(seconds * rate)), np.float32)
        for second in range(int(seconds)):
            samples[0, second * rate : second * rate + rate // 100] = np.sin(np.arange(rate // 100)) * 0.9
        fifo = av.AudioFifo()
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        fifo.write(av.AudioResampler(audio.codec_context.format.name, "mono", rate).resample(frame)[0])
        while (part := fifo.read(audio.codec_context.frame_size or 1024, partial=True)) is not None:
            out.mux(audio.encode(part))
        out.mux(audio.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "sound", "rate"),
    [
        ("a.mp4", "aac", 44_100),
        ("a.mp4", "aac", 16_000),
        ("a.webm", "libopus", 48_000),
        ("a.mkv", "pcm_s16le", 11_025),
        ("a.avi", "libmp3lame", 44_100),  # its times are counted in packets
    ],
)
def test_sound_is_cut_like_the_picture(tmp_path, name, sound, rate):
    source = clicking(tmp_path / name, sound=sound, rate=rate)
    transform = VideoTransform((64, 64), Fraction(10), 0.7, 3.5)
    facts = transform_video(source, transform, tmp_path, stem="cut")
    heard, end_s = clicks(facts.path)
    assert heard == pytest.approx([0.3, 1.3, 2.3], abs=0.03)
    assert 2.8 - 2.5 * 1024 / rate < end_s <= 2.8
    assert facts.duration_s == pytest.approx(2.8, abs=1e-4)


def test_sound_can_be_dropped(tmp_path):
    source = clicking(tmp_path / "a.mp4", sound="aac", rate=44_100, seconds=1.0)
    assert transform_video(source, VideoTransform((64, 64), Fraction(10), 0, 1), tmp_path).has_audio
    assert not transform_video(
        source, VideoTransform((64, 64), Fraction(10), 0, 1, keep_sound=False), tmp_path
    ).has_audio


def test_a_file_keeps_within_its_limit(tmp_path):
    source, rng = tmp_path / "noise.mp4", np.random.default_rng(9)
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "10"})
        video.width, video.height, video.pix_fmt = 320, 320, "yuv420p"
        for n in range(48):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (320, 320, 3), dtype=np.uint8), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 24)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    assert source.stat().st_size > 3_000_000
    transform = VideoTransform((320, 320), Fraction(24), 0, 2, max_bytes=600_000, keep_sound=False)
    assert transform_video(source, transform, tmp_path).size_bytes <= 600_000


def test_frames_that_change_their_size_are_fitted(make_clip, tmp_path):
    source, parts = tmp_path / "both.ts", []
    for width, first in ((320, 0), (240, 12)):
        pts = list(range(first, first + 12))
        parts.append(make_clip(f"{width}.ts", container="mpegts", size=(width, 180), frames=12, pts=pts))
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    facts = transform_video(source, WHOLE, tmp_path)
    assert (facts.width_px, facts.height_px, facts.frame_count) == (320, 180, 24)
    assert numbers(facts.path, 12, right_px=280) == [*range(12), *range(12)]
    last = [frame.rgb for frame in read_frames(facts.path, container="mp4")][-1]
    assert max(last[:, :35].max(), last[:, 285:].max()) <= 8  # black bars beside what is slimmer


def test_times_that_run_back_do_not_make_it_longer(make_clip, tmp_path):
    part = make_clip("a.ts", container="mpegts", frames=12)
    (tmp_path / "twice.ts").write_bytes(part.read_bytes() * 2)
    facts = transform_video(tmp_path / "twice.ts", WHOLE, tmp_path)
    assert facts.frame_count == 24


def test_progress_is_told(make_clip, tmp_path):
    told = tmp_path / "progress.json"
    assert read_progress(told) is None
    transform_video(make_clip(), WHOLE, tmp_path, progress=told)
    assert read_progress(told) == 1.0


def test_the_original_stays_and_nothing_half_written_is_left(make_clip, tmp_path):
    source = make_clip("in.mp4")
    before = source.read_bytes()
    transform_video(source, WHOLE, tmp_path, stem="out")
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_span_without_pictures_leaves_nothing(make_clip, tmp_path):
    source = make_clip("in.mp4")
    content = bytearray(source.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    source.write_bytes(content)
    with pytest.raises(MediaError, match=r"in\.mp4"):
        transform_video(source, WHOLE, tmp_path)
    assert list(tmp_path.iterdir()) == [source]


def test_a_folder_that_is_not_there(make_clip, tmp_path):
    with pytest.raises(MediaError, match="cannot be written"):
        transform_video(make_clip(), WHOLE, tmp_path / "nowhere")


def test_the_result_needs_no_second_repair(make_clip, tmp_path):
    once = transform_video(make_clip(), WHOLE, tmp_path, stem="once")
    assert probe_video(once.path) == once


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_comes_last_and_keeps_all_pictures(make_clip, tmp_path, turns):
    source = make_clip("a.mp4")
    kept = replace(WHOLE, size=(160, 180), crop=Rect(160, 0, 320, 180), margins=Margins(0, 20, 0, 0))
    straight = transform_video(source, kept, tmp_path, stem="straight")
    turned = transform_video(source, replace(kept, turns=turns), tmp_path, stem="turned")
    size = straight.width_px, straight.height_px
    assert size == (160, 200)
    assert (turned.width_px, turned.height_px) == (size if turns == 2 else size[::-1])
    assert (turned.frame_count, turned.rotation_deg, turned.codec) == (24, 0, "h264")
    pairs = zip(*(read_frames(facts.path, container="mp4") for facts in (straight, turned)), strict=True)
    for before, after in pairs:
        assert np.abs(np.rot90(before.rgb, turns).astype(int) - after.rgb).mean() < 2


@pytest.mark.parametrize("gain", [2.0, 6.0])
def test_brightening_a_clip_is_what_it_is_for_a_picture(tmp_path, gain):
    colours = np.kron(
        np.array([[[20, 14, 9], [30, 30, 30]], [[4, 12, 25], [200, 90, 40]]], np.uint8), np.ones((90, 160, 1))
    )
    with av.open(str(tmp_path / "dark.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(6):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(colours.astype(np.uint8), format="rgb24")))
        out.mux(stream.encode(None))
    facts = transform_video(tmp_path / "dark.mp4", replace(WHOLE, end_s=0.25, gain=gain), tmp_path)
    dark, bright = (next(read_frames(path, container="mp4")).rgb for path in (tmp_path / "dark.mp4", facts.path))
    assert (
        np.abs(brighten(dark, gain).astype(int) - bright).mean() <= 1 + gain / 2
    )  # a level of eight bits becomes so many
    assert bright.mean() > dark.mean()


@pytest.mark.parametrize("turns", [1, 2])
def test_a_turned_clip_keeps_its_sound_and_names_its_colours(drawn_dance, tmp_path, turns):
    facts = probe_video(drawn_dance.path)
    whole = VideoTransform((360, 640), Fraction(16), 0.0, 1.5, turns=turns)
    turned = transform_video(drawn_dance.path, whole, tmp_path)
    assert facts.has_audio
    assert (turned.has_audio, turned.audio_codec) == (True, "aac")
    with av.open(str(turned.path)) as opened:
        frame = next(opened.decode(video=0))
    assert (frame.colorspace, frame.color_trc, frame.color_primaries, frame.color_range) == (1, 1, 1, 1)


def test_deepening_a_clip_is_what_it_is_for_a_picture(tmp_path):
    colours = np.kron(
        np.array([[[220, 214, 209], [230, 230, 230]], [[204, 212, 225], [250, 240, 230]]], np.uint8),
        np.ones((90, 160, 1)),
    )
    with av.open(str(tmp_path / "pale.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(6):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(colours.astype(np.uint8), format="rgb24")))
        out.mux(stream.encode(None))
    facts = transform_video(tmp_path / "pale.mp4", replace(WHOLE, end_s=0.25, veil=0.75), tmp_path)
    pale, deep = (next(read_frames(path, container="mp4")).rgb for path in (tmp_path / "pale.mp4", facts.path))
    assert np.abs(deepen(pale, 0.75).astype(int) - deep).mean() <= 4  # a level of eight bits becomes four
    assert deep.mean() < pale.mean() - 60
