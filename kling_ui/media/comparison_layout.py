"""Where picture, reference and result stand in a comparison, their labels, and the score below them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kling_ui.options import Layout

HEIGHT_MAX_PX, WIDTH_MAX_PX = 1280, 3840  # of a comparison; players and H.264 decoders take as much everywhere
LABELS = ("Picture", "Reference", "Result")
LABEL_PX, GAP_PX, SCORE_PX = 40, 8, 64
WORTH = 1.3  # as much larger, at least, as clips must get for the picture to be left out
LEAST_PICTURE = 0.4  # of the clips' height: below them, a picture that would be smaller is left out
LETTERS_PX = 26
PAPER, INK, FAINT, LINE = (255, 255, 255), (40, 40, 46), (228, 228, 224), (15, 109, 98)
_WIDEST_TITLE_PX = 420


class Box(NamedTuple):
    """A place in pixels."""

    left: int
    top: int
    width: int
    height: int


class ScoreCurve(NamedTuple):
    """What is said of a score, and how it changes.

    Attributes:
        words: One line.
        pieces: Time in seconds and score, 0-100 or ``None``, of evenly spaced pieces; times rise.
    """

    words: str
    pieces: Sequence[tuple[float, float | None]] = ()


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """Where everything stands.

    Attributes:
        width_px: Of the whole, even.
        height_px: Of the whole, even.
        image: The character image; ``None`` where it is left out.
        reference: The clip that gave the motion.
        result: The clip that was made.
        curve: The score over time; ``None`` without one.
    """

    width_px: int
    height_px: int
    image: Box | None
    reference: Box
    result: Box
    curve: Box | None


def strip_height(heights_px: Sequence[int], aspects: Sequence[float]) -> int:
    """The height, even, at which nothing in a strip is scaled down that the limits have room for.

    Args:
        heights_px: Of the two clips.
        aspects: Width by height of picture, reference and result.
    """
    wanted = min(HEIGHT_MAX_PX, max(heights_px), (WIDTH_MAX_PX - 2 * GAP_PX) / sum(aspects))
    return max(2, 2 * int(wanted / 2))


def arranged(aspects: Sequence[float], layout: Layout, *, height_px: int, has_score: bool) -> ComparisonPlan:
    """Place picture, reference and result.

    Args:
        aspects: Their widths by their heights.
        layout: The shape of the whole.
        height_px: Their height in a strip.
        has_score: The score is drawn below.
    """
    below = SCORE_PX if has_score else 0
    if layout.frame_px is None:
        widths = [max(2, 2 * round(height_px * aspect / 2)) for aspect in aspects]
        total = sum(widths) + GAP_PX * (len(widths) - 1)
        lefts = np.cumsum([0, *(width + GAP_PX for width in widths)])
        boxes = [Box(int(left), LABEL_PX, width, height_px) for left, width in zip(lefts, widths, strict=False)]
        return _plan(total + total % 2, height_px + LABEL_PX, boxes, below)
    width, height = layout.frame_px
    room = (width - 2 * GAP_PX, height - below - GAP_PX)
    three, two = (max(_arrangements(some, room), key=_smaller_clip) for some in (aspects, aspects[1:]))
    chosen = two if _smaller_clip(two) > WORTH * _smaller_clip(three) else three
    boxes = [box._replace(left=box.left + GAP_PX) for box in chosen]
    return _plan(width, height - below, boxes, below)


def _plan(width_px: int, height_px: int, boxes: Sequence[Box], below: int) -> ComparisonPlan:
    *image, reference, result = boxes
    left = min(_WIDEST_TITLE_PX, width_px // 2)
    curve = Box(left, height_px + 12, width_px - left - 12, below - 24) if below else None
    return ComparisonPlan(width_px, height_px + below, image[0] if image else None, reference, result, curve)


def _arrangements(aspects: Sequence[float], room: tuple[int, int]) -> list[list[Box]]:
    """In a row, in a column, and with the first two above each other beside the third: each centred in the room."""
    width, height = room
    count = len(aspects)
    of_row = min((width - GAP_PX * (count - 1)) / sum(aspects), height - LABEL_PX)
    row = _in_row([(aspect, of_row) for aspect in aspects], room)
    of_column = (height - LABEL_PX * count - GAP_PX * (count - 1)) / count
    each = [min(of_column, width / aspect) for aspect in aspects]
    spare = height - sum(each) - LABEL_PX * count - GAP_PX * (count - 1)
    top, column = spare / 2, []
    for aspect, tall in zip(aspects, each, strict=True):
        column.append(_box((width - aspect * tall) / 2, top + LABEL_PX, aspect * tall, tall))
        top += LABEL_PX + tall + GAP_PX
    return [row, column, *([_mosaic(aspects, room), *_below_both(aspects, room)] if count > 2 else [])]


def _below_both(aspects: Sequence[float], room: tuple[int, int]) -> list[list[Box]]:
    """The clips in a row, and the picture below in the room that they leave; nothing where that is too little."""
    tall = (room[0] - GAP_PX) / sum(aspects[1:])
    spare = room[1] - LABEL_PX - tall - GAP_PX - LABEL_PX
    if spare < LEAST_PICTURE * tall:
        return []
    of_image = min(spare, tall, room[0] / aspects[0])
    top = (spare - of_image) / 2
    clips = _in_row([(aspect, tall) for aspect in aspects[1:]], (room[0], round(tall) + LABEL_PX))
    image = _box(
        (room[0] - aspects[0] * of_image) / 2, top + tall + 2 * LABEL_PX + GAP_PX, aspects[0] * of_image, of_image
    )
    return [[image, *(box._replace(top=box.top + round(top)) for box in clips)]]


def _in_row(sizes: Sequence[tuple[float, float]], room: tuple[int, int]) -> list[Box]:
    total = sum(aspect * tall for aspect, tall in sizes) + GAP_PX * (len(sizes) - 1)
    left, row = (room[0] - total) / 2, []
    for aspect, tall in sizes:
        row.append(_box(left, (room[1] - LABEL_PX - tall) / 2 + LABEL_PX, aspect * tall, tall))
        left += aspect * tall + GAP_PX
    return row


def _mosaic(aspects: Sequence[float], room: tuple[int, int]) -> list[Box]:
    width, height = room
    upper, lower, made = aspects
    # widths of the left column (x) and of the result (y): x / upper + x / lower + label = y / made, x + gap + y = width
    share = (1 / upper + 1 / lower) * made
    x = (width - GAP_PX - made * (LABEL_PX + GAP_PX)) / (1 + share)
    tall = x * (1 / upper + 1 / lower) + LABEL_PX + GAP_PX
    if tall > height - LABEL_PX:
        x *= (height - 2 * LABEL_PX - GAP_PX) / (tall - LABEL_PX - GAP_PX)
        tall = height - LABEL_PX
    y = tall * made
    left, top = (width - x - GAP_PX - y) / 2, (height - LABEL_PX - tall) / 2 + LABEL_PX
    return [
        _box(left, top, x, x / upper),
        _box(left, top + x / upper + GAP_PX + LABEL_PX, x, x / lower),
        _box(left + x + GAP_PX, top, y, tall),
    ]


def _smaller_clip(boxes: Sequence[Box]) -> int:
    return min(box.width * box.height for box in boxes[-2:])


def _box(left: float, top: float, width: float, height: float) -> Box:
    return Box(round(left), round(top), _even(width), _even(height))


def _even(length: float) -> int:
    return max(2, 2 * int(length / 2 + 1e-6))


def blank_canvas(plan: ComparisonPlan, score: ScoreCurve | None, total_s: float) -> np.ndarray:
    """Draw the paper with labels and score, ``(height, width, 3)`` uint8 RGB."""
    canvas = Image.new("RGB", (plan.width_px, plan.height_px), PAPER)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(LETTERS_PX)
    for label, box in zip(LABELS, (plan.image, plan.reference, plan.result), strict=True):
        if box is not None:
            pen.text((box.left + box.width / 2, box.top - LABEL_PX / 2), label, fill=INK, font=font, anchor="mm")
    if plan.curve is not None and score is not None:
        words = score.words.replace("\N{NO-BREAK SPACE}", " ")
        room, size = plan.curve.left - 28, LETTERS_PX
        while size > 10 and pen.textlength(words, font=ImageFont.load_default(size)) > room:
            size -= 1
        middle = plan.curve.top + plan.curve.height / 2
        pen.text((14, middle), words, fill=INK, font=ImageFont.load_default(size), anchor="lm")
        _draw_curve(pen, plan.curve, score, total_s)
    return np.array(canvas)


def _draw_curve(pen: ImageDraw.ImageDraw, box: Box, score: ScoreCurve, total_s: float) -> None:
    pen.rectangle((box.left, box.top, box.left + box.width, box.top + box.height), fill=FAINT)
    times_s = [*(time_s for time_s, _ in score.pieces), total_s]
    for (time_s, value), end_s in zip(score.pieces, times_s[1:], strict=True):
        if value is not None and time_s < total_s:
            left, right = (box.left + box.width * min(1.0, at / total_s) for at in (time_s, end_s))
            top = box.top + box.height * (1 - value / 100)
            pen.rectangle((left, top, max(left, right - 1), box.top + box.height), fill=LINE)


def with_playhead(canvas: np.ndarray, plan: ComparisonPlan, share: float) -> np.ndarray:
    """Copy a canvas, and draw how much of the time has passed, 0-1."""
    shown = canvas.copy()
    if plan.curve is not None:
        left = plan.curve.left + round(plan.curve.width * min(1.0, share)) - 1
        shown[plan.curve.top - 6 : plan.curve.top + plan.curve.height + 6, left : left + 3] = INK
    return shown
