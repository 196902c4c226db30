"""Watching a clip once: decoding, poses, cuts, camera and pace side by side, coarse first and finer where in doubt.

Everything that costs time leaves Python's lock alone, so decoding goes on while two threads read poses.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from threading import Barrier

import cv2
import numpy as np

from kling_ui.media import camera, flow
from kling_ui.media.body import VISIBLE_MIN, shows_upper_body
from kling_ui.media.camera import CameraStep, camera_step
from kling_ui.media.flow import Flow, FlowMeter
from kling_ui.media.moment import Moment, Sight, look_closely
from kling_ui.media.pace import Pace, step_speed
from kling_ui.media.people import load_finders
from kling_ui.media.person import Landmark, PoseTrack
from kling_ui.media.posture import trunk_length
from kling_ui.media.probe import VideoFacts
from kling_ui.media.reel import SECONDS_MAX, Still, wind
from kling_ui.media.shots import Cut, Views, find_cuts

MOMENTS_MIN, MOMENTS_MAX = 24, 36
_SECONDS_PER_MOMENT = 0.5
_THOROUGH_EVERY = 4
_DOUBT_S = 0.15  # a change of what is seen is pinned down to this
_DOUBTS_MAX = 24  # closer looks in all
_CAMERA_STEP_S = 0.3
_FIGURE_REACH_S = 0.5  # how far a figure's outline is borrowed from the moments around
_FIGURE_GROWN_PX = 9
_THREADS = 2
# A jump within a scene: the median joint moves by this much of a trunk, and most of the change lies on the figure.
_JUMP_MIN, _JUMP_ENERGY_MIN = 0.05, 0.5
_EQUALLY_SURE = 0.1
_JOINTS = [*range(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1), *range(Landmark.LEFT_SHOULDER, Landmark.RIGHT_WRIST + 1)]


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

    moments: tuple[Moment, ...] = ()
    cuts: tuple[Cut, ...] = ()
    camera: tuple[CameraStep, ...] = ()
    pace: Pace = field(default_factory=Pace)
    seen_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Viewing:
    """All that one viewing of a clip gives.

    Attributes:
        notes: What was seen.
        track: The poses.
        stills: The frames behind the moments, in the same order.
        reel: All frames that were kept.
    """

    notes: Notes
    track: PoseTrack
    stills: tuple[Still, ...]
    reel: tuple[Still, ...]


def view(facts: VideoFacts) -> Viewing:
    """Watch a clip, at most its first minute.

    Raises:
        MediaError: It cannot be decoded at all.
    """
    reel, grey, sights, steps = _first_look(facts)
    if not reel:
        none = PoseTrack(np.empty(0), np.empty((0, 33, 4)), np.empty((0, 33, 3)), 1.0)
        return Viewing(Notes(), none, (), ())
    _look_closer(reel, sights)
    chosen = sorted(sights)
    found = [sights[index] for index in chosen]
    track = _track(found, facts)
    times_s = np.array([still.time_s for still in reel])
    figures = _Figures(times_s, found)
    moves = _camera_steps(reel, figures)
    views = Views(times_s, grey, figures.at, _Jump(reel, facts.width_px / facts.height_px).between)
    cuts = find_cuts(views, steps, moves)
    notes = Notes(
        moments=tuple(sight.moment for sight in found),
        cuts=cuts,
        camera=tuple(_within_shot(move, cuts) for move in moves),
        pace=_pace(times_s, steps, figures, track, moves, cuts),
        seen_s=min(facts.duration_s, SECONDS_MAX),
    )
    return Viewing(notes, track, tuple(reel[index] for index in chosen), tuple(reel))


def _first_look(facts: VideoFacts) -> tuple[list[Still], list[np.ndarray], dict[int, Sight], list[Flow]]:
    seen_s = min(facts.duration_s, SECONDS_MAX)
    count = min(facts.frame_count, max(MOMENTS_MIN, min(MOMENTS_MAX, round(seen_s / _SECONDS_PER_MOMENT))))
    every_s = seen_s / max(1, count)
    reel: list[Still] = []
    grey: list[np.ndarray] = []
    steps: list[Flow] = []
    looks: dict[int, Future[Sight]] = {}
    meter, crew = FlowMeter(), _crew()
    for still in wind(facts.path, container=facts.format, fps=facts.fps):
        if still.time_s >= len(looks) * every_s - 1e-6:
            thorough = len(looks) % _THOROUGH_EVERY == 0
            looks[len(reel)] = crew.submit(look_closely, still, thorough=thorough)
        reel.append(still)
        grey.append(still.grey(flow.LONG_SIDE_PX))
        if len(grey) > 1:
            steps.append(meter.between(*grey[-2:]))
    if reel and len(reel) - 1 not in looks:
        looks[len(reel) - 1] = crew.submit(look_closely, reel[-1], thorough=False)
    return reel, grey, {index: look.result() for index, look in looks.items()}, steps


def _look_closer(reel: Sequence[Still], sights: dict[int, Sight]) -> None:
    """Look between neighbouring moments that differ, until it is clear when the change came."""
    budget = _DOUBTS_MAX
    while budget > 0:
        known = sorted(sights)
        doubts = [
            (first + second) // 2
            for first, second in pairwise(known)
            if second - first > 1
            and reel[second].time_s - reel[first].time_s > _DOUBT_S
            and _state(sights[first]) != _state(sights[second])
        ][:budget]
        if not doubts:
            return
        thorough = [any(len(sights[near].moment.others) for near in _around(known, index)) for index in doubts]
        stills = [reel[index] for index in doubts]
        found = _crew().map(lambda still, how: look_closely(still, thorough=how), stills, thorough)
        sights |= dict(zip(doubts, found, strict=True))
        budget -= len(doubts)


def _around(known: Sequence[int], index: int) -> tuple[int, int]:
    place = int(np.searchsorted(known, index))
    return known[place - 1], known[place]


def _state(sight: Sight) -> tuple[bool, bool, bool]:
    if sight.pose is None:
        return (False, False, False)
    return (
        bool(shows_upper_body(sight.pose.landmarks)),
        bool(sight.moment.covered or sight.moment.hidden),
        bool(sight.moment.others),
    )


def _track(sights: Iterable[Sight], facts: VideoFacts) -> PoseTrack:
    nobody, nowhere = np.full((33, 4), np.nan, np.float32), np.full((33, 3), np.nan, np.float32)
    poses = [(sight.moment.time_s, sight.pose) for sight in sights]
    return PoseTrack(
        np.array([time_s for time_s, _ in poses], np.float64),
        np.array([nobody if pose is None else pose.landmarks for _, pose in poses], np.float32),
        np.array([nowhere if pose is None else pose.world_m for _, pose in poses], np.float32),
        facts.width_px / facts.height_px,
    )


class _Figures:
    """Where people are in any frame: borrowed from the moments around it, as the outline changes little meanwhile."""

    def __init__(self, times_s: np.ndarray, sights: Sequence[Sight]) -> None:
        self._times_s = times_s
        self._at_s = np.array([sight.moment.time_s for sight in sights])
        self._figures = [sight.figure for sight in sights]

    def at(self, index: int) -> np.ndarray | None:
        """Give the outline in a frame, by its index in the reel."""
        return self.during(float(self._times_s[index]), float(self._times_s[index]))

    def during(self, start_s: float, end_s: float) -> np.ndarray | None:
        """Give all places where somebody is during a span."""
        first = max(0, int(np.searchsorted(self._at_s, start_s, side="right")) - 1)
        last = min(len(self._at_s) - 1, int(np.searchsorted(self._at_s, end_s)))
        near = [
            figure
            for figure, at_s in zip(self._figures[first : last + 1], self._at_s[first : last + 1], strict=True)
            if figure is not None and start_s - _FIGURE_REACH_S <= at_s <= end_s + _FIGURE_REACH_S
        ]
        if not near:
            return None
        return _grown(np.logical_or.reduce(near))


class _Jump:
    """Tells whether the person is suddenly somewhere else; reads two poses each time, so it is asked last."""

    def __init__(self, reel: Sequence[Still], aspect: float) -> None:
        self._reel, self._aspect = reel, aspect

    def between(self, first: int, second: int, rest: np.ndarray) -> bool:
        """Compare two frames, by index; ``rest`` is what movement does not explain between them."""
        before, after = _crew().map(lambda index: look_closely(self._reel[index], thorough=False), (first, second))
        if before.pose is None or after.pose is None or before.figure is None or after.figure is None:
            return False
        if abs(before.pose.confidence - after.pose.confidence) > _EQUALLY_SURE or (
            before.moment.covered != after.moment.covered
        ):
            return False  # something came before the person, or went away
        energy = np.abs(rest).astype(np.float32)
        figure = _grown(before.figure | after.figure)
        on_figure = float(energy[figure].sum()) >= _JUMP_ENERGY_MIN * float(energy.sum())
        return on_figure and moved_trunks(before.pose.landmarks, after.pose.landmarks, self._aspect) >= _JUMP_MIN


def moved_trunks(before: np.ndarray, after: np.ndarray, aspect: float) -> float:
    """Measure how far the head and arms moved, by the median joint, in trunk lengths.

    Args:
        before: ``(33, 4)`` landmarks.
        after: Likewise.
        aspect: Width divided by height of the picture.
    """
    both = (before[_JOINTS, 3] >= VISIBLE_MIN) & (after[_JOINTS, 3] >= VISIBLE_MIN)
    moved = (after - before)[_JOINTS, :2][both] * (aspect, 1.0)
    trunk = float(trunk_length(before, aspect))
    return float(np.median(np.linalg.norm(moved, axis=1))) / max(trunk, 1e-6) if len(moved) else 0.0


def _grown(figure: np.ndarray) -> np.ndarray:
    return cv2.dilate(figure.astype(np.uint8), np.ones((_FIGURE_GROWN_PX, _FIGURE_GROWN_PX), np.uint8)) > 0


def _camera_steps(reel: Sequence[Still], figures: _Figures) -> tuple[CameraStep, ...]:
    pairs, first = [], 0
    for index, still in enumerate(reel):
        if still.time_s - reel[first].time_s >= _CAMERA_STEP_S or (index == len(reel) - 1 and index > first):
            pairs.append((first, index))
            first = index

    def step(pair: tuple[int, int]) -> CameraStep:
        before, after = reel[pair[0]], reel[pair[1]]
        views = [still.grey(camera.LONG_SIDE_PX) for still in (before, after)]
        figure = figures.during(before.time_s, after.time_s)
        if figure is not None:
            figure = cv2.resize(figure.astype(np.uint8), views[0].shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        return camera_step(*views, figure, start_s=before.time_s, end_s=after.time_s)

    return tuple(_crew().map(step, pairs))


def _within_shot(move: CameraStep, cuts: Sequence[Cut]) -> CameraStep:
    """Across a cut nothing moves."""
    crosses = any(cut.last_s < move.end_s and cut.first_s > move.start_s for cut in cuts)
    return CameraStep(move.start_s, move.end_s, is_known=False) if crosses else move


def _pace(
    times_s: np.ndarray,
    steps: Sequence[Flow],
    figures: _Figures,
    track: PoseTrack,
    moves: Sequence[CameraStep],
    cuts: Sequence[Cut],
) -> Pace:
    """Measure each step within a shot; the trunk is measured once for all, as it is foreshortened now and then."""
    found = track.found
    if not found.any() or not steps:
        return Pace()
    height_px = steps[0].moved_px.shape[0]
    trunk_px = float(np.median(trunk_length(track.landmarks[found], track.aspect))) * height_px
    speeds, move = [], 0
    for index, step in enumerate(steps):
        start_s, end_s = float(times_s[index]), float(times_s[index + 1])
        while move < len(moves) - 1 and moves[move].end_s <= start_s:
            move += 1
        figure = figures.during(start_s, end_s)
        now = moves[move] if moves else None
        is_cut = any(cut.last_s < end_s and cut.first_s > start_s for cut in cuts)
        speed = step_speed(step, figure, trunk_px=trunk_px, step_s=end_s - start_s, camera=now)
        speeds.append(0.0 if is_cut else round(speed, 3))
    middles = (times_s[1:] + times_s[:-1]) / 2
    return Pace(tuple(round(time_s, 4) for time_s in middles.tolist()), tuple(speeds))


def load_crew() -> None:
    """Load the models of the threads that read poses."""
    barrier = Barrier(_THREADS)

    def load() -> None:
        barrier.wait()  # so that every thread gets one
        load_finders()

    for done in [_crew().submit(load) for _ in range(_THREADS)]:
        done.result()


@lru_cache(maxsize=1)
def _crew() -> ThreadPoolExecutor:
    # Kept for the life of the process: each thread's models take a second to load.
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="pose")
