"""``kling-ui check``, ``repair``, ``score``, ``sheet``, ``models``: what was found, for people and for programs."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kling_ui.checks.report import Report, Section
from kling_ui.cli.output import DONE, FAILED, UNUSABLE, print_json, say, tell
from kling_ui.media.signatures import VIDEO_FORMATS, shown_codec, shown_name, sniff
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.findings import (
    advice,
    advice_reasons,
    file_differences,
    forecast_sentence,
    headline,
    message,
    repair_json,
    repair_label,
    report_json,
)
from kling_ui.presentation.model_sentences import offer_json, offer_words
from kling_ui.presentation.repair_sentences import adjustment_words
from kling_ui.presentation.wording import corrected
from kling_ui.python_api import check, models, repair, score
from kling_ui.results import Progress, RepairResult
from kling_ui.scoring.match import LimbMatch, MotionMatch
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis


def check_files(
    image: Path | None,
    video: Path | None,
    choice: TransferOptions,
    *,
    accept: Collection[str],
    as_json: bool,
    joints: Path | None = None,
    mask: Path | None = None,
) -> int:
    """Look at the files, print what was found and return the exit code.

    Raises:
        MediaError: A file cannot be read.
        KlingUIError: Looking at it failed for another reason.
    """
    checked = check(
        image,
        video,
        prompt=choice.prompt,
        orientation=choice.orientation,
        keep_sound=choice.keep_sound,
        accept=accept,
        joints=joints,
        mask=mask,
    )
    if as_json:
        print_json(report_json(checked.report))
    else:
        tell("\n".join(report_lines(checked.report)))
    return FAILED if checked.is_blocked else DONE


def repair_files(
    image: Path | None,
    video: Path | None,
    choice: TransferOptions,
    out: Path,
    *,
    person: int | None = None,
    trim: tuple[float, float] | None = None,
    crop: tuple[int, int, int, int] | None = None,
    turn: str | None = None,
    as_json: bool,
) -> int:
    """Look at the files, apply every repair that needs no choice, look again, print and return the exit code.

    Args:
        image: The character image.
        video: The reference video.
        choice: How to transfer the motion.
        out: Folder for the copies.
        person: Whom to keep of several people, counted from the left.
        trim: Instead of repairs: what to keep of a clip, in seconds.
        crop: Instead of repairs: what to keep of each picture; left, top, width and height, in px.
        turn: Instead of repairs: ``left``, ``right`` or ``over``.
        as_json: Print JSON.

    Raises:
        MediaError: A file cannot be read, or the folder cannot be written to.
        KlingUIError: Analysing or repairing failed for another reason.
    """
    with _Bar() as bar:
        repaired = repair(
            image,
            video,
            out=out,
            orientation=choice.orientation,
            keep_sound=choice.keep_sound,
            person=person,
            trim=trim,
            crop=crop,
            turn=turn,
            on_progress=bar.show,
        )
    if as_json:
        print_json(_repair_json(repaired))
    else:
        tell("\n".join(_repair_lines(repaired)))
    return FAILED if repaired.after.is_blocked else DONE


def draw_sheet(
    files: Collection[Path], out: Path, orientation: Orientation, *, accept: Collection[str], as_json: bool
) -> int:
    """Draw images with videos into one sheet, print what is on it and return the exit code.

    Args:
        files: Images and videos, told apart by their content.
        out: The PNG to write.
        orientation: Whose facing the characters follow.
        accept: Ids of rules that a person overrules.
        as_json: Print JSON.

    Raises:
        MediaError: A file is not there, or the sheet cannot be written.
        KlingUIError: Drawing failed for another reason.
    """
    from kling_ui.sheets import sheet  # noqa: PLC0415  the others need none of it

    videos = [path for path in files if sniff(path) in VIDEO_FORMATS]
    images = [path for path in files if path not in videos]
    with _Bar("Drawing") as bar:
        drawn = sheet(images, videos, out=out, orientation=orientation, accept=accept, on_progress=bar.show)
    done = sum(cell.is_done for cell in drawn.cells)
    if as_json:
        cells = [
            {"image": str(cell.image), "video": str(cell.video), "drawn": cell.is_done, "message": cell.message}
            for cell in drawn.cells
        ]
        print_json({"sheet": str(drawn.path), "cells": cells})
    else:
        tell(f"{drawn.path}: {done} of {len(drawn.cells)} drawn")
        for cell in drawn.cells:
            tell(f"  {cell.image.name} + {cell.video.name}: {cell.message}")
    if any(cell.is_unreadable for cell in drawn.cells):
        return UNUSABLE
    return DONE if done == len(drawn.cells) else FAILED


class _Bar:
    """Says what is done, and moves a progress bar on a terminal while there is a share to show."""

    def __init__(self, doing: str = "Repairing") -> None:
        from rich.console import Console  # noqa: PLC0415  checks show no bar, and would take a tenth longer
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        console = Console(stderr=True)
        self._bar = RichProgress(console=console, transient=True) if console.is_terminal else None
        self._task = self._bar.add_task(doing, total=1.0) if self._bar else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, news: Progress) -> None:
        if news.share is None:
            if self._bar:
                self._bar.stop()
            say(news.words)
        elif self._bar and self._task is not None:
            self._bar.start()
            self._bar.update(self._task, completed=news.share)


def _repair_json(repaired: RepairResult) -> dict[str, Any]:
    before, after = repaired.planned.before, repaired.analyses
    return {
        "repairs": [repair_json(done) for done in repaired.planned.repairs],
        "adjusted": adjustment_words(repaired.planned.adjustment) if repaired.planned.adjustment else None,
        "image": _file_json(before[0], after[0]),
        "video": _file_json(before[1], after[1]),
        "choice": {"orientation": repaired.orientation, "keep_sound": repaired.keep_sound},
        "before": report_json(repaired.before.report),
        "check": report_json(repaired.after.report),
    }


def _file_json(
    before: ImageAnalysis | VideoAnalysis | None, after: ImageAnalysis | VideoAnalysis | None
) -> dict[str, Any] | None:
    if before is None or after is None:
        return None
    return {
        "original": str(before.facts.path),
        "repaired": str(after.facts.path) if after.facts.path != before.facts.path else None,
        "changes": [asdict(change) for change in file_differences(before.facts, after.facts)],
    }


def _repair_lines(repaired: RepairResult) -> list[str]:
    if not repaired.repairs:
        return ["Nothing to repair.", *report_lines(repaired.after.report)]
    lines = []
    for before, after in zip(repaired.planned.before, repaired.analyses, strict=True):
        if before is None or after is None or after.facts.path == before.facts.path:
            continue
        lines.append(f"{before.facts.path.name} -> {after.facts.path}")
        lines += [
            f"  {change.what}: {change.before} -> {change.after}"
            for change in file_differences(before.facts, after.facts)
        ]
    lines += [f"{repair_label(done)}." for done in repaired.planned.repairs if done.kind.target == "choice"]
    return [*lines, "", *report_lines(repaired.after.report)]


def report_lines(report: Report) -> list[str]:
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
        shown_name(facts.get("format", "")),
        f"{facts['width_px']} x {facts['height_px']} px",
        f"{facts['size_bytes'] / 1e6:.1f} MB",
    ]
    if "duration_s" in facts:
        parts += [f"{facts['duration_s']:.1f} s", f"{facts['fps']:.4g} fps", shown_codec(facts["codec"])]
        parts.append("with sound" if facts["has_audio"] else "no sound")
    if facts.get("subject_share") is not None:
        parts.append(f"the character covers {facts['subject_share'] * 100:.0f} %")
    if facts.get("corrected") is not None:
        parts.append(corrected(facts["corrected"]["joints"], has_mask=facts["corrected"]["mask"]))
    if facts.get("person_share") is not None:
        parts.append(f"a person in {facts['person_share'] * 100:.0f} % of the frames looked at")
    return ", ".join(part for part in parts if part)


def score_clips(reference: Path, result: Path, orientation: Orientation, *, as_json: bool) -> int:
    """Measure the motion match, print it and return the exit code: 0 measured, 1 not measurable.

    Raises:
        MediaError: A file cannot be read.
        KlingUIError: Looking at it failed for another reason.
    """
    say("Watching both clips.")
    match = score(reference, result, orientation=orientation)
    if as_json:
        print_json(match.to_json())
    else:
        tell("\n".join(match_lines(match)))
    return FAILED if match.score is None else DONE


def match_lines(match: MotionMatch) -> list[str]:
    """Write a motion match for people: the sentence, the measures, then each limb."""
    if match.score is None:
        return [match.headline]
    measures = {
        "limb-direction error": _value(match.limb_error_deg, " degrees"),
        "PCK@20deg": _value(match.pck_20deg_share, digits=3),
        "PCK@0.2 of the shoulders": _value(match.pck_shoulder_share, digits=3),
        "AKD": _value(match.akd_shoulder_widths, " shoulder widths", digits=3),
        "MKR": _value(match.mkr_share, digits=3),
        "visibility": _value(match.visibility, digits=2),
        "lag": _lag(match),
        "compared": f"{match.compared_s:.1f} of {match.reference_s:.1f} s",
    }
    lines = [match.headline, "", *(f"  {name:24}  {value}" for name, value in measures.items())]
    return [*lines, "", f"  {'limb':16}  {'error':>7}  {'usually':>7}  {'PCK@20deg':>9}", *map(_limb, match.limbs)]


def _limb(row: LimbMatch) -> str:
    if row.left_out:
        return f"  {row.limb.value:16}  {row.left_out}"
    note = "" if row.counted else "  not counted"
    error, usually = _value(row.error_deg), _value(row.bias_deg, sign="+")
    return f"  {row.limb.value:16}  {error:>7}  {usually:>7}  {_value(row.pck_20deg_share, digits=2):>9}{note}"


def _lag(match: MotionMatch) -> str:
    if match.lag is None:
        return "cannot be told"
    by = f"{match.lag.late_s * 1000:+.0f} ms, give or take {match.lag.uncertainty_s * 1000:.0f}"
    return f"{match.lag.frames:+.1f} frames ({by})"


def _value(value: float | None, unit: str = "", *, digits: int = 1, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.{digits}f}{unit}"


def list_models(*, as_json: bool) -> int:
    """List the models that a run on Kling can go to, and return the exit code.

    Raises:
        KlingUIError: There is no token, or nobody tells.
    """
    found = models()
    if as_json:
        print_json({"models": [offer_json(offer) for offer in found]})
    else:
        for offer in found:
            tell(offer_words(offer))
    return DONE
