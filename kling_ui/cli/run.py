"""``kling-ui run``: one run from two files to a video in a folder."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.report import Report, Verdict
from kling_ui.choice import Choice
from kling_ui.cli.narrator import Narrator
from kling_ui.cli.output import DONE, FAILED, print_json, say, tell
from kling_ui.errors import KlingUIError, SettingsError
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.runner import RunInputs, Runner, open_runner
from kling_ui.runs.view import RunView
from kling_ui.settings import Settings
from kling_ui.workers import Workers


@dataclass(frozen=True, slots=True)
class Order:
    """What was typed.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound.
        engine: Who renders.
        out: Folder for the video.
        accept: Rules that a person overrules.
    """

    image: Path
    video: Path
    choice: Choice
    engine: EngineName
    out: Path
    accept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        report: What the checks said.
        run: The run at its end; ``None`` when the checks blocked it.
        video: Where the video was put, if there is one.
    """

    report: Report
    run: RunView | None = None
    video: Path | None = None


def run_order(order: Order, *, as_json: bool) -> int:
    """Check, run, put the video into the folder, print what came of it and return the exit code.

    Raises:
        SettingsError: The engine needs a token that is not set, or the folder cannot be written to.
        MediaError: A file cannot be read.
        KlingUIError: The run could not be started.
    """
    settings = Settings.from_env()
    if order.engine is EngineName.KLING and settings.token is None:
        raise SettingsError("A run on Kling needs a token in RUNCOMFY_API_TOKEN.", advice="Set it, or use the preview.")
    _make_folder(order.out)
    with Workers(settings.workers) as workers:
        outcome = asyncio.run(_carry_out(order, settings, workers))
    if as_json:
        print_json(outcome_json(order, outcome))
    else:
        _tell(outcome)
    return DONE if outcome.video is not None else FAILED


def outcome_json(order: Order, outcome: Outcome) -> dict[str, Any]:
    """Put an outcome into plain JSON types."""
    run, check = outcome.run, outcome.report.to_json()
    if run is None:
        blocked = {"message": outcome.report.headline, "advice": None, "raw": None}
        return {"run_id": None, "request_id": None, "engine": order.engine.value, "status": "blocked"} | {
            "video": None,
            "error": blocked,
            "check": check,
        }
    return {
        "run_id": run.run_id,
        "request_id": run.request_id,
        "engine": run.engine.value,
        "status": run.state.value,
        "video": str(outcome.video) if outcome.video else None,
        "duration_s": run.duration_s,
        "fps": run.fps,
        "width_px": run.width_px,
        "height_px": run.height_px,
        "motion_match": run.motion_match,
        "motion": dict(run.motion) if run.motion else None,
        "cost_usd": run.cost_usd,
        "elapsed_s": round(run.elapsed_s, 3),
        "error": None
        if run.state is RunState.COMPLETED
        else {"message": run.sentence, "advice": run.advice, "raw": run.raw_error},
        "check": check,
    }


async def _carry_out(order: Order, settings: Settings, workers: Workers) -> Outcome:
    with Narrator() as narrator:
        narrator.say("Looking at the inputs.")
        preflight = Preflight(workers, settings.data_dir / "looks")
        report = (await preflight.report(order.image, order.video, order.choice)).accepting(order.accept)
        narrator.say(report.headline)
        if report.verdict == Verdict.BLOCK:
            return Outcome(report)
        async with open_runner(settings, workers, adopt=False) as runner:
            run = await _run(order, report, runner, narrator, _visitor(settings.data_dir))
    if run.result is None:
        return Outcome(report, run)
    name = f"{order.image.stem}-{order.video.stem}-{order.engine.value}{run.result.suffix}"
    return Outcome(report, run, await asyncio.to_thread(place, run.result, order.out, name))


async def _run(order: Order, report: Report, runner: Runner, narrator: Narrator, visitor: str) -> RunView:
    inputs = RunInputs(image=order.image, video=order.video, choice=order.choice, findings=report.to_json())
    starting = asyncio.ensure_future(runner.start(inputs, engine=order.engine, visitor=visitor))
    try:
        run_id = await asyncio.shield(starting)
        return await _follow(runner.watch(run_id, visitor), narrator)
    except asyncio.CancelledError:  # Ctrl+C
        await _call_off(await starting, runner, narrator, visitor)
        raise


async def _call_off(run_id: str, runner: Runner, narrator: Narrator, visitor: str) -> None:
    narrator.say(await runner.cancel(run_id, visitor))
    view = await runner.view(run_id, visitor)
    if not view.is_final and view.request_id and view.engine is EngineName.KLING:
        narrator.say(f"The run is request {view.request_id}; the page (kling-ui app) follows it on.")


async def _follow(views: AsyncGenerator[RunView], narrator: Narrator) -> RunView:
    view: RunView | None = None
    async with aclosing(views) as following:
        async for view in following:
            narrator.show(view)
    if view is None:
        raise KlingUIError("The run cannot be followed.")
    return view


def place(video: Path, folder: Path, name: str) -> Path:
    """Copy a video into a folder under a name that is free there.

    Raises:
        SettingsError: It cannot be written there.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(1, 10_000):
        target = folder / (name if number == 1 else f"{stem}-{number}{suffix}")
        try:
            with target.open("xb") as file, video.open("rb") as source:
                shutil.copyfileobj(source, file)
        except FileExistsError:
            continue
        except OSError as error:
            target.unlink(missing_ok=True)
            raise SettingsError(
                f"The video cannot be written to --out ({(error.strerror or 'refused').lower()}).",
                advice=f"It is kept at {video}.",
            ) from error
        return target
    raise SettingsError(f"--out holds too many videos of this name already. It is kept at {video}.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("--out takes a folder that can be written to.") from error


def _visitor(data_dir: Path) -> str:
    """Return who the command line is to the ledger: unguessable, because browsers are visitors, too."""
    file = data_dir / "command-line-visitor"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    except OSError as error:
        raise SettingsError("KLING_UI_DATA_DIR takes a folder that can be written to.") from error
    return file.read_text()


def _tell(outcome: Outcome) -> None:
    run = outcome.run
    if run is None or outcome.video is None:
        say(run.sentence if run else outcome.report.headline)
        if run and run.advice:
            say(run.advice)
        return
    facts = [f"{run.duration_s:.1f} s, {run.width_px} x {run.height_px} px"] if run.duration_s else []
    if run.motion_match is not None:
        facts.append(f"motion match {run.motion_match:.0f}")
    if run.cost_usd:
        facts.append(f"cost ${run.cost_usd:.2f}")
    say(", ".join(facts))
    tell(str(outcome.video))
