"""What has changed in what a model takes, and whether a request still fits: pure functions and values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from kling_ui.api.model_cards import SchemaField, fields_of
from kling_ui.errors import RunError
from kling_ui.options import TransferOptions

# What this program sends, as docs/vendor_api.md says, section 2: nothing but these fields.
_SENT = {
    "prompt": SchemaField("prompt", ("string",)),
    "image_url": SchemaField("image_url", ("string",)),
    "video_url": SchemaField("video_url", ("string",)),
    "keep_original_sound": SchemaField("keep_original_sound", ("boolean",)),
    "character_orientation": SchemaField("character_orientation", ("string",), ('"image"', '"video"')),
}


class FieldChange(StrEnum):
    """What became of a field."""

    NEW = "new"
    GONE = "gone"
    KIND = "kind"  # it takes another type
    WORDS = "words"  # it takes other values
    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """One difference between what a model took and what it takes now.

    Attributes:
        change: What became of the field.
        name: The field.
        was: Its former types or values, as text; may be empty.
        now: Its types or values now, likewise.
        stops: A request of this program would not be taken, or would not mean what its sender chose.
    """

    change: FieldChange
    name: str
    was: str = ""
    now: str = ""
    stops: bool = False

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return asdict(self) | {"change": self.change.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one that was written as plain values."""
        given = {name: data[name] for name in ("name", "was", "now", "stops") if name in data}
        return cls(change=FieldChange(data["change"]), **given)


def schema_changes(
    schema: Mapping[str, Any], before: Mapping[str, Any] | None, choice: TransferOptions | None
) -> tuple[SchemaChange, ...]:
    """Compare what a model takes with what it took, and with what would be sent.

    Args:
        schema: What it takes now.
        before: What it took when it was last used from here; ``None`` compares with what this program knows.
        choice: What would be sent; ``None`` asks only whether the values of the contract are taken.

    Returns:
        The differences by the names of the fields, those that stop a run first.
    """
    now, known = fields_of(schema), _SENT if before is None else fields_of(before)
    found = [
        change for name in known.keys() | now.keys() for change in _changes(known.get(name), now.get(name), before)
    ]
    stops = dict(_misfits(now, choice))
    told = [change for change in found if change.name not in stops]
    order = {True: 0, False: 1}
    return tuple(sorted([*stops.values(), *told], key=lambda one: (order[one.stops], one.name, one.change)))


def _changes(was: SchemaField | None, now: SchemaField | None, before: object) -> list[SchemaChange]:
    if now is None:
        return [SchemaChange(change=FieldChange.GONE, name=was.name)] if was else []
    if was is None:
        return [SchemaChange(change=FieldChange.NEW, name=now.name, now=_said(now))]
    found = []
    if was.kinds != now.kinds and now.kinds and was.kinds and before is not None:
        found.append(_other(FieldChange.KIND, was, was.kinds, now.kinds))
    if was.words != now.words and before is not None:
        found.append(_other(FieldChange.WORDS, was, was.words, now.words))
    if was.is_required is not now.is_required and before is not None:
        change = FieldChange.REQUIRED if now.is_required else FieldChange.OPTIONAL
        found.append(SchemaChange(change=change, name=now.name))
    return found


def _misfits(now: Mapping[str, SchemaField], choice: TransferOptions | None) -> list[tuple[str, SchemaChange]]:
    """Tell what of a request would not be taken."""
    found = []
    for name, told in now.items():
        if name not in _SENT and told.is_required:
            found.append((name, SchemaChange(change=FieldChange.NEW, name=name, now=_said(told), stops=True)))
    for name, sent in _SENT.items():
        told = now.get(name)
        if told is None:
            found.append((name, SchemaChange(change=FieldChange.GONE, name=name, stops=True)))
        elif told.kinds and not set(sent.kinds) & set(told.kinds):
            found.append((name, _other(FieldChange.KIND, sent, sent.kinds, told.kinds, stops=True)))
        elif told.words and not _values(name, choice) <= set(told.words):
            found.append((name, _other(FieldChange.WORDS, sent, sent.words, told.words, stops=True)))
    return found


def _values(name: str, choice: TransferOptions | None) -> set[str]:
    """The values that would be sent in a field that takes only some; addresses are never among such."""
    if choice is None:
        return set(_SENT[name].words)
    sent = {
        "prompt": choice.prompt,
        "keep_original_sound": choice.keep_sound,
        "character_orientation": choice.orientation.value,
    }
    return {json.dumps(sent.get(name, ""))}


def _other(
    change: FieldChange, was: SchemaField, old: tuple[str, ...], new: tuple[str, ...], *, stops: bool = False
) -> SchemaChange:
    return SchemaChange(change=change, name=was.name, was=", ".join(old), now=", ".join(new), stops=stops)


def _said(told: SchemaField) -> str:
    return ", ".join(told.words or told.kinds)


class SchemaChangedError(RunError):
    """A model no longer takes what this program would send; nothing was sent.

    Args:
        changes: The differences, those that stop the run among them.
    """

    def __init__(self, changes: tuple[SchemaChange, ...]) -> None:
        super().__init__("The model takes other fields than this program sends.")
        self.changes = changes


def hold_schema(changes: tuple[SchemaChange, ...]) -> None:
    """Refuse a run whose request the model would not take as it is meant.

    Raises:
        SchemaChangedError: A difference stops it.
    """
    if any(change.stops for change in changes):
        raise SchemaChangedError(changes)
