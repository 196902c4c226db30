"""Looking back: what the ledger knows of runs, in plain values, and everything of them as files to take away."""

import csv
import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from kling_ui.errors import KlingUIError, RunError
from kling_ui.languages import Told
from kling_ui.options import odd_characters
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.pricing import Quote, Spending
from kling_ui.runs.record import RunRecord, RunState
from kling_ui.runs.run_files import RunFolders
from kling_ui.runs.run_view import LiveFacts, RunView, view_of

COLUMNS = (
    "run_id",
    "created_at",
    "engine",
    "state",
    "sentence",
    "request_id",
    "prompt",
    "orientation",
    "keep_sound",
    "result_duration_s",
    "motion_match",
    "rate_usd",
    "estimate_usd",
    "cost_usd",
    "charge",
    "elapsed_s",
    "image_sha256",
    "reference_sha256",
    "result_sha256",
    "error",
    "advice",
    "raw_error",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would calculate with what begins so


class EntryWords(NamedTuple):
    """What is said of a run in the language of whoever looks back.

    Attributes:
        sentence: Where it is, or how it ended.
        error: What went wrong.
        advice: What to do next.
    """

    sentence: str
    error: str | None
    advice: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One run, looked back at.

    Attributes:
        record: The ledger's row.
        view: The same as its visitor sees it.
        states: Its states with their times (seconds since 1970), oldest first.
        words: What is said of it.
    """

    record: RunRecord
    view: RunView
    states: tuple[tuple[RunState, float], ...]
    words: EntryWords

    def to_json(self) -> dict[str, Any]:
        """Put everything but who the visitor is into plain JSON types."""
        return _columns(self) | {
            "states": [{"state": state.value, "at": _rfc3339(at)} for state, at in self.states],
            "price": self.record.price,
            "findings": self.record.findings,
            "result": _facts(self.view),
            "motion": self.record.motion,
            "inputs_to_change": list(self.view.inputs),
            "repairs": list(self.view.repairs),
            "corrected": self.record.corrected,
        }

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are kept of it."""
        found = (self.view.image, self.view.reference, self.view.result, self.view.corrections)
        return tuple(path for path in found if path is not None and path.is_file())


class RunHistory:
    """Reads the ledger and the files beside it; nothing runs.

    Args:
        ledger: The ledger; closed by whoever opened it.
        folders: The files of runs.
        words: Says what there is to say of a run.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        folders: RunFolders,
        words: Callable[[RunView], EntryWords],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._folders = folders
        self._words = words
        self._clock = clock

    async def runs(self, visitor: str | None, limit: int) -> list[Entry]:
        """Return a visitor's newest runs, or everybody's, newest first."""
        records = await self._ledger.ask(lambda store: store.of_visitor(visitor, limit))
        return [await self._entry(record) for record in records]

    async def find(self, prefix: str) -> Entry:
        """Return the run whose id begins so.

        Raises:
            RunError: There is none, or more than one.
        """
        found = (
            await self._ledger.ask(lambda store: store.beginning_with(prefix))
            if prefix and not odd_characters(prefix)
            else []
        )
        if len(found) != 1:
            raise RunError(
                "There is more than one such run." if found else "There is no such run.",
                advice="kling-ui runs --all lists them.",
            )
        return await self._entry(found[0])

    async def spending(self, visitor: str) -> Spending:
        """Add up what a visitor's runs on the app's token cost."""
        now = self._clock()
        return await self._ledger.ask(lambda store: store.spending(visitor, now, own_token=False))

    async def _entry(self, record: RunRecord) -> Entry:
        states = await self._ledger.ask(lambda store: store.history(record.run_id))
        view = view_of(record, LiveFacts(), folder=self._folders.of(record.run_id), now=self._clock())
        return Entry(record, view, tuple(states), self._words(view))


def export(entries: Iterable[Entry], folder: Path, *, with_files: bool) -> int:
    """Write ``runs.json``, ``runs.csv`` and, below ``files``, a folder a run; blocking.

    Args:
        entries: The runs.
        folder: A folder that is empty or does not exist.
        with_files: Copy images, references and results, too; the inputs without their metadata, so that what is listed
            as their SHA-256 is that of the originals.

    Returns:
        The number of runs.

    Raises:
        KlingUIError: It cannot be written there.
    """
    entries = list(entries)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise KlingUIError("The folder for the export is not empty.", advice="Name a new one.")
        listed = [entry.to_json() | {"files": _copied(entry, folder) if with_files else []} for entry in entries]
        (folder / "runs.json").write_text(json.dumps({"runs": listed}, indent=2), encoding="utf-8")
        with (folder / "runs.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(
                {name: spreadsheet_value(value) for name, value in _columns(entry).items()} for entry in entries
            )
    except OSError as error:
        raise KlingUIError(
            Told("The export cannot be written ({reason}).", reason=(error.strerror or "refused").lower()),
            advice="Name another folder.",
        ) from error
    return len(entries)


def _columns(entry: Entry) -> dict[str, Any]:
    record, view = entry.record, entry.view
    return {
        "run_id": record.run_id,
        "created_at": _rfc3339(record.created_at),
        "engine": record.engine.value,
        "state": record.state.value,
        "sentence": entry.words.sentence,
        "request_id": record.request_id,
        "prompt": record.choice.prompt,
        "orientation": record.choice.orientation.value,
        "keep_sound": record.choice.keep_sound,
        "result_duration_s": view.duration_s,
        "motion_match": view.motion_match,
        "rate_usd": None if record.price is None else Quote.from_json(record.price).rate_usd,
        "estimate_usd": record.estimate_usd,
        "cost_usd": record.cost_usd,
        "charge": view.charge.value,
        "elapsed_s": round(view.elapsed_s, 3),
        "image_sha256": record.image_sha256,
        "reference_sha256": record.reference_sha256,
        "result_sha256": record.result_sha256,
        "error": entry.words.error,
        "advice": entry.words.advice,
        "raw_error": record.raw_error,
    }


def _facts(view: RunView) -> Mapping[str, Any] | None:
    if view.result is None:
        return None
    size = {"width_px": view.width_px, "height_px": view.height_px}
    return {"file": view.result.name, "duration_s": view.duration_s, "fps": view.fps} | size


def _copied(entry: Entry, folder: Path) -> list[str]:
    from kling_ui.media.metadata import copy_without_metadata  # noqa: PLC0415  loads codecs, only where used

    names = []
    for path in entry.files:
        target = folder / "files" / entry.record.run_id / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in {entry.view.image, entry.view.reference}:
            copy_without_metadata(path, target)
        else:
            shutil.copyfile(path, target)
        names.append(target.relative_to(folder).as_posix())
    return names


def spreadsheet_value(value: object) -> object:
    """Keep a spreadsheet from calculating with a text that begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
