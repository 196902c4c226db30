"""The endpoints for clips beyond the limit of a served app, as programs call them with Gradio's client."""

import json
from pathlib import Path

import httpx
import pytest
from figure import Actor, Scene, dance, write_clip
from figure.cast import DANCER
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

IMAGE = Path(__file__).resolve().parents[3] / "assets" / "examples" / "character-upper-body.png"
TOKEN = "vendor-token-0123456789"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(serve, vendor, tmp_path_factory):
    env = {"KLING_UI_API_BASE": vendor.address, "KLING_UI_HOST": "0.0.0.0"}
    with serve(tmp_path_factory.mktemp("app"), **env) as (_, address):
        yield Client(address, verbose=False, download_files=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A dance of 12.5 s, which is too long for orientation image."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    scene = {"duration_s": 12.5, "fps": 8, "width_px": 360, "height_px": 640}
    return write_clip(path, lambda t: Scene((Actor(DANCER, dance(t)),)), **scene).path


def _ended(app, handle):
    while not (told := app.predict(handle=handle, wait_s=30, api_name="/run_long"))["is_final"]:
        assert told["state"] == "under way"
    return told


def test_a_long_clip_is_planned_paid_within_its_limit_joined_and_sent_once(app, clip, vendor):
    before = len(vendor.vendor.jobs)
    asked = {"video": handle_file(clip), "orientation": "image"}
    planned = app.predict(**asked, token=TOKEN, api_name="/plan")
    assert planned["is_needed"]
    assert len(planned["cuts"]) == 1
    assert planned["estimate_usd"] == pytest.approx(planned["sent_s"] * planned["rate_usd"], abs=1e-4)

    pay = asked | {"image": handle_file(IMAGE), "engine": "kling", "token": TOKEN}
    dear = _ended(app, app.predict(**pay, max_usd=0.1, api_name="/run_long")["handle"])
    assert dear["state"] == "failed"
    assert "it may cost $0.10" in dear["sentence"]
    assert len(vendor.vendor.jobs) == before, "nothing was sent"

    started = app.predict(**pay, max_usd=2, cuts=[6.0], api_name="/run_long")
    told = _ended(app, started["handle"])
    assert told["state"] == "completed", told["sentence"]
    assert [piece["status"] for piece in told["pieces"]] == ["completed", "completed"]
    assert next(piece["end_s"] for piece in told["pieces"]) == 6.0
    assert httpx.get(told["result"]["url"]).headers["content-type"] == "video/mp4"
    assert len(vendor.vendor.jobs) == before + 2
    again = app.predict(**pay, max_usd=2, cuts=[6.0], handle=started["handle"], api_name="/run_long")
    assert _ended(app, again["handle"])["state"] == "completed"
    assert len(vendor.vendor.jobs) == before + 2
    assert TOKEN not in json.dumps(told)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "No long clip is known under this handle."),
        ({"handle": "x" * 200}, "No long clip is known under this handle."),
        ({"image": "x"}, "No file is known here"),
        ({"image": "x", "video": "y", "engine": "kling"}, "needs a RunComfy token"),
        ({"image": "x", "video": "y", "engine": "kling", "token": TOKEN}, "no limit was given"),
        ({"image": "x", "video": "y", "orientation": "up"}, "orientation takes video or image."),
    ],
)
def test_what_is_no_long_clip_is_refused_in_words(app, asked, words):
    with pytest.raises(AppError) as refused:
        app.predict(**asked, api_name="/run_long")
    assert words in str(refused.value)
