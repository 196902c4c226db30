"""What is refused, and in which form."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from kling_ui.preview.service import build_service

MODEL_PATH = "/v1/models/kling/kling-2-6/motion-control-standard"
IMAGE = "data:image/png;base64," + base64.b64encode(b"tiny image").decode()
VIDEO = "data:video/mp4;base64," + base64.b64encode(b"tiny video").decode()
GOOD = {"prompt": "p", "image_url": IMAGE, "video_url": VIDEO}


def error_of(response):
    """Check the contract's error form; return status and code."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert isinstance(body["error_message"], str)
    assert body["error_message"]
    assert set(body) <= {"error_code", "error_message", "detail"}
    return response.status_code, body["error_code"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "half a \ud83d smile"}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": "\x1b[2J"}, "prompt"),
        ({"image_url": ...}, "image_url"),
        ({"video_url": ...}, "video_url"),
        ({"prompt": ...}, "prompt"),
        ({"image_url": ""}, "image_url"),
        ({"image_url": ["https://x.example/i.png"]}, "image_url"),
        ({"image_url": "i.png"}, "image_url"),
        ({"image_url": "file:///etc/passwd"}, "image_url"),
        ({"image_url": "ftp://x.example/i.png"}, "image_url"),
        ({"image_url": "https://"}, "image_url"),
        ({"image_url": "https://x.example/\ud83d"}, "image_url"),
        ({"image_url": "https://x.example/a b"}, "image_url"),
        ({"image_url": "http://[::1"}, "image_url"),
        ({"image_url": "http://[zz]/"}, "image_url"),
        ({"image_url": "http://[]/"}, "image_url"),
        ({"image_url": "http://[1.2.3.4]/"}, "image_url"),
        ({"image_url": "http://[::1]x/"}, "image_url"),
        ({"image_url": "http://x.example:port/"}, "image_url"),
        ({"image_url": "http://x.example:99999/"}, "image_url"),
        ({"image_url": "http://x.example:0/"}, "image_url"),
        ({"image_url": "http://:80/"}, "image_url"),
        ({"image_url": "http://@/"}, "image_url"),
        ({"image_url": "http://xn--/"}, "image_url"),
        ({"image_url": "http://\xad/"}, "image_url"),
        ({"image_url": "http://exa\u200bmple\u2044/"}, "image_url"),
        ({"image_url": "http://name:secret@x.example/"}, "image_url"),
        ({"video_url": "http://[::1"}, "video_url"),
        ({"image_url": "data:image/png,raw"}, "image_url"),
        ({"image_url": "data:image/png;base64,%%%"}, "image_url"),
        ({"image_url": "data:image/png;base64,AAA"}, "image_url"),
        ({"image_url": "data:image/png;base64,"}, "image_url"),
        ({"image_url": VIDEO}, "image_url"),
        ({"video_url": IMAGE}, "video_url"),
        ({"keep_original_sound": 1}, "keep_original_sound"),
        ({"keep_original_sound": "true"}, "keep_original_sound"),
        ({"keep_original_sound": None}, "keep_original_sound"),
        ({"character_orientation": "Video"}, "character_orientation"),
        ({"character_orientation": 1}, "character_orientation"),
        ({"character_orientation": None}, "character_orientation"),
    ],
)
def test_every_wrong_field_is_named(in_house, change, place):
    body = {name: value for name, value in (GOOD | change).items() if value is not ...}

    async def use(house):
        response = await house.http.post(MODEL_PATH, content=json.dumps(body))
        assert error_of(response) == (422, 422001)
        (problem,) = response.json()["detail"]
        assert problem["loc"] == [place]
        assert "etc/passwd" not in response.text, "inputs are never echoed"
        assert list(house.folder.glob("jobs-*/*")) == [], "nothing is left of it"

    in_house(use)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"text"', b"5", b"\xff\xfe\xfa", b"[" * 100_000, b'{"prompt": "\xff"}', b"{}"],
)
def test_what_is_no_json_object_is_refused(in_house, body):
    async def use(house):
        response = await house.http.post(MODEL_PATH, content=body, headers={"content-type": "application/json"})
        assert error_of(response) == (422, 422001)
        assert response.json()["detail"]

    in_house(use)


@pytest.mark.parametrize("fields", [{"image_url": "https://x.example/i.png"}, {"image_url": IMAGE.replace("=", "%3D")}])
def test_good_inputs_of_other_forms_are_taken(in_house, fields):
    async def use(house):
        await house.submit(**fields)
        await house.submit()

    in_house(use, held=True, slots=0)


@pytest.mark.parametrize("told", [True, False])
def test_a_body_above_the_limit_is_refused(in_house, told):
    async def chunks():
        for _ in range(3):
            yield b" " * 50

    async def use(house):
        content = b" " * 150 if told else chunks()
        response = await house.http.post(MODEL_PATH, content=content)
        assert error_of(response) == (413, 413001)
        assert ("content-length" in response.request.headers) is told

    in_house(use, max_body_bytes=100)


def test_a_body_just_below_the_limit_is_read(in_house):
    async def use(house):
        response = await house.http.post(MODEL_PATH, content=b" " * 100)
        assert error_of(response) == (422, 422001)

    in_house(use, max_body_bytes=100)


@pytest.mark.parametrize(
    ("content_type", "origin", "status"),
    [
        ("application/json; charset=utf-8", "https://evil.example", 200),
        ("text/plain", "https://evil.example", 422),
        ("application/x-www-form-urlencoded", "null", 422),
        ("application/x-www-form-urlencoded", None, 200),
    ],
)
def test_a_web_page_cannot_submit_unasked(in_house, content_type, origin, status):
    async def use(house):
        headers = {"content-type": content_type} | ({"origin": origin} if origin else {})
        response = await house.http.post(MODEL_PATH, content=json.dumps(GOOD), headers=headers)
        assert response.status_code == status
        assert "access-control-allow-origin" not in response.headers

    in_house(use)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/models/kling/unknown", (404, 400001)),
        ("POST", "/v1/models/kling/unknown", (404, 400001)),
        ("POST", "/v1/models/..%2f..%2fetc", (404, 400001)),
        ("GET", MODEL_PATH + "/", (404, 400001)),
        ("GET", "/v1/models/kling/kling-2-6/motion-control-pro", (404, 400001)),
        ("GET", "/v1/requests/unknown/status", (404, 404001)),
        ("GET", "/v1/requests/unknown/result", (404, 404001)),
        ("POST", "/v1/requests/unknown/cancel", (404, 404001)),
        ("GET", "/v1/requests/" + "x" * 500 + "/status", (404, 404001)),
        ("GET", "/v1/requests/a%20b/status", (404, 404001)),
        ("GET", "/v1/files/unknown.mp4", (404, 404001)),
        ("GET", "/v1/inputs/unknown", (404, 404001)),
        ("GET", "/", (404, 404001)),
        ("DELETE", MODEL_PATH, (405, 405001)),
        ("GET", "/v1/requests/unknown/cancel", (405, 405001)),
        ("GET", "/v1/models?limit=0", (422, 422001)),
        ("GET", "/v1/models?limit=501", (422, 422001)),
        ("GET", "/v1/models?limit=ten", (422, 422001)),
        ("GET", "/v1/models?offset=-1", (422, 422001)),
    ],
)
def test_errors_have_the_contracts_form(in_house, method, path, expected):
    async def use(house):
        assert error_of(await house.http.request(method, path)) == expected

    in_house(use)


def test_busy_when_too_many_wait(in_house):
    async def use(house):
        for _ in range(3):
            await house.submit()
        response = await house.http.post(MODEL_PATH, json=GOOD)
        assert error_of(response) == (429, 429001)
        assert int(response.headers["retry-after"]) > 0

    in_house(use, held=True, waiting_max=2)


def test_a_fault_of_the_service_has_the_contracts_form():
    class Broken:
        def find(self, request_id):
            raise RuntimeError("secret place")

    broken: Any = Broken()

    async def run():
        transport = httpx.ASGITransport(build_service(broken), raise_app_exceptions=False)
        async with httpx.AsyncClient(base_url="http://preview.localhost", transport=transport) as http:
            return await http.get("/v1/requests/abc/status")

    response = asyncio.run(run())
    assert error_of(response) == (500, 500001)
    assert "secret" not in response.text
