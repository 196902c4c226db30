"""What image, clip and prompt must be together. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator

from kling_ui.checks.limits import PROMPT_MAX_CHARS, Source
from kling_ui.checks.report import Finding, Severity
from kling_ui.choice import Choice
from kling_ui.media.look import ImageLook, VideoLook


def check_prompt_required(choice: Choice) -> Iterator[Finding]:
    """``prompt.required``: this API refuses a run without one."""
    if not choice.prompt.strip():
        message = "The prompt is empty; this model needs one."
        advice = "Describe the scene, the clothes and the light in a few words."
        yield Finding("prompt.required", Severity.BLOCK, 0, message, advice, Source.VENDOR)


def check_prompt_length(choice: Choice) -> Iterator[Finding]:
    """``prompt.length``: at most 2500 characters."""
    length = len(choice.prompt)
    if length > PROMPT_MAX_CHARS.value:
        message = f"The prompt has {length} characters; at most {PROMPT_MAX_CHARS.value} are taken."
        advice = "Shorten it: it only describes scene, clothes and light; the motion comes from the video."
        yield Finding("prompt.length", Severity.BLOCK, length, message, advice, PROMPT_MAX_CHARS.source)


CHOICE_RULES: tuple[Callable[[Choice], Iterator[Finding]], ...] = (check_prompt_required, check_prompt_length)
# Framing, room and aspect compare both looks.
LOOK_RULES: tuple[Callable[[ImageLook, VideoLook], Iterator[Finding]], ...] = ()
