"""What can be repaired, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PEOPLE_MAX = 4  # among whom one may choose


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
    IMAGE_BRIGHTEN = "image.brighten"
    IMAGE_DEEPEN = "image.deepen"
    VIDEO_TURN = "video.turn"
    VIDEO_BRIGHTEN = "video.brighten"
    VIDEO_DEEPEN = "video.deepen"
    IMAGE_KEEP_1 = "image.keep-person-1"
    IMAGE_KEEP_2 = "image.keep-person-2"
    IMAGE_KEEP_3 = "image.keep-person-3"
    IMAGE_KEEP_4 = "image.keep-person-4"
    VIDEO_TRIM = "video.trim"
    VIDEO_CONVERT = "video.convert"
    VIDEO_RESIZE = "video.resize"
    VIDEO_COMPRESS = "video.compress"
    VIDEO_CROP_TO_UPPER = "video.crop-to-upper-body"
    VIDEO_CROP_TO_SHAPE = "video.crop-to-shape"
    VIDEO_KEEP_1 = "video.keep-person-1"
    VIDEO_KEEP_2 = "video.keep-person-2"
    VIDEO_KEEP_3 = "video.keep-person-3"
    VIDEO_KEEP_4 = "video.keep-person-4"
    CHOICE_ORIENTATION = "choice.orientation"
    CHOICE_NO_SOUND = "choice.no-sound"

    @property
    def target(self) -> str:
        """What it changes: ``image``, ``video`` or ``choice``."""
        return self.value.partition(".")[0]

    @property
    def person(self) -> int | None:
        """Whom it keeps of several people, counted from the left, from 1 to :data:`PEOPLE_MAX`; ``None`` for others."""
        name, _, number = self.value.rpartition("-")
        return int(number) if name.endswith(".keep-person") else None


class RepairCode(StrEnum):
    """What a repair does here: its kind, and behind a slash which of its sentences.

    A label and an effect for each stand in ``presentation/repair_sentences.py``.
    """

    IMAGE_CONVERT = "image.convert/format"
    IMAGE_FLATTEN = "image.convert/flatten"
    IMAGE_SAVE_UPRIGHT = "image.convert/upright"
    IMAGE_PLAIN_COLOURS = "image.convert/colours"
    IMAGE_TO_SRGB = "image.convert/srgb"
    IMAGE_COMPRESS = "image.compress"
    IMAGE_FIT = "image.resize/fit"
    IMAGE_ENLARGE = "image.resize/enlarge"
    IMAGE_SCALE_DOWN = "image.resize/down"
    IMAGE_CROP_AROUND = "image.crop-around-character"
    IMAGE_CROP_TO_ASPECT_AROUND = "image.crop-to-aspect/around"
    IMAGE_CROP_TO_ASPECT_MIDDLE = "image.crop-to-aspect/middle"
    IMAGE_PAD_TO_ASPECT = "image.pad-to-aspect"
    IMAGE_CROP_TO_UPPER = "image.crop-to-upper-body"
    IMAGE_KEEP_1 = "image.keep-person-1"
    IMAGE_KEEP_2 = "image.keep-person-2"
    IMAGE_KEEP_3 = "image.keep-person-3"
    IMAGE_KEEP_4 = "image.keep-person-4"
    IMAGE_TURN_LEFT = "image.turn/left"
    IMAGE_TURN_OVER = "image.turn/over"
    IMAGE_TURN_RIGHT = "image.turn/right"
    IMAGE_BRIGHTEN = "image.brighten"
    IMAGE_DEEPEN = "image.deepen"
    VIDEO_TURN_LEFT = "video.turn/left"
    VIDEO_TURN_OVER = "video.turn/over"
    VIDEO_TURN_RIGHT = "video.turn/right"
    VIDEO_BRIGHTEN = "video.brighten"
    VIDEO_DEEPEN = "video.deepen"
    VIDEO_TRIM_TO_USABLE = "video.trim/usable"
    VIDEO_TRIM_TO_BEGINNING = "video.trim/beginning"
    VIDEO_CONVERT = "video.convert"
    VIDEO_MAKE_PLAIN = "video.convert/plain"
    VIDEO_FIT = "video.resize/fit"
    VIDEO_ENLARGE = "video.resize/enlarge"
    VIDEO_SCALE_DOWN = "video.resize/down"
    VIDEO_COMPRESS = "video.compress"
    VIDEO_CROP_TO_UPPER = "video.crop-to-upper-body"
    VIDEO_CROP_TO_SHAPE = "video.crop-to-shape"
    VIDEO_KEEP_1 = "video.keep-person-1"
    VIDEO_KEEP_2 = "video.keep-person-2"
    VIDEO_KEEP_3 = "video.keep-person-3"
    VIDEO_KEEP_4 = "video.keep-person-4"
    CHOICE_ORIENTATION = "choice.orientation"
    CHOICE_NO_SOUND = "choice.no-sound"


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that is offered.

    Attributes:
        code: What it does here.
        rules: The broken rules that it settles.
        values: What its label and effect name: sizes, times and limits.
        in_all: It is part of "Repair all"; an alternative to another one is not.
    """

    code: RepairCode
    rules: tuple[str, ...]
    values: Mapping[str, object] = field(default_factory=dict)
    in_all: bool = True

    @property
    def kind(self) -> RepairKind:
        """Which one."""
        return RepairKind(self.code.partition("/")[0])
