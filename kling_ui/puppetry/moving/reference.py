"""The reference's motion: raw poses, repaired as they come and cleaned a stretch at a time."""

import threading
from dataclasses import dataclass

import numpy as np

from kling_ui.puppetry.moving.smoothing import REACH_S, blur, bridge, speeds, steady
from kling_ui.puppetry.skeleton import ANKLES, face_of, joints_of, scale_px_per_m
from kling_ui.vision.person import Landmark, Pose, PoseTrack

VISIBLE_SIGMA_S = 0.12
SWAP_GAIN = 0.4  # left and right were taken for each other when that explains a jump this much better
ARM_PAIRS = np.array([(i, i + 1) for i in range(Landmark.LEFT_SHOULDER, Landmark.RIGHT_THUMB, 2)])
LEG_PAIRS = np.array([(i, i + 1) for i in range(Landmark.LEFT_HIP, Landmark.RIGHT_FOOT_INDEX, 2)])


@dataclass(frozen=True, slots=True)
class Performance:
    """What the person in the reference does.

    Attributes:
        points: ``(frames, 18, 2)`` per :class:`kling_ui.puppetry.skeleton.Joint`, in units of the picture's height.
        world_m: ``(frames, 18, 3)`` metres, hips at 0, y down, smaller z nearer.
        visibility: ``(frames, 18)`` 0-1, slowly changing.
        scale: ``(frames,)`` heights per metre.
        face: ``(frames, 3)`` see :func:`kling_ui.puppetry.skeleton.face_of`.
        pace_m_s: ``(frames, 2)`` speeds of the left and the right ankle in the picture.
        fps: Frames per second.
    """

    points: np.ndarray
    world_m: np.ndarray
    visibility: np.ndarray
    scale: np.ndarray
    face: np.ndarray
    pace_m_s: np.ndarray
    fps: float

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, frames: slice) -> "Performance":
        fields = (self.points, self.world_m, self.visibility, self.scale, self.face, self.pace_m_s)
        return Performance(*(values[frames] for values in fields), self.fps)


class Reading:
    """The poses of a clip, while it is still being read by another thread.

    Args:
        fps: Frames per second.
    """

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.times_s: list[float] = []
        self.stopped = False
        self._rows: list[np.ndarray] = []  # (33, 7): landmarks in square units, world in metres
        self._last: np.ndarray | None = None
        self._found: list[bool] = []
        self._done = False
        self._error: BaseException | None = None
        self._more = threading.Condition()

    @classmethod
    def of(cls, track: PoseTrack, fps: float) -> "Reading":
        """A clip that has been read."""
        reading = cls(fps)
        for time_s, landmarks, world, found in zip(
            track.times_s, track.landmarks, track.world_m, track.found, strict=True
        ):
            pose = Pose(landmarks, world, None, 1.0) if found else None
            reading.add(float(time_s), track.aspect, pose)
        reading.close()
        return reading

    def add(self, time_s: float, aspect: float, pose: Pose | None) -> None:
        """Append the next frame's pose."""
        with self._more:
            if pose is not None:
                row = np.concatenate([pose.landmarks, pose.world_m], axis=1).astype(np.float64)
                row[:, 0] *= aspect
                self._last = row if self._last is None else unswapped(row, self._last)
            self._rows.append(np.zeros((33, 7)) if self._last is None else self._last)
            self._found.append(pose is not None)
            self.times_s.append(time_s)
            self._more.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Say that no more frames come, or why not."""
        with self._more:
            self._done, self._error = True, error
            self._more.notify_all()

    def stop(self) -> None:
        """Ask the one who reads to stop."""
        self.stopped = True

    def wait_for(self, frames: int) -> int:
        """Wait until so many frames are there or no more come.

        Returns:
            How many there are.

        Raises:
            Exception: What ended the reading.
        """
        with self._more:
            self._more.wait_for(lambda: self._done or len(self._rows) >= frames)
            if self._error is not None:
                raise self._error
            return len(self._rows)

    @property
    def anybody(self) -> bool:
        """Somebody has been found so far."""
        return any(self._found)

    def perform(self, start: int, end: int) -> Performance:
        """Clean some frames; those within :data:`REACH_S` around them should be there, and somebody found."""
        reach = int(np.ceil(REACH_S * self.fps)) + 1
        low, high = max(0, start - reach), min(len(self._rows), end + reach)
        base = next((index for index in range(low, 0, -1) if self._found[index]), 0)
        rows, found = np.asarray(self._rows[base:high]), np.asarray(self._found[base:high])
        return _clean(bridge(rows, found, self.fps, low - base), self.fps)[start - low : end - low]


def perform(track: PoseTrack, fps: float) -> Performance:
    """Clean a whole track; at least one frame of it has a person."""
    return Reading.of(track, fps).perform(0, len(track.times_s))


def _clean(rows: np.ndarray, fps: float) -> Performance:
    joints = joints_of(rows)
    speed = speeds(joints[..., 4:], fps)
    world, points = steady(joints[..., 4:], fps, speed), steady(joints[..., :2], fps, speed)
    visibility = np.clip(blur(joints[..., 3], VISIBLE_SIGMA_S * fps), 0, 1)
    scale = blur(scale_px_per_m(points, world, visibility**2), VISIBLE_SIGMA_S * fps)
    pace = speeds(points[:, list(ANKLES)], fps)[..., 0] / scale[:, None]
    return Performance(points, world, visibility, scale, steady(face_of(rows[..., :2]), fps), pace, fps)


def unswapped(row: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Undo the detector's taking left for right.

    A body cannot turn round between two frames: where the arms or the legs jump to each other's place, they are swapped
    back.

    Args:
        row: ``(33, n)`` landmarks of one frame, the first two in square units.
        before: The same of the last frame in which somebody was found, already repaired.
    """
    row = row.copy()
    for pairs in (ARM_PAIRS, LEG_PAIRS):
        kept = np.linalg.norm(row[pairs, :2] - before[pairs, :2], axis=-1).mean()
        swapped = np.linalg.norm(row[pairs[:, ::-1], :2] - before[pairs, :2], axis=-1).mean()
        if swapped < SWAP_GAIN * kept:
            row[pairs] = row[pairs[:, ::-1]]
    return row
