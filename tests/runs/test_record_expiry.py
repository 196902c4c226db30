from dataclasses import replace

import pytest
from run_records import a_run

from kling_ui.runs.record import KEPT_S, EngineName, RunState, expires_at, expiry_of

RUN = a_run(request_id="req-1")
READY = replace(RUN, state=RunState.COLLECTING, ready_at=500.0)


@pytest.mark.parametrize(
    ("record", "needs_token", "until"),
    [
        (RUN, False, None),  # it is followed, and its result is fetched at once
        (RUN, True, 100.0 + KEPT_S),
        (READY, False, 500.0 + KEPT_S),
        (replace(READY, state=RunState.FAILED), False, 500.0 + KEPT_S),
        (replace(READY, result_name="result.mp4"), False, None),
        (replace(RUN, state=RunState.UNKNOWN), False, 100.0 + KEPT_S),
        (replace(RUN, state=RunState.FAILED), False, None),
        (replace(RUN, state=RunState.CANCELLED), False, None),
        (replace(RUN, engine=EngineName.PREVIEW, ready_at=1.0), True, None),
    ],
)
def test_a_result_may_expire_until_it_is_here(record, needs_token, until):
    assert expires_at(record, needs_token=needs_token) == until
    assert (expiry_of(record, 200.0, needs_token=needs_token) is None) is (until is None)


def test_the_time_left_is_counted_from_when_the_result_was_ready():
    assert expiry_of(READY, 500.0) == (500.0 + KEPT_S, KEPT_S, True)
    assert expiry_of(RUN, 600.0, needs_token=True) == (100.0 + KEPT_S, KEPT_S - 500.0, False)
