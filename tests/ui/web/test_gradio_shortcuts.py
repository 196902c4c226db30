"""With the shortcuts, elements find the events that their scripts name, and their updates, as Gradio makes them."""

import inspect
import re
import sys
from importlib.util import find_spec

import gradio as gr
import pytest
from gradio import component_meta, utils
from gradio.blocks import postprocess_update_dict

from kling_ui.ui import widgets
from kling_ui.ui.web.gradio_shortcuts import take_shortcuts

SCRIPT = """watch("note", draw); trigger('pick', {a: `b`}); say("two words"); node["x"]"y"; const t = 'it"s"';"""


@pytest.fixture(autouse=True)
def shortcuts() -> None:
    take_shortcuts()


@pytest.fixture
def element() -> gr.HTML:
    with gr.Blocks():
        return gr.HTML({}, html_template="<i></i>", js_on_load=SCRIPT)


@pytest.mark.parametrize("name", ["note", "pick", "b", "x", "y", "two", "words", "draw", "s", "nothing", "a", "it"])
def test_an_element_has_the_events_that_its_script_has_in_quotes(element, name):
    is_named = re.search(rf"""(?:['"`]){re.escape(name)}(?:['"`])""", SCRIPT) is not None  # what Gradio itself asks
    assert hasattr(element, name) is is_named


def test_an_event_of_an_element_calls_back():
    with gr.Blocks() as page:
        element = widgets.examples([])
        element.pick(lambda: None)
    assert [target for event in page.fns.values() for target in event.targets] == [(element._id, "pick")]


def test_what_an_element_lacks_is_said():
    with gr.Blocks():
        element = gr.HTML({}, html_template="<i></i>")
    with pytest.raises(AttributeError, match="neither an attribute nor an event 'pick'"):
        element.pick(lambda: None)


def test_an_update_of_a_property_holds_nothing_but_the_property():
    with gr.Blocks():
        element = gr.HTML({}, html_template="<i></i>", js_on_load='watch("note", draw)', note={"text": ""})
    again = element.__class__(**element.constructor_args | {"note": {"text": "Hello"}, "render": False})
    update = postprocess_update_dict(again, {"note": {"text": "Hello"}}, postprocess=True)
    assert update["props"] == {"note": {"text": "Hello"}}
    assert "partial" not in repr(update)


def test_what_gradio_asks_of_a_function_is_what_there_is():
    asked = component_meta.inspect.getfullargspec
    assert asked(gr.HTML.__init__) == inspect.getfullargspec(gr.HTML.__init__)
    assert asked(gr.HTML.__init__) is asked(gr.HTML.__init__)


@pytest.mark.skipif(find_spec("matplotlib") is not None, reason="it is there")
def test_what_is_not_installed_is_not_looked_for_again(monkeypatch):
    looked_for = []

    class Finder:
        @staticmethod
        def find_spec(name, *_):
            looked_for.append(name)

    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with utils.MatplotlibBackendMananger():
        assert "matplotlib" not in looked_for
