"""``kling-ui run`` and ``kling-ui recover``: one run, or one request found again, to a video in a folder."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.report import Report, Verdict
from kling_ui.cli.output import (
    DONE,
    FAILED,
    RunProgress,
    follow,
    make_folder,
    place,
    print_json,
    run_json,
    say,
    tell_run,
    visitor_of,
)
from kling_ui.errors import KlingUIError, SettingsError
from kling_ui.media.files import NAME_MAX_BYTES, cut
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import headline, report_json
from kling_ui.presentation.runs import cancel_words, start_words
from kling_ui.runs.record import EngineName
from kling_ui.runs.runner import RunInputs, Runner, open_runner
from kling_ui.runs.view import RunView
from kling_ui.settings import Settings
from kling_ui.workers import Workers


@dataclass(frozen=True, slots=True)
class RunCommand:
    """What was typed.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound.
        engine: Who renders.
        out: Folder for the video.
        accept: Rules that a person overrules.
        again: Make another one although there is a result, or may be one.
    """

    image: Path
    video: Path
    choice: TransferOptions
    engine: EngineName
    out: Path
    accept: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class RunCommandResult:
    """What came of it.

    Attributes:
        report: What the checks said.
        run: The run at its end; ``None`` when the checks blocked it.
        video: Where the video was put, if there is one.
    """

    report: Report
    run: RunView | None = None
    video: Path | None = None


def run_order(order: RunCommand, *, as_json: bool) -> int:
    """Check, run, put the video into the folder, print what came of it and return the exit code.

    Raises:
        SettingsError: The engine needs a token that is not set, or the folder cannot be written to.
        MediaError: A file cannot be read.
        KlingUIError: The run could not be started.
    """
    settings = Settings.from_env()
    if order.engine is EngineName.KLING and settings.token is None:
        raise SettingsError("A run on Kling needs a token in RUNCOMFY_API_TOKEN.", advice="Set it, or use the preview.")
    make_folder(order.out)
    with Workers(settings.workers) as workers:
        outcome = asyncio.run(_carry_out(order, settings, workers))
    if as_json:
        print_json(outcome_json(order, outcome))
    elif outcome.run is None:
        say(headline(outcome.report))
    else:
        tell_run(outcome.run, outcome.video)
    return DONE if outcome.video is not None else FAILED


def outcome_json(order: RunCommand, outcome: RunCommandResult) -> dict[str, Any]:
    """Put an outcome into plain JSON types."""
    run, check = outcome.run, report_json(outcome.report)
    if run is None:
        blocked = {"message": headline(outcome.report), "advice": None, "raw": None}
        return {"run_id": None, "request_id": None, "engine": order.engine.value, "status": "blocked"} | {
            "video": None,
            "error": blocked,
            "check": check,
        }
    return run_json(run, outcome.video) | {"check": check}


async def _carry_out(order: RunCommand, settings: Settings, workers: Workers) -> RunCommandResult:
    with RunProgress() as run_progress:
        run_progress.say("Looking at the inputs.")
        preflight = Preflight(workers, settings.data_dir / "looks")
        report = (await preflight.report(order.image, order.video, order.choice)).accepting(order.accept)
        run_progress.say(headline(report))
        if report.verdict == Verdict.BLOCK:
            return RunCommandResult(report)
        async with open_runner(settings, workers, take_over=False) as runner:
            run = await _run(order, report, runner, run_progress, visitor_of(settings.data_dir))
    if run.result is None:
        return RunCommandResult(report, run)
    image, video = (cut(path.stem, NAME_MAX_BYTES // 2) for path in (order.image, order.video))
    name = f"{image}-{video}-{order.engine.value}{run.result.suffix}"
    return RunCommandResult(report, run, await asyncio.to_thread(place, run.result, order.out, name))


async def _run(order: RunCommand, report: Report, runner: Runner, run_progress: RunProgress, visitor: str) -> RunView:
    inputs = RunInputs(image=order.image, video=order.video, choice=order.choice, findings=report_json(report))
    beginning = runner.begin(inputs, engine=order.engine, visitor=visitor, again=order.again)
    starting = asyncio.ensure_future(beginning)
    try:
        start = await asyncio.shield(starting)
        if words := start_words(start.code):
            run_progress.say(words if order.again else f"{words} (--again)")
        return await follow(runner.watch(start.run_id, visitor), run_progress)
    except asyncio.CancelledError:  # Ctrl+C
        with suppress(KlingUIError):  # then there is nothing to call off
            await _call_off((await starting).run_id, runner, run_progress, visitor)
        raise


async def _call_off(run_id: str, runner: Runner, run_progress: RunProgress, visitor: str) -> None:
    run_progress.say(cancel_words(await runner.cancel(run_id, visitor)))
    view = await runner.view(run_id, visitor)
    if not view.is_final and view.request_id and view.engine is EngineName.KLING:
        run_progress.say(
            f"The run is request {view.request_id}; the page (kling-ui app) follows it on, "
            f"and so does kling-ui recover {view.request_id}."
        )


def recover_request(request_id: str, run_id: str | None, out: Path, *, as_json: bool) -> int:
    """Follow a request on, put its video into the folder, print what came of it and return the exit code.

    Raises:
        SettingsError: There is no token, or the folder cannot be written to.
        KlingUIError: RunComfy does not tell about this request.
    """
    settings = Settings.from_env()
    if settings.token is None:
        raise SettingsError("A request can only be recovered with its token in RUNCOMFY_API_TOKEN.")
    make_folder(out)
    with Workers(settings.workers) as workers:
        run, video = asyncio.run(_recover(request_id, run_id, out, settings, workers))
    if as_json:
        print_json(run_json(run, video))
    else:
        tell_run(run, video)
    return DONE if video is not None else FAILED


async def _recover(
    request_id: str, run_id: str | None, out: Path, settings: Settings, workers: Workers
) -> tuple[RunView, Path | None]:
    visitor = visitor_of(settings.data_dir)
    with RunProgress() as run_progress:
        async with open_runner(settings, workers, take_over=False) as runner:
            # whoever is at this command line owns the ledger, so that runs of the page are found, too
            start = await runner.recover(request_id, visitor=visitor, run_id=run_id, everybody=True)
            run_progress.say(start_words(start.code))
            run = await follow(runner.watch(start.run_id, None), run_progress)
    if run.result is None:
        return run, None
    name = f"recovered-{run.request_id}{run.result.suffix}"
    return run, await asyncio.to_thread(place, run.result, out, name)
