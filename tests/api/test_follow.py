import asyncio

import httpx
import pytest

from kling_ui.api.models import RequestState
from kling_ui.api.polling import EMBEDDED_POLLING, REMOTE_POLLING
from kling_ui.errors import APIConnectionError, APIError, APIStatusError, AuthenticationError, RunTimeoutError

RUNNING = {"status": "in_progress"}
DONE = {"status": "completed"}


def follow(play, clock, **options):
    """Follow ``r-1``; return the statuses seen and the error it ended with, if any."""

    async def use(api):
        seen = []
        try:
            async for status in api.follow("r-1", sleep=clock.sleep, clock=clock, jitter=lambda: 1.0, **options):
                seen.append(status)  # noqa: PERF401  what was seen before an error counts
        except (APIError, RunTimeoutError) as error:
            return seen, error
        return seen, None

    return play.play(use)


@pytest.mark.parametrize(
    ("word", "final_state"),
    [
        ("completed", RequestState.COMPLETED),
        ("succeeded", RequestState.COMPLETED),
        ("Completed ", RequestState.COMPLETED),
        ("failed", RequestState.FAILED),
        ("cancelled", RequestState.CANCELLED),
        ("canceled", RequestState.CANCELLED),
    ],
)
def test_final_words_end_it(script, clock, word, final_state):
    seen, error = follow(script({"status": word}), clock)
    assert error is None
    assert [status.state for status in seen] == [final_state]
    assert clock.slept_s == []


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("in_queue", RequestState.IN_QUEUE),
        ("pending", RequestState.IN_QUEUE),
        ("waiting", RequestState.IN_QUEUE),
        ("in_progress", RequestState.IN_PROGRESS),
        ("starting", RequestState.IN_PROGRESS),
        ("processing", RequestState.IN_PROGRESS),
        ("reticulating_splines", RequestState.IN_PROGRESS),
        ("success", RequestState.IN_PROGRESS),
    ],
)
def test_other_words_mean_still_running_until_the_deadline(script, clock, word, state):
    play = script({"status": word, "queue_position": 3})
    seen, error = follow(play, clock, deadline_s=60)
    assert isinstance(error, RunTimeoutError)
    assert error.request_id == "r-1"
    assert {status.state for status in seen} == {state}
    assert {status.word for status in seen} == {word}
    assert clock.now_s == pytest.approx(60)
    assert len(play.requests) < 20


def test_it_asks_fast_at_first_and_after_news_and_slower_while_nothing_happens(script, clock):
    queued = [{"status": "in_queue", "queue_position": place} for place in (2, 2, 2, 1)]
    follow(script(*queued, *[RUNNING] * 12, DONE), clock)
    assert clock.slept_s[:4] == pytest.approx([2.0, 2.4, 2.88, 2.0])
    assert clock.slept_s[4] == 2.0, "news: it runs"
    assert clock.slept_s[-1] == 10.0, "nothing new for long"
    assert min(clock.slept_s) >= 2.0, "never more than one request in 2 s"


def test_the_embedded_engine_may_be_asked_faster(script, clock):
    follow(script(*[RUNNING] * 30, DONE), clock, polling=EMBEDDED_POLLING)
    assert clock.slept_s[0] == 0.1
    assert max(clock.slept_s) == 1.0


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(httpx.ConnectError("no"), id="refused"),
        pytest.param(httpx.ReadTimeout("no"), id="timeout"),
        pytest.param(httpx.Response(429), id="429"),
        pytest.param(httpx.Response(408), id="408"),
        pytest.param(httpx.Response(500), id="500"),
        pytest.param(httpx.Response(502, text="<html>"), id="502 HTML"),
        pytest.param(httpx.Response(200), id="empty"),
        pytest.param(httpx.Response(200, text="<html>log in to this wifi"), id="captive portal"),
        pytest.param(httpx.Response(302, headers={"location": "https://portal.example"}), id="redirect"),
        pytest.param({"status": None}, id="no word"),
        pytest.param({"status": "completed", "request_id": "another"}, id="about another request"),
        pytest.param({"error_code": 500001}, id="200 with a fault"),
        pytest.param({"error_code": 12}, id="200 with an unknown code"),
    ],
)
def test_passing_trouble_is_survived(script, clock, trouble):
    told = []
    play = script(RUNNING, trouble, trouble, trouble, DONE)
    seen, error = follow(play, clock, on_retry=told.append)
    assert error is None
    assert [status.state for status in seen] == [RequestState.IN_PROGRESS, RequestState.COMPLETED]
    assert clock.slept_s == [2.0, 4.0, 8.0, 16.0], "exponential backoff"
    assert len(told) == 3


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        pytest.param(httpx.Response(401), AuthenticationError, id="401"),
        pytest.param(httpx.Response(403), AuthenticationError, id="403"),
        pytest.param(httpx.Response(404), APIStatusError, id="404"),
        pytest.param(httpx.Response(500, json={"error_code": 404001}), APIStatusError, id="500 with 404001"),
        pytest.param({"error_code": 400004}, AuthenticationError, id="200 with 400004"),
    ],
)
def test_a_refusal_ends_it_at_once(script, clock, refusal, expected):
    play = script(RUNNING, refusal)
    seen, error = follow(play, clock)
    assert type(error) is expected
    assert len(seen) == 1
    assert len(play.requests) == 2


def test_backoff_is_capped_and_starts_anew_after_an_answer(script, clock):
    follow(script(*[httpx.ConnectError("no")] * 9, RUNNING, httpx.ConnectError("no"), DONE), clock)
    assert clock.slept_s == [4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0, 60.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("headers", "waited_s"),
    [({"retry-after": "45"}, 45.0), ({"retry-after": "1"}, 4.0), ({"retry-after": "soon"}, 4.0), ({}, 4.0)],
)
@pytest.mark.parametrize("status_code", [429, 503])
def test_retry_after_is_never_undercut(script, clock, status_code, headers, waited_s):
    follow(script(httpx.Response(status_code, headers=headers), DONE), clock)
    assert clock.slept_s == [waited_s]


def test_retry_after_does_not_outlast_the_deadline(script, clock):
    _, error = follow(script(httpx.Response(429, headers={"retry-after": "100000"}), DONE), clock, deadline_s=30)
    assert isinstance(error, RunTimeoutError)
    assert clock.now_s == 30


def test_jitter_spreads_callers_over_half_the_wait():
    spread = [REMOTE_POLLING.after_failure(4, asked_s=None, jitter=share) for share in (0.0, 0.5, 1.0)]
    assert spread == [16.0, 24.0, 32.0]
    assert REMOTE_POLLING.after_failure(1, asked_s=None, jitter=0.0) == 2.0
    assert REMOTE_POLLING.after_failure(5000, asked_s=None, jitter=1.0) == 60.0


def test_following_ends_when_its_task_is_cancelled(script):
    async def use(api):
        async def watch():
            return [status async for status in api.follow("r-1", sleep=lambda _: asyncio.sleep(3600))]

        task = asyncio.create_task(watch())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    script(RUNNING).play(use)


def test_collect_waits_for_a_final_result(script, clock):
    play = script(
        {"status": "in_progress"},
        httpx.Response(502),
        {"status": "succeeded", "output": {"videos": ["https://v.runcomfy.net/a.mp4"]}, "cost": 0.35},
    )
    result = play.play(lambda api: api.collect("r-1", sleep=clock.sleep, clock=clock, jitter=lambda: 0.0))
    assert (result.state, result.video_url, result.cost_usd) == (
        RequestState.COMPLETED,
        "https://v.runcomfy.net/a.mp4",
        0.35,
    )
    assert clock.slept_s == [2.0, 2.0]
    assert all(sent.url.query == b"include_cost=true" for sent in play.requests)


def test_collect_gives_up_at_its_deadline(script, clock):
    play = script(httpx.ConnectError("no"))
    with pytest.raises(RunTimeoutError):
        play.play(lambda api: api.collect("r-1", sleep=clock.sleep, clock=clock, deadline_s=5))


def test_collect_passes_a_refusal_on(script, clock):
    with pytest.raises(APIStatusError):
        script(httpx.Response(404)).play(lambda api: api.collect("r-1", sleep=clock.sleep, clock=clock))
    assert issubclass(RunTimeoutError, TimeoutError)
    assert not issubclass(APIConnectionError, APIStatusError)
