"""Measure a clip in one pass: poses, cuts, camera and speed, coarsely first, then finer where something changes.

Everything that costs time leaves Python's lock alone, so decoding goes on while two threads read poses.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from kling_ui.media.probe import VideoFacts
from kling_ui.vision import camera as flow
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.frame_analysis import AnalysedFrame, Figures, FrameAnalysis, analyse_frame, grown
from kling_ui.vision.frame_sampling import SECONDS_MAX, SampledFrame, load_sampled_frames
from kling_ui.vision.motion_speed import MotionSpeed, camera_steps, cut_apart, figure_speed
from kling_ui.vision.people import Box, detector_pool
from kling_ui.vision.pose import LANDMARKS, SURE_SCORE_MIN, PoseTrack, lean_deg, shows_upper_body, tilt_deg, turn_deg
from kling_ui.vision.shots import Cut, JumpCutTest, Views, changed_share, find_cuts
from kling_ui.vision.stored_turns import hands_beyond, quarters, shown_turns

MOMENTS = 24  # 1.25 s apart in the longest clip that an engine takes; closer wherever something changes between two
_READ_FIRST = 2  # of so many moments one; the others only where something is in doubt
_THOROUGH_EVERY = 4  # moments: of these one is searched for other people more closely
_SLACK_S = 1e-6  # that rounding may take from a time
_DOUBT_S = 0.15  # a change of what is seen is pinned down to this
_DOUBTS_MAX = 24  # frames that are analysed for that in all
_TURNED_SHARE_MIN = 0.6  # of the moments with a sure pose, and of the answers of those that are looked at more closely
_TURNED_SEEN_MIN, _TURNED_TOLD_MIN = 0.4, 0.3  # of all moments; of those that are looked at more closely
_LOWERED_SHARE_MIN = 0.15  # of the moments, with hands that do not carry the body
_TURNED_ASKED = 7  # moments that are looked at more closely whether the clip was stored turned
_PLAIN_CONFIDENCE_MIN, _PLAIN_SHARPNESS_MIN, _PLAIN_BRIGHTNESS_MIN = 0.8, 0.5, 0.3
_PLAIN_TURN_MAX_DEG, _PLAIN_TILT_MAX_DEG = 75.0, 35.0
_BACKGROUND_SHRINK = 4  # times smaller than those between which flow is measured are frames without grain
_BACKGROUND_ASKED = 8  # frames between two moments
_BACKGROUND_CHANGED_MAX = 0.12  # of the cells around a person: dancing limbs reach into 0.1, who passes by into more
_HIDDEN_OFTEN = 0.15  # share of the moments; hands pass behind and in front of each other all the time


# From one moment to the next a person moves and grows by at most so much, in heights of their box, and so much more for
# each second between; somebody who walks makes 0.7 a second.
_LEAP_MAX, _LEAP_MAX_PER_S = 0.35, 0.9
_LOST_MAX_S = 2.6  # somebody who comes back later is somebody else: two moments of the longest clip
_STAYS_MAIN = 0.25  # heights by which the main person is preferred to others who cross
_STRIDE_S = 0.3  # over which it is measured at least where somebody is going
_GROWTH = 0.5  # how far a change of size counts, as a natural logarithm


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """One person, followed through a clip.

    Attributes:
        times_s: Moments at which the person was found, rising.
        boxes: Where, ``(left, top, right, bottom)`` as fractions, one for each of these times.
        share: Share of the clip, 0-1, from before the first to behind the last of them.
    """

    times_s: tuple[float, ...]
    boxes: tuple[Box, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Notes:
    """What was measured in a clip besides the poses.

    Attributes:
        moments: Analysed frames, rising in time, one for each row of the track.
        cuts: Ends of shots.
        camera: What the camera did, one step after the other.
        motion_speed: How fast the figure moved.
        seen_s: Up to where the clip was decoded.
        turns: Counter-clockwise quarter turns that bring a clip upright whose file was stored turned, 0-3.
        people: Everybody who was found more than once and for more than a glimpse, the main person first.
    """

    moments: tuple[FrameAnalysis, ...] = ()
    cuts: tuple[Cut, ...] = ()
    camera: tuple[CameraStep, ...] = ()
    motion_speed: MotionSpeed = field(default_factory=MotionSpeed)
    seen_s: float = 0.0
    turns: int = 0
    people: tuple[SeenPerson, ...] = ()


@dataclass(frozen=True, slots=True)
class ClipMeasurements:
    """All that one pass over a clip gives: measurements, poses and the frames themselves.

    Attributes:
        notes: What was measured.
        track: The poses.
        moment_frames: The frames behind the moments, in the same order.
        sampled_frames: All frames that were kept.
    """

    notes: Notes
    track: PoseTrack
    moment_frames: tuple[SampledFrame, ...]
    sampled_frames: tuple[SampledFrame, ...]


def measure_clip(facts: VideoFacts, *, start_s: float = 0.0, seconds_max: float = SECONDS_MAX) -> ClipMeasurements:
    """Measure a clip, at most its first minute, or a part of it as if it were a clip of its own.

    Args:
        facts: What the clip's file says; of a part, with the part's length.
        start_s: Where the part begins; all times are counted from there.
        seconds_max: How much of it is measured at most.

    Raises:
        MediaError: It cannot be decoded at all.
    """
    seen_s = min(facts.duration_s, seconds_max)
    sampled_frames, grey, analysed_frames, skipped = _coarse_pass(facts, start_s, seen_s, seconds_max)
    if not sampled_frames:
        none = PoseTrack(np.empty(0), np.empty((0, LANDMARKS, 4)), np.empty((0, LANDMARKS, 3)), 1.0)
        return ClipMeasurements(Notes(), none, (), ())
    left_out = _between_pass(sampled_frames, grey, analysed_frames, skipped)
    _fine_pass(sampled_frames, analysed_frames, left_out)
    chosen = sorted(analysed_frames)
    found = [analysed_frames[index] for index in chosen]
    track = _track(found, facts)
    times_s = np.array([sampled_frame.time_s for sampled_frame in sampled_frames])
    at_s = [analysed.moment.time_s for analysed in found]
    people = Figures(times_s, at_s, [analysed.people for analysed in found])
    moves = camera_steps(sampled_frames, people)
    main = Figures(times_s, at_s, [analysed.figure for analysed in found])
    motion_speed = figure_speed(sampled_frames, main, track, moves, is_uneven=facts.has_variable_rate)
    views = Views(times_s, grey, people.at, JumpCutTest(sampled_frames, facts.width_px / facts.height_px).between)
    cuts = find_cuts(views, moves)
    moves, motion_speed = cut_apart(moves, motion_speed, cuts)
    notes = Notes(
        moments=tuple(analysed.moment for analysed in found),
        cuts=cuts,
        camera=moves,
        motion_speed=motion_speed,
        seen_s=seen_s,
        turns=clip_turns(found, [sampled_frames[index] for index in chosen], track),
        people=follow_people(
            [analysed.moment for analysed in found], facts.width_px / facts.height_px, facts.duration_s
        ),
    )
    return ClipMeasurements(notes, track, tuple(sampled_frames[index] for index in chosen), tuple(sampled_frames))


def _coarse_pass(
    facts: VideoFacts, start_s: float, seen_s: float, seconds_max: float
) -> tuple[list[SampledFrame], list[np.ndarray], dict[int, AnalysedFrame], list[int]]:
    every_s = seen_s / max(1, min(facts.frame_count, MOMENTS))
    sampled_frames: list[SampledFrame] = []
    grey: list[np.ndarray] = []
    pending: dict[int, Future[AnalysedFrame]] = {}
    chosen: list[int] = []
    detectors = detector_pool()
    for sampled_frame in load_sampled_frames(
        facts.path, container=facts.format, fps=facts.fps, start_s=start_s, seconds_max=seconds_max
    ):
        if sampled_frame.time_s >= len(chosen) * every_s - _SLACK_S:
            if len(chosen) % _READ_FIRST == 0:
                thorough = len(chosen) % _THOROUGH_EVERY == 0
                pending[len(sampled_frames)] = detectors.submit(analyse_frame, sampled_frame, thorough=thorough)
            chosen.append(len(sampled_frames))
        sampled_frames.append(sampled_frame)
        grey.append(sampled_frame.grey(flow.FLOW_LONG_SIDE_PX))
    if sampled_frames and len(sampled_frames) - 1 not in pending:
        pending[len(sampled_frames) - 1] = detectors.submit(analyse_frame, sampled_frames[-1], thorough=False)
    analysed_frames = {index: analysis.result() for index, analysis in pending.items()}
    return sampled_frames, grey, analysed_frames, [index for index in chosen if index not in pending]


def _between_pass(
    sampled_frames: Sequence[SampledFrame],
    grey: Sequence[np.ndarray],
    analysed_frames: dict[int, AnalysedFrame],
    skipped: Sequence[int],
) -> int:
    """Analyse the moments that were skipped, but for those where nothing is in doubt; tell how many those are.

    Nothing is between two moments of which each shows one person well, with the same background all the while.
    """
    known = sorted(analysed_frames)

    def is_in_doubt(index: int) -> bool:
        first, last = _around(known, index)
        ends = analysed_frames[first], analysed_frames[last]
        return not (all(map(_is_plain, ends)) and _background_stays(grey[first : last + 1], ends))

    doubts = [index for index in skipped if is_in_doubt(index)]
    found = detector_pool().map(lambda index: analyse_frame(sampled_frames[index], thorough=False), doubts)
    analysed_frames |= dict(zip(doubts, found, strict=True))
    return len(skipped) - len(doubts)


def _is_plain(analysed: AnalysedFrame) -> bool:
    """Tell whether a moment shows one person, whole, upright, from the front, in focus and in good light."""
    moment, pose = analysed.moment, analysed.pose
    return (
        pose is not None
        and bool(shows_upper_body(pose.landmarks))
        and not (moment.covered or moment.hidden or moment.others)
        and moment.confidence >= _PLAIN_CONFIDENCE_MIN
        and moment.sharpness >= _PLAIN_SHARPNESS_MIN
        and moment.brightness >= _PLAIN_BRIGHTNESS_MIN
        and abs(float(turn_deg(pose.world_m))) < _PLAIN_TURN_MAX_DEG
        and float(tilt_deg(pose.landmarks, 1.0)) < _PLAIN_TILT_MAX_DEG
    )


def _background_stays(grey: Sequence[np.ndarray], ends: tuple[AnalysedFrame, AnalysedFrame]) -> bool:
    """Tell whether nothing changes around the person from the first of some frames to the last; limbs may reach out."""
    outlines = [analysed.people for analysed in ends if analysed.people is not None]
    size = grey[0].shape[1] // _BACKGROUND_SHRINK, grey[0].shape[0] // _BACKGROUND_SHRINK
    first, *later = (
        cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        for frame in (grey[0], *grey[1 :: max(1, len(grey) // _BACKGROUND_ASKED)])
    )
    person = cv2.resize(grown(np.logical_or.reduce(outlines)).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    somebody = cv2.dilate(person, np.ones((3, 3), np.uint8)) > 0
    return all(
        changed_share(cv2.subtract(frame, first, dtype=cv2.CV_16S), somebody) <= _BACKGROUND_CHANGED_MAX
        for frame in later
    )


def _fine_pass(
    sampled_frames: Sequence[SampledFrame], analysed_frames: dict[int, AnalysedFrame], left_out: int
) -> None:
    """Analyse frames between neighbouring moments that differ, until it is clear when the change came."""
    _search_beside(sampled_frames, analysed_frames)
    hidden = sum(bool(analysed.moment.hidden) for analysed in analysed_frames.values())
    with_hidden = hidden >= _HIDDEN_OFTEN * (len(analysed_frames) + left_out)
    budget = _DOUBTS_MAX

    def state(analysed: AnalysedFrame) -> tuple[bool, bool, bool, bool]:
        return _state(analysed, with_hidden=with_hidden)

    while budget > 0:
        known = sorted(analysed_frames)
        doubts = [
            (first + second) // 2
            for first, second in pairwise(known)
            if second - first > 1
            and sampled_frames[second].time_s - sampled_frames[first].time_s > _DOUBT_S
            and state(analysed_frames[first]) != state(analysed_frames[second])
        ][:budget]
        if not doubts:
            return
        thorough = [any(len(analysed_frames[near].moment.others) for near in _around(known, index)) for index in doubts]
        moment_frames = [sampled_frames[index] for index in doubts]
        found = detector_pool().map(
            lambda sampled_frame, how: analyse_frame(sampled_frame, thorough=how), moment_frames, thorough
        )
        analysed_frames |= dict(zip(doubts, found, strict=True))
        budget -= len(doubts)


def clip_turns(found: Sequence[AnalysedFrame], frames: Sequence[SampledFrame], track: PoseTrack) -> int:
    """Tell how the whole clip must be turned: what most of its moments say, of those that say anything, or not at all.

    Somebody who does a cartwheel, or stands upside down for a while, is not upright for some of the time only; and who
    has the hands beside the body now and then does not stand on them.
    """
    sure = [place for place, analysed in enumerate(found) if analysed.moment.confidence >= SURE_SCORE_MIN]
    leans = np.nan_to_num(lean_deg(track.landmarks, track.aspect)).tolist()
    usual = max(range(4), key=[quarters(leans[place]) for place in sure].count)
    alike = [place for place in sure if quarters(leans[place]) == usual]
    if not usual or len(alike) < max(_TURNED_SHARE_MIN * len(sure), _TURNED_SEEN_MIN * len(found)):
        return 0
    lowered = [place for place in alike if not hands_beyond(track.landmarks[place], track.aspect)]
    alike = lowered if len(lowered) >= max(2, _LOWERED_SHARE_MIN * len(alike)) else alike
    asked = [alike[round(at)] for at in np.linspace(0, len(alike) - 1, min(len(alike), _TURNED_ASKED))]
    shown = [shown_turns(frames[place].rgb, pose) for place in asked if (pose := found[place].pose) is not None]
    answers = [turns for turns in shown if turns is not None]
    is_told = len(answers) >= _TURNED_TOLD_MIN * len(shown)
    return usual if is_told and answers.count(usual) >= _TURNED_SHARE_MIN * len(answers) else 0


def _search_beside(sampled_frames: Sequence[SampledFrame], analysed_frames: dict[int, AnalysedFrame]) -> None:
    """Search others thoroughly at each moment beside one that shows them, and so on."""
    while True:
        known = sorted(analysed_frames)
        crowded = [bool(analysed_frames[index].moment.others) for index in known]
        beside = [
            index
            for place, index in enumerate(known)
            if any(crowded[max(0, place - 1) : place + 2]) and not analysed_frames[index].moment.is_thorough
        ]
        if not beside:
            return
        frames = [sampled_frames[index] for index in beside]
        found = detector_pool().map(lambda frame: analyse_frame(frame, thorough=True), frames)
        analysed_frames |= dict(zip(beside, found, strict=True))


def _around(known: Sequence[int], index: int) -> tuple[int, int]:
    place = int(np.searchsorted(known, index))
    return known[place - 1], known[place]


def _state(analysed: AnalysedFrame, *, with_hidden: bool) -> tuple[bool, bool, bool, bool]:
    moment = analysed.moment
    shown = analysed.pose is not None and bool(shows_upper_body(analysed.pose.landmarks))
    return shown, bool(moment.covered), with_hidden and bool(moment.hidden), bool(moment.others)


def follow_people(moments: Sequence[FrameAnalysis], aspect: float, duration_s: float) -> tuple[SeenPerson, ...]:
    """Tell who is who from moment to moment, by place and size.

    Args:
        moments: Analysed frames, rising in time.
        aspect: Width divided by height of the picture.
        duration_s: The clip's length.

    Returns:
        Those who were found more than once, the person who was the main one most often first, then by time.
    """
    paths: list[_Path] = []
    for moment in moments:
        boxes = [*([moment.box] if moment.box else []), *moment.others]
        open_paths = [path for path in paths if moment.time_s - path.times_s[-1] <= _LOST_MAX_S]
        pairs = sorted(
            (change - _STAYS_MAIN * (path.is_main and number == 0), place, number)
            for place, path in enumerate(open_paths)
            for number, box in enumerate(boxes)
            if (change := path.change(box, moment.time_s, aspect)) <= path.change_max(moment.time_s)
        )
        taken: set[int] = set()
        for _, place, number in pairs:
            if number not in taken and open_paths[place].times_s[-1] < moment.time_s:
                taken.add(number)
                open_paths[place].add(boxes[number], moment, is_main=number == 0 and moment.box is not None)
        for number in sorted(set(range(len(boxes))) - taken):
            path = _Path()
            path.add(boxes[number], moment, is_main=number == 0 and moment.box is not None)
            paths.append(path)
    main = max(paths, key=lambda path: path.main_count, default=None)
    kept = [path for path in paths if path is main or len(path.times_s) - path.main_count > 1]
    kept.sort(key=lambda path: (path is not main, path.times_s[0]))
    edges = np.concatenate(([0.0], [moment.time_s for moment in moments], [max(duration_s, _SLACK_S)]))
    return tuple(path.seen(edges) for path in kept)


@dataclass(slots=True)
class _Path:
    """Where one person was so far."""

    times_s: list[float] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    main_count: int = 0
    is_main: bool = False  # when last seen

    def add(self, box: Box, moment: FrameAnalysis, *, is_main: bool) -> None:
        self.times_s.append(moment.time_s)
        self.boxes.append(box)
        self.main_count += is_main
        self.is_main = is_main

    def change_max(self, time_s: float) -> float:
        return _LEAP_MAX + _LEAP_MAX_PER_S * (time_s - self.times_s[-1])

    def change(self, box: Box, time_s: float, aspect: float) -> float:
        """How far a box is from where the person should be by now, and how much it differs in size; in heights."""
        gap_s, (x, y, height) = time_s - self.times_s[-1], _middle(self.boxes[-1], aspect)
        earlier = bisect_right(self.times_s, self.times_s[-1] - _STRIDE_S) - 1
        if earlier >= 0:  # over less, outlines that flicker would pass for a stride
            before_s, before = self.times_s[earlier], _middle(self.boxes[earlier], aspect)
            ahead = min(1.0, gap_s / (self.times_s[-1] - before_s))
            x, y = x + ahead * (x - before[0]), y + ahead * (y - before[1])
        other = _middle(box, aspect)
        usual = max(_SLACK_S, (height + other[2]) / 2)
        leap = float(np.hypot(other[0] - x, other[1] - y)) / usual
        growth = abs(float(np.log(max(other[2], _SLACK_S) / max(height, _SLACK_S))))
        return leap + _GROWTH * growth

    def seen(self, edges_s: np.ndarray) -> SeenPerson:
        first, last = (
            int(np.searchsorted(edges_s[1:-1], time_s)) + 1 for time_s in (self.times_s[0], self.times_s[-1])
        )
        start_s = (edges_s[first - 1] + edges_s[first]) / 2 if first > 1 else 0.0
        end_s = (edges_s[last] + edges_s[last + 1]) / 2 if last + 2 < len(edges_s) else edges_s[-1]
        return SeenPerson(tuple(self.times_s), tuple(self.boxes), round(float((end_s - start_s) / edges_s[-1]), 4))


def _middle(box: Box, aspect: float) -> tuple[float, float, float]:
    left, top, right, bottom = box
    return (left + right) / 2 * aspect, (top + bottom) / 2, bottom - top


def _track(analysed_frames: Iterable[AnalysedFrame], facts: VideoFacts) -> PoseTrack:
    nobody, nowhere = (np.full((LANDMARKS, values), np.nan, np.float32) for values in (4, 3))
    poses = [(analysed.moment.time_s, analysed.pose) for analysed in analysed_frames]
    return PoseTrack(
        np.array([time_s for time_s, _ in poses], np.float64),
        np.array([nobody if pose is None else pose.landmarks for _, pose in poses], np.float32),
        np.array([nowhere if pose is None else pose.world_m for _, pose in poses], np.float32),
        facts.width_px / facts.height_px,
    )
