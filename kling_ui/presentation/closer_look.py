"""What is said of a result that is looked at more closely: its strips, and the moments in which it follows worst."""

from kling_ui.languages import retell, say, told
from kling_ui.scoring.identity import FACE_PX_MIN, HAND_PX_MIN, StripKind
from kling_ui.scoring.limbs import PCK_DEG

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
