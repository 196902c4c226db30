"""Seams: where one piece's result gives way to the next one's, in which colours, and by a cut or a cross-fade.

Where a piece begins with the last picture of the one before, that picture is chosen here, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media.colour_match import PLAIN, ColourMatch, lab_colours, match_colours, to_lab
from kling_ui.media.files import atomic_file
from kling_ui.media.probe import sniff_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.vision.frame_analysis import sharpness
from kling_ui.vision.people import one_thread
from kling_ui.vision.pose import (
    KEYPOINTS,
    TRACK_LONG_SIDE_PX,
    VISIBLE_MIN,
    Pose,
    find_person,
    find_poses,
    seen,
    shrink,
    trunk_length,
)

LAST_PICTURE_S = 1.0  # so long before the seam: the later a picture is, the better it goes on
LOOKED_AT = 8  # pictures of that time
_SHARP_PX = 512  # long side of the copy whose edges are measured
_LATE = 0.1  # how much of what is seen a picture that is as late as can be may lack

# Two results that agree better than this at a frame are cut there; else they are faded into each other.
POSES_APART_MAX, COLOURS_APART_MAX = 0.08, 3.0  # trunk lengths; units of Lab, of a picture blurred to 32 px
FADE_FRAMES = 6
_BLURRED_PX = 32
_TRUNK_IN_LAB = 30.0  # units of Lab that weigh as much as joints that are a trunk length apart


@dataclass(frozen=True, slots=True)
class Seam:
    """Where two neighbouring results are joined; frames are counted in the whole clip.

    Attributes:
        from_frame: The first frame that shows both, fading; equal to ``to_frame`` for a cut.
        to_frame: The first frame that shows only the second.
        match: What the colours of the second are brought to those of the first by.
        colours_apart: How far apart the two pictures are there in Lab, matched; ``None`` without an overlap.
        colours_apart_before: The same before the match.
        poses_apart: How far apart the joints are, in trunk lengths; ``None`` where nobody was found in both.
    """

    from_frame: int
    to_frame: int
    match: ColourMatch = PLAIN
    colours_apart: float | None = None
    colours_apart_before: float | None = None
    poses_apart: float | None = None

    @property
    def is_cut(self) -> bool:
        """Nothing is faded."""
        return self.from_frame == self.to_frame


def find_seam(before: Sequence[np.ndarray], after: Sequence[np.ndarray], *, first_frame: int) -> Seam:
    """Choose the seam within an overlap.

    The second result takes over at the frame at which both agree best in pose and picture, once its colours were
    brought to the first one's. Where they agree badly everywhere, the two are faded into each other.

    Args:
        before: What the first result shows in the overlap, in its final colours, ``(height, width, 3)`` uint8 each.
        after: What the second shows in the same frames.
        first_frame: The first of these frames, counted in the whole clip.
    """
    if not before:
        return Seam(first_frame, first_frame)
    small, other = ([shrink(rgb, TRACK_LONG_SIDE_PX) for rgb in pictures] for pictures in (before, after))
    match = match_colours(lab_colours(other), lab_colours(small))
    matched = [match.applied_to(rgb) for rgb in other]
    colours = np.array([_colours_apart(rgb, one) for rgb, one in zip(small, matched, strict=True)])
    plain = np.array([_colours_apart(rgb, one) for rgb, one in zip(small, other, strict=True)])
    aspect = small[0].shape[1] / small[0].shape[0]
    pairs = zip(_poses(small), _poses(other), strict=True)
    poses = np.array([poses_apart(one, two, aspect) for one, two in pairs])
    cost = colours + _TRUNK_IN_LAB * np.nan_to_num(poses, nan=POSES_APART_MAX)
    middle = np.abs(np.arange(len(cost)) - (len(cost) - 1) / 2)
    best = int(np.lexsort((middle, cost.round(2)))[0])  # of equal ones the middle
    apart = None if np.isnan(poses[best]) else float(poses[best])
    seam = Seam(first_frame + best, first_frame + best, match, float(colours[best]), float(plain[best]), apart)
    if colours[best] <= COLOURS_APART_MAX and (apart is None or apart <= POSES_APART_MAX):
        return seam
    start = min(max(0, best - FADE_FRAMES // 2), max(0, len(cost) - FADE_FRAMES))
    end = min(len(cost), start + FADE_FRAMES)
    return replace(seam, from_frame=first_frame + start, to_frame=first_frame + end)


def poses_apart(one: Pose | None, two: Pose | None, aspect: float) -> float:
    """Mean distance of the joints that two poses show, in trunk lengths; NaN where there are none.

    Args:
        one: A pose.
        two: Another.
        aspect: Width divided by height of the picture.
    """
    if one is None or two is None:
        return float("nan")
    shown = np.minimum(one.landmarks[KEYPOINTS, 3], two.landmarks[KEYPOINTS, 3]) >= VISIBLE_MIN
    if not shown.any():
        return float("nan")
    places, others = (pose.landmarks[KEYPOINTS, :2][shown] * (aspect, 1.0) for pose in (one, two))
    trunk = float(trunk_length(one.landmarks, aspect))
    return float(np.linalg.norm(places - others, axis=1).mean()) / max(trunk, 1e-3)


def faded(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """Mix two pictures of one size, so much of it the second's."""
    return cv2.addWeighted(before, 1 - share, after, share, 0.0)


def _colours_apart(rgb: np.ndarray, other: np.ndarray) -> float:
    size = _BLURRED_PX, _BLURRED_PX
    blurred = (to_lab(cv2.resize(one, size, interpolation=cv2.INTER_AREA)) for one in (rgb, other))
    return float(np.linalg.norm(np.subtract(*blurred), axis=2).mean())


def _poses(pictures: Sequence[np.ndarray]) -> list[Pose | None]:
    return [pose for _, pose in find_poses(Frame(index, float(index), rgb) for index, rgb in enumerate(pictures))]


@one_thread()
def take_last_picture(result: Path, before_s: float, place: Path) -> Path:
    """Write the picture that shows most of the figure, sharply, of the last second before a seam; run it in a worker.

    Args:
        result: The piece's video.
        before_s: Where in it the seam is, in seconds.
        place: The PNG to write, unless it is there.

    Raises:
        MediaError: The video cannot be read, or shows nobody there.
    """
    if place.is_file():
        return place
    start_s = max(0.0, before_s - LAST_PICTURE_S)
    frames = list(read_frames(result, container=sniff_video(result), start_s=start_s, end_s=before_s))
    if not frames:  # it came back short
        frames = list(read_frames(result, container=sniff_video(result)))[-LOOKED_AT:]
    chosen = [
        frames[place] for place in np.linspace(0, len(frames) - 1, min(len(frames), LOOKED_AT)).round().astype(int)
    ]
    marks = [_mark(frame) + _LATE * number / len(chosen) for number, frame in enumerate(chosen)]
    if not marks or max(marks) < 0:
        words = f"it shows nobody in the second before {before_s:.1f} s who could be the next character."
        raise MediaError(words, path=result, advice="Go on with the original picture instead.")
    with atomic_file(place) as unfinished:
        Image.fromarray(chosen[int(np.argmax(marks))].rgb).save(unfinished, "PNG")
    return place


def _mark(frame: Frame) -> float:
    """How good a picture of the character a frame is, 0-2; negative for nobody."""
    pose = find_person(frame.rgb)
    if pose is None or pose.mask is None:
        return -1.0
    grey = cv2.cvtColor(shrink(frame.rgb, _SHARP_PX), cv2.COLOR_RGB2GRAY)
    return float(seen(pose.landmarks)[KEYPOINTS].mean()) + min(1.0, sharpness(grey, pose.mask))
