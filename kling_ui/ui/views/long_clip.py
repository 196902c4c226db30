"""A long clip as the page shows it: its cuts on a line of time, its pieces while they run, and the joined video."""

from typing import Any

from kling_ui.languages import retell_stored, say
from kling_ui.long_clips.clip_plan import PlanResult
from kling_ui.long_clips.long_result import JoinedRecord, PieceResult
from kling_ui.presentation import wording
from kling_ui.presentation.long_clip_sentences import (
    FREE,
    SKIP_BLOCKED,
    drift_words,
    held_words,
    joined_label,
    piece_state_words,
    start_label,
)
from kling_ui.presentation.wording import SPANS
from kling_ui.results import BLOCKED
from kling_ui.runs.record import RunState
from kling_ui.ui.open_long_runs import OpenLongRun
from kling_ui.ui.views.result import motion_value
from kling_ui.ui.web.signed_files import SignedFiles

Value = dict[str, Any]
_FAILED = frozenset({RunState.FAILED.value, RunState.CANCELLED.value, RunState.UNKNOWN.value, BLOCKED})


def plan_value(planned: PlanResult, *, is_free: bool, is_by_hand: bool) -> Value:
    """Show how a clip is cut, and what that costs.

    Args:
        planned: The plan.
        is_free: Its pieces are previews.
        is_by_hand: A person chose the cuts.
    """
    told = planned.to_json()
    return {
        "message": retell_stored(planned.message),
        "duration_s": told["duration_s"],
        "step_s": 1 / told["fps"],
        "spans": [
            {
                "start_s": span.start_s,
                "end_s": span.end_s,
                "kind": span.kind.value.replace(" ", "-"),
                "words": SPANS[span.kind],
            }
            for span in planned.plan.survey.spans
        ],
        "pieces": told["pieces"],
        "cuts": [{"at_s": cut["at_s"], "words": retell_stored(cut["message"])} for cut in told["cuts"]],
        "lost": [retell_stored(lost) for lost in planned.lost],
        "is_by_hand": is_by_hand,
        "price": FREE if is_free else retell_stored(planned.price),
        "estimate_usd": None if is_free else planned.quote.estimate_usd,
        "label": start_label(planned.plan, planned.quote, is_free=is_free),
    }


def work_value(opened: OpenLongRun) -> Value:
    """Show how far a long clip is, or how it ended."""
    result, error = opened.result, opened.error
    advice = error.advice if error else result.advice if result else ""
    if result is not None and result.state == BLOCKED:
        advice = SKIP_BLOCKED
    return {
        "is_under_way": opened.is_under_way,
        "can_cancel": opened.is_under_way
        and not opened.is_cancelled
        and not (opened.pieces and all(piece.has_video for piece in opened.pieces)),
        "words": retell_stored(error.message if error else opened.words),
        "advice": retell_stored(advice),
        "is_failed": error is not None or (result is not None and result.video is None),
        "share": opened.share if opened.is_under_way else None,
        "pieces": [_piece(piece) for piece in opened.pieces],
        "run_id": opened.first_run_id,
    }


def _piece(piece: PieceResult) -> Value:
    run = piece.run
    match = "" if run is None or run.motion_match is None else say("match {score:.0f}", score=run.motion_match)
    return {
        "number": piece.number,
        "span": f"{piece.start_s:.1f}\N{EN DASH}{piece.end_s:.1f}\N{NO-BREAK SPACE}s",
        "state": piece_state_words(piece.state, run.progress if run else None),
        "match": match,
        "message": retell_stored(piece.message) if piece.state in _FAILED else "",
        "is_failed": piece.state in _FAILED,
        "run_id": run.run_id if run else "",
    }


def joined_value(signed_files: SignedFiles, record: JoinedRecord) -> Value:
    """Show a joined video beside the whole clip: what differs from the view of its first piece's run."""
    told, url = record.values, signed_files.url(record.video)
    motion, label = told.get("motion") or {}, joined_label(len(told["pieces"]))
    score = motion_value(motion) if motion else None
    held = [
        {"from_s": part["start_s"], "to_s": part["end_s"], "reason": held_words(part["piece"])}
        for part in told.get("held") or ()
    ]
    if held:
        score = score or {"words": ""}
        score["missing"] = [*score.get("missing", []), *held]
    fps, match = told["plan"]["fps"], told["motion_match"]
    result = {
        "run_id": record.is_first_of,
        "label": label,
        "src": url,
        "poster": "",
        "score": match,
        "offset": motion.get("starts_at_s") or 0.0,
        "fps": fps,
        "orientation": motion.get("orientation"),
    }
    drift = told["drift"]
    return {
        "reference": signed_files.url(record.reference),
        "result": url,
        "results": [result],
        "duration_s": told["plan"]["duration_s"],
        "facts": [
            (say("Motion match"), say("not measured") if match is None else say("{score:.0f} of 100", score=match), ""),
            (say("Length"), wording.seconds(told["plan"]["duration_s"]), ""),
            (say("Pieces"), str(len(told["pieces"])), ""),
            (say("Rate"), wording.rate(fps), ""),
        ],
        "fps": fps,
        "score": score,
        "label": label,
        "remark": retell_stored(told["message"]),
        "can_clear": False,
        "is_joined": True,
        "file_name": f"joined-{told['engine']}-{record.is_first_of[:8]}.mp4",
        "drift": {
            "chart": signed_files.url(record.chart),
            "words": drift_words(
                colours=drift["colours"], size_share=drift["size_share"], place_share=drift["place_share"]
            ),
            "report": signed_files.url(record.report),
        },
    }
