"""How far the motion match of a preview is off: ``make bench ARGS=score_error``.

Where a preview draws its figure is known exactly, so the match of what was drawn can be told without a detector. The
match that the product shows comes from what the detector reads in the result; the difference is the error of the
measurement, here for characters in many styles. Beside it stand a ceiling and floors, to read the figure by.
"""

import argparse
import asyncio
import json
import math
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from figure import Actor, Camera, Scene, dance, gesture, offering, write_clip
from figure.cast import DANCER, MAYA, THEO

from benchmarks.labelled.acting import arms_down, hands_folded, walking
from benchmarks.labelled.conditions import CONDITIONS
from benchmarks.labelled.props import Change
from benchmarks.labelled.stills import SQUARE, changed, full, in_black, lit, spotlit, upper
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet, forget_rigs, rig_of
from kling_ui.puppet.render import render_preview
from kling_ui.puppet.skeleton import BONES, SOURCES, Joint, Part
from kling_ui.scoring.compare import load_tracked_clip, match_clips
from kling_ui.scoring.match import MotionMatch, says_little
from kling_ui.scoring.motion import motion_match
from kling_ui.vision.pose import LANDMARKS, Landmark, PoseTrack, find_person
from kling_ui.workers import Workers

ERROR_MAX = 5.0  # points of 100 by which both may differ
SECONDS, FPS = 4.0, 24
SIDES_PX = (960, 540)
LATE_S = 1.0
IS_LONG = True


def _levels(count: int) -> Change:
    """Few colours, with hard edges between them: a flat cartoon."""

    def change(rgb: np.ndarray) -> np.ndarray:
        smooth = cv2.pyrMeanShiftFiltering(rgb, 8, 24)
        return (np.round(smooth / 255 * (count - 1)) / (count - 1) * 255).astype(np.uint8)

    return change


def _inked(rgb: np.ndarray) -> np.ndarray:
    """Flat colours within black outlines, as in a comic."""
    flat = cv2.pyrMeanShiftFiltering(rgb, 8, 24)
    edges = cv2.adaptiveThreshold(
        cv2.medianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 5),
        255,
        cv2.ADAPTIVE_THRESH_MEAN_C,
        cv2.THRESH_BINARY,
        9,
        4,
    )
    return np.where(edges[..., None] > 0, flat, 20).astype(np.uint8)


def _pencil(rgb: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.pencilSketch(rgb, sigma_s=40, sigma_r=0.07, shade_factor=0.05)[0][..., None], 3, axis=2)


def _pixels(side_px: int) -> Change:
    """Squares of one colour, as in old games."""

    def change(rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        small = cv2.resize(rgb, (width // side_px, height // side_px), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)

    return change


def _sepia(rgb: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] / 255
    return (grey * np.array([240, 200, 150])).astype(np.uint8)


def _negative(rgb: np.ndarray) -> np.ndarray:
    return 255 - rgb


def _hues(by: int) -> Change:
    """Other colours everywhere: blue skin, green hair."""

    def change(rgb: np.ndarray) -> np.ndarray:
        hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + by) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)

    return change


CHARACTERS: Mapping[str, Callable[[], np.ndarray]] = {
    "maya": full(),
    "theo": full(THEO, arms_down(), "hall"),
    "dancer": full(DANCER, hands_folded(), "plain", size=SQUARE, height_m=2.4),
    "maya from the side": full(turn_deg=50),
    "theo from behind": full(THEO, turn_deg=180),
    "maya to the waist": upper(MAYA, hands_folded()),
    "theo to the waist": upper(),
    "in black, low light": changed(full(in_black(DANCER), backdrop="room"), spotlit),
    "dim": changed(full(MAYA), lit(0.3)),
    "grain": changed(full(THEO), CONDITIONS["grain"]),
    "compressed": changed(full(DANCER, offering()), CONDITIONS["compressed"]),
    "four levels": changed(full(MAYA, arms_down(), "plain"), _levels(4)),
    "two levels": changed(full(THEO), _levels(2)),
    "inked": changed(full(DANCER, backdrop="hall"), _inked),
    "inked, to the waist": changed(upper(), _inked),
    "pencil": changed(full(MAYA, backdrop="plain"), _pencil),
    "painted": changed(full(THEO, backdrop="room"), lambda rgb: cv2.stylization(rgb, sigma_s=60, sigma_r=0.45)),
    "pixels": changed(full(MAYA), _pixels(6)),
    "coarse pixels": changed(full(DANCER, backdrop="plain"), _pixels(9)),
    "sepia": changed(full(THEO, arms_down(), "terrace"), _sepia),
    "negative": changed(full(MAYA), _negative),
    "blue skin": changed(full(DANCER, backdrop="room"), _hues(110)),
    "soft": changed(full(MAYA, hands_folded(), "room"), CONDITIONS["soft"]),
}

CLIPS: Mapping[str, Callable[[float], Scene]] = {
    "dance": lambda t: Scene((Actor(DANCER, dance(t)),), Camera(height_m=2.5), "hall"),
    "gesture": lambda t: Scene((Actor(THEO, gesture(t)),), Camera(y_m=1.3, height_m=1.2), "room"),
    "walk": lambda t: Scene((Actor(MAYA, walking(t, 1.2), turn_deg=60),), Camera(height_m=2.5), "terrace"),
    "turn": lambda t: Scene((Actor(MAYA, dance(t), turn_deg=60 * math.sin(1.5 * t)),), Camera(height_m=2.6), "plain"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One preview: the match of what was drawn, and of what was read.

    Attributes:
        character: Its name.
        clip: The reference's.
        drawn: The match of what was drawn, 0-100.
        read: The match that the product shows; ``None`` where it shows none, or no single figure.
        said: Why it shows none.
        visibility: How sure the detector was, 0-1.
        self_score: How far it agrees with itself, 0-100, where that was asked.
        read_anyway: The figure behind what is not shown.
    """

    character: str
    clip: str
    drawn: float | None
    read: float | None
    said: str
    visibility: float | None
    self_score: float | None
    read_anyway: float | None

    @property
    def error(self) -> float | None:
        """How far the figure shown is off, in points; ``None`` where none is shown."""
        return None if self.read is None or self.drawn is None else self.read - self.drawn


def main(*options: str) -> None:
    """Render and measure every pair, and print what came of it."""
    parser = argparse.ArgumentParser(prog="benchmarks score_error", description=__doc__)
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="only characters or clips with a word")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="characters from this folder instead of drawn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep pictures, clips and previews here")
    given = parser.parse_args(options)
    with tempfile.TemporaryDirectory() as temporary, Workers() as workers:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        pictures, clips = _files(folder, given.pictures)
        measured = []
        for pair in ((character, clip) for clip in clips for character in pictures):
            if given.only and not any(word in " x ".join(pair) for word in given.only):
                continue
            measured.append(_measure(workers, pair, pictures[pair[0]], clips[pair[1]], folder))
            print(_line(measured[-1]), flush=True)
        print("\n".join([*_summary(measured), *_scale(clips, folder)]))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in measured], indent=1))


def _files(folder: Path, pictures: Path | None) -> tuple[dict[str, Path], dict[str, Path]]:
    """Draw what is not there yet."""
    clips = {}
    for name, scene_at in CLIPS.items():
        clips[name] = folder / f"clip-{name}.mp4"
        if not clips[name].exists():
            write_clip(clips[name], scene_at, duration_s=SECONDS, fps=FPS, width_px=540, height_px=720)
    if pictures:
        return {path.stem: path for path in sorted(pictures.iterdir()) if path.suffix in {".png", ".jpg"}}, clips
    drawn = {}
    for name, draw_it in CHARACTERS.items():
        drawn[name] = folder / f"character-{name}.png"
        if not drawn[name].exists():
            cv2.imwrite(str(drawn[name]), draw_it()[..., ::-1])
    return drawn, clips


def _measure(workers: Workers, pair: tuple[str, str], picture: Path, clip: Path, folder: Path) -> Measured:
    result = folder / f"{picture.stem}-{clip.stem}.mp4"
    forget_rigs()
    with _recorded() as frames:
        render_preview(picture, clip, result, keep_sound=False, sides_px=SIDES_PX)
    match = asyncio.run(match_clips(workers, clip, result))
    drawn = _drawn_match(clip, picture, frames)
    said = match.reason or says_little(asdict(match))
    shown = None if said else match.score
    behind = motion_match(_read_once(clip).track, load_tracked_clip(result).track).score
    return Measured(*pair, drawn.score, shown, said, match.visibility, match.self_score, behind)


_read_once = cache(load_tracked_clip)  # of the references, which stay the same


@contextmanager
def _recorded() -> Generator[list[FramePose]]:
    """The stances that are drawn within the block."""
    frames: list[FramePose] = []
    draw_it = Puppet.draw

    def draw_and_tell(self: Puppet, frame_pose: FramePose, into: np.ndarray | None = None) -> np.ndarray:
        frames.append(replace(frame_pose, joints=frame_pose.joints.copy()))
        return draw_it(self, frame_pose, into)

    with mock.patch.object(Puppet, "draw", draw_and_tell):
        yield frames


def _drawn_match(clip: Path, picture: Path, frames: Sequence[FramePose]) -> MotionMatch:
    """The motion match of what was drawn, without looking at it."""
    reference, rig = _read_once(clip), rig_of(picture, sides_px=SIDES_PX)
    width, height = rig.character.size
    rest = find_person(rig.character.rgb[:height])
    if rest is None:
        raise ValueError(f"{picture.name}: nobody is found when it is looked at again")
    nose = rest.landmarks[Landmark.NOSE, :2] * (width, height) - rig.character.joints[Joint.HEAD]
    track = _track(frames, nose, rig.puppet.parts, (width, height))
    every = max(1, round(FPS * float(np.median(np.diff(reference.track.times_s)))))
    track = replace(
        track, times_s=track.times_s[::every], landmarks=track.landmarks[::every], world_m=track.world_m[::every]
    )
    return motion_match(reference.track, track, orientation=Orientation.VIDEO, fps=reference.fps)


def _track(
    frames: Sequence[FramePose], nose_px: np.ndarray, parts: frozenset[Part], size: tuple[int, int]
) -> PoseTrack:
    landmarks = np.zeros((len(frames), LANDMARKS, 4), np.float32)
    drawn = {
        joint for part in parts if part in BONES for joint in (BONES[part].start, BONES[part].end, BONES[part].tip)
    }
    drawn |= {Joint.LEFT_HIP, Joint.RIGHT_HIP, Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.NECK}
    for index, frame in enumerate(frames):
        for joint, sources in SOURCES.items():
            for source in sources:
                if joint is not Joint.NECK:  # the middle of the shoulders, which are drawn by themselves
                    landmarks[index, source] = (*(frame.joints[joint] / size), 0.0, float(joint in drawn))
        turn = complex(math.cos(frame.face[0]), math.sin(frame.face[0])) * complex(*nose_px) * frame.scale
        landmarks[index, Landmark.NOSE, :2] = (frame.joints[Joint.HEAD] + (turn.real, turn.imag)) / size
        landmarks[index, Landmark.NOSE, 3] = float(Part.HEAD in parts)
    times_s = np.arange(len(frames)) / FPS
    return PoseTrack(times_s, landmarks, np.zeros((len(frames), LANDMARKS, 3), np.float32), size[0] / size[1])


def _line(one: Measured) -> str:
    shown = f"{one.read:5.1f} {one.error:+6.1f}" if one.error is not None and one.read is not None else "    -      -"
    sure = f"{one.visibility:.2f}" if one.visibility is not None else "   -"
    alike = f"{one.self_score:3.0f}" if one.self_score is not None else "  -"
    behind = "-" if one.read_anyway is None else f"{one.read_anyway:.0f}"
    drawn = float("nan") if one.drawn is None else one.drawn
    wrong = " <" if one.error is not None and abs(one.error) > ERROR_MAX else ""
    return f"{one.character:>22} x {one.clip:<8} {drawn:5.1f} {shown}  {behind:>4}  {sure}  {alike}  {one.said}{wrong}"


def _summary(measured: Sequence[Measured]) -> list[str]:
    errors = [abs(one.error) for one in measured if one.error is not None]
    wrong = sum(error > ERROR_MAX for error in errors)
    shown = f"{len(measured)} previews, {len(errors)} with a figure"
    if not errors:
        return [shown]
    return [
        f"{shown}: {wrong} of them off by more than {ERROR_MAX:.0f} points;"
        f" mean {np.mean(errors):.1f}, median {np.median(errors):.1f}, largest {max(errors):.1f}"
    ]


def _scale(clips: Mapping[str, Path], folder: Path) -> list[str]:
    """What the figure is for results of known worth, on average over the clips."""
    tracks = {name: load_tracked_clip(path).track for name, path in clips.items()}
    names = list(tracks)
    own = {name: _own_preview(clips[name], folder) for name in names}
    pairs = {
        "a clip's own person, driven by the clip": [(tracks[name], own[name]) for name in names],
        "the same, a second late": [
            (tracks[name], replace(own[name], times_s=own[name].times_s + LATE_S)) for name in names
        ],
        "the same, one arm held still": [(tracks[name], _with_a_dead_arm(own[name])) for name in names],
        "the same, its frames shuffled": [(tracks[name], _shuffled(own[name])) for name in names],
        "another clip's motion": [
            (tracks[name], own[other]) for name, other in zip(names, names[1:] + names[:1], strict=True)
        ],
        "a picture that never moves": [(tracks[name], _frozen(own[name])) for name in names],
    }
    return ["", *(f"{what:>42}: {_scores(of)}" for what, of in pairs.items())]


def _scores(pairs: Sequence[tuple[PoseTrack, PoseTrack]]) -> str:
    matches = [motion_match(wanted, given) for wanted, given in pairs]
    told = [
        ("-" if one.score is None else f"{one.score:3.0f}") + ("*" if says_little(asdict(one)) else " ")
        for one in matches
    ]
    return " ".join(told)


def _own_preview(clip: Path, folder: Path) -> PoseTrack:
    """The preview whose picture is the clip's own first frame."""
    picture, result = folder / f"{clip.stem}-first.png", folder / f"{clip.stem}-own.mp4"
    frame = next(iter(read_frames(clip, container="mp4")))
    cv2.imwrite(str(picture), frame.rgb[..., ::-1])
    forget_rigs()
    render_preview(picture, clip, result, keep_sound=False, sides_px=SIDES_PX)
    return load_tracked_clip(result).track


def _with_a_dead_arm(track: PoseTrack) -> PoseTrack:
    """The left arm keeps its first stance against the shoulder."""
    arm = [Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST, Landmark.LEFT_PINKY, Landmark.LEFT_INDEX, Landmark.LEFT_THUMB]
    landmarks = track.landmarks.copy()
    held = landmarks[0, arm, :3] - landmarks[0, Landmark.LEFT_SHOULDER, :3]
    landmarks[:, arm, :3] = landmarks[:, [Landmark.LEFT_SHOULDER], :3] + held
    return replace(track, landmarks=landmarks)


def _shuffled(track: PoseTrack) -> PoseTrack:
    order = np.random.default_rng(1).permutation(len(track.times_s))
    return replace(track, landmarks=track.landmarks[order], world_m=track.world_m[order])


def _frozen(track: PoseTrack) -> PoseTrack:
    first = np.zeros(len(track.times_s), int)
    return replace(track, landmarks=track.landmarks[first], world_m=track.world_m[first])
