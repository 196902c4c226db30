"""Drawn clips from which the cases are cut: each is drawn once, wide enough to be cropped."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from figure import Actor, Camera, Look, Pose, Scene, dance, gesture, true_joints, write_clip
from figure.cast import DANCER, MAYA, THEO

from benchmarks.labelled.acting import arms_up, hands_folded, handstand, walker
from benchmarks.labelled.reel import Reel
from benchmarks.labelled.stills import in_black, in_cream, in_white
from kling_ui.media.video import read_frames
from kling_ui.vision.pose import Landmark

WALK_M_S = 0.7
_BODY = [*range(Landmark.NOSE, Landmark.LEFT_SHOULDER + 2)]  # head and shoulders


@dataclass(frozen=True, slots=True)
class Take:
    """A drawn clip.

    Attributes:
        scene_at: The scene at a time in seconds.
        duration_s: Length.
        width_px: Width.
        height_px: Height.
        fps: Frames a second.
    """

    scene_at: Callable[[float], Scene]
    duration_s: float = 3.5
    width_px: int = 960
    height_px: int = 540
    fps: int = 12

    def in_view_s(self, left_px: float, right_px: float) -> tuple[float, float]:
        """From when to when head and shoulders of the first figure are between two columns, by its true joints."""
        times_s = np.arange(round(self.duration_s * self.fps)) / self.fps
        inside = []
        for time_s in times_s.tolist():
            joints = true_joints(self.scene_at(time_s), width_px=self.width_px, height_px=self.height_px)
            across = joints[0, _BODY, 0]
            inside.append(across.min() >= left_px and across.max() < right_px)
        seen_s = times_s[inside]
        return float(seen_s[0]), float(seen_s[-1]) + 1 / self.fps


def _whole(look: Look, pose: Pose, backdrop: str, *, height_m: float = 2.6, **place: float) -> Scene:
    return Scene((Actor(look, pose, **place),), Camera(y_m=1.0, height_m=height_m), backdrop)


def _dance(t_s: float) -> Scene:
    return _whole(DANCER, dance(t_s), "hall", height_m=2.9)


def _talk(t_s: float) -> Scene:
    return Scene((Actor(MAYA, gesture(t_s)),), Camera(y_m=1.18, height_m=1.14), "room")


def _talk_24(t_s: float) -> Scene:
    return Scene((Actor(THEO, gesture(t_s)),), Camera(y_m=1.27, height_m=1.2), "terrace")


def _step(t_s: float) -> Scene:
    return _whole(THEO, dance(t_s + 2.0), "terrace", height_m=2.5)


def _walk(t_s: float) -> Scene:
    walking = walker(MAYA, t_s, from_m=-1.0, speed_m_s=WALK_M_S)
    return Scene((walking,), Camera(y_m=1.0, height_m=2.4), "terrace")


def _hurry(t_s: float) -> Scene:
    return Scene((walker(THEO, t_s, from_m=-2.2, speed_m_s=1.3),), Camera(y_m=1.05, height_m=2.8), "hall")


def _duo(t_s: float) -> Scene:
    pair = Actor(MAYA, dance(t_s), x_m=-0.62), Actor(THEO, dance(t_s + 1.5), x_m=0.66)
    return Scene(pair, Camera(y_m=1.03, height_m=2.5), "hall")


def _passer(t_s: float) -> Scene:
    main, passing = Actor(DANCER, gesture(t_s), z_m=-0.2), walker(THEO, t_s, from_m=2.9, speed_m_s=-1.2, z_m=0.9)
    return Scene((main, passing), Camera(y_m=1.0, height_m=2.5), "room")


def _tiny(t_s: float) -> Scene:
    far = Actor(THEO, Pose(), x_m=1.9, z_m=5.0, scale=0.42)
    return Scene((Actor(MAYA, dance(t_s + 0.6)), far), Camera(y_m=1.03, height_m=2.5), "terrace")


def _child(t_s: float) -> Scene:
    pair = Actor(THEO, gesture(t_s), x_m=-0.4), Actor(MAYA, dance(t_s), x_m=0.7, scale=0.62)
    return Scene(pair, Camera(y_m=1.0, height_m=2.5), "terrace")


def _stands_behind(t_s: float) -> Scene:
    pair = Actor(MAYA, gesture(t_s), z_m=-0.3), Actor(THEO, hands_folded(), x_m=0.5, z_m=0.8)
    return Scene(pair, Camera(y_m=1.0, height_m=2.3), "room")


def _street(t_s: float) -> Scene:
    walkers = (
        walker(THEO, t_s, from_m=-2.6, speed_m_s=0.6, z_m=3.0),
        walker(DANCER, t_s, from_m=3.2, speed_m_s=-0.5, z_m=4.0),
    )
    return Scene((Actor(MAYA, dance(t_s)), *walkers), Camera(y_m=1.0, height_m=2.4), "terrace")


def _crosser(t_s: float) -> Scene:
    main, crossing = Actor(THEO, gesture(t_s), z_m=-0.3), walker(MAYA, t_s - 2.0, from_m=-2.2, speed_m_s=1.8, z_m=1.2)
    return Scene((main, crossing), Camera(y_m=1.0, height_m=2.4), "hall")


def _far(t_s: float) -> Scene:
    crowd = tuple(
        replace(walker(look, t_s, from_m=from_m, speed_m_s=speed_m_s, z_m=5.0), scale=0.36)
        for look, from_m, speed_m_s in ((THEO, -2.6, 0.2), (DANCER, 2.4, -0.2), (MAYA, 1.7, 0.2))
    )
    return Scene((Actor(THEO, dance(t_s)), *crowd), Camera(y_m=1.0, height_m=2.5), "terrace")


def _back(t_s: float) -> Scene:
    return _whole(THEO, dance(t_s), "hall", turn_deg=180)


def _side(t_s: float) -> Scene:
    return _whole(MAYA, gesture(t_s), "plain", turn_deg=80, height_m=2.3)


def _turning(t_s: float) -> Scene:
    return _whole(MAYA, gesture(t_s), "hall", turn_deg=90 * t_s, height_m=2.3)


def _lying(t_s: float) -> Scene:
    actor = Actor(DANCER, gesture(t_s), tilt_deg=90, lift_m=-0.74)
    return Scene((actor,), Camera(y_m=0.35, height_m=1.5), "hall")


def _handstand(t_s: float) -> Scene:
    pose, sway = handstand(), 4 * np.sin(2 * np.pi * t_s / 1.7)
    return _whole(THEO, pose, "hall", tilt_deg=180 + float(sway), lift_m=0.18)


def _cartwheel(t_s: float) -> Scene:
    turned_deg = float(np.clip((t_s - 0.8) / 1.6, 0, 1)) * 360
    return _whole(THEO, arms_up(), "hall", tilt_deg=turned_deg, lift_m=0.1, height_m=2.9)


def _floor(t_s: float) -> Scene:
    actor = Actor(MAYA, gesture(t_s), tilt_deg=-90, lift_m=-0.7)
    return Scene((actor,), Camera(y_m=0.5, height_m=1.9), "room")


def _black(t_s: float) -> Scene:
    return _whole(in_black(MAYA), dance(t_s), "hall", height_m=2.9)


def _white(t_s: float) -> Scene:
    return _whole(in_white(MAYA), dance(t_s), "hall", height_m=2.9)


def _white_step(t_s: float) -> Scene:
    return _whole(in_white(THEO), dance(t_s + 2.0), "plain", height_m=2.7)


def _white_talk(t_s: float) -> Scene:
    return Scene((Actor(in_white(DANCER), gesture(t_s)),), Camera(y_m=1.22, height_m=1.16), "hall")


def _cream(t_s: float) -> Scene:
    return _whole(in_cream(DANCER), dance(t_s + 1.0), "room", height_m=2.8)


def _pale_room(_: float) -> Scene:
    return Scene((), Camera(y_m=1.0, height_m=2.6), "hall")


def _empty(_: float) -> Scene:
    return Scene((), Camera(y_m=1.0, height_m=2.6), "room")


TAKES: dict[str, Take] = {
    "dance": Take(_dance, 6.0, 720, 720),
    "talk": Take(_talk, 4.0),
    "talk_24": Take(_talk_24, 3.5, fps=24),
    "step": Take(_step, 3.4, fps=15),
    "walk": Take(_walk, 5.0),
    "hurry": Take(_hurry, 3.4),
    "duo": Take(_duo),
    "passer": Take(_passer, 5.0, 540, 720),
    "tiny": Take(_tiny),
    "child": Take(_child),
    "stands_behind": Take(_stands_behind),
    "street": Take(_street),
    "crosser": Take(_crosser, 6.0),
    "far": Take(_far),
    "back": Take(_back, 3.5, 480, 720),
    "side": Take(_side, 3.5, 480, 720),
    "turning": Take(_turning, 4.0, 480, 720),
    "lying": Take(_lying),
    "handstand": Take(_handstand, 3.5, 480, 720),
    "cartwheel": Take(_cartwheel, 3.5, 720, 720),
    "floor": Take(_floor),
    "black": Take(_black, 3.5, 480, 720),
    "white": Take(_white, 3.5, 480, 720),
    "white_step": Take(_white_step, 3.5, 480, 720),
    "white_talk": Take(_white_talk, 3.5),
    "cream": Take(_cream, 3.5, 480, 720),
    "empty": Take(_empty, 0.25),
    "pale_room": Take(_pale_room, 0.25),
}


def film(name: str, folder: Path) -> None:
    """Draw a take into a folder, unless it is there."""
    take, path, part = TAKES[name], _place(name, folder), folder / f"{name}.part"
    if path.is_file():
        return
    write_clip(
        part,
        take.scene_at,
        duration_s=take.duration_s,
        fps=take.fps,
        width_px=take.width_px,
        height_px=take.height_px,
        supersample=1,
        quality=10,
    )
    part.rename(path)


def load(name: str, folder: Path) -> Reel:
    """Read a take that was drawn."""
    frames = [frame.rgb for frame in read_frames(_place(name, folder), container="mp4")]
    return Reel(np.array(frames), TAKES[name].fps)


def _place(name: str, folder: Path) -> Path:
    return folder / f"take-{name}.mp4"
