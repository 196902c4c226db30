"""A clip's poses as a stream: only what is believed, gaps interpolated, jitter smoothed without lag."""

import threading
from dataclasses import dataclass

import numpy as np

from kling_ui.puppet.skeleton import ANKLES, joints_of, scale_px_per_m
from kling_ui.vision.people import face_of
from kling_ui.vision.plausibility import DOUBT_S_MAX, Readings, ReadingSearch, exchanged
from kling_ui.vision.pose import LANDMARKS, Pose, PoseTrack
from kling_ui.vision.second_looks import Rereader, is_in_doubt, new_looks

SLOW_SIGMA_S = 0.08  # how long a resting joint is averaged
FAST_SIGMA_S = 0.02  # and a fast one
FAST_M_PER_S = 1.2  # speed at which a joint counts as fast; a brisk gesture moves a wrist at 1-3 m/s
REACH_S = 0.6  # how far ahead and back all that is done here needs frames
VISIBLE_SIGMA_S = 0.12  # how long visibility and scale are averaged, so that limbs do not come and go
KERNEL_SIGMAS = 3  # how far a Gaussian reaches: 99.7 % of it lies within
ROW = 4 + 3  # values a landmark: x, y, z, visibility; x, y, z in metres
WORLD = 4  # where in a row the metres begin


def bridge(values: np.ndarray, found: np.ndarray, fps: float, start: int = 0) -> np.ndarray:
    """Interpolate values over the frames in which nobody was found.

    Short gaps are crossed in a straight line. In long ones the last pose is held until :data:`REACH_S` before the next.

    Args:
        values: ``(frames, ...)`` of which rows not ``found`` are ignored.
        found: ``(frames,)`` bool, at least one of them true.
        fps: Frames per second.
        start: The first frame wanted.

    Returns:
        ``(frames - start, ...)``.
    """
    index = np.arange(start, len(found))
    known = np.flatnonzero(found)
    after = np.searchsorted(known, index)
    right = known[np.minimum(after, len(known) - 1)]
    left = np.where(found[start:], index, known[np.maximum(after - 1, 0)])
    span = np.minimum(np.maximum(right - left, 1), max(1.0, REACH_S * fps))
    share = np.where(right > left, np.clip(1 - (right - index) / span, 0, 1), 0.0)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[left] * (1 - share) + values[right] * share


def steady(values: np.ndarray, fps: float, speed_m_s: np.ndarray | None = None) -> np.ndarray:
    """Smooth over time without lag: much where a joint rests, little where it moves fast.

    Args:
        values: ``(frames, ...)``.
        fps: Frames per second.
        speed_m_s: ``(frames, ...)`` speeds that broadcast against ``values``; ``None`` smooths as if all were slow.
    """
    slow = blur(values, SLOW_SIGMA_S * fps)
    if speed_m_s is None:
        return slow
    fast = blur(values, FAST_SIGMA_S * fps)
    share = np.clip(speed_m_s / FAST_M_PER_S, 0, 1)
    return slow + share * (fast - slow)


def blur(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Average over time with a Gaussian, both ends continued point-symmetrically so that a trend is kept."""
    reach = min(int(np.ceil(KERNEL_SIGMAS * sigma_frames)), len(values) - 1)
    if reach < 1:
        return values.copy()
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    kernel /= kernel.sum()
    before = 2 * values[:1] - values[reach:0:-1]
    after = 2 * values[-1:] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after])
    total = np.zeros(values.shape)
    for place, weight in enumerate(kernel):
        total += weight * padded[place : place + len(values)]
    return total


def speeds(points: np.ndarray, fps: float) -> np.ndarray:
    """Measure ``(frames, n, 1)`` speeds of ``(frames, n, d)`` points, per second, lightly averaged."""
    if len(points) < 2:
        return np.zeros((*points.shape[:2], 1))
    rate = np.linalg.norm(np.gradient(blur(points, FAST_SIGMA_S * fps), axis=0), axis=-1, keepdims=True) * fps
    return blur(rate, 2 * FAST_SIGMA_S * fps)


def latch(values: np.ndarray, *, on: float, off: float, state: bool) -> np.ndarray:
    """Switch with hysteresis: ``(frames,)`` bool, on above ``on``, off below ``off``, unchanged between."""
    out = np.zeros(len(values), bool)
    for index, value in enumerate(values):
        state = value > (off if state else on)
        out[index] = state
    return out


@dataclass(frozen=True, slots=True)
class SmoothedMotion:
    """The clip's motion, smoothed: joints, visibility, scale, face and foot speed in each frame.

    Attributes:
        points: ``(frames, 18, 2)`` per :class:`kling_ui.puppet.skeleton.Joint`, in units of the picture's height.
        world_m: ``(frames, 18, 3)`` metres, hips at 0, y down, smaller z nearer.
        visibility: ``(frames, 18)`` 0-1, slowly changing.
        scale: ``(frames,)`` heights per metre.
        face: ``(frames, 3)`` see :func:`kling_ui.vision.people.face_of`.
        speed_m_s: ``(frames, 2)`` speeds of the left and the right ankle in the picture.
        fps: Frames per second.
    """

    points: np.ndarray
    world_m: np.ndarray
    visibility: np.ndarray
    scale: np.ndarray
    face: np.ndarray
    speed_m_s: np.ndarray
    fps: float

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, frames: slice) -> "SmoothedMotion":
        fields = (self.points, self.world_m, self.visibility, self.scale, self.face, self.speed_m_s)
        return SmoothedMotion(*(values[frames] for values in fields), self.fps)


class PoseStream:
    """The poses of a clip, usable while another thread still reads it.

    Args:
        fps: Frames per second.
    """

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.times_s: list[float] = []
        self.stopped = False
        self._rows: list[np.ndarray] = []  # (33, 7): landmarks in square units, world in metres
        self._search = ReadingSearch()
        self._looks: dict[int, list[np.ndarray]] = {}  # rows that new looks gave
        self._looked_until = 0
        self._aspect = 1.0
        self._believed: list[bool] = []  # of the frames that were given out: they stay as they were drawn
        self._taken: list[np.ndarray] = []  # the rows of these
        self._done = False
        self._error: BaseException | None = None
        self._more = threading.Condition()

    @classmethod
    def of(cls, track: PoseTrack, fps: float) -> "PoseStream":
        """Make a finished stream from the track of a clip."""
        pose_stream = cls(fps)
        for time_s, landmarks, world, found in zip(
            track.times_s, track.landmarks, track.world_m, track.found, strict=True
        ):
            pose = Pose(landmarks, world, None, 1.0) if found else None
            pose_stream.add(float(time_s), track.aspect, pose)
        pose_stream.close()
        return pose_stream

    def add(self, time_s: float, aspect: float, pose: Pose | None) -> None:
        """Append the next frame's pose."""
        with self._more:
            self._aspect = aspect
            row = np.full((LANDMARKS, ROW), np.nan) if pose is None else _row(pose, aspect)
            self._search.add(time_s, row[:, :2], row[:, WORLD:])
            self._rows.append(row)
            self.times_s.append(time_s)
            self._more.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """End the stream: no more frames come, because of ``error`` if there is one."""
        with self._more:
            self._done, self._error = True, error
            self._more.notify_all()

    def stop(self) -> None:
        """Ask the thread that reads the clip to stop."""
        self.stopped = True

    def wait_for(self, frames: int) -> int:
        """Wait until so many frames have been read or the stream has ended.

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

    def wait_until_sure(self, frames: int) -> int:
        """Wait until what is believed of so many frames no longer hangs on those to come, or the stream has ended.

        Returns:
            How many frames there are.

        Raises:
            Exception: What ended the reading.
        """
        count = self.wait_for(frames)
        while self._readings().in_doubt_from < frames and (more := self.wait_for(count + 1)) > count:
            count = more
        return count

    def look_again(self, end: int, rereader: Rereader) -> None:
        """Look again at frames before ``end`` and within :data:`REACH_S` after it whose readings are not believed.

        Args:
            end: The first frame that is not drawn next.
            rereader: Reads frames of the same clip.

        Raises:
            MediaError: The clip cannot be decoded.
            Exception: What ended the reading.
        """
        until = min(end + self._ahead, len(self.times_s))
        first = max(self._looked_until, len(self._taken))  # nothing is told of what was given out long ago
        if not is_in_doubt(self._readings(), self.times_s, range(first, until)):
            return
        until, readings = self._whole_gap(end, until)
        looks = new_looks(
            self._search,
            readings,
            range(first, until),
            times_s=self.times_s,
            rereader=rereader,
            pose_of=lambda frame: self._pose_of(frame, readings),
            fps=self.fps,
        )
        self._looks |= {frame: [_row(pose, self._aspect) for pose in found] for frame, found in looks.items()}
        self._looked_until = max(self._looked_until, until, max(looks, default=-1) + 1)

    @property
    def _ahead(self) -> int:
        """Frames that are believed or not, whatever comes after so many others."""
        return round(REACH_S * self.fps) + 1

    def _whole_gap(self, end: int, until: int) -> tuple[int, Readings]:
        """Wait until a gap that goes on at a frame is known as a whole: what borders on it tells which looks fit."""
        most = until + round(DOUBT_S_MAX * self.fps)
        while True:
            count = self.wait_for(until + self._ahead)
            readings = self._readings()
            believed = np.flatnonzero((readings.believed & ~readings.contested)[until:most])
            reached = until + int(believed[0]) if len(believed) else min(count, most)
            if count >= min(reached, most) + self._ahead or self.wait_for(count + 1) <= count:
                return max(end, min(reached, readings.in_doubt_from)), readings

    def _pose_of(self, frame: int, readings: Readings) -> Pose:
        row = self._row_of(frame, readings)
        return Pose(row[:, :WORLD] / (self._aspect, 1.0, 1.0, 1.0), row[:, WORLD:], None, 1.0)

    @property
    def anybody(self) -> bool:
        """Whether anybody has been found so far."""
        with self._more:
            return bool(self._search.readings().believed.any())

    def perform(self, start: int, end: int, *, ahead: bool = False) -> SmoothedMotion:
        """Smooth some frames; those within :data:`REACH_S` around them should be there, and somebody found.

        Args:
            start: The first frame.
            end: The one after the last.
            ahead: Add the frames after these, of which not everything that is believed is sure yet.
        """
        readings = self._decide(end)
        believed = self._believed + readings.believed[len(self._believed) :].tolist()
        reach = int(np.ceil(REACH_S * self.fps)) + 1
        low, high = max(0, start - reach), min(len(believed), end + reach)
        base = next((index for index in range(low, 0, -1) if believed[index]), 0)
        if not any(believed[base:high]):  # the first pose to come is held
            high = next((index + 1 for index in range(high, len(believed)) if believed[index]), high)
        rows = [self._row_of(frame, readings) for frame in range(base, high)]
        bridged = bridge(np.asarray(rows), np.asarray(believed[base:high]), self.fps, low - base)
        return _clean(bridged, self.fps)[start - low : None if ahead else end - low]

    def _decide(self, end: int) -> Readings:
        """What is believed of each frame; up to ``end`` this will not change any more, nor what is taken as its row."""
        readings = self._readings()
        for frame in range(len(self._taken), end):
            row = self._row_of(frame, readings)
            self._believed.append(bool(readings.believed[frame]))
            self._taken.append(row)
        return readings

    def _row_of(self, frame: int, readings: Readings) -> np.ndarray:
        if frame < len(self._taken):
            return self._taken[frame]
        look = int(readings.look[frame])
        return exchanged(self._rows[frame] if look < 0 else self._looks[frame][look], int(readings.way[frame]))

    def _readings(self) -> Readings:
        back = round((DOUBT_S_MAX + REACH_S) * self.fps)
        with self._more:
            return self._search.readings(max(0, len(self._believed) - back))


def smoothed_motion(track: PoseTrack, fps: float) -> SmoothedMotion:
    """Smooth a whole track, of which at least one frame shows a person."""
    return PoseStream.of(track, fps).perform(0, len(track.times_s))


def _row(pose: Pose, aspect: float) -> np.ndarray:
    row = np.concatenate([pose.landmarks, pose.world_m], axis=1).astype(np.float64)
    row[:, 0] *= aspect
    return row


def _clean(rows: np.ndarray, fps: float) -> SmoothedMotion:
    joints = joints_of(rows)
    speed = speeds(joints[..., WORLD:], fps)
    world, points = steady(joints[..., WORLD:], fps, speed), steady(joints[..., :2], fps, speed)
    visibility = np.clip(blur(joints[..., 3], VISIBLE_SIGMA_S * fps), 0, 1)
    scale = blur(scale_px_per_m(points, world, visibility**2), VISIBLE_SIGMA_S * fps)
    ankle_speed = speeds(points[:, list(ANKLES)], fps)[..., 0] / scale[:, None]
    return SmoothedMotion(points, world, visibility, scale, steady(face_of(rows[..., :2]), fps), ankle_speed, fps)
