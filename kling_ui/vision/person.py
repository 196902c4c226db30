"""People in pictures: landmarks, masks and pose tracks.

The models are loaded once for each thread that uses them; :mod:`kling_ui.vision.pose_graph` runs them.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import cv2
import numpy as np

from kling_ui.media.video import Frame
from kling_ui.vision.pose_graph import Candidate, PoseFollower, PoseReader, Reading

# 0.5 is the detector's own default. Stylised characters are often found only lower (0.4 for a painted face), which is
# believed when the landmarks lie on the mask: those of a true find do (0.8-1.0 measured), a phantom's do not (0.0-0.4).
SURE_SCORE_MIN = 0.5
AGREEMENT_MIN = 0.5
MASK_THRESHOLD = 0.5
TRACK_LONG_SIDE_PX = 640
POSE_LONG_SIDE_PX = 800  # the models see 224 and 256 px; more only costs time
# Two finds of one body share most of its mask (0.6 and more measured), two bodies side by side nearly nothing (0.1).
_SAME_BODY_SHARE = 0.4
_UNSURE_TRIED_MAX = 3
_PEOPLE_MAX = 4


class Landmark(IntEnum):
    """The 33 BlazePose landmarks; left and right are the person's own."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


@dataclass(frozen=True, slots=True)
class Pose:
    """One person in one picture.

    Attributes:
        landmarks: ``(33, 4)`` float32: x and y as fractions 0-1 of width and height (may lie outside the picture),
            z on x's scale with 0 at the hips (smaller is nearer), visibility 0-1.
        world_m: ``(33, 3)`` float32, metres around the middle of the hips, y down.
        mask: ``(height, width)`` float32 0-1 that tells the person from the rest, or ``None`` when not asked for.
        confidence: How sure the detector is, 0-1; below :data:`SURE_SCORE_MIN` it is a stylised or a small one.
    """

    landmarks: np.ndarray
    world_m: np.ndarray
    mask: np.ndarray | None
    confidence: float

    @property
    def subject_share(self) -> float | None:
        """Share of the picture that the person covers, 0-1, by the mask."""
        return None if self.mask is None else float((self.mask > MASK_THRESHOLD).mean())

    @property
    def mask_agreement(self) -> float | None:
        """Share of the visible landmarks, 0-1, that lie on the mask: how far mask and landmarks mean the same."""
        if self.mask is None:
            return None
        x, y, _, visibility = self.landmarks.T
        inside = (visibility >= 0.5) & (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
        if not inside.any():
            return 0.0
        height, width = self.mask.shape
        rows, columns = (y[inside] * height).astype(int), (x[inside] * width).astype(int)
        return float((self.mask[rows, columns] > MASK_THRESHOLD).mean())


@dataclass(frozen=True, slots=True)
class PoseTrack:
    """The poses of one person through a clip, one row a frame looked at.

    Attributes:
        times_s: ``(frames,)`` float64, presentation times.
        landmarks: ``(frames, 33, 4)`` float32 as in :class:`Pose`; NaN where nobody was found.
        world_m: ``(frames, 33, 3)`` float32 as in :class:`Pose`; NaN where nobody was found.
        aspect: Displayed width divided by height, which turns the fractions into one scale.
    """

    times_s: np.ndarray
    landmarks: np.ndarray
    world_m: np.ndarray
    aspect: float

    @property
    def found(self) -> np.ndarray:
        """``(frames,)`` bool: somebody was found in this frame."""
        return ~np.isnan(self.landmarks[:, 0, 0])

    @property
    def found_share(self) -> float:
        """Share of the frames, 0-1, in which somebody was found."""
        return float(self.found.mean()) if len(self.times_s) else 0.0


def find_person(rgb: np.ndarray) -> Pose | None:
    """Find the main character of a still picture, with a mask.

    Args:
        rgb: ``(height, width, 3)`` uint8, upright.

    Returns:
        The largest person, the mask in the picture's own size; ``None`` when nobody is found at any confidence.
    """
    people = find_people(rgb)
    if not people or people[0].mask is None:
        return None
    mask = cv2.resize(people[0].mask, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    return Pose(people[0].landmarks, people[0].world_m, mask, people[0].confidence)


def find_people(rgb: np.ndarray) -> list[Pose]:
    """Find everybody whom one look at a still picture shows, the largest first: that one is the main character.

    A small body beside a large one is easily overlooked; :mod:`kling_ui.vision.people` looks again.

    Args:
        rgb: ``(height, width, 3)`` uint8, upright.

    Returns:
        Poses with masks at the size of the copy that the models saw. Below :data:`SURE_SCORE_MIN` at most one, and
        only when nobody surer is there.
    """
    small = shrink(rgb, POSE_LONG_SIDE_PX)
    reader = pose_reader()
    candidates = reader.candidates(small)
    sure = [body for body in candidates if body.score >= SURE_SCORE_MIN][:_PEOPLE_MAX]
    people = distinct(pose for body in sure if (pose := read_pose(reader, small, body)) is not None)
    if not people:
        unsure = [body for body in candidates if body.score < SURE_SCORE_MIN][:_UNSURE_TRIED_MAX]
        tried = (read_pose(reader, small, body) for body in unsure)
        people = [pose for pose in tried if pose is not None and (pose.mask_agreement or 0.0) >= AGREEMENT_MIN][:1]
    return sorted(people, key=lambda pose: -(pose.subject_share or 0.0))


def find_poses(frames: Iterable[Frame], *, connected: bool = True) -> Iterator[tuple[Frame, Pose | None]]:
    """Find the pose in each frame as it comes, without masks.

    Args:
        frames: Upright frames, best at most :data:`TRACK_LONG_SIDE_PX` long; they pass through.
        connected: The frames follow each other closely, so that one helps the next (about 1.5 x faster).
    """
    with contextlib.closing(PoseFollower(connected=connected, score_min=SURE_SCORE_MIN)) as follower:
        for frame in frames:
            yield frame, pose_of(follower.read(frame.rgb))


def pose_of(found: Reading | None) -> Pose | None:
    """The pose of somebody who is followed from frame to frame."""
    return None if found is None else Pose(found.landmarks, found.world_m, None, SURE_SCORE_MIN)


def track_of(poses: Iterable[tuple[Frame, Pose | None]]) -> PoseTrack:
    """Collect what :func:`find_poses` yields."""
    times, landmarks, world, aspect = [], [], [], 1.0
    for frame, pose in poses:
        times.append(frame.time_s)
        aspect = frame.rgb.shape[1] / frame.rgb.shape[0]
        landmarks.append(np.full((33, 4), np.nan, np.float32) if pose is None else pose.landmarks)
        world.append(np.full((33, 3), np.nan, np.float32) if pose is None else pose.world_m)
    return PoseTrack(
        np.asarray(times, np.float64),
        np.asarray(landmarks, np.float32).reshape(-1, 33, 4),
        np.asarray(world, np.float32).reshape(-1, 33, 3),
        aspect,
    )


def shrink(rgb: np.ndarray, long_side_px: int) -> np.ndarray:
    """Scale down so that the longer side is at most ``long_side_px``; never up."""
    height, width = rgb.shape[:2]
    scale = long_side_px / max(width, height)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def pose_reader() -> PoseReader:
    """Give the calling thread its models, loaded at the first call."""
    return _reader(threading.get_ident())


def read_pose(reader: PoseReader, rgb: np.ndarray, body: Candidate) -> Pose | None:
    """Read the pose and the mask of one candidate; ``None`` when nobody is there at a closer look."""
    found = reader.read(rgb, body)
    return None if found is None else Pose(found.landmarks, found.world_m, found.mask, round(body.score, 4))


def distinct(poses: Iterable[Pose]) -> list[Pose]:
    """Leave out poses of a body that an earlier one shows; all have masks of the same size."""
    kept: list[tuple[Pose, np.ndarray]] = []
    for pose in poses:
        if pose.mask is None:
            continue
        on = pose.mask > MASK_THRESHOLD
        size = int(on.sum())
        if all((on & other).sum() < _SAME_BODY_SHARE * max(1, min(size, int(other.sum()))) for _, other in kept):
            kept.append((pose, on))
    return [pose for pose, _ in kept]


@lru_cache(maxsize=8)
def _reader(_thread: int) -> PoseReader:
    # Starting one costs more than using it; it keeps nothing of earlier pictures, but belongs to one thread.
    return PoseReader()
