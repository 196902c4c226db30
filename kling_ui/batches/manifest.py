"""The rows of a batch: read from a manifest (CSV or JSON Lines), or made as a grid; all faults are told at once."""

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from kling_ui.batches.named_files import FilesOfFolder, NamedFiles
from kling_ui.errors import SettingsError
from kling_ui.options import DEFAULT_PROMPT, REPLACEMENT, Orientation, TransferOptions
from kling_ui.presentation.batch_sentences import manifest_title, manifest_words
from kling_ui.runs.record import EngineName

ROWS_MAX = 1000
BYTES_MAX = 10_000_000
FAULTS_TOLD_MAX = 50
NAME_MAX_CHARS = 80
FIELDS = ("image", "video", "orientation", "prompt", "keep_sound", "engine", "model", "name")
NEEDED = ("image", "video")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_DELIMITERS = ",;\t"
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://")
_WHOLE = ""  # stands for the field where a fault is about a whole row, or about the manifest

E = TypeVar("E", bound=StrEnum)


class FaultCode(StrEnum):
    """What is wrong with a manifest, or with a row of it."""

    NOT_READABLE = "not readable"
    NOT_TEXT = "not text"
    TOO_LARGE = "too large"
    NO_ROWS = "no rows"
    TOO_MANY_ROWS = "too many rows"
    UNKNOWN_FIELD = "unknown field"
    FIELD_TWICE = "field twice"
    NO_COLUMN = "no column"
    OPEN_QUOTE = "open quote"
    NOT_JSON = "not JSON"
    NOT_AN_OBJECT = "not an object"
    TOO_MANY_VALUES = "too many values"
    MISSING = "missing"
    NO_FILE = "no file"
    AN_ADDRESS = "an address"
    NOT_A_WORD = "not a word"
    NOT_YES_OR_NO = "not yes or no"
    NO_TEXT = "no text"
    NAME_TOO_LONG = "name too long"
    SAME_ROW = "same row"


@dataclass(frozen=True, slots=True)
class ManifestFault:
    """One thing that is wrong.

    Attributes:
        code: What it is.
        row: In which row, counted from 1 without the header; ``None`` where it is about the whole manifest.
        line: In which line of the file, counted from 1; ``None`` where there is no file.
        field_name: In which field; empty where it is about the whole row.
        values: What its sentence names.
    """

    code: FaultCode
    row: int | None = None
    line: int | None = None
    field_name: str = _WHOLE
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Where it is, what is wrong, and the way out."""
        return manifest_words(self.code, self.row, self.line, self.field_name, self.values)


class ManifestError(SettingsError):
    """A manifest cannot be used.

    Args:
        faults: All that is wrong with it.
        file: What the manifest is called, if it is a file.
    """

    def __init__(self, faults: Sequence[ManifestFault], file: str = "") -> None:
        told = [fault.words for fault in faults[:FAULTS_TOLD_MAX]]
        if file and any(fault.line is not None for fault in faults):
            told = [manifest_title(file, len(faults)), *told]
        more = len(faults) - FAULTS_TOLD_MAX
        super().__init__("\n".join([*told, *([f"And {more} more."] if more > 0 else [])]))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """What one run of a batch is to be made of.

    Attributes:
        number: Its place in the manifest or grid, counted from 1.
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound, and of Kling the model.
        engine: Who renders it; ``None`` leaves that to whoever starts the batch.
        name: What to call its result; empty for the names of its two files.
    """

    number: int
    image: Path
    video: Path
    choice: TransferOptions = field(default_factory=TransferOptions)
    engine: EngineName | None = None
    name: str = ""

    @property
    def title(self) -> str:
        """Its name, or those of its files."""
        return self.name or f"{self.image.stem} + {self.video.stem}"


class _Given(NamedTuple):
    """A row as it was found: values by field, and the line that it stands in."""

    values: Mapping[str, Any]
    line: int | None


def read_manifest(path: Path) -> tuple[BatchRow, ...]:
    """Read a manifest; paths in it are relative to its folder.

    Args:
        path: A ``.csv`` with a header (comma, semicolon or tab), or a ``.jsonl`` with an object a line, in UTF-8.

    Raises:
        ManifestError: Something is wrong with it; all faults are told.
    """
    return rows_in(_text(path), path.name, FilesOfFolder(path.parent))


def rows_in(text: str, name: str, files: NamedFiles) -> tuple[BatchRow, ...]:
    """Read the text of a manifest.

    Args:
        text: What it says.
        name: What it is called: a ``.jsonl`` or ``.json`` has an object a line, everything else is a CSV.
        files: Which file each of its names stands for.

    Raises:
        ManifestError: Something is wrong with it; all faults are told.
    """
    faults: list[ManifestFault] = []
    readable, unknown, _ = text.partition(REPLACEMENT)
    if unknown:  # a browser puts it in place of what it cannot read
        raise ManifestError(
            [ManifestFault(FaultCode.NOT_TEXT, line=readable.count("\n") + 1, values={"file": name})], name
        )
    is_json = name.lower().endswith((".jsonl", ".ndjson", ".json"))
    given = _json_lines(text, faults) if is_json else _csv_lines(text, faults, name)
    return _rows_of(given, files, faults, name)


def rows_from(values: Iterable[Mapping[str, Any]], folder: Path = Path()) -> tuple[BatchRow, ...]:
    """Read rows that a program gives, with the fields of a manifest.

    Args:
        values: The rows.
        folder: What their paths are relative to.

    Raises:
        ManifestError: Something is wrong with them; all faults are told.
    """
    faults: list[ManifestFault] = []
    given = []
    for number, row in enumerate(values, 1):
        faults += [_unknown(name, number, None) for name in row if name not in FIELDS]
        given.append(_Given(row, None))
    return _rows_of(given, FilesOfFolder(folder), faults)


def with_model(rows: Iterable[BatchRow], model: str) -> tuple[BatchRow, ...]:
    """Let rows that name no model of Kling go to this one; empty is the usual one."""
    return tuple(replace(row, choice=replace(row.choice, model=row.choice.model or model)) for row in rows)


def grid(
    images: Iterable[Path],
    videos: Iterable[Path],
    orientations: Iterable[Orientation] = (Orientation.VIDEO,),
    prompts: Iterable[str] = (DEFAULT_PROMPT,),
    *,
    keep_sound: bool = True,
) -> tuple[BatchRow, ...]:
    """Put every character together with every clip, orientation and prompt, in this order.

    Raises:
        ManifestError: A file is not there, there is nothing to put together, or it comes to too many rows.
    """
    each = product(*(dict.fromkeys(values) for values in (images, videos, orientations, prompts)))
    return rows_from(
        {
            "image": str(image),
            "video": str(video),
            "orientation": str(facing),
            "prompt": prompt,
            "keep_sound": keep_sound,
        }
        for image, video, facing, prompt in each
    )


def _text(path: Path) -> str:
    try:
        content = path.read_bytes() if path.stat().st_size <= BYTES_MAX else None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise ManifestError(
            [ManifestFault(FaultCode.NOT_READABLE, values={"file": path.name, "why": reason})]
        ) from error
    if content is None:
        raise ManifestError([ManifestFault(FaultCode.TOO_LARGE, values={"file": path.name, "most": ROWS_MAX})])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestError([ManifestFault(FaultCode.NOT_TEXT, line=line, values={"file": path.name})]) from error


def _csv_lines(text: str, faults: list[ManifestFault], name: str) -> list[_Given]:
    lines = io.StringIO(text, newline="")
    header = lines.readline()
    skipped = int(header[:4].lower() == "sep=")  # so Excel says which separator it takes
    lines.seek(len(header) if skipped else 0)
    header = text[len(header) :].partition("\n")[0] if skipped else header
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=header.count), strict=True)
    columns, given, line = list[str](), list[_Given](), skipped
    try:
        columns = _trimmed(next(reader, []))
        _check_columns(columns, skipped + 1, faults)
        line = skipped + reader.line_num
        for written in reader:
            first, line, cells = line + 1, skipped + reader.line_num, _trimmed(written)
            if not cells:
                continue  # an empty line is no row
            if len(cells) > len(columns):
                extra = {"found": len(cells), "columns": len(columns)}
                faults.append(ManifestFault(FaultCode.TOO_MANY_VALUES, len(given) + 1, first, values=extra))
            given.append(_Given(dict(zip(columns, cells, strict=False)), first))
    except csv.Error as error:
        is_open = any(words in str(error) for words in ("end of data", "expected after"))
        code = FaultCode.OPEN_QUOTE if is_open else FaultCode.NOT_TEXT
        faults.append(ManifestFault(code, line=line + 1, values={"file": name}))
    return given


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Leave out the empty cells at the end of a line, which spreadsheets write as far as their widest row."""
    plain = [cell.strip() for cell in cells]
    return plain[: max((place for place, cell in enumerate(plain, 1) if cell), default=0)]


def _check_columns(columns: Sequence[str], line: int, faults: list[ManifestFault]) -> None:
    faults += [_unknown(column, None, line) for column in columns if column not in FIELDS]
    for column in sorted({column for column in columns if columns.count(column) > 1 and column in FIELDS}):
        faults.append(ManifestFault(FaultCode.FIELD_TWICE, line=line, field_name=column))
    if columns:
        faults += [
            ManifestFault(FaultCode.NO_COLUMN, line=line, field_name=name) for name in NEEDED if name not in columns
        ]


def _json_lines(text: str, faults: list[ManifestFault]) -> list[_Given]:
    given = []
    for line, written in enumerate(io.StringIO(text, newline=None), 1):
        if not written.strip():
            continue
        number = len(given) + 1
        values: dict[str, Any] = {}
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            faults.append(ManifestFault(FaultCode.NOT_JSON, number, line))
        else:
            if isinstance(found, dict):
                values = found
                faults += [_unknown(name, number, line) for name in found if name not in FIELDS]
            else:
                faults.append(ManifestFault(FaultCode.NOT_AN_OBJECT, number, line))
        given.append(_Given(values, line))
    return given


def _unknown(name: str, row: int | None, line: int | None) -> ManifestFault:
    plain = str(name).strip().lower().replace(" ", "_").replace("-", "_")
    close = difflib.get_close_matches({"sound": "keep_sound"}.get(plain, plain), FIELDS, 1)
    values = {"name": str(name)[:NAME_MAX_CHARS], "close": close[0] if close else ""}
    return ManifestFault(FaultCode.UNKNOWN_FIELD, row, line, values=values)


def _rows_of(
    given: Sequence[_Given], files: NamedFiles, faults: list[ManifestFault], name: str = ""
) -> tuple[BatchRow, ...]:
    missing_columns = {fault.field_name for fault in faults if fault.code is FaultCode.NO_COLUMN}
    broken_lines = {fault.line for fault in faults if fault.code in {FaultCode.NOT_JSON, FaultCode.NOT_AN_OBJECT}}
    if not given and not faults:
        faults.append(ManifestFault(FaultCode.NO_ROWS))
    if len(given) > ROWS_MAX:
        faults.append(ManifestFault(FaultCode.TOO_MANY_ROWS, values={"found": len(given), "most": ROWS_MAX}))
        raise ManifestError(faults, name)
    rows: list[BatchRow] = []
    for number, one in enumerate(given, 1):
        if one.line is not None and one.line in broken_lines:
            continue
        reader = _RowReader(number, one, files, missing_columns)
        row = reader.row()
        faults += reader.faults
        if not reader.faults:
            rows.append(row)
    faults += _repeated(rows, {number: one.line for number, one in enumerate(given, 1)})
    if faults:
        raise ManifestError(sorted(faults, key=lambda fault: (fault.row or 0, fault.line or 0)), name)
    return tuple(rows)


def _repeated(rows: Iterable[BatchRow], lines: Mapping[int, int | None]) -> Iterator[ManifestFault]:
    first: dict[object, int] = {}
    for row in rows:
        same = first.setdefault((row.image, row.video, row.choice, row.engine), row.number)
        if same != row.number:
            yield ManifestFault(FaultCode.SAME_ROW, row.number, lines[row.number], values={"first": same})


class _RowReader:
    """Reads one row and notes all that is wrong with it.

    Args:
        number: Its place, counted from 1.
        given: What was found.
        files: Which file each name stands for.
        told: Fields that have no column, of which that was said already.
    """

    def __init__(self, number: int, given: _Given, files: NamedFiles, told: Iterable[str]) -> None:
        self.faults: list[ManifestFault] = []
        self._number = number
        self._given = given
        self._files = files
        self._told = frozenset(told)

    def row(self) -> BatchRow:
        """Return the row; it is of use only while there are no faults."""
        name = self._words("name")
        if len(name) > NAME_MAX_CHARS:
            self._note(FaultCode.NAME_TOO_LONG, "name", most=NAME_MAX_CHARS)
        choice = TransferOptions(
            self._words("prompt") or DEFAULT_PROMPT,
            self._word(Orientation, "orientation") or Orientation.VIDEO,
            self._yes_or_no("keep_sound"),
            model=self._words("model"),
        )
        return BatchRow(
            number=self._number,
            image=self._file("image"),
            video=self._file("video"),
            choice=choice,
            engine=self._word(EngineName, "engine"),
            name=name,
        )

    def _note(self, code: FaultCode, name: str, **values: object) -> None:
        self.faults.append(ManifestFault(code, self._number, self._given.line, name, values))

    def _words(self, name: str) -> str:
        value = self._given.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._note(FaultCode.NO_TEXT, name)
            return ""
        return value.strip()

    def _word(self, kind: type[E], name: str) -> E | None:
        value = self._words(name)
        found = next((member for member in kind if member.value == value.lower()), None)
        if value and found is None:
            self._note(FaultCode.NOT_A_WORD, name, value=value[:NAME_MAX_CHARS], words=" or ".join(kind))
        return found

    def _yes_or_no(self, name: str) -> bool:
        value = self._given.values.get(name)
        if value is None or isinstance(value, bool):
            return value is not False
        found = _YES_NO.get(str(value).strip().lower()) if isinstance(value, str | int) else None
        if found is None and str(value).strip():
            self._note(FaultCode.NOT_YES_OR_NO, name, value=str(value)[:NAME_MAX_CHARS])
        return found is not False

    def _file(self, name: str) -> Path:
        value = self._given.values.get(name)
        value = str(value) if isinstance(value, Path) else self._words(name)
        path = self._files.find(value) if value else None
        if not value:
            if name not in self._told and not any(fault.field_name == name for fault in self.faults):
                self._note(FaultCode.MISSING, name)
        elif path is None and _ADDRESS.match(value):
            self._note(FaultCode.AN_ADDRESS, name, value=value)
        elif path is None:
            self._note(FaultCode.NO_FILE, name, value=value, close=self._files.close_to(value))
        return path or Path()
