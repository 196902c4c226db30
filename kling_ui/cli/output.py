"""What the command line prints, also while a run goes on, and the codes it ends with."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kling_ui.errors import REPORT_ADVICE, KlingUIError, MediaError, SettingsError, place_of
from kling_ui.interrupts import INTERRUPTED, interruptible
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.runs.record import RunState
from kling_ui.runs.view import RunView

DONE, FAILED, UNUSABLE = 0, 1, 2
FAULT = 70  # EX_SOFTWARE of sysexits.h: nothing that the user did


def guarded(load: Callable[[], Callable[[], int]], *, as_json: bool = False) -> None:
    """Do a command's work and end with its exit code; an error is told in words, never as a traceback.

    Args:
        load: Imports what the command needs, which takes a moment and has nothing to tidy up, and returns its work.
        as_json: Also print errors as JSON.

    Raises:
        typer.Exit: Always, but where what reads the answer has gone, or the command was used wrongly.
    """
    try:
        work = load()
        with interruptible():
            code = work()
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
        raise
    except KlingUIError as raised:
        error = in_words(raised)
        _tell_error(error, as_json=as_json)
        code = code_of(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001  told in words
        fault = KlingUIError(f"Something went wrong inside this program ({place_of(error)}).", advice=REPORT_ADVICE)
        _tell_error(fault, as_json=as_json, kind=type(error).__name__)
        code = FAULT
    raise typer.Exit(code)


def _tell_error(error: KlingUIError, *, as_json: bool, kind: str = "") -> None:
    say(f"Error: {error}")
    if as_json:
        with suppress(SettingsError):  # standard output may be what cannot be written to
            print_json({"error": error_json(error) | ({"type": kind} if kind else {})})


def code_of(error: KlingUIError) -> int:
    """Tell the exit code of an error."""
    return UNUSABLE if isinstance(error, MediaError | SettingsError) else FAILED


def error_json(error: KlingUIError) -> dict[str, Any]:
    """Put an error into plain JSON types."""
    file = error.path.name if isinstance(error, MediaError) else None
    return {"type": type(error).__name__, "message": error.message, "advice": error.advice or None, "file": file}


def print_json(data: dict[str, Any]) -> None:
    """Print the one JSON object that standard output is for."""
    tell(json.dumps(data, indent=2))


def tell(text: str) -> None:
    """Print a line of the answer, on standard output; a file's name that is no text as the bytes it is.

    Raises:
        SettingsError: It cannot be written to.
        BrokenPipeError: Nobody reads it any more.
    """
    try:
        text.encode()
        line: str | bytes = text
    except UnicodeEncodeError:
        line = os.fsencode(text)
    try:
        typer.echo(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SettingsError(f"The answer cannot be printed ({(error.strerror or 'refused').lower()}).") from error


def say(text: str) -> None:
    """Print a line about what is going on, on standard error."""
    typer.echo(text, file=sys.stderr)


class RunProgress:
    """Shows one run.

    Args:
        console: Where to; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._bar = (
            Progress(
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

    def show(self, view: RunView) -> None:
        """Show where the run is; a line is told when it says something new, not for every per cent."""
        said = run_words(view)
        for words in (said.price, said.note):
            if words and words not in self._said:
                self._said.add(words)
                self.say(words)
        if self._bar and self._task is not None:
            total = None if view.progress is None else 1.0
            self._bar.update(self._task, description=said.sentence, total=total, completed=view.progress or 0.0)
        elif not view.is_final and (view.state, view.queue_position, view.trouble) != self._last_shown:
            self._last_shown = view.state, view.queue_position, view.trouble
            say(said.sentence)


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
    if said.cost:
        say(said.cost)
    tell(str(video))
