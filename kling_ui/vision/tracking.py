"""Track poses through a clip, detecting in some frames and interpolating where the person moves steadily.

A detection costs more than all else about a frame. Detections go ahead a few frames at a time; the last three are
checked against each other. Where they lie nearly on a straight line, a parabola through them gives the frames they
passed over; where they do not, or somebody was lost, the pose in those frames is detected after all.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from kling_ui.media.video import Frame
from kling_ui.vision.detector import lent_tracker
from kling_ui.vision.pose import EPSILON, HIPS, KEYPOINTS, SHOULDERS, SURE_SCORE_MIN, Pose, next_pose

DETECTIONS_PER_S = 12.0  # fewer lose fast hands
EVERY_MAX = 4  # frames from detection to detection, however many frames a second there are
# How far a joint may be from where it was headed, against the size of the trunk: the parabola is then off by a
# fraction of an eighth of it. On four clips of dance and gestures, limbs turned by 0.1-0.7 degrees on average by this,
# and a pose was detected in 55-58 % of their frames.
OFF_COURSE_MAX = 0.2
_SHOWN = 0.5  # visibility from which a joint's course counts
_ON_COURSE = 3  # detections that show whether a joint keeps its course


def track_poses(frames: Iterable[Frame], *, fps: float) -> Iterator[tuple[Frame, Pose | None]]:
    """Find the pose in every frame as :func:`kling_ui.vision.pose.find_poses` does, with about half of its work.

    Args:
        frames: Upright frames that follow each other closely; a few of them are held back.
        fps: Frames per second.
    """
    with lent_tracker(SURE_SCORE_MIN) as follower:
        yield from track_sparsely(frames, lambda frame: next_pose(follower, frame.rgb), every=detection_stride(fps))


def detection_stride(fps: float) -> int:
    """Choose how many frames to go on by from detection to detection, 1 to :data:`EVERY_MAX`."""
    return max(1, min(EVERY_MAX, int(fps / DETECTIONS_PER_S)))


def track_sparsely(
    frames: Iterable[Frame], detect: Callable[[Frame], Pose | None], *, every: int
) -> Iterator[tuple[Frame, Pose | None]]:
    """Detect the pose in every ``every``-th frame, and in those between where the motion is not steady.

    Args:
        frames: In the order of time; they come back in the same order.
        detect: Finds the pose in one frame; it may be given a frame before the one it was given last.
        every: Frames from detection to detection.
    """
    passed: list[Frame] = []
    detected: list[Pose | None] = []  # the last three at most, evenly spaced
    for index, frame in enumerate(frames):
        passed.append(frame)
        if index % every:
            continue
        detected = [*detected[-2:], detect(frame)]
        yield from _between(passed[:-1], detected, detect, frame.rgb.shape[1] / frame.rgb.shape[0])
        yield frame, detected[-1]
        passed = []
    yield from ((frame, detect(frame)) for frame in passed)


def _between(
    passed: list[Frame], detected: list[Pose | None], detect: Callable[[Frame], Pose | None], aspect: float
) -> Iterator[tuple[Frame, Pose | None]]:
    known = [pose for pose in detected if pose is not None]
    if len(known) < _ON_COURSE or off_course(known, aspect) > OFF_COURSE_MAX:
        yield from ((frame, detect(frame)) for frame in passed)
        return
    for place, frame in enumerate(passed, start=1):
        yield frame, on_parabola(known, place / (len(passed) + 1))


def off_course(detected: list[Pose], aspect: float) -> float:
    """Measure how far the third of three poses is from where the first two were heading.

    Args:
        detected: Three poses, evenly spaced in time.
        aspect: Width of the picture divided by its height.

    Returns:
        The farthest visible joint's way, as a share of the size of the trunk.
    """
    first, second, third = (pose.landmarks[:, :2] * (aspect, 1.0) for pose in detected)
    seen = np.minimum(detected[1].landmarks[:, 3], detected[2].landmarks[:, 3]) > _SHOWN
    across = third[SHOULDERS[0]] - third[SHOULDERS[1]]
    along = third[SHOULDERS].mean(axis=0) - third[HIPS].mean(axis=0)
    size = max(float(np.hypot(*across)), float(np.hypot(*along)), EPSILON)
    away = np.linalg.norm(third - 2 * second + first, axis=1) / size
    return float(away[KEYPOINTS][seen[KEYPOINTS]].max(initial=0.0))


def on_parabola(detected: list[Pose], share: float) -> Pose:
    """Interpolate the pose at a share, 0-1, of the way from the second to the third of three evenly spaced poses."""
    weights = share * (share - 1) / 2, 1 - share**2, share * (share + 1) / 2
    landmarks = _mixed([pose.landmarks for pose in detected], weights)
    landmarks[:, 3] = (1 - share) * detected[1].landmarks[:, 3] + share * detected[2].landmarks[:, 3]
    world_m = _mixed([pose.world_m for pose in detected], weights)
    return Pose(landmarks, world_m, None, min(detected[1].confidence, detected[2].confidence))


def _mixed(values: list[np.ndarray], weights: tuple[float, ...]) -> np.ndarray:
    return np.tensordot(np.array(weights, np.float32), np.stack(values), axes=1)
