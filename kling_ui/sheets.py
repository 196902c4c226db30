"""Contact sheets: many characters with many clips side by side in one picture, for people who choose among them."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kling_ui.composition import Parts, blocking, open_parts
from kling_ui.errors import MediaError, SettingsError
from kling_ui.media.files import atomic_file
from kling_ui.media.image import read_picture
from kling_ui.options import Orientation, TransferOptions, member_of
from kling_ui.puppet.render import Moments, draw_moments, read_motion
from kling_ui.results import CheckResult, Progress
from kling_ui.settings import Settings
from kling_ui.vision.pose import PoseTrack

MOMENTS = 5
SIDES_PX = (640, 640)  # of the frames that are drawn
TILE_PX = 240  # the height of a tile
WIDEST = 1.8  # of its height, that a tile is at most
LABEL_PX, LINE_PX, GAP_PX = 15, 20, 10
PAPER, INK, FAINT, RED = (250, 250, 248), (30, 30, 34), (226, 226, 222), (178, 34, 34)
WORDS_PX = 7.2  # about the width of a letter of a label
PARTS = 10  # that a body has
MOST_CELLS = 400
ENDINGS = frozenset({".png"})

AnyPath = str | os.PathLike[str]
Motion = tuple[PoseTrack, float]


@dataclass(frozen=True, slots=True)
class SheetCell:
    """One character with one clip on a sheet.

    Attributes:
        image: The character image.
        video: The reference video.
        message: What the checks say, or why nothing was drawn, in one sentence.
        is_done: It was drawn.
        is_unreadable: Nothing was drawn because a file cannot be read.
    """

    image: Path
    video: Path
    message: str
    is_done: bool
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class SheetResult:
    """A sheet that was drawn.

    Attributes:
        path: The PNG.
        cells: What is on it, image by image.
    """

    path: Path
    cells: tuple[SheetCell, ...]


async def asheet(
    images: Iterable[AnyPath],
    videos: Iterable[AnyPath],
    *,
    out: AnyPath,
    orientation: str = "video",
    accept: Collection[str] = (),
    on_progress: Callable[[Progress], None] | None = None,
    settings: Settings | None = None,
) -> SheetResult:
    """Draw every character at five moments of every clip into one picture, as previews would show them.

    A row is a character, a column a clip. Nothing is sent, and no run is made. Where the checks block a pair, or a file
    cannot be read, its place says why, and the others are drawn all the same.

    Args:
        images: Character images, one at least.
        videos: Reference videos, one at least.
        out: The PNG to write; one that is there is replaced.
        orientation: Whose facing the characters follow, ``video`` or ``image``.
        accept: Ids of rules that a person overrules, see :func:`kling_ui.acheck`.
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: The sheet cannot be written.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    work = _work_of(images, videos, member_of(Orientation, orientation, "orientation"), accept, on_progress)
    work.require(Path(out))
    async with open_parts(settings or Settings.from_env()) as parts:
        return await work.finish(parts, Path(out))


sheet = blocking(asheet, "sheet")


async def sheet_with(
    parts: Parts,
    images: Iterable[AnyPath],
    videos: Iterable[AnyPath],
    *,
    out: Path,
    orientation: Orientation,
    accept: Collection[str] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> SheetResult:
    """Draw a sheet with what is open already; arguments and errors as for :func:`asheet`."""
    work = _work_of(images, videos, orientation, accept, on_progress)
    work.require(out)
    return await work.finish(parts, out)


Pair = tuple[Path, Path]


@dataclass(frozen=True, slots=True)
class _Work:
    images: tuple[Path, ...]
    videos: tuple[Path, ...]
    orientation: Orientation
    accept: Collection[str]
    tell: Callable[[Progress], None]

    def require(self, out: Path) -> None:
        if not (self.images and self.videos):
            raise SettingsError("A sheet takes one image and one video at least.")
        if len(self.images) * len(self.videos) > MOST_CELLS:
            raise SettingsError(f"A sheet holds at most {MOST_CELLS} pairs.", advice="Give fewer images or videos.")
        if out.suffix.lower() not in ENDINGS:
            raise SettingsError("out takes the name of a .png file.")
        if not out.parent.is_dir():
            raise SettingsError("out takes a name in a folder that exists.")

    async def finish(self, parts: Parts, out: Path) -> SheetResult:
        cells, moments, pictures = await self.carry_out(parts)
        self.tell(Progress("Writing the sheet.", 1.0))
        await asyncio.to_thread(_write, out, self, cells, moments, pictures)
        return SheetResult(out, tuple(cells.values()))

    async def carry_out(
        self, parts: Parts
    ) -> tuple[dict[Pair, SheetCell], dict[Pair, Moments], dict[Path, np.ndarray]]:
        cells: dict[Pair, SheetCell] = {}
        steps = len(self.images) * len(self.videos) + len(self.videos) + len(self.images)
        done = 0

        def step(words: str) -> None:
            nonlocal done
            self.tell(Progress(words, done / steps))
            done += 1

        for image in self.images:
            for video in self.videos:
                step(f"Looking at {image.name} with {video.name}.")
                cells[image, video] = await self._checked(parts, image, video)
        wanted = [video for video in self.videos if any(cells[image, video].is_done for image in self.images)]
        motions: dict[Path, Motion] = {}
        for video in wanted:
            step(f"Reading the motion of {video.name}.")
            motions[video] = await parts.workers.run(read_motion, video)
        moments: dict[Pair, Moments] = {}
        pictures: dict[Path, np.ndarray] = {}
        for image in self.images:
            step(f"Drawing {image.name}.")
            own = [video for video in wanted if cells[image, video].is_done]
            try:
                pictures[image] = (await parts.workers.run(read_picture, image, long_side_px=2 * TILE_PX)).rgb
                drawn = await self._drawn(parts, image, [(video, *motions[video]) for video in own])
            except MediaError as error:
                for video in own:
                    cells[image, video] = SheetCell(image, video, str(error), is_done=False)
                continue
            moments |= {(image, video): found for video, found in zip(own, drawn, strict=True)}
        return cells, moments, pictures

    async def _drawn(self, parts: Parts, image: Path, motions: list[tuple[Path, PoseTrack, float]]) -> list[Moments]:
        if not motions:
            return []
        return await parts.workers.run(
            draw_moments, image, motions, orientation=self.orientation, count=MOMENTS, sides_px=SIDES_PX
        )

    async def _checked(self, parts: Parts, image: Path, video: Path) -> SheetCell:
        choice = TransferOptions(orientation=self.orientation)
        try:
            report = await parts.preflight.report(image, video, choice)
        except MediaError as error:
            return SheetCell(image, video, str(error), is_done=False, is_unreadable=True)
        checked = CheckResult.of(report.accepting(self.accept))
        return SheetCell(image, video, checked.headline, is_done=not checked.is_blocked)


def _work_of(
    images: Iterable[AnyPath],
    videos: Iterable[AnyPath],
    orientation: Orientation,
    accept: Collection[str],
    on_progress: Callable[[Progress], None] | None,
) -> _Work:
    unique = (tuple(dict.fromkeys(map(Path, paths))) for paths in (images, videos))
    return _Work(*unique, orientation, accept, on_progress or (lambda _: None))


def _write(
    out: Path,
    work: _Work,
    cells: dict[Pair, SheetCell],
    moments: dict[Pair, Moments],
    pictures: dict[Path, np.ndarray],
) -> None:
    rows = [
        [_strip(cells[image, video], moments.get((image, video)), pictures.get(image)) for video in work.videos]
        for image in work.images
    ]
    write_strips(out, rows)


def write_strips(out: Path, rows: Sequence[Sequence[Image.Image]]) -> None:
    """Put strips into columns below each other and write them as one PNG; blocking.

    Args:
        out: The PNG; one that is there is replaced.
        rows: Strips, as :func:`strip` draws them; each row has as many as the first, or fewer.

    Raises:
        MediaError: It cannot be written.
    """
    columns = range(len(rows[0]))
    widths = [max((row[column].width for row in rows if column < len(row)), default=0) for column in columns]
    heights = [max(drawn.height for drawn in row) for row in rows]
    sheet = Image.new("RGB", (sum(widths) + GAP_PX * (len(widths) + 1), sum(heights) + GAP_PX * (len(rows) + 1)), PAPER)
    top = GAP_PX
    for row, height in zip(rows, heights, strict=True):
        left = GAP_PX
        for drawn, width in zip(row, widths, strict=False):
            sheet.paste(drawn, (left, top))
            left += width + GAP_PX
        top += height + GAP_PX
    try:
        with atomic_file(out) as unfinished:
            sheet.save(unfinished, "PNG")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(f"it cannot be written ({reason}).", path=out, advice="Choose another folder.") from error


def _strip(cell: SheetCell, moments: Moments | None, picture: np.ndarray | None) -> Image.Image:
    shown = ([] if picture is None else [picture]) + (list(moments.frames) if moments else [])
    parts = f"{moments.parts} of {PARTS} body parts. " if moments else ""
    return strip(shown, f"{cell.image.name} + {cell.video.name}", f"{parts}{cell.message}", is_done=cell.is_done)


def strip(shown: Sequence[np.ndarray], title: str, message: str, *, is_done: bool) -> Image.Image:
    """Draw a picture, the moments beside it, and what is to be said below.

    Args:
        shown: The picture and up to :data:`MOMENTS` frames, ``(height, width, 3)`` uint8 RGB each.
        title: One line.
        message: What is to be said; it is wrapped.
        is_done: All is well; else the message is red.
    """
    tiles = [_tile(rgb) for rgb in shown] or [Image.new("RGB", (TILE_PX, TILE_PX), FAINT)]
    empty = MOMENTS + 1 - len(tiles)
    width = sum(tile.width for tile in tiles) + empty * tiles[0].width
    lines = _wrapped(message, int(width / WORDS_PX))
    drawn = Image.new("RGB", (width, TILE_PX + LINE_PX * (1 + len(lines)) + GAP_PX // 2), PAPER)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(LABEL_PX)
    pen.rectangle((0, 0, width - 1, TILE_PX - 1), fill=FAINT)
    left = 0
    for tile in tiles:
        drawn.paste(tile, (left, 0))
        left += tile.width
    names = _wrapped(title, int(width / WORDS_PX))[0]
    for number, line in enumerate([names, *lines]):
        ink = RED if number and not is_done else INK
        pen.text((2, TILE_PX + 2 + number * LINE_PX), line, fill=ink, font=font)
    return drawn


def _tile(rgb: np.ndarray) -> Image.Image:
    height, width = rgb.shape[:2]
    picture = Image.fromarray(rgb)
    if width > WIDEST * height:
        picture = picture.crop((round((width - WIDEST * height) / 2), 0, round((width + WIDEST * height) / 2), height))
    return picture.resize((max(1, round(picture.width * TILE_PX / height)), TILE_PX), Image.Resampling.LANCZOS)


def _wrapped(words: str, letters: int) -> Sequence[str]:
    """Lines of at most so many letters; a longer word is cut."""
    plain = "".join(letter if letter.isprintable() and ord(letter) < 0x2000 else "?" for letter in words)
    plain = plain.replace("\N{LEFT DOUBLE QUOTATION MARK}", '"')
    lines = [""]
    for word in plain.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()[: max(1, letters)]
    return lines
