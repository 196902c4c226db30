"""What the checks say, as the page shows it: one sentence, whether the button may be pressed, and the list."""

from dataclasses import dataclass
from typing import Any

from kling_ui.checks.report import Finding, Report, Severity, Verdict

WORDS = {Severity.BLOCK: "Stops the run", Severity.WARN: "May disappoint", Severity.HINT: "Worth knowing"}
TONES = {Verdict.BLOCK: "block", Verdict.WARN: "warn", Verdict.PASS: "ok"}


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What stands around the button.

    Attributes:
        text: One sentence.
        tone: ``ok``, ``warn``, ``block``, ``busy`` or ``empty``.
        findings: The rows of the list, what matters most first.
        offers_override: What blocks may be overridden by a person who has checked, so the checkbox is shown.
    """

    text: str
    tone: str
    findings: tuple[dict[str, Any], ...] = ()
    offers_override: bool = False

    @property
    def may_run(self) -> bool:
        """The button can be pressed."""
        return self.tone in {"ok", "warn"}


def verdict_view(report: Report, *, accepted: bool) -> VerdictView:
    """Judge a complete report as a person who has, or has not, checked what a detector may get wrong.

    Args:
        report: What the checks said.
        accepted: The person has checked and wants to run anyway.
    """
    doubtful = [finding for finding in report.findings if finding.override and finding.severity == Severity.BLOCK]
    if accepted:
        report = report.accepting({finding.rule for finding in doubtful})
    return VerdictView(
        text=report.headline,
        tone=TONES[report.verdict],
        findings=tuple(_row(about, finding) for about, finding in _in_order(report)),
        offers_override=bool(doubtful),
    )


def _in_order(report: Report) -> list[tuple[str, Finding]]:
    about = {id(finding): "about the picture" for finding in report.image.findings}
    about |= {id(finding): "about the clip" for finding in report.video.findings}
    return [(about.get(id(finding), ""), finding) for finding in report.findings]


def _row(about: str, finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "word": WORDS[finding.severity],
        "about": about,
        "message": finding.message,
        "advice": finding.advice,
        "source": finding.source,
    }
