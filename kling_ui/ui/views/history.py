"""A visitor's runs, newest first, and the steps of the one that is shown."""

from collections.abc import Iterable, Sequence
from typing import Any

from kling_ui.runs.money import dollars
from kling_ui.runs.record import RunState
from kling_ui.runs.view import RunView
from kling_ui.ui.views import wording
from kling_ui.ui.views.run import is_free
from kling_ui.ui.web.files import Locker

PAST_RUNS_MAX = 24

Steps = Sequence[tuple[RunState, float]]


def history_value(
    locker: Locker, runs: Iterable[RunView], *, current: str, now: float, steps: Steps = ()
) -> dict[str, Any]:
    """Show a visitor's runs.

    Args:
        locker: Makes the addresses of their files.
        runs: The runs, in any order.
        current: The one that is shown.
        now: Seconds since 1970.
        steps: The states of that one with their times, seconds since 1970.
    """
    newest = sorted(runs, key=lambda run: run.created_at, reverse=True)
    return {
        "current": current,
        "runs": [_past(locker, run, now) for run in newest[:PAST_RUNS_MAX]],
        "steps": [{"words": wording.STEP_WORDS[state], "at": at} for state, at in steps],
        "has_paid": any(not is_free(run) for run in newest),
    }


def _past(locker: Locker, run: RunView, now: float) -> dict[str, str]:
    length = "" if run.duration_s is None else f", {wording.seconds(run.duration_s)}"
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "image": locker.url(run.image) if run.image and run.image.is_file() else "",
        "title": f"{wording.ENGINE_NAMES[run.engine]}{length}",
        "about": ", ".join(_about(run, now)),
        "more": ", ".join(_figures(run)),
    }


def _about(run: RunView, now: float) -> list[str]:
    about = [wording.STATE_WORDS[run.state], wording.ago(now - run.created_at)]
    return [*about, "files removed"] if run.files_gone else about


def _figures(run: RunView) -> list[str]:
    figures = [] if run.motion_match is None else [f"match {run.motion_match:.0f}"]
    return figures if is_free(run) or run.cost_usd is None else [*figures, dollars(run.cost_usd)]
