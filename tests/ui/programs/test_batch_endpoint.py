"""The endpoint for batches of a served app, as programs call it with Gradio's client."""

import json
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

EXAMPLES = Path(__file__).resolve().parents[3] / "assets" / "examples"
TOKEN = "vendor-token-0123456789"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(serve, vendor, tmp_path_factory):
    env = {"KLING_UI_API_BASE": vendor.address, "KLING_UI_HOST": "0.0.0.0"}
    with serve(tmp_path_factory.mktemp("app"), **env) as (_, address):
        yield Client(address, verbose=False, download_files=False)


@pytest.fixture(scope="module")
def inputs(app):
    """Both inputs, as an app that was asked to repair them names them."""
    image, video = EXAMPLES / "character-upper-body.png", EXAMPLES / "gesture-upper-body.mp4"
    mended = app.predict(image=handle_file(image), video=handle_file(video), api_name="/repair")
    return {"image": mended["image"]["ref"], "video": mended["video"]["ref"]}


def _refused(app, name, **values):
    with pytest.raises(AppError) as refused:
        app.predict(api_name=f"/{name}", **values)
    return str(refused.value)


def _ended(app, handle):
    """Wait for the end of a batch and return what is told of it then."""
    while not (told := app.predict(handle=handle, wait_s=30, api_name="/batch"))["is_final"]:
        assert told["cells"]
    return told


def test_a_batch_is_planned_started_and_asked_after_by_its_handle(app, inputs):
    grid = {"images": [inputs["image"]], "videos": [inputs["video"]], "orientations": ["video", "image"]}
    planned = app.predict(**grid, plan_only=True, api_name="/batch")
    assert (planned["handle"], planned["will_run"], planned["plan"]) == ("", 2, "2 of 2 will run; 8 s of clips; free.")
    started = app.predict(**grid, cells=[2], api_name="/batch")
    assert [cell["state"] for cell in started["cells"]] == ["left out", "ready"]
    told = _ended(app, started["handle"])
    assert [cell["state"] for cell in told["cells"]] == ["left out", "completed"]
    assert told["sentence"] == "1 of 1 finished."
    assert httpx.get(told["cells"][1]["result"]["url"]).headers["content-type"] == "video/mp4"
    assert told["cells"][1]["motion_match"] > 50
    more = app.predict(**grid, handle=started["handle"], api_name="/batch")
    assert [cell["state"] for cell in more["cells"]] == ["ready", "made"], "what was made stands for its cell"
    assert [cell["state"] for cell in _ended(app, started["handle"])["cells"]] == ["completed", "completed"]


def test_a_paid_batch_is_held_within_its_limit_and_sends_nothing_twice(app, inputs, vendor):
    before = len(vendor.vendor.jobs)
    grid = {"images": [inputs["image"]], "videos": [inputs["video"]], "prompts": ["a batch", "a second", "a third"]}
    pay = {"engine": "kling", "token": TOKEN, "max_usd": 0.6}
    started = app.predict(**grid, **pay, api_name="/batch")
    assert [cell["state"] for cell in started["cells"]] == ["ready", "ready", "too dear"]
    told = _ended(app, started["handle"])
    assert [cell["state"] for cell in told["cells"]] == ["completed", "completed", "too dear"]
    assert len(vendor.vendor.jobs) == before + 2
    app.predict(**grid, **pay, handle=started["handle"], api_name="/batch")
    assert [cell["state"] for cell in _ended(app, started["handle"])["cells"]] == ["completed", "completed", "too dear"]
    assert len(vendor.vendor.jobs) == before + 2
    assert TOKEN not in json.dumps(told)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "No batch is at work under this handle."),
        ({"handle": "x" * 200}, "No batch is at work under this handle."),
        ({"images": ["x"] * 5, "videos": ["y"] * 5}, "A batch has at most 24 cells here."),
        ({"images": ["x"], "videos": ["y"]}, "No file is known here"),
        ({"images": ["x"], "videos": ["y"], "orientations": ["up"]}, "orientations takes video or image."),
        ({"images": ["x"], "videos": ["y"], "engine": "kling"}, "needs a RunComfy token"),
        ({"images": ["x"], "videos": ["y"], "engine": "kling", "token": TOKEN}, "no limit was given"),
    ],
)
def test_what_is_no_batch_is_refused_in_words(app, asked, words):
    assert words in _refused(app, "batch", **asked)
