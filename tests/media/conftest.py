"""Small clips with chosen oddities, cheap to make; and drawn ones, watched once for all tests."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from figure import Actor, Bar, DrawnClip, Scene, dance, write_clip
from figure.cast import DANCER

from kling_ui.media.probe import probe_video
from kling_ui.media.viewing import Viewing, view

MakeClip = Callable[..., Path]


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """A function that writes a clip of 320 x 180, 24 pictures of rising brightness, one second."""

    def make(
        name: str = "clip.mp4",
        *,
        container: str | None = None,
        codec: str = "libx264",
        size: tuple[int, int] = (320, 180),
        frames: int = 24,
        fps: int = 24,
        pixel_format: str = "yuv420p",
        rotation: int | None = None,
        pixel_aspect: Fraction | None = None,
        pts: list[int] | None = None,
        sound: bool = False,
        faststart: bool = False,
        gop: int = 12,
    ) -> Path:
        path = tmp_path / name
        options = {"movflags": "+faststart"} if faststart else {}
        with av.open(str(path), "w", format=container, options=options) as out:
            video = out.add_stream(codec, rate=fps, options={"g": str(gop), "bf": "0", "sc_threshold": "0"})
            video.width, video.height, video.pix_fmt = *size, pixel_format
            if rotation is not None:
                video.set_display_rotation(rotation)
            if pixel_aspect is not None:
                video.codec_context.sample_aspect_ratio = pixel_aspect
            audio = out.add_stream("aac", rate=44100) if sound else None
            for n in range(frames):
                rgb = np.full((size[1], size[0], 3), 10 + 200 * n // max(1, frames - 1), np.uint8)
                rgb[: size[1] // 3, : size[0] // 3] = (220, 30, 30)  # a mark at the top left as coded
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame.pts = pts[n] if pts else n
                frame.time_base = Fraction(1, fps)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            if audio is not None:
                _silence(out, audio, frames / fps)
        return path

    return make


def _silence(out: av.container.OutputContainer, audio: av.AudioStream, duration_s: float) -> None:
    for n in range(int(duration_s * 44100 / 1024) + 1):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 44100, n * 1024
        out.mux(audio.encode(frame))
    out.mux(audio.encode(None))


@pytest.fixture(scope="session")
def viewed_dance(drawn_dance: DrawnClip) -> Viewing:
    """A whole body that dances for 1.5 s, watched."""
    return view(probe_video(drawn_dance.path))


@pytest.fixture(scope="session")
def viewed_trouble(tmp_path_factory: pytest.TempPathFactory) -> Viewing:
    """A dancer behind a bar for 1 s, a cut to another place, and a dancer who is gone after 2 s; 3 s in all."""

    def scene(time_s: float) -> Scene:
        if time_s < 1:
            return Scene((Actor(DANCER, dance(time_s)),), bars=(Bar(0.0, 0.42, 1.0, 0.55),))
        x_m = 0.0 if time_s < 2 else 9.0
        return Scene((Actor(DANCER, dance(time_s), x_m=x_m),), backdrop="hall")

    path = tmp_path_factory.mktemp("clips") / "trouble.mp4"
    clip = write_clip(path, scene, duration_s=3, fps=12, width_px=288, height_px=512, supersample=1)
    return view(probe_video(clip.path))
