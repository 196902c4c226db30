"""How well a result follows its reference, as the page shows it: the figure, what it means, limbs and timeline."""

from collections.abc import Mapping
from typing import Any

from kling_ui.choice import Orientation
from kling_ui.runs.view import RunView
from kling_ui.ui.views import wording

MEANING = "100 follows the reference exactly; 0 is no better than a picture that never moves."
MEANING_OF_CHANGES = f"{MEANING} The character keeps its own stance, so only changes of direction are compared."
UNMEASURED = "The motion match could not be measured."
NOTHING_TO_COMPARE = "The motion match needs the reference, which is not known here."
ONE_PIECE_S = 0.25

Json = Mapping[str, Any]


def score_value(run: RunView) -> dict[str, Any] | None:
    """Show what was measured of a result; ``None`` while there is nothing to say yet."""
    if run.result is None or not run.is_final:
        return None
    motion = run.motion
    if motion is None:
        return {"words": UNMEASURED if run.reference else NOTHING_TO_COMPARE}
    if motion.get("score") is None:
        return {"words": motion.get("headline") or UNMEASURED} | _timeline(motion)
    return {
        "meaning": MEANING_OF_CHANGES if motion.get("orientation") == Orientation.IMAGE else MEANING,
        "words": _remarks(motion),
        "figures": _figures(motion),
        "limbs": [_limb(row) for row in motion.get("limbs") or ()],
    } | _timeline(motion)


def _remarks(motion: Json) -> str:
    """Give what a person must know to read the figure; the figure itself stands beside it."""
    return str(motion.get("headline") or "").partition(" of 100.")[2].strip()


def _figures(motion: Json) -> list[tuple[str, str]]:
    lag, akd, missing_s = motion.get("lag"), motion.get("akd_shoulder_widths"), motion.get("missing_s")
    figures = [
        ("Mean limb error", _degrees(motion.get("limb_error_deg"))),
        ("Within 20°", _share(motion.get("pck_20deg_share"))),
        ("Joint distance", "" if akd is None else f"{akd:.2f}{wording.NBSP}shoulder widths"),
        ("Joints missing", _share(motion.get("mkr_share"))),
        ("Lag", _lag(lag) if lag else ""),
        ("Missing", wording.seconds(missing_s) if missing_s else ""),
    ]
    return [(name, text) for name, text in figures if text]


def _lag(lag: Json) -> str:
    if abs(lag["frames"]) < 0.5:
        return "none"
    way = "late" if lag["late_s"] > 0 else "early"
    return f"{abs(lag['frames']):.1f}{wording.NBSP}frames {way}"


def _limb(row: Json) -> dict[str, Any]:
    return {
        "name": str(row["limb"]).capitalize(),
        "error": _degrees(row["error_deg"]),
        "within": _share(row["pck_20deg_share"]),
        "compared": _share(row["compared_share"]),
        "note": row["left_out"] or ("" if row["counted"] else "listed only"),
    }


def _timeline(motion: Json) -> dict[str, Any]:
    """Give the pieces of the timeline in the result's own seconds, in which the player counts."""
    start_s, pieces = motion.get("starts_at_s") or 0.0, motion.get("timeline") or ()
    step_s = pieces[1]["time_s"] - pieces[0]["time_s"] if len(pieces) > 1 else ONE_PIECE_S
    return {
        "starts_at_s": start_s,
        "from_s": -start_s,
        "to_s": max((motion.get("reference_s") or 0.0) - start_s, motion.get("result_s") or 0.0),
        "step_s": step_s,
        "pieces": [{"at_s": piece["time_s"] - start_s, "score": piece["score"]} for piece in pieces],
        "missing": [
            {"from_s": span["start_s"] - start_s, "to_s": span["end_s"] - start_s, "reason": span["reason"]}
            for span in motion.get("missing") or ()
        ],
    }


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}°"


def _share(value: float | None) -> str:
    return "" if value is None else wording.share(value)
