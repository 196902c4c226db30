"""What checks say: findings of single rules, each with its evidence, and the report that sums them up."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kling_ui.checks.usability import OrientationAdvice, Timeline

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
    "video.size-changes",
    "video.hdr",
    "video.interlaced",
    "image.format",
    "image.profile",
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
__all__ = ["Curve", "Evidence", "Finding", "Report", "Section", "Severity", "Verdict", "in_order"]


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


class Verdict(StrEnum):
    """What a report comes to."""

    PASS = "pass"  # noqa: S105  not a password
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Section:
    """The findings about one input, what matters most first.

    Attributes:
        facts: What was measured, in plain JSON types; ``None`` when this input was not given.
        findings: The broken rules.
    """

    facts: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return {"facts": self.facts, "findings": [finding.to_json() for finding in self.findings]}


@dataclass(frozen=True, slots=True)
class Report:
    """The findings about an image, a clip and the pair of them.

    Attributes:
        image: About the character image.
        video: About the reference video.
        pair: About both together and the prompt.
        complete: Both inputs are there and were looked at; ``False`` while facts alone are known.
        forecast: What of the clip is likely to come back, once it was looked at.
        advice: Which orientation suits the clip, once it was looked at.
    """

    image: Section = Section()
    video: Section = Section()
    pair: Section = Section()
    complete: bool = True
    forecast: Timeline | None = None
    advice: OrientationAdvice | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, what matters most first."""
        return in_order((*self.image.findings, *self.video.findings, *self.pair.findings))

    @property
    def verdict(self) -> Verdict:
        """``block`` when a run would fail, ``warn`` when it may disappoint, else ``pass``."""
        severities = {finding.severity for finding in self.findings}
        if Severity.BLOCK in severities:
            return Verdict.BLOCK
        return Verdict.WARN if Severity.WARN in severities else Verdict.PASS

    @property
    def headline(self) -> str:
        """The report in one sentence."""
        worst = [finding for finding in self.findings if finding.severity == self.verdict]
        if self.verdict == Verdict.BLOCK:
            return f"Would fail: {_first_of(worst)}"
        if self.verdict == Verdict.WARN:
            return f"Will run, but {_first_of(worst)}" if self.complete else f"So far: {_first_of(worst)}"
        return "Ready." if self.complete else "Nothing wrong so far."

    def accepting(self, rules: Collection[str]) -> "Report":
        """Take back the blocks of ``rules`` that a person may override: they become warnings."""
        return replace(
            self,
            image=_accepting(self.image, rules),
            video=_accepting(self.video, rules),
            pair=_accepting(self.pair, rules),
        )

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types, as ``kling-ui check --json`` prints it."""
        return {
            "verdict": self.verdict.value,
            "headline": self.headline,
            "complete": self.complete,
            "image": self.image.to_json(),
            "video": self.video.to_json(),
            "pair": self.pair.to_json(),
            "forecast": self.forecast.to_json() if self.forecast else None,
            "advice": self.advice.to_json() if self.advice else None,
        }


def _first_of(findings: list[Finding]) -> str:
    first = findings[0].message
    sentence = first[0].lower() + first[1:] if first.startswith(("The ", "A ", "No ")) else first
    more = len(findings) - 1
    return f"{sentence.rstrip('.')}, and {more} more." if more else sentence


def _accepting(section: Section, rules: Collection[str]) -> Section:
    findings = [
        replace(finding, severity=Severity.WARN)
        if finding.override and finding.severity == Severity.BLOCK and finding.rule in rules
        else finding
        for finding in section.findings
    ]
    return replace(section, findings=in_order(findings))
