"""What the checks say, as the page shows it: one sentence, whether the button may be pressed, and the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kling_ui.checks.repairs import Repair, repair_all
from kling_ui.checks.report import Finding, Report, Severity, Verdict
from kling_ui.ui.views.evidence import evidence_value
from kling_ui.ui.web.files import Locker

WORDS = {Severity.BLOCK: "Stops the run", Severity.WARN: "May disappoint", Severity.HINT: "Worth knowing"}
TONES = {Verdict.BLOCK: "block", Verdict.WARN: "warn", Verdict.PASS: "ok"}


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What stands around the button.

    Attributes:
        text: One sentence.
        tone: ``ok``, ``warn``, ``block``, ``busy`` or ``empty``.
        findings: The rows of the list, what matters most first.
        repair_all: The repairs that mend all that can be mended without a choice; empty when one button does it.
        offers_override: What blocks may be overridden by a person who has checked, so the checkbox is shown.
    """

    text: str
    tone: str
    findings: tuple[dict[str, Any], ...] = ()
    repair_all: tuple[str, ...] = ()
    offers_override: bool = False

    @property
    def may_run(self) -> bool:
        """The button can be pressed."""
        return self.tone in {"ok", "warn"}

    @property
    def summary(self) -> str:
        """The verdict above the list, in numbers; the sentence beside the button names what matters most."""
        stop, may = (sum(row["severity"] == severity for row in self.findings) for severity in ("block", "warn"))
        if stop:
            rest = f", {may} may disappoint" if may else ""
            return f"Would fail: {stop} finding{'s' if stop > 1 else ''} stop{'' if stop > 1 else 's'} the run{rest}."
        return f"Will run, but {may} finding{'s' if may > 1 else ''} may disappoint." if may else "Ready."

    @property
    def more_words(self) -> str:
        """What the link to the list says."""
        if not self.findings:
            return ""
        return "See and repair" if any(row["repairs"] for row in self.findings) else "Details"


def verdict_view(
    report: Report, *, accepted: bool, repairs: Sequence[Repair] = (), locker: Locker | None = None
) -> VerdictView:
    """Judge a complete report as a person who has, or has not, checked what a detector may get wrong.

    Args:
        report: What the checks said.
        accepted: The person has checked and wants to run anyway.
        repairs: What can be mended.
        locker: Makes the addresses of evidence; without one, none is shown.
    """
    doubtful = [finding for finding in report.findings if finding.override and finding.severity == Severity.BLOCK]
    if accepted:
        report = report.accepting({finding.rule for finding in doubtful})
    return VerdictView(
        text=report.headline,
        tone=TONES[report.verdict],
        findings=tuple(_row(about, finding, repairs, locker) for about, finding in _in_order(report)),
        repair_all=_all_kinds(repairs),
        offers_override=bool(doubtful),
    )


def repair_row(repair: Repair) -> dict[str, Any]:
    """Show a repair as a button."""
    return {"repair": repair.kind.value, "label": repair.label, "effect": repair.effect}


def _all_kinds(repairs: Sequence[Repair]) -> tuple[str, ...]:
    chosen = repair_all(repairs)
    kinds = tuple(repair.kind.value for repair in repairs if repair.kind in chosen)
    return kinds if len(kinds) > 1 else ()


def _in_order(report: Report) -> list[tuple[str, Finding]]:
    about = {id(finding): "about the picture" for finding in report.image.findings}
    about |= {id(finding): "about the clip" for finding in report.video.findings}
    return [(about.get(id(finding), ""), finding) for finding in report.findings]


def _row(about: str, finding: Finding, repairs: Sequence[Repair], locker: Locker | None) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "word": WORDS[finding.severity],
        "about": about,
        "message": finding.message,
        "advice": finding.advice,
        "source": finding.source,
        "repairs": [repair_row(repair) for repair in repairs if finding.rule in repair.rules],
        "evidence": evidence_value(locker, finding) if locker else None,
    }
