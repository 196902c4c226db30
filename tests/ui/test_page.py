import inspect
import re
import tokenize
from pathlib import Path

import gradio as gr
import pytest
from gradio.blocks import postprocess_update_dict

from kling_ui.ui.handlers import account
from kling_ui.ui.page import build_page
from kling_ui.ui.web.gradio_shortcuts import take_shortcuts

INPUTS_MAX = 7  # of the judgement: two inputs, three choices, whether the person has checked, and the engine
OUTPUTS_MAX = 5  # of the judgement four are shown, and one carries the request that it allows


@pytest.fixture(scope="module")
def page():
    def closed():
        raise AssertionError("building a page opens nothing")

    return build_page(closed, example_pairs=[])


def test_no_event_knows_the_whole_page(page):
    assert page.fns
    for event in page.fns.values():
        if event.api_visibility == "public":
            continue  # not the page's
        assert len(event.inputs) <= INPUTS_MAX, event
        assert len(event.outputs) <= OUTPUTS_MAX, event


def test_all_events_but_the_endpoints_for_programs_are_plumbing(page):
    shown = {event.api_name for event in page.fns.values() if event.api_visibility != "private"}
    assert shown == {
        "check",
        "repair",
        "run",
        "status",
        "result",
        "cancel",
        "forget",
        "score",
        "price",
        "sheet",
        "batch",
        "plan",
        "run_long",
        "models",
    }


def test_nothing_keeps_a_heartbeat_open(page):
    assert not any(isinstance(block, gr.State) for block in page.blocks.values())
    assert not any(event.targets and event.targets[0][1] in {"unload", "tick", "stream"} for event in page.fns.values())


def test_every_control_has_a_label(page):
    controls = [block for block in page.blocks.values() if isinstance(block, gr.Textbox | gr.Radio | gr.Checkbox)]
    assert controls
    assert all(control.label for control in controls)


def test_the_token_is_a_password_whose_readers_empty_it(page):
    (token,) = [block for block in page.blocks.values() if isinstance(block, gr.Textbox) and block.type == "password"]
    readers = [event for event in page.fns.values() if token in event.inputs]
    assert {event.name for event in readers} == {"on_token"}
    assert all(token in event.outputs for event in readers)


def test_templates_are_constant(page):
    templates = [block.html_template for block in page.blocks.values() if isinstance(block, gr.HTML)]
    assert templates
    for template in templates:
        assert not any(sign in template for sign in ("${", "{{", "`", "\\")), template


def test_an_update_of_an_element_tells_of_no_function(page):
    """Gradio makes one up for each word that a script has in quotes, and prints it into the update."""
    take_shortcuts()
    elements = [block for block in page.blocks.values() if isinstance(block, gr.HTML)]
    watched = [(element, prop) for element in elements for prop in element.props if f'"{prop}"' in element.js_on_load]
    assert {prop for _, prop in watched} >= {"note", "taken", "pair", "engine", "repairing"}
    for element, prop in watched:
        update = postprocess_update_dict(element, gr.update(**{prop: "new"}))
        assert update["props"][prop] == "new"
        assert "function" not in repr(update)


def test_what_the_browser_keeps_is_known_under_fixed_keys(page):
    kept = [block for block in page.blocks.values() if isinstance(block, gr.BrowserState)]
    assert {(state.storage_key, state.secret) for state in kept} == {
        ("kling_ui.visitor", "kling_ui"),
        ("kling_ui.inputs", "kling_ui"),
    }


def test_whose_a_request_is_is_asked_in_one_place():
    """No event can forget a login: all it does with the browser's id is to hand it to ``visitor_of``."""
    handlers = Path(inspect.getfile(account)).parent
    seen = 0
    for module in handlers.glob("*.py"):
        asks = {"visitor_of"} | ({"known_visitor"} if module.stem == "account" else set())
        words = [token for token in _tokens(module) if token.type in {tokenize.NAME, tokenize.OP}]
        for function, bracket, word, after in zip(words, words[1:], words[2:], words[3:], strict=False):
            if word.string != "visitor" or after.string in {":", "="}:  # a parameter, or the name of an argument
                continue
            seen += 1
            is_asked = bracket.string == "(" and function.string in asks
            is_passed_on = re.search(r"self\.on_\w+\([^()]*\bvisitor\b", word.line)  # to an event that asks for itself
            assert is_asked or is_passed_on, f"{module.name}: {word.line}"
    assert seen > 10


def _tokens(module):
    with module.open("rb") as source:
        return list(tokenize.tokenize(source.readline))


def test_every_event_that_reads_the_browsers_id_sees_the_request(page):
    (state,) = [block for block in page.blocks.values() if getattr(block, "storage_key", "") == "kling_ui.visitor"]
    events = [event for event in page.fns.values() if state in event.inputs]
    assert len(events) > 10
    for event in events:
        hints = inspect.signature(event.fn).parameters
        assert {"visitor", "request"} <= hints.keys(), event.name
