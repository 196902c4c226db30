"""The values that show the verdict beside the button: findings with their evidence, repairs, advice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from kling_ui.checks.repair_plan import Repair, repair_all
from kling_ui.checks.report import Evidence, Finding, Report, Severity, Verdict
from kling_ui.checks.usability import advise_orientation, forecast
from kling_ui.errors import KlingUIError
from kling_ui.languages import joined, retell, retell_stored, say, say_all, told
from kling_ui.options import InputKind, Orientation
from kling_ui.presentation import findings as words
from kling_ui.presentation.runs import in_words
from kling_ui.presentation.wording import ORIENTATIONS, SEVERITIES
from kling_ui.runs.engines import judged_for
from kling_ui.runs.record import EngineName
from kling_ui.ui.input_session import RepairOrder, RepairOutcome, RepairProgress
from kling_ui.ui.views.input_slot import curve_value, span_words
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.analysis import VideoAnalysis

_SPANS_MAX = 6  # more tell no more; the timeline shows them all
TONES = {Verdict.BLOCK: "block", Verdict.WARN: "warn", Verdict.PASS: "ok"}
STOPPED: dict[str, Any] = {"state": "stopped", "words": told("Stopped. Nothing was changed.")}


def evidence_value(signed_files: SignedFiles, finding: Finding) -> dict[str, Any] | None:
    """Show a finding's evidence; ``None`` when its words are all there is.

    Args:
        signed_files: Makes the addresses of pictures.
        finding: The broken rule.
    """
    evidence = finding.evidence
    if evidence is None or not (evidence.picture or evidence.spans or evidence.curve):
        return None
    return {
        "picture": _url(signed_files, evidence),
        "alt": words.picture_alt(finding.rule),
        "boxes": [list(box) for box in evidence.boxes] if _is_of_picture(finding.rule) else [],
        "spans": [
            {"start_s": start_s, "end_s": end_s, "words": span_words(start_s, end_s)}
            for start_s, end_s in evidence.spans[:_SPANS_MAX]
        ],
        "curve": curve_value(evidence.curve) if evidence.curve and evidence.curve.values else None,
    }


def _url(signed_files: SignedFiles, evidence: Evidence) -> str:
    return signed_files.url(evidence.picture) if evidence.picture and evidence.picture.is_file() else ""


def _is_of_picture(rule: str) -> bool:
    """Boxes are shares of the character image; in pictures of a clip they are drawn already."""
    return not rule.startswith("video.")


def advice_value(analysis: object, chosen: Orientation) -> dict[str, Any]:
    """Show the advice for a clip that was looked at; nothing before that.

    Args:
        analysis: What is known of the clip.
        chosen: The orientation as it is chosen now.
    """
    if not isinstance(analysis, VideoAnalysis):
        return {}
    advice = advise_orientation(analysis, forecast(analysis))
    name = retell(ORIENTATIONS[advice.orientation])
    lead = (
        (say("“{name}” suits this clip.", name=name),) if advice.is_clear else ()
    )  # else the reason says that both work
    return {
        "words": say_all(*lead, *words.advice_reasons(advice)),
        "use": "" if advice.orientation is chosen else advice.orientation.value,
        "use_words": say("Use “{name}”", name=name),
        "is_clear": advice.is_clear and advice.orientation is not chosen,
    }


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What stands around the button.

    Attributes:
        text: One sentence.
        tone: ``ok``, ``warn``, ``block``, ``busy`` or ``empty``.
        findings: The rows of the list, what matters most first.
        repair_all: The repairs that mend all that can be mended without a choice; empty when one button does it.
        offers_override: What blocks may be overridden by a person who has checked, so the checkbox is shown.
        will_run: How it is said that nothing stops the run.
        stop: Why the preview cannot be drawn, in a few words for the button.
    """

    text: str
    tone: str
    findings: tuple[dict[str, Any], ...] = ()
    repair_all: tuple[str, ...] = ()
    offers_override: bool = False
    will_run: str = told("Will run")
    stop: str = ""

    @property
    def may_run(self) -> bool:
        """The button can be pressed."""
        return self.tone in {"ok", "warn"}

    @property
    def summary(self) -> str:
        """The verdict above the list, in numbers; the sentence beside the button names what matters most."""
        stop, may = (sum(row["severity"] == severity for row in self.findings) for severity in ("block", "warn"))
        return words.verdict_summary(stop, may, will_run=self.will_run)

    @property
    def more_words(self) -> str:
        """What the link to the list says."""
        if not self.findings:
            return ""
        return say("See and repair") if any(row["repairs"] for row in self.findings) else say("Details")


def verdict_view(
    report: Report,
    *,
    accepted: bool,
    engine: EngineName = EngineName.KLING,
    repairs: Sequence[Repair] = (),
    signed_files: SignedFiles | None = None,
) -> VerdictView:
    """Judge a complete report as a person who has, or has not, checked what a detector may get wrong.

    Args:
        report: What the checks said.
        accepted: The person has checked and wants to run anyway.
        engine: Where the run would go.
        repairs: What can be mended.
        signed_files: Makes the addresses of evidence; without one, none is shown.
    """
    judged = judged_for(engine, report)
    would_fail = say("Would fail") if judged.verdict is report.verdict else say("The preview would fail")
    will_run = say("Will run") if judged.findings == report.findings else say("The preview tries it")
    doubtful = [finding for finding in judged.findings if finding.override and finding.severity == Severity.BLOCK]
    if accepted:
        judged = judged.accepting({finding.rule for finding in doubtful})
    stops = (words.stop(finding) for finding in judged.findings if finding.severity is Severity.BLOCK)
    return VerdictView(
        text=words.headline(judged, would_fail=would_fail, will_run=will_run),
        tone=TONES[judged.verdict],
        findings=tuple(_row(about, finding, repairs, signed_files) for about, finding in _in_order(judged)),
        repair_all=_all_kinds(repairs),
        offers_override=bool(doubtful),
        will_run=will_run,
        stop=next(filter(None, stops), ""),
    )


def repair_row(repair: Repair) -> dict[str, Any]:
    """Show a repair as a button."""
    row = {"repair": repair.kind.value, "label": words.repair_label(repair), "effect": words.repair_effect(repair)}
    return row | ({"box": repair.values["box"]} if "box" in repair.values else {})


def _all_kinds(repairs: Sequence[Repair]) -> tuple[str, ...]:
    chosen = repair_all(repairs)
    kinds = tuple(repair.kind.value for repair in repairs if repair.kind in chosen)
    return kinds if len(kinds) > 1 else ()


def _in_order(report: Report) -> list[tuple[str, Finding]]:
    about = {id(finding): say("about the picture") for finding in report.image.findings}
    about |= {id(finding): say("about the clip") for finding in report.video.findings}
    return [(about.get(id(finding), ""), finding) for finding in report.findings]


def _row(about: str, finding: Finding, repairs: Sequence[Repair], signed_files: SignedFiles | None) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "word": SEVERITIES[finding.severity],
        "about": about,
        "message": words.message(finding),
        "advice": words.advice(finding),
        "source": words.source_words(finding),
        "repairs": [repair_row(repair) for repair in repairs if finding.rule in repair.rules],
        "evidence": evidence_value(signed_files, finding) if signed_files else None,
    }


def running(progress: RepairProgress) -> dict[str, Any]:
    """Show a repair under way."""
    return {"state": "running", "words": progress.words, "share": progress.share}


def failed(error: KlingUIError) -> dict[str, Any]:
    """Show why a repair could not be done."""
    return {"state": "failed", "words": say("Nothing was changed. {error}", error=str(in_words(error)))}


def done(order: RepairOrder, outcome: RepairOutcome, kept: Collection[InputKind]) -> dict[str, Any]:
    """Show what a repair did and how to undo it.

    Args:
        order: What was wanted.
        outcome: What came of it.
        kept: The inputs that show the result; others were changed by the person meanwhile.
    """
    words = say("Done: {repairs}.", repairs=joined("; ", map(retell_stored, outcome.labels)))
    if len(kept) < len(outcome.values):
        words = say("{words} What you changed meanwhile was left as it is.", words=words)
    before = {"orientation": order.choice.orientation.value, "keep_sound": order.choice.keep_sound}
    after = {"orientation": outcome.choice.orientation.value, "keep_sound": outcome.choice.keep_sound}
    changed = [name for name in after if after[name] != before[name]]
    return {
        "state": "done",
        "words": words,
        "after": {kind.value: outcome.values[kind]["ref"] for kind in kept},
        "choice": {name: after[name] for name in changed},
        "choice_before": {name: before[name] for name in changed},
    }
