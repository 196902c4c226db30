"""The plan of a long clip: its pieces, why they end where they do, what is lost and what all of it costs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.checks.pieces import OVERLAP_S, PiecePlan, plan_pieces
from kling_ui.checks.video_repairs import standard_fps
from kling_ui.composition import Parts, blocking, open_parts
from kling_ui.long_clips.survey import survey_clip
from kling_ui.media.probe import VideoFacts
from kling_ui.options import Orientation, Provider, TransferOptions, member_of
from kling_ui.presentation.long_clip_sentences import cut_words, lost_words, piece_words, plan_price_words, plan_words
from kling_ui.results import Progress
from kling_ui.run_orders import AnyPath, OnProgress
from kling_ui.runs.pricing import Quote
from kling_ui.settings import Settings


@dataclass(frozen=True, slots=True)
class PlanResult:
    """How a clip is cut into runs, in words and in values.

    Attributes:
        video: The clip.
        message: What it becomes, in one sentence.
        price: What all pieces cost on Kling, overlaps included, or why that is not known.
        pieces: A sentence on each piece.
        cuts: Why the clip is cut between two of them, in words; one less than there are pieces.
        lost: What of the clip is likely to come back badly or not at all; empty when all of it is fine.
        is_needed: One run cannot take the clip whole.
        quote: The price in values.
        plan: The pieces in frames, and what they were chosen by.
    """

    video: Path
    message: str
    price: str
    pieces: tuple[str, ...]
    cuts: tuple[str, ...]
    lost: tuple[str, ...]
    is_needed: bool
    quote: Quote
    plan: PiecePlan

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """Where the clip is cut, in seconds: what :func:`kling_ui.run_long` takes as ``cuts``."""
        return tuple(round(self.plan.seconds(cut.frame), 4) for cut in self.plan.cuts)

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        plan = self.plan
        pieces = [
            {
                "number": piece.number,
                "start_s": round(plan.seconds(piece.first_frame), 4),
                "end_s": round(plan.seconds(piece.end_frame), 4),
                "length_s": round(plan.seconds(piece.frame_count), 4),
                "frames": [piece.from_frame, piece.to_frame],
                "is_sent": not piece.is_empty,
                "message": words,
            }
            for piece, words in zip(plan.pieces, self.pieces, strict=True)
        ]
        cuts = [
            {
                "at_s": at_s,
                "reason": cut.reason.value,
                "has_overlap": cut.has_overlap,
                "speed_trunks_per_s": round(cut.speed, 3),
                "shows": cut.kind.value,
                "message": words,
            }
            for at_s, cut, words in zip(self.cuts_s, plan.cuts, self.cuts, strict=True)
        ]
        lost = [{"start_s": span.start_s, "end_s": span.end_s, "kind": span.kind.value} for span in plan.lost]
        return {
            "message": self.message,
            "is_needed": self.is_needed,
            "duration_s": plan.seconds(plan.frame_count),
            "fps": float(plan.fps),
            "frame_count": plan.frame_count,
            "limit_s": plan.limit_s,
            "pieces": pieces,
            "cuts": cuts,
            "lost": lost,
            "sent_s": round(plan.sent_s, 4),
            "overlap_s": round(plan.overlap_s, 4),
            "rate_usd": self.quote.rate_usd,
            "estimate_usd": self.quote.estimate_usd,
            "price": self.price,
        }


def plan_result(video: Path, plan: PiecePlan, quote: Quote) -> PlanResult:
    """Put a plan into words."""
    return PlanResult(
        video=video,
        message=plan_words(plan),
        price=plan_price_words(quote),
        pieces=tuple(piece_words(plan, piece) for piece in plan.pieces),
        cuts=tuple(cut_words(cut) for cut in plan.cuts),
        lost=tuple(lost_words(plan)),
        is_needed=plan.seconds(plan.frame_count) > plan.limit_s,
        quote=quote,
        plan=plan,
    )


async def plan_clip(
    parts: Parts, video: Path, orientation: Orientation, overlap_s: float, cuts: Sequence[float] | None
) -> tuple[VideoFacts, PiecePlan]:
    """Survey a clip and choose its pieces.

    Returns:
        What the clip's file says, and the plan.

    Raises:
        MediaError: It cannot be read, or is too long to be planned.
        SettingsError: The overlap or the cuts cannot be used.
        WorkError: A worker died or took too long.
    """
    facts, survey = await survey_clip(parts.workers, video, parts.settings.analyses_folder)
    fps = standard_fps(facts)
    plan = await asyncio.to_thread(
        plan_pieces,
        survey,
        fps=fps,
        frame_count=max(1, round(facts.duration_s * fps)),
        orientation=orientation,
        overlap_s=overlap_s,
        cuts_s=cuts,
    )
    return facts, plan


async def aplan(
    video: AnyPath,
    *,
    orientation: str = "video",
    cuts: Sequence[float] | None = None,
    overlap_s: float = OVERLAP_S,
    model: str = "",
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> PlanResult:
    """Plan how a clip beyond the limit becomes several runs; nothing is sent, and no run is made.

    Pieces end where the figure is still and whole, and at changes of shots. What all of them cost is read with the
    token of the settings, if there is one.

    Args:
        video: The reference video, of up to 10 minutes.
        orientation: Whose facing the result follows: a piece lasts at most 30 s with ``video``, 10 s with ``image``.
        cuts: Where to cut instead, in seconds, rising.
        overlap_s: Seconds that two pieces share where they meet within a shot, 0-2: the result is joined there.
        model: Of Kling, the id of the model whose price is told; empty for that of the settings.
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: The clip cannot be read, or is too long to be planned.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        APIError: The token was not accepted.
        RunError: The model is not offered.
        WorkError: A worker died or took too long.
    """
    settings, tell = settings or Settings.from_env(), on_progress or (lambda _news: None)
    facing = member_of(Orientation, orientation, "orientation")
    async with open_parts(settings) as parts:
        tell(Progress("Looking at the clip."))
        _, plan = await plan_clip(parts, Path(video), facing, overlap_s, cuts)
        quote = Quote(duration_s=plan.sent_s, needs_token=True)
        choice = TransferOptions(model=model)
        has_key = settings.token if choice.provider is Provider.RUNCOMFY else settings.fal_key
        if model or has_key is not None:
            async with parts.open_runner(take_over=False) as runner:
                quote = await runner.quote(plan.sent_s, choice=runner.usual(choice))
    return plan_result(Path(video), plan, quote)


plan = blocking(aplan, "plan")
