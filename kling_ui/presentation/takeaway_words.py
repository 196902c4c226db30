"""What is said of what people take away of a run."""

from collections.abc import Sequence

from kling_ui.languages import joined, say, told
from kling_ui.presentation.gallery import run_title
from kling_ui.runs.view import RunView

REPLAY_LABEL = told("Replay")
CARD_NEEDED = told("This is no run card that was sent here.")
NOTHING_ASKED = told("There is no such thing to take away.")
NO_RESULT = told("This run has no result to take away.")
RESULT_GONE = told("The files of this run are no longer kept here.")
NO_REFERENCE = told("This run has no reference to set its result beside.")


def score_line(run: RunView) -> str:
    """Say in one line whose result a picture shows and how well it follows."""
    match = (
        ""
        if run.motion_match is None
        else say("Motion match {motion_match:.0f} of 100, ", motion_match=run.motion_match)
    )
    return f"{match}{run_title(run)}"


def missing_files(names: Sequence[str]) -> str:
    """Say which files of a run card are not beside it; empty for none."""
    if not names:
        return ""
    listed = joined(" and ", filter(None, (joined(", ", names[:-1]), names[-1])))
    return say("Not found with this very content: {listed}.", listed=listed)


def opened_words(run: RunView, missing: Sequence[str]) -> str:
    """Say which run was opened from a card, and which of its files are missing."""
    opened = say("Opened from its run card: {name}.", name=run.name or run_title(run))
    if not missing:
        return opened
    return say("{opened} {missing} Drop them together with the card.", opened=opened, missing=missing_files(missing))
