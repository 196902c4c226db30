"""Whatever JSON an engine answers with is read or refused: nothing else is raised, and no nonsense comes in."""

import math
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_ui.api.models import Cancellation, Price, RequestResult, RequestState, RequestStatus, Submission
from kling_ui.errors import UnexpectedResponseError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
LIKELY = {
    "request_id": st.sampled_from(["r", "req-1", "../x", "r\n", "", "r" * 200]),
    "status": st.sampled_from(["in_queue", "Completed", " failed ", "canceled", "dreaming", ""]),
    "queue_position": st.integers(-5, 10**400) | st.floats(),
    "progress": st.floats() | st.integers(),
    "frame": st.sampled_from(["data:image/jpeg;base64,AAAA", "data:text/html;base64,AAAA", "javascript:alert(1)"]),
    "output": st.dictionaries(
        st.sampled_from(["video", "videos"]), VALUES | st.lists(st.text(max_size=20), max_size=2)
    ),
    "error": st.dictionaries(st.sampled_from(["type", "message", "code"]), VALUES),
    "cost": st.floats() | st.integers(-(10**400), 10**400),
    "created_at": st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "now"]),
    "notes": st.lists(VALUES, max_size=3),
    "outcome": st.sampled_from(["cancelled", "not_cancellable", "maybe"]),
    "base_price_usd": st.floats() | st.integers(),
    "price_unit": st.sampled_from(["second", "", "image"]),
}
ANSWERS = st.fixed_dictionaries({}, optional={name: usual | VALUES for name, usual in LIKELY.items()})
usually = settings(deadline=None, derandomize=True, database=None, max_examples=150)


def read(reader, *given_first):
    with suppress(UnexpectedResponseError):
        return reader(*given_first)
    return None


@usually
@given(ANSWERS)
def test_a_status_holds_nothing_but_what_it_may(data):
    found = read(RequestStatus.from_json, "req-1", data)
    if found is not None:
        assert found.state in RequestState
        assert found.progress is None or 0 <= found.progress <= 1
        assert found.queue_position is None or found.queue_position >= 0
        assert found.frame is None or found.frame.startswith("data:image/jpeg;base64,")


@usually
@given(ANSWERS)
def test_a_result_holds_nothing_but_what_it_may(data):
    found = read(RequestResult.from_json, "req-1", data)
    if found is not None:
        assert found.cost_usd is None or (math.isfinite(found.cost_usd) and found.cost_usd >= 0)
        assert found.video_url is None or found.state is RequestState.COMPLETED
        assert all(time is None or time.tzinfo is not None for time in (found.created_at, found.finished_at))
        for text in (found.error, found.error_type):
            assert text is None or text.encode()  # no halves of characters


@usually
@given(ANSWERS)
def test_other_answers_hold_nothing_but_what_they_may(data):
    submission = read(Submission.from_json, data)
    assert submission is None or re.fullmatch(r"[A-Za-z0-9_-]{1,128}", submission.request_id)
    cancellation = read(Cancellation.from_json, "req-1", data)
    assert cancellation is None or cancellation.outcome in {"cancelled", "not_cancellable"}
    price = read(Price.from_json, data)
    assert price is None or (math.isfinite(price.amount_usd) and price.amount_usd >= 0)


@pytest.mark.parametrize("reader", [RequestStatus.from_json, RequestResult.from_json, Cancellation.from_json])
def test_an_answer_about_another_request_is_none(reader):
    data = {"request_id": "other", "status": "completed", "outcome": "cancelled"}
    assert read(reader, "req-1", data) is None
