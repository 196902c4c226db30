"""What Gradio does anew though nothing has changed, what it needs no thread for, and the copies that nobody needs.

Gradio makes an element anew for every update of it, one that changes nothing too. With 200 watched runs on two cores
that was nearly a quarter of what the event loop did. And it gives threads to do what takes microseconds; on a busy
machine an event waits for each of them. With these shortcuts the answers are the same. A copy of the page for
each open tab, with its values, is not kept, since the page has no ``gr.State``.
"""

import copy
import importlib.util
import inspect
import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from types import SimpleNamespace
from typing import Any

import anyio
import gradio as gr
from anyio.to_thread import run_sync
from fastapi.dependencies import utils as dependencies
from gradio import blocks, component_meta, queueing, utils
from gradio.components.api_component import Api
from gradio.state_holder import SessionState, StateHolder
from starlette.concurrency import run_in_threadpool

# Gradio looks so often, in seconds, whether an event waits to be started, or progress to be told; its own 1 ms keeps
# an app that nobody uses busy.
LOOK_FOR_EVENTS_S, LOOK_FOR_PROGRESS_S = 0.005, 0.05
_AT_HAND = Api, gr.BrowserState, gr.Checkbox, gr.HTML, gr.Radio, gr.Textbox  # they look at their value, and at no file
_LOGIN_CHECK = "App.create_app.<locals>.login_check"
_event_of = gr.HTML.__getattr__


def take_shortcuts() -> None:
    """Take them, in all of this process; doing it again changes nothing."""
    setattr(gr.HTML, "__getattr__", _look_up)  # noqa: B010  type checkers know it as a method of Gradio's
    known: Any = component_meta
    known.inspect = SimpleNamespace(getfile=inspect.getfile, getfullargspec=cache(inspect.getfullargspec))
    if importlib.util.find_spec("matplotlib") is None:  # else it is looked for in all folders, twice an update
        any_utils: Any = utils
        any_utils.MatplotlibBackendMananger = nullcontext
    gradios: Any = blocks
    gradios.anyio = _Anyio()
    queues: Any = queueing
    queues.run_sync = _sum_up_nothing
    fastapis: Any = dependencies
    fastapis.run_in_threadpool = _depend


def look_less_often(queue: queueing.Queue) -> None:
    """Let a queue look less often whether there is anything to do."""
    queue.sleep_when_free, queue.progress_update_sleep_when_free = LOOK_FOR_EVENTS_S, LOOK_FOR_PROGRESS_S


class LeanState(SessionState):
    """What one event needs of a session: the page as it is, and no values."""

    def __init__(self, blocks: Any) -> None:
        self.blocks_config = copy.copy(blocks.default_config)
        self.config_values, self.state_data, self._state_ttl = {}, {}, {}
        self.is_closed = False

    def __setitem__(self, key: int, value: Any) -> None:
        self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Keep no copy."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep no value."""


class NoStates(StateHolder):
    """Makes what an event needs of a session when it is asked for, and keeps none of it."""

    def __getitem__(self, session_id: str) -> SessionState:
        return LeanState(self.blocks)


class _Anyio:
    """Takes the place of anyio in Gradio: what elements make of their values is done at once, all else in threads."""

    def __init__(self) -> None:
        self.to_thread = SimpleNamespace(run_sync=self._run_sync)

    def __getattr__(self, name: str) -> Any:
        return getattr(anyio, name)

    @staticmethod
    async def _run_sync(work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if isinstance(getattr(work, "__self__", None), _AT_HAND):
            return work(*args)
        return await run_sync(work, *args, **options)


async def _sum_up_nothing(*_: Any) -> None:
    """Take the place of the summary of all events, which nobody may look at."""


async def _depend(call: Callable[..., Any], **given: Any) -> Any:
    """Find out what a route depends on; Gradio's check of a login, before every route, looks at two attributes."""
    if getattr(call, "__qualname__", "") == _LOGIN_CHECK:
        return call(**given)
    return await run_in_threadpool(call, **given)


@cache
def _words_in_quotes(script: str) -> frozenset[str]:
    return frozenset(re.findall(r"""(?=['"`](\w+)['"`])""", script))


def _look_up(element: gr.HTML, name: str) -> Any:
    """Give one of an element's properties, or the event that its script names.

    Gradio asks an element for a hundred attributes that it does not have, and searches the script for each of them. And
    where a property has the name of a word in quotes, such as in ``watch("note")``, it prints the function of an event,
    with its place in memory, into the update.
    """
    own = element.__dict__
    if name in (own.get("props") or ()):
        return own["props"][name]
    if name not in _words_in_quotes(own.get("js_on_load") or ""):
        raise AttributeError(f"There is neither an attribute nor an event {name!r}.", name=name, obj=element)
    return _event_of(element, name)
