"""A batch of the page between its events, and how it is found again after a restart of the app."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.execution import STATES, CellOutcome
from kling_ui.batches.manifest import BatchRow
from kling_ui.batches.plan import BatchPlan, PlannedCell
from kling_ui.errors import KlingUIError
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.batch import LEFT_BY_A_RESTART, NOT_CHOSEN
from kling_ui.presentation.runs import run_words
from kling_ui.runs.batch_runs import CellState
from kling_ui.runs.record import EngineName, RunRecord
from kling_ui.runs.runner import Runner

_GONE = Path("gone")


@dataclass(frozen=True, slots=True)
class PageBatch:
    """One batch of the page, between its events.

    Attributes:
        owner: Whose it is.
        rows: What it is made of.
        folder: Where its repaired copies are.
        repairs: Whether the checks' repairs are applied.
        model: Of Kling, the model that was chosen when they were priced; empty for the usual one.
    """

    owner: str
    rows: tuple[BatchRow, ...]
    folder: BatchFolder
    repairs: bool
    model: str = ""


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """What is kept of a batch that was started, so that it can go on after a restart.

    Attributes:
        rows: What it is made of; files that are no longer here are named by a path that leads nowhere.
        keys: Of its cells, by their numbers, as the ledger knows them.
        chosen: Numbers of the cells that were to run.
        engine: Who was to render them.
        repairs: Whether the checks' repairs are applied.
        model: Of Kling, the model that was chosen.
    """

    rows: tuple[BatchRow, ...]
    keys: Mapping[int, str]
    chosen: frozenset[int]
    engine: EngineName
    repairs: bool
    model: str

    @classmethod
    def of(cls, made: PageBatch, plan: BatchPlan, chosen: Collection[int], engine: EngineName) -> Self:
        """Take it from a batch that is being started."""
        keys = {cell.row.number: cell.key for cell in plan.cells}
        return cls(made.rows, keys, frozenset(chosen), engine, made.repairs, made.model)

    def to_json(self, root: Path) -> dict[str, Any]:
        """Put it into plain JSON types; a file is named by where it lies in the data folder, which is no secret."""
        rows = [
            {
                "number": row.number,
                "image": _place(row.image, root),
                "video": _place(row.video, root),
                "orientation": row.choice.orientation.value,
                "prompt": row.choice.prompt,
                "keep_sound": row.choice.keep_sound,
                "model": row.choice.model,
                "name": row.name,
                "key": self.keys.get(row.number, ""),
            }
            for row in self.rows
        ]
        return {
            "rows": rows,
            "chosen": sorted(self.chosen),
            "engine": self.engine.value,
            "repairs": self.repairs,
            "model": self.model,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], root: Path) -> Self:
        """Read it as :meth:`to_json` wrote it."""
        return cls(
            rows=tuple(_row(one, root) for one in kept["rows"]),
            keys={one["number"]: one["key"] for one in kept["rows"]},
            chosen=frozenset(kept["chosen"]),
            engine=EngineName(kept["engine"]),
            repairs=kept["repairs"],
            model=kept["model"],
        )

    async def begun(self, runner: Runner, batch: str) -> frozenset[int]:
        """Return the numbers of its cells that have runs.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        known = await runner.batches.of(batch)
        return frozenset(number for number in self.chosen if (self.keys[number], self.engine) in known)

    async def outcomes(self, runner: Runner, batch: str, owner: str) -> list[CellOutcome]:
        """Tell where its cells are by the runs that stand for them in the ledger; nothing is started or looked at.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        known = await runner.batches.of(batch)
        return [await self._outcome(runner, row, known, owner) for row in self.rows]

    async def _outcome(
        self, runner: Runner, row: BatchRow, known: Mapping[tuple[str, EngineName], RunRecord], owner: str
    ) -> CellOutcome:
        key = self.keys[row.number]
        cell = PlannedCell(row=row, engine=self.engine, state=CellState.LEFT_OUT, key=key, message=NOT_CHOSEN)
        if row.number not in self.chosen:
            return CellOutcome(cell=cell, state=CellState.LEFT_OUT, message=NOT_CHOSEN)
        record = known.get((key, self.engine)) if key else None
        if record is None:
            return CellOutcome(cell=cell, state=CellState.NOT_STARTED, message=LEFT_BY_A_RESTART)
        try:
            view = await runner.view(record.run_id, owner)
        except KlingUIError as error:  # it was deleted meanwhile
            return CellOutcome(cell=cell, state=CellState.REFUSED, message=str(error))
        said, state = run_words(view), STATES.get(view.state, CellState.UNDER_WAY)
        return CellOutcome(
            cell=cell, state=state, message=said.sentence, advice=said.advice, run=view, video=view.result
        )


def _row(kept: Mapping[str, Any], root: Path) -> BatchRow:
    choice = TransferOptions(kept["prompt"], Orientation(kept["orientation"]), kept["keep_sound"], model=kept["model"])
    return BatchRow(
        number=kept["number"],
        image=_file(kept["image"], root),
        video=_file(kept["video"], root),
        choice=choice,
        name=kept["name"],
    )


def _place(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root).as_posix() if path.is_file() else path.name


def _file(place: str, root: Path) -> Path:
    """Return the file that lies there; where it is gone, a path of the same name that leads nowhere."""
    path = (root / place).resolve()
    return path if path.is_relative_to(root) and path.is_file() else _GONE / path.name
