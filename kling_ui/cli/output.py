"""What the command line prints, and the codes it ends with; every command begins with this, so it is light."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import typer

from kling_ui.errors import REPORT_ADVICE, KlingUIError, MediaError, SettingsError, place_of
from kling_ui.interrupts import INTERRUPTED, interruptible

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
        from kling_ui.presentation.runs import in_words  # noqa: PLC0415  loads what only an error needs

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
