"""What a person chooses besides the two files."""

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_PROMPT = "A person dancing in daylight"


class Orientation(StrEnum):
    """Whose facing the result follows; it also sets how long the reference may be."""

    VIDEO = "video"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Choice:
    """How to transfer the motion.

    Attributes:
        prompt: Scene, clothes and light in words, 1-2500 characters; the motion comes from the video.
        orientation: ``VIDEO`` follows the reference's facing (at most 30 s), ``IMAGE`` the picture's (at most 10 s).
        keep_sound: Keep the reference's sound in the result.
    """

    prompt: str = DEFAULT_PROMPT
    orientation: Orientation = Orientation.VIDEO
    keep_sound: bool = True
