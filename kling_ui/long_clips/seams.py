"""Seams: where one piece's result gives way to the next one's, in which colours, and by a cut or a cross-fade."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from kling_ui.media.colour_match import PLAIN, ColourMatch, lab_colours, match_colours, to_lab
from kling_ui.media.video import Frame
from kling_ui.vision.pose import KEYPOINTS, TRACK_LONG_SIDE_PX, VISIBLE_MIN, Pose, find_poses, shrink, trunk_length

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
