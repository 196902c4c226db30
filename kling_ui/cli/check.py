"""``kling-ui check``: what the checks say, for people and for programs."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.report import Report, Section, Verdict
from kling_ui.cli.output import (
    DONE,
    FAILED,
    print_json,
    tell,
)
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import (
    advice,
    advice_reasons,
    forecast_sentence,
    headline,
    message,
    report_json,
)
from kling_ui.settings import Settings
from kling_ui.workers import Workers


def check_files(
    image: Path | None, video: Path | None, choice: TransferOptions, *, accept: Collection[str], as_json: bool
) -> int:
    """Look at the files, print what was found and return the exit code.

    Raises:
        MediaError: A file cannot be read.
        KlingUIError: Looking at it failed for another reason.
    """
    settings = Settings.from_env()
    with Workers(settings.workers) as workers:
        preflight = Preflight(workers, settings.data_dir / "looks")
        report = asyncio.run(preflight.report(image, video, choice)).accepting(accept)
    if as_json:
        print_json(report_json(report))
    else:
        tell("\n".join(lines_of(report)))
    return FAILED if report.verdict == Verdict.BLOCK else DONE


def lines_of(report: Report) -> list[str]:
    """Write a report for people: the verdict, then the facts, the forecast and the findings of each input."""
    sections = (("Image", report.image, []), ("Video", report.video, _forecast(report)), ("Together", report.pair, []))
    return [headline(report)] + [line for section in sections for line in _section(*section)]


def _forecast(report: Report) -> list[str]:
    lines = [f"  {forecast_sentence(report.forecast)}"] if report.forecast else []
    if report.advice:
        lines.append(f"  Orientation “{report.advice.orientation}” suits it. {' '.join(advice_reasons(report.advice))}")
    return lines


def _section(title: str, section: Section, details: list[str]) -> list[str]:
    facts = section.facts or {}
    if "file" not in facts and not section.findings:
        return []
    heading = f"{title}: {facts['file']}, {_measures(facts)}" if "file" in facts else title
    lines = ["", heading, *details]
    for finding in section.findings:
        lines.append(f"  {finding.severity.value:5}  {message(finding)}  [{finding.rule}]")
        lines.append(f"         {advice(finding)}")
        if finding.evidence and finding.evidence.picture:
            lines.append(f"         Shown in {finding.evidence.picture}")
    return lines


def _measures(facts: dict[str, Any]) -> str:
    parts = [
        facts.get("format", "").upper(),
        f"{facts['width_px']} x {facts['height_px']} px",
        f"{facts['size_bytes'] / 1e6:.1f} MB",
    ]
    if "duration_s" in facts:
        parts += [f"{facts['duration_s']:.1f} s", f"{facts['fps']:.4g} fps", facts["codec"]]
        parts.append("with sound" if facts["has_audio"] else "no sound")
    if facts.get("subject_share") is not None:
        parts.append(f"the character covers {facts['subject_share'] * 100:.0f} %")
    if facts.get("person_share") is not None:
        parts.append(f"a person in {facts['person_share'] * 100:.0f} % of the frames looked at")
    return ", ".join(part for part in parts if part)
