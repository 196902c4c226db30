"""Measure how fast the person moves, in trunk lengths a second, and the camera over a whole clip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.vision import camera
from kling_ui.vision.camera import CameraStep, camera_step
from kling_ui.vision.frame_analysis import Figures
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.people import detector_pool
from kling_ui.vision.pose import EPSILON, PoseTrack, trunk_length
from kling_ui.vision.shots import Cut

# The fastest parts, as an area in squares of the trunk's length: about both forearms with their hands. A share of the
# figure would not do: an upper body and a whole one have the same hands.
_FAST_AREA = 0.15
# How far a move of the whole body counts: walking, with 2.6 trunk lengths a second, is easy to follow, running is not.
_WHOLE_SHARE = 0.4
_FIGURE_PX_MIN = 30  # area of a figure below which its speed cannot be measured
# Movement is measured in a copy of the figure's surroundings in which the trunk always has this length, so that it does
# not matter how much else the picture shows; a forearm is 4 px wide in it.
_TRUNK_PX = 28
# It is measured over so many seconds to both sides: who comes nearer grows. Less than this share of its usual length is
# somebody who bends down.
_TRUNK_REACH_S, _TRUNK_SHARE_MIN = 1.0, 0.75
_COPY_MIN_PX, _COPY_MAX_PX = 24, 320  # sides of that copy
# By so much it is softened: a dance at twice its speed measured 2.7 in a camera's noise and 3.0 without it. These are
# 2.93 and 3.1 now, while a brisk walk stays at 2.7.
_SOFTENED_PX = 1.0
_LONG_SIDE_PX = 512  # of the frames that it is taken from
# Pairs follow each other without a gap: a second's mean is the way that was made in it, whatever the frame rate.
_STEP_MIN_S = 0.05  # between the two frames of a pair; keyframes come between the others
# Hands turn round between two frames, and the more often, the longer it is from one to the next: the drawn dances seem
# slower by this share for each second between, from 1/60 to 1/6 s. Speeds are told as 12 frames a second show them.
_STEP_USUAL_S, _LOST_PER_S = 1 / 12, 3.9
# Pairs that begin so far apart on average are measured first, at no beat that a dance could have, too. Beside a second
# with 2.5 trunk lengths or more, their mean was 1.7 at least, and 2.1 but for one time in a hundred: all are measured
# around seconds that seem faster than the first number below; and around those that are nearly still.
_GLANCED_EVERY_S, _GOLDEN, _SECOND_S = 0.2, 0.618, 1.0
_LIVELY_MIN, _STILL_MAX = 1.7, 0.1
_UNEVEN_REACH_S = 0.3  # over which the usual time between two frames is taken
_PAIRS_AT_ONCE = 16  # that one thread measures
_CAMERA_STEP_S = 0.3  # from one measurement of the camera to the next
_SPEED_DIGITS, _TIME_DIGITS = 3, 4  # decimals kept


@dataclass(frozen=True, slots=True)
class MotionSpeed:
    """The person's speed over time, in trunk lengths per second.

    Attributes:
        times_s: Middle between the two frames of each pair, rising.
        trunks_per_s: Speed of the figure's fast parts; 0 where nobody is.
    """

    times_s: tuple[float, ...] = ()
    trunks_per_s: tuple[float, ...] = ()


def step_speed(
    moved_px: np.ndarray,
    figure: np.ndarray | None,
    *,
    trunk_px: float,
    step_s: float,
    view_px: np.ndarray | None = None,
) -> float:
    """Measure the person's speed between two frames, in trunk lengths per second.

    Args:
        moved_px: ``(height, width, 2)`` movement from one frame to the next: right and down.
        figure: ``(height, width)`` bool, where the person is in either; ``None`` for nobody.
        trunk_px: Length of the trunk in the same pixels.
        step_s: Time between the frames.
        view_px: ``(height, width, 2)`` what the camera moves meanwhile, which is not the figure's doing.
    """
    if figure is None or trunk_px <= 0 or step_s <= 0 or figure.sum() < _FIGURE_PX_MIN:
        return 0.0
    moved = moved_px[figure].T if view_px is None else (moved_px - view_px)[figure].T
    whole = _ranked(moved, 0.5)[:, None]
    # What stands still is background, however fast it falls behind a walking body.
    by_itself = np.minimum(np.hypot(*moved), np.hypot(*(moved - whole)))
    fastest = min(by_itself.size, max(1, round(_FAST_AREA * trunk_px**2)))
    fast = float(np.partition(by_itself, -fastest)[-fastest])
    return max(fast, _WHOLE_SHARE * float(np.hypot(*whole)[0])) / trunk_px / step_s


def _ranked(values: np.ndarray, share: float) -> np.ndarray:
    """What so large a share of the values does not exceed, along the last axis."""
    rank = round(share * (values.shape[-1] - 1))
    return np.partition(values, rank)[..., rank]


def view_moved(places_px: np.ndarray, size_px: tuple[int, int], camera: CameraStep, step_s: float) -> np.ndarray:
    """Movement of the view, right and down, at some places.

    Args:
        places_px: ``(..., 2)`` from the left and from the top of the picture.
        size_px: Width and height of the picture.
        camera: What the camera does.
        step_s: For how much of the camera's time.
    """
    share = step_s / (camera.end_s - camera.start_s)
    x, y = np.moveaxis(places_px - np.array(size_px, np.float32) / 2, -1, 0)
    zoom, roll, long_side = camera.zoom * share, camera.roll_rad * share, max(size_px)
    across = camera.shift_x * share * long_side + zoom * x - roll * y
    down = camera.shift_y * share * long_side + zoom * y + roll * x
    return np.stack([across, down], axis=-1)


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
    sampled_frames: Sequence[SampledFrame],
    figures: Figures,
    track: PoseTrack,
    moves: Sequence[CameraStep],
    *,
    is_uneven: bool = False,
) -> MotionSpeed:
    """Measure the person's speed between pairs of neighbouring frames.

    Args:
        sampled_frames: The frames.
        figures: Where the main person is.
        track: The poses; the trunk is measured over seconds, as it is foreshortened now and then.
        moves: What the camera did.
        is_uneven: The clip's frames are timed unevenly.
    """
    found = track.found
    if not found.any() or len(sampled_frames) < 2:
        return MotionSpeed()
    trunks, at_s = trunk_length(track.landmarks[found], track.aspect), track.times_s[found]
    usual = float(np.median(trunks))
    pairs = _in_pairs(sampled_frames)
    if not pairs:
        return MotionSpeed()

    def trunk_share(time_s: float) -> float:
        near = trunks[np.abs(at_s - time_s) <= _TRUNK_REACH_S]
        return max(float(np.median(near)) if len(near) else usual, _TRUNK_SHARE_MIN * usual)

    def speeds(pairs: Sequence[tuple[SampledFrame, SampledFrame]]) -> list[float]:
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        flow.setFinestScale(0)
        return [_pair_speed(flow, pair, figures, trunk_share(pair[0].time_s), moves) for pair in pairs]

    evenly = _evenly(sampled_frames, pairs) if is_uneven else np.ones(len(pairs))

    def measure(wanted: Sequence[int]) -> dict[int, float]:
        batches = [wanted[first : first + _PAIRS_AT_ONCE] for first in range(0, len(wanted), _PAIRS_AT_ONCE)]
        found = detector_pool().map(lambda batch: speeds([pairs[place] for place in batch]), batches)
        by_itself = [speed for batch in found for speed in batch]
        return {
            place: round(float(speed * evenly[place]), _SPEED_DIGITS)
            for place, speed in zip(wanted, by_itself, strict=True)
        }

    middles = [round((before.time_s + after.time_s) / 2, _TIME_DIGITS) for before, after in pairs]
    measured = measure(_glances([before.time_s for before, _ in pairs]))
    measured |= measure(_doubtful(np.array(middles), measured))
    places = sorted(measured)
    return MotionSpeed(tuple(middles[place] for place in places), tuple(measured[place] for place in places))


def _in_pairs(sampled_frames: Sequence[SampledFrame]) -> list[tuple[SampledFrame, SampledFrame]]:
    pairs, before = [], sampled_frames[0]
    for after in sampled_frames[1:]:
        if after.time_s - before.time_s >= _STEP_MIN_S:
            pairs.append((before, after))
            before = after
    return pairs


def _glances(times_s: Sequence[float]) -> list[int]:
    """Choose what is measured first, by its place."""
    places: list[int] = []
    next_s = 0.0
    for place, time_s in enumerate(times_s):
        if time_s >= next_s:
            places.append(place)
            next_s = time_s + _GLANCED_EVERY_S * (0.5 + len(places) * _GOLDEN % 1)
    return places


def _doubtful(times_s: np.ndarray, measured: Mapping[int, float]) -> list[int]:
    """List what is not measured yet near seconds that are lively, or so calm that it matters whether anything moves."""
    known_s, speeds = times_s[list(measured)], np.array(list(measured.values()))
    means = np.array([speeds[np.abs(known_s - time_s) <= _SECOND_S / 2].mean() for time_s in known_s])
    in_doubt_s = known_s[(means >= _LIVELY_MIN) | (means <= _STILL_MAX)]
    return [
        place
        for place, time_s in enumerate(times_s)
        if place not in measured and (np.abs(in_doubt_s - time_s) <= _SECOND_S).any()
    ]


def _evenly(sampled_frames: Sequence[SampledFrame], pairs: Sequence[tuple[SampledFrame, SampledFrame]]) -> np.ndarray:
    """``(pairs,)`` by what to multiply speeds where frames are timed unevenly, as those of phones and recorders are.

    A frame that comes too early shows no faster move, but the same one sooner.
    """
    begins, steps = np.array([(first.time_s, second.time_s - first.time_s) for first, second in pairs]).T
    times_s = np.array([frame.time_s for frame in sampled_frames])
    near = np.abs(begins[:, None] - times_s[:-1]) <= _UNEVEN_REACH_S
    usual = (near * np.diff(times_s)).sum(axis=1) / near.sum(axis=1)
    frames = np.searchsorted(times_s, begins + steps) - np.searchsorted(times_s, begins)
    return np.minimum(1.0, steps / np.maximum(frames * usual, EPSILON))


def _pair_speed(
    flow: cv2.DISOpticalFlow,
    pair: tuple[SampledFrame, SampledFrame],
    figures: Figures,
    trunk_share: float,
    moves: Sequence[CameraStep],
) -> float:
    before, after = pair
    figure, step_s = figures.during(before.time_s, after.time_s), after.time_s - before.time_s
    if figure is None or trunk_share <= 0:
        return 0.0
    views = [frame.grey(_LONG_SIDE_PX) for frame in pair]
    if views[0].shape != views[1].shape:
        return 0.0
    height, width = views[0].shape
    left, top, across, down = cv2.boundingRect(figure.astype(np.uint8))
    grain = np.array([width / figure.shape[1], height / figure.shape[0]])
    low, high = np.floor([left, top] * grain).astype(int), np.ceil([left + across, top + down] * grain).astype(int)
    scale = min(_TRUNK_PX / (trunk_share * height), _COPY_MAX_PX / (high - low).max())
    size = tuple(max(_COPY_MIN_PX, round(side * scale)) for side in (high - low).tolist())
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cut_out = (np.ascontiguousarray(view[low[1] : high[1], low[0] : high[0]]) for view in views)
    copies = [cv2.GaussianBlur(cv2.resize(view, size, interpolation=how), (0, 0), _SOFTENED_PX) for view in cut_out]
    on = cv2.resize(
        figure[top : top + down, left : left + across].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
    )
    moved = flow.calc(*copies, np.zeros((size[1], size[0], 2), np.float32))
    camera = next((move for move in moves if move.end_s > before.time_s), None)
    view_px = None
    if camera is not None and camera.is_known and camera.is_moving:
        places = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1) / scale + low
        view_px = view_moved(places, (width, height), camera, step_s) * scale
    trunk_px = trunk_share * height * scale
    speed = step_speed(moved, on > 0, trunk_px=trunk_px, step_s=step_s, view_px=view_px)
    return speed * float(np.exp(_LOST_PER_S * (step_s - _STEP_USUAL_S)))


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
