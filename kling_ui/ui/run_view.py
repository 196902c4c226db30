"""What the right column shows of a run: from a :class:`RunView` to the plain values that the scripts display."""

from collections.abc import Iterable
from typing import Any

from kling_ui.errors import KlingUIError
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.view import RunView
from kling_ui.ui import wording
from kling_ui.ui.files import Locker

PAST_RUNS_MAX = 24


def status_value(run: RunView) -> dict[str, Any]:
    """Show where a run is; a finished one needs no words beside its result."""
    if run.state is RunState.COMPLETED:
        return {"run_id": run.run_id, "final": True}
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "who": wording.ENGINE_LABELS[run.engine],
        "sentence": run.sentence,
        "progress": run.progress,
        "elapsed_s": run.elapsed_s,
        "elapsed_words": f"Ended after {wording.elapsed(run.elapsed_s)}",
        "queue_words": "" if run.queue_position is None else f"Place in the queue: {run.queue_position + 1}",
        "request_words": "" if _is_free(run) or not run.request_id else f"Request {run.request_id}",
        "can_cancel": run.can_cancel,
        "final": run.is_final,
        "advice": run.advice or run.note,
        "raw_error": run.raw_error or "",
    }


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
        "label": wording.ENGINE_LABELS[run.engine],
        "sound": "result" if run.result and run.choice.keep_sound else "reference",
        "file_name": f"motion-{run.engine.value}-{run.run_id[:8]}.mp4",
    }


def history_value(locker: Locker, runs: Iterable[RunView], *, current: str, now: float) -> dict[str, Any]:
    """Show a visitor's runs, newest first."""
    newest = sorted(runs, key=lambda run: run.created_at, reverse=True)[:PAST_RUNS_MAX]
    return {"current": current, "runs": [_past(locker, run, now) for run in newest]}


def _past(locker: Locker, run: RunView, now: float) -> dict[str, str]:
    length = "" if run.duration_s is None else f", {wording.seconds(run.duration_s)}"
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "image": locker.url(run.image) if run.image and run.image.is_file() else "",
        "title": f"{wording.ENGINE_NAMES[run.engine]}{length}",
        "about": f"{wording.STATE_WORDS[run.state]}, {wording.ago(now - run.created_at)}",
    }


def _facts(run: RunView) -> list[tuple[str, str]]:
    facts = []
    if run.motion_match is not None:
        facts.append(("Motion match", f"{run.motion_match:.0f} of 100"))
    if run.duration_s is not None:
        facts.append(("Length", wording.seconds(run.duration_s)))
    if run.fps is not None:
        facts.append(("Rate", wording.rate(run.fps)))
    if run.width_px and run.height_px:
        facts.append(("Size", wording.size(run.width_px, run.height_px)))
    if run.cost_usd is not None and not _is_free(run):
        facts.append(("Cost", wording.dollars(run.cost_usd)))
    return facts


def _waiting_words(run: RunView) -> str:
    return "No result" if run.is_final else "On its way"


def _is_free(run: RunView) -> bool:
    return run.engine is EngineName.PREVIEW


def refusal(error: KlingUIError) -> dict[str, Any]:
    """Show why something could not be done."""
    return {
        "run_id": "",
        "state": RunState.FAILED.value,
        "sentence": error.message,
        "advice": error.advice,
        "final": True,
    }
