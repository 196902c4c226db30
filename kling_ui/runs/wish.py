"""What somebody wants: two files, a choice, and how the same wish is known again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kling_ui.choice import Choice, Resolution
from kling_ui.runs.record import EngineName, RunRecord


@dataclass(frozen=True, kw_only=True)
class RunInputs:
    """What a run is made of.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound, resolution.
        image_url: A public address of exactly this image, if its visitor gave one.
        video_url: A public address of exactly this video, if its visitor gave one.
        findings: What the checks said, as JSON.
        duration_s: Length of the video in seconds, if known; else it is taken from the findings, or measured.
    """

    image: Path
    video: Path
    choice: Choice
    image_url: str | None = field(default=None, repr=False)
    video_url: str | None = field(default=None, repr=False)
    findings: Mapping[str, Any] | None = None
    duration_s: float | None = None

    @property
    def known_duration_s(self) -> float | None:
        """Length of the video, as far as it was looked at."""
        if self.duration_s is not None:
            return self.duration_s
        try:
            found = (self.findings or {})["video"]["facts"]["duration_s"]
        except (KeyError, TypeError):
            return None
        return float(found) if isinstance(found, int | float) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What came of the wish to run something.

    Attributes:
        run_id: The run that stands for it.
        is_new: It was set out just now; else it was there already.
        words: What to say about one that was there already.
    """

    run_id: str
    is_new: bool
    words: str = ""


def fingerprint(visitor: str, engine: EngineName, image_sha256: str, reference_sha256: str, choice: Choice) -> str:
    """Return what is equal for the same wish of the same visitor, and for nothing else."""
    told = asdict(choice)
    if engine is not EngineName.PREVIEW or choice.resolution is Resolution.P720:
        del told["resolution"]  # only previews have one, and wishes written down before there was one stay the same
    wish = [visitor, engine, image_sha256, reference_sha256, told]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()


def recovered_fingerprint(visitor: str, request_id: str) -> str:
    """Return what stands for the wish of a run that was recovered without its inputs."""
    return hashlib.sha256(f"recovered {visitor} {request_id}".encode()).hexdigest()


def fingerprint_for(visitor: str, record: RunRecord) -> str:
    """Return the fingerprint that a run has once it is this visitor's."""
    if not record.has_inputs:
        return recovered_fingerprint(visitor, record.request_id or "")
    return fingerprint(visitor, record.engine, record.image_sha256, record.reference_sha256, record.choice)
