"""The motion match of two files."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kling_ui.media.probe import probe_video, sniff_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.options import Orientation
from kling_ui.score.limbs import compare, limb_track, mirrored
from kling_ui.score.match import SURE_VISIBILITY, MotionMatch
from kling_ui.score.motion import motion_match
from kling_ui.vision.pose import (
    TRACK_LONG_SIDE_PX,
    PoseTrack,
    find_poses,
    track_of,
)
from kling_ui.workers import Workers

FRAMES_MAX = 150  # looked at, so that a long clip takes little longer than a short one
RATE_ENOUGH = 12.0  # frames a second that tell the same as all (15 of 30 moved a talker's score by 0.1)
# A detector that contradicts itself more than this measures its own noise. On 12 previews of four characters it scored
# 80-99 where its poses lay on the limbs, and 41-53 where they did not (79 once, in between).
SELF_SCORE_MIN = 70.0
RATE_LEAST = 8.0  # frames a second that are looked at in any case; beyond, the detector loses the person between them


@dataclass(frozen=True, slots=True)
class TrackedClip:
    """What the person in a clip does.

    Attributes:
        track: Poses of the frames looked at.
        fps: Frames a second of the clip itself.
    """

    track: PoseTrack
    fps: float


async def match_clips(
    workers: Workers,
    reference: Path,
    result: Path,
    *,
    orientation: Orientation = Orientation.VIDEO,
    timeout_s: float | None = None,
) -> MotionMatch:
    """Watch both clips, each in a worker of its own, and compare their motion.

    Where the detector was not sure of the person in the result, it is shown the same frames in a mirror. There is no
    score when it then contradicts itself: a low one would blame the result for what the detector cannot see.

    Raises:
        MediaError: One of them cannot be read.
        WorkTimeoutError: Watching one took longer than ``timeout_s``.
        WorkError: Watching one failed for another reason.
    """
    watching = [
        asyncio.ensure_future(workers.run(load_tracked_clip, path, timeout_s=timeout_s)) for path in (reference, result)
    ]
    try:
        wanted, given = await asyncio.gather(*watching)
    finally:
        for task in watching:
            task.cancel()
    match = await asyncio.to_thread(motion_match, wanted.track, given.track, orientation=orientation, fps=wanted.fps)
    if match.score is None or match.visibility is None or match.visibility >= SURE_VISIBILITY:
        return match
    again = await workers.run(load_mirrored_clip, result, timeout_s=timeout_s)
    return doubted(match, self_score(given.track, again.track))


def doubted(match: MotionMatch, self_score: float | None) -> MotionMatch:
    """Add how far the detector agrees with itself; take the figures away when that is too little."""
    if self_score is None or self_score >= SELF_SCORE_MIN:
        return replace(match, self_score=self_score)
    reason = (
        "the person in the result is too hard to make out. Shown the same frames in a mirror, the detector gets "
        f"{self_score:.0f} of 100 against itself. Compare the two by eye."
    )
    blank = MotionMatch(match.orientation, match.reference_s, match.result_s, reason=reason, self_score=self_score)
    return replace(blank, starts_at_s=match.starts_at_s, compared_s=match.compared_s, missing=match.missing)


def self_score(track: PoseTrack, in_mirror: PoseTrack) -> float | None:
    """Score, 0-100, of a track against the one of the same frames in a mirror; ``None`` when nothing is in both."""
    if not (track.found.any() and in_mirror.found.any()):
        return None
    return compare(limb_track(track), limb_track(mirrored(in_mirror)), Orientation.VIDEO).score()


def load_tracked_clip(path: Path) -> TrackedClip:
    """Find the person in as many frames of a clip as the motion match needs; run it in a worker.

    Raises:
        MediaError: It cannot be read.
    """
    facts = probe_video(path)
    return TrackedClip(track_clip(path, stride=stride_for(facts.frame_count, facts.fps)), facts.fps)


def load_mirrored_clip(path: Path) -> TrackedClip:
    """Find the person in the same frames as :func:`load_tracked_clip`, seen in a mirror; run it in a worker.

    Raises:
        MediaError: It cannot be read.
    """
    facts = probe_video(path)
    stride = stride_for(facts.frame_count, facts.fps)
    return TrackedClip(track_clip(path, stride=stride, in_mirror=True), facts.fps)


def track_clip(path: Path, *, stride: int = 1, in_mirror: bool = False) -> PoseTrack:
    """Find the person in every ``stride``-th frame of a clip, in one pass.

    Raises:
        MediaError: It cannot be read.
    """
    frames = read_frames(path, container=sniff_video(path), long_side_px=TRACK_LONG_SIDE_PX, every=stride)
    return track_of(find_poses(_turned(frames) if in_mirror else frames))


def stride_for(frame_count: int, fps: float) -> int:
    """How many frames to go on by: 12 looks a second or more for a short clip, down to 8 for a long one."""
    wanted = max(math.ceil(frame_count / FRAMES_MAX), math.floor(fps / RATE_ENOUGH))
    return max(1, min(wanted, math.floor(fps / RATE_LEAST)))


def _turned(frames: Iterator[Frame]) -> Iterator[Frame]:
    return (replace(frame, rgb=np.ascontiguousarray(frame.rgb[:, ::-1])) for frame in frames)
