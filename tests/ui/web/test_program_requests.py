"""Calls of programs become events, and their files texts, before Gradio sees them."""

import json

import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from kling_ui.ui.web.gradio_requests import JOIN, NO_FILES, EventBodies, EventShape
from kling_ui.ui.web.program_requests import SESSION, CallPath, Parameter, ProgramCall

CALL = ProgramCall("check", 7, (Parameter("image", True), Parameter("size", False, 3)))
FILE = {"path": "sig/uploads/me.png", "meta": {"_type": "gradio.FileData"}}


async def _echo(scope, receive, send):
    body = json.loads((await receive())["body"])
    await JSONResponse({"path": scope["path"], "body": body})(scope, receive, send)


@pytest.fixture
def client():
    shapes = {5: EventShape(1), 7: EventShape(2, CALL)}
    return TestClient(EventBodies(_echo, shapes=shapes, blocks={16}, max_bytes=9000), base_url="http://127.0.0.1")


def _join(client, **changes):
    event = {"data": ["x"], "fn_index": 5, "session_hash": "tab", "trigger_id": 16, "event_data": None}
    return client.post(JOIN, json=event | changes).json()


def test_a_call_by_name_becomes_an_event_in_a_session_of_its_own(client):
    one, other = (client.post("/gradio_api/call/v2/check", json={"image": "x"}).json() for _ in range(2))
    assert one["path"] == JOIN
    session = one["body"].pop("session_hash")
    assert one["body"] == {"data": ["x", 3], "fn_index": 7, "event_data": None, "trigger_id": None}
    assert session.startswith(SESSION)
    assert len(session) >= len(SESSION) + 22
    assert session != other["body"]["session_hash"]


def test_values_in_order_may_leave_out_what_has_a_default(client):
    assert client.post("/gradio_api/call/check", json={"data": ["x"]}).json()["body"]["data"] == ["x", 3]
    assert client.post("/gradio_api/call/check", json={"data": ["x", 9]}).json()["body"]["data"] == ["x", 9]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("v2/check", {}, "check needs image."),
        ("v2/check", {"image": "x", "fn_index": 5}, "check takes no fn_index."),
        ("v2/check", [], "There is no such endpoint, or it takes something else."),
        ("check", {"data": []}, "check needs image."),
        ("check", {"data": [1, 2, 3]}, "check takes data, a list of 2 values at most."),
        ("check", {"data": "x"}, "check takes data, a list of 2 values at most."),
        ("judge", {"data": []}, "There is no such endpoint, or it takes something else."),
    ],
)
def test_what_is_no_call_is_refused_in_words(client, path, body, words):
    answer = client.post(f"/gradio_api/call/{path}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"detail": words})


@pytest.mark.parametrize(
    "more", [{}, {"orig_name": "me.png", "size": 3, "mime_type": None, "is_stream": False, "url": "u"}]
)
def test_of_a_file_an_endpoint_gets_the_text_alone(client, more):
    assert _join(client, fn_index=7, data=[FILE | more, 1])["body"]["data"] == [FILE["path"], 1]
    assert _join(client, fn_index=7, data=[[FILE | more, "x"], 1])["body"]["data"] == [[FILE["path"], "x"], 1]
    told = client.post("/gradio_api/call/v2/check", json={"image": FILE | more}).json()
    assert told["body"]["data"] == [FILE["path"], 3]


@pytest.mark.parametrize(
    "data",
    [
        [[[FILE]], 1],
        [[{"x": FILE}], 1],
        [{"x": FILE}, 1],
        [FILE["meta"], 1],
        [FILE | {"data": "x"}, 1],
        [FILE | {"path": 7}, 1],
        [{"path": "/etc/passwd", "meta": {"_type": "gradio.Other"}}, 1],
        [{"path": "/etc/passwd", "url": "x"}, 1],
        [{"__type__": "update"}, 1],
    ],
)
def test_a_file_anywhere_else_is_refused(client, data):
    assert _join(client, fn_index=7, data=data) == {"detail": NO_FILES}
    assert _join(client, fn_index=7, data=["x", 1], event_data=data) == {"detail": NO_FILES}


def test_events_of_the_page_take_no_files(client):
    assert _join(client)["body"]["data"] == ["x"]
    assert _join(client, data=[FILE]) == {"detail": NO_FILES}


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/gradio_api/call/check", CallPath("check", False, "")),
        ("/gradio_api/call/v2/check", CallPath("check", True, "")),
        (f"/gradio_api/call/check/{'a' * 32}", CallPath("check", False, "a" * 32)),
        ("/gradio_api/call/", None),
        ("/gradio_api/call/Check", None),
        ("/gradio_api/call/check/../judge", None),
        ("/gradio_api/call/check\n", None),
    ],
)
def test_addresses_of_calls(path, read):
    assert CallPath.of(path) == read
