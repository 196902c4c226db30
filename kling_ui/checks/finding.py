"""What a check says about one rule, and what shows it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

# Within one severity: what spoils the whole run first, what costs quality next, what is a formality last.
IMPORTANCE = (
    "prompt.required",
    "prompt.characters",
    "video.usable",
    "image.character",
    "image.coverage",
    "video.person",
    "pair.framing",
    "image.body",
    "video.cuts",
    "video.camera",
    "video.people",
    "video.speed",
    "image.posture",
    "image.occlusion",
    "image.people",
    "pair.room",
    "video.first_frame",
    "video.duration",
    "video.format",
    "video.codec",
    "image.format",
    "video.side",
    "image.side",
    "image.aspect",
    "video.size",
    "image.size",
    "image.large",
    "pair.aspect",
    "video.sound",
    "prompt.length",
)


class Severity(StrEnum):
    """How much a finding matters; the order of the members is the order in which findings are shown."""

    BLOCK = "block"
    WARN = "warn"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Curve:
    """Something measured over time.

    Attributes:
        name: What it is, in a few words with its unit.
        times_s: Seconds from the clip's start, rising.
        values: One for each time.
        limit: Where the rule begins to be broken.
    """

    name: str
    times_s: tuple[float, ...]
    values: tuple[float, ...]
    limit: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows a finding, besides words.

    Attributes:
        picture: A JPEG.
        spans: Parts of the clip, ``(start_s, end_s)``; equal ends are a moment.
        boxes: Parts of the picture, ``(left, top, right, bottom)`` as fractions; they may reach beyond it.
        curve: Something measured over time.
    """

    picture: Path | None = None
    spans: tuple[tuple[float, float], ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    curve: Curve | None = None

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return {
            "picture": str(self.picture) if self.picture else None,
            "spans": [[round(time_s, 3) for time_s in span] for span in self.spans],
            "boxes": [[round(side, 4) for side in box] for box in self.boxes],
            "curve": asdict(self.curve) if self.curve else None,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule.

    Attributes:
        rule: Its id, such as ``image.coverage``.
        severity: How much it matters.
        measured: What was measured, in the unit that ``message`` names.
        message: One sentence that says what is wrong, starting with "The", numbers with units.
        advice: One sentence that says what to do.
        source: Who says so.
        repair: Id of a repair that can be applied now, or ``None``.
        override: A person who has checked may go on in spite of a block: the detector can be wrong, the rule is about
            content. Never for a documented hard limit of the file.
        evidence: What shows it, where there is more to show than the words say.
    """

    rule: str
    severity: Severity
    measured: float | int | str | None
    message: str
    advice: str
    source: str
    repair: str | None = None
    override: bool = False
    evidence: Evidence | None = None

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        plain = asdict(replace(self, evidence=None))
        return plain | {
            "severity": self.severity.value,
            "source": str(self.source),
            "evidence": self.evidence.to_json() if self.evidence else None,
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by what matters: severity, hard limits before what may be overridden, then :data:`IMPORTANCE`."""
    severities = {severity: place for place, severity in enumerate(Severity)}
    rules = {rule: place for place, rule in enumerate(IMPORTANCE)}

    def rank(finding: Finding) -> tuple[int, bool, int]:
        return severities[finding.severity], finding.override, rules.get(finding.rule, len(rules))

    return tuple(sorted(findings, key=rank))
