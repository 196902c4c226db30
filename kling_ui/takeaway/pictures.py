"""A contact sheet of a run, and a short loop of it for chats; drawn in workers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kling_ui.errors import MediaError
from kling_ui.media.comparison_layout import FAINT, INK, PAPER, ScoreCurve
from kling_ui.media.files import ProgressFile, atomic_file
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.video import sample_frames

MOMENTS = 6
TILE_PX, MARGIN_PX, NAME_PX, BELOW_PX = 300, 16, 110, 34  # of a sheet: tiles' height, what lies around and beside them
LOOP_S, LOOP_FPS = 3.0, 12
LOOP_MAX_BYTES = 5_000_000
LOOP_STEPS = ((480, 80), (420, 70), (360, 60), (280, 50), (200, 40))  # height in pixels and quality, until it fits


def draw_sheet(
    reference: Path, result: Path, out: Path, score: ScoreCurve, *, late_s: float = 0.0, progress: Path | None = None
) -> Path:
    """Draw the reference above the result at several moments as a PNG, with the score of each moment below.

    Args:
        reference: The clip that gave the motion.
        result: The clip that was made.
        out: The PNG; it appears whole or not at all.
        score: What to say of it, and the pieces that moments fall into.
        late_s: How much later than the reference the result begins, in seconds.
        progress: Where to tell how far it is.

    Raises:
        MediaError: A clip cannot be read, or the sheet not written.
    """
    told, (wanted, made) = ProgressFile(progress), (probe_video(reference), probe_video(result))
    until_s = min(wanted.duration_s, late_s + made.duration_s)
    times_s = [late_s + (until_s - late_s) * (index + 0.5) / MOMENTS for index in range(MOMENTS)]
    rows = []
    for facts, begin_s in ((wanted, 0.0), (made, late_s)):
        rows.append([_tile(rgb, TILE_PX) for rgb in frames_at(facts, [at - begin_s for at in times_s], TILE_PX * 2)])
        told.tell(len(rows) / 3)
    _save(_sheet(rows, times_s, score), out, "PNG")
    return out


def frames_at(facts: VideoFacts, times_s: Sequence[float], long_side_px: int) -> list[np.ndarray]:
    """Read a clip's picture at some times, which rise; where a picture lasts, the same one several times.

    Raises:
        MediaError: It cannot be read.
    """
    slack_s = 0.5 / facts.fps
    found = list(
        sample_frames(
            facts.path,
            container=facts.format,
            times_s=[max(0.0, at - slack_s) for at in times_s],
            long_side_px=long_side_px,
        )
    )
    if not found:
        raise MediaError("it shows no pictures.", path=facts.path, advice="Choose another clip.")
    read_s = np.array([frame.time_s for frame in found])
    return [found[int(np.abs(read_s - at).argmin())].rgb for at in times_s]


def _sheet(rows: Sequence[Sequence[Image.Image]], times_s: Sequence[float], score: ScoreCurve) -> Image.Image:
    across = [max(tile.width for tile in column) for column in zip(*rows, strict=True)]
    width = NAME_PX + sum(across) + MARGIN_PX * (len(across) + 1)
    title_px = 48
    height = title_px + len(rows) * (TILE_PX + MARGIN_PX) + BELOW_PX
    sheet = Image.new("RGB", (width, height), PAPER)
    pen, font, small = ImageDraw.Draw(sheet), ImageFont.load_default(22), ImageFont.load_default(17)
    pen.text(
        (MARGIN_PX, title_px / 2), score.words.replace("\N{NO-BREAK SPACE}", " "), fill=INK, font=font, anchor="lm"
    )
    for number, (name, row) in enumerate(zip(("Reference", "Result"), rows, strict=True)):
        top = title_px + number * (TILE_PX + MARGIN_PX)
        pen.text((MARGIN_PX, top + TILE_PX / 2), name, fill=INK, font=small, anchor="lm")
        left = NAME_PX + MARGIN_PX
        for tile, room in zip(row, across, strict=True):
            pen.rectangle((left, top, left + room - 1, top + TILE_PX - 1), fill=FAINT)
            sheet.paste(tile, (left + (room - tile.width) // 2, top))
            left += room + MARGIN_PX
    left, top = NAME_PX + MARGIN_PX, height - BELOW_PX
    for at, room in zip(times_s, across, strict=True):
        piece = piece_at(score, at)
        words = f"{at:.1f} s" if piece is None else f"{at:.1f} s: {piece:.0f}"
        pen.text((left + room / 2, top), words, fill=INK, font=small, anchor="ma")
        left += room + MARGIN_PX
    return sheet


def piece_at(score: ScoreCurve, time_s: float) -> float | None:
    """The score at a moment; ``None`` where none was measured."""
    return next((value for at, value in reversed(score.pieces) if at <= time_s + 1e-6), None)


def best_start_s(score: ScoreCurve, late_s: float, until_s: float) -> float:
    """Where the best :data:`LOOP_S` seconds begin that both clips show; the middle where nothing was measured."""
    latest_s = max(late_s, until_s - LOOP_S)
    begins = [late_s, *(at for at, _ in score.pieces if late_s < at <= latest_s), latest_s]

    def mean(begin_s: float) -> float:
        inside = [value or 0.0 for at, value in score.pieces if begin_s - 1e-6 <= at < begin_s + LOOP_S - 1e-6]
        return sum(inside) / len(inside) if inside else 0.0

    if not any(value for _, value in score.pieces):
        return (late_s + latest_s) / 2
    return max(begins, key=mean)


def draw_loop(
    reference: Path, result: Path, out: Path, score: ScoreCurve, *, late_s: float = 0.0, progress: Path | None = None
) -> Path:
    """Write the best three seconds, the reference beside the result, as an animated WebP of less than 5 MB.

    Args:
        reference: The clip that gave the motion.
        result: The clip that was made.
        out: The WebP; it appears whole or not at all.
        score: Its pieces tell which seconds are the best.
        late_s: How much later than the reference the result begins, in seconds.
        progress: Where to tell how far it is.

    Raises:
        MediaError: A clip cannot be read, or the loop not written, or it does not get small enough.
    """
    told, (wanted, made) = ProgressFile(progress), (probe_video(reference), probe_video(result))
    until_s = min(wanted.duration_s, late_s + made.duration_s)
    begin_s = best_start_s(score, late_s, until_s)
    count = max(1, round(min(LOOP_S, until_s - begin_s) * LOOP_FPS))
    times_s = [begin_s + index / LOOP_FPS for index in range(count)]
    sides = [frames_at(wanted, times_s, 2 * LOOP_STEPS[0][0])]
    told.tell(0.3)
    sides.append(frames_at(made, [at - late_s for at in times_s], 2 * LOOP_STEPS[0][0]))
    told.tell(0.5)
    for number, (height_px, quality) in enumerate(LOOP_STEPS):
        frames = [_beside(pair, height_px) for pair in zip(*sides, strict=True)]
        _save(frames[0], out, "WEBP", append_images=frames[1:], duration=1000 // LOOP_FPS, quality=quality)
        told.tell(0.6 + 0.1 * number)
        if out.stat().st_size < LOOP_MAX_BYTES:
            return out
    out.unlink()
    raise MediaError("it does not get smaller than 5 MB.", path=out, advice="Take the comparison instead.")


def _beside(pair: Sequence[np.ndarray], height_px: int) -> Image.Image:
    tiles = [_tile(rgb, height_px) for rgb in pair]
    gap = 4
    frame = Image.new("RGB", (sum(tile.width for tile in tiles) + gap, height_px), PAPER)
    frame.paste(tiles[0], (0, 0))
    frame.paste(tiles[1], (tiles[0].width + gap, 0))
    return frame


def _tile(rgb: np.ndarray, height_px: int) -> Image.Image:
    picture = Image.fromarray(rgb)
    return picture.resize(
        (max(1, round(picture.width * height_px / picture.height)), height_px), Image.Resampling.LANCZOS
    )


def _save(picture: Image.Image, out: Path, kind: str, **options: object) -> None:
    moving = {"save_all": True, "loop": 0, "method": 4} if kind == "WEBP" else {}
    with atomic_file(out) as unfinished:
        picture.save(unfinished, kind, **moving, **options)
