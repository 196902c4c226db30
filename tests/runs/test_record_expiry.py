from dataclasses import replace

import pytest

from kling_ui.options import TransferOptions
from kling_ui.runs.record import (
    KEPT_S,
    EngineName,
    RunRecord,
    RunState,
    expires_at,
    expiry_words,
)

RUN = RunRecord(
    run_id="1" * 32,
    visitor="ann",
    engine=EngineName.KLING,
    state=RunState.IN_PROGRESS,
    created_at=100.0,
    changed_at=100.0,
    fingerprint="f",
    image_name="image.png",
    image_sha256="a",
    reference_name="reference.mp4",
    reference_sha256="b",
    choice=TransferOptions(),
    request_id="req-1",
)
READY = replace(RUN, state=RunState.COLLECTING, ready_at=500.0)
HOUR = 3600.0


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
    assert bool(expiry_words(record, 200.0, needs_token=needs_token)) is (until is not None)


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (KEPT_S, "in about 7 days; it is safe once it is kept here"),
        (47 * HOUR, "in about 47 h"),
        (2 * HOUR, "in about 2 h"),
        (119 * 60, "in about 119 min"),
        (5, "in about 1 min"),
        (0, "may have expired"),
        (-HOUR, "may have expired"),
    ],
)
def test_the_time_left_is_told(left_s, words):
    assert words in expiry_words(READY, 500.0 + KEPT_S - left_s)
