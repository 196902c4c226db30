"""The story of a request, the model's card, and the files."""

import asyncio
import base64
import json
import re
from datetime import datetime, timedelta

import httpx
import pytest

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.options import Resolution, RigNote
from kling_ui.puppet.render import RenderFacts

MODEL_ID = "kling/kling-2-6/motion-control-standard"
MODEL_PATH = f"/v1/models/{MODEL_ID}"
IMAGE = "data:image/png;base64," + base64.b64encode(b"tiny image").decode()
VIDEO = "data:video/mp4;base64," + base64.b64encode(b"tiny video").decode()
GOOD = {"prompt": "p", "image_url": IMAGE, "video_url": VIDEO}

NO_BODY = "No complete upper body detected"
WHOLE = b"tiny image+tiny video|video|True"


def test_a_request_from_submit_to_file(in_house):
    async def use(house):
        response = await house.http.post(MODEL_PATH, json=GOOD | {"character_orientation": "image", "unknown": [1]})
        assert response.status_code == 200
        submitted = response.json()
        request_id = submitted.pop("request_id")
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", request_id)
        base = f"http://preview.localhost/v1/requests/{request_id}"
        assert submitted == {f"{name}_url": f"{base}/{name}" for name in ("status", "result", "cancel")}

        assert await house.until(request_id, "succeeded", "failed") == "succeeded"
        status = await house.status(request_id)
        assert status == {
            "request_id": request_id,
            "status": "completed",
            "status_url": f"{base}/status",
            "result_url": f"{base}/result",
        }
        result = await house.result(request_id)
        video_url = result.pop("output")["video"]
        assert re.fullmatch(r"http://preview\.localhost/v1/files/[A-Za-z0-9_-]{32}\.mp4", video_url)
        created_at, finished_at = (datetime.fromisoformat(result.pop(f"{name}_at")) for name in ("created", "finished"))
        assert created_at <= finished_at
        assert created_at.utcoffset() == timedelta(0)
        assert result == {"request_id": request_id, "status": "succeeded", "model_id": MODEL_ID}

        file = await house.http.get(video_url)
        assert file.content == b"tiny image+tiny video|image|True"
        assert file.headers["content-type"] == "video/mp4"

    in_house(use)


def test_addresses_are_on_the_callers_own_scheme_and_host(in_house):
    async def use(house):
        response = await house.http.post(MODEL_PATH, json=GOOD, headers={"host": "other.example:8443"})
        assert response.json()["result_url"].startswith("http://other.example:8443/v1/requests/")
        response = await house.http.post(f"https://secure.example{MODEL_PATH}", json=GOOD)
        assert response.json()["status_url"].startswith("https://secure.example/v1/requests/")

    in_house(use)


def test_addresses_keep_the_path_that_the_service_is_mounted_under(in_house):
    async def use(house):
        transport = httpx.ASGITransport(house.service, root_path="/preview")
        async with httpx.AsyncClient(base_url="http://app.example/preview", transport=transport) as http:
            response = await http.post(MODEL_PATH, json=GOOD)
            assert response.json()["status_url"].startswith("http://app.example/preview/v1/requests/")

    in_house(use)


def test_states_while_it_waits_and_runs(in_house):
    async def use(house):
        running, second, third = [await house.submit() for _ in range(3)]
        await asyncio.sleep(0.01)
        assert [await house.status(name) for name in (running, second, third)] == [
            {"status": "in_progress", "request_id": running} | _links(running),
            {"status": "in_queue", "queue_position": 0, "request_id": second} | _links(second),
            {"status": "in_queue", "queue_position": 1, "request_id": third} | _links(third),
        ]
        unfinished = await house.result(third)
        assert (unfinished["status"], unfinished["finished_at"]) == ("in_queue", None)
        assert "output" not in unfinished
        assert (await house.result(running))["status"] == "in_progress"
        house.pool.calls[0]["progress"].write_text('{"progress": 0.25}')
        assert (await house.status(running))["progress"] == 0.25
        house.pool.allowed.release()
        await house.until(running, "succeeded")
        assert (await house.status(second))["status"] == "in_progress"
        assert (await house.status(third))["queue_position"] == 0

    in_house(use, held=True)


def _links(request_id):
    base = f"http://preview.localhost/v1/requests/{request_id}"
    return {"status_url": f"{base}/status", "result_url": f"{base}/result"}


def test_only_a_queued_request_is_cancelled(in_house):
    async def use(house):
        running, queued = await house.submit(), await house.submit()
        await asyncio.sleep(0.01)
        assert await house.cancel(queued) == {"request_id": queued, "status": "cancelled", "outcome": "cancelled"}
        assert (await house.status(queued))["status"] == "cancelled"
        result = await house.result(queued)
        assert result["status"] == "cancelled"
        assert result["finished_at"] is not None
        assert (await house.cancel(queued))["outcome"] == "not_cancellable"
        assert await house.cancel(running) == {
            "request_id": running,
            "status": "in_progress",
            "outcome": "not_cancellable",
        }
        house.pool.allowed.release()
        await house.until(running, "succeeded")
        assert await house.cancel(running) == {
            "request_id": running,
            "status": "completed",
            "outcome": "not_cancellable",
        }
        assert len(house.pool.calls) == 1, "the cancelled one never ran"

    in_house(use, held=True)


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (lambda image: MediaError(NO_BODY, path=image), "InvalidInput", f"image_url cannot be used: {NO_BODY}"),
        (lambda image: KlingUIError("The puppet fell apart."), "RenderError", "The puppet fell apart."),
        (lambda image: ZeroDivisionError(f"in {image}"), "InternalError", "The preview could not be rendered."),
    ],
)
def test_a_failure_is_told_by_the_result(in_house, raised, kind, message):
    def render(image, video, out, **_):
        raise raised(image)

    async def use(house):
        request_id = await house.submit()
        await house.until(request_id, "failed")
        assert (await house.status(request_id))["status"] == "completed", "it stopped running"
        result = await house.result(request_id)
        assert result["error"] == {"type": kind, "message": message}
        assert result["finished_at"] is not None
        assert "output" not in result
        assert str(house.folder) not in json.dumps(result)

    in_house(use, render=render)


@pytest.mark.parametrize("notes", [(), (RigNote.HANDS_HIDDEN, RigNote.LEGS_ONE)])
def test_what_moves_as_one_piece_is_told_by_the_result(in_house, notes):
    def render(image, video, out, **_):
        out.write_bytes(b"video")
        return RenderFacts(1, 24.0, 1.0, 2, 2, notes=notes)

    async def use(house):
        request_id = await house.submit()
        await house.until(request_id, "succeeded")
        assert (await house.result(request_id)).get("notes") == ([note.value for note in notes] or None)

    in_house(use, render=render)


@pytest.mark.parametrize(("query", "told"), [("", False), ("?include_cost=true", True), ("?include_cost=false", False)])
def test_the_cost_is_told_when_asked_for(in_house, query, told):
    async def use(house):
        request_id = await house.submit()
        await house.until(request_id, "succeeded")
        result = await house.get(f"/v1/requests/{request_id}/result{query}")
        assert result.get("cost") == (0 if told else None)

    in_house(use)


def test_a_resolution_may_be_asked_for(in_house):
    async def use(house):
        request_id = await house.submit(resolution="1080p")
        await house.until(request_id, "succeeded")
        assert house.pool.calls[0]["resolution"] is Resolution.P1080
        assert (await house.http.post(MODEL_PATH, json=GOOD | {"resolution": "4k"})).status_code == 422

    in_house(use)


def test_the_models_card(in_house):
    async def use(house):
        card = await house.get(MODEL_PATH)
        assert card["model_id"] == MODEL_ID
        assert (card["base_price_usd"], card["price_unit"]) == (0, "second")
        assert any(category.endswith("-to-video") for category in card["categories"])
        assert set(card) == {
            *("model_id", "display_name", "description", "categories", "kind"),
            *("base_price_usd", "price_unit", "pricing_note", "model_url", "input_schema"),
        }
        schema = card["input_schema"]
        assert schema["required"] == ["prompt", "image_url", "video_url"]
        assert {name: field["type"] for name, field in schema["properties"].items()} == {
            "prompt": "string",
            "image_url": "string",
            "video_url": "string",
            "keep_original_sound": "boolean",
            "character_orientation": "string",
            "resolution": "string",
            "corrections": "object",
        }
        assert schema["properties"]["character_orientation"]["enum"] == ["image", "video"]
        assert (await house.http.get(card["model_url"])).json() == card

    in_house(use)


@pytest.mark.parametrize(
    ("query", "count", "total"),
    [
        ("", 1, 1),
        ("?search=Motion%20preview", 1, 1),
        ("?search=flux", 0, 0),
        ("?category=image-to-video", 1, 1),
        ("?category=text-to-image", 0, 0),
        ("?limit=500&offset=0", 1, 1),
        ("?offset=1", 0, 1),
    ],
)
def test_the_list_of_models(in_house, query, count, total):
    async def use(house):
        page = await house.get(f"/v1/models{query}")
        assert (len(page["models"]), page["total"]) == (count, total)
        assert set(page) == {"models", "total", "limit", "offset"}

    in_house(use)


def test_the_categories(in_house):
    async def use(house):
        assert await house.get("/v1/models/categories") == {"categories": ["image-to-video"]}

    in_house(use)


@pytest.mark.parametrize(
    ("headers", "status", "content", "content_range"),
    [
        ({}, 200, WHOLE, None),
        ({"range": "bytes=0-3"}, 206, b"tiny", "bytes 0-3/32"),
        ({"range": "bytes=28-"}, 206, b"True", "bytes 28-31/32"),
        ({"range": "bytes=-4"}, 206, b"True", "bytes 28-31/32"),
        ({"range": "BYTES=0-3"}, 206, b"tiny", "bytes 0-3/32"),
        ({"range": "bytes= 0-3 , "}, 206, b"tiny", "bytes 0-3/32"),
        ({"range": "bytes=28-999"}, 206, b"True", "bytes 28-31/32"),
        ({"range": "bytes=-999"}, 206, WHOLE, "bytes 0-31/32"),
        ({"range": "bytes=0-3,99-"}, 206, b"tiny", "bytes 0-3/32"),
        ({"range": "bytes=32-"}, 416, None, "bytes */32"),
        ({"range": "bytes=32-40,99-"}, 416, None, "bytes */32"),
        ({"range": "bytes=-0"}, 416, None, "bytes */32"),
        ({"range": "bytes=0-3", "if-range": '"other"'}, 200, WHOLE, None),
        ({"range": "bytes=32-", "if-range": '"other"'}, 200, WHOLE, None),
        ({"range": "items=0-3"}, 200, WHOLE, None),
        ({"range": "seconds=1-2"}, 200, WHOLE, None),
        ({"range": "bytes"}, 200, WHOLE, None),
        ({"range": "bytes="}, 200, WHOLE, None),
        ({"range": "bytes=-"}, 200, WHOLE, None),
        ({"range": "bytes=a-b"}, 200, WHOLE, None),
        ({"range": "bytes=3-0"}, 200, WHOLE, None),
        ({"range": "bytes=0-3,x"}, 200, WHOLE, None),
        ({"range": "bytes=0-" + "9" * 5000}, 200, WHOLE, None),
        ({"range": "0-3"}, 200, WHOLE, None),
        ({"range": ""}, 200, WHOLE, None),
    ],
)
def test_a_file_is_served_with_byte_ranges(in_house, headers, status, content, content_range):
    async def use(house):
        request_id = await house.submit()
        await house.until(request_id, "succeeded")
        url = (await house.result(request_id))["output"]["video"]
        response = await house.http.get(url, headers=headers)
        assert response.status_code == status
        assert response.headers.get("content-range") == content_range
        if content is None:
            assert response.json()["error_code"] == 416001
        else:
            assert response.content == content
        head = await house.http.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert (head.headers["content-length"], head.headers["accept-ranges"]) == ("32", "bytes")
        assert head.headers["content-type"] == "video/mp4"
        assert head.headers["x-content-type-options"] == "nosniff"
        etag = {"range": "bytes=0-3", "if-range": head.headers["etag"]}
        assert (await house.http.get(url, headers=etag)).status_code == 206

    in_house(use)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        (MODEL_PATH, {"GET", "HEAD", "POST"}),
        ("/v1/models", {"GET", "HEAD"}),
        ("/v1/requests/abc/cancel", {"POST"}),
        ("/v1/requests/abc/status", {"GET", "HEAD"}),
    ],
)
def test_options_and_head(in_house, path, allow):
    async def use(house):
        response = await house.http.options(path)
        assert response.status_code == 204
        assert set(response.headers["allow"].split(", ")) == allow
        assert (await house.http.head("/v1/models")).status_code == 200

    in_house(use)
