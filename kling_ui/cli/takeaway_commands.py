"""What can be typed about what is taken away of runs: ``kling-ui export`` and ``kling-ui open``."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kling_ui.cli.output import guarded
from kling_ui.cli.parameters import AsJson, Everybody
from kling_ui.options import Layout


class Taken(StrEnum):
    """What ``--what`` takes."""

    CARD = "card"
    PACKAGE = "package"
    SHEET = "sheet"
    WEBP = "webp"
    COMPARISON = "comparison"
    REPORT = "report"


def export_all(
    *,
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER|RUN...",
            help="A new folder for runs.json, runs.csv and the files; with --what the runs, or how their ids begin.",
        ),
    ],
    what: Annotated[
        Taken | None,
        typer.Option(
            help="Of single runs: the run card, that with its files as a ZIP, a contact sheet (PNG), the best three "
            "seconds (animated WebP), the comparison (MP4), or a report that opens from disk (HTML)."
        ),
    ] = None,
    layout: Annotated[Layout, typer.Option(help="The shape of a comparison.")] = Layout.STRIP,
    out: Annotated[Path | None, typer.Option(help="With --what: the folder to write to; else this one.")] = None,
    everybody: Everybody = False,
    files: Annotated[bool, typer.Option("--files/--no-files", help="Copy images, references and results, too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write all runs and their files into a folder, or with --what something of single runs.

    Exit code: 0 written, 1 there is no such run, the ledger cannot be read or the folder not be written to, 2 a file
    cannot be read or written, or the command was used wrongly.
    """
    if what is None and (len(given) != 1 or out is not None):
        raise typer.BadParameter("Without --what, export takes one new folder, and no --out.")

    def load() -> Callable[[], int]:
        if what is None:
            from kling_ui.cli.history import export_runs  # noqa: PLC0415

            return lambda: export_runs(Path(given[0]), everybody=everybody, with_files=files, as_json=as_json)
        from kling_ui.cli.takeaway_output import take_away  # noqa: PLC0415

        return lambda: take_away(given, what.value, layout, out or Path(), with_files=files, as_json=as_json)

    guarded(load, as_json=as_json)


def open_run(
    *,
    card: Annotated[Path, typer.Argument(help="A run card, a file that ends with .run.json.")],
    out: Annotated[Path | None, typer.Option(help="The page to write; else beside the card.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Show the page.")] = True,
    as_json: AsJson = False,
) -> None:
    """Open a run card again, with those of its files that lie beside it, as a page that needs no network.

    The page replays the run in the time that it took or in a short one, and shows it large for an audience.

    Exit code: 0 opened, also when files are missing, which is said; 1 it is no card that can be opened, 2 the file
    cannot be read, the page not be written, or the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.takeaway_output import open_card  # noqa: PLC0415

        return lambda: open_card(card, out, browser=browser, as_json=as_json)

    guarded(load, as_json=as_json)
