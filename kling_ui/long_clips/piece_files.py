"""The files of pieces: written once, named by what is in them, and kept for as long as their runs can be resumed.

The same piece of the same clip is always the same file, so that a run that was made of it is found again.
"""

import os
import time
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from kling_ui.checks.pieces import Piece
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.video_repairs import compose_video
from kling_ui.checks.video_rules import check_side
from kling_ui.errors import SettingsError
from kling_ui.media.files import KEY_CHARS
from kling_ui.media.probe import VideoFacts
from kling_ui.media.transform_video import transform_video
from kling_ui.options import TransferOptions

# Raise one whenever such a piece would be written with other bytes. A plain piece opens with its own first second; the
# others say how the whole clip opens (:mod:`kling_ui.puppet.motion.opening`), and no engine but the preview reads it.
PLAIN_VERSION, VERSION = 1, 2
KEPT_S = 14 * 86_400.0  # since their last use


class PieceFiles:
    """A folder of pieces, and of pictures that were taken from results.

    Args:
        data_dir: The data folder; theirs is made in it when it is needed.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "pieces"

    def place(self, sha256: str, piece: Piece, fps: Fraction, *, is_plain: bool = False) -> Path:
        """Give the path of a piece's file.

        Args:
            sha256: The content of the clip that it is cut from.
            piece: The piece.
            fps: The rate by which its frames are counted.
            is_plain: It does not say how the whole clip opens.
        """
        rate = f"{fps.numerator}-{fps.denominator}"
        span = f"{piece.from_frame}-{piece.to_frame}"
        return self.folder / f"{sha256[:KEY_CHARS]}-{rate}-{span}-v{PLAIN_VERSION if is_plain else VERSION}.mp4"

    def picture_place(self, sha256: str, frame: int) -> Path:
        """Give the path of the picture that was taken from a result, by the result's content and the frame up to it."""
        return self.folder / f"{sha256[:KEY_CHARS]}-{frame}-v{PLAIN_VERSION}.png"

    def open(self) -> None:
        """Make the folder, and remove what nobody has used for :data:`KEPT_S`.

        Raises:
            SettingsError: It cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError("KLING_UI_DATA_DIR takes a folder that can be written to.") from error
        self.sweep()

    def sweep(self) -> None:
        """Remove what nobody has used for :data:`KEPT_S`; blocking."""
        oldest = time.time() - KEPT_S
        for path in self.folder.glob("*"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def read_opening(facts: VideoFacts, start_s: float) -> str:
    """Read how a clip opens, as its pieces' files say it; run it in a worker.

    Args:
        facts: What the clip's file says.
        start_s: Where its first piece begins.

    Raises:
        MediaError: The clip cannot be decoded.
    """
    from kling_ui.puppet.render import opening_note  # noqa: PLC0415  loads what only a worker needs

    return opening_note(facts.path, start_s=start_s)


def write_piece(facts: VideoFacts, piece: Piece, fps: Fraction, place: Path, comment: str = "") -> Path:
    """Write a piece of a clip as an upright H.264 MP4 of constant rate with its sound, unless it is there; in a worker.

    Args:
        facts: What the clip's file says.
        piece: The piece.
        fps: The rate by which its frames are counted.
        place: Where it goes; it appears whole or not at all.
        comment: How the whole clip opens; empty for a plain one.

    Raises:
        MediaError: The clip cannot be decoded or the file cannot be written.
    """
    if place.is_file():
        with suppress(OSError):
            os.utime(place)
        return place
    kinds = {RepairKind.VIDEO_RESIZE} if any(check_side(facts)) else set()
    start_s, end_s = float(piece.from_frame / fps), float(piece.to_frame / fps)
    transform = replace(compose_video(kinds, facts, TransferOptions()), fps=fps, start_s=start_s, end_s=end_s)
    return transform_video(facts.path, transform, place.parent, stem=place.stem, comment=comment).path
