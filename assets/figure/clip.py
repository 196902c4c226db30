"""Drawn pictures and clips as files, with what is true about them."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from figure.scene import Scene, draw

SAMPLE_RATE = 44100


@dataclass(frozen=True, slots=True)
class DrawnStill:
    """A picture file.

    Attributes:
        path: PNG.
        width_px: Width.
        height_px: Height.
        joints_px: ``(actors, 33, 3)`` as in :class:`figure.scene.Picture`.
    """

    path: Path
    width_px: int
    height_px: int
    joints_px: np.ndarray


@dataclass(frozen=True, slots=True)
class DrawnClip:
    """A clip file, H.264 in MP4.

    Attributes:
        path: MP4.
        width_px: Width.
        height_px: Height.
        fps: Frames a second.
        joints_px: ``(frames, actors, 33, 3)`` as in :class:`figure.scene.Picture`.
        has_sound: It has an AAC track.
    """

    path: Path
    width_px: int
    height_px: int
    fps: int
    joints_px: np.ndarray
    has_sound: bool

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.joints_px)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frame_count / self.fps


def write_still(path: Path, scene: Scene, *, width_px: int, height_px: int, supersample: float = 3) -> DrawnStill:
    """Draw a scene to a PNG file."""
    picture = draw(scene, width_px=width_px, height_px=height_px, supersample=supersample)
    done, data = cv2.imencode(".png", picture.rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError(f"{path.name} could not be encoded")
    path.write_bytes(data.tobytes())
    return DrawnStill(path, width_px, height_px, picture.joints_px)


def write_clip(
    path: Path,
    scene_at: Callable[[float], Scene],
    *,
    duration_s: float,
    fps: int = 24,
    width_px: int = 540,
    height_px: int = 960,
    sound: np.ndarray | None = None,
    supersample: float = 2,
    quality: int = 23,
) -> DrawnClip:
    """Draw a moving scene to an MP4 file (H.264, yuv420p, index first).

    Args:
        path: Where to write.
        scene_at: The scene at a time in seconds.
        duration_s: Length.
        fps: Frames a second.
        width_px: Even width.
        height_px: Even height.
        sound: Mono samples ``(n,)`` from -1 to 1 at :data:`SAMPLE_RATE`; ``None`` writes no sound track.
        supersample: As for :func:`figure.scene.draw`.
        quality: Constant rate factor; smaller is better and bigger.
    """
    joints = []
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": str(quality), "preset": "medium"})
        video.width, video.height, video.pix_fmt = width_px, height_px, "yuv420p"
        video.thread_count = 1  # the same file on every machine
        audio = None if sound is None else container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for index in range(round(duration_s * fps)):
            picture = draw(scene_at(index / fps), width_px=width_px, height_px=height_px, supersample=supersample)
            joints.append(picture.joints_px)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture.rgb, format="rgb24")))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            samples = np.clip(sound[: round(duration_s * SAMPLE_RATE)], -1, 1).astype(np.float32)
            for at in range(0, len(samples), audio.frame_size or 1024):
                frame = av.AudioFrame.from_ndarray(samples[None, at : at + (audio.frame_size or 1024)], "fltp", "mono")
                frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return DrawnClip(path, width_px, height_px, fps, np.array(joints), sound is not None)
