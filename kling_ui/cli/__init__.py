"""The command line: ``kling-ui check``, ``repair``, ``run``, ``batch``, ``score``, ``sheet``, ``app`` and the rest.

This module only says what can be typed. What a command does is imported when it is called, so that help is quick.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kling_ui import __version__
from kling_ui.cli.batch_commands import batch, plan, run_long
from kling_ui.cli.ledger_commands import export_all, forget_visitor, open_run, past_runs, pause, recover, resume, show
from kling_ui.cli.output import guarded, say, tell
from kling_ui.cli.parameters import (
    Accepted,
    AsJson,
    Crop,
    Engine,
    Facing,
    Joints,
    Mask,
    ModelId,
    Prompt,
    Size,
    Sound,
    Trim,
    Turn,
    pixels_of,
    seconds_of,
)
from kling_ui.options import DEFAULT_PROMPT, Orientation, Resolution, TransferOptions
from kling_ui.runs.record import EngineName

app = typer.Typer(
    help="Motion control: a character image and a reference video become a video of that character moving so.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and a token may be among them
    rich_markup_mode=None,
)

Work = Callable[[], int]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        tell(f"kling-ui {__version__}")
        raise typer.Exit


@app.callback()
def kling_ui(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


@app.command()
def check(
    *,
    image: Annotated[Path | None, typer.Option(help="The character image.")] = None,
    video: Annotated[Path | None, typer.Option(help="The reference video.")] = None,
    prompt: Prompt = DEFAULT_PROMPT,
    orientation: Facing = Orientation.VIDEO,
    sound: Sound = True,
    accept: Accepted = None,
    joints: Joints = None,
    mask: Mask = None,
    as_json: AsJson = False,
) -> None:
    """Look at the inputs and say whether they will work.

    Exit code: 0 fine or with warnings, 1 blocked, 2 a file cannot be read or the command was used wrongly.
    """
    if image is None and video is None:
        raise typer.BadParameter("Give --image, --video or both.")

    def load() -> Work:
        from kling_ui.workers import start_ahead  # noqa: PLC0415

        start_ahead("kling_ui.vision.analysis")  # while this process imports what judges
        from kling_ui.cli.reports import check_files  # noqa: PLC0415

        choice = TransferOptions(prompt, orientation, sound)
        return lambda: check_files(image, video, choice, accept=accept or [], joints=joints, mask=mask, as_json=as_json)

    guarded(load, as_json=as_json)


@app.command()
def repair(
    *,
    image: Annotated[Path | None, typer.Option(help="The character image.")] = None,
    video: Annotated[Path | None, typer.Option(help="The reference video.")] = None,
    orientation: Facing = Orientation.VIDEO,
    sound: Sound = True,
    out: Annotated[Path, typer.Option(help="Folder for the repaired files; nothing in it is overwritten.")],
    person: Annotated[
        int | None,
        typer.Option(min=1, help="Where there are several people, keep this one, counted from the left."),
    ] = None,
    trim: Trim = None,
    crop: Crop = None,
    turn: Turn = None,
    as_json: AsJson = False,
) -> None:
    """Mend what the checks find, into new files; the originals stay as they are.

    Exit code: 0 repaired or nothing to do, 1 still blocked, 2 a file cannot be read or the command was used wrongly.
    """
    if image is None and video is None:
        raise typer.BadParameter("Give --image, --video or both.")
    span, box = seconds_of(trim), pixels_of(crop)

    def load() -> Work:
        from kling_ui.cli.reports import repair_files  # noqa: PLC0415

        choice = TransferOptions(orientation=orientation, keep_sound=sound)
        return lambda: repair_files(
            image, video, choice, out, person=person, trim=span, crop=box, turn=turn, as_json=as_json
        )

    guarded(load, as_json=as_json)


@app.command()
def run(
    *,
    image: Annotated[Path, typer.Argument(help="The character image.")],
    video: Annotated[Path, typer.Argument(help="The reference video.")],
    prompt: Prompt = DEFAULT_PROMPT,
    orientation: Facing = Orientation.VIDEO,
    sound: Sound = True,
    resolution: Size = Resolution.P720,
    engine: Engine = EngineName.PREVIEW,
    model: ModelId = "",
    out: Annotated[Path, typer.Option(help="Folder for the video; nothing in it is overwritten.")] = Path(),
    accept: Accepted = None,
    again: Annotated[
        bool, typer.Option("--again", help="Make another one although the same was made, or may have been.")
    ] = False,
    joints: Joints = None,
    mask: Mask = None,
    transparent: Annotated[
        bool,
        typer.Option("--transparent", help="Of a preview, also draw the character without background, as a WebM."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the video.

    Exit code: 0 done, 1 blocked by a check or failed, 2 a file cannot be read or the command was used wrongly.
    """

    def load() -> Work:
        from kling_ui.cli.run import run_files  # noqa: PLC0415

        choice = TransferOptions(prompt, orientation, sound, resolution, model)
        return lambda: run_files(
            image,
            video,
            choice,
            engine,
            out=out,
            accept=accept or (),
            again=again,
            joints=joints,
            mask=mask,
            transparent=transparent,
            as_json=as_json,
        )

    guarded(load, as_json=as_json)


app.command()(plan)
app.command("run-long")(run_long)
app.command()(batch)


@app.command()
def models(*, as_json: AsJson = False) -> None:
    """List the models of Kling Motion Control that a run can go to, with their prices at this moment.

    What has changed in what a model takes is told, too.

    Exit code: 0 listed, 1 nobody tells, 2 there is no token or the command was used wrongly.
    """

    def load() -> Work:
        from kling_ui.cli.reports import list_models  # noqa: PLC0415

        return lambda: list_models(as_json=as_json)

    guarded(load, as_json=as_json)


app.command("export")(export_all)
app.command("open")(open_run)


@app.command()
def score(
    *,
    reference: Annotated[Path, typer.Argument(help="The reference video.")],
    result: Annotated[Path, typer.Argument(help="The video that came out.")],
    orientation: Facing = Orientation.VIDEO,
    as_json: AsJson = False,
) -> None:
    """Measure how well the motion of a result follows its reference.

    Exit code: 0 measured, 1 not measurable, 2 a file cannot be read or the command was used wrongly.
    """

    def load() -> Work:
        from kling_ui.cli.reports import score_clips  # noqa: PLC0415

        return lambda: score_clips(reference, result, orientation, as_json=as_json)

    guarded(load, as_json=as_json)


@app.command()
def sheet(
    *,
    files: Annotated[
        list[Path], typer.Argument(metavar="IMAGE... VIDEO...", help="Character images and reference videos.")
    ],
    out: Annotated[Path, typer.Option(help="The PNG to write; one that is there is replaced.")],
    orientation: Facing = Orientation.VIDEO,
    accept: Accepted = None,
    as_json: AsJson = False,
) -> None:
    """Draw every character with every clip into one picture, to choose among them; no run is made.

    Exit code: 0 all are drawn, 1 the checks block some or nobody is found in them, 2 a file cannot be read or the
    command was used wrongly.
    """

    def load() -> Work:
        from kling_ui.cli.reports import draw_sheet  # noqa: PLC0415

        return lambda: draw_sheet(files, out, orientation, accept=accept or [], as_json=as_json)

    guarded(load, as_json=as_json)


app.command("runs")(past_runs)
app.command()(show)
app.command()(recover)
app.command()(pause)
app.command()(resume)
app.command("forget")(forget_visitor)


@app.command("preview-server")
def preview_server(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="KLING_UI_PREVIEW_TOKEN",
            help="The only bearer token that is let in (better given as KLING_UI_PREVIEW_TOKEN); else all are.",
        ),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also fetch inputs from addresses of this network; for development.")
    ] = False,
) -> None:
    """Serve the preview engine to other clients, under the same contract as the remote API."""

    def load() -> Work:
        from pydantic import SecretStr  # noqa: PLC0415

        from kling_ui.errors import SettingsError  # noqa: PLC0415
        from kling_ui.preview.service import serve_preview  # noqa: PLC0415
        from kling_ui.settings import Settings, valid_token  # noqa: PLC0415

        if token is not None and not valid_token(token):
            raise SettingsError("--token takes printable ASCII without spaces.")
        settings = Settings.from_env()

        def work() -> int:
            serve_preview(
                settings.data_dir / "preview",
                host=host,
                port=port,
                token=SecretStr(token) if token else None,
                allow_private=allow_private,
                names=settings.hosts,
                on_ready=lambda url: say(f"The preview engine answers at {url}. Ctrl+C stops it."),
            )
            return 0

        return work

    guarded(load)


@app.command("app")
def page() -> None:
    """Serve the page; KLING_UI_HOST and KLING_UI_PORT say where."""

    def load() -> Work:
        from kling_ui.settings import Settings  # noqa: PLC0415
        from kling_ui.ui.web.server import prepare  # noqa: PLC0415

        serving = prepare(Settings.from_env())

        def work() -> int:
            serving()
            return 0

        return work

    guarded(load)
