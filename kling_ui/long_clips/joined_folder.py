"""What is kept of a joined video: a folder beside the files of its first piece's run, with which it goes.

It is no run of its own: a run is what an engine was asked for, so budgets, takeovers and records of forecasts would all
have to look past it.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kling_ui.media.signatures import sniff
from kling_ui.runs.view import RunView

FOLDER = "joined"
_SUFFIXES = {"matroska": ".mkv", "mpegts": ".ts", "mpeg": ".mpg"}


@dataclass(frozen=True, slots=True)
class JoinedRecord:
    """A joined video that is kept here.

    Attributes:
        video: The MP4.
        reference: The whole clip that it follows.
        chart: A PNG of the drift, if it is there.
        report: The JSON file of all that was measured.
        values: What that file says, see :meth:`kling_ui.LongRunResult.to_json`.
    """

    video: Path
    reference: Path
    chart: Path | None
    report: Path
    values: dict[str, Any]

    @property
    def is_first_of(self) -> str:
        """The id of the run beside which it lies."""
        return self.video.parent.parent.name


class JoinedFolder:
    """The folder of one joined video.

    Args:
        run_folder: The folder of the first piece's run.
    """

    def __init__(self, run_folder: Path) -> None:
        self.path = run_folder / FOLDER

    @classmethod
    def of(cls, run: RunView) -> Self | None:
        """Give the folder beside a run that has a result here."""
        return None if run.result is None else cls(run.result.parent)

    def make(self, source: Path) -> Path:
        """Make it anew, with a copy of the whole clip: inputs are kept for a day; blocking.

        Raises:
            OSError: There is no room, or the clip is gone.
        """
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        kind = sniff(source)
        shutil.copyfile(source, self.path / f"reference{_SUFFIXES.get(kind, f'.{kind}')}")
        return self.path

    def read(self) -> JoinedRecord | None:
        """Read what is kept; ``None`` where there is no whole joined video; blocking."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            report = next(self.path.glob("*-pieces.json"), None)
            reference = next(self.path.glob("reference.*"), None)
            if report is not None and reference is not None:
                values = json.loads(report.read_text("utf-8"))
                video, chart = self.path / Path(values["video"]).name, self.path / Path(values["chart"]).name
                if video.is_file():
                    return JoinedRecord(video, reference, chart if chart.is_file() else None, report, values)
        return None
