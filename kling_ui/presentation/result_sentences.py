"""What is said of a result that is looked at more closely, and of what people take away of a run."""

from collections.abc import Sequence

from kling_ui.languages import joined, retell, say, told
from kling_ui.presentation.gallery import run_title
from kling_ui.runs.run_view import RunView
from kling_ui.scoring.identity import FACE_PX_MIN, HAND_PX_MIN, StripKind
from kling_ui.scoring.limbs import PCK_DEG

REPLAY_LABEL = told("Replay")
CARD_NEEDED = told("This is no run card that was sent here.")
NOTHING_ASKED = told("There is no such thing to take away.")
NO_RESULT = told("This run has no result to take away.")
RESULT_GONE = told("The files of this run are no longer kept here.")
NO_REFERENCE = told("This run has no reference to set its result beside.")
WORST_NAME = told("Worst moments")
CHARACTER_UNSEEN = told("The character's own face cannot be shown beside them: none was found in the picture.")
_NAMES = told(
    {
        StripKind.FACES: "Face",
        StripKind.LEFT_HAND: "Left hand",
        StripKind.RIGHT_HAND: "Right hand",
        StripKind.FRAMES: "First, middle and last frame",
    }
)
_LEAST_PX = {StripKind.FACES: FACE_PX_MIN, StripKind.LEFT_HAND: HAND_PX_MIN, StripKind.RIGHT_HAND: HAND_PX_MIN}


def strip_name(kind: StripKind) -> str:
    """Name what a strip shows."""
    return retell(_NAMES[kind])


def no_strip_words(kind: StripKind, largest_px: int) -> str:
    """Say why there is no strip of something.

    Args:
        kind: What it would show.
        largest_px: How large the largest one found is, across; 0 where none was seen.
    """
    if kind not in _LEAST_PX:
        return say("No frame of it could be read.")
    what = retell(_NAMES[kind]).lower()
    if not largest_px:
        return say("No {what} is seen clearly enough.", what=what)
    return say(
        "No {what} is large enough to be judged: {largest_px} px across at most, {least_px} are needed.",
        what=what,
        largest_px=largest_px,
        least_px=_LEAST_PX[kind],
    )


def limb_words(limb: str, error_deg: float) -> str:
    """Say how far a limb is off."""
    return say("{limb} {error_deg:.0f}° off", limb=limb, error_deg=error_deg)


def worst_words(count: int) -> str:
    """Say what the list of moments means; that there is none, if there is none."""
    return "" if count else say("No limb that is surely seen is more than {limit_deg:.0f}° off.", limit_deg=PCK_DEG)


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
