"""The motion match of two files."""

import asyncio
import math
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from kling_ui.languages import Told
from kling_ui.media.files import content_sha256
from kling_ui.media.probe import VideoFacts, probe_video, sniff_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.options import Orientation
from kling_ui.scoring.limbs import compare, limb_track, mirrored
from kling_ui.scoring.match import MotionMatch, end_s
from kling_ui.scoring.motion import motion_match, points_in_doubt, weight_share
from kling_ui.vision.analysis import AnalysisCache
from kling_ui.vision.plausibility import plausible_track
from kling_ui.vision.pose import TRACK_LONG_SIDE_PX, PoseTrack, find_poses, track_of, trunk_length
from kling_ui.vision.second_looks import mended_track
from kling_ui.workers import Workers

FRAMES_MAX = 150  # watched, so that a long clip takes little longer than a short one
RATE_ENOUGH = 12.0  # frames a second that tell the same as all (15 of 30 moved a talker's score by 0.1)
# Points of 100 that are lost in moments in which a limb points elsewhere, from which on the result is looked at again.
# 92 previews (``benchmarks/score_error.py``): without a second look eight were off by more than 5 points, all of
# them above this; of the rest a tenth is.
DOUBT_MIN = 0.8
# Two looks see a joint alike when they place it this near to each other, in trunk lengths: a forearm then turns by 12
# degrees. Of the same 92, those whose looks agreed on more than this share were off by 4.6 points at most.
ALIKE_TRUNKS, CONTRADICTED_MAX = 0.1, 0.08
# The parts of a clip that are watched at the same time: always as many, so that no score depends on the machine.
SPANS = 2
SPAN_LEAST_S = 1.0
RATE_LEAST = 8.0  # frames a second that are watched in any case; beyond, the detector loses the person between them
# The first look at a result: enough where it follows clearly, half of the work. Of the 92 previews of
# ``benchmarks/score_error.py`` two scores changed by 1.0 and 2.1 points by it, towards what was drawn, one has a figure
# that had none, and all others are within 0.8; their lags differ by 0.4 frames at most.
FIRST_RATE = 6.0  # frames a second that it watches at least
FIRST_LEAST_S = 3.0  # shorter clips are watched as a whole: a dozen moments say too little
FOLLOWS_MIN = 91.0  # points of 100; a walk that the detector saw badly got 90.0 at first and 91.6 in all moments
IN_STEP_FRAMES = 0.5  # a lag of a frame is never taken for less; from here on all frames say how late it is
CONTRADICTED_SURELY = 0.16  # twice what is allowed: then two first looks are enough to give no figure
SAME_MOMENT_S = 0.01
_KEPT_AS, _FIRST_KEPT_AS = "motion.npz", "motion-first.npz"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrackedClip:
    """What the person in a clip does.

    Attributes:
        track: Poses of the frames that were watched, as far as they are believed.
        fps: Frames a second of the clip itself.
        unread_s: Time in which somebody was found whose reading is not believed.
        is_as_read: Somebody was found in every frame, and every reading is believed as it is.
    """

    track: PoseTrack
    fps: float
    unread_s: float = 0.0
    is_as_read: bool = False


class _Known(NamedTuple):
    """What is known of a clip before it is watched; its poses are ``None`` when none are kept."""

    facts: VideoFacts
    sha256: str
    track: PoseTrack | None


async def match_clips(
    workers: Workers,
    reference: Path,
    result: Path,
    *,
    orientation: Orientation = Orientation.VIDEO,
    folder: Path | None = None,
    timeout_s: float | None = None,
) -> MotionMatch:
    """Find the person in both clips and compare their motion.

    A result of the reference's rate is watched in every second of the moments first. Only where it follows clearly and
    in step, its person is seen all the time and nothing is in doubt, is that enough; all else is told from all moments.

    Where limbs of the result point elsewhere than those of the reference, the detector is shown the same frames in a
    mirror, too. Only what both looks see alike counts; and there is no score when they contradict each other about too
    much: a low one would blame the result for what the detector cannot see.

    Args:
        workers: Where the clips are watched.
        reference: The clip that gives the motion.
        result: The clip that should follow it.
        orientation: Whose facing and place the result follows.
        folder: Where poses are kept by content (:class:`kling_ui.vision.analysis.AnalysisCache`), so that a clip is
            watched once; ``None`` keeps none.
        timeout_s: Seconds that watching a part of a clip may take.

    Raises:
        MediaError: One of them cannot be read.
        WorkTimeoutError: Watching one took longer than ``timeout_s``.
        WorkError: Watching one failed for another reason.
    """
    recall = partial(workers.run, _recall, timeout_s=timeout_s)
    recalled = await _together(recall(path, folder) for path in (reference, result))
    known_reference, known_result = (_Known(*one) for one in recalled)
    watch = partial(_watched, workers, folder=folder, timeout_s=timeout_s)
    steps = first_steps(known_reference.facts, known_result.facts) if known_result.track is None else 1
    if steps > 1:
        wanted, first = await _together((watch(reference, known_reference), watch(result, known_result, steps=steps)))
        match = await asyncio.to_thread(_at_first_sight, wanted, first, orientation)
        if match is None and await asyncio.to_thread(_doubt_at_first_sight, wanted, first, orientation) >= DOUBT_MIN:
            mirror = await watch(result, known_result, steps=steps, in_mirror=True)
            match = await asyncio.to_thread(_unclear_at_first_sight, wanted, first, mirror.track, orientation)
        if match is not None:
            return match
        given = await watch(result, known_result)
    else:
        wanted, given = await _together((watch(reference, known_reference), watch(result, known_result)))
    compare_to = partial(motion_match, wanted.track, orientation=orientation, fps=wanted.fps)
    match = replace(await asyncio.to_thread(compare_to, given.track), unread_s=wanted.unread_s)
    if await asyncio.to_thread(points_in_doubt, wanted.track, given.track, orientation) < DOUBT_MIN:
        return match
    in_mirror = await track_in_workers(workers, result, in_mirror=True, timeout_s=timeout_s)
    return await asyncio.to_thread(_looked_at_twice, match, wanted, given.track, in_mirror.track)


async def track_in_workers(
    workers: Workers,
    path: Path,
    *,
    folder: Path | None = None,
    in_mirror: bool = False,
    timeout_s: float | None = None,
) -> TrackedClip:
    """Find the person in as many frames of a clip as the motion match needs, in several workers at once.

    The reference is watched here with fresh eyes, apart from the preview's own reading of it: what the preview took
    wrongly from the reference would else be wrong on both sides, and flatter its score.

    Args:
        workers: Where the clip is watched.
        path: A local clip.
        folder: Where its poses are kept by content, if they are.
        in_mirror: Turn its frames about; such poses are not kept.
        timeout_s: Seconds that a part may take.

    Raises:
        MediaError: It cannot be read.
        WorkTimeoutError: A part took longer than ``timeout_s``.
        WorkError: It failed for another reason.
    """
    folder = None if in_mirror else folder
    known = _Known(*await workers.run(_recall, path, folder, timeout_s=timeout_s))
    return await _watched(workers, path, known, folder=folder, in_mirror=in_mirror, timeout_s=timeout_s)


async def _watched(
    workers: Workers,
    path: Path,
    known: _Known,
    *,
    folder: Path | None,
    steps: int = 1,
    in_mirror: bool = False,
    timeout_s: float | None = None,
) -> TrackedClip:
    """Find the person in one of so many ``steps`` of the moments that the motion match needs, if it is not kept."""
    track, facts = known.track, known.facts
    cache, kept_as = (
        AnalysisCache(folder) if folder and not in_mirror else None,
        _KEPT_AS if steps == 1 else _FIRST_KEPT_AS,
    )
    if track is None and cache is not None and steps > 1:
        track = await asyncio.to_thread(cache.read_track, known.sha256, kept_as)
    if track is None:
        stride = steps * _stride(facts)
        work = partial(workers.run, track_span, path, timeout_s=timeout_s, stride=stride, in_mirror=in_mirror)
        track = _joined(await _together(work(span) for span in spans_of(facts.duration_s)))
        if cache is not None:
            await asyncio.to_thread(cache.write_track, known.sha256, kept_as, track)
    return await asyncio.to_thread(_believed, track, facts.fps)


def first_steps(reference: VideoFacts, result: VideoFacts) -> int:
    """How many of the moments that the motion match needs the first look at a result goes on by; 1 takes them all."""
    is_alike = reference.frame_count == result.frame_count and math.isclose(reference.fps, result.fps, rel_tol=1e-3)
    if not is_alike or result.duration_s < FIRST_LEAST_S:
        return 1
    return max(1, math.floor(result.fps / (FIRST_RATE * _stride(result))))


def _at_first_sight(wanted: TrackedClip, first: TrackedClip, orientation: Orientation) -> MotionMatch | None:
    """The match in the moments of a first look; ``None`` when it takes all moments to tell."""
    reference = _at_the_moments_of(first.track, wanted.track)
    if reference is None or not first.is_as_read:
        return None
    match = _first_match(wanted, reference, first, orientation)
    is_clear = (
        match.score is not None
        and match.score >= FOLLOWS_MIN
        and match.lag is not None
        and abs(match.lag.frames) < IN_STEP_FRAMES
        and not (match.apart or match.missing or match.is_mirrored or match.is_turned_round)
        and points_in_doubt(reference, first.track, orientation) < DOUBT_MIN
    )
    return match if is_clear else None


def _doubt_at_first_sight(wanted: TrackedClip, first: TrackedClip, orientation: Orientation) -> float:
    """As :func:`points_in_doubt`, in the moments of a first look."""
    reference = _at_the_moments_of(first.track, wanted.track)
    return 0.0 if reference is None else points_in_doubt(reference, first.track, orientation)


def _unclear_at_first_sight(
    wanted: TrackedClip, first: TrackedClip, in_mirror: PoseTrack, orientation: Orientation
) -> MotionMatch | None:
    """A match without figures where already two first looks contradict each other by far; else ``None``."""
    reference, alike = _at_the_moments_of(first.track, wanted.track), self_score(first.track, in_mirror)
    if reference is None or alike is None:
        return None
    match = _first_match(wanted, reference, first, orientation)
    lost = 1 - weight_share(reference, agreed(first.track, mirrored(in_mirror)), orientation, against=first.track)
    is_unclear = match.score is not None and lost > CONTRADICTED_SURELY
    return _without_figures(match, alike, lost) if is_unclear else None


def _first_match(
    wanted: TrackedClip, reference: PoseTrack, first: TrackedClip, orientation: Orientation
) -> MotionMatch:
    match = motion_match(reference, first.track, orientation=orientation, fps=wanted.fps)
    whole_s = end_s(wanted.track)  # of both, which have as many frames
    return replace(match, reference_s=whole_s, result_s=whole_s, unread_s=wanted.unread_s)


def _at_the_moments_of(first: PoseTrack, track: PoseTrack) -> PoseTrack | None:
    """A track in the moments of another; ``None`` where it has none."""
    if not (len(first.times_s) and len(track.times_s)):
        return None
    nearest = np.abs(track.times_s[:, None] - first.times_s).argmin(axis=0)
    if np.abs(track.times_s[nearest] - first.times_s).max() > SAME_MOMENT_S:
        return None
    return PoseTrack(track.times_s[nearest], track.landmarks[nearest], track.world_m[nearest], track.aspect)


async def _together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for all; when one fails, the others end, too."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _recall(path: Path, folder: Path | None) -> tuple[VideoFacts, str, PoseTrack | None]:
    """Read a clip's facts, its hash and the poses that are kept of it; run it in a worker."""
    facts = probe_video(path)
    if folder is None:
        return facts, "", None
    sha256 = content_sha256(path)
    return facts, sha256, AnalysisCache(folder).read_track(sha256, _KEPT_AS)


def _looked_at_twice(match: MotionMatch, wanted: TrackedClip, given: PoseTrack, in_mirror: PoseTrack) -> MotionMatch:
    """Count only what both looks at the result see alike; take the figures away when that is too little."""
    alike = self_score(given, in_mirror)
    if alike is None or match.score is None:
        return match
    both = agreed(given, mirrored(in_mirror))
    lost = 1 - weight_share(wanted.track, both, match.orientation, against=given)
    if lost > CONTRADICTED_MAX:
        return _without_figures(match, alike, lost)
    again = motion_match(wanted.track, both, orientation=match.orientation, fps=wanted.fps)
    return replace(match if again.score is None else again, self_score=alike, unread_s=match.unread_s)


def agreed(track: PoseTrack, other: PoseTrack) -> PoseTrack:
    """What two looks at the same frames see alike: the mean of both, and unseen where they are apart.

    Args:
        track: The first look.
        other: The second, turned back if it was one in a mirror.
    """
    points, others = (one.landmarks[..., :2] * (one.aspect, 1.0) for one in (track, other))
    apart = np.linalg.norm(points - others, axis=-1) / np.nanmedian(trunk_length(track.landmarks, track.aspect))
    twice = other.found[:, None, None]
    landmarks = np.where(twice, (track.landmarks + other.landmarks) / 2, track.landmarks)
    trust = np.minimum(track.landmarks[..., 3], np.nan_to_num(other.landmarks[..., 3]))
    landmarks[..., 3] = np.where(apart <= ALIKE_TRUNKS, trust, 0.0)
    landmarks[~track.found] = np.nan
    return replace(track, landmarks=landmarks)


def _without_figures(match: MotionMatch, self_score: float, lost: float) -> MotionMatch:
    reason = Told(
        "the person in the result is too hard to make out. Shown the same frames in a mirror, the "
        "detector gets {self_score:.0f} of 100 against itself, and contradicts itself about {lost_percent:.0f} "
        "% of what counts. Compare the two by eye.",
        self_score=self_score,
        lost_percent=lost * 100,
    )
    blank = MotionMatch(match.orientation, match.reference_s, match.result_s, reason=reason, self_score=self_score)
    return replace(
        blank,
        starts_at_s=match.starts_at_s,
        compared_s=match.compared_s,
        missing=match.missing,
        unread_s=match.unread_s,
    )


def self_score(track: PoseTrack, in_mirror: PoseTrack) -> float | None:
    """Score, 0-100, of a track against the one of the same frames in a mirror; ``None`` when nothing is in both."""
    if not (track.found.any() and in_mirror.found.any()):
        return None
    return compare(limb_track(track), limb_track(mirrored(in_mirror)), Orientation.VIDEO).score()


def load_tracked_clip(path: Path, *, in_mirror: bool = False) -> TrackedClip:
    """Find the person as :func:`track_in_workers` does, here and now.

    Raises:
        MediaError: It cannot be read.
    """
    facts = probe_video(path)
    return _believed(_watch(path, facts, in_mirror=in_mirror), facts.fps)


def _believed(track: PoseTrack, fps: float) -> TrackedClip:
    plausible = plausible_track(track)
    unread = int((track.found & ~plausible.found).sum())
    step_s = float(np.median(np.diff(track.times_s))) if len(track.times_s) > 1 else 0.0
    is_as_read = (
        len(track.times_s) > 0 and bool(plausible.found.all()) and np.array_equal(plausible.landmarks, track.landmarks)
    )
    return TrackedClip(plausible, fps, unread * step_s, is_as_read)


def _watch(path: Path, facts: VideoFacts, *, in_mirror: bool = False) -> PoseTrack:
    """Find the person, believing every reading."""
    stride = _stride(facts)
    return _joined([track_span(path, span, stride=stride, in_mirror=in_mirror) for span in spans_of(facts.duration_s)])


def keep_track(path: Path, folder: Path) -> None:
    """Find the poses that the motion match needs of a clip and keep them by content, here and now.

    Raises:
        MediaError: It cannot be read, or the folder cannot be written to.
    """
    AnalysisCache(folder).write_track(content_sha256(path), _KEPT_AS, _watch(path, probe_video(path)))


def spans_of(duration_s: float) -> list[tuple[float, float | None]]:
    """Divide a clip into the parts that are watched at the same time: start and end in seconds, the last one open."""
    if duration_s < SPAN_LEAST_S * SPANS:
        return [(0.0, None)]
    edges = [duration_s * number / SPANS for number in range(SPANS)]
    return list(zip(edges, [*edges[1:], None], strict=True))


def track_span(
    path: Path, span: tuple[float, float | None] = (0.0, None), *, stride: int = 1, in_mirror: bool = False
) -> PoseTrack:
    """Find the person in every ``stride``-th frame of a part of a clip, in one pass; run it in a worker.

    Frames whose readings are not believed are looked at again.

    Raises:
        MediaError: It cannot be read.
    """
    frames = read_frames(
        path,
        container=sniff_video(path),
        long_side_px=TRACK_LONG_SIDE_PX,
        start_s=span[0],
        end_s=span[1],
        every=stride,
    )
    track = track_of(find_poses(_turned(frames) if in_mirror else frames))
    return mended_track(track, path, in_mirror=in_mirror)


def _joined(parts: Sequence[PoseTrack]) -> PoseTrack:
    return PoseTrack(
        np.concatenate([part.times_s for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.world_m for part in parts]),
        parts[0].aspect,
    )


def _stride(facts: VideoFacts) -> int:
    return stride_for(facts.frame_count, facts.fps)


def stride_for(frame_count: int, fps: float) -> int:
    """How many frames to go on by: 12 frames a second or more of a short clip, down to 8 for a long one."""
    wanted = max(math.ceil(frame_count / FRAMES_MAX), math.floor(fps / RATE_ENOUGH))
    return max(1, min(wanted, math.floor(fps / RATE_LEAST)))


def _turned(frames: Iterator[Frame]) -> Iterator[Frame]:
    return (replace(frame, rgb=np.ascontiguousarray(frame.rgb[:, ::-1])) for frame in frames)
