"""What can be repaired, by name."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RepairKind(StrEnum):
    """A repair, as findings, JSON and the page name it; the word before the dot says what it changes."""

    IMAGE_CONVERT = "image.convert"
    IMAGE_COMPRESS = "image.compress"
    IMAGE_RESIZE = "image.resize"
    IMAGE_CROP_AROUND = "image.crop-around-character"
    IMAGE_CROP_TO_ASPECT = "image.crop-to-aspect"
    IMAGE_PAD_TO_ASPECT = "image.pad-to-aspect"
    IMAGE_CROP_TO_UPPER = "image.crop-to-upper-body"
    IMAGE_TURN = "image.turn"
    VIDEO_TRIM = "video.trim"
    VIDEO_CONVERT = "video.convert"
    VIDEO_RESIZE = "video.resize"
    VIDEO_COMPRESS = "video.compress"
    VIDEO_CROP_TO_UPPER = "video.crop-to-upper-body"
    VIDEO_CROP_TO_SHAPE = "video.crop-to-shape"
    CHOICE_ORIENTATION = "choice.orientation"
    CHOICE_NO_SOUND = "choice.no-sound"

    @property
    def target(self) -> str:
        """What it changes: ``image``, ``video`` or ``choice``."""
        return self.value.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that is offered.

    Attributes:
        kind: Which one.
        rules: The broken rules that it settles.
        label: What the button says.
        effect: One sentence that says what becomes of the input.
        in_all: It is part of "Repair all"; an alternative to another one is not.
    """

    kind: RepairKind
    rules: tuple[str, ...]
    label: str
    effect: str
    in_all: bool = True

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return {
            "repair": self.kind.value,
            "target": self.kind.target,
            "rules": list(self.rules),
            "label": self.label,
            "effect": self.effect,
            "in_all": self.in_all,
        }
