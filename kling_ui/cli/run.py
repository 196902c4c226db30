"""``kling-ui run`` and ``kling-ui recover``: one run, or one request found again, to a video in a folder."""

import asyncio
import math
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from kling_ui.cli.output import DONE, FAILED, print_json, say, tell
from kling_ui.composition import open_parts, owner_id
from kling_ui.errors import SettingsError
from kling_ui.media.files import copy_into
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import report_json
from kling_ui.presentation.runs import rig_words, run_words, start_words
from kling_ui.python_api import run
from kling_ui.results import Progress, RunResult
from kling_ui.run_orders import follow
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.run_view import RunView
from kling_ui.settings import Settings


def run_files(
    image: Path,
    video: Path,
    choice: TransferOptions,
    engine: EngineName,
    *,
    out: Path,
    accept: Collection[str],
    again: bool,
    as_json: bool,
    joints: Path | None = None,
    mask: Path | None = None,
    transparent: bool = False,
) -> int:
    """Check, run, put the video into the folder, print what came of it and return the exit code.

    Raises:
        SettingsError: The engine needs a token that is not set, or the folder cannot be written to.
        MediaError: A file cannot be read.
        KlingUIError: The run could not be started.
    """
    make_folder(out)
    with RunProgress() as run_progress:

        def on_progress(news: Progress) -> None:
            if news.run is not None:
                run_progress.show(news.run)
            else:
                run_progress.say(news.words if news.start is None or again else f"{news.words} (--again)")

        result = run(
            image,
            video,
            engine=engine,
            prompt=choice.prompt,
            orientation=choice.orientation,
            keep_sound=choice.keep_sound,
            resolution=choice.resolution,
            model=choice.model,
            out=out,
            max_price_usd=math.inf,  # whoever types --engine kling means it; budgets are in the settings
            accept=accept,
            again=again,
            joints=joints,
            mask=mask,
            transparent=transparent,
            on_progress=on_progress,
        )
    if as_json:
        print_json(outcome_json(result))
    elif result.run is None:
        say(result.message)
        if result.advice:
            say(result.advice)
    else:
        tell_run(result.run, result.video)
        if result.transparent is not None:
            tell(str(result.transparent))
    return DONE if result.video is not None else FAILED


def outcome_json(result: RunResult) -> dict[str, Any]:
    """Put a result into plain JSON types."""
    check = report_json(result.check.report)
    if result.run is not None:
        clear = {"transparent": str(result.transparent)} if result.transparent else {}
        return run_json(result.run, result.video) | clear | {"check": check}
    blocked = {"message": result.message, "advice": result.advice or None, "raw": None}
    return {"run_id": None, "request_id": None, "engine": result.engine, "status": result.state} | {
        "video": None,
        "error": blocked,
        "check": check,
    }


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
    view, video = asyncio.run(_recover(request_id, run_id, out, settings))
    if as_json:
        print_json(run_json(view, video))
    else:
        tell_run(view, video)
    return DONE if video is not None else FAILED


async def _recover(request_id: str, run_id: str | None, out: Path, settings: Settings) -> tuple[RunView, Path | None]:
    visitor = owner_id(settings.data_dir)
    with RunProgress() as run_progress:
        async with open_parts(settings) as parts, parts.open_runner(take_over=False) as runner:
            # whoever is at this command line owns the ledger, so that runs of the page are found, too
            start = await runner.recover(request_id, visitor=visitor, run_id=run_id, everybody=True)
            run_progress.say(start_words(start.code))
            view = await follow(runner.watch(start.run_id, None), run_progress.show)
    if view.result is None:
        return view, None
    name = f"recovered-{view.request_id}{view.result.suffix}"
    return view, await asyncio.to_thread(copy_into, view.result, out, name)


class RunProgress:
    """Shows one run.

    Args:
        console: Where to; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._bar = (
            ProgressBar(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task = self._bar.add_task("", total=None) if self._bar else None
        self._last_shown: tuple[object, ...] = ()
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Tell something that stays on the screen."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)

    def show(self, view: RunView, *, words: str | None = None, share: float | None = None) -> None:
        """Show where the run is; a line is told when it says something new, not for every per cent.

        Args:
            view: The run as it is now.
            words: What to say in place of its own words, of a run that is a part of something larger.
            share: How much of that is done, 0-1.
        """
        said, share = run_words(view), view.progress if words is None else share
        for news in (said.price, said.note):
            if news and news not in self._said:
                self._said.add(news)
                self.say(news)
        if self._bar and self._task is not None:
            total = None if share is None else 1.0
            self._bar.update(self._task, description=words or said.sentence, total=total, completed=share or 0.0)
        elif not view.is_final and (view.run_id, view.state, view.queue_position, view.trouble) != self._last_shown:
            self._last_shown = view.run_id, view.state, view.queue_position, view.trouble
            say(words or said.sentence)


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make a folder that was asked for.

    Raises:
        SettingsError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{option} takes a folder that can be written to.") from error


def run_json(run: RunView, video: Path | None) -> dict[str, Any]:
    """Put a run at its end into plain JSON types."""
    said = run_words(run)
    error = {"message": said.sentence, "advice": said.advice or None, "raw": run.raw_error}
    return {
        "run_id": run.run_id,
        "request_id": run.request_id,
        "engine": run.engine.value,
        "model": run.choice.model or None,
        "schema_sha256": run.schema_sha256 or None,
        "status": run.state.value,
        "video": str(video) if video else None,
        "duration_s": run.duration_s,
        "fps": run.fps,
        "width_px": run.width_px,
        "height_px": run.height_px,
        "motion_match": run.motion_match,
        "motion": dict(run.motion) if run.motion else None,
        "estimate_usd": run.estimate_usd,
        "cost_usd": run.cost_usd,
        "charge": run.charge.value,
        "elapsed_s": round(run.elapsed_s, 3),
        "inputs": list(run.inputs),
        "repairs": list(run.repairs),
        "corrected": dict(run.corrected) if run.corrected else None,
        "notes": [
            {"code": note.value, "message": words} for note, words in zip(run.notes, rig_words(run), strict=True)
        ],
        "error": None if run.state is RunState.COMPLETED else error,
    }


def tell_run(run: RunView, video: Path | None) -> None:
    """Say what came of a run, and print where its video is."""
    said = run_words(run)
    if video is None:
        own_words = f"The engine's own words: {run.raw_error}" if run.raw_error else ""
        for words in (said.sentence, own_words, said.cost, said.expiry, said.advice):
            if words:
                say(words)
        return
    facts = [f"{run.duration_s:.1f} s, {run.width_px} x {run.height_px} px"] if run.duration_s else []
    if run.motion_match is not None:
        facts.append(f"motion match {run.motion_match:.0f}")
    if facts:
        say(", ".join(facts))
    for words in (*rig_words(run), said.cost):
        if words:
            say(words)
    tell(str(video))
