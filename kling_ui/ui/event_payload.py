"""What handlers need of an event: its payload, words for errors, and which of several answers still counts."""

import asyncio
import functools
import inspect
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Hashable
from contextlib import aclosing, contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr
from gradio.context import LocalContext

from kling_ui.errors import REPORT_ADVICE, KlingUIError, place_of
from kling_ui.languages import Language, language_of, retell_all, say_all, speaking, told
from kling_ui.options import without_odd
from kling_ui.presentation.runs import in_words

if TYPE_CHECKING:
    import gradio as gr

Member = TypeVar("Member", bound=Enum)
Value = TypeVar("Value")
DEBOUNCE_S = 0.3  # a pause that nobody notices, and longer than what is known already takes to be found
log = logging.getLogger(__name__)
UNFORESEEN = told("Something went wrong inside the app.")
UNFORESEEN_ADVICE = say_all(told("Try again. If it happens again, the app's log tells more."), told(REPORT_ADVICE))


def payload(event: "gr.EventData") -> dict[str, Any]:
    """Give what a script of the page tells; every entry is checked where it is used.

    Halves of characters are taken out: what is sent back to the page, or asked of the ledger, cannot hold them.
    """
    given = entries_of(event._data)
    return {name: without_odd(value) if isinstance(value, str) else value for name, value in given.items()}


def entries_of(value: object) -> dict[str, Any]:
    """Give the entries of an element's value; none where it is something else."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """Give a text; an empty one in place of anything else."""
    return value if isinstance(value, str) else ""


def choice_of(value: object, otherwise: Member) -> Member:
    """Give what was chosen, or ``otherwise`` where that is nothing one could choose.

    Args:
        value: As it was sent.
        otherwise: One of the possible choices.
    """
    return next((member for member in type(otherwise) if member.value == value), otherwise)


async def debounced(values: AsyncIterator[Value], within_s: float = DEBOUNCE_S) -> AsyncGenerator[Value]:
    """Leave out each value that another one follows at once.

    Whatever listens to an element does all its work again for every value that it is given, in the browser and here.

    Args:
        values: What an element is to show, one after the other; the last one is never left out.
        within_s: How soon a value must be followed to be left out, in seconds.
    """
    steps = aiter(values)
    coming = asyncio.ensure_future(anext(steps))
    held: list[Value] = []
    try:
        while True:
            await asyncio.wait({coming}, timeout=within_s if held else None)
            if not coming.done():
                yield held.pop()
                continue
            try:
                held = [coming.result()]
            except StopAsyncIteration:
                break
            coming = asyncio.ensure_future(anext(steps))
        for value in held:
            yield value
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)  # what nobody wants any more may have failed


def error_text(error: Exception) -> KlingUIError:
    """Give the error as a person can be told it; of an unforeseen one the log says what it is and where it arose."""
    if isinstance(error, KlingUIError):
        return in_words(error)
    log.error("%s %s", UNFORESEEN, place_of(error))
    return in_words(KlingUIError(UNFORESEEN, advice=UNFORESEEN_ADVICE))


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
    return error if isinstance(error, gr.Error) else gr.Error(str(error_text(error)), print_exception=False)


def in_language(handler: Callable[..., Any], *, follows_visitor: bool) -> Callable[..., Any]:
    """Have a handler speak the language of the visitor whose event it answers, whatever task it runs in.

    Gradio's queue does its work in tasks of its own, and hands on the request of each event beside its values.

    Args:
        handler: A function, a coroutine function or an asynchronous generator function.
        follows_visitor: Otherwise it speaks English, as programs are told.
    """
    language = functools.partial(_language_of_event, follows_visitor=follows_visitor)
    if inspect.isasyncgenfunction(handler):
        return _speaking_generator(handler, language)
    return (
        _speaking_coroutine(handler, language) if inspect.iscoroutinefunction(handler) else _speaking(handler, language)
    )


def _language_of_event(*, follows_visitor: bool) -> Language:
    request = LocalContext.request.get(None) if follows_visitor else None
    return Language.ENGLISH if request is None else language_of(request.headers, request.cookies)


def _speaking_generator(
    handler: Callable[..., AsyncGenerator[Any]], language: Callable[[], Language]
) -> Callable[..., AsyncGenerator[Any]]:
    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        async with aclosing(handler(*args, **kwargs)) as values:
            while True:
                with speaking(language()):  # at each step: between two of them others are answered
                    try:
                        value = retell_all(await anext(values))
                    except StopAsyncIteration:
                        return
                yield value

    return wrapped


def _speaking_coroutine(
    handler: Callable[..., Awaitable[Any]], language: Callable[[], Language]
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        with speaking(language()):
            return retell_all(await handler(*args, **kwargs))

    return wrapped


def _speaking(handler: Callable[..., Any], language: Callable[[], Language]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with speaking(language()):
            return retell_all(handler(*args, **kwargs))

    return wrapped


class LatestWins:
    """Who answers last for a place of a page, such as one tab's picture."""

    def __init__(self) -> None:
        self._newest: dict[Hashable, object] = {}
        self._quiet: defaultdict[Hashable, set[object]] = defaultdict(set)  # who watches and has seen no claim yet

    @contextmanager
    def claim(self, *place: Hashable) -> Generator[Callable[[], bool]]:
        """Take over a place; the given function tells whether nobody has taken it over since."""
        mark = object()
        self._newest[place] = mark
        self._quiet.pop(place, None)
        try:
            yield lambda: self._newest.get(place) is mark
        finally:
            if self._newest.get(place) is mark:
                del self._newest[place]

    @contextmanager
    def watch(self, *place: Hashable) -> Generator[Callable[[], bool]]:
        """Watch a place without taking it over; the given function tells whether nobody has taken it over since."""
        mark = object()
        self._quiet[place].add(mark)
        try:
            yield lambda: mark in self._quiet.get(place, ())
        finally:
            if mark in self._quiet.get(place, ()):
                self._quiet[place].discard(mark)
                if not self._quiet[place]:
                    del self._quiet[place]


def run_in_address(request: gr.Request) -> str:
    """Give the run that the address of the page names; the browser sends its query with every event."""
    inner = request.request
    return "" if inner is None else without_odd(inner.query_params.get("run", ""))
