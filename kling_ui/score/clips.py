"""The motion match of two files."""

import asyncio
import math
from dataclasses import dataclass
from pathlib import Path

from kling_ui.choice import Orientation
from kling_ui.media.probe import probe_video, sniff_video
from kling_ui.media.video import read_frames
from kling_ui.score.match import MotionMatch
from kling_ui.score.motion import motion_match
from kling_ui.vision.person import TRACK_LONG_SIDE_PX, PoseTrack, find_poses, track_of
from kling_ui.workers import Workers

FRAMES_MAX = 150  # looked at, so that a long clip takes little longer than a short one
RATE_ENOUGH = 12.0  # frames a second that tell the same as all (15 of 30 moved a talker's score by 0.1)
RATE_LEAST = 8.0  # frames a second that are looked at in any case; beyond, the detector loses the person between them


@dataclass(frozen=True, slots=True)
class WatchedClip:
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

    Raises:
        MediaError: One of them cannot be read.
        WorkTimeoutError: Watching one took longer than ``timeout_s``.
        WorkError: Watching one failed for another reason.
    """
    watching = [
        asyncio.ensure_future(workers.run(watch_clip, path, timeout_s=timeout_s)) for path in (reference, result)
    ]
    try:
        wanted, given = await asyncio.gather(*watching)
    finally:
        for task in watching:
            task.cancel()
    return await asyncio.to_thread(motion_match, wanted.track, given.track, orientation=orientation, fps=wanted.fps)


def watch_clip(path: Path) -> WatchedClip:
    """Find the person in as many frames of a clip as the motion match needs; run it in a worker.

    Raises:
        MediaError: It cannot be read.
    """
    facts = probe_video(path)
    return WatchedClip(track_clip(path, stride=stride_for(facts.frame_count, facts.fps)), facts.fps)


def track_clip(path: Path, *, stride: int = 1) -> PoseTrack:
    """Find the person in every ``stride``-th frame of a clip, in one pass.

    Raises:
        MediaError: It cannot be read.
    """
    frames = read_frames(path, container=sniff_video(path), long_side_px=TRACK_LONG_SIDE_PX, every=stride)
    return track_of(find_poses(frames))


def stride_for(frame_count: int, fps: float) -> int:
    """How many frames to go on by: 12 looks a second or more for a short clip, down to 8 for a long one."""
    wanted = max(math.ceil(frame_count / FRAMES_MAX), math.floor(fps / RATE_ENOUGH))
    return max(1, min(wanted, math.floor(fps / RATE_LEAST)))
