"""What a person asks for: the two kinds of input, the options beside them, and the characters a prompt may hold."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeVar

from kling_ui.errors import SettingsError

E = TypeVar("E", bound=StrEnum)
DEFAULT_PROMPT = "A person dancing in daylight"
_LAYOUT = frozenset("\n\r\t")  # control characters that people mean
REPLACEMENT = "\ufffd"


class InputKind(StrEnum):
    """Which of the two inputs."""

    IMAGE = "image"
    VIDEO = "video"


class Provider(StrEnum):
    """Through whom Kling is reached."""

    RUNCOMFY = "runcomfy"
    FAL = "fal"

    @classmethod
    def of_model(cls, model_id: str) -> Self:
        """Tell it by a model's id; an empty one is the usual model."""
        return cls("fal" if model_id.startswith("fal-ai/") else "runcomfy")


class Orientation(StrEnum):
    """Whose facing the result follows; it also sets how long the reference may be."""

    VIDEO = "video"
    IMAGE = "image"


class RigNote(StrEnum):
    """What of a character a preview moves as one piece, for the picture does not tell it apart."""

    HANDS_HIDDEN = "hands hidden"  # in pockets, behind the back: their arms stay with the body
    HAND_AT_HEAD = "hand at head"  # at the face, the hair or the neck, which it cannot be told from: likewise
    LEGS_ONE = "legs one"  # crossed, or one behind the other
    SKIRT_ONE = "skirt one"  # cloth around both legs


class Resolution(StrEnum):
    """How large a preview may be; its shape is the picture's."""

    P720 = "720p"
    P1080 = "1080p"

    @property
    def sides_px(self) -> tuple[int, int]:
        """The longer and the shorter side that the frame may have."""
        return (1280, 720) if self is Resolution.P720 else (1920, 1080)

    def frame_px(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return the width and height of a frame in the shape of a picture of this size, which is never enlarged."""
        longest, shortest = self.sides_px
        scale = min(1.0, longest / max(width_px, height_px), shortest / min(width_px, height_px))
        return 2 * round(width_px * scale / 2), 2 * round(height_px * scale / 2)


class Layout(StrEnum):
    """The shape of a comparison: as wide as its clips need, or that of a screen."""

    STRIP = "strip"
    WIDE = "16:9"
    SQUARE = "1:1"
    TALL = "9:16"

    @property
    def frame_px(self) -> tuple[int, int] | None:
        """Width and height of the whole picture; ``None`` where the clips decide."""
        return {Layout.WIDE: (1920, 1080), Layout.SQUARE: (1080, 1080), Layout.TALL: (1080, 1920)}.get(self)


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How to transfer the motion.

    Attributes:
        prompt: Scene, clothes and light in words, 1-2500 characters; the motion comes from the video.
        orientation: ``VIDEO`` follows the reference's facing (at most 30 s), ``IMAGE`` the picture's (at most 10 s).
        keep_sound: Keep the reference's sound in the result.
        resolution: Of a preview; the model API has no such option.
        model: The model that a paid run goes to, as in the API's paths; empty for that of the settings.
    """

    prompt: str = DEFAULT_PROMPT
    orientation: Orientation = Orientation.VIDEO
    keep_sound: bool = True
    resolution: Resolution = Resolution.P720
    model: str = ""

    @property
    def provider(self) -> Provider:
        """Through whom a paid run goes."""
        return Provider.of_model(self.model)


def member_of(kind: type[E], value: str, name: str) -> E:
    """Read one of the possible words of an argument.

    Raises:
        SettingsError: It is none of them; ``name`` is the argument that is complained of.
    """
    try:
        return kind(value)
    except ValueError as error:
        raise SettingsError(f"{name} takes {' or '.join(kind)}.") from error


def odd_characters(text: str) -> tuple[str, ...]:
    """Name what has no place in a text, each once, in the order in which it comes: ``U+0000``, ``U+D83D``."""
    return tuple(dict.fromkeys(f"U+{ord(char):04X}" for char in text if _is_odd(char)))


def without_odd(text: str) -> str:
    """Put the sign for an unknown character in place of all that has no place in a text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if _is_odd(char) else char for char in text)


def _is_odd(char: str) -> bool:
    return char == REPLACEMENT or (char not in _LAYOUT and unicodedata.category(char) in {"Cc", "Cs"})
