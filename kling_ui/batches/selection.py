"""Which cells of a batch are meant: by their numbers, or by the ticks in a report's CSV."""

import csv
import re
from collections.abc import Collection
from pathlib import Path

from kling_ui.errors import SettingsError

_SPAN = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?")
_NO = frozenset({"", "0", "no", "false", "n"})
NUMBER, TICK = "cell", "chosen"  # columns of the report's CSV


def cells_in(text: str, count: int) -> frozenset[int]:
    """Read numbers of cells, such as ``3,5-8``.

    Args:
        text: Numbers and spans with commas between.
        count: How many cells there are.

    Raises:
        SettingsError: It is something else, or names a cell that is not there.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise SettingsError("--cells takes numbers and spans of cells, such as 3,5-8.")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            raise SettingsError(f"--cells names {part.strip()}, but the cells are 1 to {count}.")
        found.update(range(first, last + 1))
    return frozenset(found)


def ticked_in(path: Path, count: int) -> frozenset[int]:
    """Read which cells are ticked in a CSV such as the report's: anything but no, 0 or nothing below ``chosen``.

    Raises:
        SettingsError: It cannot be read, has no such columns, names a cell that is not there, or ticks none.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(",;\t", key=header.count))
            columns: Collection[str] = reader.fieldnames or ()
            if not {NUMBER, TICK} <= set(columns):
                raise SettingsError(f"--only takes a CSV with the columns {NUMBER} and {TICK}, as the report's has.")
            ticked = [row[NUMBER] or "" for row in reader if (row[TICK] or "").strip().lower() not in _NO]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"--only takes a CSV that can be read; {path.name} cannot.") from error
    numbers = {int(number) if number.strip().isdecimal() else 0 for number in ticked}
    if not numbers:
        raise SettingsError(f"--only: no cell is ticked in {path.name}.", advice=f"Put an x below {TICK}.")
    if not all(1 <= number <= count for number in numbers):
        raise SettingsError(f"--only: {path.name} ticks a cell that is not there; the cells are 1 to {count}.")
    return frozenset(numbers)
