"""Landmarks, masks and pose tracks of people: the only module that imports mediapipe.

The models are the ones that the ``mediapipe`` 0.10.21 wheel carries, so nothing is fetched at run time. A detector
object belongs to the process that made it and is never shared between threads.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from kling_ui.media.video import Frame

# 0.5 is the detector's own default; stylised characters are often found only lower (0.3 finds a painted face that
# 0.5 misses), so an image is tried again before it is called empty.
DETECTION_CONFIDENCES = (0.5, 0.3, 0.15)
MASK_THRESHOLD = 0.5
# Landmarks of a true find lie on its mask (0.8-1.0 measured); those of a phantom do not (0.0-0.4 measured).
AGREEMENT_MIN = 0.5
IMAGE_LONG_SIDE_PX = 1280
TRACK_LONG_SIDE_PX = 640


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
        confidence: The detection threshold, 0-1, at which the person was found.
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


def load_models() -> None:
    """Load what a first look would wait for, some seconds of imports; run it in a worker ahead of time."""
    find_person(np.zeros((64, 64, 3), np.uint8))


def find_person(rgb: np.ndarray) -> Pose | None:
    """Find the main character of a still picture, with a mask.

    Args:
        rgb: ``(height, width, 3)`` uint8, upright.

    Returns:
        The pose, its mask in the picture's own size, or ``None`` when nobody is found at any confidence.
    """
    height, width = rgb.shape[:2]
    small = shrink(rgb, IMAGE_LONG_SIDE_PX)
    for confidence in DETECTION_CONFIDENCES:
        detector = _still_detector(confidence, threading.get_ident())
        pose = _read(detector.process(small), confidence)
        if pose is not None and pose.mask is not None and _is_trusted(pose):
            mask = cv2.resize(pose.mask, (width, height), interpolation=cv2.INTER_LINEAR)
            return Pose(pose.landmarks, pose.world_m, mask, confidence)
    return None


def find_poses(frames: Iterable[Frame], *, connected: bool = True) -> Iterator[tuple[Frame, Pose | None]]:
    """Find the pose in each frame as it comes, without masks.

    Args:
        frames: Upright frames, best at most :data:`TRACK_LONG_SIDE_PX` long; they pass through.
        connected: The frames follow each other closely, so that one helps the next (about 1.5 x faster).
    """
    confidence = DETECTION_CONFIDENCES[0]
    with contextlib.closing(_new_detector(still=not connected, mask=False, confidence=confidence)) as detector:
        for frame in frames:
            yield frame, _read(detector.process(frame.rgb), confidence)


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


def _is_trusted(pose: Pose) -> bool:
    return pose.confidence >= DETECTION_CONFIDENCES[0] or (pose.mask_agreement or 0.0) >= AGREEMENT_MIN


@lru_cache(maxsize=2 * len(DETECTION_CONFIDENCES))
def _still_detector(confidence: float, _thread: int) -> Any:
    # Starting one costs more than using it; it keeps nothing of earlier pictures, but belongs to one thread.
    return _new_detector(still=True, mask=True, confidence=confidence)


def _new_detector(*, still: bool, mask: bool, confidence: float) -> Any:
    from mediapipe.python.solutions.pose import Pose as Detector  # noqa: PLC0415  loads in seconds, only where used

    return Detector(
        static_image_mode=still,
        model_complexity=1,  # the one that the wheel carries
        smooth_landmarks=False,  # smoothing is the caller's: it knows the whole track
        enable_segmentation=mask,
        min_detection_confidence=confidence,
    )


def _read(answer: Any, confidence: float) -> Pose | None:
    if answer.pose_landmarks is None:
        return None
    landmarks = [(p.x, p.y, p.z, p.visibility) for p in answer.pose_landmarks.landmark]
    world = [(p.x, p.y, p.z) for p in answer.pose_world_landmarks.landmark]
    return Pose(np.asarray(landmarks, np.float32), np.asarray(world, np.float32), answer.segmentation_mask, confidence)
