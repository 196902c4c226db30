"""Drift: how colours, size and place of the character change from piece to piece, measured and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kling_ui.checks.pieces import Piece, PiecePlan
from kling_ui.media.colour_match import lab_colours
from kling_ui.media.files import atomic_file
from kling_ui.media.probe import probe_video
from kling_ui.media.video import sample_frames
from kling_ui.vision.people import one_thread
from kling_ui.vision.pose import HIPS, POSE_LONG_SIDE_PX, find_people, trunk_length

MOMENTS = 6  # of each piece
WIDTH_PX, ROW_PX, LEFT_PX, TOP_PX, GAP_PX = 900, 130, 130, 40, 26
PAPER, INK, FAINT = (250, 250, 248), (30, 30, 34), (214, 214, 210)
LINES = ((30, 30, 34), (192, 57, 43), (36, 113, 163))


@dataclass(frozen=True, slots=True)
class PieceLook:
    """What a piece's result looks like, over a few moments of it.

    Attributes:
        number: The piece.
        lab: Mean colour in CIE Lab, as the engine made it.
        trunk_share: Length of the trunk, in picture heights; ``None`` where nobody was found.
        x_share: Where the hips are, from the left, 0-1.
        y_share: Where they are, from the top.
        reference_trunk_share: Length of the trunk in the source clip at the same moments.
    """

    number: int
    lab: tuple[float, ...]
    trunk_share: float | None = None
    x_share: float | None = None
    y_share: float | None = None
    reference_trunk_share: float | None = None

    @property
    def size_against_reference(self) -> float | None:
        """Size of the figure, divided by that of the person whom it follows."""
        if self.trunk_share is None or not self.reference_trunk_share:
            return None
        return self.trunk_share / self.reference_trunk_share


@dataclass(frozen=True, slots=True)
class Drift:
    """How much changes from piece to piece: the largest difference between any two.

    Attributes:
        looks: Of each piece with a result.
        colours: Of the mean colours, in units of Lab.
        size_share: Of the figure's size against the reference's, as a share of the first piece's.
        place_share: Of the figure's place, in shares of the picture.
    """

    looks: tuple[PieceLook, ...]
    colours: float = 0.0
    size_share: float = 0.0
    place_share: float = 0.0


@one_thread()
def measure_drift(plan: PiecePlan, results: Sequence[Path | None], source: Path) -> Drift:
    """Measure each result at a few moments; run it in a worker.

    Args:
        plan: The pieces.
        results: What came of each.
        source: The clip that was cut.

    Raises:
        MediaError: One of them cannot be read.
    """
    looks = tuple(
        _look(plan, piece, path, source) for piece, path in zip(plan.pieces, results, strict=True) if path is not None
    )
    if not looks:
        return Drift(())
    labs = np.array([look.lab for look in looks])
    sizes = [look.size_against_reference for look in looks if look.size_against_reference is not None]
    places = np.array([(look.x_share, look.y_share) for look in looks if look.x_share is not None], float).reshape(
        -1, 2
    )
    return Drift(
        looks,
        colours=_spread(labs),
        size_share=float(np.ptp(sizes) / sizes[0]) if sizes else 0.0,
        place_share=_spread(places),
    )


def _spread(points: np.ndarray) -> float:
    if not len(points):
        return 0.0
    return float(np.linalg.norm(points[:, None] - points[None], axis=-1).max())


def _look(plan: PiecePlan, piece: Piece, path: Path, source: Path) -> PieceLook:
    shares = (np.arange(MOMENTS) + 0.5) / MOMENTS
    own_s = shares * plan.seconds(piece.frame_count)
    pictures = _pictures(path, own_s)
    lab = tuple(round(value, 2) for value in lab_colours(pictures).mean)
    trunk, x, y = _figure(pictures)
    reference, _, _ = _figure(_pictures(source, own_s + plan.seconds(piece.from_frame)))
    return PieceLook(piece.number, lab, trunk, x, y, reference)


def _pictures(path: Path, times_s: np.ndarray) -> list[np.ndarray]:
    facts = probe_video(path)
    frames = sample_frames(
        path,
        container=facts.format,
        times_s=times_s.tolist(),
        keyframe_times_s=facts.keyframe_times_s,
        long_side_px=POSE_LONG_SIDE_PX,
    )
    return [frame.rgb for frame in frames]


def _figure(pictures: Sequence[np.ndarray]) -> tuple[float | None, float | None, float | None]:
    """Median length of the trunk and place of the hips."""
    found = [(people[0].landmarks, rgb.shape[1] / rgb.shape[0]) for rgb in pictures if (people := find_people(rgb))]
    if not found:
        return None, None, None
    trunks = [float(trunk_length(landmarks, aspect)) for landmarks, aspect in found]
    hips = np.array([landmarks[HIPS, :2].mean(axis=0) for landmarks, _ in found])
    x, y = np.median(hips, axis=0).tolist()
    return round(float(np.median(trunks)), 4), round(x, 4), round(y, 4)


def draw_drift(drift: Drift, out: Path) -> Path:
    """Draw the drift over the pieces as three small charts below each other.

    Raises:
        MediaError: The PNG cannot be written.
    """
    looks = drift.looks
    rows = (
        (
            "Colour, Lab",
            [[look.lab[channel] - looks[0].lab[channel] for look in looks] for channel in range(3)],
            3.0,
            ("L", "a", "b"),
        ),
        ("Size, % of first", [[_percent(look, looks[0]) for look in looks]], 5.0, ("",)),
        (
            "Place, % of picture",
            [_moved([look.x_share for look in looks]), _moved([look.y_share for look in looks])],
            5.0,
            ("x", "y"),
        ),
    )
    canvas = Image.new("RGB", (WIDTH_PX, TOP_PX + len(rows) * (ROW_PX + GAP_PX) + GAP_PX), PAPER)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    pen.text((LEFT_PX, 10), "What differs from the first piece, as the engine made them", fill=INK, font=font)
    step = (WIDTH_PX - LEFT_PX - 60) / max(1, len(looks) - 1)
    for number, (name, lines, least, names) in enumerate(rows):
        top = TOP_PX + number * (ROW_PX + GAP_PX)
        middle = top + ROW_PX / 2
        most = max(least, *(abs(value) for line in lines for value in line if value is not None))
        pen.rectangle((LEFT_PX, top, WIDTH_PX - 20, top + ROW_PX), outline=FAINT)
        pen.line((LEFT_PX, middle, WIDTH_PX - 20, middle), fill=FAINT)
        pen.text((10, top + ROW_PX / 2 - 9), name, fill=INK, font=ImageFont.load_default(13))
        pen.text((LEFT_PX - 42, top), f"{most:+.1f}", fill=INK, font=ImageFont.load_default(12))
        pen.text((LEFT_PX - 42, top + ROW_PX - 14), f"{-most:+.1f}", fill=INK, font=ImageFont.load_default(12))
        for line, ink, label in zip(lines, LINES, names, strict=False):
            points = [
                (LEFT_PX + 20 + place * step, middle - value / most * (ROW_PX / 2 - 6))
                for place, value in enumerate(line)
                if value is not None
            ]
            if len(points) > 1:
                pen.line(points, fill=ink, width=2)
            for x, y in points:
                pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=ink)
            if points:
                pen.text((points[-1][0] + 8, points[-1][1] - 9), label, fill=ink, font=font)
    for place, look in enumerate(looks):
        pen.text((LEFT_PX + 14 + place * step, canvas.height - GAP_PX - 8), str(look.number), fill=INK, font=font)
    pen.text((10, canvas.height - GAP_PX - 8), "Piece", fill=INK, font=ImageFont.load_default(13))
    with atomic_file(out) as unfinished:
        canvas.save(unfinished, "PNG")
    return out


def _percent(look: PieceLook, first: PieceLook) -> float | None:
    size, usual = look.size_against_reference, first.size_against_reference
    return None if size is None or not usual else 100 * (size / usual - 1)


def _moved(places: Sequence[float | None]) -> list[float | None]:
    first = next((place for place in places if place is not None), None)
    return [None if place is None or first is None else 100 * (place - first) for place in places]
