"""What checks say, summed up."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kling_ui.checks.adviser import Advice
from kling_ui.checks.finding import Curve, Evidence, Finding, Severity, in_order
from kling_ui.checks.timeline import Timeline

__all__ = ["Curve", "Evidence", "Finding", "Report", "Section", "Severity", "Verdict", "in_order"]


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
    advice: Advice | None = None

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
