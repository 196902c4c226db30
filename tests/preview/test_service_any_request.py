"""Requests made from the schema that the model's card publishes, and from nonsense: an answer, or a refusal in JSON.

Requests from the OpenAPI description are made in test_openapi.py; these go beyond what any description allows.
"""

import json
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_ui.preview.catalog import card
from kling_ui.settings import MODEL_ID

SCHEMA = card("http://preview.localhost")["input_schema"]
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
ADDRESSES = st.sampled_from(
    [
        *(
            "data:image/png;base64,AAAA",
            "data:video/mp4;base64,AAAA",
            "data:image/png;base64,!",
            "data:,x",
            "data:",
            "",
        ),
        *("http://[::1", "https://u:p@example.org/", "file:///etc/passwd", "https://exa mple.org/", "http://x:99999/"),
    ]
)


def values_of(name):
    """Values that a field's schema allows, or nearly."""
    field = SCHEMA["properties"][name]
    if "enum" in field:
        return st.sampled_from(field["enum"])
    if name.endswith("_url"):
        return ADDRESSES
    return {
        "string": st.text(max_size=20),
        "boolean": st.booleans(),
        "object": st.dictionaries(st.text(max_size=9), NONSENSE),
    }[field["type"]]


INPUTS = st.fixed_dictionaries(
    {}, optional={name: values_of(name) | NONSENSE for name in SCHEMA["properties"]} | {"more": NONSENSE}
)
GOOD = st.fixed_dictionaries({name: values_of(name) for name in SCHEMA["required"]})
BODIES = st.one_of(
    (INPUTS | GOOD | NONSENSE).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=30),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 5000, b'"\\ud800"', b"9" * 10_000, b"NaN"]),
)
IDS = st.text(max_size=12).map(lambda text: quote(text, safe="")) | st.just("0" * 32)
PATHS = st.one_of(
    st.sampled_from(["/v1/models", "/v1/models/categories", f"/v1/models/{MODEL_ID}", "/openapi.json", "/docs", "/"]),
    IDS.map(lambda name: f"/v1/models/{name}"),
    st.builds(
        lambda name, what: f"/v1/requests/{name}/{what}", IDS, st.sampled_from(["status", "result", "cancel", ""])
    ),
    IDS.map(lambda name: f"/v1/files/{name}.mp4"),
)
LINE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "authorization": LINE | LINE.map(lambda text: f"Bearer {text}"),
        "content-type": LINE | st.just("application/json"),
        "origin": LINE,
        "range": LINE | st.sampled_from(["bytes=0-", "bytes=-0", "bytes=5-1", f"bytes={'9' * 30}-"]),
        "x-forwarded-host": LINE,
    },
)
QUERIES = st.dictionaries(
    st.sampled_from(["search", "category", "limit", "offset", "include_cost"]), st.text(max_size=8)
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
REQUESTS = st.fixed_dictionaries(
    {"method": METHODS, "url": PATHS, "content": BODIES, "headers": HEADERS, "params": QUERIES}
)
SUBMITS = st.fixed_dictionaries(
    {"method": st.just("POST"), "url": st.just(f"/v1/models/{MODEL_ID}"), "content": BODIES, "headers": HEADERS}
)


@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(REQUESTS | SUBMITS, min_size=1, max_size=6))
def test_any_request_gets_an_answer_or_a_refusal_in_json(in_house, requests):
    async def use(house):
        return [(request, await house.http.request(**request)) for request in requests]

    for request, response in in_house(use, held=True):
        assert response.status_code < 500, (request, response.text)
        assert "Traceback" not in response.text
        if request["method"] == "HEAD" or response.status_code == 204:
            assert not response.content
        elif response.status_code >= 400:
            told = response.json()
            assert set(told) <= {"error_code", "error_message", "detail"}
            assert told["error_message"]
        elif response.headers["content-type"] == "application/json":
            assert isinstance(response.json(), dict)
