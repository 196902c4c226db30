"""Which orientation suits the clip, as it stands below the choice."""

from typing import Any

from kling_ui.checks.adviser import advise
from kling_ui.checks.faults import forecast
from kling_ui.choice import Orientation
from kling_ui.vision.look import VideoLook

NAMES = {Orientation.VIDEO: "Video", Orientation.IMAGE: "Image"}


def advice_value(look: object, chosen: Orientation) -> dict[str, Any]:
    """Show the advice for a clip that was looked at; nothing before that.

    Args:
        look: What is known of the clip.
        chosen: The orientation as it is chosen now.
    """
    if not isinstance(look, VideoLook):
        return {}
    advice = advise(look, forecast(look))
    name = NAMES[advice.orientation]
    lead = (f"“{name}” suits this clip.",) if advice.is_clear else ()  # else the reason says that both work
    return {
        "words": " ".join((*lead, *advice.reasons)),
        "use": "" if advice.orientation is chosen else advice.orientation.value,
        "use_words": f"Use “{name}”",
        "is_clear": advice.is_clear and advice.orientation is not chosen,
    }
