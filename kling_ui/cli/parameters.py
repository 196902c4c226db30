"""What several commands take, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

from kling_ui.options import Orientation, Resolution
from kling_ui.runs.record import EngineName

Prompt = Annotated[
    str,
    typer.Option(
        help="Scene, clothes and light in words, sent to Kling as they are; without any the default is sent. The "
        "motion comes from the video."
    ),
]
Facing = Annotated[
    Orientation,
    typer.Option(help="Whose facing the result follows: the video's (at most 30 s) or the image's (at most 10 s)."),
]
Engine = Annotated[
    EngineName, typer.Option(help="preview: free, drawn on this machine. kling: paid, needs RUNCOMFY_API_TOKEN.")
]
Sound = Annotated[bool, typer.Option("--sound/--no-sound", help="Keep the reference's sound.")]
Size = Annotated[Resolution, typer.Option(help="How large a preview may be; Kling decides for itself.")]
ModelId = Annotated[
    str,
    typer.Option(
        "--model", metavar="MODEL", help="Of Kling, the model's id; kling-ui models lists them. Else the usual one."
    ),
]
Accepted = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="RULE", help="Go on in spite of this rule, where a person may overrule it."),
]
Joints = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="The character's joints, placed by hand; see docs/corrections.md."),
]
Mask = Annotated[
    Path | None,
    typer.Option(metavar="FILE.png", help="White is the character, black is not, clear is as it was found."),
]
Trim = Annotated[
    str | None,
    typer.Option(
        metavar="FROM-TO", help="Instead of repairs: keep this part of the clip, in seconds, such as 2.0-9.5."
    ),
]
Crop = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H", help="Instead of repairs: keep this part of each picture, in px as it is displayed."
    ),
]
Turn = Annotated[str | None, typer.Option(help="Instead of repairs: a turn to the left, to the right or over.")]
Everybody = Annotated[bool, typer.Option("--all", help="Runs of the page and of everybody else, too.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def seconds_of(trim: str | None) -> tuple[float, float] | None:
    """Read a part of a clip, such as ``2.0-9.5``.

    Raises:
        typer.BadParameter: It is not one.
    """
    if trim is None:
        return None
    try:
        start_s, end_s = (float(text) for text in trim.split("-"))
    except ValueError as error:
        raise typer.BadParameter("Give --trim as FROM-TO in seconds, such as 2.0-9.5.") from error
    return start_s, end_s


def pixels_of(crop: str | None) -> tuple[int, int, int, int] | None:
    """Read a part of a picture, such as ``0,120,720,720``: left, top, width and height.

    Raises:
        typer.BadParameter: It is not one.
    """
    if crop is None:
        return None
    try:
        left, top, width, height = (int(text) for text in crop.split(","))
    except ValueError as error:
        raise typer.BadParameter("Give --crop as X,Y,W,H in px, such as 0,120,720,720.") from error
    return left, top, width, height
