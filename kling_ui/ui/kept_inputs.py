"""What the browser keeps over a reload: references of the inputs and the choice, nothing secret."""

from dataclasses import dataclass
from typing import Self

from kling_ui.choice import Choice, Orientation
from kling_ui.ui.events import choice_of, entries_of, text_of
from kling_ui.ui.versions import Versions
from kling_ui.ui.web.files import Locker

_PROMPT_MAX_CHARS = 2500


@dataclass(frozen=True, slots=True)
class KeptInputs:
    """The left column as a person left it.

    Attributes:
        image: The character image; ``None`` when its place was empty.
        video: The reference video, likewise.
        choice: Prompt, orientation, sound.
    """

    image: Versions | None
    video: Versions | None
    choice: Choice

    @classmethod
    def from_value(cls, value: object, locker: Locker) -> Self | None:
        """Read what ``kept.js`` wrote; ``None`` when there is nothing, or neither file is here any more."""
        given = entries_of(value)
        image, video = (Versions.from_value(given.get(name), locker) for name in ("image", "video"))
        if image is None and video is None:
            return None
        return cls(
            image,
            video,
            Choice(
                text_of(given.get("prompt"))[:_PROMPT_MAX_CHARS],
                choice_of(given.get("orientation"), Orientation.VIDEO),
                given.get("keep_sound") is not False,
            ),
        )
