"""What can be typed where one command makes several runs: ``kling-ui plan``, ``run-long`` and ``batch``."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kling_ui.cli.output import guarded
from kling_ui.cli.parameters import Accepted, AsJson, Engine, Facing, Joints, Mask, ModelId, Prompt, Size, Sound
from kling_ui.options import DEFAULT_PROMPT, Orientation, Resolution, TransferOptions
from kling_ui.runs.record import EngineName

Cuts = Annotated[
    str | None,
    typer.Option(metavar="SECONDS", help="Where to cut instead of where the plan says: 12.4,25.1."),
]
Overlap = Annotated[
    float, typer.Option(min=0, max=2, help="Seconds that two pieces share where they meet within a shot.")
]


def plan(
    *,
    video: Annotated[Path, typer.Argument(help="The reference video, of up to 10 minutes.")],
    orientation: Facing = Orientation.VIDEO,
    cuts: Cuts = None,
    overlap: Overlap = 0.4,
    model: ModelId = "",
    as_json: AsJson = False,
) -> None:
    """Tell how a clip beyond the limit becomes several runs, why it is cut there and what they cost; nothing is sent.

    Exit code: 0 planned, 1 the price cannot be read, 2 the file cannot be read or the command was used wrongly.
    """
    cuts_s = _seconds(cuts)

    def load() -> Callable[[], int]:
        from kling_ui.cli.long_output import plan_file  # noqa: PLC0415

        return lambda: plan_file(video, orientation, cuts=cuts_s, overlap_s=overlap, model=model, as_json=as_json)

    guarded(load, as_json=as_json)


def run_long(
    *,
    image: Annotated[Path, typer.Argument(help="The character image.")],
    video: Annotated[Path, typer.Argument(help="The reference video, of up to 10 minutes.")],
    prompt: Prompt = DEFAULT_PROMPT,
    orientation: Facing = Orientation.VIDEO,
    sound: Sound = True,
    resolution: Size = Resolution.P720,
    engine: Engine = EngineName.PREVIEW,
    model: ModelId = "",
    max_usd: Annotated[
        float | None,
        typer.Option(help="The most that all pieces together may cost, in US dollars; Kling needs it."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the video, its chart and its report.")] = Path(),
    cuts: Cuts = None,
    overlap: Overlap = 0.4,
    next_from: Annotated[
        str,
        typer.Option(
            metavar="picture|last-frame",
            help="What pieces behind the first begin with: the image, or the last good frame of the piece before.",
        ),
    ] = "picture",
    skip_blocked: Annotated[
        bool, typer.Option("--skip-blocked", help="Leave out pieces that the checks block; the picture stands still.")
    ] = False,
    accept: Accepted = None,
    again: Annotated[bool, typer.Option("--again", help="Make all pieces again although the same were made.")] = False,
    joints: Joints = None,
    mask: Mask = None,
    as_json: AsJson = False,
) -> None:
    """Make one video of a clip beyond the limit: cut into runs, each made once, and joined with the original sound.

    Typed again, it goes on where it was left: pieces that were made are found again and not charged again.

    Exit code: 0 done, 1 blocked by a check or failed, 2 a file cannot be read or the command was used wrongly.
    """
    cuts_s = _seconds(cuts)

    def load() -> Callable[[], int]:
        from kling_ui.cli.long_output import run_long_file  # noqa: PLC0415

        choice = TransferOptions(prompt, orientation, sound, resolution, model)
        return lambda: run_long_file(
            image,
            video,
            choice,
            engine,
            out=out,
            max_usd=max_usd,
            cuts=cuts_s,
            overlap_s=overlap,
            next_from=next_from,
            skip_blocked=skip_blocked,
            accept=accept or (),
            again=again,
            joints=joints,
            mask=mask,
            as_json=as_json,
        )

    guarded(load, as_json=as_json)


def _seconds(cuts: str | None) -> list[float] | None:
    if cuts is None:
        return None
    try:
        times_s = [float(time_s) for time_s in cuts.split(",") if time_s.strip()]
    except ValueError as error:
        raise typer.BadParameter("--cuts takes seconds with commas between them, such as 12.4,25.1.") from error
    if not all(map(math.isfinite, times_s)):
        raise typer.BadParameter("--cuts takes seconds with commas between them, such as 12.4,25.1.")
    return times_s


def batch(
    *,
    manifest: Annotated[
        Path | None, typer.Argument(help="A CSV or JSON Lines file with a row for each run; see docs/batch.md.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The batch's folder, for results, repaired copies and the report.")],
    images: Annotated[
        list[Path] | None, typer.Option("--image", help="A character of a grid, in place of a manifest; repeatable.")
    ] = None,
    videos: Annotated[
        list[Path] | None, typer.Option("--video", help="A reference video of a grid; repeatable.")
    ] = None,
    orientations: Annotated[
        list[Orientation] | None, typer.Option("--orientation", help="Whose facing, of a grid; repeatable.")
    ] = None,
    prompts: Annotated[list[str] | None, typer.Option("--prompt", help="A prompt of a grid; repeatable.")] = None,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Of a grid: keep the references' sound.")] = True,
    engine: Annotated[
        EngineName | None,
        typer.Option(help="Who renders all cells; else the manifest says so, and where it does not, the free preview."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Of Kling, the model of cells for which the manifest names none; kling-ui models lists them.",
        ),
    ] = "",
    max_usd: Annotated[
        float | None,
        typer.Option(
            help="The most that all paid runs of this batch may cost together, in US dollars; Kling needs it."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="How many runs are under way at once.")] = 2,
    repair_all: Annotated[
        bool, typer.Option("--repair", help="Apply all repairs that need no choice, to copies, without asking.")
    ] = False,
    repairs: Annotated[
        list[str] | None,
        typer.Option("--repair-only", metavar="REPAIR", help="Apply this repair only, such as video.trim; repeatable."),
    ] = None,
    accept: Accepted = None,
    cells: Annotated[str | None, typer.Option(help="The cells that are meant, by number: 3,5-8.")] = None,
    only: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="A report's CSV whose column chosen ticks what is meant.")
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Check and price the whole; start nothing.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the batch in this folder; nothing is started twice.")
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Start failed and cancelled cells once more; that may be charged again."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make many runs of a manifest or a grid: checked and priced as a whole, carried out, and reported.

    Ctrl+C pauses: what runs is finished, nothing more is started, and --resume goes on. A second one leaves at once.

    Exit code: 0 all cells that were meant are done (of a plan: will run), 1 some are not, 2 the manifest or a file
    cannot be read or the command was used wrongly, 130 paused.
    """
    if manifest is None and not (images and videos):
        raise typer.BadParameter("Give a manifest, or --image and --video.")

    def load() -> Callable[[], int]:
        from kling_ui.cli.batch_table import run_batch  # noqa: PLC0415

        return lambda: run_batch(
            manifest,
            images=images or (),
            videos=videos or (),
            orientations=orientations or (Orientation.VIDEO,),
            prompts=prompts or (DEFAULT_PROMPT,),
            keep_sound=sound,
            out=out,
            engine=engine,
            model=model,
            max_usd=max_usd,
            jobs=jobs,
            repair=repairs or repair_all,
            accept=accept or (),
            cells=cells,
            only=only,
            plan_only=plan_only,
            resume=resume,
            retry_failed=retry_failed,
            as_json=as_json,
        )

    guarded(load, as_json=as_json)
