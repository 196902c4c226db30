"""Drawing the cases and having the check look at them, in worker processes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.labelled.case import Case, Clip, Pair, Picture, Span
from benchmarks.labelled.cases import clip, parts, picture
from benchmarks.labelled.files import save_picture, save_reel
from benchmarks.labelled.takes import film, load
from kling_ui.checks.preflight import judge
from kling_ui.checks.report import Finding, Report
from kling_ui.checks.usability import SpanKind
from kling_ui.errors import KlingUIError
from kling_ui.options import Orientation
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis, analyse_image, analyse_video
from kling_ui.workers import Workers

LookT = TypeVar("LookT")


@dataclass(frozen=True, slots=True)
class Judged:
    """What the check says about a case.

    Attributes:
        case: The case.
        findings: The findings about this kind of case.
        error: Why it could not be looked at, or nothing.
        duration_s: Length of a clip.
        usable: A clip's longest usable span.
        cuts: Ends of shots that were found.
        orientation: The one that is advised.
    """

    case: Case
    findings: tuple[Finding, ...] = ()
    error: str = ""
    duration_s: float = 0.0
    usable: Span | None = None
    cuts: tuple[Span, ...] = ()
    orientation: Orientation | None = None


async def judge_all(
    cases: Sequence[Case], folder: Path, looks: Path, workers: Workers, *, tell: Callable[[str], None] = lambda _: None
) -> list[Judged]:
    """Draw what the cases need, look at it, and judge each case.

    Args:
        cases: Which ones.
        folder: For the drawn files.
        looks: For what the looks keep; empty, or old looks are taken for new ones.
        workers: Who draws and looks.
        tell: Gets a line of progress now and then.
    """
    pictures, clips = parts(cases)
    takes = sorted({take for name in clips for take in clip(name).takes})
    still = asyncio.gather(*(_tried(workers, look_at_picture, name, folder, looks) for name in sorted(pictures)))
    await asyncio.gather(*(workers.run(film, take, folder) for take in takes))
    tell(f"{len(takes)} takes drawn")
    moving = asyncio.gather(*(_tried(workers, look_at_clip, name, folder, looks) for name in sorted(clips)))
    images = dict(zip(sorted(pictures), await still, strict=True))
    videos = dict(zip(sorted(clips), await moving, strict=True))
    tell(f"{len(images)} pictures and {len(videos)} clips looked at")
    return [_judged(case, images, videos) for case in cases]


def look_at_picture(name: str, folder: Path, looks: Path) -> ImageAnalysis:
    """Draw a picture of the set and look at it."""
    case = picture(name)
    path = folder / f"{name}.{case.encoding.suffix}"
    save_picture(case.draw(), path, case.encoding)
    return analyse_image(path, looks)


def look_at_clip(name: str, folder: Path, looks: Path) -> VideoAnalysis:
    """Make a clip of the set from its takes and look at it."""
    case = clip(name)
    path = folder / f"{name}.{case.encoding.suffix}"
    save_reel(case.make(*(load(take, folder) for take in case.takes)), path, case.encoding)
    return analyse_video(path, looks)


async def _tried(
    workers: Workers, look: Callable[[str, Path, Path], LookT], name: str, *folders: Path
) -> LookT | KlingUIError:
    try:
        return await workers.run(look, name, *folders)
    except KlingUIError as error:
        return error


def _judged(
    case: Case, images: dict[str, ImageAnalysis | KlingUIError], videos: dict[str, VideoAnalysis | KlingUIError]
) -> Judged:
    image = images[case.image if isinstance(case, Pair) else case.name] if not isinstance(case, Clip) else None
    video = videos[case.clip if isinstance(case, Pair) else case.name] if not isinstance(case, Picture) else None
    if isinstance(image, KlingUIError):
        return Judged(case, error=str(image))
    if isinstance(video, KlingUIError):
        return Judged(case, error=str(video))
    report = judge(image, video, case.choice)
    if isinstance(case, Picture):
        return Judged(case, report.image.findings)
    if isinstance(case, Pair):
        return Judged(case, report.pair.findings)
    return _judged_clip(case, report)


def _judged_clip(case: Case, report: Report) -> Judged:
    timeline, advice = report.forecast, report.advice
    if timeline is None or advice is None:
        return Judged(case, report.video.findings, error="no forecast")
    spans = [(span.start_s, span.end_s) for span in timeline.spans if span.kind == SpanKind.CUT]
    usable = timeline.usable
    return Judged(
        case,
        report.video.findings,
        duration_s=timeline.duration_s,
        usable=(usable.start_s, usable.end_s) if usable else None,
        cuts=tuple(spans),
        orientation=advice.orientation,
    )
