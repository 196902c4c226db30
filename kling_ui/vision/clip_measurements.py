"""Watching a clip once: decoding, poses, cuts, camera and pace side by side, coarse first and finer where in doubt.

Everything that costs time leaves Python's lock alone, so decoding goes on while two threads read poses.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from kling_ui.media.probe import VideoFacts
from kling_ui.vision import camera as flow
from kling_ui.vision.camera import CameraStep, FlowMeter, OpticalFlow
from kling_ui.vision.frame_analysis import Figures, FrameAnalysis, Sight, analyse_frame
from kling_ui.vision.frame_sampling import SECONDS_MAX, SampledFrame, load_sampled_frames
from kling_ui.vision.motion_speed import MotionSpeed, camera_steps, cut_apart, figure_pace
from kling_ui.vision.people import detector_pool
from kling_ui.vision.pose import PoseTrack, shows_upper_body
from kling_ui.vision.shots import Cut, JumpCutTest, Views, find_cuts

MOMENTS = 24  # 1.25 s apart in the longest clip that an engine takes; closer wherever something changes between two
_THOROUGH_EVERY = 4
_DOUBT_S = 0.15  # a change of what is seen is pinned down to this
_DOUBTS_MAX = 24  # closer looks in all
_HIDDEN_OFTEN = 0.15  # share of the moments; hands pass behind and in front of each other all the time


@dataclass(frozen=True, slots=True)
class Notes:
    """What was seen of a clip besides the poses.

    Attributes:
        moments: Frames looked at closely, rising in time, one for each row of the track.
        cuts: Ends of shots.
        camera: What the camera did, one step after the other.
        pace: How fast the figure moved.
        seen_s: Up to where the clip was watched.
    """

    moments: tuple[FrameAnalysis, ...] = ()
    cuts: tuple[Cut, ...] = ()
    camera: tuple[CameraStep, ...] = ()
    pace: MotionSpeed = field(default_factory=MotionSpeed)
    seen_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ClipMeasurements:
    """All that one viewing of a clip gives.

    Attributes:
        notes: What was seen.
        track: The poses.
        stills: The frames behind the moments, in the same order.
        reel: All frames that were kept.
    """

    notes: Notes
    track: PoseTrack
    stills: tuple[SampledFrame, ...]
    reel: tuple[SampledFrame, ...]


def measure_clip(facts: VideoFacts) -> ClipMeasurements:
    """Watch a clip, at most its first minute.

    Raises:
        MediaError: It cannot be decoded at all.
    """
    reel, grey, sights, steps = _first_look(facts)
    if not reel:
        none = PoseTrack(np.empty(0), np.empty((0, 33, 4)), np.empty((0, 33, 3)), 1.0)
        return ClipMeasurements(Notes(), none, (), ())
    _look_closer(reel, sights)
    chosen = sorted(sights)
    found = [sights[index] for index in chosen]
    track = _track(found, facts)
    times_s = np.array([still.time_s for still in reel])
    at_s = [sight.moment.time_s for sight in found]
    people = Figures(times_s, at_s, [sight.people for sight in found])
    moves = camera_steps(reel, people)
    pace = figure_pace(times_s, steps, Figures(times_s, at_s, [sight.figure for sight in found]), track, moves)
    views = Views(times_s, grey, people.at, JumpCutTest(reel, facts.width_px / facts.height_px).between)
    cuts = find_cuts(views, steps, moves)
    moves, pace = cut_apart(moves, pace, cuts)
    notes = Notes(
        moments=tuple(sight.moment for sight in found),
        cuts=cuts,
        camera=moves,
        pace=pace,
        seen_s=min(facts.duration_s, SECONDS_MAX),
    )
    return ClipMeasurements(notes, track, tuple(reel[index] for index in chosen), tuple(reel))


def _first_look(facts: VideoFacts) -> tuple[list[SampledFrame], list[np.ndarray], dict[int, Sight], list[OpticalFlow]]:
    seen_s = min(facts.duration_s, SECONDS_MAX)
    every_s = seen_s / max(1, min(facts.frame_count, MOMENTS))
    reel: list[SampledFrame] = []
    grey: list[np.ndarray] = []
    steps: list[OpticalFlow] = []
    looks: dict[int, Future[Sight]] = {}
    meter, detectors = FlowMeter(), detector_pool()
    for still in load_sampled_frames(facts.path, container=facts.format, fps=facts.fps):
        if still.time_s >= len(looks) * every_s - 1e-6:
            thorough = len(looks) % _THOROUGH_EVERY == 0
            looks[len(reel)] = detectors.submit(analyse_frame, still, thorough=thorough)
        reel.append(still)
        grey.append(still.grey(flow.FLOW_LONG_SIDE_PX))
        if len(grey) > 1:
            steps.append(meter.between(*grey[-2:]))
    if reel and len(reel) - 1 not in looks:
        looks[len(reel) - 1] = detectors.submit(analyse_frame, reel[-1], thorough=False)
    return reel, grey, {index: look.result() for index, look in looks.items()}, steps


def _look_closer(reel: Sequence[SampledFrame], sights: dict[int, Sight]) -> None:
    """Look between neighbouring moments that differ, until it is clear when the change came."""
    budget, hidden = _DOUBTS_MAX, np.mean([bool(sight.moment.hidden) for sight in sights.values()] or [False])

    def state(sight: Sight) -> tuple[bool, bool, bool, bool]:
        return _state(sight, with_hidden=hidden >= _HIDDEN_OFTEN)

    while budget > 0:
        known = sorted(sights)
        doubts = [
            (first + second) // 2
            for first, second in pairwise(known)
            if second - first > 1
            and reel[second].time_s - reel[first].time_s > _DOUBT_S
            and state(sights[first]) != state(sights[second])
        ][:budget]
        if not doubts:
            return
        thorough = [any(len(sights[near].moment.others) for near in _around(known, index)) for index in doubts]
        stills = [reel[index] for index in doubts]
        found = detector_pool().map(lambda still, how: analyse_frame(still, thorough=how), stills, thorough)
        sights |= dict(zip(doubts, found, strict=True))
        budget -= len(doubts)


def _around(known: Sequence[int], index: int) -> tuple[int, int]:
    place = int(np.searchsorted(known, index))
    return known[place - 1], known[place]


def _state(sight: Sight, *, with_hidden: bool) -> tuple[bool, bool, bool, bool]:
    moment = sight.moment
    shown = sight.pose is not None and bool(shows_upper_body(sight.pose.landmarks))
    return shown, bool(moment.covered), with_hidden and bool(moment.hidden), bool(moment.others)


def _track(sights: Iterable[Sight], facts: VideoFacts) -> PoseTrack:
    nobody, nowhere = np.full((33, 4), np.nan, np.float32), np.full((33, 3), np.nan, np.float32)
    poses = [(sight.moment.time_s, sight.pose) for sight in sights]
    return PoseTrack(
        np.array([time_s for time_s, _ in poses], np.float64),
        np.array([nobody if pose is None else pose.landmarks for _, pose in poses], np.float32),
        np.array([nowhere if pose is None else pose.world_m for _, pose in poses], np.float32),
        facts.width_px / facts.height_px,
    )
