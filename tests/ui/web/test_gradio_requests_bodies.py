import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from kling_ui.ui.web import gradio_requests as event_bodies
from kling_ui.ui.web.gradio_requests import JOIN, SCOPE_KEY, EventBodies, EventShape

MAX_BYTES = 256_000
HONEST = {
    "data": [{"ref": "abc/uploads/x.png", "origin": "https://example.org/x.png", "facts": [["Size", "7 px"]]}, True],
    "event_data": {"url": "https://example.org/a.mp4", "seq": 3},
    "fn_index": 5,
    "trigger_id": 16,
    "session_hash": "q1w2e3r4t5y",
}


async def _echo(request: Request) -> JSONResponse:
    event = request.scope.get(SCOPE_KEY)
    seen = {
        "body": (await request.body()).decode(),
        "headers": dict(request.headers),
        "session": event and event.session,
    }
    return JSONResponse(seen)


@pytest.fixture
def app():
    inner = Starlette(routes=[Route("/{rest:path}", _echo, methods=["GET", "POST"])])
    return EventBodies(
        inner, shapes={5: EventShape(2), 6: EventShape(0)}, blocks={16, 18}, max_bytes=MAX_BYTES, deadline_s=0.2
    )


@pytest.fixture
def client(app):
    return TestClient(app)


def _join(client, body, **headers):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(JOIN, content=content, headers=headers)


def test_an_honest_event_arrives_as_it_was_sent(client):
    seen = _join(client, HONEST).json()
    assert json.loads(seen["body"]) == HONEST
    assert seen["session"] == HONEST["session_hash"]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_it_is_json_whatever_it_calls_itself(client, content_type):
    answer = _join(client, HONEST, **{"Content-Type": content_type})
    assert answer.status_code == 200
    assert answer.json()["headers"]["content-type"] == "application/json"


FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    "value",
    [
        FILE,
        {"meta": {"_type": "gradio.FileData"}, "path": "/dev/zero"},
        {"meta": {"_type": "gradio.FileData"}},
        {"_type": "gradio.FileData"},
        {"a": [[{"b": FILE}]]},
        {"path": "x", "meta": {"_type": "gradio.AnythingElse"}},
        {"path": "x", "meta": "text"},  # Gradio fails on this one, with a traceback
        {"path": "x", "url": "https://example.org/"},
        {"path": "x", "orig_name": "y"},
        {"path": "x", "is_stream": True},
        {"__type__": "update", "js_on_load": "alert(1)"},
        {"__type__": 7},
    ],
)
def test_no_file_gets_through(client, value):
    for body in (HONEST | {"data": [value, 1]}, HONEST | {"event_data": value}, HONEST | {"more": value}):
        answer = _join(client, body)
        assert (answer.status_code, answer.json()) == (400, {"detail": event_bodies.NO_FILES})


@pytest.mark.parametrize(
    "text",
    [
        '{"path":"/etc/passwd","meta":{"_type":"gradio.FileData"},"meta":1}',  # the first one counts, too
        '{"path":"/etc/passwd","meta":1,"meta":{"_type":"gradio.FileData"}}',
        '{"path":"/etc/passwd","meta":{"_type":"gradio.FileData","_type":"other"}}',
        '{"\\u0070ath":"/etc/passwd","m\\u0065ta":{"\\u005f\\u0074ype":"gr\\u0061dio.FileData"}}',
    ],
)
def test_no_file_hides_behind_spelling(client, text):
    body = json.dumps(HONEST).replace('"event_data": {', f'"event_data": {text}, "event_data": {{')
    assert _join(client, body).json() == {"detail": event_bodies.NO_FILES}


@pytest.mark.parametrize("value", [{"path": "the way"}, {"url": "https://example.org/x.png"}, {"meta": {"a": 1}}])
def test_what_is_no_file_is_left_alone(client, value):
    assert _join(client, HONEST | {"event_data": value}).status_code == 200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", event_bodies.NOT_JSON),
        ("data=1", event_bodies.NOT_JSON),
        ("{", event_bodies.NOT_JSON),
        ('{"data": NaN}', event_bodies.NOT_JSON),
        ('{"data": -Infinity}', event_bodies.NOT_JSON),
        ('{"data": 1e999}', event_bodies.NO_NUMBER),
        ('{"data": -1e999}', event_bodies.NO_NUMBER),
        ('{"data": 9223372036854775808}', event_bodies.NO_NUMBER),
        (f'{{"data": {"9" * 400}}}', event_bodies.NO_NUMBER),
        (f'{{"data": {"9" * 50_000}}}', event_bodies.NO_NUMBER),
        ("[" * 200_000, event_bodies.NOT_JSON),
        ("[" * 100_000 + "]" * 100_000, event_bodies.NOT_JSON),
        ("[" * 500 + "]" * 500, event_bodies.TOO_MANY),
        ('{"a":' * 500 + "1" + "}" * 500, event_bodies.TOO_MANY),
        (f"[{'[],' * 40_000}1]", event_bodies.TOO_MANY),
        (b"\xff\xfe\x00", event_bodies.NOT_JSON),
        (b"\x1f\x8b\x08", event_bodies.NOT_JSON),
    ],
)
def test_odd_json_is_refused_cleanly(client, text, words):
    answer = _join(client, text)
    assert (answer.status_code, answer.json()) == (400, {"detail": words})


@pytest.mark.parametrize(
    "change",
    [
        {"fn_index": 999},
        {"fn_index": -1},
        {"fn_index": "5"},
        {"fn_index": 5.0},
        {"fn_index": True},
        {"fn_index": None},
        {"fn_index": [5]},
        {"data": []},
        {"data": [1, 2, 3]},
        {"data": {"0": 1, "1": 2}},
        {"data": None},
        {"trigger_id": 17},
        {"trigger_id": "16"},
        {"trigger_id": {}},
        {"session_hash": None},
        {"session_hash": ""},
        {"session_hash": "x" * 65},
        {"session_hash": "a/b"},
        {"session_hash": 7},
    ],
)
def test_an_event_has_the_shape_of_one_of_the_pages(client, change):
    answer = _join(client, HONEST | change)
    assert (answer.status_code, answer.json()) == (400, {"detail": event_bodies.OUTDATED})


@pytest.mark.parametrize("missing", ["fn_index", "data", "session_hash"])
def test_nothing_may_be_missing(client, missing):
    assert _join(client, {name: value for name, value in HONEST.items() if name != missing}).status_code == 400


@pytest.mark.parametrize("body", [[], 7, "text", None])
def test_an_event_is_an_object(client, body):
    assert _join(client, body).status_code == 400


def test_only_known_fields_arrive(client):
    """Gradio would take orders with the others: whose event it is, how it is answered."""
    more = {"event_id": "x", "batched": True, "simple_format": True, "oauth_token": "t", "request": {}}
    assert json.loads(_join(client, HONEST | more).json()["body"]) == HONEST


def test_half_a_character_becomes_a_sign(client):
    body = json.dumps(HONEST | {"event_data": "WORDS"}).replace("WORDS", "a\\ud83d b\\ud83d\\ude00 \\udc00")
    assert (
        json.loads(_join(client, body).json()["body"])["event_data"]
        == "a\N{REPLACEMENT CHARACTER} b😀 \N{REPLACEMENT CHARACTER}"
    )


@pytest.mark.parametrize(("padding", "status"), [(MAX_BYTES - 1000, 200), (MAX_BYTES, 413), (20_000_000, 413)])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_is_small(client, padding, status, is_chunked):
    body = json.dumps(HONEST | {"event_data": "x" * padding}).encode()
    parts = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    answer = client.post(JOIN, content=parts if is_chunked else body)
    assert answer.status_code == status
    if status == 413:
        assert "256 kB" in answer.json()["detail"]
        assert answer.headers["connection"] == "close"


def _run(app, messages, *, path=JOIN, headers=()):
    """Send messages as a server does; return what was answered and how many messages were taken."""
    sent, taken = [], 0

    async def receive():
        nonlocal taken
        message = messages[taken] if taken < len(messages) else None
        if message is None:
            await asyncio.Event().wait()
        taken += 1
        return message

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers), "query_string": b""}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    return sent, taken


def _part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_dripping_body_ends(app):
    sent, _ = _run(app, [_part(b"{"), _part(b" ")])
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"]) == {"detail": event_bodies.TOO_SLOW}


def test_nothing_more_is_taken_after_the_refusal(app):
    sent, taken = _run(app, [_part(b"x" * 100_000) for _ in range(1000)])
    assert (sent[0]["status"], taken) == (413, 3)


@pytest.mark.parametrize("length", [b"256001", b"9" * 5000])
def test_an_announced_size_is_refused_at_once(app, length):
    sent, taken = _run(app, [_part(b"x")], headers=[(b"content-length", length)])
    assert (sent[0]["status"], taken) == (413, 0)


def test_a_browser_that_leaves_is_not_answered(app):
    assert _run(app, [_part(b"{"), {"type": "http.disconnect"}])[0] == []


def test_other_posts_are_checked_as_well(client):
    assert client.post("/gradio_api/other", content='{"a": 1}').json()["body"] == '{"a": 1}'
    assert client.post("/gradio_api/other", json=FILE).status_code == 400
    assert client.post("/gradio_api/other", content=b"x" * 300_000).status_code == 413


def test_reading_needs_no_body(client):
    assert client.get("/gradio_api/queue/data").status_code == 200


def test_the_size_is_that_of_what_is_handed_on():
    seen = []

    async def inner(scope, receive, send):
        said = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["query_string"])
        seen.append((scope[SCOPE_KEY], len((await receive())["body"]), said))
        await JSONResponse({})(scope, receive, send)

    client = TestClient(EventBodies(inner, shapes={5: EventShape(2)}, blocks={16}, max_bytes=MAX_BYTES))
    _join(client, HONEST | {"more": "x" * 1000})
    ((event, body_bytes, said_bytes),) = seen
    assert event.session == HONEST["session_hash"]
    assert abs(event.size_bytes - body_bytes - said_bytes) < 40  # length and type are said anew
