"""The page comes in its visitor's language, and Gradio's own scripts are told which that is."""

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from kling_ui.languages import COOKIE
from kling_ui.settings import Settings
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web.server import build_app
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    @asynccontextmanager
    async def opening(_: Settings, signed_files: SignedFiles) -> AsyncGenerator[Any]:
        yield SimpleNamespace(tokens=TokenStore(), signed_files=signed_files)

    app = build_app(Settings(data_dir=tmp_path_factory.mktemp("page")), opening)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def opened(client: TestClient, accepts: str = "", cookie: str = "") -> str:
    headers = {"accept-language": accepts} | ({"cookie": f"{COOKIE}={cookie}"} if cookie else {})
    answer = client.get("/", headers=headers)
    assert answer.status_code == 200
    assert int(answer.headers.get("content-length", 0)) > 0
    return answer.text


def told_to_gradio(page: str) -> dict[str, Any]:
    found = re.search(r"window\.gradio_config = (.*?);</script>", page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def labels(config: dict[str, Any]) -> set[str]:
    return {label for one in config["components"] if isinstance(label := one["props"].get("label"), str)}


@pytest.mark.parametrize(("accepts", "cookie"), [("zh-CN,en;q=0.5", ""), ("en", "zh-CN")])
def test_a_chinese_visitor_gets_a_chinese_page(client, accepts, cookie):
    page = opened(client, accepts, cookie)
    config = told_to_gradio(page)
    assert re.search(r'<html\s+lang="zh-CN"', page)
    assert "window.klingWords={" in page
    assert "Object.defineProperty(navigator" in page
    assert {"引擎", "场景描述"} <= labels(config)
    assert "Engine" not in labels(config)
    assert config["title"] == "Motion Control 体验场"


def test_an_english_visitor_gets_the_page_as_it_is(client):
    page = opened(client, "en-US,en;q=0.9")
    assert re.search(r'<html\s+lang="en"', page)
    assert "klingWords=" not in page
    assert "defineProperty(navigator" not in page
    assert {"Engine", "Scene in words"} <= labels(told_to_gradio(page))
    assert not re.search(r"[\u4e00-\u9fff]", json.dumps(told_to_gradio(page)["title"]))


def test_who_has_switched_to_english_gets_it_from_gradio_too(client):
    page = opened(client, "zh-CN", "en")
    assert re.search(r'<html\s+lang="en"', page)
    assert "klingWords=" not in page
    assert """['language',"en"]""" in page
    assert "Engine" in labels(told_to_gradio(page))


def test_one_visitors_language_is_not_left_in_the_page_of_the_next(client):
    first, chinese, again = opened(client, "en"), opened(client, "zh"), opened(client, "en")
    assert told_to_gradio(first) == told_to_gradio(again)
    assert told_to_gradio(chinese) != told_to_gradio(again)


def test_what_gradio_reads_again_is_in_the_language_too(client):
    answer = client.get("/config", headers={"accept-language": "zh"})
    assert "引擎" in labels(answer.json())


def test_words_cannot_end_the_script_that_carries_them(client):
    script = opened(client, "zh").split("window.klingWords=")[1].split("</script>")[0]
    assert json.loads(script.split(";for(const")[0])
    assert "<" not in script.split(";for(const")[0]


def test_an_odd_request_is_answered_in_english(client):
    answer = client.get("/files/none", headers={"accept-language": "\x7f,,;q=;"})
    assert answer.status_code == 404
