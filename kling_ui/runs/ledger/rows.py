"""Records as rows of the ledger, and rows as records."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from kling_ui.options import TransferOptions
from kling_ui.runs.record import ResultFacts, RunRecord

_RECORD = TypeAdapter(RunRecord)
_FIELDS = frozenset(field.name for field in fields(RunRecord))
_COLUMNS = {"visitor_pays": "own_purse"}  # the column's name is older than the field's


def to_row(values: Mapping[str, object]) -> dict[str, object]:
    """Put values under the names, and into the plain types, of columns."""
    return {_COLUMNS.get(name, name): _plain(value) for name, value in values.items()}


def score_of(motion: object) -> object:
    """Give the motion match of what was measured, by which runs are sorted; ``None`` where there is none."""
    return motion.get("score") if isinstance(motion, Mapping) else None


def _plain(value: object) -> object:
    if isinstance(value, TransferOptions | ResultFacts):
        return asdict(value)
    if isinstance(value, str):
        return str(value).replace("\0", "")  # PostgreSQL takes every character but this one
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def to_record(row: Mapping[Any, Any]) -> RunRecord:
    """Read a row; fields that a choice did not have when it was written take their defaults.

    Raises:
        ValueError: A column holds another word or type than today's.
    """
    return _RECORD.validate_python({name: row[_COLUMNS.get(name, name)] for name in _FIELDS})
