"""What can be typed about clips beyond the limit: ``kling-ui plan`` and ``kling-ui run-long``."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kling_ui.cli.output import guarded
from kling_ui.cli.parameters import Accepted, AsJson, Facing, Joints, Mask, ModelId, Prompt, Size, Sound
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
    engine: Annotated[
        EngineName, typer.Option(help="preview: free, drawn on this machine. kling: paid, needs RUNCOMFY_API_TOKEN.")
    ] = EngineName.PREVIEW,
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
