"""Handlers speak the language of the visitor whose event they answer, whatever else is answered at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.utils import get_function_with_locals

from kling_ui.errors import RunError
from kling_ui.languages import COOKIE, Language, say, speaking, spoken, told
from kling_ui.ui.event_payload import guarded, in_language

ENGLISH, CHINESE = "Ready.", "可以运行。"


def asks(*, accepts: str = "", cookie: str = "") -> Any:
    """A request as Gradio's queue hands it on."""
    return SimpleNamespace(headers={"accept-language": accepts}, cookies={COOKIE: cookie} if cookie else {})


def called(handler: Any, request: Any, *, follows_visitor: bool = True) -> Any:
    """The handler as Gradio calls it for somebody."""
    handler = in_language(guarded(handler), follows_visitor=follows_visitor)
    return get_function_with_locals(handler, SimpleNamespace(), "event", True, request, None)


def answered(handler: Any, request: Any) -> Any:
    """What a plain function answers; what Gradio leaves in the context goes with it."""
    return copy_context().run(called(handler, request))


async def steps() -> AsyncIterator[dict[str, str]]:
    for number in range(3):
        yield {"words": say("Ready."), "state": "ready", "more": say("{count} pieces", count=number + 2)}
        await asyncio.sleep(0)


async def answer() -> str:
    await asyncio.sleep(0)
    return say("Ready.")


async def gathered(handler: Any) -> list[Any]:
    return [value async for value in handler()]


def test_two_visitors_are_answered_at_once_each_in_their_language():
    async def both() -> list[list[Any]]:
        chinese, english = called(steps, asks(accepts="zh-CN")), called(steps, asks(accepts="en"))
        return list(await asyncio.gather(gathered(chinese), gathered(english)))

    chinese, english = asyncio.run(both())
    assert [value["words"] for value in chinese] == [CHINESE] * 3
    assert [value["more"] for value in chinese] == ["2 个片段", "3 个片段", "4 个片段"]
    assert [value["words"] for value in english] == [ENGLISH] * 3
    assert {value["state"] for value in chinese + english} == {"ready"}


def test_between_two_steps_of_an_answer_nobodys_language_is_left_behind():
    async def interleaved() -> list[Language]:
        return [spoken() async for _ in called(steps, asks(accepts="zh-CN"))()]

    assert asyncio.run(interleaved()) == [Language.ENGLISH] * 3


@pytest.mark.parametrize(
    ("request_of", "expected"),
    [
        (asks(accepts="zh-CN"), CHINESE),
        (asks(accepts="zh-CN", cookie="en"), ENGLISH),
        (asks(accepts="en", cookie="zh-CN"), CHINESE),
        (None, ENGLISH),
    ],
)
def test_coroutines_and_functions_follow_the_request(request_of, expected):
    assert asyncio.run(called(answer, request_of)()) == expected
    assert answered(lambda: say("Ready."), request_of) == expected


def test_programs_are_told_english_whatever_their_client_sends():
    with speaking(Language.CHINESE):  # as in a task that a Chinese visitor's request has started
        assert asyncio.run(called(answer, asks(accepts="zh-CN"), follows_visitor=False)()) == ENGLISH


def test_constants_are_said_again_where_they_leave_for_the_page():
    value = {"label": told("Run it again"), "name": "Run it again"}
    assert answered(lambda: value, asks(accepts="zh")) == {"label": "再次运行", "name": "Run it again"}
    assert answered(lambda: value, asks()) == value


def test_errors_are_told_in_the_visitors_language():
    def fail() -> None:
        raise RunError("This run is not known here.", advice="Load the page again.")

    with pytest.raises(Exception, match="这里没有该任务。请重新加载页面。"):
        answered(fail, asks(accepts="zh"))
