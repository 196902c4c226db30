"""What the command line prints, and the codes it ends with."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from kling_ui.errors import KlingUIError, MediaError, SettingsError
from kling_ui.interrupts import INTERRUPTED, interruptible

DONE, FAILED, UNUSABLE = 0, 1, 2


def guarded(load: Callable[[], Callable[[], int]], *, as_json: bool = False) -> None:
    """Do a command's work and end with its exit code; an error is told in words, never as a traceback.

    Args:
        load: Imports what the command needs, which takes a moment and has nothing to tidy up, and returns its work.
        as_json: Also print errors as JSON.

    Raises:
        typer.Exit: Always.
    """
    try:
        work = load()
        with interruptible():
            code = work()
    except KlingUIError as error:
        say(f"Error: {error}")
        if as_json:
            print_json({"error": error_json(error)})
        code = code_of(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise typer.Exit(code)


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
    """Print a line of the answer, on standard output; a file's name that is no text as the bytes it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        typer.echo(os.fsencode(text))
    else:
        typer.echo(text)


def say(text: str) -> None:
    """Print a line about what is going on, on standard error."""
    typer.echo(text, file=sys.stderr)
