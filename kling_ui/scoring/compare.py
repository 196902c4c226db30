"""The motion match of two files."""

import asyncio
import math
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kling_ui.media.files import content_sha256
from kling_ui.media.probe import VideoFacts, probe_video, sniff_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.options import Orientation
from kling_ui.scoring.limbs import compare, limb_track, mirrored
from kling_ui.scoring.match import MotionMatch
from kling_ui.scoring.motion import motion_match, points_in_doubt, weight_share
from kling_ui.vision.analysis import AnalysisCache
from kling_ui.vision.plausibility import plausible_track
from kling_ui.vision.pose import TRACK_LONG_SIDE_PX, PoseTrack, find_poses, track_of, trunk_length
from kling_ui.workers import Workers

FRAMES_MAX = 150  # watched, so that a long clip takes little longer than a short one
RATE_ENOUGH = 12.0  # frames a second that tell the same as all (15 of 30 moved a talker's score by 0.1)
# Points of 100 that are lost in moments in which a limb points elsewhere, from which on the result is looked at again.
# 92 previews (``benchmarks/score_error.py``): without a second look eight were off by more than 5 points, all of
# them above this; of the rest a tenth is.
DOUBT_MIN = 0.8
# Two looks see a joint alike when they place it this near to each other, in trunk lengths: a forearm then turns by 12
# degrees. Of the same 92, those whose looks agreed on more than this share were off by 4.9 points at most.
ALIKE_TRUNKS, CONTRADICTED_MAX = 0.1, 0.08
# The parts of a clip that are watched at the same time: always as many, so that no score depends on the machine.
SPANS = 2
SPAN_LEAST_S = 1.0
RATE_LEAST = 8.0  # frames a second that are watched in any case; beyond, the detector loses the person between them
_KEPT_AS = "motion.npz"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrackedClip:
    """What the person in a clip does.

    Attributes:
        track: Poses of the frames that were watched, as far as they are believed.
        fps: Frames a second of the clip itself.
        unread_s: Time in which somebody was found whose reading is not believed.
    """

    track: PoseTrack
    fps: float
    unread_s: float = 0.0


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
    track = partial(track_in_workers, workers, timeout_s=timeout_s)
    wanted, given = await _together(track(path, folder=folder) for path in (reference, result))
    compare_to = partial(motion_match, wanted.track, orientation=orientation, fps=wanted.fps)
    match = replace(await asyncio.to_thread(compare_to, given.track), unread_s=wanted.unread_s)
    if await asyncio.to_thread(points_in_doubt, wanted.track, given.track, orientation) < DOUBT_MIN:
        return match
    in_mirror = await track(result, in_mirror=True)
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
    facts, sha256, track = await workers.run(_recall, path, None if in_mirror else folder, timeout_s=timeout_s)
    if track is None:
        work = partial(workers.run, track_span, path, timeout_s=timeout_s, stride=_stride(facts), in_mirror=in_mirror)
        track = _joined(await _together(work(span) for span in spans_of(facts.duration_s)))
        if folder is not None and not in_mirror:
            await asyncio.to_thread(AnalysisCache(folder).write_track, sha256, _KEPT_AS, track)
    return await asyncio.to_thread(_believed, track, facts.fps)


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
    reason = (
        f"the person in the result is too hard to make out. Shown the same frames in a mirror, the detector gets "
        f"{self_score:.0f} of 100 against itself, and contradicts itself about {lost * 100:.0f} % of what counts. "
        "Compare the two by eye."
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
    return TrackedClip(plausible, fps, unread * step_s)


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
    return track_of(find_poses(_turned(frames) if in_mirror else frames))


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
