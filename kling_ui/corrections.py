"""What a person corrects of a character by hand: where its joints are, and what of the picture belongs to it."""

import base64
import binascii
import hashlib
import hmac
import json
import math
import os
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import Told

# Left and right are the character's own. A hand is at its knuckles, a foot at its toes.
_PAIRS = ("ear", "shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot")
JOINTS = ("nose", *(f"{side} {name}" for name in _PAIRS for side in ("left", "right")))
CORE = ("nose", "left shoulder", "right shoulder")  # without these nobody can be made of joints alone
BONES = (
    ("left shoulder", "right shoulder"),
    ("left hip", "right hip"),
    ("nose", "left ear"),
    ("nose", "right ear"),
    *(
        (f"{side} {inner}", f"{side} {outer}")
        for side in ("left", "right")
        for inner, outer in (
            ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand"), ("shoulder", "hip"), ("hip", "knee"),
            ("knee", "ankle"), ("ankle", "foot"),
        )
    ),
)  # fmt: skip
OUTSIDE_MAX = 1.0  # of the picture's side: a joint may lie so far beyond its edge
MASK_MAX_BYTES, MASK_MAX_PX = 4 * 2**20, 40_000_000
FILE_MAX_BYTES = 8 * 2**20
_PNG = b"\x89PNG\r\n\x1a\n"
KEPT_S, ALL_MAX_BYTES = 30 * 86_400.0, 2**30  # of all that pages keep: since it was last used; together
_OWNER_MAX, _VERSIONS_MAX = 200, 8  # that are kept for one person, and of one picture
_KEY_CHARS = 24
_DIGITS = 5  # decimals of a share that are kept: a fifth of a pixel in a picture of 16 000
_UNITS = ("share", "px")


@dataclass(frozen=True, slots=True)
class PlacedJoint:
    """A joint that a person placed, or marked as hidden.

    Attributes:
        x: From the left, as a share of the upright picture's width; ``None`` leaves it where it was found.
        y: From the top, as a share of the height; ``None`` likewise.
        hidden: Something covers it, so that it is not to be moved by itself.
    """

    x: float | None
    y: float | None
    hidden: bool = False

    @property
    def place(self) -> tuple[float, float] | None:
        """``(x, y)``, or ``None`` where it was found."""
        return None if self.x is None or self.y is None else (self.x, self.y)


@dataclass(frozen=True, slots=True)
class Corrections:
    """All that a person corrected of one picture.

    Attributes:
        joints: By name, see :data:`JOINTS`.
        mask: A PNG in the picture's shape: white is the character, black is not, and what is clear stays as it was
            found; empty where nothing was painted.
    """

    joints: Mapping[str, PlacedJoint] = field(default_factory=dict)
    mask: bytes = field(default=b"", repr=False)

    def __bool__(self) -> bool:
        """Whether anything is corrected."""
        return bool(self.joints or self.mask)

    @property
    def key(self) -> str:
        """What is equal for the same corrections and for no others; empty for none."""
        return hashlib.sha256(json.dumps(self.to_json()).encode()).hexdigest() if self else ""

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types, as ``docs/corrections.md`` describes; the mask in base64."""
        joints = {
            name: {"x": joint.x, "y": joint.y, "hidden": joint.hidden}
            for name in JOINTS
            if (joint := self.joints.get(name)) is not None
        }
        return {"unit": "share", "joints": joints, "mask": base64.b64encode(self.mask).decode()}

    @classmethod
    def from_json(cls, data: object, *, size_px: tuple[int, int] | None = None) -> Self:
        """Read what a file or a browser says.

        Args:
            data: As :meth:`to_json` gives it; ``unit`` and ``mask`` may be missing.
            size_px: Width and height of the upright picture, which joints in pixels need.

        Raises:
            KlingUIError: It says something that cannot be meant.
        """
        given = _object(data, "The corrections")
        if unknown := given.keys() - {"unit", "joints", "mask"}:
            raise KlingUIError(
                Told("Corrections have no entry {named}.", named=_named(unknown)),
                advice="They have unit, joints, mask.",
            )
        unit = given.get("unit", "share")
        if unit not in _UNITS or (unit == "px" and size_px is None):
            raise KlingUIError("The unit of joints is share or px.", advice="Shares are fractions 0-1 of the sides.")
        sides = size_px if unit == "px" and size_px is not None else (1, 1)
        joints = {
            name: _joint(name, value, sides) for name, value in _object(given.get("joints", {}), "joints").items()
        }
        return cls({name: joints[name] for name in JOINTS if name in joints}, _mask(given.get("mask", "")))

    @property
    def summary(self) -> "CorrectionSummary | None":
        """What was corrected, without where; ``None`` for nothing."""
        return CorrectionSummary(self.key, tuple(self.joints), bool(self.mask)) if self else None


@dataclass(frozen=True, slots=True)
class CorrectionSummary:
    """What of a picture was corrected, for a run's record and for ``--json``.

    Attributes:
        key: What is equal for the same corrections and for no others.
        joints: Names of those that were placed or marked as hidden.
        mask: Something was painted.
    """

    key: str
    joints: tuple[str, ...]
    mask: bool


def read_corrections(path: Path) -> Corrections:
    """Read corrections that :func:`write_corrections` kept; blocking.

    Raises:
        MediaError: They are not there, or no corrections.
    """
    try:
        return Corrections.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError, KlingUIError) as error:
        raise MediaError("these corrections cannot be read any more.", path=path, advice="Correct it again.") from error


def write_corrections(corrections: Corrections, path: Path) -> None:
    """Keep corrections in a file; blocking.

    Raises:
        OSError: It cannot be written.
    """
    path.write_text(json.dumps(corrections.to_json()), "utf-8")


def corrections_of_files(joints: Path | None, mask: Path | None, *, size_px: tuple[int, int]) -> Corrections:
    """Read what a person made elsewhere: joints as JSON, a mask as PNG; blocking.

    Args:
        joints: A JSON file as ``docs/corrections.md`` describes, or none.
        mask: A PNG in the picture's shape, or none; it goes before one that the JSON holds.
        size_px: Width and height of the upright picture.

    Raises:
        MediaError: A file cannot be read, or says something that cannot be meant.
    """
    corrections = Corrections()
    if joints is not None:
        try:
            corrections = Corrections.from_json(json.loads(_content(joints)), size_px=size_px)
        except KlingUIError as error:
            if isinstance(error, MediaError):
                raise
            raise MediaError(_lower(error.message), path=joints, advice=error.advice) from error
        except (ValueError, RecursionError) as error:
            raise MediaError("it is not JSON.", path=joints, advice="See docs/corrections.md.") from error
    if mask is None:
        return corrections
    content = _content(mask)
    try:
        require_shape(content, size_px)
    except KlingUIError as error:
        raise MediaError(_lower(error.message), path=mask, advice=error.advice) from error
    return Corrections(corrections.joints, content)


def require_shape(mask: bytes, size_px: tuple[int, int]) -> None:
    """Make sure that a mask has the shape of its picture, give or take a pixel.

    Raises:
        KlingUIError: It has another shape, or is no PNG.
    """
    width, height = _require_png(mask)
    expected = width * size_px[1] / size_px[0]
    if abs(expected - height) > 1 + max(1.0, size_px[1] / size_px[0]):
        raise KlingUIError(
            Told(
                "The mask is {width} x {height} px and the picture {picture_width} x {picture_height} px: "
                "their shapes differ.",
                width=width,
                height=height,
                picture_width=size_px[0],
                picture_height=size_px[1],
            ),
            advice="Paint it over the upright picture.",
        )


class CorrectionStore:
    """Keeps corrections by the picture's content, for whoever made them; nobody else finds or changes them.

    Args:
        folder: Where they are kept; it is made on the first write.
        secret: Hides in the names of files whose they are.
    """

    def __init__(self, folder: Path, secret: bytes) -> None:
        self.folder = folder
        self._secret = secret

    def keep(self, owner: str, sha256: str, corrections: Corrections) -> Path | None:
        """Keep what somebody corrected of one content, or forget it where nothing is corrected; blocking.

        What was kept of it before stays for a while, because other tabs may still show it.

        Returns:
            Where it lies; ``None`` for nothing.

        Raises:
            KlingUIError: It cannot be written.
        """
        before, prefix = self._of(owner, sha256), f"{self._owner(owner)}-{sha256}"
        for old in before if not corrections else before[_VERSIONS_MAX - 1 :]:
            old.unlink(missing_ok=True)
        if not corrections:
            return None
        place = self.folder / f"{prefix}-{corrections.key[:_KEY_CHARS]}.json"
        part = place.with_name(f".{uuid.uuid4().hex}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_corrections(corrections, part)
            part.replace(place)
        except OSError as error:
            raise KlingUIError("The corrections could not be kept here.", advice="Try again later.") from error
        for old in _newest_first(self.folder.glob(f"{self._owner(owner)}-*.json"))[_OWNER_MAX:]:
            old.unlink(missing_ok=True)
        return place

    def find(self, owner: str, sha256: str) -> Path | None:
        """Give what somebody corrected of a content last, and remember that it was used; blocking."""
        newest = next(iter(self._of(owner, sha256)), None)
        if newest is not None:
            with suppress(OSError):
                os.utime(newest)
        return newest

    def erase(self, owner: str) -> frozenset[str]:
        """Forget all that somebody corrected, and return the SHA-256 of the pictures that it was about; blocking."""
        contents = set()
        for place in self.folder.glob(f"{self._owner(owner)}-*.json") if owner else ():
            contents.add(place.name.split("-")[1])
            place.unlink(missing_ok=True)
        return frozenset(contents)

    def sweep(self, *, now: float | None = None) -> None:
        """Remove what was not used for :data:`KEPT_S`, and what is more than :data:`ALL_MAX_BYTES`; blocking."""
        oldest, room = (now or time.time()) - KEPT_S, ALL_MAX_BYTES
        for place in _newest_first(path for path in self.folder.glob("*") if path.is_file()):
            with suppress(OSError):
                status = place.stat()
                room -= status.st_size
                if status.st_mtime < oldest or room < 0:
                    place.unlink()

    def _of(self, owner: str, sha256: str) -> list[Path]:
        return _newest_first(self.folder.glob(f"{self._owner(owner)}-{sha256}-*.json")) if owner else []

    def _owner(self, owner: str) -> str:
        return hmac.new(self._secret, f"corrections {owner}".encode(), hashlib.sha256).hexdigest()[:_KEY_CHARS]


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    times: dict[Path, float] = {}
    for path in paths:
        with suppress(OSError):
            times[path] = path.stat().st_mtime
    return sorted(times, key=lambda path: -times[path])


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_MAX_BYTES:
            raise MediaError("it is larger than 8 MB.", path=path, advice="Save it smaller.")
        return path.read_bytes()
    except OSError as error:
        raise MediaError("it cannot be opened.", path=path, advice="Choose another file.") from error


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise KlingUIError(Told("{what} take a JSON object.", what=what), advice="See docs/corrections.md.")
    return value


def _joint(name: str, value: object, sides: tuple[int, int]) -> PlacedJoint:
    if name not in JOINTS:
        raise KlingUIError(
            Told("There is no joint {named}.", named=_named([name])),
            advice=Told("The joints are {joints}.", joints=", ".join(JOINTS)),
        )
    if isinstance(value, list | tuple):
        value = dict(zip(("x", "y"), value, strict=True)) if len(value) == 2 else {"x": value}
    given = _object(value, f"The entries of {name}")
    x, y = (_share(name, given.get(axis), side) for axis, side in zip(("x", "y"), sides, strict=True))
    hidden = given.get("hidden", False)
    if not isinstance(hidden, bool) or given.keys() - {"x", "y", "hidden"}:
        raise KlingUIError(Told("{name}: a joint has x, y and hidden, which is true or false.", name=name))
    if (x is None) != (y is None) or (x is None and not hidden):
        raise KlingUIError(Told("{name}: a joint needs both x and y, unless it is hidden.", name=name))
    return PlacedJoint(x, y, hidden)


def _share(name: str, value: object, side: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise KlingUIError(Told("{name}: x and y take numbers.", name=name))
    share = value / side
    if not -OUTSIDE_MAX <= share <= 1 + OUTSIDE_MAX:
        raise KlingUIError(
            Told("{name} lies far outside the picture.", name=name),
            advice='Joints in pixels need "unit": "px" beside them.',
        )
    return round(share, _DIGITS)


def _mask(value: object) -> bytes:
    if value is None or value == "":
        return b""
    if not isinstance(value, str):
        raise KlingUIError("The mask takes a PNG in base64.")
    try:
        content = base64.b64decode(value.removeprefix("data:image/png;base64,"), validate=True)
    except (binascii.Error, ValueError):
        raise KlingUIError("The mask takes a PNG in base64.") from None
    _require_png(content)
    return content


def _require_png(content: bytes) -> tuple[int, int]:
    """Return the width and height in px."""
    if not content.startswith(_PNG) or len(content) < 33:
        raise KlingUIError("The mask is not a PNG.", advice="White is the character, black is not.")
    if len(content) > MASK_MAX_BYTES:
        raise KlingUIError("The mask is larger than 4 MB.", advice="Save it smaller.")
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    if not 0 < width * height <= MASK_MAX_PX:
        raise KlingUIError("The mask is larger than 40 million pixels.", advice="Save it smaller.")
    return width, height


def _named(names: Any) -> str:
    return ", ".join(repr(name[:40]) for name in sorted(names)[:3])


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
