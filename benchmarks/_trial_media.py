"""Pictures and clips for the trials, with what is true about them; import it when the drawn figure can be found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from figure import Actor, Camera, Picture, Pose, Scene, dance, draw, gesture, offering, pair
from figure.cast import DANCER, MAYA, THEO

from benchmarks.labelled.acting import hands_folded
from benchmarks.labelled.case import Span
from benchmarks.labelled.cases import CAMERA_CLIPS, COVERED_CLIPS, CUT_CLIPS, PEOPLE_CLIPS, SANE_CLIPS, SPEED_CLIPS
from benchmarks.labelled.files import MP4, save_reel  # noqa: F401 - used by the trials
from benchmarks.labelled.reel import Reel
from benchmarks.labelled.takes import film, load
from kling_ui.media.probe import probe_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.options import Orientation
from kling_ui.puppet.motion.frame_pose import FramePose, drawing_order
from kling_ui.puppet.motion.pose_stream import PoseStream
from kling_ui.puppet.motion.retarget import DepthOrder, Retargeter, opening_frames
from kling_ui.puppet.rig import character as characters
from kling_ui.puppet.rig import layers
from kling_ui.puppet.rig.character import Character, find_character, shown_parts
from kling_ui.puppet.rig.segmentation import label_parts
from kling_ui.puppet.skeleton import BONES, Part, joints_of
from kling_ui.vision.people import face_of
from kling_ui.vision.pose import TRACK_LONG_SIDE_PX, PoseTrack, find_poses, shrink, track_of

HOLE_PX = 480  # longer side of the pictures with holes: OpenCV's best ones take minutes for more
LONG_PX = 960  # of the pictures that play
TALL, WIDE = (540, 960), (960, 720)
SECONDS, FPS = 2.0, 12
WHOLE, HALF = Camera(y_m=1.0, height_m=2.5), Camera(y_m=1.28, height_m=1.15)
ON_HIPS = Pose(hands=pair(0.18, -0.95, 0.06))
# Who, at rest and in motion, seen how, and where.
ACTS = (
    (MAYA, Pose(), dance, WHOLE, "terrace"),
    (THEO, Pose(), dance, WHOLE, "room"),
    (DANCER, ON_HIPS, dance, WHOLE, "hall"),
    (MAYA, hands_folded(), lambda t: dance(t + 2), WHOLE, "hall"),
    (THEO, ON_HIPS, gesture, WHOLE, "plain"),
    (THEO, offering(), gesture, HALF, "room"),
    (MAYA, gesture(0.7), lambda t: gesture(t + 1), HALF, "terrace"),
    (DANCER, hands_folded(), gesture, HALF, "hall"),
    (MAYA, Pose(), lambda t: Actor(MAYA, dance(t), x_m=0.18 * t), WHOLE, "terrace"),
    (THEO, Pose(), lambda t: Actor(THEO, dance(t), x_m=-0.15 * t, lift_m=0.2 * abs(np.sin(3 * t))), WHOLE, "plain"),
)
Hole = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # picture, 1 where it is known, truth, where it is judged


def _in_metres(world_m: np.ndarray) -> Any:
    """What the order of depth reads of a motion."""
    return SimpleNamespace(world_m=world_m)


def _drawn(place: int, time_s: float | None, *, empty: bool = False) -> Picture:
    """One of the acts at a time, or at rest."""
    look, rest, motion, camera, backdrop = ACTS[place]
    played = rest if time_s is None else motion(time_s)
    actors = () if empty else (played if isinstance(played, Actor) else Actor(look, played),)
    width_px, height_px = WIDE if camera is HALF else TALL
    return draw(Scene(actors, camera, backdrop), width_px=width_px, height_px=height_px)


def stills(folder: Path, media: Path) -> Iterator[tuple[Character, np.ndarray | None]]:
    """Characters, with the picture without them where that is known."""
    for place in range(len(ACTS)):
        pictures = [_drawn(place, None, empty=empty).rgb for empty in (False, True)]
        size = tuple(round(side * HOLE_PX / LONG_PX / 2) * 2 for side in pictures[0].shape[1::-1])
        shown, empty = (cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) for rgb in pictures)
        path = folder / f"{place}.png"
        cv2.imwrite(str(path), shown[..., ::-1])
        yield character_of(path, HOLE_PX), empty
    for path in _pictures(media):
        yield character_of(path, HOLE_PX), None


def character_of(path: Path, long_px: int) -> Character:
    """The person in a picture that is not enlarged."""
    with patch.object(characters, "LEAST_SIDE_PX", 2):
        return find_character(path, sides_px=(long_px, long_px))


def silhouettes(c: Character) -> Iterator[Hole]:
    """The background with the person's outline moved aside, so that half of what it hides is known."""
    known = layers.known_background(c) > 0
    for share in (-0.3, 0.3):
        moved = ~np.roll(~known, round(share * known.shape[1]), axis=1)
        if (known & ~moved).mean() > 0.02:
            yield c.rgb, (known & moved).astype(np.float32), c.rgb, known


def strips(c: Character) -> Iterator[Hole]:
    """Trunk and thighs with a forearm's width of them hidden, down their middle."""
    labels = label_parts(c, shown_parts(c))
    for part in (Part.TORSO, Part.LEFT_THIGH, Part.RIGHT_THIGH):
        own = (labels == part) & (c.alpha > layers.SOLID)
        if own.sum() < 1500:
            continue
        box = characters.box_around(own, 4)
        own, rgb, strip = own[box], np.ascontiguousarray(c.figure[box]), np.zeros(own[box].shape, np.uint8)
        x, y, width, height = cv2.boundingRect(own.astype(np.uint8))
        ends = (x + round(0.3 * width), y + height // 5), (x + round(0.7 * width), y + 4 * height // 5)
        wide = 2 * BONES[Part.LEFT_FOREARM].radius_m * (0.7 if part is Part.TORSO else 0.4)
        cv2.line(strip, *ends, (1,), max(3, round(wide * c.px_per_m)))
        hidden = own & (strip > 0)
        if hidden.sum() > 100:
            yield rgb, (own & ~hidden).astype(np.float32), rgb, hidden


def _pictures(media: Path) -> list[Path]:
    found = [path for folder in (media, media / "hard") if folder.is_dir() for path in folder.iterdir()]
    return sorted(path for path in found if path.suffix in {".png", ".jpg"})


def clips(folder: Path, media: Path) -> Iterator[tuple[str, Reel, tuple[Span, ...]]]:
    """The labelled clips that tell of content, and real ones, with their cuts."""
    for case in (*SANE_CLIPS, *PEOPLE_CLIPS, *CUT_CLIPS, *CAMERA_CLIPS, *SPEED_CLIPS, *COVERED_CLIPS):
        if "video.cuts" not in case.may:
            for take in case.takes:
                film(take, folder)
            yield case.name, case.make(*(load(take, folder) for take in case.takes)), case.cuts
    for title, reel, cuts in joined(media):
        yield f"real {title}", reel, cuts


def joined(media: Path) -> Iterator[tuple[str, Reel, tuple[Span, ...]]]:
    """Real clips, whole and put together."""
    if not media.is_dir():
        return
    reels = []
    for name in ("dance-full-body.mp4", "talking-upper-body.mp4", "hard/crowd.mp4", "hard/walks-to-camera.mp4"):
        facts = probe_video(media / name)
        frames = [f.rgb for f in read_frames(media / name, container=facts.format, long_side_px=720, end_s=6.0)]
        reels.append(Reel(np.array([_filling(rgb) for rgb in frames]), round(facts.fps)))
        yield Path(name).stem, reels[-1], ()
    dance, talk = reels[:2]
    talk = Reel(talk.frames, dance.fps)
    yield "fast", dance.faster(3.0, 2.0), ()
    yield "flash", dance.lit(lambda t: 3.0 if 1.5 <= t < 1.56 else 1.0), ()
    yield "cut", dance.part(0, 2) + talk.part(0, 2), ((2.0, 2.0),)
    yield "dissolve", dance.part(0, 2.5).dissolved(talk.part(0, 2.5), 0.5), ((2.0, 2.5),)
    yield "slow dissolve", dance.part(0, 3).dissolved(talk.part(0, 3), 1.25), ((1.75, 3.0),)
    yield "jump cut", dance.part(0, 2) + dance.part(3.5, 5.5), ((2.0, 2.0),)
    yield "jump cut while talking", talk.part(0, 1.5) + talk.part(2.2, 4), ((1.5, 1.5),)
    black = dance.part(0, 2).lit(lambda t: float(np.clip((2 - t) / 0.5, 0, 1)))
    yield "through black", black + talk.part(0, 2).lit(lambda t: min(1.0, t / 0.5)), ((1.5, 2.5),)


def _filling(rgb: np.ndarray) -> np.ndarray:
    """The middle of a picture in 404 x 404 px."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 3, (width - side) // 2
    return cv2.resize(rgb[top : top + side, left : left + side], (404, 404), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True, slots=True)
class Play:
    """A character and what it is to do.

    Attributes:
        name: Which.
        image: The picture.
        pose: Gives its stances.
        wanted: The motion that is asked for.
        true: What the frames should show; nothing where nobody knows.
    """

    name: str
    image: Path
    pose: Callable[[Character, frozenset[Part]], list[FramePose]]
    wanted: PoseTrack
    true: list[np.ndarray]


def track_frames(frames: Sequence[np.ndarray], times_s: np.ndarray) -> PoseTrack:
    """The poses in some frames."""
    small = (
        Frame(i, float(t), shrink(f, TRACK_LONG_SIDE_PX)) for i, (f, t) in enumerate(zip(frames, times_s, strict=True))
    )
    return track_of(find_poses(small))


def drawn_plays(folder: Path) -> Iterator[Play]:
    """Drawn people who do with their true joints what they were drawn doing."""
    for number in range(len(ACTS)):
        times_s, path = np.arange(SECONDS * FPS) / FPS, folder / f"drawn{number}.png"
        drawn = [_drawn(number, t) for t in (None, *times_s.tolist())]
        rest, *true = drawn
        cv2.imwrite(str(path), rest.rgb[..., ::-1])
        joints = np.array([picture.joints_px[0] for picture in drawn])

        def pose(c: Character, _: object, joints: np.ndarray = joints) -> list[FramePose]:
            moved, face = joints_of(joints), face_of(joints[..., :2])
            behind, over = DepthOrder().follow(_in_metres(moved / c.px_per_m))
            return [
                FramePose(
                    c.joints + (moved[i] - moved[0])[:, :2],
                    1.0,
                    tuple(face[i] - face[0]),
                    drawing_order(tuple(behind[i]), arms=over[i, 0], legs=over[i, 1]),
                )
                for i in range(1, len(moved))
            ]

        frames = [picture.rgb for picture in true]
        yield Play(f"drawn {number}", path, pose, track_frames(frames, times_s), frames)


def real_plays(folder: Path, media: Path) -> Iterator[Play]:
    """People in clips play themselves from a frame on, which is the truth; pictures play the clips."""
    if not media.is_dir():
        return
    for video, starts_s in (("dance-full-body.mp4", (0.0, 4.0, 8.0)), ("talking-upper-body.mp4", (0.0, 1.3))):
        for start_s in starts_s:
            facts, path = probe_video(media / video), folder / f"{Path(video).stem}-{start_s}.png"
            end_s = start_s + SECONDS
            clip = read_frames(facts.path, container=facts.format, long_side_px=LONG_PX, start_s=start_s, end_s=end_s)
            frames = [f.rgb[: f.rgb.shape[0] // 2 * 2, : f.rgb.shape[1] // 2 * 2] for f in clip]
            times_s = np.arange(len(frames)) / facts.fps
            track = track_frames(frames, times_s)
            cv2.imwrite(str(path), frames[0][..., ::-1])
            wanted = PoseTrack(times_s[::2], track.landmarks[::2], track.world_m[::2], track.aspect)

            def pose(
                c: Character, parts: frozenset[Part], track: PoseTrack = track, fps: float = facts.fps
            ) -> list[FramePose]:
                stream, count = PoseStream.of(track, fps), len(track.times_s)
                retargeter = Retargeter(c, parts, Orientation.VIDEO, stream.perform(0, min(opening_frames(fps), count)))
                motion = retargeter.move(stream.perform(0, count))
                return [FramePose.of(motion, index) for index in range(0, count, 2)]

            yield Play(f"itself {path.stem}", path, pose, wanted, frames[::2])
            if start_s == 0:
                for image in _pictures(media):
                    if ("upper" in image.stem or "ball" in image.stem) or "dance" in video:
                        yield Play(f"{image.stem} {video[:5]}", image, pose, wanted, [])
