"""Making what is taken away of a run: in workers, with progress, cancellable; only whole files ever lie there."""

import asyncio
import shutil
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kling_ui.errors import MediaError, RunError
from kling_ui.languages import Told
from kling_ui.media.comparison_layout import ScoreCurve
from kling_ui.media.edit import side_by_side
from kling_ui.media.files import OnShare, atomic_file, content_sha256, watched_progress
from kling_ui.media.metadata import copy_without_metadata
from kling_ui.options import Layout
from kling_ui.presentation.result_sentences import NO_REFERENCE, NO_RESULT, RESULT_GONE, score_line
from kling_ui.runs.export import Entry
from kling_ui.runs.run_view import RunView
from kling_ui.takeaway.pictures import draw_loop, draw_sheet
from kling_ui.takeaway.run_card import CardFile, FileRole, RunCard
from kling_ui.takeaway.run_report import REPORT_PAGE, report_of
from kling_ui.workers import Workers

MAKING_LIMIT_S = 600.0
_SCRATCH = ".making-"


class TakeAway(StrEnum):
    """What can be taken away of a run besides its result."""

    CARD = "card"
    PACKAGE = "package"  # the card with its files and a report that shows them, as a ZIP
    SHEET = "sheet"
    WEBP = "webp"
    COMPARISON = "comparison"


@dataclass(frozen=True, slots=True)
class RunSources:
    """What pictures of a run are made of.

    Attributes:
        image: The character image.
        reference: The clip that gave the motion.
        result: The clip that was made.
        score: What to say of it.
        late_s: How much later than the reference the result begins, in seconds.
    """

    image: Path
    reference: Path
    result: Path
    score: ScoreCurve
    late_s: float

    @classmethod
    def of(cls, run: RunView) -> "RunSources":
        """Take the files and the score of a run.

        Raises:
            RunError: It has no result, or nothing to set that beside.
        """
        if run.result is None:
            raise RunError(RESULT_GONE if run.files_gone else NO_RESULT)
        if run.image is None or run.reference is None:
            raise RunError(RESULT_GONE if run.files_gone else NO_REFERENCE)
        motion = run.motion or {}
        pieces = tuple((piece["time_s"], piece["score"]) for piece in motion.get("timeline") or ())
        late_s = max(0.0, motion.get("starts_at_s") or 0.0)
        return cls(run.image, run.reference, run.result, ScoreCurve(score_line(run), pieces), late_s)


def picture_name(what: TakeAway, layout: Layout) -> str:
    """What the file of a sheet, a loop or a comparison is called in its run's folder."""
    if what is TakeAway.COMPARISON:
        return "comparison.mp4" if layout is Layout.STRIP else f"comparison-{layout.value.replace(':', 'x')}.mp4"
    return {TakeAway.SHEET: "contact-sheet.png", TakeAway.WEBP: "loop.webp"}[what]


async def make_picture(
    workers: Workers,
    run: RunView,
    what: TakeAway,
    out: Path,
    *,
    layout: Layout = Layout.STRIP,
    on_progress: OnShare | None = None,
) -> Path:
    """Draw a contact sheet, a loop or a comparison of a run; what is called off leaves nothing behind.

    Args:
        workers: Who draws it.
        run: The run.
        what: Which of the three.
        out: Where it goes; a file that is there is replaced, once the new one is whole.
        layout: The shape of a comparison.
        on_progress: Told how much of it is done, 0-1.

    Raises:
        RunError: It has no result, or nothing to set that beside.
        MediaError: A file cannot be read, or ``out`` not be written.
        WorkError: The worker died or took too long.
    """
    sources = RunSources.of(run)
    with _scratch(out.parent) as scratch:
        made, progress = scratch / out.name, scratch / "progress.json"
        async with watched_progress(progress, on_progress):
            await workers.run(draw, sources, what, layout, made, progress, timeout_s=MAKING_LIMIT_S)
        await asyncio.to_thread(made.replace, out)
    return out


def draw(sources: RunSources, what: TakeAway, layout: Layout, out: Path, progress: Path) -> None:
    """Draw what :func:`make_picture` asks a worker for."""
    clips = sources.reference, sources.result
    if what is TakeAway.COMPARISON:
        side_by_side(
            sources.image,
            *clips,
            out,
            layout=layout,
            late_s=sources.late_s,
            score=sources.score,
            progress=progress,
        )
    else:
        drawing = draw_sheet if what is TakeAway.SHEET else draw_loop
        drawing(*clips, out, sources.score, late_s=sources.late_s, progress=progress)


def write_card(entry: Entry, folder: Path, *, with_files: bool) -> Path:
    """Write the card of a run into a folder, with its files beside it, the inputs without their metadata; blocking.

    Args:
        entry: The run.
        folder: The folder; it is made if need be. A card of the same run that lies there is replaced.
        with_files: Put the files beside it, in a folder's own name space: another file of that name is not replaced.

    Raises:
        MediaError: Something cannot be read or written.
    """
    card = RunCard.of(entry)
    out = folder / card.file_name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if with_files:
            card = card.model_copy(update={"files": tuple(_beside(file, entry, card, folder) for file in card.files)})
        with atomic_file(out) as unfinished:
            unfinished.write_text(card.text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            Told("it cannot be written ({reason}).", reason=reason), path=out, advice="Name another folder."
        ) from error
    return out


def _beside(file: CardFile, entry: Entry, card: RunCard, folder: Path) -> CardFile:
    """Put a file of a run beside its card, under a name that tells the run."""
    view = entry.view
    source = {FileRole.IMAGE: view.image, FileRole.REFERENCE: view.reference, FileRole.RESULT: view.result}[file.role]
    if source is None:
        return file
    named = file.model_copy(update={"name": f"{card.engine.value}-{card.run_id[:8]}-{file.name}"})
    with atomic_file(folder / named.name) as unfinished:
        if file.role is FileRole.RESULT:
            shutil.copyfile(source, unfinished)
            return named
        copy_without_metadata(source, unfinished)
        sha256 = content_sha256(unfinished)
        if sha256 == file.sha256:
            return named
        return named.model_copy(update={"copy_sha256": sha256, "copy_size_bytes": unfinished.stat().st_size})


def write_package(entry: Entry, out: Path) -> Path:
    """Write the card of a run with its files, and a report that shows them, as a ZIP; blocking.

    Raises:
        MediaError: Something cannot be read or written.
    """
    with _scratch(out.parent) as scratch, atomic_file(out) as unfinished:
        card = write_card(entry, scratch, with_files=True)
        report_of([card], card.with_name(REPORT_PAGE))
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as package:
            for path in sorted(card.parent.iterdir()):
                package.write(path, path.name)
    return out


@contextmanager
def _scratch(folder: Path) -> Generator[Path]:
    """A hidden folder for work under way; a worker that is killed while it writes leaves its part in here."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH, ignore_cleanup_errors=True) as scratch:
            yield Path(scratch)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            Told("it cannot be written ({reason}).", reason=reason), path=folder, advice="Name another folder."
        ) from error
