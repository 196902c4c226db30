"""The report of a batch: a web page that opens from disk, a table for spreadsheets, and contact sheets.

The table's ticks, and numbers of cells, say in turn which cells are meant the next time.
"""

import asyncio
import csv
import re
from collections.abc import Collection, Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.plan import all_of
from kling_ui.errors import MediaError, SettingsError, WorkError
from kling_ui.media.files import atomic_file
from kling_ui.media.image import read_picture
from kling_ui.media.probe import probe_video
from kling_ui.media.video import sample_frames
from kling_ui.presentation.batch_sentences import CELL_STATES, outcome_line
from kling_ui.presentation.wording import ENGINE_NAMES, SEVERITIES, dollars, seconds
from kling_ui.runs.export import spreadsheet_value
from kling_ui.runs.record import EngineName
from kling_ui.sheets import MOMENTS, TILE_PX, strip, write_strips
from kling_ui.workers import Workers

STRIPS_ACROSS = 2
STRIPS_MAX = 40  # on one picture: more would be too high for many programs that show pictures
_LONG_SIDE_PX = 2 * TILE_PX  # of what is drawn on a sheet

PAGE, TABLE = "report.html", "cells.csv"
NUMBER, TICK = "cell", "chosen"  # columns by which a table's cells are meant again
_SPAN = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?")
_NO = frozenset({"", "0", "no", "false", "n"})
PROBLEMS_TOLD_MAX = 5
_TEMPLATE = Path(__file__).with_name(PAGE)
COLUMNS = (
    NUMBER,
    TICK,
    "name",
    "image",
    "video",
    "orientation",
    "prompt",
    "keep_sound",
    "engine",
    "model",
    "state",
    "message",
    "advice",
    "result",
    "motion_match",
    "clip_s",
    "estimate_usd",
    "cost_usd",
    "repairs",
    "problems",
    "run_id",
    "request_id",
)


class BatchReport(NamedTuple):
    """Where a report lies.

    Attributes:
        page: The web page.
        table: The table; ticks below ``chosen`` say which cells are meant the next time.
        sheets: The contact sheets.
    """

    page: Path
    table: Path
    sheets: tuple[Path, ...]


async def write_report(
    workers: Workers, folder: BatchFolder, outcomes: Sequence[CellOutcome], *, title: str, summary: str
) -> BatchReport:
    """Write the report of a batch into its folder; one that is there is replaced.

    Args:
        workers: Read pictures for the contact sheets.
        folder: The batch's.
        outcomes: What became of the cells, in order.
        title: What to call it.
        summary: What became of it as a whole, in one sentence.

    Raises:
        MediaError: It cannot be written.
    """
    sheets = await write_sheets(workers, outcomes, folder.path)
    report = BatchReport(folder.path / PAGE, folder.path / TABLE, sheets)
    await asyncio.to_thread(_write, report, folder, outcomes, title, summary)
    return report


def _write(report: BatchReport, folder: BatchFolder, outcomes: Sequence[CellOutcome], title: str, summary: str) -> None:
    try:
        with atomic_file(report.table) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for outcome in outcomes:
                values = cell_values(outcome, folder)
                writer.writerow({name: spreadsheet_value(value) for name, value in values.items()})
        with atomic_file(report.page) as unfinished:
            unfinished.write_text(_page(report, folder, outcomes, title, summary), encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(f"it cannot be written ({reason}).", path=report.page, advice="Free some space.") from error


def cell_values(outcome: CellOutcome, folder: BatchFolder) -> dict[str, Any]:
    """Put a cell into plain values, by the names of the table's columns."""
    cell, run = outcome.cell, outcome.run
    choice = cell.row.choice
    return {
        NUMBER: cell.row.number,
        TICK: "",
        "name": cell.row.name,
        "image": str(cell.row.image),
        "video": str(cell.row.video),
        "orientation": choice.orientation.value,
        "prompt": choice.prompt,
        "keep_sound": "yes" if choice.keep_sound else "no",
        "engine": cell.engine.value,
        "model": choice.model or None,
        "state": outcome.state.value,
        "message": outcome.message,
        "advice": outcome.advice,
        "result": folder.relative(outcome.video) if outcome.video else None,
        "motion_match": run.motion_match if run else None,
        "clip_s": round(cell.duration_s, 3) if cell.duration_s is not None else None,
        "estimate_usd": cell.estimate_usd if run is None else run.estimate_usd,
        "cost_usd": run.cost_usd if run else None,
        "repairs": "; ".join(cell.repairs),
        "problems": "; ".join(problem.message for problem in cell.check.problems) if cell.check else "",
        "run_id": run.run_id if run else cell.run_id,
        "request_id": run.request_id if run else None,
    }


def _page(report: BatchReport, folder: BatchFolder, outcomes: Sequence[CellOutcome], title: str, summary: str) -> str:
    files = [_link(folder.relative(report.table), "The same as a table (CSV)")]
    images = (
        f'<img class="sheet" src="{_href(folder.relative(sheet))}" alt="Characters and moments of their results">'
        for sheet in report.sheets
    )
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        summary=escape(summary),
        files=" · ".join(files),
        rows="\n".join(_row(outcome) for outcome in outcomes),
        cells="\n".join(_article(outcome, folder) for outcome in outcomes),
        sheets="\n".join(images),
    )


def _row(outcome: CellOutcome) -> str:
    cell, run = outcome.cell, outcome.run
    match = "" if run is None or run.motion_match is None else f"{run.motion_match:.0f}"
    length = "" if cell.duration_s is None else seconds(cell.duration_s)
    cells = (
        ("number", f'<a href="#{_anchor(outcome)}">{cell.row.number}</a>'),
        ("", escape(cell.row.image.name)),
        ("", escape(cell.row.video.name)),
        ("", escape(cell.row.choice.orientation.value)),
        ("", escape(ENGINE_NAMES[cell.engine])),
        (_tone(outcome), escape(CELL_STATES[outcome.state])),
        ("number", match),
        ("number", length),
        ("number", escape(_cost(outcome))),
    )
    written = "".join(f'<td class="{kind}">{words}</td>' for kind, words in cells)
    return f"<tr>{written}</tr>"


def _article(outcome: CellOutcome, folder: BatchFolder) -> str:
    cell, run, row = outcome.cell, outcome.run, outcome.cell.row
    video = link = ""
    if outcome.video is not None:
        source = _href(folder.relative(outcome.video))
        video = f'<video controls loop muted playsinline preload="metadata" src="{source}"></video>'
        link = f"<p>{_link(folder.relative(outcome.video), outcome.video.name)}</p>"
    facts = [ENGINE_NAMES[cell.engine], f"facing of the {row.choice.orientation.value}", _cost(outcome)]
    if run is not None and run.motion_match is not None:
        facts.insert(1, f"motion match {run.motion_match:.0f}")
    words = [
        f'<p class="state {_tone(outcome)}">{escape(CELL_STATES[outcome.state])}</p>',
        _paragraph(" ".join(filter(None, (outcome.message, outcome.advice)))),
        _paragraph(", ".join(filter(None, facts)), "small"),
        _paragraph(f"“{row.choice.prompt}”", "small"),
        _list("Repaired", cell.repairs),
        _list("Found", _problems(outcome)),
        link,
    ]
    said = "".join(words)
    heading = f"<h3>{row.number}: {escape(row.title)}</h3>"
    return f'<article id="{_anchor(outcome)}">{video}<div>{heading}{said}</div></article>'


def _problems(outcome: CellOutcome) -> list[str]:
    problems = outcome.cell.check.problems if outcome.cell.check else ()
    told = [f"{_severity(problem.severity)}: {problem.message}" for problem in problems[:PROBLEMS_TOLD_MAX]]
    more = len(problems) - len(told)
    return [*told, *([f"and {more} more"] if more else [])]


def _severity(value: str) -> str:
    return next(words for severity, words in SEVERITIES.items() if severity.value == value)


def _cost(outcome: CellOutcome) -> str:
    run, cell = outcome.run, outcome.cell
    if cell.engine is EngineName.PREVIEW:
        return "free"
    if run is not None and run.cost_usd is not None:
        return dollars(run.cost_usd)
    estimate_usd = cell.estimate_usd if run is None else run.estimate_usd
    return f"about {dollars(estimate_usd)}" if estimate_usd else ""


def _tone(outcome: CellOutcome) -> str:
    return "done" if outcome.is_done else "failed" if outcome.is_failed else ""


def _anchor(outcome: CellOutcome) -> str:
    return f"cell-{outcome.cell.row.number}-{outcome.cell.engine.value}"


def _paragraph(words: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(words)}</p>' if words else ""


def _list(title: str, items: Iterable[str]) -> str:
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<p class="small">{title}:</p><ul class="small">{listed}</ul>' if listed else ""


def _link(relative: str, words: str) -> str:
    return f'<a href="{_href(relative)}">{escape(words)}</a>'


def _href(relative: str) -> str:
    return escape(quote(relative), quote=True)


def cells_in(text: str, count: int) -> frozenset[int]:
    """Read numbers of cells, such as ``3,5-8``.

    Args:
        text: Numbers and spans with commas between.
        count: How many cells there are.

    Raises:
        SettingsError: It is something else, or names a cell that is not there.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise SettingsError("--cells takes numbers and spans of cells, such as 3,5-8.")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            raise SettingsError(f"--cells names {part.strip()}, but the cells are 1 to {count}.")
        found.update(range(first, last + 1))
    return frozenset(found)


def ticked_in(path: Path, count: int) -> frozenset[int]:
    """Read which cells are ticked in a CSV such as the report's: anything but no, 0 or nothing below ``chosen``.

    Raises:
        SettingsError: It cannot be read, has no such columns, names a cell that is not there, or ticks none.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(",;\t", key=header.count))
            columns: Collection[str] = reader.fieldnames or ()
            if not {NUMBER, TICK} <= set(columns):
                raise SettingsError(f"--only takes a CSV with the columns {NUMBER} and {TICK}, as the report's has.")
            ticked = [row[NUMBER] or "" for row in reader if (row[TICK] or "").strip().lower() not in _NO]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"--only takes a CSV that can be read; {path.name} cannot.") from error
    numbers = {int(number) if number.strip().isdecimal() else 0 for number in ticked}
    if not numbers:
        raise SettingsError(f"--only: no cell is ticked in {path.name}.", advice=f"Put an x below {TICK}.")
    if not all(1 <= number <= count for number in numbers):
        raise SettingsError(f"--only: {path.name} ticks a cell that is not there; the cells are 1 to {count}.")
    return frozenset(numbers)


async def write_sheets(workers: Workers, outcomes: Sequence[CellOutcome], folder: Path) -> tuple[Path, ...]:
    """Draw contact sheets of what became of a batch's cells, and return their paths.

    Args:
        workers: Read the pictures and the results.
        outcomes: What became of the cells.
        folder: Where ``contact-sheet.png`` goes; further ones get a number.

    Raises:
        MediaError: A sheet cannot be written.
    """
    sheets = []
    for first in range(0, len(outcomes), STRIPS_MAX):
        some = outcomes[first : first + STRIPS_MAX]
        shown = await all_of(_shown(workers, outcome) for outcome in some)
        number = first // STRIPS_MAX + 1
        sheets.append(folder / f"contact-sheet{f'-{number}' if number > 1 else ''}.png")
        await asyncio.to_thread(_write_sheet, sheets[-1], some, shown)
    return tuple(sheets)


async def _shown(workers: Workers, outcome: CellOutcome) -> list[np.ndarray]:
    try:
        return await workers.run(pictures_of, outcome.cell.row.image, outcome.video)
    except (MediaError, WorkError):  # its words say what is wrong with it
        return []


def pictures_of(image: Path, video: Path | None) -> list[np.ndarray]:
    """Read a character and evenly spaced moments of a result, ``(height, width, 3)`` uint8 RGB each.

    Raises:
        MediaError: One of them cannot be read.
    """
    pictures = [read_picture(image, long_side_px=_LONG_SIDE_PX).rgb]
    if video is not None:
        facts = probe_video(video)
        times_s = [facts.duration_s * (index + 0.5) / MOMENTS for index in range(MOMENTS)]
        frames = sample_frames(video, container=facts.format, times_s=times_s, long_side_px=_LONG_SIDE_PX)
        pictures += [frame.rgb for frame in frames]
    return pictures


def _write_sheet(out: Path, outcomes: Sequence[CellOutcome], shown: Sequence[list[np.ndarray]]) -> None:
    strips = [
        strip(pictures, _title(outcome), _line(outcome), is_done=outcome.is_done)
        for outcome, pictures in zip(outcomes, shown, strict=True)
    ]
    write_strips(out, [strips[first : first + STRIPS_ACROSS] for first in range(0, len(strips), STRIPS_ACROSS)])


def _title(outcome: CellOutcome) -> str:
    return f"{outcome.cell.row.number}: {outcome.cell.row.title} ({outcome.cell.engine.value})"


def _line(outcome: CellOutcome) -> str:
    return outcome_line(outcome.state, outcome.message, outcome.run.motion_match if outcome.run else None)
