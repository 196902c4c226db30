"""With the shortcuts, elements find the events that their scripts name, and their updates, as Gradio makes them."""

import asyncio
import inspect
import re
import sys
import threading
from importlib.util import find_spec

import gradio as gr
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from gradio import blocks, component_meta, utils
from gradio.blocks import postprocess_update_dict
from gradio.routes import App

from kling_ui.ui import widgets
from kling_ui.ui.web.gradio_shortcuts import look_less_often, take_shortcuts

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


def _thread_of(work):
    """Give the thread in which Gradio has something done that is no coroutine, and the one that waits for it."""

    async def both():
        return await blocks.anyio.to_thread.run_sync(work), threading.get_ident()

    return asyncio.run(both())


def test_what_elements_make_of_their_values_needs_no_thread(monkeypatch, element):
    monkeypatch.setattr(gr.HTML, "postprocess", lambda _: threading.get_ident())
    there, here = _thread_of(element.postprocess)
    assert there == here


@pytest.mark.parametrize("kind", [gr.File, gr.Image, gr.Video])
def test_elements_that_open_files_are_given_a_thread(monkeypatch, kind):
    with gr.Blocks():
        element = kind()
    monkeypatch.setattr(kind, "postprocess", lambda _: threading.get_ident())
    there, here = _thread_of(element.postprocess)
    assert there != here


def test_a_handler_that_is_no_coroutine_is_given_a_thread():
    there, here = _thread_of(threading.get_ident)
    assert there != here


def test_what_gradio_uses_of_anyio_is_there():
    assert blocks.anyio.CapacityLimiter(3).total_tokens == 3


def test_gradios_check_of_a_login_needs_no_thread_and_other_dependencies_do():
    with gr.Blocks() as page:
        gr.HTML("")
    mounted = App.create_app(page)
    check = next(route.endpoint for route in _all_routes(mounted) if _path_of(route).endswith("/login_check"))
    seen = {}

    def other():
        seen["other"] = threading.get_ident()

    def checking():
        seen["check"] = threading.get_ident()

    checking.__qualname__ = check.__qualname__
    app = FastAPI()

    @app.get("/", dependencies=[Depends(checking), Depends(other)])
    async def answer() -> None:
        seen["answer"] = threading.get_ident()

    assert TestClient(app).get("/").status_code == 200
    assert seen["check"] == seen["answer"] != seen["other"]


def _path_of(route):
    return getattr(route, "path", "")


def _all_routes(app):
    waiting = [app.router]
    while waiting:
        for route in waiting.pop().routes:
            yield route
            inner = getattr(route, "original_router", None)
            waiting += [inner] if inner is not None else []


def test_a_queue_that_has_nothing_to_do_looks_rarely():
    with gr.Blocks() as page:
        gr.HTML("")
    page.queue()
    look_less_often(page._queue)
    assert page._queue.sleep_when_free == 0.005
    assert page._queue.progress_update_sleep_when_free == 0.05
