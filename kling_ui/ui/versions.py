"""An input and what repairs made of it: each repaired copy knows what was done, the original is never touched."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.ui.events import entries_of
from kling_ui.ui.web.files import Locker

Span = tuple[float, float]
_LABEL_MAX_CHARS = 120
_TIME_MAX_S = 1e6
_VERSIONS_MAX = 32  # of one input; what a browser sends is not believed without end


@dataclass(frozen=True, slots=True)
class Version:
    """An original or a repaired copy.

    Attributes:
        path: The file.
        repairs: What was done to the original, each with the label of its button.
        span: What a person chose to keep of a clip, in seconds of the original.
        picture: What it looked like before and after.
        origin: The public address from which exactly this file came, if it did.
    """

    path: Path
    repairs: tuple[tuple[RepairKind, str], ...] = ()
    span: Span | None = None
    picture: Path | None = None
    origin: str | None = field(default=None, repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """What was done, in words."""
        return tuple(label for _, label in self.repairs)

    @property
    def kinds(self) -> frozenset[RepairKind]:
        """What was done."""
        return frozenset(kind for kind, _ in self.repairs)

    def to_value(self, locker: Locker) -> dict[str, Any]:
        """Put it into plain values that the browser carries; files become signed references."""
        return {
            "ref": locker.sign(self.path),
            "repairs": [[kind.value, label] for kind, label in self.repairs],
            "span": list(self.span) if self.span else None,
            "picture": locker.sign(self.picture) if self.picture else None,
            "origin": self.origin,
        }

    @classmethod
    def from_value(cls, value: object, locker: Locker) -> Self | None:
        """Read what the browser carried; ``None`` unless the file is there."""
        given = entries_of(value)
        path, origin = locker.open(given.get("ref")), given.get("origin")
        if path is None:
            return None
        return cls(
            path,
            _repairs(given.get("repairs")),
            read_span(given.get("span")),
            locker.open(given.get("picture")),
            origin if isinstance(origin, str) else None,
        )


@dataclass(frozen=True, slots=True)
class Versions:
    """All that there is of one input, the original first.

    Attributes:
        past: What can be gone back to.
        current: What is shown and used.
    """

    current: Version
    past: tuple[Version, ...] = ()

    @property
    def original(self) -> Version:
        """What the person handed in."""
        return self.past[0] if self.past else self.current

    @property
    def is_repaired(self) -> bool:
        """There is something to go back to."""
        return bool(self.past)

    def adding(self, version: Version) -> "Versions":
        """Use a new version, and keep the way back."""
        return Versions(version, (*self.past, self.current))

    def undone(self) -> "Versions":
        """Go one step back, if there is one."""
        return Versions(self.past[-1], self.past[:-1]) if self.past else self

    def to_value(self, locker: Locker) -> dict[str, Any]:
        """Put it into the entries of an input's value that its script carries."""
        past = [version.to_value(locker) for version in self.past]
        return {"current": self.current.to_value(locker), "past": past, "origin": self.current.origin}

    @classmethod
    def from_value(cls, value: object, locker: Locker) -> Self | None:
        """Read an input's value; ``None`` when its file is not, or no longer, there."""
        given = entries_of(value)
        path = locker.open(given.get("ref"))
        if path is None:
            return None
        current = Version.from_value(given.get("current"), locker)
        if current is None or current.path != path:
            origin = given.get("origin")
            return cls(Version(path, origin=origin if isinstance(origin, str) else None))
        carried = given.get("past")
        entries = carried[:_VERSIONS_MAX] if isinstance(carried, list) else []
        past = [version for version in (Version.from_value(entry, locker) for entry in entries) if version]
        return cls(current, tuple(past) if past and not past[0].repairs else ())


def read_span(value: object) -> Span | None:
    """Read two rising times in seconds, or nothing."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    start_s, end_s = value
    if any(isinstance(time_s, bool) or not isinstance(time_s, int | float) for time_s in value):
        return None
    return (float(start_s), float(end_s)) if 0 <= start_s < end_s < _TIME_MAX_S else None


def _repairs(value: object) -> tuple[tuple[RepairKind, str], ...]:
    entries = value if isinstance(value, list) else []
    kinds = {kind.value: kind for kind in RepairKind}
    return tuple(
        (kinds[entry[0]], entry[1][:_LABEL_MAX_CHARS])
        for entry in entries
        if isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)
        if entry[0] in kinds
    )
