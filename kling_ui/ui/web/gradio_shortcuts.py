"""What Gradio does anew for each update of an element, though nothing has changed: done once instead.

Gradio makes an element anew for every update of it, one that changes nothing too. With 200 watched runs on two cores
that was nearly a quarter of what the event loop did; with these shortcuts the answers are the same.
"""

import importlib.util
import inspect
import re
from contextlib import nullcontext
from functools import cache
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import component_meta, utils

_event_of = gr.HTML.__getattr__


def take_shortcuts() -> None:
    """Take them, in all of this process; doing it again changes nothing."""
    setattr(gr.HTML, "__getattr__", _look_up)  # noqa: B010  type checkers know it as a method of Gradio's
    known: Any = component_meta
    known.inspect = SimpleNamespace(getfile=inspect.getfile, getfullargspec=cache(inspect.getfullargspec))
    if importlib.util.find_spec("matplotlib") is None:  # else it is looked for in all folders, twice an update
        any_utils: Any = utils
        any_utils.MatplotlibBackendMananger = nullcontext


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
