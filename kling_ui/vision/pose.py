"""Poses: find people's landmarks, and derive framing, cut-off limbs, tilt, turn and trunk length."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

import cv2
import numpy as np

from kling_ui.media.video import Frame
from kling_ui.vision.detector import (
    Candidate,
    OnePerThread,
    PoseDetector,
    PoseReading,
    PoseTracker,
    is_oblong,
    lent_tracker,
)

# 0.5 is the detector's own default. Stylised characters are often found only lower (0.4 for a painted face), which is
# believed when the landmarks lie on the mask: those of a true find do (0.8-1.0 measured), a phantom's do not (0.0-0.4).
SURE_SCORE_MIN = 0.5
AGREEMENT_MIN = 0.5
MASK_THRESHOLD = 0.5  # above it a mask's pixel is more likely the person's than not
TRACK_LONG_SIDE_PX = 640  # of a clip's frames; the models see 224 and 256 px
POSE_LONG_SIDE_PX = 800  # the models see 224 and 256 px; more only costs time
# Two finds of one body share most of its mask (0.6 and more measured), two bodies side by side nearly nothing (0.1).
_SAME_BODY_SHARE = 0.4
_UNSURE_TRIED_MAX = 3  # unsure candidates whose pose is read until one is believed
_PEOPLE_MAX = 4  # whose pose is read; each takes time, and a few tell that somebody is not alone
# BlazePose gives 0.9-1.0 to what it sees and 0.0-0.4 to what it guesses; little lies between.
VISIBLE_MIN = 0.5

# A joint this near to the edge, as a share of the picture's side, is cut by it as much as one beyond it.
_VIEW_EDGE_SHARE = 0.03
# A trunk is about 1.3 times as long as the shoulders are wide; the longer of both stays steady when one is turned away.
_TRUNK_PER_SHOULDERS = 1.3


EPSILON = 1e-6  # instead of a length or a sum of weights that is 0, wherever one divides by it
_ROUNDING = 4  # decimals of a score
# Starting one costs more than using it; it keeps nothing of earlier pictures.
_DETECTORS = OnePerThread(PoseDetector)


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


LANDMARKS = len(Landmark)  # 33

# Groups that belong together, the left one first; lists, because that is what picks rows of an array.
FACE = [*range(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1)]
EARS = [Landmark.LEFT_EAR, Landmark.RIGHT_EAR]
SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
WRISTS = [Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST]
ARMS = [Landmark.LEFT_ELBOW, Landmark.RIGHT_ELBOW, Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST]
HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
KNEES = [Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE]
ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]
KEYPOINTS = [Landmark.NOSE, *SHOULDERS, *ARMS, *HIPS, *KNEES, *ANKLES]  # without hands, feet and the rest of the face


@dataclass(frozen=True, slots=True)
class Pose:
    """One person's landmarks and mask in one picture.

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
        if self.mask is None:
            return None
        return np.count_nonzero(self.mask > MASK_THRESHOLD) / self.mask.size  # many times quicker than a mean

    @property
    def mask_agreement(self) -> float | None:
        """Share of the visible landmarks, 0-1, that lie on the mask: how far mask and landmarks mean the same."""
        if self.mask is None:
            return None
        x, y, _, visibility = self.landmarks.T
        inside = (visibility >= VISIBLE_MIN) & (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
        if not inside.any():
            return 0.0
        height, width = self.mask.shape
        rows, columns = (y[inside] * height).astype(int), (x[inside] * width).astype(int)
        return float((self.mask[rows, columns] > MASK_THRESHOLD).mean())


@dataclass(frozen=True, slots=True)
class PoseTrack:
    """The poses of one person through a clip, one row for each analysed frame.

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
        """Frames in which somebody was found; ``(frames,)`` bool."""
        return ~np.isnan(self.landmarks[:, 0, 0])


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
    """Find all people whom the detector sees in a still picture, the largest, the main character, first.

    A small body beside a large one is easily overlooked; :mod:`kling_ui.vision.people` searches again.

    Args:
        rgb: ``(height, width, 3)`` uint8, upright.

    Returns:
        Poses with masks at the size of the copy that the models saw. Below :data:`SURE_SCORE_MIN` at most one, and
        only when nobody surer is there.
    """
    small = shrink(rgb, POSE_LONG_SIDE_PX)
    detector = pose_detector()
    candidates = detector.candidates(small)
    sure = [body for body in candidates if body.score >= SURE_SCORE_MIN][:_PEOPLE_MAX]
    people = distinct(pose for body in sure if (pose := detect_pose(detector, small, body)) is not None)
    if not people:
        unsure = [body for body in candidates if body.score < SURE_SCORE_MIN][:_UNSURE_TRIED_MAX]
        tried = (detect_pose(detector, small, body) for body in unsure)
        people = [pose for pose in tried if pose is not None and (pose.mask_agreement or 0.0) >= AGREEMENT_MIN][:1]
    return sorted(people, key=lambda pose: -(pose.subject_share or 0.0))


def find_poses(frames: Iterable[Frame], *, connected: bool = True) -> Iterator[tuple[Frame, Pose | None]]:
    """Find the pose in each frame as it comes, without masks.

    Args:
        frames: Upright frames, best at most :data:`TRACK_LONG_SIDE_PX` long; they pass through.
        connected: The frames follow each other closely, so that one helps the next (about 1.5 x faster).
    """
    with _tracker(connected=connected) as follower:
        for frame in frames:
            yield frame, next_pose(follower, frame.rgb)


def next_pose(follower: PoseTracker, rgb: np.ndarray) -> Pose | None:
    """Read the pose in a clip's next frame, in an oblong one without the tracker, which would find nobody there."""
    if not is_oblong(rgb):
        return pose_of(follower.read(rgb))
    detector = pose_detector()
    body = next(iter(detector.candidates(rgb)), None)
    pose = detect_pose(detector, rgb, body) if body is not None and body.score >= SURE_SCORE_MIN else None
    return None if pose is None else replace(pose, mask=None)


def _tracker(*, connected: bool) -> contextlib.AbstractContextManager[PoseTracker]:
    if connected:
        return lent_tracker(SURE_SCORE_MIN)
    return contextlib.closing(PoseTracker(connected=False, score_min=SURE_SCORE_MIN))


def pose_of(found: PoseReading | None) -> Pose | None:
    """Make a pose of what the tracker read in one frame."""
    return None if found is None else Pose(found.landmarks, found.world_m, None, SURE_SCORE_MIN)


def track_of(poses: Iterable[tuple[Frame, Pose | None]]) -> PoseTrack:
    """Collect the poses that :func:`find_poses` yields into a track."""
    times, landmarks, world, aspect = [], [], [], 1.0
    for frame, pose in poses:
        times.append(frame.time_s)
        aspect = frame.rgb.shape[1] / frame.rgb.shape[0]
        landmarks.append(np.full((LANDMARKS, 4), np.nan, np.float32) if pose is None else pose.landmarks)
        world.append(np.full((LANDMARKS, 3), np.nan, np.float32) if pose is None else pose.world_m)
    return PoseTrack(
        np.asarray(times, np.float64),
        np.asarray(landmarks, np.float32).reshape(-1, LANDMARKS, 4),
        np.asarray(world, np.float32).reshape(-1, LANDMARKS, 3),
        aspect,
    )


def shrink(rgb: np.ndarray, long_side_px: int) -> np.ndarray:
    """Scale a picture down so that its longer side is at most ``long_side_px``; never up."""
    height, width = rgb.shape[:2]
    scale = long_side_px / max(width, height)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def pose_detector() -> PoseDetector:
    """Return the calling thread's pose detector, loaded where no thread that ended has left one."""
    return _DETECTORS.get()


def detect_pose(detector: PoseDetector, rgb: np.ndarray, body: Candidate) -> Pose | None:
    """Read the pose and the mask of one candidate; ``None`` when the landmark model sees nobody there."""
    found = detector.read(rgb, body)
    return None if found is None else Pose(found.landmarks, found.world_m, found.mask, round(body.score, _ROUNDING))


def distinct(poses: Iterable[Pose]) -> list[Pose]:
    """Leave out poses of a body that an earlier pose already shows; all have masks of the same size."""
    kept: list[tuple[Pose, np.ndarray]] = []
    for pose in poses:
        if pose.mask is None:
            continue
        on = pose.mask > MASK_THRESHOLD
        size = int(on.sum())
        if all((on & other).sum() < _SAME_BODY_SHARE * max(1, min(size, int(other.sum()))) for _, other in kept):
            kept.append((pose, on))
    return [pose for pose, _ in kept]


# Outer joint -> inner joint and the name of what lies between them and beyond.
_LIMBS = {
    Landmark.LEFT_WRIST: (Landmark.LEFT_ELBOW, "left forearm"),
    Landmark.RIGHT_WRIST: (Landmark.RIGHT_ELBOW, "right forearm"),
    Landmark.LEFT_ANKLE: (Landmark.LEFT_KNEE, "left lower leg"),
    Landmark.RIGHT_ANKLE: (Landmark.RIGHT_KNEE, "right lower leg"),
}
_HANDS = {Landmark.LEFT_WRIST: "left hand", Landmark.RIGHT_WRIST: "right hand"}


class Framing(StrEnum):
    """How much of the body is in view."""

    FULL = "full body"
    UPPER = "upper body"
    PART = "part of a body"
    NOBODY = "nobody"


def in_frame(landmarks: np.ndarray) -> np.ndarray:
    """Tell which landmarks lie inside the picture: bool, ``(..., 33)``."""
    x, y = landmarks[..., 0], landmarks[..., 1]
    return (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)


def seen(landmarks: np.ndarray) -> np.ndarray:
    """Tell which landmarks lie inside the picture and are not hidden: bool, ``(..., 33)``."""
    return in_frame(landmarks) & (landmarks[..., 3] >= VISIBLE_MIN)


def shows_head(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether most of the head is in view: bool, ``(...)``."""
    return seen(landmarks)[..., FACE].mean(axis=-1) > 0.5


def shows_shoulders(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether both shoulders are in view: bool, ``(...)``."""
    return seen(landmarks)[..., SHOULDERS].all(axis=-1)


def shows_upper_body(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether head and both shoulders are in view: bool, ``(...)``."""
    return shows_head(landmarks) & shows_shoulders(landmarks)


def shows_full_body(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether head, shoulders, hips, knees and ankles are in view: bool, ``(...)``.

    Of each leg one may be hidden behind the other or by a caption, as long as it is inside the picture.
    """
    view, inside = seen(landmarks), in_frame(landmarks)
    legs = [view[..., pair].any(axis=-1) & inside[..., pair].all(axis=-1) for pair in (HIPS, KNEES, ANKLES)]
    return shows_upper_body(landmarks) & legs[0] & legs[1] & legs[2]


def framing(landmarks: np.ndarray) -> Framing:
    """Name how much one picture's ``(33, 4)`` landmarks show."""
    if np.isnan(landmarks[0, 0]):
        return Framing.NOBODY
    if shows_full_body(landmarks):
        return Framing.FULL
    return Framing.UPPER if shows_upper_body(landmarks) else Framing.PART


def usual_framing(landmarks: np.ndarray) -> Framing:
    """Name what most frames of a ``(frames, 33, 4)`` track show."""
    names = [framing(frame) for frame in landmarks]
    return max(Framing, key=names.count) if names else Framing.NOBODY


def cut_limbs(landmarks: np.ndarray) -> tuple[str, ...]:
    """Name the limbs of one picture that its edge cuts: the inner joint is well in view, the outer one outside."""
    places, inside = landmarks[..., :2], in_frame(landmarks)
    view = seen(landmarks) & ((places > _VIEW_EDGE_SHARE) & (places < 1 - _VIEW_EDGE_SHARE)).all(axis=-1)
    return tuple(name for outer, (inner, name) in _LIMBS.items() if view[inner] and not inside[outer])


def hands_outside(landmarks: np.ndarray) -> tuple[str, ...]:
    """Name the hands of one picture that lie outside it; also those that are guessed, of an arm that leaves it."""
    inside, view = in_frame(landmarks), seen(landmarks)
    leaves = {wrist: not inside[_LIMBS[wrist][0]] and not view[wrist] for wrist in _HANDS}
    return tuple(name for wrist, name in _HANDS.items() if not inside[wrist] or leaves[wrist])


def spans_without(times_s: np.ndarray, shown: np.ndarray) -> list[tuple[float, float]]:
    """List the spans in which something is not shown.

    Args:
        times_s: ``(frames + 1,)`` times of the frames, in seconds, and the end of the clip.
        shown: ``(frames,)`` bool; a frame stands for the time up to the next one.

    Returns:
        ``(start_s, end_s)`` of each span, rising.
    """
    hidden = np.concatenate(([False], ~np.asarray(shown, bool), [False]))
    edges = np.flatnonzero(hidden[1:] != hidden[:-1])
    return [(float(times_s[start]), float(times_s[end])) for start, end in edges.reshape(-1, 2)]


def tilt_deg(landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """Measure the turn in the picture plane: 0 is upright, 90 lies, 180 stands on its head; ``(...)``, 0-180.

    Args:
        landmarks: ``(..., 33, 4)``.
        aspect: Width divided by height of the picture.
    """
    return np.abs(lean_deg(landmarks, aspect))


def lean_deg(landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """Measure the turn in the picture plane, clockwise: 90 has the head on the right; ``(...)``, -180 to 180.

    Args:
        landmarks: ``(..., 33, 4)``.
        aspect: Width divided by height of the picture.
    """
    places = landmarks[..., :2] * (aspect, 1.0)
    shoulders, hips = places[..., SHOULDERS, :].mean(axis=-2), places[..., HIPS, :].mean(axis=-2)
    face = places[..., FACE, :].mean(axis=-2)
    has_hips = in_frame(landmarks)[..., HIPS].all(axis=-1)[..., None]
    up = np.where(has_hips, shoulders - hips, face - shoulders)
    return np.degrees(np.arctan2(up[..., 0], -up[..., 1]))


def turn_deg(world_m: np.ndarray) -> np.ndarray:
    """Measure the turn about the upright axis: 0 faces the camera, 180 shows the back; ``(...)``, -180 to 180.

    It means little for a body that is not upright.
    """
    across = world_m[..., Landmark.LEFT_SHOULDER, :] - world_m[..., Landmark.RIGHT_SHOULDER, :]
    return np.degrees(np.arctan2(across[..., 2], across[..., 0]))


def turned_landmarks(landmarks: np.ndarray, turns: int, widths: float) -> np.ndarray:
    """Turn the landmarks of a picture with it.

    Args:
        landmarks: ``(..., 4)``, see :class:`Pose`.
        turns: Counter-clockwise quarter turns.
        widths: The picture's old width divided by its new one, which z is measured in.
    """
    x, y, z, visibility = np.moveaxis(landmarks, -1, 0)
    for _ in range(turns % 4):
        x, y = y, 1 - x
    return np.stack([x, y, z * widths, visibility], axis=-1)


def trunk_length(landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """Measure the trunk, shoulders to hips, in picture heights: the ruler for movement; ``(...)``.

    Args:
        landmarks: ``(..., 33, 4)``.
        aspect: Width divided by height of the picture.
    """
    places = landmarks[..., :2] * (aspect, 1.0)
    shoulders, hips = places[..., SHOULDERS, :], places[..., HIPS, :]
    along = np.linalg.norm(shoulders.mean(axis=-2) - hips.mean(axis=-2), axis=-1)
    across = np.linalg.norm(shoulders[..., 0, :] - shoulders[..., 1, :], axis=-1)
    return np.maximum(along, _TRUNK_PER_SHOULDERS * across)
