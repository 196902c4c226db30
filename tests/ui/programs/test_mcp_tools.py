"""The tools of a served app, as the official client of the protocol calls them."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from kling_ui.errors import SettingsError
from kling_ui.settings import Settings
from kling_ui.ui.web.server import open_tools

EXAMPLES = Path(__file__).resolve().parents[3] / "assets" / "examples"
TOKEN = "vendor-token-0123456789"
PLANTED = "planted-token-5544332211"
UNKNOWN = "No run is known under this handle. It is told once, in the answer to run."

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def address(serve, vendor, folder):
    env = {"KLING_UI_API_BASE": vendor.address, "KLING_UI_MCP": "1", "RUNCOMFY_API_TOKEN": PLANTED}
    with serve(folder, **env) as (_, address):
        yield address


@pytest.fixture(scope="module")
def inputs(address):
    names = {"image": "character-upper-body.png", "video": "gesture-upper-body.mp4"}
    return {kind: _uploaded(address, EXAMPLES / name) for kind, name in names.items()}


def _uploaded(address, path):
    with path.open("rb") as file:
        (ref,) = httpx.post(f"{address}gradio_api/upload", files={"files": (path.name, file)}).json()
    return ref


@asynccontextmanager
async def _connected(address):
    async with (
        streamablehttp_client(f"{address}gradio_api/mcp") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def _asked(address, work):
    async def ask():
        async with _connected(address) as session:
            return await work(session)

    return asyncio.run(ask())


def _called(address, name, **arguments):
    return _asked(address, lambda session: session.call_tool(name, arguments))


def _words(result):
    assert result.isError
    return result.content[0].text


WRITING = {"run", "repair", "cancel", "forget", "sheet", "batch", "run_long"}


def test_tools_say_what_they_need_and_what_costs_money(address):
    tools = {tool.name: tool for tool in _asked(address, lambda session: session.list_tools()).tools}
    assert set(tools) == {
        "check",
        "repair",
        "run",
        "status",
        "result",
        "cancel",
        "forget",
        "score",
        "price",
        "models",
        "sheet",
        "batch",
        "plan",
        "run_long",
    }
    run = tools["run"]
    assert "costs money" in run.annotations.title
    assert "COSTS MONEY" in run.description
    assert (run.annotations.readOnlyHint, run.annotations.destructiveHint) == (False, True)
    assert run.inputSchema["required"] == ["image", "video"]
    assert run.inputSchema["properties"]["engine"] == {
        "default": "preview",
        "description": "Who renders: preview is free and drawn by this app, kling is paid.",
        "enum": ["preview", "kling"],
        "type": "string",
    }
    assert {"token", "max_usd"} <= run.inputSchema["properties"].keys()
    for name, tool in tools.items():
        assert all(schema["description"] for schema in tool.inputSchema["properties"].values())
        assert tool.annotations.readOnlyHint is (name not in WRITING)
        assert ("free" in tool.annotations.title) or "charged" in tool.annotations.title


def test_an_agent_checks_runs_follows_and_scores(address, inputs):
    async def work(session):
        news = []

        async def tell(progress, total, message):
            news.append((progress, message))

        checked = (await session.call_tool("check", inputs)).structuredContent
        started = (await session.call_tool("run", inputs)).structuredContent
        handle = {"handle": started["handle"]}
        status = {"is_final": False}
        while not status["is_final"]:
            told = await session.call_tool("status", handle | {"wait_s": 30}, progress_callback=tell)
            status = told.structuredContent
        result = await session.call_tool("result", handle)
        match = await session.call_tool(
            "score", {"reference": inputs["video"], "result": result.structuredContent["video"]["ref"]}
        )
        return checked, status, result, match.structuredContent, news

    checked, status, result, match, news = _asked(address, work)
    assert checked["verdict"] == "pass"
    assert status["state"] == "completed"
    assert json.loads(result.content[0].text) == result.structuredContent
    link = result.content[1]
    assert httpx.get(str(link.uri)).headers["content-type"] == "video/mp4"
    assert match["score"] == pytest.approx(result.structuredContent["motion_match"], abs=1)
    assert [number for number, _ in news] == sorted({number for number, _ in news})
    assert "Drawing the preview" in " ".join(words for _, words in news)


def test_a_paid_call_needs_the_callers_token_and_a_limit(address, inputs, vendor):
    asked = {"engine": "kling", "prompt": "by an agent"} | inputs
    for more in ({}, {"max_usd": 1}, {"token": TOKEN}, {"token": TOKEN, "max_usd": 0.1}):
        words = _words(_called(address, "run", **asked, **more))
        assert "costs money" in words or "it may cost $0.10 at most" in words
    assert not vendor.vendor.jobs
    paid = _called(address, "run", **asked, token=TOKEN, max_usd=0.5)
    assert paid.structuredContent["estimate_usd"] == pytest.approx(0.28)
    assert len(vendor.vendor.jobs) <= 1
    price = _called(address, "price", token=TOKEN, video=inputs["video"]).structuredContent
    assert price["estimate_usd"] == pytest.approx(0.28)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("status", {"handle": "x"}, UNKNOWN),
        ("cancel", {"handle": "x"}, UNKNOWN),
        ("result", {"handle": ""}, UNKNOWN),
        ("result", {}, "result needs handle."),
        ("run", {"image": "x", "video": "y", "visitor": "z"}, "run takes no visitor."),
        ("judge", {}, "There is no such tool."),
        ("check", {"image": "/etc/passwd"}, "No file is known here under what was given as image."),
        ("check", {"image": {"path": "/etc/passwd"}}, "image takes text."),
        ("check", {"image": "https://127.0.0.1/x.png"}, "it is not fetched."),
        ("check", {}, "Nothing was given"),
        ("score", {"reference": "data:video/mp4;base64,AAAA", "result": ""}, "No file is known here"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(address, name, arguments, words):
    said = _words(_called(address, name, **arguments))
    assert words in said
    assert "Traceback" not in said


def test_a_handle_of_the_tools_is_one_of_the_endpoints(address, inputs):
    started = _called(address, "run", **inputs, prompt="both ways").structuredContent
    call = httpx.post(f"{address}gradio_api/call/v2/cancel", json={"handle": started["handle"]}).json()
    told = httpx.get(f"{address}gradio_api/call/cancel/{call['event_id']}").text
    assert "event: complete" in told


def test_other_sites_and_large_requests_are_refused(address):
    url = f"{address}gradio_api/mcp"
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx.post(url, json=body, headers={"Origin": "https://evil.example"}).status_code == 403
    assert httpx.post(url, json=body, headers={"Host": "evil.example"}).status_code == 421
    assert httpx.post(url, content=b"x" * 300_000).status_code == 413
    assert httpx.get(url, headers={"Accept": "text/event-stream"}).status_code == 405


def test_tokens_are_neither_logged_nor_written(address, folder):
    broken = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run", "arguments": PLANTED}}
    headers = {"Accept": "application/json, text/event-stream"}
    httpx.post(f"{address}gradio_api/mcp", json=broken, headers=headers)
    assert "takes text" in _words(_called(address, "price", token=[PLANTED]))
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        for token in (TOKEN, PLANTED):
            assert token.encode() not in file.read_bytes(), file
    assert "Traceback" not in (folder / "said.txt").read_text()


def test_tools_are_off_unless_they_are_wanted():
    assert not Settings.from_env({}).mcp
    assert Settings.from_env({"KLING_UI_MCP": "1"}).mcp


def test_without_the_extra_the_setting_is_refused(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "kling_ui.ui.programs.mcp_tools", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(SettingsError, match="KLING_UI_MCP takes 0 where the extra mcp is not installed"):
        open_tools(Settings(data_dir=tmp_path, mcp=True), lambda: None)
