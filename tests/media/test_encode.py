from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.encode import ClipWriter
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames

SIZE = (64, 48)


def grey(value: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((size[1], size[0], 3), value, np.uint8)


def write(path: Path, *, frames: int = 12, fps: Fraction = Fraction(12), **options) -> Path:
    with ClipWriter(path, fps=fps, size=SIZE, **options) as writer:
        for n in range(frames):
            writer.write(grey(10 * n))
    return path


@pytest.fixture
def beeping(tmp_path: Path) -> Callable[..., Path]:
    """Writes a clip of 2 s whose sound is silent but for 0.2 s from 1.0 s on."""

    def make(name: str, *, codec: str, container: str, rate: int = 44_100, layout: str = "mono") -> Path:
        path, channels = tmp_path / name, {"mono": 1, "stereo": 2}[layout]
        with av.open(str(path), "w", format=container) as out:
            video = out.add_stream("libx264", rate=10, options={"bf": "0"})
            video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
            sound = out.add_stream(codec, rate=rate, layout=layout)
            time = np.arange(2 * rate) / rate
            wave = np.sin(2 * np.pi * 880 * time) * ((time >= 1.0) & (time < 1.2)) * 0.8
            for n in range(20):
                frame = av.VideoFrame.from_ndarray(grey(5 * n), format="rgb24")
                frame.pts, frame.time_base = n, Fraction(1, 10)
                out.mux(video.encode(frame))
                share = wave[n * rate // 10 : (n + 1) * rate // 10]
                heard = av.AudioFrame.from_ndarray(
                    np.repeat(share[None], channels, axis=0).astype(np.float32), format="fltp", layout=layout
                )
                heard.sample_rate, heard.pts = rate, n * rate // 10
                for part in av.AudioResampler(sound.codec_context.format, layout, rate).resample(heard):
                    out.mux(sound.encode(part))
            out.mux(video.encode(None))
            out.mux(sound.encode(None))
        return path

    return make


def heard(path: Path) -> tuple[np.ndarray, int]:
    """Samples of the first channel on the clip's own clock."""
    with av.open(str(path)) as opened:
        track = opened.streams.audio[0]
        rate = track.codec_context.sample_rate
        wave = np.zeros(rate * 4)
        for frame in opened.decode(track):
            samples = frame.to_ndarray()[0]
            first = round(frame.time * rate)
            kept = samples[max(0, -first) :]
            wave[max(0, first) : max(0, first) + len(kept)] = kept
    return wave, rate


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(12)])
def test_frames_times_and_format(tmp_path: Path, fps: Fraction):
    path = write(tmp_path / "out.mp4", fps=fps, frames=15)
    facts = probe_video(path)
    assert (facts.frame_count, facts.codec, facts.pixel_format, facts.has_audio) == (15, "h264", "yuv420p", False)
    assert facts.fps == pytest.approx(float(fps), rel=1e-4)
    assert facts.duration_s == pytest.approx(15 / fps, rel=1e-3)
    times = [frame.time_s for frame in read_frames(path, container="mp4")]
    assert times == pytest.approx([n / fps for n in range(15)], abs=1e-4)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a player can start before it has everything


def test_colours_survive(tmp_path: Path):
    with ClipWriter(tmp_path / "out.mp4", fps=Fraction(5), size=SIZE) as writer:
        for colour in ((200, 40, 40), (40, 200, 40), (40, 40, 200)):
            writer.write(np.full((48, 64, 3), colour, np.uint8))
    with av.open(str(tmp_path / "out.mp4")) as opened:
        context = opened.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        seen = [f.to_ndarray(format="rgb24", src_colorspace="ITU709").mean(axis=(0, 1)) for f in opened.decode(video=0)]
    assert np.abs(np.asarray(seen) - [(200, 40, 40), (40, 200, 40), (40, 40, 200)]).max() < 6


@pytest.mark.parametrize("fps", [Fraction(8847360, 369781), Fraction(30000, 1001), Fraction(60)])
def test_the_rate_may_be_any_average(tmp_path: Path, fps: Fraction):
    with ClipWriter(tmp_path / "out.mp4", fps=fps, size=SIZE) as writer:
        for n in range(24):
            writer.write(grey(10 * n), time_s=float(n / fps))
    facts = probe_video(tmp_path / "out.mp4")
    assert facts.frame_count == 24
    assert facts.fps == pytest.approx(float(fps), rel=1e-4)


def test_uneven_times_are_kept(tmp_path: Path):
    times = [0.0, 0.1, 0.35, 0.4, 0.9]
    with ClipWriter(tmp_path / "out.mp4", fps=Fraction(10), size=SIZE) as writer:
        for n, time_s in enumerate(times):
            writer.write(grey(40 * n), time_s=time_s)
    seen = [frame.time_s for frame in read_frames(tmp_path / "out.mp4", container="mp4")]
    assert seen == pytest.approx(times, abs=1e-4)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param({"codec": "aac", "container": "mp4"}, id="copied from mp4"),
        pytest.param({"codec": "aac", "container": "matroska", "layout": "stereo"}, id="copied from matroska"),
        pytest.param({"codec": "aac", "container": "mpegts"}, id="aac with headers is encoded again"),
        pytest.param({"codec": "libopus", "container": "matroska", "rate": 48_000}, id="opus"),
        pytest.param({"codec": "pcm_s16le", "container": "matroska", "rate": 22_050}, id="plain samples"),
        pytest.param({"codec": "libmp3lame", "container": "matroska", "layout": "stereo"}, id="mp3"),
    ],
)
def test_sound_is_kept_in_sync(tmp_path: Path, beeping, sound: dict[str, Any]):
    source = beeping("in.clip", **sound)
    options = {"sound_from": source, "sound_container": sound["container"]}
    path = write(tmp_path / "out.mp4", frames=20, fps=Fraction(10), **options)
    assert probe_video(path).audio_codec == "aac"
    wave, rate = heard(path)
    loud = np.flatnonzero(np.abs(wave) > 0.3)
    assert loud[0] / rate == pytest.approx(1.0, abs=0.05)
    assert loud[-1] / rate == pytest.approx(1.2, abs=0.05)


def test_sound_ends_with_the_picture(tmp_path: Path, beeping):
    source = beeping("in.mp4", codec="aac", container="mp4")
    path = write(tmp_path / "out.mp4", frames=6, fps=Fraction(10), sound_from=source)
    with av.open(str(path)) as opened:
        assert opened.duration / 1e6 == pytest.approx(0.6, abs=0.13)


def test_a_silent_clip_adds_no_sound(tmp_path: Path):
    silent = write(tmp_path / "silent.mp4")
    assert not probe_video(write(tmp_path / "out.mp4", sound_from=silent)).has_audio


def write_and_fail(path: Path, error: Exception) -> None:
    with ClipWriter(path, fps=Fraction(5), size=SIZE) as writer:
        writer.write(grey(1))
        raise error


@pytest.mark.parametrize("error", [OSError("the caller's own"), ValueError("the caller's own"), RuntimeError()])
def test_an_error_in_the_block_leaves_nothing_and_is_not_hidden(tmp_path: Path, error: Exception):
    with pytest.raises(type(error)) as caught:
        write_and_fail(tmp_path / "out.mp4", error)
    assert caught.value is error
    assert not list(tmp_path.iterdir())


def test_a_clip_without_frames_is_an_error_and_leaves_nothing(tmp_path: Path):
    with pytest.raises(MediaError, match=r"out\.mp4"), ClipWriter(tmp_path / "out.mp4", fps=Fraction(5), size=SIZE):
        pass
    assert not list(tmp_path.iterdir())


def test_an_existing_result_is_only_replaced_by_a_whole_one(tmp_path: Path):
    path = write(tmp_path / "out.mp4")
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        write_and_fail(path, RuntimeError())
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_a_media_error(tmp_path: Path):
    with pytest.raises(MediaError, match=r"out\.mp4: it cannot be written"):
        write(tmp_path / "nowhere" / "out.mp4")


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (0, 0)])
def test_odd_sizes_are_refused(tmp_path: Path, size: tuple[int, int]):
    with pytest.raises(ValueError, match="even"):
        ClipWriter(tmp_path / "out.mp4", fps=Fraction(5), size=size)
