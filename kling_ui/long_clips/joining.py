"""Joining the results of pieces to one video with the exact count of frames and the original sound."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, repeat
from pathlib import Path

import cv2
import numpy as np

from kling_ui.checks.pieces import Piece, PiecePlan
from kling_ui.errors import MediaError
from kling_ui.long_clips.seams import Seam, faded, find_seam
from kling_ui.media.colour_match import PLAIN, ColourMatch
from kling_ui.media.display import fitted
from kling_ui.media.encode import ClipWriter
from kling_ui.media.probe import probe_video
from kling_ui.media.rectangles import Size
from kling_ui.media.transform_video import pictures_at_rate
from kling_ui.vision.people import one_thread

_X264 = {"preset": "veryfast", "crf": "18", "profile": "high", "threads": "0"}


@dataclass(frozen=True, slots=True)
class PieceVideo:
    """What came of a piece.

    Attributes:
        piece: The piece.
        path: Its result; ``None`` where there is none, so that the last picture before it is held.
        live_frames: Frames that the result really has, at the clip's rate, at most those of the piece.
        size: Width and height as shown, in px.
    """

    piece: Piece
    path: Path | None
    live_frames: int = 0
    size: Size = (0, 0)


@dataclass(frozen=True, slots=True)
class HeldPart:
    """Where the joined video stands still, because a result is missing or came back short.

    Attributes:
        start_s: Where it begins.
        end_s: Where it ends.
        piece: Number of the piece.
    """

    start_s: float
    end_s: float
    piece: int


@dataclass(frozen=True, slots=True)
class JoinedVideo:
    """A video that was joined.

    Attributes:
        path: The MP4.
        frame_count: Its frames: those of the source clip.
        seams: Between the pieces, one less than there are pieces.
        colours: What each piece's colours were changed by.
        held: Where it stands still.
    """

    path: Path
    frame_count: int
    seams: tuple[Seam, ...]
    colours: tuple[ColourMatch, ...]
    held: tuple[HeldPart, ...]


@one_thread()
def join_pieces(
    plan: PiecePlan,
    results: Sequence[Path | None],
    source: Path,
    out: Path,
    *,
    keep_sound: bool = True,
) -> JoinedVideo:
    """Join results; run it in a worker.

    Args:
        plan: The pieces.
        results: What came of each; ``None`` where nothing did.
        source: The clip that was cut: its sound goes with the result, whole.
        out: The MP4 to write; it appears whole or not at all.
        keep_sound: Take the sound along.

    Raises:
        MediaError: A result cannot be read, there is none at all, or ``out`` cannot be written.
    """
    takes = [_take(piece, path, plan.fps) for piece, path in zip(plan.pieces, results, strict=True)]
    size = next((take.size for take in takes if take.path is not None), None)
    if size is None:
        raise MediaError("there is no result to be joined.", path=source)
    facts = probe_video(source)
    seams, colours = _find_seams(takes, plan.fps)
    with ClipWriter(
        out,
        fps=plan.fps,
        size=size,
        sound_from=source if keep_sound and facts.has_audio else None,
        sound_container=facts.format,
        x264_options=_X264,
    ) as writer:
        for rgb in _Assembly(takes, seams, colours, plan.fps, size).pictures():
            writer.write(rgb)
    return JoinedVideo(out, writer.frames, tuple(seams), tuple(colours), tuple(_held(takes, seams, plan.fps)))


def _take(piece: Piece, path: Path | None, fps: Fraction) -> PieceVideo:
    if path is None:
        return PieceVideo(piece, None)
    facts = probe_video(path)
    live = min(piece.frame_count, max(1, round(facts.duration_s * fps)))
    return PieceVideo(piece, path, live, (facts.width_px // 2 * 2, facts.height_px // 2 * 2))


def _find_seams(takes: Sequence[PieceVideo], fps: Fraction) -> tuple[list[Seam], list[ColourMatch]]:
    """Choose all seams in order: each result's colours follow those of the one before, as far as both share frames."""
    seams: list[Seam] = []
    colours: list[ColourMatch] = [PLAIN]
    for before, after in pairwise(takes):
        first = after.piece.from_frame
        # A result that came back short has nothing to say about the frames that it lacks.
        live_end = before.piece.from_frame + before.live_frames
        shared = max(0, min(before.piece.to_frame, live_end) - first)
        if before.path is None or after.path is None:
            seam = Seam(before.piece.end_frame, before.piece.end_frame)
        elif before.piece.to_frame <= first:
            seam = Seam(first, first)
        else:
            pictures = pictures_at_rate(
                before.path, fps=fps, count=shared, start_s=float((first - before.piece.from_frame) / fps)
            )
            shown = [colours[-1].applied_to(rgb) for rgb in pictures] if shared else []
            others = [_in_size(rgb, before.size) for rgb in pictures_at_rate(after.path, fps=fps, count=shared)]
            seam = find_seam([_in_size(rgb, before.size) for rgb in shown], others[: len(shown)], first_frame=first)
        seams.append(seam)
        colours.append(seam.match)
    return seams, colours


@dataclass(frozen=True, slots=True)
class _Assembly:
    """All that says which frame comes from where."""

    takes: Sequence[PieceVideo]
    seams: Sequence[Seam]
    colours: Sequence[ColourMatch]
    fps: Fraction
    size: Size

    def pictures(self) -> Iterator[np.ndarray]:
        """Yield every frame of the joined video once, in order."""
        end = self.takes[-1].piece.end_frame
        starts, stops = [Seam(0, 0), *self.seams], [*self.seams, Seam(end, end)]
        last: np.ndarray | None = None
        tail: list[np.ndarray] = []  # what the piece before shows where it fades into this one
        for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            fading, tail = tail, []
            count = stop.to_frame - start.from_frame
            for place, rgb in enumerate(self._of_piece(number, start.from_frame, count, last)):
                shown = rgb if place >= len(fading) else faded(fading[place], rgb, (place + 1) / (len(fading) + 1))
                if start.from_frame + place < stop.from_frame:
                    last = shown
                    yield shown
                else:
                    tail.append(shown)

    def _of_piece(self, number: int, first_frame: int, count: int, last: np.ndarray | None) -> Iterator[np.ndarray]:
        """Yield what a piece shows from a frame on; one without a result shows the last picture before it."""
        take, match = self.takes[number], self.colours[number]
        if take.path is None:
            yield from repeat(self._first() if last is None else last, count)
            return
        start_s = float((first_frame - take.piece.from_frame) / self.fps)
        shown, made = None, np.empty(0)
        for rgb in pictures_at_rate(take.path, fps=self.fps, count=count, start_s=start_s):
            if rgb is not shown:
                shown, made = rgb, _in_size(match.applied_to(rgb), self.size)
            yield made

    def _first(self) -> np.ndarray:
        path = next(take.path for take in self.takes if take.path is not None)
        return _in_size(next(pictures_at_rate(path, fps=self.fps, count=1)), self.size)


def _held(takes: Sequence[PieceVideo], seams: Sequence[Seam], fps: Fraction) -> Iterator[HeldPart]:
    starts = [0, *(seam.from_frame for seam in seams)]
    ends = [*(seam.to_frame for seam in seams), takes[-1].piece.end_frame]
    for take, start, end in zip(takes, starts, ends, strict=True):
        live_end = take.piece.from_frame + take.live_frames if take.path else start
        if live_end < end:
            yield HeldPart(float(max(start, live_end) / fps), float(end / fps), take.piece.number)


def _in_size(rgb: np.ndarray, size: Size) -> np.ndarray:
    """Scale a picture to a size; one of another shape is put between black bars."""
    height, width = rgb.shape[:2]
    if (width, height) == size:
        return rgb
    inner = fitted((width, height), size)
    small = cv2.resize(rgb, inner, interpolation=cv2.INTER_AREA if inner[0] < width else cv2.INTER_CUBIC)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = small
    return canvas
