"""What a served app says to programs, agents and uploads once a quota is used up, or while it is paused."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

EXAMPLES = Path(__file__).resolve().parents[3] / "assets" / "examples"
IMAGE, VIDEO = EXAMPLES / "character-upper-body.png", EXAMPLES / "gesture-upper-body.mp4"
TOKEN = "vendor-token-0123456789"

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def address(serve, vendor, folder):
    env = {"KLING_UI_API_BASE": vendor.address, "KLING_UI_MCP": "1", "KLING_UI_HOST": "0.0.0.0"}
    env |= {"KLING_UI_QUOTA_VISITOR": "previews=1 runs=0", "KLING_UI_QUOTA_TOTAL": "uploads=20"}
    with serve(folder, **env) as (_, address):
        yield address


@pytest.fixture(scope="module")
def app(address):
    return Client(address, verbose=False, download_files=False)


@pytest.fixture(scope="module")
def inputs(app):
    mended = app.predict(image=handle_file(IMAGE), video=handle_file(VIDEO), api_name="/repair")
    return {"image": mended["image"]["ref"], "video": mended["video"]["ref"]}


def _refused(app, name, **values):
    with pytest.raises(AppError) as refused:
        app.predict(api_name=f"/{name}", **values)
    return str(refused.value)


def _refused_tool(address, name, **arguments):
    async def ask():
        async with (
            streamablehttp_client(f"{address}gradio_api/mcp") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.call_tool(name, arguments)

    answer = asyncio.run(ask())
    assert answer.isError
    return answer.content[0].text


def _told(folder, *words):
    env = os.environ | {"KLING_UI_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "kling_ui", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_quota_that_is_used_up_is_told_by_every_door(app, address, inputs):
    handle = app.predict(**inputs, api_name="/run")["handle"]
    words = r"You have made 1 of 1 previews today; more from 00:00 UTC (in "
    assert words in _refused(app, "run", **inputs, prompt="Another")
    assert words in _refused_tool(address, "run", **inputs, prompt="Another")
    assert words in _refused(app, "sheet", images=[inputs["image"]], videos=[inputs["video"]])
    none = "No runs on Kling may be made here."
    assert none in app.predict(token=TOKEN, seconds=4, api_name="/price")["refusal"]
    assert none in _refused(app, "run", **inputs, engine="kling", token=TOKEN, max_usd=1)
    assert app.predict(handle, api_name="/status")["engine"] == "preview"


def test_a_pause_is_told_at_once_and_ends_without_a_restart(app, address, inputs, folder):
    said = _told(folder, "pause", "all", "--message", "Back on Monday.", "--hours", "2")
    assert "uploads, previews and runs for 2 h 00 min more. Back on Monday." in said
    for words in (
        _refused(app, "run", **inputs, prompt="A third"),
        _refused_tool(address, "run", **inputs, prompt="A third"),
        app.predict(token=TOKEN, seconds=4, api_name="/price")["refusal"],
        httpx.post(f"{address}inputs", content=b"x").json()["error"],
        httpx.post(f"{address}gradio_api/upload", files={"files": ("a.png", b"x")}).text,
    ):
        assert "Whoever runs this app has paused" in words
        assert "Back on Monday." in words
    assert "The pause is over." in _told(folder, "resume")
    assert httpx.post(f"{address}inputs", content=b"x").status_code == 200
    assert "There was no pause." in _told(folder, "resume")
