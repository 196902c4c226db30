"""What is said of an adjustment that a person makes of an input: what it keeps, and how it turns it."""

from kling_ui.checks.adjustments import Adjustment
from kling_ui.languages import joined, retell, say, told
from kling_ui.presentation.wording import seconds, size

_TURNS = told({1: "Turned left", 2: "Turned over", 3: "Turned right"})


def adjustment_words(adjustment: Adjustment) -> str:
    """Say what was made of an input: ``Kept 2.0–9.5 s, cropped to 360 × 640 px, turned left``."""
    done = []
    if adjustment.span is not None:
        done.append(
            say("Kept {start_s:.1f}\N{EN DASH}{end}", start_s=adjustment.span[0], end=seconds(adjustment.span[1]))
        )
    if adjustment.crop is not None:
        done.append(say("Cropped to {size}", size=size(*adjustment.crop.size)))
    if adjustment.turns % 4:
        done.append(retell(_TURNS[adjustment.turns % 4]))
    words = joined(", ", done)
    return words[:1] + words[1:].replace("Cropped", "cropped").replace("Turned", "turned")
