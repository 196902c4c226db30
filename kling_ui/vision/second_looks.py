"""New looks at frames of a clip whose readings are not believed.

The tracker goes on from where it saw somebody a frame earlier, and so it goes on being wrong. A new look begins afresh:
with the detector in the whole frame, in the frame mirrored, where a neighbouring frame has the person, and below faces.
Which of these is right is told by the same search that did not believe the first reading
(:class:`kling_ui.vision.plausibility.ReadingSearch`). A clip whose readings are all believed is not looked at again.

A believed reading may be wrong as well: a whole stretch of somebody who lies or stands on the hands, which another
stretch contradicts or readings surround that are not believed. The detector is asked what it sees there, and where that
is something else the reading is doubted, too. Nothing in a clip is privileged for coming first.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from kling_ui.media.probe import sniff_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.vision.detector import Candidate
from kling_ui.vision.people import FACES_LONG_SIDE_PX, body_below, face_detector
from kling_ui.vision.plausibility import (
    EXCHANGED,
    SKIP_S_MAX,
    Reading,
    Readings,
    ReadingSearch,
    exchanged,
    search_of,
)
from kling_ui.vision.pose import (
    EPSILON,
    HIPS,
    KEYPOINTS,
    SHOULDERS,
    TRACK_LONG_SIDE_PX,
    Pose,
    PoseTrack,
    detect_pose,
    pose_detector,
    shrink,
    trunk_length,
)
from kling_ui.vision.tracking import detection_stride

GAP_S_MIN = 0.1  # between believed readings: less is bridged as well without a look
CANDIDATES_MAX = 2  # of the detector's, that are read in one look
# Trunk lengths between two readings of one body: 0.02-0.05 measured in drawn clips, 0.3-0.7 where one of both is wrong.
APART_MAX = 0.25
WITNESSES = 5  # frames of a contested stretch that the detector is asked about
# Where nobody was seen so far, one of so many frames (of some twelve a second) is looked at, and more where it shows
# somebody: near a believed reading, and farther away than :data:`SKIP_S_MAX`. Who comes in stays longer.
NEAR_STRIDE, FAR_STRIDE = 3, 6
_SLACK_S = 1e-4  # between the times of the same frame, read twice
_SEEK_S = 2.0  # a way ahead that is skipped rather than decoded
_AROUND = 1.15  # of the distance from the hips to the farthest joint: head and feet go on beyond
Near = Callable[[int], Pose | None]


class Rereader:
    """Reads frames of a clip once more, those that are asked for, in the order of time.

    Args:
        path: A local clip.
        in_mirror: Turn its frames about.
    """

    def __init__(self, path: Path, *, in_mirror: bool = False) -> None:
        self._path, self._container, self._in_mirror = path, sniff_video(path), in_mirror
        self._frames: Iterator[Frame] | None = None
        self._at_s = math.inf

    def read(self, times_s: Sequence[float]) -> Iterator[np.ndarray]:
        """Yield ``(height, width, 3)`` uint8 of the frames at these times, which rise.

        Raises:
            MediaError: The clip cannot be decoded.
        """
        for time_s in times_s:
            if self._frames is None or self._at_s >= time_s - _SLACK_S or time_s - self._at_s > _SEEK_S:
                self.close()
                self._frames = read_frames(
                    self._path,
                    container=self._container,
                    long_side_px=TRACK_LONG_SIDE_PX,
                    start_s=max(0.0, time_s - _SLACK_S),
                )
            for frame in self._frames:
                self._at_s = frame.time_s
                if frame.time_s >= time_s - _SLACK_S:
                    yield np.ascontiguousarray(frame.rgb[:, ::-1]) if self._in_mirror else frame.rgb
                    break

    def close(self) -> None:
        """Close the clip."""
        if self._frames is not None:
            self._frames.close()  # ty: ignore[missing-attribute]  a generator
        self._frames, self._at_s = None, math.inf


def unbelieved(readings: Readings, times_s: Sequence[float] | np.ndarray, first: int, end: int) -> list[list[int]]:
    """List the frames in ``[first, end)`` that are worth a new look, in stretches that follow each other.

    Gaps shorter than :data:`GAP_S_MIN` are bridged as well without one.
    """
    believed = np.flatnonzero(readings.believed)
    if not len(believed) or bool(readings.believed[first:end].all()):
        return []

    def is_long(frame: int) -> bool:
        after = int(np.searchsorted(believed, frame))
        before_s = times_s[believed[after - 1]] if after else -math.inf
        after_s = times_s[believed[after]] if after < len(believed) else math.inf
        return after_s - before_s >= GAP_S_MIN

    return _runs(filter(is_long, np.flatnonzero(~readings.believed[first:end]) + first))


def look_again(
    search: ReadingSearch,
    frames: Sequence[int],
    pictures: Sequence[np.ndarray],
    taken_back: Sequence[int],
    *,
    near: Near,
    known: Mapping[int, list[Pose]],
) -> dict[int, list[Pose]]:
    """Look at frames again, first where it costs least, until the search believes one of the looks.

    Where a look finds nobody it goes on by :data:`NEAR_STRIDE` frames. Where nobody is near in time and the first look
    finds nobody, nobody is there: it stays at that look.

    Args:
        search: It takes what the looks give.
        frames: Their numbers.
        pictures: ``(height, width, 3)`` uint8, one for each of these frames.
        taken_back: All frames whose first readings no longer count, these among them.
        near: Gives the believed pose that is nearest in time.
        known: What the first look gives in some of the frames.

    Returns:
        What the looks gave for each frame, in the order that :attr:`Readings.look` counts them.
    """
    poses: dict[int, list[Pose]] = {frame: [] for frame in frames}
    shown = dict(zip(frames, pictures, strict=True))

    def by(look: Callable[[np.ndarray, Pose | None], list[Pose]], frame: int) -> list[Pose]:
        return known[frame] if look is _whole and frame in known else look(shown[frame], near(frame))

    for look in (_whole, _mirrored, _around_neighbour, _below_faces):
        believed = search.readings(min(taken_back)).believed
        doubted = [frame for frame in frames if not believed[frame] or look is _whole]
        seen = {frame: by(look, frame) for frame in doubted if poses[frame]}
        others = [frame for frame in doubted if frame not in seen and (look is _whole or near(frame) is not None)]
        seen |= _ask(others, partial(by, look))
        if look is not _whole and not any(seen.values()):
            continue
        poses = {frame: found + seen.get(frame, []) for frame, found in poses.items()}
        search.look_again(taken_back, _offered(poses, pictures[0].shape[1] / pictures[0].shape[0]))
    return poses


def _offered(poses: Mapping[int, Sequence[Pose]], aspect: float) -> dict[int, list[Reading]]:
    return {frame: [_reading_of(pose, aspect) for pose in found] for frame, found in poses.items()}


def _whole(rgb: np.ndarray, _near: Pose | None) -> list[Pose]:
    detector = pose_detector()
    bodies = detector.candidates(rgb)[:CANDIDATES_MAX]
    found = [pose for body in bodies if (pose := detect_pose(detector, rgb, body)) is not None]
    return [replace(pose, mask=None) for pose in found]  # which many frames' looks would keep


def _mirrored(rgb: np.ndarray, near: Pose | None) -> list[Pose]:
    found = _whole(np.ascontiguousarray(rgb[:, ::-1]), near)
    return [_turned_back(pose) for pose in found]


def _turned_back(pose: Pose) -> Pose:
    """The pose as it is outside the mirror: sides, and left and right, exchanged."""
    landmarks, world_m = exchanged(pose.landmarks, EXCHANGED), exchanged(pose.world_m, EXCHANGED)
    landmarks[:, 0], world_m[:, 0] = 1 - landmarks[:, 0], -world_m[:, 0]
    return Pose(landmarks, world_m, None, pose.confidence)


def _around_neighbour(rgb: np.ndarray, near: Pose | None) -> list[Pose]:
    if near is None:
        return []
    points = near.landmarks[:, :2] * (rgb.shape[1], rgb.shape[0])
    hips, shoulders = points[HIPS].mean(axis=0), points[SHOULDERS].mean(axis=0)
    reach = float(np.linalg.norm(points[KEYPOINTS] - hips, axis=1).max())
    turn = math.atan2(shoulders[0] - hips[0], hips[1] - shoulders[1])
    body = Candidate(1.0, float(hips[0]), float(hips[1]), max(_AROUND * reach, EPSILON), turn)
    pose = detect_pose(pose_detector(), rgb, body)
    return [] if pose is None else [pose]


def _below_faces(rgb: np.ndarray, _near: Pose | None) -> list[Pose]:
    faces = face_detector().faces(shrink(rgb, FACES_LONG_SIDE_PX))[:CANDIDATES_MAX]
    return [pose for face in faces if (pose := body_below(rgb, face.box)) is not None]


def new_looks(
    search: ReadingSearch,
    readings: Readings,
    span: range,
    *,
    times_s: Sequence[float] | np.ndarray,
    rereader: Rereader,
    pose_of: Callable[[int], Pose],
    fps: float | None = None,
) -> dict[int, list[Pose]]:
    """Look again at frames whose readings are not believed, or are contested and not what others see in the frame.

    Args:
        search: It takes what the looks give.
        readings: What it believes so far.
        span: The frames in question.
        times_s: Of all frames.
        rereader: Reads frames of the clip.
        pose_of: Gives the pose of a frame that is believed or contested.
        fps: Frames per second, where not every frame needs a look of its own.

    Returns:
        Of each frame that was looked at what the looks gave, in the order that :attr:`Readings.look` counts them; also
        of frames behind the span, where the doubt about its last ones spreads to them.

    Raises:
        MediaError: The clip cannot be decoded.
    """
    seen: dict[int, list[Pose]] = {}
    differs = partial(_differs, rereader=rereader, times_s=times_s, pose_of=pose_of, seen=seen)
    believed, step = readings.believed.copy(), 1 if fps is None else detection_stride(fps)
    for stretch in _runs(np.flatnonzero(readings.contested[span.start : span.stop]) + span.start):
        asked = [stretch[at] for at in sorted({round(at) for at in np.linspace(0, len(stretch) - 1, WITNESSES)})]
        believed[stretch] = 2 * sum(differs(asked).values()) <= len(asked)
    wrong = unbelieved(replace(readings, believed=believed), times_s, span.start, span.stop)
    runs = [run for stretch in wrong for run in _runs(filter(search.is_read, stretch))]
    _spread(runs, believed, differs, within=range(span.start, len(believed)), step=step)
    doubted = np.flatnonzero(readings.believed & ~believed)
    near, looks = nearest_of(replace(readings, believed=believed), times_s, pose_of), {}
    end = max(span.stop, int(doubted.max(initial=0)) + 1)
    for stretch in unbelieved(replace(readings, believed=believed), times_s, span.start, end):
        frames = _worth_a_look(stretch if fps is None else thinned(stretch, fps), times_s, near, rereader)
        pictures = list(rereader.read([float(times_s[frame]) for frame in frames]))
        if frames and len(pictures) == len(frames):
            looks |= look_again(search, frames, pictures, stretch, near=near, known=seen)
    final = search.readings(span.start).believed
    search.believe_first(frame for run in _runs(doubted) if not final[run].any() for frame in run)
    return looks


def _spread(
    wrong: Sequence[Sequence[int]],
    believed: np.ndarray,
    differs: Callable[[Sequence[int]], dict[int, bool]],
    *,
    within: range,
    step: int,
) -> None:
    """Doubt what is believed on both sides of wrong readings, as far as the detector sees something else there.

    Args:
        wrong: Frames that follow each other, in each of some places.
        believed: ``(frames,)`` bool; those that are doubted become false.
        differs: Tells of each of some frames whether the detector sees something else in it.
        within: The frames that may be doubted.
        step: Frames from one that is asked about to the next.
    """
    fronts = [front for run in wrong for front in ((run[0] - 1, -step), (run[-1] + 1, step))]
    while fronts := [(frame, by) for frame, by in fronts if frame in within and believed[frame]]:
        is_other = differs(sorted({frame for frame, _ in fronts}))
        fronts = [(frame, by) for frame, by in fronts if is_other[frame]]
        for frame, by in fronts:
            believed[min(frame, frame + by + 1) : max(frame, frame + by - 1) + 1] = False
        fronts = [(frame + by, by) for frame, by in fronts]


def _differs(
    frames: Sequence[int],
    *,
    rereader: Rereader,
    times_s: Sequence[float] | np.ndarray,
    pose_of: Callable[[int], Pose],
    seen: dict[int, list[Pose]],
) -> dict[int, bool]:
    """Tell in which of some rising frames the detector sees somebody, but otherwise than was read there.

    The tracker goes on from frame to frame; the detector begins afresh in each. What it sees is kept in ``seen``.
    """
    is_other = dict.fromkeys(frames, False)
    for frame, rgb in zip(frames, rereader.read([float(times_s[frame]) for frame in frames]), strict=False):
        seen[frame] = _whole(rgb, None)
        own, aspect = pose_of(frame), rgb.shape[1] / rgb.shape[0]
        is_other[frame] = bool(seen[frame]) and all(_apart(own, pose, aspect) > APART_MAX for pose in seen[frame])
    return is_other


def _apart(one: Pose, other: Pose, aspect: float) -> float:
    """How far the trunks of two poses are apart in the picture, at the shoulders or at the hips, in their lengths."""
    landmarks = np.stack([one.landmarks, other.landmarks])
    middles = np.stack([landmarks[:, pair, :2].mean(axis=1) for pair in (SHOULDERS, HIPS)], axis=1) * (aspect, 1.0)
    away = np.linalg.norm(middles[0] - middles[1], axis=-1).max()
    return float(away / max(float(trunk_length(landmarks, aspect).max()), EPSILON))


def _worth_a_look(
    frames: Sequence[int], times_s: Sequence[float] | np.ndarray, near: Near, rereader: Rereader
) -> list[int]:
    """Leave out frames that no believed reading is near, where a look now and then shows nobody around them."""
    far = [frame for frame in frames if near(frame) is None]
    asked = _now_and_then(far, FAR_STRIDE)
    pictures = zip(asked, rereader.read([float(times_s[frame]) for frame in asked]), strict=False)
    shown = [frame for frame, rgb in pictures if _whole(rgb, None)]
    kept = {*shown, *_around(far, asked, shown)}
    return [frame for frame in frames if frame in kept or near(frame) is not None]


def _ask(frames: Sequence[int], look: Callable[[int], list[Pose]]) -> dict[int, list[Pose]]:
    """Look at some of the frames, and at all around those that show somebody."""
    asked = _now_and_then(frames, NEAR_STRIDE)
    found = {frame: look(frame) for frame in asked}
    return found | {frame: look(frame) for frame in _around(frames, asked, [f for f in asked if found[f]])}


def _now_and_then(frames: Sequence[int], stride: int) -> list[int]:
    return sorted({*frames[::stride], *frames[-1:]})


def _around(frames: Sequence[int], asked: Sequence[int], shown: Sequence[int]) -> list[int]:
    """The frames that were not asked, up to the next ones that were, around those of them that show somebody."""
    edges = [-1, *asked, math.inf]
    spans = [(edges[place], edges[place + 2]) for place, frame in enumerate(asked) if frame in shown]
    return [frame for frame in frames if frame not in asked and any(low < frame < high for low, high in spans)]


def _reading_of(pose: Pose, aspect: float) -> Reading:
    return pose.landmarks[:, :2] * (aspect, 1.0), pose.world_m


def _runs(frames: Iterable[int]) -> list[list[int]]:
    """Take apart rising numbers where one is missing."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and runs[-1][-1] == frame - 1:
            runs[-1].append(int(frame))
        else:
            runs.append([int(frame)])
    return runs


def mended_track(track: PoseTrack, path: Path, *, in_mirror: bool = False) -> PoseTrack:
    """Put what new looks give in the place of readings that are not believed.

    Args:
        track: Of a clip or a part of it, every reading as it is.
        path: The clip.
        in_mirror: The track is of its frames turned about.

    Returns:
        As many frames; readings for which no look was believed are left as they are.

    Raises:
        MediaError: The clip cannot be decoded.
    """
    search, count = search_of(track), len(track.times_s)
    readings = search.readings()
    if not is_in_doubt(readings, track.times_s, range(count)):
        return track

    def pose_of(frame: int) -> Pose:
        return Pose(track.landmarks[frame], track.world_m[frame], None, 1.0)

    with closing(Rereader(path, in_mirror=in_mirror)) as rereader:
        looks = new_looks(search, readings, range(count), times_s=track.times_s, rereader=rereader, pose_of=pose_of)
    final, landmarks, world_m = search.readings(), track.landmarks.copy(), track.world_m.copy()
    for frame in looks:
        if final.believed[frame] and final.look[frame] >= 0:
            pose, way = looks[frame][final.look[frame]], int(final.way[frame])
            landmarks[frame], world_m[frame] = exchanged(pose.landmarks, way), exchanged(pose.world_m, way)
    return replace(track, landmarks=landmarks, world_m=world_m)


def is_in_doubt(readings: Readings, times_s: Sequence[float] | np.ndarray, span: range) -> bool:
    """Tell whether :func:`new_looks` would look at any of the frames in ``span``."""
    contested = bool(readings.contested[span.start : span.stop].any())
    return contested or bool(unbelieved(readings, times_s, span.start, span.stop))


def nearest_of(readings: Readings, times_s: Sequence[float] | np.ndarray, pose_of: Callable[[int], Pose]) -> Near:
    """Give the believed pose that is nearest to a frame; ``None`` where none is near."""
    believed = np.flatnonzero(readings.believed)

    def near(frame: int) -> Pose | None:
        if not len(believed):
            return None
        nearest = int(believed[np.abs(believed - frame).argmin()])
        return pose_of(nearest) if abs(times_s[nearest] - times_s[frame]) <= SKIP_S_MAX else None

    return near


def thinned(stretch: Sequence[int], fps: float) -> list[int]:
    """Choose as many of the frames in a stretch as are looked at where nothing is in doubt."""
    return list(stretch[:: detection_stride(fps)])
