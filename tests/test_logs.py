"""Log lines as JSON: what they carry, and what never stands in them."""

import io
import json
import logging
from pathlib import Path

import pytest

from kling_ui.errors import MediaError
from kling_ui.logs import without_personal, write_json_lines

RUN_ID = "0123456789abcdef" * 2
TOKEN = "rc-live-0123456789abcdefghijklmnop"


@pytest.fixture
def stream():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    write_json_lines(out)
    yield out
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


def _lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_with_the_run_that_it_is_about(stream):
    logging.getLogger("kling_ui.runs").info("Run %s on %s: %s.", RUN_ID, "preview", "completed")
    (line,) = _lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "kling_ui.runs",
        "message": f"Run {RUN_ID} on preview: completed.",
        "run_id": RUN_ID,
    }


def test_an_error_is_told_by_its_type_and_its_places_alone(stream):
    error = MediaError("it breaks off.", path=Path("/home/ann/ann-at-the-sea.png"))
    try:
        raise error
    except MediaError:
        logging.getLogger("kling_ui").exception("A file could not be read: %s", error)
    (line,) = _lines(stream)
    assert line["error"] == "MediaError"
    assert line["places"][-1].startswith("tests.test_logs:")
    assert "sea" not in stream.getvalue()


@pytest.mark.parametrize(
    "personal",
    [
        "203.0.113.7",
        "203.0.113.7:51234",
        "2001:db8:85a3::8a2e:370:7334",
        "https://bucket.example/run?X-Amz-Signature=abc",
        "ann@example.org",
        "/home/ann/pictures/me.png",
        "C:\\Users\\ann\\me.png",
        "ann-at-the-sea.png",
        "holiday.MOV",
        TOKEN,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        "0a" * 32,
    ],
)
def test_what_may_be_personal_or_secret_stays_out(stream, personal):
    logging.getLogger("uvicorn.error").warning("It came from %s, they say.", personal)
    logging.getLogger("somebody.else").warning("It came from " + personal + ", they say.")
    for line in _lines(stream):
        assert personal not in line["message"]
        assert "It came from [...]" in line["message"]


@pytest.mark.parametrize(
    "harmless",
    [
        f"Run {RUN_ID} is looked after by another process now.",
        "12.5 MB of files of free runs and of checks were removed.",
        "Invalid HTTP request received.",
        "A login came to nothing: OAuthError.",
    ],
)
def test_plain_words_stay_as_they_are(harmless):
    assert without_personal(harmless) == harmless
