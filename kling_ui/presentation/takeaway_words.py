"""What is said of what people take away of a run."""

from collections.abc import Sequence

from kling_ui.presentation.gallery import run_title
from kling_ui.runs.view import RunView

REPLAY_LABEL = "Replay"
CARD_NEEDED = "This is no run card that was sent here."
NOTHING_ASKED = "There is no such thing to take away."
NO_RESULT = "This run has no result to take away."
RESULT_GONE = "The files of this run are no longer kept here."
NO_REFERENCE = "This run has no reference to set its result beside."


def score_line(run: RunView) -> str:
    """Say in one line whose result a picture shows and how well it follows."""
    match = "" if run.motion_match is None else f"Motion match {run.motion_match:.0f} of 100, "
    return f"{match}{run_title(run)}"


def missing_files(names: Sequence[str]) -> str:
    """Say which files of a run card are not beside it; empty for none."""
    if not names:
        return ""
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"Not found with this very content: {listed}."


def opened_words(run: RunView, missing: Sequence[str]) -> str:
    """Say which run was opened from a card, and which of its files are missing."""
    opened = f"Opened from its run card: {run.name or run_title(run)}."
    if not missing:
        return opened
    return f"{opened} {missing_files(missing)} Drop them together with the card."
