"""Who is spoken to in which language, and that what is made without a reader can be said again to one."""

import asyncio
import pickle
from pathlib import Path

import pytest

from kling_ui.errors import MediaError
from kling_ui.languages import (
    COOKIE,
    Language,
    Told,
    english,
    in_english,
    joined,
    language_of,
    page_words,
    retell,
    retell_all,
    retell_stored,
    say,
    say_all,
    say_many,
    speaking,
    spoken,
    told,
)
from kling_ui.presentation.runs import in_words

EN, ZH = Language.ENGLISH, Language.CHINESE


@pytest.mark.parametrize(
    ("accepted", "cookie", "expected"),
    [
        pytest.param("", None, EN, id="says nothing"),
        pytest.param("zh-CN,zh;q=0.9,en;q=0.8", None, ZH, id="Chinese before English"),
        pytest.param("en-US,en;q=0.9,zh;q=0.8", None, EN, id="English before Chinese"),
        pytest.param("en;q=0.5, zh-Hans;q=0.6", None, ZH, id="quality decides, not the order"),
        pytest.param("zh-SG", None, ZH, id="Singapore"),
        pytest.param("zh-TW", None, ZH, id="traditional readers read simplified rather than English"),
        pytest.param("ZH-hant", None, ZH, id="in any case"),
        pytest.param("de-DE,de;q=0.9", None, EN, id="neither"),
        pytest.param("de,zh;q=0.5,en;q=0.3", None, ZH, id="the better one of those that are spoken"),
        pytest.param("zh;q=0,en;q=0.1", None, EN, id="not at all"),
        pytest.param("*", None, EN, id="anything"),
        pytest.param("zh;q=much", None, EN, id="an odd quality"),
        pytest.param("zho", None, EN, id="a tag that begins alike"),
        pytest.param("zh-CN", "en", EN, id="the switch wins"),
        pytest.param("en-US", "zh-CN", ZH, id="the switch wins, the other way"),
        pytest.param("zh-CN", "klingon", ZH, id="an odd cookie"),
    ],
)
def test_the_language_is_that_of_the_switch_or_else_the_browsers(accepted, cookie, expected):
    assert language_of({"accept-language": accepted}, {} if cookie is None else {COOKIE: cookie}) is expected


def test_english_is_spoken_unless_somebody_is_answered_in_another_language():
    assert spoken() is EN
    with speaking(ZH):
        assert say("Ready.") == "可以运行。"
        with speaking(EN):
            assert say("Ready.") == "Ready."
        assert spoken() is ZH
    assert say("Ready.") == "Ready."


def test_values_are_put_into_the_sentence_of_the_language():
    with speaking(ZH):
        assert say("Waiting: {count} runs are ahead of yours.", count=3) == "等待中：您前面还有 3 个任务。"
        assert say_many("{count} day ago", "{count} days ago", 1) == "1 天前"


def test_what_has_no_translation_is_said_in_english():
    with speaking(ZH):
        assert say("Nobody translated {what}.", what="this") == "Nobody translated this."


def test_english_remembers_what_it_was_made_of():
    words = say("Nothing was sent: the checks block {pieces}. {said}", pieces=say("one piece"), said="")
    kept = pickle.loads(pickle.dumps(words))
    assert words == kept == "Nothing was sent: the checks block one piece. "
    with speaking(ZH):
        assert retell(kept) == "没有发送任何内容：检查阻止了1 个片段。"


def test_whatever_was_told_in_a_value_is_said_again_and_nothing_else_is():
    value = {"words": told("Finished"), "name": "Finished", "rows": [(told("Result"), 1), [told("Clip")]], "none": None}
    with speaking(ZH):
        assert retell_all(value) == {
            "words": "已完成",
            "name": "Finished",
            "rows": [("结果", 1), ["视频"]],
            "none": None,
        }


def test_sentences_follow_each_other_as_the_language_has_it():
    words = say_all(say("Ready."), "", say("Nothing was deleted."))
    assert words == "Ready. Nothing was deleted."
    with speaking(ZH):
        assert retell(words) == "可以运行。没有删除任何内容。"
        assert joined(", ", ["a", "b"]) == "a、b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Waiting: 3 runs are ahead of yours.", "等待中：您前面还有 3 个任务。"),
        ("Scale down to 720 x 1280 px", "缩小到 720 x 1280 px"),
        ("Finished", "已完成"),
        ("A dancer at dusk, 3 steps", "A dancer at dusk, 3 steps"),
    ],
)
def test_what_was_kept_in_english_is_known_again(text, expected):
    assert retell_stored(text) == text
    with speaking(ZH):
        assert retell_stored(text) == expected


def test_an_error_is_told_in_the_language_of_who_reads_it():
    error = MediaError(
        Told("it is {described}, not a video.", described=told("a PDF document")),
        path=Path("dance.mp4"),
        advice="Choose an MP4 or MOV clip.",
    )
    assert str(error) == "dance.mp4: it is a PDF document, not a video. Choose an MP4 or MOV clip."
    with speaking(ZH):
        said = in_words(pickle.loads(pickle.dumps(error)))
        assert isinstance(said, MediaError)
        assert str(said) == "dance.mp4: 这是PDF 文档，不是视频。请选择 MP4 或 MOV 视频。"


@pytest.mark.parametrize("text", ["( of , s )" * 200, "The run. " * 300, "it cannot be read (" * 150, "x" * 20_000])
def test_what_an_engine_said_in_pieces_of_our_sentences_is_shown_as_it_is(text):
    with speaking(ZH):  # where each piece could end in many places, a search for them all would never end
        assert retell_stored(text) == text


def test_what_is_stored_stays_english():
    async def ready() -> str:
        await asyncio.sleep(0)
        return say("Ready.")

    with speaking(ZH):
        assert in_english(lambda: say("Ready."))() == "Ready."
        assert asyncio.run(in_english(ready)()) == "Ready."
        assert spoken() is ZH


def test_two_visitors_are_each_spoken_to_in_their_own_language():
    order: list[str] = []

    async def answer(language: Language) -> str:
        with speaking(language):
            for _ in range(3):
                order.append(say("Ready."))
                await asyncio.sleep(0)
            return await asyncio.to_thread(say, "Ready.")

    async def both() -> list[str]:
        return list(await asyncio.gather(answer(ZH), answer(EN)))

    assert asyncio.run(both()) == ["可以运行。", "Ready."]
    assert order == ["可以运行。", "Ready."] * 3


def test_work_that_outlives_its_visitor_speaks_english():
    async def work() -> Language:
        return spoken()

    async def start() -> tuple[Language, Language]:
        with speaking(ZH):
            inherited, outliving = asyncio.create_task(work()), asyncio.create_task(work(), context=english())
        return await inherited, await outliving

    assert asyncio.run(start()) == (ZH, EN)


def test_the_page_is_given_words_in_chinese_only():
    assert page_words(EN) == {}
    assert all(isinstance(words, str) and words for words in page_words(ZH).values())
