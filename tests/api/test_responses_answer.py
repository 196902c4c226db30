from datetime import UTC, datetime

import pytest

from kling_ui.api.responses import Answer, retry_after_s
from kling_ui.errors import APIStatusError

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        (" 30 ", 30.0),
        ("Sun, 22 Nov 2026 10:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("-5", None),
        ("1e3", None),
        ("9" * 30, None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header, expected):
    assert retry_after_s(header, now=NOW) == expected


@pytest.mark.parametrize(
    ("status", "body", "request_id", "words"),
    [
        (404, b"{}", None, "model"),
        (404, b"{}", "r-1", "request"),
        (400, b'{"error_code": 400001}', None, "model"),
        (413, b"{}", None, "too large"),
        (503, b"{}", None, "not available"),
        (418, b"{}", None, "reported an error"),
        (301, b"", None, "redirects"),
        (200, b'{"error_code": "E_ODD"}', None, "reported an error"),
        (200, b'{"error_code": true}', None, "reported an error"),
    ],
)
def test_each_error_says_what_it_is_about(status, body, request_id, words):
    with pytest.raises(APIStatusError, match=words) as caught:
        Answer(status, body).payload(request_id)
    assert caught.value.status_code == status


def test_the_details_are_kept_short():
    body = b'{"error_code": 422001, "error_message": "no", "detail": "' + b"x" * 10_000 + b'"}'
    with pytest.raises(APIStatusError) as caught:
        Answer(422, body).payload()
    assert len(caught.value.detail) == 2000


def test_a_null_error_code_is_no_error():
    assert Answer(200, b'{"error_code": null, "a": 1}').payload() == {"error_code": None, "a": 1}


def test_an_answer_hides_its_body():
    assert repr(Answer(200, b"secret")) == "Answer(200, 6 bytes)"
