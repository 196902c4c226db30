"""The service keeps what docs/vendor_api.openapi.yaml says: schemathesis makes its requests, and follows its links."""

import base64
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.config import SchemathesisConfig
from schemathesis.python.asgi import ASGIClient, shutdown_lifespans
from starlette.applications import Starlette

from kling_ui.options import RigNote
from kling_ui.own_hosts import AllowedHosts
from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job import JobState
from kling_ui.preview.queue import JobQueue
from kling_ui.preview.service import build_service
from tests.preview.conftest import MODEL_PATH, TINY_IMAGE, TINY_VIDEO, HeldPool, join_inputs

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = ROOT / "docs" / "vendor_api.openapi.yaml"
TOKEN = "a-token-of-the-tests"
AS_CALLER = {"Authorization": f"Bearer {TOKEN}"}
INPUT = {"prompt": "p", "image_url": TINY_IMAGE, "video_url": TINY_VIDEO}


class OpenService:
    """The service that the running test has opened; schemathesis wants to know an app before any test runs."""

    service: Starlette

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.service(scope, receive, send)


def mask() -> str:
    """A picture of one pixel, in base64."""
    Image.new("L", (1, 1)).save(content := BytesIO(), "PNG")
    return base64.b64encode(content.getvalue()).decode()


def few(examples: int, **more: Any) -> settings:
    """As many requests as a test may make, the same ones each time."""
    checks = list(HealthCheck)
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=checks, **more
    )


SERVICE = OpenService()
AS_WRITTEN = {
    # Query parameters that nobody knows are passed over, and each call gets its token from the test.
    "generation": {"allow-extra-parameters": False, "with-security-parameters": False},
    "phases": {"stateful": {"inference": {"algorithms": []}}},  # no links but those of the description
}
API = schemathesis.openapi.from_path(DESCRIPTION, config=SchemathesisConfig.from_dict(AS_WRITTEN))
API.app = SERVICE
# What a schema cannot say of an address and of a picture.
schemathesis.openapi.format("uri", st.sampled_from(["https://example.org/a.png?b=c", "http://example.org:8080"]))
schemathesis.openapi.format("byte", st.just(mask()))


async def fetch_anything(url, folder, *, kind):
    (path := folder / "fetched").write_bytes(url.encode())
    return path


def open_service(folder: Path, pool: HeldPool, *, waiting_max: int = 10**6, **options: Any) -> None:
    queue = JobQueue(folder, pool, render=join_inputs, fetch=fetch_anything, waiting_max=waiting_max)
    SERVICE.service = build_service(queue, **options)


@pytest.fixture
def pool(tmp_path):
    open_service(tmp_path / "jobs", pool := HeldPool(), token=TOKEN)
    yield pool
    shutdown_lifespans()


@API.parametrize()
@few(15)
def test_any_request_is_answered_as_described(case, pool):
    case.call_and_validate(headers=AS_CALLER)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (True, {"in_queue", "in_progress", "cancelled", "not_cancellable"}),
        (False, {"completed", "succeeded", "not_cancellable"}),
    ],
)
def test_a_request_is_followed_from_its_submit_to_its_end(pool, held, words):
    pool.held = held
    seen = set()

    machine: Any = API.as_state_machine()

    class Following(machine):
        def get_call_kwargs(self, case):
            return {"headers": AS_CALLER}

        def after_call(self, response, case):
            told = response.json() if "json" in response.headers["content-type"][0] else {}
            seen.update({told.get("status"), told.get("outcome")})

    Following.run(settings=few(10, stateful_step_count=8))
    assert seen >= words


def request_of(client: ASGIClient, **fields: Any) -> str:
    return client.post(MODEL_PATH, json=INPUT | fields, headers=AS_CALLER).json()["request_id"]


REFUSALS = [
    ("GET", "/v1/models", {"headers": {}}, 401),
    ("GET", "/v1/requests/{request_id}/status", {"headers": {"Authorization": "Bearer another"}}, 403),
    ("GET", "/v1/requests/{request_id}/result", {"headers": {"Authorization": "Bearer another"}}, 403),
    ("POST", "/v1/requests/{request_id}/cancel", {"headers": {"Authorization": "Bearer another"}}, 403),
    ("POST", MODEL_PATH, {"data": b"x" * 2001}, 413),
    ("POST", MODEL_PATH, {"headers": AS_CALLER | {"Origin": "http://page.example"}, "data": b"{}"}, 422),
    ("POST", MODEL_PATH, {"data": b"["}, 422),
    ("POST", MODEL_PATH, {"json": INPUT}, 429),
    ("GET", "/v1/models", {"headers": AS_CALLER | {"Host": "elsewhere.example"}}, 421),
]


@pytest.mark.parametrize(("method", "path", "options", "status"), REFUSALS)
def test_a_refusal_is_as_described(tmp_path, method, path, options, status):
    open_service(
        tmp_path, HeldPool(held=True), waiting_max=1, max_body_bytes=2000,
        **({"token": TOKEN} if status == 401 else {}), hosts=AllowedHosts(["testserver"]),
    )  # fmt: skip
    with ASGIClient(SERVICE) as client:
        request_id, _ = request_of(client), request_of(client)  # one runs, one waits
        response = client.request(method, path.format(request_id=request_id), **{"headers": AS_CALLER} | options)
    shutdown_lifespans()
    assert response.status_code == status
    API[path][method].validate_response(response)


@pytest.mark.parametrize(
    ("asked", "status"),
    [({}, 200), ({"Range": "bytes=0-3"}, 206), ({"Range": "bytes=0-1,4-5"}, 206), ({"Range": "bytes=999-"}, 416)],
)
def test_a_result_s_file_comes_as_described(pool, asked, status):
    with ASGIClient(SERVICE) as client:
        request_id = request_of(client)
        result = client.get(f"/v1/requests/{request_id}/result", headers=AS_CALLER)
        response = client.get(result.json()["output"]["video"], headers=asked)
    assert response.status_code == status
    API["/v1/files/{file_key}.mp4"]["GET"].validate_response(response)


def test_a_failure_is_as_described(tmp_path):
    def fail(*_args, **_options):
        raise OSError("the disk is on fire")

    SERVICE.service = build_service(JobQueue(tmp_path, HeldPool(), render=fail), token=TOKEN)
    with ASGIClient(SERVICE) as client:
        request_id = request_of(client)
        response = client.get(f"/v1/requests/{request_id}/result?include_cost=1", headers=AS_CALLER)
    shutdown_lifespans()
    assert response.json()["status"] == "failed"
    API["/v1/requests/{request_id}/result"]["GET"].validate_response(response)


def test_the_description_knows_every_field_state_note_and_code():
    told = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    schemas = told["components"]["schemas"]
    assert set(schemas["MotionInput"]["properties"]) == set(MotionInput.model_fields)
    assert schemas["MotionInput"]["required"] == [
        name for name, field in MotionInput.model_fields.items() if field.is_required()
    ]
    assert schemas["Result"]["properties"]["status"]["enum"] == list(JobState)
    assert schemas["Result"]["properties"]["notes"]["items"]["enum"] == list(RigNote)
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "kling_ui" / "preview").glob("*.py"))
    assert set(re.findall(r"\b[45]\d\d00\d\b", code)) <= set(re.findall(r"\b\d{6}\b", DESCRIPTION.read_text()))
