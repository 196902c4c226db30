"""Looking at what came back, in a worker process and bounded in time."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.runs.folders import sha256_of
from kling_ui.runs.record import ResultFacts
from kling_ui.workers import Workers

if TYPE_CHECKING:
    from kling_ui.media.person import PoseTrack
    from kling_ui.media.video import Frame

PROBE_LIMIT_S = 60.0
MOTION_LIMIT_S = 180.0  # two pose passes over at most 30 s of video, on a busy machine
TRACK_FPS = 8  # a first figure needs no more, and all frames of a 24 fps clip would take three times as long

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one look at a video found.

    Attributes:
        sha256: Its content.
        facts: Its measures, if they could be taken.
        damage: Why it cannot be played; empty when nothing speaks against it.
    """

    sha256: str
    facts: ResultFacts | None
    damage: str = ""


class Measurer:
    """Measures results.

    Args:
        workers: Where the looking happens.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def facts(self, video: Path) -> Measured:
        """Measure a video file; one that cannot be measured for a reason of this machine is not called damaged."""
        sha256 = await asyncio.to_thread(sha256_of, video)
        try:
            return Measured(sha256, await self._workers.run(facts_of, video, timeout_s=PROBE_LIMIT_S))
        except MediaError as error:
            return Measured(sha256, None, damage=error.reason)
        except KlingUIError as error:
            log.warning("A result could not be measured: %s", error)
            return Measured(sha256, None)

    async def motion(self, reference: Path, result: Path) -> Mapping[str, Any] | None:
        """Measure how well ``result`` follows ``reference``.

        Returns:
            The measures with ``score``, 0-100, or ``None`` where they could not be taken.
        """
        try:
            return await self._workers.run(motion_of, reference, result, timeout_s=MOTION_LIMIT_S)
        except KlingUIError as error:
            log.info("The motion of a result could not be measured: %s", error)
        except Exception:
            log.exception("The motion of a result could not be measured.")
        return None


def facts_of(video: Path) -> ResultFacts:
    """Probe a video; runs in a worker.

    Raises:
        MediaError: It cannot be played.
    """
    from kling_ui.media.probe import probe_video  # noqa: PLC0415  loads codecs, in the worker only

    facts = probe_video(video)
    return ResultFacts(
        duration_s=facts.duration_s,
        fps=facts.fps,
        frame_count=facts.frame_count,
        width_px=facts.width_px,
        height_px=facts.height_px,
        has_audio=facts.has_audio,
        size_bytes=facts.size_bytes,
    )


def motion_of(reference: Path, result: Path) -> Mapping[str, Any]:
    """Compare the motion of two videos; runs in a worker.

    Raises:
        MediaError: One of them cannot be read.
    """
    from kling_ui.score.motion import motion_match  # noqa: PLC0415  loads pose detection, in the worker only

    return asdict(motion_match(_track(reference), _track(result)))


def _track(video: Path) -> "PoseTrack":
    from kling_ui.media.person import TRACK_LONG_SIDE_PX, find_poses, track_of  # noqa: PLC0415
    from kling_ui.media.signatures import sniff_video  # noqa: PLC0415
    from kling_ui.media.video import read_frames  # noqa: PLC0415

    frames = read_frames(video, container=sniff_video(video), long_side_px=TRACK_LONG_SIDE_PX)
    return track_of(find_poses(_thinned(frames)))


def _thinned(frames: "Iterable[Frame]") -> "Iterator[Frame]":
    next_s = 0.0
    for frame in frames:
        if frame.time_s >= next_s - 1e-6:
            next_s += 1 / TRACK_FPS
            yield frame
