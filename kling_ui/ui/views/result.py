"""The values of the player: the clips of a run and how well its result follows, as figure, limbs and timeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kling_ui.languages import retell_stored, say, say_all, told
from kling_ui.options import Orientation
from kling_ui.presentation import wording
from kling_ui.presentation.gallery import forecast_beside
from kling_ui.presentation.model_sentences import engine_label
from kling_ui.presentation.result_sentences import REPLAY_LABEL
from kling_ui.presentation.runs import rig_words
from kling_ui.presentation.wording import STEP_WORDS, dollars
from kling_ui.runs.record import EngineName
from kling_ui.runs.run_view import RunView
from kling_ui.scoring.match import remarks, says_little
from kling_ui.takeaway.run_card import RunCard
from kling_ui.ui.examples import PreparedResult
from kling_ui.ui.views.run_status import is_free
from kling_ui.ui.web.signed_files import SignedFiles

MEANING = told("100 follows the reference exactly; 0 is no better than a picture that never moves.")
MEANING_OF_CHANGES = told(f"{MEANING} The character keeps its own stance, so only changes of direction are compared.")
UNMEASURED = told("The motion match could not be measured.")
NOTHING_TO_COMPARE = told("The motion match needs the reference, which is not known here.")
ONE_PIECE_S = 0.25

Json = Mapping[str, Any]
FILES_GONE = told("Files of this run are no longer kept here.")
NO_INPUTS = told("This run was recovered by its request id; its picture and clip are not known here.")


def score_value(run: RunView) -> dict[str, Any] | None:
    """Show what was measured of a result; ``None`` while there is nothing to say yet."""
    if run.result is None or not run.is_final:
        return None
    if run.motion is None:
        return {"words": UNMEASURED if run.reference else NOTHING_TO_COMPARE}
    return motion_value(run.motion)


def motion_value(motion: Json) -> dict[str, Any]:
    """Show a motion match."""
    if motion.get("score") is None:
        return {"words": retell_stored(motion.get("headline") or UNMEASURED)} | _timeline(motion)
    return {
        "meaning": MEANING_OF_CHANGES if motion.get("orientation") == Orientation.IMAGE else MEANING,
        "words": " ".join(remarks(motion)),
        "figures": _figures(motion),
        "limbs": [_limb(row) for row in motion.get("limbs") or ()],
    } | _timeline(motion)


def _figures(motion: Json) -> list[tuple[str, str]]:
    lag, akd, missing_s = motion.get("lag"), motion.get("akd_shoulder_widths"), motion.get("missing_s")
    figures = [
        (say("Mean limb error"), _degrees(motion.get("limb_error_deg"))),
        (say("Within 20°"), _share(motion.get("pck_20deg_share"))),
        (say("Joint distance"), "" if akd is None else say("{akd:.2f}\N{NO-BREAK SPACE}shoulder widths", akd=akd)),
        (say("Joints missing"), _share(motion.get("mkr_share"))),
        (say("Hands alone"), _points(motion.get("hands_score"))),
        (say("Face alone"), _points(motion.get("face_score"))),
        (say("Lag"), _lag(lag) if lag else ""),
        (say("Missing"), wording.seconds(missing_s) if missing_s else ""),
    ]
    return [(name, text) for name, text in figures if text]


def _lag(lag: Json) -> str:
    if abs(lag["frames"]) < 0.5:
        return say("none")
    way = say("late") if lag["late_s"] > 0 else say("early")
    return say("{frames:.1f}\N{NO-BREAK SPACE}frames {way}", frames=abs(lag["frames"]), way=way)


def _limb(row: Json) -> dict[str, Any]:
    return {
        "name": told(str(row["limb"]).capitalize()),
        "error": _degrees(row["error_deg"]),
        "within": _share(row["pck_20deg_share"]),
        "compared": _share(row["compared_share"]),
        "note": retell_stored(row["left_out"]) or ("" if row["counted"] else say("listed only")),
    }


def _timeline(motion: Json) -> dict[str, Any]:
    """Give the pieces of the timeline in the reference's seconds, in which the player counts."""
    pieces = motion.get("timeline") or ()
    return {
        "step_s": pieces[1]["time_s"] - pieces[0]["time_s"] if len(pieces) > 1 else ONE_PIECE_S,
        "pieces": match_over_time(motion),
        "missing": [
            {"from_s": span["start_s"], "to_s": span["end_s"], "reason": retell_stored(span["reason"])}
            for span in motion.get("missing") or ()
        ],
    }


def match_over_time(motion: Json) -> list[dict[str, float | None]]:
    """Show the motion match of each piece of a result, at the time where it begins, in seconds of the reference."""
    return [{"at_s": piece["time_s"], "score": piece["score"]} for piece in motion.get("timeline") or ()]


def _points(score: float | None) -> str:
    return "" if score is None else f"{score:.0f} of 100"


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}°"


def _share(value: float | None) -> str:
    return "" if value is None else wording.share(value)


def inputs_value(image_url: str, video_url: str) -> dict[str, Any]:
    """Show the inputs where their result will appear."""
    return {"image": image_url, "reference": video_url, "waiting": say("Your result appears here")}


def prepared_value(signed_files: SignedFiles, folder: Path, prepared: PreparedResult) -> dict[str, Any]:
    """Show a result that was prepared beforehand, and say that it was.

    Args:
        signed_files: Signs what is shown.
        folder: Where the examples lie.
        prepared: The result.
    """
    example, motion = prepared.example, prepared.motion
    return {
        "image": signed_files.url(folder / example.image),
        "reference": signed_files.url(folder / example.video),
        "result": signed_files.url(folder / prepared.result),
        "results": [
            {
                "run_id": "",
                "label": "",
                "src": signed_files.url(folder / prepared.result),
                "poster": "",
                "score": motion["score"],
                "offset": motion.get("starts_at_s") or 0.0,
                "fps": prepared.fps,
                "orientation": example.choice.orientation.value,
            }
        ],
        "ratio": prepared.width_px / prepared.height_px,
        "duration_s": prepared.duration_s,
        "fps": prepared.fps,
        "facts": [
            (say("Motion match"), say("{score:.0f} of 100", score=motion["score"]), ""),
            (say("Length"), wording.seconds(prepared.duration_s), ""),
            (say("Rate"), wording.rate(prepared.fps), ""),
            (say("Size"), wording.size(prepared.width_px, prepared.height_px), ""),
        ],
        "score": motion_value(motion),
        "label": wording.PREPARED_LABEL,
        "remark": wording.PREPARED,
    }


def result_value(signed_files: SignedFiles, run: RunView, label: str = "") -> dict[str, Any]:
    """Show one of the results that the player can hold beside a reference.

    Args:
        signed_files: Signs what is shown.
        run: Whose result it is.
        label: What stands below it; empty for the usual word.

    Returns:
        Its address as ``src``, and as ``offset`` where it begins, in seconds of the reference.
    """
    motion = run.motion or {}
    return {
        "run_id": run.run_id,
        "label": label,
        "src": signed_files.url(run.result),
        "poster": "",
        "score": run.motion_match,
        "offset": motion.get("starts_at_s") or 0.0,
        "fps": run.fps,
        "orientation": run.choice.orientation.value,
    }


def player_value(signed_files: SignedFiles, run: RunView) -> dict[str, Any]:
    """Show a run's picture, reference and, as soon as there is one, its result."""
    return {
        "run_id": run.run_id,
        "image": signed_files.url(run.image),
        "reference": signed_files.url(run.reference),
        "result": signed_files.url(run.result),
        "results": [result_value(signed_files, run)] if run.result else [],
        "waiting": "" if run.result else _waiting_words(run),
        "ratio": run.width_px / run.height_px if run.width_px and run.height_px else None,
        "duration_s": run.duration_s,
        "fps": run.fps,
        "facts": _facts(run),
        "score": score_value(run),
        "label": engine_label(run.engine, run.choice),
        "remark": _remark(run),
        "can_clear": run.engine is EngineName.PREVIEW and None not in {run.result, run.image, run.reference},
        "file_name": f"motion-{run.engine.value}-{run.run_id[:8]}.mp4",
    }


def _facts(run: RunView) -> list[tuple[str, str, str]]:
    facts = []
    if run.motion_match is not None:
        words = says_little(run.motion or {}) or say("{score:.0f} of 100", score=run.motion_match)
        facts.append((say("Motion match"), words, ""))
    if run.duration_s is not None:
        facts.append((say("Length"), wording.seconds(run.duration_s), "" if is_free(run) else forecast_beside(run)))
    if run.fps is not None:
        facts.append((say("Rate"), wording.rate(run.fps), ""))
    if run.width_px and run.height_px:
        facts.append((say("Size"), wording.size(run.width_px, run.height_px), ""))
    if run.result and (run.is_final or run.cost_usd is not None) and not is_free(run):
        expected = (
            ""
            if run.estimate_usd is None
            else say("about {estimate_usd} expected", estimate_usd=dollars(run.estimate_usd))
        )
        facts.append((say("Cost"), say("not told") if run.cost_usd is None else dollars(run.cost_usd), expected))
    return facts


def _remark(run: RunView) -> str:
    if run.files_gone:
        return FILES_GONE
    return say_all(*rig_words(run)) if run.reference else NO_INPUTS


def _waiting_words(run: RunView) -> str:
    return say("No result") if run.is_final else say("On its way")


def replay_value(signed_files: SignedFiles, card: RunCard, view: RunView) -> dict[str, Any]:
    """Show the run of a card in the player; what only runs that are kept here can do is left out.

    Args:
        signed_files: Signs what is shown.
        card: The card.
        view: Its run with the files that were found.
    """
    value = player_value(signed_files, view)
    results = [result | {"run_id": f"card-{card.run_id}"} for result in value["results"]]
    has_time = bool(card.states) and bool(results)
    return value | {
        "run_id": "",
        "results": results,
        "label": REPLAY_LABEL,
        "can_clear": False,
        "replay": {
            "states": [[STEP_WORDS[state.state], state.at_s] for state in card.states],
            "total_s": card.states[-1].at_s,
        }
        if has_time
        else None,
    }
