"""What came of a long clip: each piece, the joined video, what was measured, what to do next, and what is kept."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kling_ui.errors import RunError
from kling_ui.long_clips.clip_plan import PlanResult
from kling_ui.long_clips.drift import Drift
from kling_ui.long_clips.joining import HeldPart, JoinedVideo
from kling_ui.media.signatures import sniff
from kling_ui.presentation.long_clip_sentences import AGAIN, ended_words, joined_words, refused_words
from kling_ui.presentation.runs import run_words
from kling_ui.results import BLOCKED
from kling_ui.runs.record import RunState
from kling_ui.runs.run_view import RunView
from kling_ui.scoring.match import MotionMatch

JOINED_FOLDER = "joined"
_SUFFIXES = {"matroska": ".mkv", "mpegts": ".ts", "mpeg": ".mpg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceResult:
    """What came of one piece.

    Attributes:
        number: Its place, from 1.
        start_s: Where in the clip it begins, without its overlap.
        end_s: Where it ends.
        state: As of a run (:attr:`kling_ui.RunResult.state`); ``blocked`` when the checks do not let it begin,
            ``empty`` when nobody is in view in it, ``waiting`` when it was not begun because another one failed.
        message: The same in one sentence.
        run: All that is known of its run; ``None`` without one.
    """

    number: int
    start_s: float
    end_s: float
    state: str
    message: str
    run: RunView | None = None

    @property
    def has_video(self) -> bool:
        """There is something to be joined."""
        return self.run is not None and self.run.result is not None

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        run = self.run
        return {
            "number": self.number,
            "start_s": round(self.start_s, 4),
            "end_s": round(self.end_s, 4),
            "status": self.state,
            "message": self.message,
            "run_id": run.run_id if run else None,
            "request_id": run.request_id if run else None,
            "motion_match": run.motion_match if run else None,
            "duration_s": run.duration_s if run else None,
            "estimate_usd": run.estimate_usd if run else None,
            "cost_usd": run.cost_usd if run else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LongRunResult:
    """What came of a long clip.

    Attributes:
        video: Where the joined video lies; ``None`` when not all pieces were made.
        state: ``completed``, ``blocked`` (by the checks of a piece; nothing was sent), or how the piece ended that kept
            the others from being joined: ``failed``, ``cancelled`` or ``unknown``.
        engine: ``preview`` or ``kling``.
        plan: How the clip was cut.
        pieces: What came of each piece.
        message: How it ended, in one sentence.
        advice: What to do next; may be empty.
        joined: The seams, and where the video stands still; ``None`` without a video.
        drift: How much the pieces differ from each other.
        chart: A PNG that shows the drift.
        report: A JSON file with all of this.
        motion: How well the whole video follows the whole clip, if it could be measured.
    """

    video: Path | None
    state: str
    engine: str
    plan: PlanResult
    pieces: tuple[PieceResult, ...]
    message: str
    advice: str = ""
    joined: JoinedVideo | None = None
    drift: Drift = field(default_factory=lambda: Drift(()))
    chart: Path | None = None
    report: Path | None = None
    motion: MotionMatch | None = None

    @property
    def motion_match(self) -> float | None:
        """How well the whole video follows the whole clip, 0-100."""
        return self.motion.score if self.motion else None

    @property
    def estimate_usd(self) -> float | None:
        """What all pieces were expected to cost, in US dollars, as far as that is known."""
        return _sum([piece.run.estimate_usd for piece in self.pieces if piece.run])

    @property
    def cost_usd(self) -> float | None:
        """What the engine says that they cost, as far as it says so."""
        return _sum([piece.run.cost_usd for piece in self.pieces if piece.run])

    @property
    def held(self) -> tuple[HeldPart, ...]:
        """Where the video stands still, because a piece is missing or came back short."""
        return self.joined.held if self.joined else ()

    def raise_for_state(self) -> "LongRunResult":
        """Return this result if there is a video.

        Raises:
            RunError: There is none.
        """
        if self.video is None:
            raise RunError(self.message, advice=self.advice)
        return self

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        joined = self.joined
        return {
            "status": self.state,
            "engine": self.engine,
            "message": self.message,
            "advice": self.advice or None,
            "video": str(self.video) if self.video else None,
            "chart": str(self.chart) if self.chart else None,
            "report": str(self.report) if self.report else None,
            "frame_count": joined.frame_count if joined else None,
            "motion_match": self.motion_match,
            "motion": self.motion.to_json() if self.motion else None,
            "estimate_usd": self.estimate_usd,
            "cost_usd": self.cost_usd,
            "pieces": [piece.to_json() for piece in self.pieces],
            "seams": [asdict(seam) | {"is_cut": seam.is_cut} for seam in joined.seams] if joined else [],
            "held": [asdict(part) for part in self.held],
            "drift": asdict(self.drift),
            "plan": self.plan.to_json(),
        }


def blocked_result(
    engine: str, plan: PlanResult, pieces: Sequence[PieceResult], refusals: Sequence[tuple[int, str]]
) -> LongRunResult:
    """Say that the checks do not let all pieces begin; nothing was sent."""
    advice = "Repair the clip or cut it elsewhere; skip_blocked goes on without these pieces."
    return LongRunResult(
        video=None,
        state=BLOCKED,
        engine=engine,
        plan=plan,
        pieces=tuple(pieces),
        message=refused_words(refusals),
        advice=advice,
    )


def unfinished_result(engine: str, plan: PlanResult, pieces: Sequence[PieceResult]) -> LongRunResult:
    """Say which piece ended without a video; one of unknown outcome, which may be charged, before all others."""
    without = [piece for piece in pieces if piece.state in _ENDS or (piece.run is not None and not piece.has_video)]
    ended = min(without, key=lambda piece: piece.state != RunState.UNKNOWN)
    return LongRunResult(
        video=None,
        state=ended.state,
        engine=engine,
        plan=plan,
        pieces=tuple(pieces),
        message=ended_words(ended.number, len(pieces), ended.message),
        advice=" ".join(filter(None, [run_words(ended.run).advice if ended.run else "", AGAIN])),
    )


def joined_message(pieces: Sequence[PieceResult], joined: JoinedVideo, length_s: float) -> str:
    """Say that all is joined."""
    held_s = sum(part.end_s - part.start_s for part in joined.held)
    made = sum(piece.state == RunState.COMPLETED for piece in pieces)
    return joined_words(pieces=made, held_s=held_s, length_s=length_s)


_ENDS = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.UNKNOWN})


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class JoinedRecord:
    """A joined video that is kept here.

    Attributes:
        video: The MP4.
        reference: The whole clip that it follows.
        chart: A PNG of the drift, if it is there.
        report: The JSON file of all that was measured.
        values: What that file says, see :meth:`kling_ui.LongRunResult.to_json`.
    """

    video: Path
    reference: Path
    chart: Path | None
    report: Path
    values: dict[str, Any]

    @property
    def is_first_of(self) -> str:
        """The id of the run beside which it lies."""
        return self.video.parent.parent.name


class JoinedFolder:
    """The folder of one joined video, beside the files of its first piece's run, with which it goes.

    It is no run of its own: a run is what an engine was asked for, so budgets, takeovers and records of forecasts would
    all have to look past it.

    Args:
        run_folder: The folder of the first piece's run.
    """

    def __init__(self, run_folder: Path) -> None:
        self.path = run_folder / JOINED_FOLDER

    @classmethod
    def of(cls, run: RunView) -> Self | None:
        """Give the folder beside a run that has a result here."""
        return None if run.result is None else cls(run.result.parent)

    def make(self, source: Path) -> Path:
        """Make it anew, with a copy of the whole clip: inputs are kept for a day; blocking.

        Raises:
            OSError: There is no room, or the clip is gone.
        """
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        kind = sniff(source)
        shutil.copyfile(source, self.path / f"reference{_SUFFIXES.get(kind, f'.{kind}')}")
        return self.path

    def read(self) -> JoinedRecord | None:
        """Read what is kept; ``None`` where there is no whole joined video; blocking."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            report = next(self.path.glob("*-pieces.json"), None)
            reference = next(self.path.glob("reference.*"), None)
            if report is not None and reference is not None:
                values = json.loads(report.read_text("utf-8"))
                video, chart = self.path / Path(values["video"]).name, self.path / Path(values["chart"]).name
                if video.is_file():
                    return JoinedRecord(video, reference, chart if chart.is_file() else None, report, values)
        return None
