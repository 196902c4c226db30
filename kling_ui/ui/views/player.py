"""What the player shows: the inputs before a run, a run's inputs while it goes on, and its result."""

from typing import Any

from kling_ui.runs.money import dollars
from kling_ui.runs.view import RunView
from kling_ui.ui.views import wording
from kling_ui.ui.views.run import is_free
from kling_ui.ui.views.score import score_value
from kling_ui.ui.web.files import Locker

FILES_GONE = "Files of this run are no longer kept here."
NO_INPUTS = "This run was recovered by its request id; its picture and clip are not known here."


def inputs_value(image_url: str, video_url: str) -> dict[str, Any]:
    """Show the inputs where their result will appear."""
    return {"image": image_url, "reference": video_url, "waiting": "Your result appears here", "sound": "reference"}


def player_value(locker: Locker, run: RunView) -> dict[str, Any]:
    """Show a run's picture, reference and, as soon as there is one, its result."""
    return {
        "run_id": run.run_id,
        "image": locker.url(run.image),
        "reference": locker.url(run.reference),
        "result": locker.url(run.result),
        "waiting": "" if run.result else _waiting_words(run),
        "ratio": run.width_px / run.height_px if run.width_px and run.height_px else None,
        "duration_s": run.duration_s,
        "fps": run.fps,
        "facts": _facts(run),
        "score": score_value(run),
        "label": wording.ENGINE_LABELS[run.engine],
        "remark": _remark(run),
        "sound": "result" if run.result and (run.choice.keep_sound or not run.reference) else "reference",
        "file_name": f"motion-{run.engine.value}-{run.run_id[:8]}.mp4",
    }


def _facts(run: RunView) -> list[tuple[str, str, str]]:
    facts = []
    if run.motion_match is not None:
        facts.append(("Motion match", f"{run.motion_match:.0f} of 100", ""))
    if run.duration_s is not None:
        facts.append(("Length", wording.seconds(run.duration_s), ""))
    if run.fps is not None:
        facts.append(("Rate", wording.rate(run.fps), ""))
    if run.width_px and run.height_px:
        facts.append(("Size", wording.size(run.width_px, run.height_px), ""))
    if run.result and (run.is_final or run.cost_usd is not None) and not is_free(run):
        expected = "" if run.estimate_usd is None else f"about {dollars(run.estimate_usd)} expected"
        facts.append(("Cost", "not told" if run.cost_usd is None else dollars(run.cost_usd), expected))
    return facts


def _remark(run: RunView) -> str:
    if run.files_gone:
        return FILES_GONE
    return "" if run.reference else NO_INPUTS


def _waiting_words(run: RunView) -> str:
    return "No result" if run.is_final else "On its way"
