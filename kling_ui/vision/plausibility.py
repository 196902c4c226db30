"""Which readings of a clip's pose track are believed: those that a body could do.

A pose model sometimes takes left for right, reads somebody upside down, or gives the mean of two readings it cannot
decide between. Such a reading is no different from a right one by itself; it shows in the way from one frame to the
next, which no body could go. So the most consistent way through a track is sought (a Viterbi search): in each frame the
reading is taken as it is, with its left and right exchanged, or not at all. Frames that are not believed may be looked
at again (:mod:`kling_ui.vision.second_looks`); what new looks give joins the search in place of the first reading.

The checks do not ask here. They read moments that are up to 1.25 s apart, in which a body can do anything, and each by
the detector, which goes on from no earlier error. Of 215 moments of eleven drawn motions (turns, cartwheel, handstand,
lying) none was upside down or had its sides exchanged; the search would have changed 4 of them, and left out 6 of 35 of
a filmed crowd. Three in a row that the detector itself read upside down it would not have found.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kling_ui.vision.pose import ANKLES, EPSILON, HIPS, KNEES, SHOULDERS, Landmark, PoseTrack

UPPER, LOWER = 0, 1  # the halves whose left and right may be exchanged by themselves


@dataclass(frozen=True, slots=True)
class _Measure:
    """Something about a body that changes only so fast.

    Attributes:
        fastest: By how much it may change, in trunk lengths a second (of the size: in e-folds a second).
        share: Of what is beyond, how much counts.
        half: The half of the body whose exchange reverses it; ``None`` where nothing does.
    """

    fastest: float
    share: float = 1.0
    half: int | None = None


# Shoulders are 0.6 of a trunk apart: two turns a second, as in a quick pirouette, move the line across them by 7.5. A
# somersault of one turn in 0.7 s moves the trunk by 9. A brisk gesture moves a wrist at 3 m/s, about 6 trunks a second.
_MEASURES = (
    _Measure(7.5, half=UPPER),  # across the shoulders
    _Measure(12.0, 0.7, half=UPPER),  # from elbow to elbow
    _Measure(18.0, 0.5, half=UPPER),  # from wrist to wrist
    _Measure(4.5, half=LOWER),  # across the hips
    _Measure(10.0, 0.5, half=LOWER),  # from knee to knee
    _Measure(14.0, 0.5, half=LOWER),  # from ankle to ankle
    _Measure(9.0),  # up the trunk
    _Measure(14.0),  # the middle of the body: 7 m/s, faster than dancers run
    _Measure(4.0),  # its size, as a logarithm
)
ELBOWS, WRISTS = (Landmark.LEFT_ELBOW, Landmark.RIGHT_ELBOW), (Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST)
_LINES = (SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES)
_LEFT_ENDS, _RIGHT_ENDS = [left for left, _ in _LINES], [right for _, right in _LINES]
_SHOULDERS, _HIPS = 0, 3
_TRUNK, _MIDDLE, _SIZE = len(_LINES), len(_LINES) + 1, len(_LINES) + 2
_RIGID = [_SHOULDERS, _HIPS, _TRUNK]  # lines that turn and do not change their length
_FASTEST, _SHARES = (np.array([getattr(m, name) for m in _MEASURES]) for name in ("fastest", "share"))
_RIGIDITY = 2.0  # so much does a change of length count against a way along the arc
_NOISE = 0.12  # trunk lengths by which a reading may be off in any frame, so that 60 frames a second are not too fast
# What the search pays, in trunk lengths beyond what is possible.
_SWAP_COST = 0.02  # a second and a half of the body: as read wins where nothing speaks for the exchange
_SWING_COST = 0.05  # a trunk length by which shoulders and hips turn faster than is usual
_USUAL_SHARE = 0.5  # of the fastest
_SKIP_COST = 0.1  # a frame that is not believed
_LOOK_COST = 0.03  # a new look, by its place among those at the same frame: where several fit, the first one wins
_LINK_S_MAX = 0.3  # from a first reading to a new look that goes on from it: in longer, one may come to somebody else
_BREAK_COST = 1.6  # to go on somewhere else altogether, as after a cut: less than 16 frames are rather left out
# Where shoulders and hips point in opposite directions: the scalar product of both lines is 0.2 in a straight body.
_TWIST_COST, _TWIST_FREE = 2.0, 0.02
_JUMP_MIN = 0.4  # beyond what is possible, from which on a way is a jump
_TUMBLE_MIN = 0.8  # a trunk that moves by so much while readings are left out has jumped, too
_TUMBLED, _JUMPED = 1, 2
SKIP_S_MAX = 0.7  # the longest stretch that is left out between two readings that fit together
# A body stands upright when its trunk rises by this much of its length; whoever bends or lies does not.
_UPRIGHT_MIN = 0.35
DOUBT_S_MAX = 3.0  # readings that are never upright are believed when they last longer than this without a jump
_PAIRS = np.array([(left, left + 1) for left in range(Landmark.LEFT_SHOULDER, Landmark.RIGHT_FOOT_INDEX, 2)])
_UPPER = _PAIRS[:6]  # shoulders, arms, hands
_LOWER = _PAIRS[6:]  # hips, legs, feet
_FACE_PAIRS = np.array([(1, 4), (2, 5), (3, 6), (7, 8), (9, 10)])
_TRUNK_PER_SHOULDERS = 1.3  # see kling_ui.vision.pose.trunk_length
# What is done with a reading: nothing, its upper half exchanged, its lower half, both.
_WAYS = ((False, False), (True, False), (False, True), (True, True))
EXCHANGED = 3  # both
_SIGNS = np.where(_WAYS, -1.0, 1.0)  # (ways, halves)
# Whether a half is exchanged in one of two readings only; (ways, ways) for each half.
_DIFFERS = [(_SIGNS[:, None, half] != _SIGNS[None, :, half]).astype(int) for half in (UPPER, LOWER)]
_OF_HALF = [[place for place, m in enumerate(_MEASURES) if m.half == half] for half in (UPPER, LOWER, None)]
# What a reading is multiplied with, (2, measures, 1), where both are taken alike, and where one of them is exchanged.
_EXCHANGE = np.array([[[1.0]] * len(_MEASURES), [[1.0] if m.half is None else [-1.0] for m in _MEASURES]])


@dataclass(frozen=True, slots=True)
class Readings:
    """What is believed of the readings of a clip.

    Attributes:
        believed: ``(frames,)`` bool; frames in which nobody was found are not.
        way: ``(frames,)`` index: 0 as read, 1 shoulders and arms exchanged, 2 hips and legs exchanged, 3 both.
        look: ``(frames,)`` which new look at the frame is believed; -1 the first reading, or none.
        contested: ``(frames,)`` bool: believed, though a jump leads from here to a longer stretch that is believed as
            well. After a cut both are right; of somebody who lies, either may be upside down. Only a new look can tell.
        in_doubt_from: The first frame about which the frames to come may still decide, because so far nobody stands
            upright since then; ``frames`` when there is none.
    """

    believed: np.ndarray
    way: np.ndarray
    look: np.ndarray
    contested: np.ndarray
    in_doubt_from: int


def plausible_track(track: PoseTrack) -> PoseTrack:
    """Undo exchanges of left and right, and take out readings that no body could have.

    Args:
        track: Of frames that follow each other closely, eight a second or more.

    Returns:
        As many frames; nobody is found where a reading is not believed.
    """
    readings = search_of(track).readings()
    kept_landmarks, kept_world_m = track.landmarks.copy(), track.world_m.copy()
    for index in np.flatnonzero(readings.way > 0):
        kept_landmarks[index] = exchanged(track.landmarks[index], int(readings.way[index]))
        kept_world_m[index] = exchanged(track.world_m[index], int(readings.way[index]))
    kept_landmarks[~readings.believed] = np.nan
    kept_world_m[~readings.believed] = np.nan
    return replace(track, landmarks=kept_landmarks, world_m=kept_world_m)


def exchanged(row: np.ndarray, way: int) -> np.ndarray:
    """Exchange left and right in one reading.

    Args:
        row: ``(33, n)`` values of the landmarks.
        way: What to exchange, see :class:`Readings`.
    """
    upper, lower = _WAYS[way]
    row = row.copy()
    for pairs in (*((_UPPER, _FACE_PAIRS) if upper else ()), *((_LOWER,) if lower else ())):
        row[pairs] = row[pairs[:, ::-1]]
    return row


Reading = tuple[np.ndarray, np.ndarray]  # points and metres, see :meth:`ReadingSearch.add`


@dataclass(frozen=True, slots=True)
class _Place:
    """A reading that the way through a clip may take.

    Attributes:
        frame: Whose.
        at_s: When.
        look: Which of the new looks at the frame; -1 the first reading.
        rank: How many frames with a reading came before that still count: who passes them over pays for each.
        read: How many frames were read before, also those whose readings were taken back.
        measured: ``(measures, 3)`` see :func:`_measured`.
        cost: ``(ways,)`` of the cheapest way to it, taken in each way.
        before: ``(ways, 2)`` place and way that it came from, -1 where it begins there.
        jumped: ``(ways,)`` whether it was reached by a jump, or tumbling while nobody was read, else 0.
    """

    frame: int
    at_s: float
    look: int
    rank: int
    read: int
    measured: np.ndarray
    cost: np.ndarray
    before: np.ndarray
    jumped: np.ndarray


class ReadingSearch:
    """Searches the most consistent way through the readings of a clip, while another thread adds those that come in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times_s: list[float] = []  # of all frames
        self._read: list[np.ndarray | None] = []  # what was measured of each first reading
        self._looks: dict[int, list[np.ndarray]] = {}  # of frames whose first reading was taken back
        self._places: list[_Place] = []  # rising by frame; all that follows is about these
        self._at_s: list[float] = []

    def add(self, time_s: float, points: np.ndarray, world_m: np.ndarray) -> None:
        """Take the next frame's reading.

        Args:
            time_s: Its time, later than the one before.
            points: ``(33, 2)`` x and y in one unit; NaN when nobody was found.
            world_m: ``(33, 3)`` metres around the hips, y down.
        """
        measured = None if np.isnan(points[0, 0]) else _measured(points, world_m)
        with self._lock:
            self._times_s.append(time_s)
            self._read.append(measured)
            self._reach(len(self._times_s) - 1)

    def look_again(self, frames: Iterable[int], looks: Mapping[int, Sequence[Reading]]) -> None:
        """Take back the first readings of some frames, and let new looks stand for them where there are any.

        Args:
            frames: Whose readings are not believed.
            looks: What was read in some of them, surest first; instead of what was read by earlier new looks.
        """
        taken_back = sorted(frames)
        if not taken_back:
            return
        measured = {frame: [_measured(*look) for look in looks.get(frame, ())] for frame in taken_back}
        with self._lock:
            self._looks |= measured
            self._reach_again(taken_back[0])

    def is_read(self, frame: int) -> bool:
        """Tell whether a frame has a first reading, believed or not."""
        return self._read[frame] is not None

    def believe_first(self, frames: Iterable[int]) -> None:
        """Let first readings that were taken back count again, in place of all new looks."""
        given_back = sorted(frames)
        if given_back:
            with self._lock:
                for frame in given_back:
                    self._looks.pop(frame, None)
                self._reach_again(given_back[0])

    def _reach_again(self, first: int) -> None:
        start = bisect_left(self._places, first, key=lambda place: place.frame)
        del self._places[start:], self._at_s[start:]
        for frame in range(first, len(self._times_s)):
            self._reach(frame)

    def _reach(self, frame: int) -> None:
        """Find the cheapest ways to a frame's readings."""
        read, looks = self._read[frame], self._looks.get(frame)
        measured = looks if looks is not None else [] if read is None else [read]
        last = self._places[-1] if self._places else None
        rank, number = (last.rank + 1, last.read + 1) if last else (0, 0)
        if last:
            number += sum(self._read[between] is not None for between in range(last.frame + 1, frame))
        places = [
            self._place(frame, own, rank, number, look if looks is not None else -1)
            for look, own in enumerate(measured)
        ]
        self._places += places
        self._at_s += [self._times_s[frame]] * len(places)

    def _place(self, frame: int, measured: np.ndarray, rank: int, number: int, look: int) -> _Place:
        time_s, count = self._times_s[frame], len(self._places)
        own = _own_cost(measured, time_s - self._at_s[-1] if count else 0.0) + _LOOK_COST * (look + 1)
        cost, before, jumped = own + _SKIP_COST * rank, np.full((len(_WAYS), 2), -1), np.zeros(len(_WAYS), int)
        if count:
            ways = np.arange(len(_WAYS))
            first = min(bisect_left(self._at_s, time_s - SKIP_S_MAX), count - 1)
            window = self._places[first:]
            excess = _excess(
                np.array([place.measured for place in window]), measured, time_s - np.array(self._at_s[first:])
            )  # (earlier, ways, ways)
            skipped = _SKIP_COST * (rank - 1 - np.array([place.rank for place in window]))
            so_far = np.array([place.cost for place in window])
            total = so_far[:, :, None] + np.minimum(excess, _BREAK_COST) + skipped[:, None, None]
            best = total.reshape(-1, len(_WAYS)).argmin(axis=0)
            earlier, way = np.divmod(best, len(_WAYS))
            joined = total[earlier, way, ways] + own
            better = joined < cost
            cost = np.where(better, joined, cost)
            before[better] = np.stack([earlier + first, way], axis=1)[better]
            trunks = np.array([window[place].measured[_TRUNK] for place in earlier])
            tumbled = np.linalg.norm(trunks - measured[_TRUNK], axis=1) > _TUMBLE_MIN
            passed_over = np.array([window[place].read for place in earlier]) < number - 1
            is_jump = (excess[earlier, way, ways] > _JUMP_MIN) | (tumbled & passed_over)
            jumped = better * np.where(is_jump, _JUMPED, tumbled * _TUMBLED)
        return _Place(frame, time_s, look, rank, number, measured, cost, before, jumped)

    def readings(self, since: int = 0) -> Readings:
        """Tell what is believed so far; the last frames may be seen differently when more have come.

        Args:
            since: The first frame that is asked about; of those before nothing is told.
        """
        with self._lock:
            return self._readings(since)

    def _readings(self, since: int) -> Readings:
        frames = len(self._times_s)
        believed, way, look = np.zeros(frames, bool), np.zeros(frames, int), np.full(frames, -1)
        contested = np.zeros(frames, bool)
        if not self._places or self._places[-1].frame < since:
            return Readings(believed, way, look, contested, frames)
        path, ways, jumps = self._cheapest(bisect_left(self._places, since, key=lambda place: place.frame))
        rises = np.array([-place.measured[_TRUNK, 1] for place in path])
        first_readings = np.array([place.look < 0 for place in path])
        at_s = np.array([place.at_s for place in path])
        jumps[1:][(first_readings[1:] != first_readings[:-1]) & (np.diff(at_s) > _LINK_S_MAX)] = _JUMPED
        of_each = at_s, rises >= _UPRIGHT_MIN, first_readings
        stretches = _Stretches.between(jumps == _JUMPED, *of_each)
        stands, doubt = stretches.believed(), stretches.in_doubt_from
        found = np.array([place.frame for place in path])
        believed[found[stands]] = True
        contested[found[_Stretches.between(jumps > 0, *of_each).contested(stands)]] = True
        way[found] = ways
        look[found[stands]] = [place.look for place, kept in zip(path, stands, strict=True) if kept]
        return Readings(believed, way, look, contested, frames if doubt is None else int(found[doubt]))

    def _cheapest(self, since: int) -> tuple[list[_Place], np.ndarray, np.ndarray]:
        """Places on the cheapest way, what is done with each, and which of them it jumped to."""
        offset = min(bisect_left(self._at_s, self._at_s[-1] - SKIP_S_MAX), len(self._places) - 1)
        ends = self._places[offset:]
        left_out = _SKIP_COST * (ends[-1].rank - np.array([place.rank for place in ends]))
        last = np.array([place.cost for place in ends]) + left_out[:, None]
        index, way = (int(value) for value in np.unravel_index(last.argmin(), last.shape))
        index += offset
        steps = []
        while index >= since or not steps:
            place = self._places[index]
            steps.append((place, way, int(place.jumped[way])))
            index, way = (int(value) for value in place.before[way])
        path, ways, jumps = zip(*reversed(steps), strict=True)
        return list(path), np.array(ways), np.array(jumps)


def search_of(track: PoseTrack) -> ReadingSearch:
    """Search the readings of a whole track."""
    search = ReadingSearch()
    for time_s, landmarks, world_m in zip(track.times_s, track.landmarks, track.world_m, strict=True):
        search.add(float(time_s), landmarks[:, :2] * (track.aspect, 1.0), world_m)
    return search


def _own_cost(measured: np.ndarray, frame_s: float) -> np.ndarray:
    """What each way of taking a reading costs by itself; ``(ways,)``."""
    twist = float(measured[_SHOULDERS] @ measured[_HIPS]) * _SIGNS.prod(axis=1)
    return _SWAP_COST * frame_s * (_SIGNS < 0).sum(axis=1) + _TWIST_COST * np.maximum(0.0, -twist - _TWIST_FREE)


def _measured(points: np.ndarray, world_m: np.ndarray) -> np.ndarray:
    """``(measures, 3)`` of one reading, see :data:`_MEASURES`: in trunk lengths; the middle in units of the points."""
    points, world_m = points.astype(np.float64), world_m.astype(np.float64)
    measured = np.zeros((len(_MEASURES), 3))
    measured[:_TRUNK] = world_m[_LEFT_ENDS] - world_m[_RIGHT_ENDS]
    measured[_TRUNK] = world_m[SHOULDERS].mean(axis=0) - world_m[HIPS].mean(axis=0)
    measured[: _TRUNK + 1] /= _size(measured[_TRUNK], measured[_SHOULDERS])
    shoulders, hips = points[SHOULDERS].mean(axis=0), points[HIPS].mean(axis=0)
    measured[_MIDDLE, :2] = (shoulders + hips) / 2
    measured[_SIZE, 0] = np.log(_size(shoulders - hips, points[SHOULDERS[0]] - points[SHOULDERS[1]]))
    return measured


def _size(trunk: np.ndarray, across: np.ndarray) -> float:
    return max(float(np.linalg.norm(trunk)), _TRUNK_PER_SHOULDERS * float(np.linalg.norm(across)), EPSILON)


def _excess(earlier: np.ndarray, now: np.ndarray, apart_s: np.ndarray) -> np.ndarray:
    """By how much the way from earlier readings to this one is longer than possible.

    Args:
        earlier: ``(earlier, measures, 3)``.
        now: ``(measures, 3)``.
        apart_s: ``(earlier,)`` seconds in between.

    Returns:
        ``(earlier, ways, ways)`` trunk lengths, the earlier reading and this one taken in each way.
    """
    then = earlier[:, None] * _EXCHANGE  # (earlier, alike or not, measures, 3)
    way = np.sqrt(((now - then) ** 2).sum(axis=-1))
    way[..., _RIGID] = _arc(then[:, :, _RIGID], now[_RIGID])
    way[..., _MIDDLE] /= np.exp((earlier[:, _SIZE, :1] + now[_SIZE, 0]) / 2)
    possible = (_FASTEST * apart_s[:, None])[:, None]
    beyond = _SHARES * np.maximum(0.0, way - possible - _NOISE)
    swing = way[..., _RIGID] - _USUAL_SHARE * possible[..., _RIGID] - _NOISE
    beyond[..., _RIGID] += _SWING_COST * np.maximum(0.0, swing)
    upper, lower, none = (beyond[..., of].sum(axis=-1) for of in _OF_HALF)
    return upper[:, _DIFFERS[UPPER]] + lower[:, _DIFFERS[LOWER]] + none[:, :1, None]


def _arc(then: np.ndarray, here: np.ndarray) -> np.ndarray:
    """How far it is from one value to another along the arc of lines ``(..., 3)`` that keep their length."""
    lengths = np.linalg.norm(then, axis=-1), np.linalg.norm(here, axis=-1)
    product = lengths[0] * lengths[1]
    cosine = (then * here).sum(axis=-1) / np.maximum(product, EPSILON)
    return np.sqrt(product) * np.arccos(np.clip(cosine, -1, 1)) + _RIGIDITY * np.abs(lengths[0] - lengths[1])


@dataclass(frozen=True, slots=True)
class _Stretches:
    """Readings of the way through a clip, between its jumps.

    Attributes:
        first: ``(stretches,)`` place on the way at which each begins.
        end: ``(stretches,)`` place behind its last one.
        lasts_s: ``(stretches,)`` seconds from its first to its last reading.
        stands: ``(stretches,)`` bool, whether somebody is upright in any of its readings.
        is_read: ``(stretches,)`` bool, whether any of its readings is a first one.
    """

    first: np.ndarray
    end: np.ndarray
    lasts_s: np.ndarray
    stands: np.ndarray
    is_read: np.ndarray

    @classmethod
    def between(
        cls, jumps: np.ndarray, at_s: np.ndarray, upright: np.ndarray, first_readings: np.ndarray
    ) -> "_Stretches":
        """Take apart a way at its jumps; all arguments have one row for each of its places."""
        edges = [0, *(int(place) for place in np.flatnonzero(jumps) if place), len(at_s)]
        first, end = np.array(edges[:-1]), np.array(edges[1:])
        stands, is_read = (np.logical_or.reduceat(values, first) for values in (upright, first_readings))
        return cls(first, end, at_s[end - 1] - at_s[first], stands, is_read)

    def believed(self) -> np.ndarray:
        """Leave out (``(places,)``) what is never upright beside somebody who is, or what only new looks saw."""
        return self._spread(self._kept)

    def contested(self, believed: np.ndarray) -> np.ndarray:
        """Tell which of those that are believed lie beside a longer one that is, see :class:`Readings`."""
        kept = believed[self.first]
        lasts_s = np.concatenate(([-1.0], np.where(kept, self.lasts_s, -1.0), [-1.0]))
        longer = np.maximum(lasts_s[:-2], lasts_s[2:]) > self.lasts_s
        return self._spread(kept & (self.lasts_s <= DOUBT_S_MAX) & longer)

    @property
    def in_doubt_from(self) -> int | None:
        """The place from which on the next readings may decide; ``None`` when nothing hangs on them."""
        open_ones = ~self.stands & (self.lasts_s <= DOUBT_S_MAX)
        if not open_ones[-1]:
            return None
        is_undecided = len(self.first) > 1 and open_ones[-2] and self.lasts_s[-2] >= self.lasts_s[-1]
        return int(self.first[-2 if is_undecided else -1])

    @property
    def _kept(self) -> np.ndarray:
        beside = np.concatenate(([False], self.stands, [False]))
        return self.is_read & (self.stands | (self.lasts_s > DOUBT_S_MAX) | ~(beside[:-2] | beside[2:]))

    def _spread(self, chosen: np.ndarray) -> np.ndarray:
        return np.repeat(chosen, self.end - self.first)
