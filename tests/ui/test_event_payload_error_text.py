import asyncio
import importlib
import inspect
import pkgutil
from typing import Any

import gradio as gr
import pytest

import kling_ui
from kling_ui.errors import REPORT_ADVICE, KlingUIError
from kling_ui.ui.event_payload import UNFORESEEN, error_text, guarded, in_language, place_of
from kling_ui.ui.page import build_page


def _fail(error):
    raise error


async def _coroutine(error):
    _fail(error)


async def _generator(error):
    yield "first"
    _fail(error)


def _call(handler, error):
    async def whole():
        if inspect.isasyncgenfunction(handler):
            return [value async for value in handler(error)]
        answer = handler(error)
        return await answer if inspect.isawaitable(answer) else answer

    return asyncio.run(whole())


def _code(handler: Any):
    return handler.__code__


HANDLERS = pytest.mark.parametrize("handler", [_fail, _coroutine, _generator])


@HANDLERS
def test_an_unforeseen_error_is_shown_in_words_and_named_in_the_log(handler, caplog):
    with pytest.raises(gr.Error) as caught:
        _call(guarded(handler), ZeroDivisionError("token sk-secret"))
    assert caught.value.message.startswith(UNFORESEEN)
    assert REPORT_ADVICE in caught.value.message
    assert caught.value.print_exception is False
    (record,) = caplog.records
    assert "ZeroDivisionError at tests/ui/test_event_payload_error_text.py:" in record.getMessage()
    assert "_fail" in record.getMessage()
    assert "sk-secret" not in caplog.text
    assert record.exc_info is None


@HANDLERS
def test_an_error_of_ours_is_shown_as_it_is(handler, caplog):
    with pytest.raises(gr.Error) as caught:
        _call(guarded(handler), KlingUIError("It is full.", advice="Wait."))
    assert (caught.value.message, caught.value.print_exception) == ("It is full. Wait.", False)
    assert not caplog.records


@HANDLERS
@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), gr.Error("said")])
def test_what_is_no_trouble_passes(handler, error):
    with pytest.raises(type(error)):
        _call(guarded(handler), error)


def test_a_generator_that_is_left_is_closed_at_once():
    closed = []

    async def handler():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def leave():
        values = guarded(handler)()
        await anext(values)
        await values.aclose()
        return list(closed)

    assert asyncio.run(leave()) == [True]


def test_a_handler_keeps_its_signature():
    assert inspect.signature(guarded(_coroutine)) == inspect.signature(_coroutine)
    assert inspect.isasyncgenfunction(guarded(_generator))
    assert inspect.iscoroutinefunction(guarded(_coroutine))


def test_every_event_of_the_page_is_guarded():
    page = build_page(lambda: _fail(ZeroDivisionError("closed")), example_pairs=[], login_url="/login")
    handlers = [event.fn for event in page.fns.values() if event.fn is not None]
    assert len(handlers) > 30
    made = {_code(guarded(handler)) for handler in (_fail, _coroutine, _generator)}
    speaking = {_code(in_language(handler, follows_visitor=True)) for handler in (_fail, _coroutine, _generator)}
    assert {_code(handler) for handler in handlers} <= speaking
    assert {_code(handler.__wrapped__) for handler in handlers} <= made
    assert not any(event.preprocess for event in page.fns.values() if event.fn is not None)


def test_the_place_of_an_error_is_one_line_without_its_words():
    try:
        _fail(ValueError("secret\nlines"))
    except ValueError as error:
        place = place_of(error)
    assert place.startswith("ValueError at tests/ui/test_event_payload_error_text.py:")
    assert "secret" not in place
    assert "\n" not in place
    assert place_of(ValueError("never raised")) == "ValueError at an unknown place"


def test_words_of_an_error_of_ours_are_its_own():
    error = KlingUIError("It is full.")
    assert error_text(error) is error


def test_no_error_is_made_before_it_happens():
    """One that is raised again and again keeps every frame it has passed, and with them every value in these."""
    seen = 0
    for module in pkgutil.walk_packages(kling_ui.__path__, "kling_ui."):
        if module.name.endswith("__main__"):
            continue
        values = vars(importlib.import_module(module.name))
        seen += 1
        assert not [name for name, value in values.items() if isinstance(value, BaseException)], module.name
    assert seen > 100
