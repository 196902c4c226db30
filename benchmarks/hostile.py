"""Hand hostile files to the checks, each as a picture and as a clip, and count what becomes of them.

``make bench ARGS=hostile``; ``make bench ARGS="hostile --seed 7"`` makes other files. What counts as a crash is a
worker that died, or an error that is no sentence for a person; the app itself goes on after both.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._hostile_files import HostileFile, hostile_files
from benchmarks._memory import forget_peak, peak_mb
from kling_ui.checks.preflight import ANALYSIS_TIMEOUT_S, judge
from kling_ui.errors import KlingUIError
from kling_ui.media.image import ImageFacts
from kling_ui.media.metadata import copy_without_metadata
from kling_ui.media.playable import write_poster, write_shown_picture
from kling_ui.media.probe import VideoFacts
from kling_ui.presentation.findings import message
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis, analyse_image, analyse_video, load_all_models
from kling_ui.work_limits import is_out_of_memory
from kling_ui.workers import Workers

IS_LONG = True
_ODD = re.compile(
    r'Traceback|File "|<class|(?<![a-z])/[a-z]+/[a-z]+/|\\x[0-9a-f]{2}|\n'
)  # no sentence for a person has these


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a file.

    Attributes:
        file: The file.
        refusals: What a person is told where it is refused, as a picture and as a clip.
        judged: How often it was taken and judged, 0-2.
        crashes: What went wrong in a way that it must not.
        worst_s: The longer of both checks, in seconds.
        worst_mb: The most memory that a worker held, in MB of 2^20 bytes.
    """

    file: HostileFile
    refusals: tuple[str, ...]
    judged: int
    crashes: tuple[str, ...]
    worst_s: float
    worst_mb: float


@dataclass(frozen=True, slots=True)
class _Look:
    found: Any
    error: KlingUIError | None
    peak_mb: float


def try_files(files: Iterable[HostileFile], folder: Path) -> list[Trial]:
    """Check each file as a picture and as a clip, in one worker as the app does."""
    return asyncio.run(_try_all(files, folder))


async def _try_all(files: Iterable[HostileFile], folder: Path) -> list[Trial]:
    with Workers(1) as workers:
        await workers.run(load_all_models)
        return [await _try(file, workers, folder) for file in files]


async def _try(file: HostileFile, workers: Workers, folder: Path) -> Trial:
    path = folder / file.name
    path.write_bytes(file.content)
    refusals, crashes, judged, worst_s, worst_mb = [], [], 0, 0.0, 0.0
    for analyse in (analyse_image, analyse_video):
        began = time.perf_counter()
        try:
            look = await workers.run(_look, analyse, path, folder, timeout_s=ANALYSIS_TIMEOUT_S)
            worst_mb = max(worst_mb, look.peak_mb)
            if look.error is not None:
                refusals.append(str(look.error))
            else:
                judged += 1
                refusals += _told(look.found)
        except KlingUIError as error:  # the worker did not come back
            (refusals if "MB of memory" in error.message else crashes).append(str(error))
        except Exception as error:  # noqa: BLE001  what the app would have to show as it is
            crashes.append(repr(error))
        worst_s = max(worst_s, time.perf_counter() - began)
    path.unlink()
    crashes += [text for text in refusals if _ODD.search(text)]
    return Trial(file, tuple(refusals), judged, tuple(crashes), worst_s, worst_mb)


def _look(analyse: Callable[[Path, Path], ImageAnalysis | VideoAnalysis], path: Path, folder: Path) -> _Look:
    """Do in a worker all that the app does with an input before a run; the copy is made of refused files, too."""
    forget_peak()
    found, error = None, None
    try:
        found = analyse(path, folder)
        shown = folder / "shown.jpg"
        write_poster(found.facts, shown) if isinstance(found, VideoAnalysis) else write_shown_picture(
            found.facts, shown
        )
    except KlingUIError as refusal:
        if is_out_of_memory(refusal):
            raise
        error = refusal
    _copy(path, folder / "copy")
    return _Look(found if error is None else None, error, peak_mb())


def _copy(path: Path, out: Path) -> None:
    try:
        copy_without_metadata(path, out)
    except KlingUIError:  # an empty file; the check has said so
        return


def _told(found: ImageAnalysis | VideoAnalysis | ImageFacts | VideoFacts) -> list[str]:
    is_image = isinstance(found, ImageAnalysis)
    report = judge(found, None) if is_image else judge(None, found)  # ty: ignore[invalid-argument-type]
    return [message(finding) for finding in (report.image if is_image else report.video).findings]


def print_table(trials: Sequence[Trial]) -> None:
    """Print what became of the files of each kind."""
    kinds = list(dict.fromkeys(trial.file.kind for trial in trials))
    print(f"{'kind':<16}{'files':>6}{'refused':>9}{'judged':>8}{'worst s':>9}{'worst MB':>10}{'crashes':>9}")
    for kind in [*kinds, "all"]:
        some = [trial for trial in trials if kind in {trial.file.kind, "all"}]
        judged = sum(trial.judged > 0 for trial in some)
        worst_s, worst_mb = max(trial.worst_s for trial in some), max(trial.worst_mb for trial in some)
        crashes = sum(len(trial.crashes) for trial in some)
        print(f"{kind:<16}{len(some):>6}{len(some) - judged:>9}{judged:>8}{worst_s:>9.2f}{worst_mb:>10.0f}{crashes:>9}")
    for trial in trials:
        for crash in trial.crashes:
            print(f"crash: {trial.file.name}: {crash[:200]}")


def main(*options: str) -> None:
    """Try all files and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks hostile", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(options)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trials = try_files(hostile_files(arguments.seed), Path(folder))
    print_table(trials)
    print(f"{time.perf_counter() - began:.0f} s in all; a check looks at each file as a picture and as a clip")
    slow = sorted(trials, key=lambda trial: -trial.worst_s)[:3]
    print("slowest:", ", ".join(f"{trial.file.name} {trial.worst_s:.1f} s" for trial in slow))
    large = sorted(trials, key=lambda trial: -trial.worst_mb)[:3]
    print("largest:", ", ".join(f"{trial.file.name} {trial.worst_mb:.0f} MB" for trial in large))
