"""``kling-ui repair``: mend what the checks found, into new files."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from rich.console import Console
from rich.progress import Progress

from kling_ui.checks.preflight import Preflight, judge
from kling_ui.checks.repair_plan import (
    Repair,
    compose,
    offers,
    repair_all,
    with_repairs,
)
from kling_ui.checks.repair_runner import RepairRunner
from kling_ui.checks.report import Report, Verdict
from kling_ui.cli.check import lines_of
from kling_ui.cli.output import (
    DONE,
    FAILED,
    print_json,
    say,
    tell,
)
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import (
    file_differences,
    repair_effect,
    repair_json,
    repair_label,
    report_json,
)
from kling_ui.settings import Settings
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis
from kling_ui.workers import Workers

T = TypeVar("T")
Pair = tuple[ImageAnalysis | None, VideoAnalysis | None]


@dataclass(frozen=True, slots=True)
class RepairCommandResult:
    """What the repairs came to.

    Attributes:
        before: What was found in the originals.
        after: What was found in the files to go on with; the same where nothing was repaired.
        choice: How to transfer the motion afterwards.
        repairs: What was done.
        report_before: What the checks said of the originals.
        report: What they say now.
    """

    before: Pair
    after: Pair
    choice: TransferOptions
    repairs: tuple[Repair, ...]
    report_before: Report
    report: Report


def repair_files(image: Path | None, video: Path | None, choice: TransferOptions, out: Path, *, as_json: bool) -> int:
    """Look at the files, apply every repair that is offered, look again, print and return the exit code.

    Raises:
        MediaError: A file cannot be read, or the folder cannot be written to.
        KlingUIError: Analysing or repairing failed for another reason.
    """
    settings = Settings.from_env()
    with Workers(settings.workers) as workers:
        preflight = Preflight(workers, settings.data_dir / "looks")
        outcome = asyncio.run(_repair(preflight, RepairRunner(workers), (image, video), choice, out))
    if as_json:
        print_json(outcome_json(outcome))
    else:
        tell("\n".join(_lines(outcome)))
    return FAILED if outcome.report.verdict == Verdict.BLOCK else DONE


def outcome_json(outcome: RepairCommandResult) -> dict[str, Any]:
    """Put an outcome into plain JSON types."""
    return {
        "repairs": [repair_json(repair) for repair in outcome.repairs],
        "image": _file_json(outcome.before[0], outcome.after[0]),
        "video": _file_json(outcome.before[1], outcome.after[1]),
        "choice": {"orientation": outcome.choice.orientation.value, "keep_sound": outcome.choice.keep_sound},
        "before": report_json(outcome.report_before),
        "check": report_json(outcome.report),
    }


async def _repair(
    preflight: Preflight,
    repair_runner: RepairRunner,
    paths: tuple[Path | None, Path | None],
    choice: TransferOptions,
    out: Path,
) -> RepairCommandResult:
    say("Looking at the inputs.")
    before = await _analysed(preflight, paths)
    report = judge(*before, choice)
    offered = offers(*before, report, choice)
    report, kinds = with_repairs(report, offered), repair_all(offered)
    repairs = tuple(repair for repair in offered if repair.kind in kinds)
    if not repairs:
        return RepairCommandResult(before, before, choice, (), report, report)
    for repair in repairs:
        say(f"{repair_label(repair)}. {repair_effect(repair)}")
    plan = compose(kinds, *before, choice)
    with _Bar() as bar:
        repaired = await repair_runner.apply(plan, *paths, out, on_progress=bar.show)
    say("Looking at the result.")
    after = await _analysed(preflight, (repaired.image, repaired.video))
    judged = judge(*after, plan.choice)
    judged = with_repairs(judged, offers(*after, judged, plan.choice))
    return RepairCommandResult(before, after, plan.choice, repairs, report, judged)


async def _analysed(preflight: Preflight, paths: tuple[Path | None, Path | None]) -> Pair:
    image, video = await asyncio.gather(_if_given(preflight.image, paths[0]), _if_given(preflight.video, paths[1]))
    return image, video


async def _if_given(analyse: Callable[[Path], Awaitable[T]], path: Path | None) -> T | None:
    return await analyse(path) if path else None


class _Bar:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True) if console.is_terminal else None
        self._task = self._bar.add_task("Repairing", total=1.0) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, share: float) -> None:
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=share)


def _file_json(
    before: ImageAnalysis | VideoAnalysis | None, after: ImageAnalysis | VideoAnalysis | None
) -> dict[str, Any] | None:
    if before is None or after is None:
        return None
    return {
        "original": str(before.facts.path),
        "repaired": str(after.facts.path) if after is not before else None,
        "changes": [asdict(change) for change in file_differences(before.facts, after.facts)],
    }


def _lines(outcome: RepairCommandResult) -> list[str]:
    if not outcome.repairs:
        return ["Nothing to repair.", *lines_of(outcome.report)]
    lines = []
    for before, after in zip(outcome.before, outcome.after, strict=True):
        if before is None or after is None or after.facts.path == before.facts.path:
            continue
        lines.append(f"{before.facts.path.name} -> {after.facts.path}")
        lines += [
            f"  {change.what}: {change.before} -> {change.after}"
            for change in file_differences(before.facts, after.facts)
        ]
    lines += [f"{repair_label(repair)}." for repair in outcome.repairs if repair.kind.target == "choice"]
    return [*lines, "", *lines_of(outcome.report)]
