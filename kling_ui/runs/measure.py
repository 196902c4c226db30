"""Looking at what came back, in a worker process and bounded in time."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.choice import Orientation
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.runs.folders import sha256_of
from kling_ui.runs.record import ResultFacts
from kling_ui.workers import Workers

PROBE_LIMIT_S = 60.0
MOTION_LIMIT_S = 180.0  # two pose passes over at most 30 s of video, on a busy machine

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

    async def motion(
        self, reference: Path, result: Path, orientation: Orientation = Orientation.VIDEO
    ) -> Mapping[str, Any] | None:
        """Measure how well ``result`` follows ``reference``.

        Returns:
            The measures with ``score``, 0-100 or ``None``, or ``None`` where they could not be taken.
        """
        from kling_ui.score.clips import match_clips  # noqa: PLC0415  loads numpy, only where used

        limit_s = MOTION_LIMIT_S
        try:
            match = await match_clips(self._workers, reference, result, orientation=orientation, timeout_s=limit_s)
            return match.to_json()
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
