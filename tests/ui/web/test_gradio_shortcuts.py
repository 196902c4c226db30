"""With the shortcuts, updates of elements are what Gradio makes of them without."""

import inspect
import sys
from importlib.util import find_spec

import gradio as gr
import pytest
from gradio import component_meta, utils
from gradio.blocks import postprocess_update_dict

from kling_ui.ui.web.gradio_shortcuts import take_shortcuts

SCRIPT = """element.addEventListener("click", () => trigger('chosen')); watch("note", () => {});"""


@pytest.fixture
def element():
    take_shortcuts()
    with gr.Blocks():
        return gr.HTML("value", html_template="<p></p>", js_on_load=SCRIPT, note="first", chosen_before="nothing")


def test_an_element_gives_its_properties_and_no_other(element):
    assert element.note == "first"
    with pytest.raises(AttributeError, match="there_is_none"):
        _ = element.there_is_none


def test_an_event_that_the_script_names_can_still_be_listened_to(element):
    with gr.Blocks():
        element.chosen(lambda: None)
    with pytest.raises(AttributeError):
        _ = element.trigger


def test_an_update_holds_the_property_and_not_the_event_of_the_same_name(element):
    update = postprocess_update_dict(element, {"note": "second", "value": "<b>"})
    assert update == {"note": "first", "props": {"note": "second"}, "value": "<b>", "__type__": "update"}


def test_what_gradio_asks_of_a_function_is_what_there_is():
    take_shortcuts()
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

    take_shortcuts()
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with utils.MatplotlibBackendMananger():
        assert "matplotlib" not in looked_for
