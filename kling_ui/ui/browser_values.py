"""Values that travel through the browser: inputs with their repaired versions, a request, and what a reload keeps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kling_ui.checks.limits import PROMPT_MAX_CHARS
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.corrections import read_corrections
from kling_ui.errors import SettingsError
from kling_ui.languages import Told
from kling_ui.options import Orientation, Resolution, TransferOptions, odd_characters, without_odd
from kling_ui.runs.runner import RunInputs
from kling_ui.ui.event_payload import choice_of, entries_of, text_of
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.people import Box

Span = tuple[float, float]
Repairs = tuple[tuple[RepairKind, str], ...]
MODEL_ID_MAX_CHARS = 256
_LABEL_MAX_CHARS = 120
_TIME_MAX_S = 1e6
_VERSIONS_MAX = 32  # of one input; what a browser sends is not believed without end
_OF_VENDOR = {"character_orientation": "orientation", "keep_original_sound": "keep_sound"}
_WORDS_OF = {  # as JSON
    "orientation": tuple(f'"{one}"' for one in Orientation),
    "keep_sound": ("true", "false"),
    "resolution": tuple(f'"{one}"' for one in Resolution),
}
_RATE_MAX_USD = 1_000_000.0  # what a page can have shown; it is compared with the price of today


@dataclass(frozen=True, slots=True)
class InputVersion:
    """An original or a repaired copy.

    Attributes:
        path: The file.
        repairs: What was done to the original, each with the label of its button.
        span: What a person chose to keep of a clip, in seconds of the original.
        picture: What it looked like before and after.
        origin: The public address from which exactly this file came, if it did.
        corrections: The file of what a person corrected of a picture by hand, if anything.
        adjustment: What a person made of the version before, in words: a part of it, a crop, a turn. Repairs of an
            adjusted version begin with it, so it has none of its own.
    """

    path: Path
    repairs: Repairs = ()
    span: Span | None = None
    picture: Path | None = None
    origin: str | None = field(default=None, repr=False)
    corrections: Path | None = None
    adjustment: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """What was done, in words."""
        return tuple(label for _, label in self.repairs)

    @property
    def kinds(self) -> frozenset[RepairKind]:
        """What was done."""
        return frozenset(kind for kind, _ in self.repairs)

    def to_value(self, signed_files: SignedFiles) -> dict[str, Any]:
        """Put it into plain values that the browser carries; files become signed references."""
        return {
            "ref": signed_files.sign(self.path),
            "repairs": _listed(self.repairs),
            "span": list(self.span) if self.span else None,
            "picture": signed_files.sign(self.picture) if self.picture else None,
            "origin": self.origin,
            "corrections": signed_files.sign(self.corrections) if self.corrections else None,
            "adjustment": self.adjustment,
        }

    @classmethod
    def from_value(cls, value: object, signed_files: SignedFiles) -> Self | None:
        """Read what the browser carried; ``None`` unless the file is there."""
        given = entries_of(value)
        path, origin = signed_files.open(given.get("ref")), given.get("origin")
        if path is None:
            return None
        return cls(
            path,
            _repairs(given.get("repairs")),
            read_span(given.get("span")),
            signed_files.open(given.get("picture")),
            origin if isinstance(origin, str) else None,
            signed_files.open(given.get("corrections")),
            text_of(given.get("adjustment"))[:_LABEL_MAX_CHARS],
        )


@dataclass(frozen=True, slots=True)
class InputVersions:
    """All that there is of one input, the original first.

    Attributes:
        past: What can be gone back to.
        current: What is shown and used.
    """

    current: InputVersion
    past: tuple[InputVersion, ...] = ()

    @property
    def original(self) -> InputVersion:
        """What the person handed in."""
        return self.past[0] if self.past else self.current

    @property
    def base(self) -> InputVersion:
        """What the next repaired copy is made from: the newest version that a person adjusted, or the original."""
        adjusted = [version for version in (*self.past, self.current) if version.adjustment]
        return adjusted[-1] if adjusted else self.original

    @property
    def labels(self) -> tuple[str, ...]:
        """What was done to the original in all, in words."""
        done: list[str] = []
        for before, version in zip(self.past, (*self.past[1:], self.current), strict=True):
            if version.adjustment:
                done += [*before.labels, version.adjustment]
        return (*done, *self.current.labels)

    @property
    def is_repaired(self) -> bool:
        """There is something to go back to."""
        return bool(self.past)

    def adding(self, version: InputVersion) -> "InputVersions":
        """Use a new version, and keep the way back."""
        return InputVersions(version, (*self.past, self.current))

    def undone(self) -> "InputVersions":
        """Go one step back, if there is one."""
        return InputVersions(self.past[-1], self.past[:-1]) if self.past else self

    def to_value(self, signed_files: SignedFiles) -> dict[str, Any]:
        """Put it into the entries of an input's value that its script carries."""
        past = [version.to_value(signed_files) for version in self.past]
        return {"current": self.current.to_value(signed_files), "past": past, "origin": self.current.origin}

    @classmethod
    def from_value(cls, value: object, signed_files: SignedFiles) -> Self | None:
        """Read an input's value; ``None`` when its file is not, or no longer, there."""
        given = entries_of(value)
        path = signed_files.open(given.get("ref"))
        if path is None:
            return None
        current = InputVersion.from_value(given.get("current"), signed_files)
        if current is None or current.path != path:
            origin = given.get("origin")
            return cls(InputVersion(path, origin=origin if isinstance(origin, str) else None))
        carried = given.get("past")
        entries = carried[:_VERSIONS_MAX] if isinstance(carried, list) else []
        past = [version for version in (InputVersion.from_value(entry, signed_files) for entry in entries) if version]
        return cls(current, tuple(past) if past and not past[0].repairs else ())


def files_of(value: object, signed_files: SignedFiles) -> list[Path]:
    """Return all files that there are of an input's value: versions, and pictures that show them."""
    versions = InputVersions.from_value(value, signed_files)
    known = (versions.current, *versions.past) if versions else ()
    return [path for version in known for path in (version.path, version.picture) if path is not None]


def read_span(value: object) -> Span | None:
    """Read two rising times in seconds, or nothing."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    start_s, end_s = value
    if any(isinstance(time_s, bool) or not isinstance(time_s, int | float) for time_s in value):
        return None
    return (float(start_s), float(end_s)) if 0 <= start_s < end_s < _TIME_MAX_S else None


def read_box(value: object) -> Box | None:
    """Read left, top, right and bottom as rising fractions of a picture, or nothing."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    if any(isinstance(edge, bool) or not isinstance(edge, int | float) for edge in value):
        return None
    left, top, right, bottom = (float(edge) for edge in value)
    return (left, top, right, bottom) if 0 <= left < right <= 1 and 0 <= top < bottom <= 1 else None


def _listed(repairs: Repairs) -> list[list[str]]:
    return [[kind.value, label] for kind, label in repairs]


def _repairs(value: object) -> Repairs:
    entries = value if isinstance(value, list) else []
    kinds = {kind.value: kind for kind in RepairKind}
    return tuple(
        (kinds[entry[0]], entry[1][:_LABEL_MAX_CHARS])
        for entry in entries
        if isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)
        if entry[0] in kinds
    )[:_VERSIONS_MAX]


def model_of(value: object) -> str:
    """Read the model that a person chose; empty for the usual one."""
    text = text_of(value)
    return text if len(text) <= MODEL_ID_MAX_CHARS else ""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Both inputs and the choice.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound.
        accepted: The person has checked what a detector may get wrong.
        image_url: The public address from which the image came, if it did.
        video_url: The public address from which the clip came, if it did.
        image_repairs: What was done to the image before, each with the label of its button.
        video_repairs: What was done to the clip before, likewise.
        corrections: The file of what a person corrected of the image by hand, if anything.
    """

    image: Path
    video: Path
    choice: TransferOptions
    accepted: bool = False
    image_url: str | None = field(default=None, repr=False)
    video_url: str | None = field(default=None, repr=False)
    image_repairs: Repairs = ()
    video_repairs: Repairs = ()
    corrections: Path | None = None

    def inputs(self, *, findings: Mapping[str, Any] | None) -> RunInputs:
        """Give what a run is made of; ``findings`` is what the checks said.

        Raises:
            MediaError: What was corrected is no longer here.
        """
        return RunInputs(
            image=self.image,
            video=self.video,
            choice=self.choice,
            image_url=self.image_url,
            video_url=self.video_url,
            findings=findings,
            repaired={"image": _listed(self.image_repairs), "video": _listed(self.video_repairs)},
            corrections=read_corrections(self.corrections) if self.corrections else None,
        )

    def to_value(self, signed_files: SignedFiles) -> dict[str, Any]:
        """Put it into plain values that the browser carries; files become signed references."""
        return {
            "image": signed_files.sign(self.image),
            "video": signed_files.sign(self.video),
            "image_url": self.image_url,
            "video_url": self.video_url,
            "prompt": self.choice.prompt,
            "orientation": self.choice.orientation.value,
            "keep_sound": self.choice.keep_sound,
            "accepted": self.accepted,
            "image_repairs": _listed(self.image_repairs),
            "video_repairs": _listed(self.video_repairs),
            "corrections": signed_files.sign(self.corrections) if self.corrections else None,
        }

    @classmethod
    def from_value(cls, value: object, signed_files: SignedFiles) -> Self | None:
        """Read what the browser carried; ``None`` unless both files are there and everything has its type."""
        given = entries_of(value)
        image, video = signed_files.open(given.get("image")), signed_files.open(given.get("video"))
        if image is None or video is None or given.get("orientation") not in list(Orientation):
            return None
        choice = TransferOptions(
            text_of(given.get("prompt")), Orientation(given["orientation"]), given.get("keep_sound") is True
        )
        urls = _url(given.get("image_url")), _url(given.get("video_url"))
        repairs = _repairs(given.get("image_repairs")), _repairs(given.get("video_repairs"))
        return cls(
            image,
            video,
            choice,
            given.get("accepted") is True,
            *urls,
            *repairs,
            signed_files.open(given.get("corrections")),
        )


def shown_rate_value(rate_usd: float | None) -> dict[str, Any]:
    """Put the rate that a person is shown, in US dollars, into plain values that the browser carries."""
    return {} if rate_usd is None else {"rate_usd": rate_usd}


def read_shown_rate(value: object) -> float | None:
    """Read the rate that the browser carried; ``None`` where it is nothing that a page can have shown."""
    rate = entries_of(value).get("rate_usd")
    is_rate = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < _RATE_MAX_USD
    return float(rate) if is_rate else None


def read_request_json(text: str) -> dict[str, Any]:
    """Read what a person wrote of a request as JSON, in the words of a preview or in those of the vendor.

    Returns:
        Of ``prompt``, ``orientation``, ``keep_sound`` and ``resolution`` those that are named.

    Raises:
        SettingsError: It is no JSON object, or a value is none that can be chosen.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError("This is no JSON.", advice="Mend it, or cancel.") from error
    if not isinstance(given, dict):
        raise SettingsError("A request is one JSON object, in braces.")
    named = {_OF_VENDOR.get(name, name): value for name, value in given.items()}
    wanted = {name: named[name] for name in ("prompt", *_WORDS_OF) if name in named}
    for name, value in wanted.items():
        words = _WORDS_OF.get(name)
        if not isinstance(value, str if name != "keep_sound" else bool) or (words and json.dumps(value) not in words):
            raise SettingsError(Told("{name} takes {words}.", name=name, words=", ".join(words or ('"…"',))))
    if not wanted:
        raise SettingsError("There is nothing to choose in it.", advice="It names a prompt, for example.")
    return wanted


def _url(given: object) -> str | None:
    text = text_of(given)
    return None if odd_characters(text) else text or None


@dataclass(frozen=True, slots=True)
class SavedInputs:
    """The left column as a person left it.

    Attributes:
        image: The character image; ``None`` when its place was empty.
        video: The reference video, likewise.
        choice: Prompt, orientation, sound, and the size of the preview where that is known.
    """

    image: InputVersions | None
    video: InputVersions | None
    choice: TransferOptions

    def to_value(self, signed_files: SignedFiles) -> dict[str, Any]:
        """Put it into plain values that the browser carries, as ``kept.js`` does."""
        given = {"image": self.image, "video": self.video}
        files = {
            name: versions and {"ref": signed_files.sign(versions.current.path)} | versions.to_value(signed_files)
            for name, versions in given.items()
        }
        return files | {
            "prompt": without_odd(self.choice.prompt),
            "orientation": self.choice.orientation.value,
            "keep_sound": self.choice.keep_sound,
            "resolution": self.choice.resolution.value,
        }

    @classmethod
    def from_value(cls, value: object, signed_files: SignedFiles) -> Self | None:
        """Read what ``kept.js`` wrote; ``None`` when there is nothing, or neither file is here any more."""
        given = entries_of(value)
        image, video = (InputVersions.from_value(given.get(name), signed_files) for name in ("image", "video"))
        if image is None and video is None:
            return None
        return cls(
            image,
            video,
            TransferOptions(
                text_of(given.get("prompt"))[: int(PROMPT_MAX_CHARS.value)],
                choice_of(given.get("orientation"), Orientation.VIDEO),
                given.get("keep_sound") is not False,
                choice_of(given.get("resolution"), Resolution.P720),
            ),
        )
