"""What moves in a clip from frame to frame: the camera, and the figure in front of it."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from kling_ui.vision import camera
from kling_ui.vision.camera import CameraStep, camera_step
from kling_ui.vision.figures import Figures
from kling_ui.vision.flow import Flow
from kling_ui.vision.pace import Pace, step_speed
from kling_ui.vision.person import PoseTrack
from kling_ui.vision.posture import trunk_length
from kling_ui.vision.readers import readers
from kling_ui.vision.reel import Still
from kling_ui.vision.shots import Cut

_CAMERA_STEP_S = 0.3


def camera_steps(reel: Sequence[Still], people: Figures) -> tuple[CameraStep, ...]:
    """Measure the camera over a whole clip, about three steps a second."""
    pairs, first = [], 0
    for index, still in enumerate(reel):
        if still.time_s - reel[first].time_s >= _CAMERA_STEP_S or (index == len(reel) - 1 and index > first):
            pairs.append((first, index))
            first = index

    def step(pair: tuple[int, int]) -> CameraStep:
        before, after = reel[pair[0]], reel[pair[1]]
        views = [still.grey(camera.LONG_SIDE_PX) for still in (before, after)]
        figure = people.during(before.time_s, after.time_s)
        if figure is not None:
            figure = cv2.resize(figure.astype(np.uint8), views[0].shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        return camera_step(*views, figure, start_s=before.time_s, end_s=after.time_s)

    return tuple(readers().map(step, pairs))


def figure_pace(
    times_s: np.ndarray, steps: Sequence[Flow], figures: Figures, track: PoseTrack, moves: Sequence[CameraStep]
) -> Pace:
    """Measure how fast the figure moves from frame to frame.

    Args:
        times_s: ``(frames,)`` rising.
        steps: Flow from each frame to the next.
        figures: Where the main person is.
        track: The poses; the trunk is measured once for all, as it is foreshortened now and then.
        moves: What the camera did.
    """
    found = track.found
    if not found.any() or not steps:
        return Pace()
    height_px = steps[0].moved_px.shape[0]
    trunk_px = float(np.median(trunk_length(track.landmarks[found], track.aspect))) * height_px
    speeds, move = [], 0
    for step, (start_s, end_s) in zip(steps, pairwise(times_s.tolist()), strict=True):
        while move < len(moves) - 1 and moves[move].end_s <= start_s:
            move += 1
        figure, now = figures.during(start_s, end_s), moves[move] if moves else None
        speed = step_speed(step, figure, trunk_px=trunk_px, step_s=end_s - start_s, camera=now)
        speeds.append(round(speed, 3))
    middles = (times_s[1:] + times_s[:-1]) / 2
    return Pace(tuple(round(time_s, 4) for time_s in middles.tolist()), tuple(speeds))


def cut_apart(moves: Sequence[CameraStep], pace: Pace, cuts: Sequence[Cut]) -> tuple[tuple[CameraStep, ...], Pace]:
    """Leave out what seems to move because one shot gives way to another."""
    kept = tuple(
        CameraStep(move.start_s, move.end_s, is_known=False)
        if any(cut.last_s < move.end_s and cut.first_s > move.start_s for cut in cuts)
        else move
        for move in moves
    )
    speeds = tuple(
        0.0 if any(cut.last_s < time_s < cut.first_s for cut in cuts) else speed
        for time_s, speed in zip(pace.times_s, pace.trunks_per_s, strict=True)
    )
    return kept, Pace(pace.times_s, speeds)
