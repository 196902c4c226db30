"""Turning anything that goes wrong into words; nobody sees a traceback."""

import functools
import inspect
import logging
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from kling_ui.errors import KlingUIError

log = logging.getLogger(__name__)
UNFORESEEN = "Something went wrong inside the app."
UNFORESEEN_ADVICE = "Try again. If it happens again, the app's log tells more."


def in_words(error: Exception) -> KlingUIError:
    """Give the error as a person can be told it; of an unforeseen one the log says what it is and where it arose."""
    if isinstance(error, KlingUIError):
        return error
    log.error("%s %s", UNFORESEEN, place_of(error))
    return KlingUIError(UNFORESEEN, advice=UNFORESEEN_ADVICE)


def place_of(error: BaseException) -> str:
    """Tell the type of an error and the lines that led to it, without its message: that may hold what is secret."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = (f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {' < '.join(lines) or 'an unknown place'}"


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let a handler of the page fail only in words.

    Gradio prints the traceback of every exception that it does not expect, with all that may stand in it.

    Args:
        handler: A function, a coroutine function or an asynchronous generator function.
    """
    if inspect.isasyncgenfunction(handler):
        return _guarded_generator(handler)
    return _guarded_coroutine(handler) if inspect.iscoroutinefunction(handler) else _guarded_function(handler)


def _guarded_generator(handler: Callable[..., AsyncGenerator[Any]]) -> Callable[..., AsyncGenerator[Any]]:
    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        try:
            async with aclosing(handler(*args, **kwargs)) as values:
                async for value in values:
                    yield value
        except Exception as error:  # noqa: BLE001  told in words
            raise _shown(error) from None

    return wrapped


def _guarded_coroutine(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return await handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  told in words
            raise _shown(error) from None

    return wrapped


def _guarded_function(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  told in words
            raise _shown(error) from None

    return wrapped


def _shown(error: Exception) -> gr.Error:
    return error if isinstance(error, gr.Error) else gr.Error(str(in_words(error)), print_exception=False)


def _short(file_name: str) -> str:
    """Give the last parts of a path: enough to find the file, nothing of whose machine it is."""
    return "/".join(Path(file_name).parts[-3:])
