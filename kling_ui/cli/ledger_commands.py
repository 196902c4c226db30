"""What can be typed about runs that were made and about the ledger: ``runs``, ``show``, ``export``, ``pause``, ..."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kling_ui.cli.output import guarded
from kling_ui.cli.parameters import AsJson, Everybody
from kling_ui.options import Layout
from kling_ui.pauses import PauseScope


class ExportKind(StrEnum):
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
        ExportKind | None,
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


def past_runs(
    *,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many.")] = 50,
    everybody: Everybody = False,
    as_json: AsJson = False,
) -> None:
    """List the newest runs and what was spent.

    Exit code: 0 listed, 1 the ledger cannot be read, 2 the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.history import list_runs  # noqa: PLC0415

        return lambda: list_runs(limit, everybody=everybody, as_json=as_json)

    guarded(load, as_json=as_json)


def show(
    *,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it begins.")],
    as_json: AsJson = False,
) -> None:
    """Tell all that is known of one run: its states with their times, its price and cost, its files.

    Exit code: 0 told, 1 there is no such run, 2 the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.history import show_run  # noqa: PLC0415

        return lambda: show_run(run_id, as_json=as_json)

    guarded(load, as_json=as_json)


def recover(
    *,
    request_id: Annotated[str, typer.Argument(help="The request's id, as RunComfy shows it.")],
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run of unknown outcome that it belongs to; else it is found.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the video; nothing in it is overwritten.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Follow a request on that is at RunComfy, and keep its video.

    This needs the token that made it, in RUNCOMFY_API_TOKEN. The request goes to the run that it belongs to, else to a
    new one; nothing is sent again.

    Exit code: 0 done, 1 no video, 2 the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.run import recover_request  # noqa: PLC0415

        return lambda: recover_request(request_id, run_id, out, as_json=as_json)

    guarded(load, as_json=as_json)


def pause(
    *,
    scope: Annotated[
        PauseScope, typer.Argument(help="paid: new runs on Kling, whoever pays. all: uploads and previews, too.")
    ] = PauseScope.PAID,
    message: Annotated[str, typer.Option(help="What visitors are told besides, such as why.")] = "",
    hours: Annotated[
        float | None, typer.Option(min=0.01, max=8760, help="End it after so many hours; else resume does.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let nothing new begin, in every process that uses the ledger; what was begun goes on, and results are kept.

    Exit code: 0 paused, 1 the ledger cannot be read or written, 2 the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.pause import pause_app  # noqa: PLC0415

        return lambda: pause_app(scope, message, hours, as_json=as_json)

    guarded(load, as_json=as_json)


def resume(*, as_json: AsJson = False) -> None:
    """End a pause.

    Exit code: 0 ended, or there was none; 1 the ledger cannot be read or written, 2 the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.pause import resume_app  # noqa: PLC0415

        return lambda: resume_app(as_json=as_json)

    guarded(load, as_json=as_json)


def forget_visitor(
    *,
    run_id: Annotated[
        str | None,
        typer.Option("--of", metavar="RUN", help="Of whoever made this run, on the page too; or how its id begins."),
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Really do it; without this it is only told.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete all that is kept here of whoever uses the command line, or of whoever made a run; this cannot be undone.

    Runs with their files, inputs, corrections and what was found in them go; paid runs that have not ended stay, and so
    does what RunComfy keeps of paid runs.

    Exit code: 0 deleted, 1 there is no such run or --yes is missing, 2 the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        from kling_ui.cli.forget import forget  # noqa: PLC0415

        return lambda: forget(run_id, is_sure=is_sure, as_json=as_json)

    guarded(load, as_json=as_json)
