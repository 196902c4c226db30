import asyncio
import json
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import LedgerError, RunError, SettingsError, WorkError
from kling_ui.presentation.runs import cancel_words, run_words
from kling_ui.runs.outcomes import REFUSALS_MAX
from kling_ui.runs.record import KEPT_S, EngineName, RunState
from kling_ui.runs.result_download import LATE_TRIES

TOKEN = "app-token-0123456789"  # the one that `open_world` sets
VISITORS = SecretStr("visitor-token-0123456789")


def ok(**body):
    return httpx.Response(200, json=body)


def status(word, **more):
    return ok(request_id="req-1", status=word, **more)


def refused(http_status, code):
    return httpx.Response(http_status, json={"error_code": code, "error_message": "no"})


def run_once(open_world, vendor, **start):
    """Run to the end; return the last view and the world's folder."""

    async def story():
        async with open_world(vendor) as world:
            return await world.end(await world.kling(**start))

    return asyncio.run(story())


def test_a_paid_run_from_two_files_to_a_kept_result(open_world, make_vendor):
    vendor = make_vendor()
    view = run_once(open_world, vendor)
    assert (view.state, view.request_id, view.cost_usd) == (RunState.COMPLETED, "req-1", 0.35)
    assert run_words(view).sentence == "The video is ready and kept here."
    assert view.result.read_bytes() == view.reference.read_bytes()
    price, submit, *reads, fetch = vendor.seen
    assert (price.method, submit.method) == ("GET", "POST")
    body = json.loads(submit.content)
    assert submit.url.path == "/v1/models/kling/kling-2-6/motion-control-standard"
    assert body["image_url"].startswith("data:image/png;base64,")
    assert body["video_url"].startswith("data:video/mp4;base64,")
    assert (body["prompt"], body["character_orientation"], body["keep_original_sound"]) == ("A robot", "video", True)
    assert {request.headers["Authorization"] for request in [price, submit, *reads]} == {f"Bearer {TOKEN}"}
    assert "Authorization" not in fetch.headers
    assert vendor.submit_count == 1


def test_public_addresses_that_the_visitor_gave_are_passed_on(open_world, make_vendor, tmp_path):
    vendor = make_vendor()
    outside = httpx.MockTransport(lambda _: httpx.Response(200, content=(tmp_path / "in.png").read_bytes()))

    async def story():
        async with open_world(vendor, outside=outside) as world:
            inputs = replace(
                world.inputs(), image_url="https://pics.example/a.png?sig=1", video_url="http://v.example/"
            )
            run_id = await world.runner.start(inputs, engine=EngineName.KLING, visitor="ann")
            await world.end(run_id)

    asyncio.run(story())
    body = json.loads(vendor.submits_seen[0].content)
    assert body["image_url"] == "https://pics.example/a.png?sig=1"
    assert body["video_url"].startswith("data:")  # the vendor takes https only


def test_nothing_is_sent_without_a_token(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor, token=None) as world:
            with pytest.raises(RunError, match="needs a RunComfy token"):
                await world.kling()
            with pytest.raises(SettingsError):
                await world.kling(token=SecretStr("with space"))
            return await world.runner.history("ann")

    assert asyncio.run(story()) == []
    assert vendor.seen == []


def test_a_file_that_cannot_travel_is_told_before_anything_is_sent(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            world.image.write_bytes(world.image.read_bytes()[:8] + b"\0\x60\0\0IDAT" + bytes(6 * 2**20 + 4))
            return await world.end(await world.kling())

    view = asyncio.run(story())
    assert view.state is RunState.FAILED
    assert "at most 6 MiB" in run_words(view).sentence
    assert "Nothing was sent" in run_words(view).sentence
    assert "public https address" in run_words(view).advice
    assert vendor.submit_count == 0


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (httpx.ConnectError("refused"), RunState.FAILED, "No connection"),
        (httpx.ReadTimeout("slow"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.ReadError("reset"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.Response(502, text="<html>"), RunState.UNKNOWN, "not known whether the request was accepted"),
        (httpx.Response(200, text=""), RunState.UNKNOWN, "not known whether the request was accepted"),
        (refused(401, 400004), RunState.FAILED, "did not accept the token"),
        (refused(402, 400002), RunState.FAILED, "no balance"),
        (refused(422, 422001), RunState.FAILED, "did not accept these inputs"),
        (refused(429, 429001), RunState.FAILED, "busy"),
        (refused(200, 400002), RunState.FAILED, "no balance"),
    ],
)
def test_a_submit_is_sent_once_whatever_comes_back(open_world, make_vendor, answer, state, words):
    vendor = make_vendor(submits=[answer])
    view = run_once(open_world, vendor)
    assert view.state is state
    assert words in run_words(view).sentence
    assert view.result is None
    assert vendor.submit_count == 1


def test_an_unknown_outcome_is_repeated_only_on_request(open_world, make_vendor):
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow"), ok(request_id="req-1")])

    async def story():
        async with open_world(vendor) as world:
            first = await world.kling()
            await world.end(first)
            second = await world.kling()
            third = await world.kling(again=True)
            return first, second, third, await world.end(third)

    first, second, third, view = asyncio.run(story())
    assert first == second
    assert third != first
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 2


def test_reads_are_patient(open_world, make_vendor):
    vendor = make_vendor(
        statuses=[
            status("in_queue", queue_position=1),
            httpx.ReadTimeout("slow"),
            httpx.Response(502, text="<html>"),
            httpx.Response(429, headers={"Retry-After": "99"}, json={"error_code": 429001}),
            status("warming_up"),
            status("completed"),
        ],
        files=[
            httpx.ReadError("cut"),
            httpx.Response(503),
            httpx.Response(200, content=b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"),
        ],
    )

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            views = [view async for view in world.runner.watch(run_id, "ann")]
            return views, world.sleeps

    views, sleeps = asyncio.run(story())
    assert views[-1].state is RunState.COMPLETED
    assert any("It is tried again." in run_words(view).sentence for view in views)
    assert any("not confirmed for this model" in run_words(view).note for view in views)
    assert min(sleeps) >= 1.0
    assert max(sleeps) == 99
    assert vendor.submit_count == 1


BROKEN_FETCHES = [httpx.ReadError("cut"), httpx.Response(503), httpx.Response(404), httpx.ConnectError("x")]
DAY = 86_400.0


def done_at(shift_s):
    """Say that the video was ready so many seconds from now on the vendor's clock; ``None`` says nothing."""
    stamps = {}
    if shift_s is not None:
        finished_at = datetime.fromtimestamp(time.time() + shift_s, UTC)
        stamps = {
            "finished_at": finished_at.isoformat(),
            "created_at": (finished_at - timedelta(minutes=9)).isoformat(),
        }
    return ok(request_id="req-1", status="succeeded", output={"video": "https://files.runcomfy.net/v.mp4"}, **stamps)


@pytest.mark.parametrize("shift_s", [None, 0.0, -3600.0, -8 * DAY, -334 * DAY, -20_000 * DAY, 400 * DAY])
@pytest.mark.parametrize("way", ["sent", "recovered"])
def test_a_paid_video_is_not_given_up_for_what_the_vendors_clock_says(open_world, make_vendor, way, shift_s):
    vendor = make_vendor(results=[done_at(shift_s)], statuses=[status("completed")])
    vendor.files = [*BROKEN_FETCHES, *vendor.files]

    async def story():
        async with open_world(vendor) as world:
            if way == "sent":
                return await world.end(await world.kling())
            start = await world.runner.recover("req-1", visitor="ann", token=VISITORS)
            return await world.end(start.run_id)

    view = asyncio.run(story())
    assert (view.state, view.trouble) == (RunState.COMPLETED, None)
    assert vendor.count("v.mp4") == len(BROKEN_FETCHES) + 1


@pytest.mark.parametrize("error", [WorkError("The worker died."), LedgerError("It is locked."), ZeroDivisionError()])
@pytest.mark.parametrize("shift_s", [-3600.0, -334 * DAY])
def test_an_old_paid_video_is_not_given_up_for_a_fault_here(open_world, make_vendor, error, shift_s):
    vendor = make_vendor(results=[done_at(shift_s)], statuses=[status("completed")])

    async def story():
        async with open_world(vendor) as world:
            measure, faults = world.measurer.facts, [error]

            async def facts(video):
                if faults:
                    raise faults.pop()
                return await measure(video)

            world.measurer.facts = facts
            start = await world.runner.recover("req-1", visitor="ann", token=VISITORS)
            return await world.end(start.run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED


@pytest.mark.parametrize(("ahead_s", "is_given_up"), [(0.0, False), (KEPT_S - 60, False), (KEPT_S + 60, True)])
def test_a_paid_video_is_given_up_when_it_was_ready_here_for_too_long(open_world, make_vendor, ahead_s, is_given_up):
    vendor = make_vendor(results=[done_at(0.0)], statuses=[status("completed")], files=[httpx.Response(404)])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            await world.until_known(run_id, "(404)")
        before = vendor.count("v.mp4")
        async with open_world(vendor, ahead_s=ahead_s) as world:
            if is_given_up:
                return await world.end(run_id), vendor.count("v.mp4") - before
            async with asyncio.timeout(10):
                while vendor.count("v.mp4") - before <= LATE_TRIES:  # noqa: ASYNC110  the vendor tells nobody
                    await asyncio.sleep(0.01)
            return await world.until(run_id, RunState.COLLECTING), None

    view, tries = asyncio.run(story())
    if is_given_up:
        assert (view.state, view.can_recover, tries) == (RunState.FAILED, True, LATE_TRIES)
        assert "expired" in run_words(view).sentence
    else:
        assert view.state is RunState.COLLECTING


def test_what_was_wrong_is_not_told_any_more_once_it_has_succeeded(open_world, make_vendor):
    vendor = make_vendor()
    vendor.files = [httpx.Response(503), *vendor.files]

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            return [view async for view in world.runner.watch(run_id, "ann")]

    views = asyncio.run(story())
    told = {view.state for view in views if view.trouble or "It is tried again" in run_words(view).sentence}
    assert told == {RunState.COLLECTING}
    assert views[-1].state is RunState.COMPLETED


@pytest.mark.parametrize(
    ("result", "state", "words"),
    [
        (
            {"status": "failed", "error": {"type": "x", "message": "No complete upper body detected"}},
            RunState.FAILED,
            ("did not find a whole upper body", "one person"),
        ),
        ({"status": "failed", "error": "E-77"}, RunState.FAILED, ("could not make this video", "Its own words")),
        ({"status": "canceled"}, RunState.CANCELLED, ("Nothing was rendered", "")),
        ({"status": "succeeded", "output": {}}, RunState.FAILED, ("no video to keep", "request req-1")),
        (
            {"status": "succeeded", "output": {"video": "https://evil.example/v.mp4"}},
            RunState.FAILED,
            ("not known as the engine's", "request req-1"),
        ),
    ],
)
def test_an_end_without_a_video_says_why(open_world, make_vendor, result, state, words):
    vendor = make_vendor(results=[ok(request_id="req-1", **result)])
    view = run_once(open_world, vendor)
    assert view.state is state
    assert words[0] in run_words(view).sentence
    assert words[1] in run_words(view).advice
    assert vendor.count("v.mp4") == 0
    if result.get("error"):
        assert view.raw_error in {"No complete upper body detected", "E-77"}


def test_what_cannot_be_played_is_not_called_a_result(open_world, make_vendor):
    async def story(vendor, damage=""):
        async with open_world(vendor) as world:
            world.measurer.damage = damage
            return await world.end(await world.kling())

    page = make_vendor(files=[httpx.Response(200, text="<html>Sign in</html>")])
    view = asyncio.run(story(page))
    assert view.state is RunState.FAILED
    assert "a web page" in run_words(view).sentence
    view = asyncio.run(story(make_vendor(), damage="it breaks off."))
    assert view.state is RunState.FAILED
    assert "it breaks off." in run_words(view).sentence


@pytest.mark.parametrize(
    ("cancel", "words"),
    [
        (ok(request_id="req-1", status="in_progress", outcome="not_cancellable"), "cannot be stopped any more"),
        (httpx.ReadTimeout("slow"), "is not known"),
        (refused(500, 500001), "is not known"),
    ],
)
def test_cancelling_a_run_that_goes_on_tells_so_and_keeps_its_video(open_world, make_vendor, cancel, words):
    vendor = make_vendor(cancels=[cancel], statuses=[status("in_progress")])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            await world.until(run_id, RunState.IN_PROGRESS)
            told = cancel_words(await world.runner.cancel(run_id, "ann"))
            vendor.statuses.append(status("completed"))
            return told, await world.end(run_id)

    told, view = asyncio.run(story())
    assert words in told
    assert view.state is RunState.COMPLETED


def test_cancelling_a_waiting_run_ends_it(open_world, make_vendor):
    vendor = make_vendor(
        cancels=[ok(request_id="req-1", status="cancelled", outcome="cancelled")],
        statuses=[status("in_queue", queue_position=3)],
    )

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            waiting = await world.until(run_id, RunState.IN_QUEUE)
            told = cancel_words(await world.runner.cancel(run_id, "ann"))
            again = cancel_words(await world.runner.cancel(run_id, "ann"))
            return waiting, told, again, await world.end(run_id)

    waiting, told, again, view = asyncio.run(story())
    assert waiting.can_cancel
    assert told == run_words(view).sentence == "Cancelled while it waited. Nothing was rendered."
    assert again == "This run has already ended."
    assert view.state is RunState.CANCELLED


def test_a_run_whose_token_is_gone_waits_for_it(open_world, make_vendor):
    vendor = make_vendor(statuses=[status("in_progress")])

    async def before():
        async with open_world(vendor, token=None) as world:
            run_id = await world.kling(token=VISITORS)
            await world.until(run_id, RunState.IN_PROGRESS)
            return run_id

    async def after(run_id):
        vendor.statuses.append(status("completed"))
        async with open_world(vendor) as world:
            assert await world.runner.take_over() == []  # the app's own token is another account's
            waiting = await world.end(run_id)
            assert await world.runner.resume("ben", VISITORS) == []
            assert await world.runner.resume("ann", VISITORS) == [run_id]
            return waiting, await world.end(run_id)

    run_id = asyncio.run(before())
    waiting, view = asyncio.run(after(run_id))
    assert waiting.needs_token
    assert waiting.state is RunState.IN_PROGRESS
    assert "Enter its token" in run_words(waiting).sentence
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 1


def test_a_token_that_is_refused_while_following_loses_nothing(open_world, make_vendor):
    refusals = [refused(401, 400004)] * (REFUSALS_MAX + 1)
    vendor = make_vendor(statuses=[status("in_progress"), *refusals, status("completed")])

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            waiting = await world.end(run_id)
            await world.runner.resume("ann", VISITORS)
            return waiting, await world.end(run_id)

    waiting, view = asyncio.run(story())
    assert waiting.needs_token
    assert not waiting.is_final
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 1


def test_a_sent_run_is_followed_by_the_next_process(open_world, make_vendor):
    vendor = make_vendor(statuses=[status("in_progress")])

    async def before():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            await world.until(run_id, RunState.IN_PROGRESS)
            return run_id

    async def after(run_id):
        vendor.statuses.append(status("completed"))
        async with open_world(vendor) as world:
            assert await world.runner.take_over() == [run_id]
            assert await world.runner.take_over() == []
            return await world.end(run_id)

    view = asyncio.run(after(asyncio.run(before())))
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 1


def held_up(vendor):
    """Make the vendor think about each submit; return what tells that it does, and what lets it answer."""
    sending, may_answer, answer = asyncio.Event(), asyncio.Event(), vendor.handle_async_request

    async def slow(request):
        if request.method == "POST":
            sending.set()
            await may_answer.wait()
        return await answer(request)

    vendor.handle_async_request = slow
    return sending, may_answer


def test_a_process_that_stops_while_it_sends_leaves_an_unknown_run_until_the_answer_is_known(open_world, make_vendor):
    vendor = make_vendor()
    sending, may_answer = held_up(vendor)

    async def story():
        async with open_world(vendor) as stalled, open_world(vendor, ahead_s=60.0) as other:
            run_id = await stalled.kling()
            await sending.wait()
            assert await other.runner.take_over() == []
            unknown = await other.end(run_id)
            may_answer.set()
            await stalled.until(run_id, RunState.IN_QUEUE)
            return unknown, await other.runner.take_over() == [run_id], await other.end(run_id)

    unknown, taken_over, view = asyncio.run(story())
    assert unknown.state is RunState.UNKNOWN
    assert "not known whether RunComfy accepted it" in run_words(unknown).sentence
    assert taken_over
    assert view.state is RunState.COMPLETED
    assert vendor.submit_count == 1


def test_a_run_that_was_taken_over_before_it_was_sent_is_not_sent(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as stalled, open_world(vendor, ahead_s=60.0) as other:
            entering = stalled.context.ledger.ask

            async def ask(question):
                answer = await entering(question)
                if await other.runner.history("ann"):
                    stalled.context.ledger.ask = entering
                    await other.runner.take_over()  # the moment between entering the run and sending it
                return answer

            stalled.context.ledger.ask = ask
            run_id = await stalled.kling()
            return await other.end(run_id)

    view = asyncio.run(story())
    assert view.state is RunState.FAILED
    assert "Nothing is charged" in run_words(view).sentence
    assert vendor.submit_count == 0


def test_cancelling_before_anything_is_sent_sends_nothing(open_world, make_vendor):
    vendor = make_vendor()

    async def story():
        async with open_world(vendor) as world:
            world.image.write_bytes(
                world.image.read_bytes()[:8] + b"\0\x50\0\0IDAT" + bytes(5 * 2**20 + 4)
            )  # takes a moment to be packed
            run_id = await world.kling()
            told = cancel_words(await world.runner.cancel(run_id, "ann"))
            return told, await world.end(run_id)

    told, view = asyncio.run(story())
    assert told == run_words(view).sentence == "Cancelled. Nothing was sent."
    assert view.state is RunState.CANCELLED
    assert vendor.submit_count == 0


def test_a_wish_to_cancel_while_sending_is_carried_out_afterwards(open_world, make_vendor):
    vendor = make_vendor(cancels=[ok(request_id="req-1", status="cancelled", outcome="cancelled")])
    sending, may_answer = held_up(vendor)

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling()
            await sending.wait()
            told = cancel_words(await world.runner.cancel(run_id, "ann"))
            may_answer.set()
            return told, await world.end(run_id)

    told, view = asyncio.run(story())
    assert "being sent at this moment" in told
    assert view.state is RunState.CANCELLED
    assert vendor.count("cancel") == 1


def test_no_token_and_no_address_is_written_down(open_world, make_vendor, tmp_path):
    vendor = make_vendor(
        results=[
            ok(
                request_id="req-1",
                status="succeeded",
                output={"video": "https://files.runcomfy.net/v.mp4?Signature=s3cret"},
            )
        ]
    )
    view = run_once(open_world, vendor, token=VISITORS)
    assert view.state is RunState.COMPLETED
    sqlite3.connect(tmp_path / "data" / "ledger.sqlite").execute("PRAGMA wal_checkpoint").close()
    written = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"req-1" in written
    for secret in (TOKEN, VISITORS.get_secret_value(), "s3cret"):
        assert secret.encode() not in written


def test_a_run_can_be_watched_while_the_ledger_cannot_be_read(open_world, make_vendor):
    async def story():
        async with open_world(make_vendor(statuses=[status("in_progress")])) as world:
            run_id = await world.start(EngineName.KLING)
            await world.until(run_id, RunState.IN_PROGRESS)
            ask, world.context.ledger.ask = world.context.ledger.ask, unreadable
            try:
                assert (await world.runner.view(run_id, "ann")).state is RunState.IN_PROGRESS
                with pytest.raises(RunError):
                    await world.runner.view(run_id, "eve")
            finally:
                world.context.ledger.ask = ask

    async def unreadable(_):
        raise LedgerError("The ledger of runs cannot be read or written.")

    asyncio.run(story())
