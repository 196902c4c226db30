"""The results of a batch in pictures: each character beside moments of what became of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kling_ui.batches.execution import CellOutcome
from kling_ui.batches.plan import all_of
from kling_ui.errors import MediaError, WorkError
from kling_ui.media.image import read_picture
from kling_ui.media.probe import probe_video
from kling_ui.media.video import sample_frames
from kling_ui.presentation.batch import outcome_line
from kling_ui.sheets import MOMENTS, TILE_PX, strip, write_strips
from kling_ui.workers import Workers

COLUMNS = 2
STRIPS_MAX = 40  # on one picture: more would be too high for many programs that show pictures
_LONG_SIDE_PX = 2 * TILE_PX


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
        await asyncio.to_thread(_write, sheets[-1], some, shown)
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


def _write(out: Path, outcomes: Sequence[CellOutcome], shown: Sequence[list[np.ndarray]]) -> None:
    strips = [
        strip(pictures, _title(outcome), _line(outcome), is_done=outcome.is_done)
        for outcome, pictures in zip(outcomes, shown, strict=True)
    ]
    write_strips(out, [strips[first : first + COLUMNS] for first in range(0, len(strips), COLUMNS)])


def _title(outcome: CellOutcome) -> str:
    return f"{outcome.cell.row.number}: {outcome.cell.row.title} ({outcome.cell.engine.value})"


def _line(outcome: CellOutcome) -> str:
    return outcome_line(outcome.state, outcome.message, outcome.run.motion_match if outcome.run else None)
