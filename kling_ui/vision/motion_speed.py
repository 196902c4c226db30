"""Measure how fast the person moves, in trunk lengths a second, and the camera over a whole clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from kling_ui.vision import camera
from kling_ui.vision.camera import CameraStep, OpticalFlow, camera_step
from kling_ui.vision.frame_analysis import Figures
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.people import detector_pool
from kling_ui.vision.pose import PoseTrack, trunk_length
from kling_ui.vision.shots import Cut

_FAST_SHARE = 0.97  # a hand and a forearm are about the rest of a figure
# How far a move of the whole body counts: walking, with 2.6 trunk lengths a second, is easy to follow, running is not.
_WHOLE_SHARE = 0.4
_FIGURE_PX_MIN = 30  # area of a figure below which its speed cannot be measured
_CAMERA_STEP_S = 0.3  # from one measurement of the camera to the next
_SPEED_DIGITS, _TIME_DIGITS = 3, 4  # decimals kept


@dataclass(frozen=True, slots=True)
class MotionSpeed:
    """The person's speed over time, in trunk lengths per second.

    Attributes:
        times_s: Middle of each step between two frames, rising.
        trunks_per_s: Speed of the figure's fast parts; 0 where nobody is.
    """

    times_s: tuple[float, ...] = ()
    trunks_per_s: tuple[float, ...] = ()


def step_speed(
    flow: OpticalFlow, figure: np.ndarray | None, *, trunk_px: float, step_s: float, camera: CameraStep | None
) -> float:
    """Measure the person's speed between two frames, in trunk lengths per second.

    Args:
        flow: From one frame to the next.
        figure: ``(height, width)`` bool, where the person is in either; ``None`` for nobody.
        trunk_px: Length of the trunk in the flow's pixels.
        step_s: Time between the frames.
        camera: What the camera does meanwhile, which is not the figure's doing.
    """
    if figure is None or trunk_px <= 0 or step_s <= 0 or figure.sum() < _FIGURE_PX_MIN:
        return 0.0
    rows, columns = np.nonzero(figure)
    moved = np.ascontiguousarray(flow.moved_px[rows, columns].T)
    if camera is not None and camera.is_known and camera.is_moving:
        moved -= _view_moved(rows, columns, figure.shape, camera, step_s)
    whole = _ranked(moved, 0.5)[:, None]
    fast = float(_ranked(np.hypot(*(moved - whole)), _FAST_SHARE))
    return max(fast, _WHOLE_SHARE * float(np.hypot(*whole)[0])) / trunk_px / step_s


def _ranked(values: np.ndarray, share: float) -> np.ndarray:
    """What so large a share of the values does not exceed, along the last axis."""
    rank = round(share * (values.shape[-1] - 1))
    return np.partition(values, rank)[..., rank]


def _view_moved(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, ...], camera: CameraStep, step_s: float
) -> np.ndarray:
    """Movement of the view at some pixels, ``(2, pixels)`` px: right and down."""
    share = step_s / (camera.end_s - camera.start_s)
    height, width = shape
    x, y = columns - np.float32(width / 2), rows - np.float32(height / 2)
    zoom, roll, long_side = camera.zoom * share, camera.roll_rad * share, max(shape)
    across = camera.shift_x * share * long_side + zoom * x - roll * y
    down = camera.shift_y * share * long_side + zoom * y + roll * x
    return np.stack([across, down])


def camera_steps(sampled_frames: Sequence[SampledFrame], people: Figures) -> tuple[CameraStep, ...]:
    """Measure the camera's movement over a whole clip, about three steps a second."""
    pairs, first = [], 0
    for index, sampled_frame in enumerate(sampled_frames):
        if sampled_frame.time_s - sampled_frames[first].time_s >= _CAMERA_STEP_S or (
            index == len(sampled_frames) - 1 and index > first
        ):
            pairs.append((first, index))
            first = index

    def step(pair: tuple[int, int]) -> CameraStep:
        before, after = sampled_frames[pair[0]], sampled_frames[pair[1]]
        views = [sampled_frame.grey(camera.CAMERA_LONG_SIDE_PX) for sampled_frame in (before, after)]
        figure = people.during(before.time_s, after.time_s)
        if figure is not None:
            figure = cv2.resize(figure.astype(np.uint8), views[0].shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        return camera_step(*views, figure, start_s=before.time_s, end_s=after.time_s)

    return tuple(detector_pool().map(step, pairs))


def figure_speed(
    times_s: np.ndarray, steps: Sequence[OpticalFlow], figures: Figures, track: PoseTrack, moves: Sequence[CameraStep]
) -> MotionSpeed:
    """Measure the person's speed from frame to frame.

    Args:
        times_s: ``(frames,)`` rising.
        steps: Flow from each frame to the next.
        figures: Where the main person is.
        track: The poses; the trunk is measured once for all, as it is foreshortened now and then.
        moves: What the camera did.
    """
    found = track.found
    if not found.any() or not steps:
        return MotionSpeed()
    height_px = steps[0].moved_px.shape[0]
    trunk_px = float(np.median(trunk_length(track.landmarks[found], track.aspect))) * height_px
    speeds, move = [], 0
    for step, (start_s, end_s) in zip(steps, pairwise(times_s.tolist()), strict=True):
        while move < len(moves) - 1 and moves[move].end_s <= start_s:
            move += 1
        figure, now = figures.during(start_s, end_s), moves[move] if moves else None
        speed = step_speed(step, figure, trunk_px=trunk_px, step_s=end_s - start_s, camera=now)
        speeds.append(round(speed, _SPEED_DIGITS))
    middles = (times_s[1:] + times_s[:-1]) / 2
    return MotionSpeed(tuple(round(time_s, _TIME_DIGITS) for time_s in middles.tolist()), tuple(speeds))


def cut_apart(
    moves: Sequence[CameraStep], motion_speed: MotionSpeed, cuts: Sequence[Cut]
) -> tuple[tuple[CameraStep, ...], MotionSpeed]:
    """Remove camera movement and speed that were measured across a cut."""
    kept = tuple(
        CameraStep(move.start_s, move.end_s, is_known=False)
        if any(cut.last_s < move.end_s and cut.first_s > move.start_s for cut in cuts)
        else move
        for move in moves
    )
    speeds = tuple(
        0.0 if any(cut.last_s < time_s < cut.first_s for cut in cuts) else speed
        for time_s, speed in zip(motion_speed.times_s, motion_speed.trunks_per_s, strict=True)
    )
    return kept, MotionSpeed(motion_speed.times_s, speeds)
