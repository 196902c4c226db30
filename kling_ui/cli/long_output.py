"""``kling-ui plan`` and ``kling-ui run-long``: what a long clip becomes, and what became of it."""

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from kling_ui.cli.output import DONE, FAILED, print_json, say, tell
from kling_ui.cli.run import RunProgress, make_folder
from kling_ui.errors import SettingsError
from kling_ui.long_clips.clip_plan import PlanResult, plan
from kling_ui.long_clips.long_result import LongRunResult
from kling_ui.long_clips.long_run import run_long
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.wording import NBSP
from kling_ui.results import Progress
from kling_ui.runs.record import EngineName


def plan_file(
    video: Path,
    orientation: Orientation,
    *,
    cuts: Sequence[float] | None,
    overlap_s: float,
    model: str,
    as_json: bool,
) -> int:
    """Plan, print the pieces and return the exit code.

    Raises:
        MediaError: The clip cannot be read.
        KlingUIError: It cannot be planned for another reason.
    """
    planned = plan(video, orientation=orientation, cuts=cuts, overlap_s=overlap_s, model=model)
    if as_json:
        print_json(planned.to_json())
    else:
        tell("\n".join(plan_lines(planned)).replace(NBSP, " "))
    return DONE


def plan_lines(planned: PlanResult) -> Iterator[str]:
    """Give a plan in lines for a terminal."""
    yield planned.message
    for piece, at_s, why in zip_longest(planned.pieces, planned.cuts_s, planned.cuts):
        yield f"  {piece}"
        if why:
            yield f"    cut at {at_s:.2f} s: {why}"
    if planned.lost:
        yield "Likely to come back badly, or not at all:"
        yield from (f"  {words}" for words in planned.lost)
    yield planned.price


def run_long_file(
    image: Path,
    video: Path,
    choice: TransferOptions,
    engine: EngineName,
    *,
    out: Path,
    max_usd: float | None,
    cuts: Sequence[float] | None,
    overlap_s: float,
    next_from: str,
    skip_blocked: bool,
    accept: Collection[str],
    again: bool,
    joints: Path | None,
    mask: Path | None,
    as_json: bool,
) -> int:
    """Make a long clip's video, print what came of it and return the exit code.

    Raises:
        SettingsError: The engine needs a token or a price limit, or the folder cannot be written to.
        MediaError: A file cannot be read.
        KlingUIError: It could not be started.
    """
    if engine is EngineName.KLING and max_usd is None:
        raise SettingsError(
            "A run on Kling costs money: --max-usd takes the most that all pieces may cost, in US dollars.",
            advice="kling-ui plan tells what they cost; the preview is free.",
        )
    make_folder(out)
    with RunProgress() as run_progress:

        def on_progress(news: Progress) -> None:
            if news.run is not None:
                run_progress.show(news.run, words=news.words, share=news.share)
            else:
                run_progress.say(news.words)

        result = run_long(
            image,
            video,
            engine=engine,
            prompt=choice.prompt,
            orientation=choice.orientation,
            keep_sound=choice.keep_sound,
            resolution=choice.resolution,
            model=choice.model,
            out=out,
            max_price_usd=max_usd,
            accept=accept,
            again=again,
            joints=joints,
            mask=mask,
            cuts=cuts,
            overlap_s=overlap_s,
            next_from=next_from,
            skip_blocked=skip_blocked,
            on_progress=on_progress,
        )
    if as_json:
        print_json(result.to_json())
    else:
        tell_long(result)
    return DONE if result.video is not None else FAILED


def tell_long(result: LongRunResult) -> None:
    """Say what came of a long clip, and print where its video is."""
    say(result.message.replace(NBSP, " "))
    for part in result.held:
        say(f"  stands still from {part.start_s:.1f} to {part.end_s:.1f} s (piece {part.piece})")
    if result.motion_match is not None:
        pieces = ", ".join(
            f"{piece.run.motion_match:.0f}" for piece in result.pieces if piece.run and piece.run.motion_match
        )
        say(f"motion match {result.motion_match:.0f}; of the pieces {pieces}")
    if result.advice:
        say(result.advice)
    if result.video is not None:
        tell(str(result.video))
        say(f"What differs from piece to piece: {result.chart}")
        say(f"Everything that was measured: {result.report}")
