"""What a labelled case is: how it is drawn, and what the check must say about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.labelled.files import MP4, PNG, Encoding
from benchmarks.labelled.reel import Reel
from kling_ui.checks.report import Severity
from kling_ui.options import Orientation, TransferOptions

Span = tuple[float, float]
SILENT = TransferOptions(keep_sound=False)  # most cases have no sound, and it does not matter
BLOCK, WARN, HINT = Severity
_OVER_TIME = frozenset(
    f"video.{name}" for name in ("person", "cuts", "camera", "people", "speed", "usable", "first_frame")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something to be judged.

    Attributes:
        name: Short and unique.
        must: Rules that a person who looks at it sees broken, with the severity that LIMITS names; ``None`` where
            it names none or leaves it open.
        may: Rules about which people could differ, with the reason. All others must be silent.
        choice: How to transfer the motion.
    """

    name: str
    must: Mapping[str, Severity | None] = field(default_factory=dict)
    may: Mapping[str, str] = field(default_factory=dict)
    choice: TransferOptions = SILENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture(Case):
    """A character image.

    Attributes:
        draw: Gives ``(height, width, 3)`` uint8, RGB.
        encoding: How it is saved.
    """

    draw: Callable[[], np.ndarray]
    encoding: Encoding = PNG


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Case):
    """A reference video.

    Attributes:
        takes: Drawn clips that it is made of.
        make: Makes it from these.
        encoding: How it is saved.
        cuts: Ends of shots: the last time of the old shot and the first of the new one.
        usable: The longest part that nothing is wrong with, or ``None`` where nobody could say to the frame. Clips
            without any fault are usable as a whole.
        orientation: The one that suits the clip, where that is clear.
    """

    takes: tuple[str, ...]
    make: Callable[..., Reel]
    encoding: Encoding = MP4
    cuts: tuple[Span, ...] = ()
    usable: Callable[[], Span] | Span | None = None
    orientation: Orientation | None = None

    def true_usable(self, duration_s: float) -> Span | None:
        """The longest part that nothing is wrong with, of a clip of this length; ``None`` where it is not known."""
        if self.usable is not None:
            return self.usable if isinstance(self.usable, tuple) else self.usable()
        faults = {rule for rule, severity in self.must.items() if severity != HINT} | set(self.may)
        return None if faults & _OVER_TIME else (0.0, duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Case):
    """An image with a clip; both are cases themselves, so only rules about both are judged here.

    Attributes:
        image: Name of a picture.
        clip: Name of a clip.
    """

    image: str
    clip: str
